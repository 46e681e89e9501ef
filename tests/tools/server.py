#!/usr/bin/env python3
"""A web server for tests, on loopback, that misbehaves as its paths say.

server.py LOG [CERTIFICATE KEY]   prints its port; a line a request goes to LOG
                                  (method, path, range); runs until stdin ends

The file is what content(n) says: n bytes, always the same.
"""
import http.server
import os
import re
import socket
import socketserver
import ssl
import sys
import threading
import time

LOG = open(sys.argv[1], "a", buffering=1)
SECURE = len(sys.argv) > 3
seen = {}


def content(n, kind=0):
    piece = b"".join(b"%07d\n" % (i + kind) for i in range(1 << 13))
    return (piece * (n // len(piece) + 1))[:n]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def head(self, status, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status, *headers):
        body = b"<html>no</html>" * 100
        self.head(status, ("Content-Length", str(len(body))), *headers)
        self.wfile.write(body)

    def drop(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def give(self, data, etag=None, cut=None, ranges=True, modified=None):
        """data, from where it is asked for; cut after so many bytes."""
        headers = []
        if etag:
            headers.append(("ETag", etag))
        if modified:
            headers.append(("Last-Modified", modified))
        start, status = 0, 200
        m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if m and ranges and self.headers.get("If-Range") in (etag, modified):
            start, status = int(m.group(1)), 206
            headers.append(("Content-Range",
                            f"bytes {start}-{len(data) - 1}/{len(data)}"))
        data = data[start:]
        self.head(status, ("Content-Length", str(len(data))), *headers)
        self.wfile.write(data if cut is None else data[:cut])
        if cut is not None and cut < len(data):
            self.drop()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        LOG.write(f"{self.command} {self.path} "
                  f"{self.headers.get('Range', '-')}\n")
        parts = path.strip("/").split("/")
        n = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 100000
        times = seen[self.path] = seen.get(self.path, 0) + 1
        try:
            getattr(self, "do_" + parts[0].replace("-", "_"))(n, times)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_file(self, n, times):
        self.give(content(n), etag='"v1"')

    def do_plain(self, n, times):
        self.give(content(n))

    def do_dated(self, n, times):
        self.give(content(n), modified="Sat, 01 Jan 2022 00:00:00 GMT",
                  etag='W/"weak"', cut=n // 2 if times == 1 else None)

    def do_drop(self, n, times):
        self.give(content(n), etag='"v1"', cut=n // 3)

    def do_drop_plain(self, n, times):
        self.give(content(n), cut=n * times // 3)

    def do_drop_norange(self, n, times):
        self.give(content(n), etag='"v1"', cut=n * times // 3, ranges=False)

    def do_change(self, n, times):
        self.give(content(n, times), etag=f'"v{times}"', cut=n // 3)

    def do_change_silent(self, n, times):
        self.give(content(n, times), cut=n * times // 3)

    def do_shrink(self, n, times):
        self.give(content(n // times), cut=n // 2 if times == 1 else None)

    def do_other_part(self, n, times):
        if times == 1:
            return self.give(content(n), etag='"v1"', cut=n // 3)
        self.head(206, ("Content-Length", "10"), ("ETag", '"v1"'),
                  ("Content-Range", f"bytes 0-9/{n}"))
        self.wfile.write(content(10))

    def do_short(self, n, times):
        self.give(content(n), etag='"v1"', cut=0 if times > 1 else n // 2)

    def do_stall(self, n, times):
        self.head(200, ("Content-Length", str(n)))
        self.wfile.write(content(n // 2))
        self.wfile.flush()
        time.sleep(30)

    def do_silent(self, n, times):
        time.sleep(30)

    def do_slow(self, n, times):
        self.head(200, ("Content-Length", str(n)), ("ETag", '"v1"'))
        data = content(n)
        for i in range(0, n, n // 8):
            self.wfile.write(data[i:i + n // 8])
            self.wfile.flush()
            time.sleep(0.3)

    def do_until(self, n, times):
        """When the file that the query names is there."""
        while not os.path.exists(self.path.partition("?")[2]):
            time.sleep(0.05)
        self.give(content(n))

    def do_status(self, n, times):
        self.refuse(n)

    def do_flaky(self, n, times):
        if times <= 2:
            return self.refuse((500, 502)[times - 1])
        self.give(content(n))

    def do_busy(self, n, times):
        if times == 1:
            return self.refuse(503, ("Retry-After", "1"))
        self.give(content(n))

    def do_reset(self, n, times):
        if times == 1:
            return self.drop()
        self.give(content(n))

    def do_huge(self, n, times):
        self.head(200, ("Content-Length", str(1 << 50)))
        for _ in range(1000):
            self.wfile.write(content(1 << 20))

    def do_endless(self, n, times):
        self.head(200, ("Transfer-Encoding", "chunked"))
        while True:
            self.wfile.write(b"100000\r\n" + content(1 << 20) + b"\r\n")

    def do_chunked(self, n, times):
        self.head(200, ("Transfer-Encoding", "chunked"))
        data = content(n)
        for i in range(0, n, 5000):
            piece = data[i:i + 5000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def do_empty(self, n, times):
        self.give(b"")

    def do_auth(self, n, times):
        if self.headers.get("Authorization") != "Basic bWU6c2VjcmV0":
            return self.refuse(401, ("WWW-Authenticate", 'Basic realm="x"'))
        self.give(content(n))

    def do_to_ok(self, n, times):
        self.refuse(302, ("Location", f"/file/{n}"))

    def do_to_loop(self, n, times):
        self.refuse(302, ("Location", self.path))

    def do_to_file(self, n, times):
        self.refuse(302, ("Location", "file:///etc/passwd"))

    def do_to_ftp(self, n, times):
        self.refuse(302, ("Location", "ftp://127.0.0.1/x"))

    def do_to_http(self, n, times):
        self.refuse(301, ("Location", "http://127.0.0.1:1/x"))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        pass


server = Server(("127.0.0.1", 0), Handler)
if SECURE:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
