#!/bin/bash
# Downloads from a server that misbehaves: what passes is tried again, what
# does not is told in a word.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
command -v python3 >found || skip_all "python3 is not there"
fetch=$TEST_BUILDDIR/tests/unit/stage/fetch
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY CURL_CA_BUNDLE \
    SSL_CERT_FILE SSL_CERT_DIR
export no_proxy='*' HOME=$PWD
plan 48

# serve NAME [CERTIFICATE KEY]: sets port
serve() {
    mkfifo "$1.in"
    python3 "$tools/server.py" "$1.log" "${@:2}" <"$1.in" >"$1.port" &
    exec {hold}>"$1.in"
    for ((i = 0; i < 100; i++)); do
        [ -s "$1.port" ] && break
        sleep 0.05
    done
    port=$(<"$1.port")
}
serve plain
base=http://127.0.0.1:$port
# get PATH [OPTION VALUE]...: sets got
get() { got=$(limited 20 "$fetch" "$base$1" out "${@:2}" 2>&1); }
# same N: out is the file of n bytes
same() { python3 - "$1" <<'PY'
import sys
n = int(sys.argv[1])
piece = b"".join(b"%07d\n" % i for i in range(1 << 13))
sys.exit(open("out", "rb").read() != (piece * (n // len(piece) + 1))[:n])
PY
}
asked() { grep -c " $1 " plain.log; }

get /file/3000000
is "$got" 'ok 3000000 3000000 1 "v1"' "a file comes"
ok "and is what it is" same 3000000
get /file/70000 piece 3
is "$got" 'ok 70000 70000 1 "v1"' "in pieces of any size"
get /chunked/70000
is "$got" "ok 70000 18446744073709551615 1 " "its size need not be known"
ok "and it is what it is" same 70000
get /empty
is "$got" "ok 0 0 1 " "a file may be empty"
get /to-ok/5000
is "$got" 'ok 5000 5000 2 "v1"' "redirects are followed"
get /slow/8000 stall 1
is "$got" 'ok 8000 8000 1 "v1"' "what is slow is not what stalls"

get /drop/100000
is "$got" 'ok 100000 100000 4 "v1"' "what breaks off goes on where it was"
ok "and is what it is" same 100000
is "$(grep '/drop/100000' plain.log | cut -d' ' -f3 | paste -sd' ')" \
    "- bytes=33333- bytes=66666- bytes=99999-" "only the rest is asked for"
get /dated/100000
is "$got" "ok 100000 100000 2 Sat, 01 Jan 2022 00:00:00 GMT, 100000 bytes" \
    "also by Last-Modified"
ok "and is what it is" same 100000
get /drop-plain/90000
is "$got" "ok 90000 90000 3 " "what has no version comes again, and is compared"
ok "and is what it is" same 90000
get /drop-norange/90000
is "$got" 'ok 90000 90000 3 "v1"' "also from a server that knows no ranges"
ok "and is what it is" same 90000
get /change/90000
like "$got" "^ESTALE .*changed while it was fetched" "a change is seen by ETag"
get /change-silent/90000
like "$got" "^ESTALE .*changed while it was fetched" "and by its bytes"
get /shrink/90000
like "$got" "^ESTALE .*changed while it was fetched" "and by its size"
get /other-part/90000
like "$got" "^EIO .*another part" "another part than asked for is no part"

get /flaky/5000
is "$got" "ok 5000 5000 3 " "errors of the server pass"
get /reset/5000
is "$got" "ok 5000 5000 1 " "and connections that are cut"
start=$(date +%s%N)
get /busy/5000
is "$got" "ok 5000 5000 2 " "and what says so itself"
ok "after the time that it says" test $(($(date +%s%N) - start)) -gt 900000000
get /status/500 retries 2
like "$got" "^EIO cannot fetch $base/status/500: the server says 500" \
    "an error that stays is told"
is "$(asked /status/500)" 3 "after as many tries as there are"
get /short/5000 retries 2
like "$got" "^EIO .*/short/5000: " "a body that is too short is no file"

get /status/404
like "$got" "^ENOENT cannot fetch $base/status/404: the server says 404 .not found." \
    "what is not there is told at once"
is "$(asked /status/404)" 1 "without a second try"
get /status/410
like "$got" "^ENOENT .*410 .gone." "what is gone, too"
get /status/403
like "$got" "^EACCES .*403 .forbidden." "what is forbidden, too"
get /status/401
like "$got" "^EACCES .*401" "what wants to know who asks, too"
get /stall/5000 stall 1 retries 1
like "$got" "^ETIMEDOUT .*nothing came for 1 seconds" "what stalls is given up"
get /status/504 retries 0
like "$got" "^ETIMEDOUT .*504" "what times out behind the server, too"
get /to-file
like "$got" "^EIO .*/to-file: it redirects to where we do not follow" \
    "no redirect leads to a file"
get /to-ftp
like "$got" "^EIO .*redirects to where" "or to another scheme"
get /to-loop
like "$got" "^EIO .*redirects" "or in a circle for ever"
get /huge max 1000000
like "$got" "^EFBIG .*larger than there is room" "what is too large is not begun"
get /endless max 3000000
like "$got" "^EFBIG .*larger than there is room" "nor goes on"
start=$(date +%s%N)
get /silent stop-after 300
is "${got%% *} $((($(date +%s%N) - start) / 1000000 < 1300))" "ECANCELED 1" \
    "what is cancelled ends within a second"

got=$("$fetch" "http://me:wrong@127.0.0.1:$port/auth/9?key=hidden#x" out)
is "$got" "EACCES cannot fetch http://127.0.0.1:$port/auth/9?...: the server says 401 (who are you?)" \
    "no password and no query is shown"
printf 'machine 127.0.0.1 login me password secret\n' >.netrc
chmod 600 .netrc
get /auth/9
is "$got" "ok 9 9 1 " "passwords come from .netrc"
got=$("$fetch" file:///etc/passwd out)
like "$got" "^EINVAL file:///etc/passwd is no http" "other schemes are none"
got=$(env -u no_proxy http_proxy="127.0.0.1:$port" "$fetch" http://nowhere.invalid/to-ok/7 out)
like "$(tail -1 plain.log)" "^GET http://nowhere.invalid/" "proxies are used"

if openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>errors; then
    serve secure cert.pem key.pem
    base=https://127.0.0.1:$port
    get /file/5000 retries 0
    like "$got" "^EIO .*certificate" "a certificate that nobody knows is refused"
    export SSL_CERT_FILE=$PWD/cert.pem
    get /file/5000
    like "$got" '^ok 5000 5000 1 "v1"' "one that the environment names is taken"
    get /to-http
    like "$got" "^EIO .*from https only https" "no redirect leads from https to http"
else
    skip 3 "openssl is not there"
fi
