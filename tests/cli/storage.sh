#!/bin/bash
# mpibatch storage: files in and out of containers, whole or not at all.
. "$TEST_SRCDIR/tests/lib.sh"
plan 40

cat >s.yaml <<'END'
storage: {root: store, containers: {inputs: in, results: out, elsewhere: ../elsewhere}}
jobs: [{task: {command_line: ./a}}]
END
storage() { out=$("$MPIBATCH" storage "$@" 2>err.out); rc=$?; err=$(cat err.out); }
mkdir -p src/sub
seq 1000 >src/a; seq 10 >src/sub/b; : >src/empty
odd=$'odd\nname\e[31m'
echo odd >"src/$odd"

# ---- Listing, without and with folders ----
storage list s.yaml
like "$rc $out" "^0 inputs +$PWD/store/in  \(no such folder\)" "containers are listed"
storage list s.yaml inputs
like "$rc $err" "^1 .*there is no folder $PWD/store/in; mpibatch storage upload makes it" \
    "a container that is not there"

# ---- Upload ----
storage upload s.yaml inputs src
like "$rc $out" "^0 uploaded 4 files, 3.8 KiB, to inputs in" "a folder, with its name"
like "$err" "made container inputs: $PWD/store/in" "which makes the container, and says so"
ok "all of it is there" diff -r src store/in/src
is "$(stat -c %Y src/a)" "$(stat -c %Y store/in/src/a)" "with its times"
storage upload s.yaml inputs src
like "$rc $out" "^0 uploaded 0 files, 0 B, to inputs in .*; 4 were there already" \
    "what is the same stays"
echo changed >src/a
storage upload s.yaml inputs src
like "$rc $out" "^0 uploaded 1 file, 8 B, to inputs in .*; 3 were" "what has changed does not"
storage upload s.yaml inputs --all src
like "$rc $out" "^0 uploaded 4 files" "--all copies all"
storage upload s.yaml inputs/one src/a
is "$(cat store/in/one)" changed "one file gets the name that is given"
storage upload s.yaml inputs/two/ src/a src/sub/
is "$(cd store/in/two && echo *)" "a b" "several go to a folder, with / without its own name"
storage upload s.yaml inputs/three/ src/a --json
like "$(tr -d ' \n' <<<"$out")" \
    '^\{"version":1,"container":"inputs","files":1,"bytes":8,"same":0,"failed":0,"interrupted":false,"seconds":' \
    "JSON for programs"
storage upload s.yaml inputs src/a src/sub/../a
like "$rc $err" "^1 .*src/a and src/sub/../a would both become a" "two files of one name"
storage upload s.yaml inputs missing
like "$rc $err" "^1 .*cannot find missing: No such file" "a file that is not there"
storage upload s.yaml inputs /dev/null
like "$rc $err" "^1 .*/dev/null is neither a file nor a folder" "a device"
storage upload s.yaml input src/a
like "$rc $err" "^2 .*no container \"input\"; did you mean inputs" "a container that is not known"
storage upload s.yaml inputs/../x src/a
like "$rc $err" "^2 .*inputs/../x leads out of the container" "a name that leads out"

# ---- Links in a container ----
mkdir outside elsewhere
echo secret >outside/secret
ln -s "$PWD/outside" store/in/link
ln -s "$PWD/outside/secret" store/in/secret
ln -s one store/in/alias
storage upload s.yaml inputs/link/x src/a
like "$rc $err" "^1 .*link/x: a folder on the way to link/x is a link or a file" \
    "nothing is written through a link"
is "$(ls outside)" secret "nothing is"
storage upload s.yaml inputs/secret src/a
is "$rc $(cat outside/secret) $(cat store/in/secret)" "0 secret changed" \
    "a link gives way to the file, not what it leads to"
rm store/in/secret; ln -s "$PWD/outside/secret" store/in/secret
storage list s.yaml inputs
unlike "$out" "secret" "links that lead out are not listed"
like "$out" "  alias" "links within are"

# ---- Names ----
like "$out" 'src/odd\\x0aname\\x1b\[31m' "odd names are shown safely"
storage list s.yaml inputs/two --json
like "$(tr -d ' \n' <<<"$out")" '"files":\[\{"name":"two/a","bytes":8,"modified":"20[^"]*"\},\{"name":"two/b"' \
    "files as JSON"
storage list s.yaml --json
like "$(tr -d ' \n' <<<"$out")" '"name":"results","path":"[^"]*/store/out","exists":false' \
    "containers as JSON"

# ---- Download ----
storage download s.yaml inputs/src/ got
like "$rc $out" "^0 downloaded 4 files, 33 B, from inputs in" "files of a prefix"
ok "they are the same" diff -r src got
storage download s.yaml inputs/src/ got
like "$rc $out" "^0 downloaded 0 files, .*; 4 were there already" "once"
storage download s.yaml inputs/zzz got
like "$rc $err" "^1 .*there is no file whose name begins with zzz" "none that begins so"
mkdir got2; ln -s "$PWD/outside" got2/sub
storage download s.yaml inputs/src/sub got2
like "$rc $err" "^1 .*sub/b: a folder on the way" "a download stays in its folder, too"

# ---- Deletion ----
storage delete s.yaml inputs/one inputs/nothing inputs/two
like "$rc $out $err" "^1 deleted 1 file .*inputs/nothing: there is no such file.*inputs/two is a folder; --recursive" \
    "files are deleted, folders are not"
storage delete s.yaml inputs/link inputs/two --recursive
is "$rc $out $(cat outside/secret)" "0 deleted 2 files and folders secret" "folders are with --recursive, links do not lead there"
storage delete s.yaml inputs --recursive --json
is "$rc $(tr -d ' \n' <<<"$out") $(ls -A store/in)" '0 {"version":1,"deleted":4} ' "a container is emptied"

# ---- Interruption ----
# many files, so that there is time in between
mkdir many
seq 3000 | split -l 1 -a 4 - many/f
wait_files() { local i; for ((i = 0; i < 500; i++)); do
    [ "$(ls store/out/many 2>/dev/null | wc -l)" -ge "$1" ] && return; sleep 0.01; done; }
"$MPIBATCH" storage upload s.yaml results many >int.out 2>&1 &
wait_files 20; kill -INT $! 2>/dev/null; wait $!; rc=$?
like "$rc $(cat int.out)" "^1 .*interrupted: [0-9,]+ files? not copied; no part of one is left. The same command goes on" \
    "Ctrl-C ends an upload"
"$MPIBATCH" storage upload s.yaml results many >kill.out 2>&1 &
wait_files 1500; { kill -KILL $!; wait $!; } 2>/dev/null
there=$(ls -A store/out/many | wc -l)
whole() { local f; for f in store/out/many/*; do cmp -s "$f" "many/${f##*/}" || return 1; done; }
ok "what is there behind SIGKILL is whole" whole
MPIBATCH_TERMINAL=80 "$MPIBATCH" storage upload s.yaml results many >again.out 2>again.err; rc=$?
same=$(sed -n 's/.*; \([0-9]*\) were there already/\1/p' again.out)
is "$rc $(ls -A store/out/many | wc -l)" "0 3000" "the same command ends it"
ok "and leaves alone what was there" [ "$same" -ge $((there - 20)) ]
storage upload s.yaml results many
like "$out" "uploaded 0 files, 0 B, to results in .*; 3000 were there already" "then there is nothing to do"

# ---- A folder that takes no files, a spec without containers ----
echo 'jobs: [{task: {command_line: ./a}}]' >none.yaml
storage list none.yaml
like "$rc $err" "^2 .*none.yaml has no containers; it needs storage: \{containers: \{NAME: PATH\}\}" \
    "a job spec without containers"
: >file
sed 's|out,|../file,|' s.yaml >file.yaml
storage upload file.yaml results src/a
like "$rc $err" "^1 .*container results: cannot open .*/file: Not a directory" "a container that is a file"
