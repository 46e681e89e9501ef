#!/usr/bin/env python3
"""Run a command on a terminal of its own.

terminal.py [OPTION]... COMMAND...     returns its exit code
  -c COLUMNS     the terminal's width (80)
  -k S:KEYS      S seconds after the start, type KEYS (\\x03: Ctrl-C)
  -K REGEX:KEYS  when the terminal has shown that, type KEYS
  -w FILE:LINES  the start is when FILE has so many lines
  -r S:COLUMNS   S seconds after the start, make it so wide
  -o FILE        write what came, as it came, to FILE, and to
                 FILE.screen   the lines that are left on the screen
                 FILE.live     the texts that were drawn over, a line each
"""
import getopt
import os
import pty
import re
import select
import struct
import sys
import termios
import time
import fcntl


def screen(data, columns):
    """The lines on a terminal, lines that were wrapped, live texts."""
    lines, row, column, live = [""], 0, 0, []
    text = data.decode(errors="replace")
    for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|.", text, re.S):
        line = lines[row]
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part == "\x1b[K":
            if line[column:]:
                live.append(line)
            lines[row] = line[:column]
        elif part[0] == "\x1b":
            if part[-1] != "m":
                sys.exit(f"terminal.py: not known: {part!r}")
        else:
            if column == columns:  # it wraps
                row, column = row + 1, 0
                lines += [""] * (row == len(lines))
                line = lines[row]
            lines[row] = line[:column].ljust(column) + part + line[column + 1:]
            column += 1
    return lines, live


def resize(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def has_lines(path, count):
    try:
        with open(path, "rb") as file:
            return len(file.readlines()) >= count
    except OSError:
        return False


def main():
    options, command = getopt.getopt(sys.argv[1:], "c:k:K:w:r:o:")
    values = dict(options)
    columns = int(values.get("-c", 80))
    timed, shown = [], []
    for name, value in options:
        if name in ("-k", "-K"):
            when, keys = value.rsplit(":", 1)
            keys = keys.encode().decode("unicode_escape").encode()
            (timed if name == "-k" else shown).append((when, keys))
    resizes = [v.split(":") for n, v in options if n == "-r"]
    awaited = values.get("-w", "").rsplit(":", 1)
    waits = "-w" in values
    pid, fd = pty.fork()
    if pid == 0:
        resize(1, columns)
        os.environ.setdefault("TERM", "xterm")
        os.execvp(command[0], command)
    resize(fd, columns)
    begun, data = time.monotonic(), b""
    while True:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                more = os.read(fd, 65536)
            except OSError:
                more = b""
            if not more:
                break
            data += more
        if waits and has_lines(awaited[0], int(awaited[1])):
            begun, waits = time.monotonic(), False
        now = -1 if waits else time.monotonic() - begun
        for at, keys in [t for t in timed if now >= float(t[0])]:
            os.write(fd, keys)
            timed.remove((at, keys))
        for at, width in [r for r in resizes if now >= float(r[0])]:
            resize(fd, int(width))
            resizes.remove([at, width])
        for regex, keys in [s for s in shown if re.search(s[0].encode(), data)]:
            os.write(fd, keys)
            shown.remove((regex, keys))
    status = os.waitpid(pid, 0)[1]
    lines, live = screen(data, columns)
    if "-o" in values:
        with open(values["-o"], "wb") as file:
            file.write(data)
        for suffix, texts in (".screen", lines), (".live", live):
            with open(values["-o"] + suffix, "w") as file:
                file.writelines(line + "\n" for line in texts)
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


main()
