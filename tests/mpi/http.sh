#!/bin/bash
# Resource files from a server: each is asked for once, whatever the number of
# tasks and ranks; what passes is tried again; what does not fails its tasks in
# Azure's words, and no others.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 24
mkdir tmp
export TMPDIR=$PWD/tmp no_proxy='*'
unset http_proxy https_proxy all_proxy SLURM_TMPDIR
mkfifo hold
"$PYTHON" "$tools/server.py" server.log <hold >port &
exec {hold}>hold
eventually 5 test -s port
base=http://127.0.0.1:$(<port)
asked() { grep -c "^GET $1" server.log; }

cat >many.yaml <<EOF
pool: {task_slots_per_node: 4}
jobs:
  - id: many
    sweep: {parameters: {n: [$(seq -s, 0 39)]}}
    task:
      resource_files:
        - {http_url: "$base/file/300000?key=hidden", file_path: all}
        - {http_url: "$base/chunked/{n}", file_path: "own/{n}"}
      command_line: cat all own/{n} | wc -c
EOF
for n in 0 3; do
    : >server.log
    run "$n" -o "many$n.run" many.yaml
    is "$rc" 0 "$n ranks: files come from a server" || note "$(tail run.out)"
    is "$("$MPIBATCH" logs 33 "many$n.run")" 300033 "$n ranks: whole"
    is "$(asked /file/)" 1 "$n ranks: one that all tasks need is asked for once"
    is "$(asked /chunked/)" 40 "$n ranks: and each other one, too"
    unlike "$(cat run.out)" hidden "$n ranks: what may be secret in a URL is not shown"
done
is "$(grep -c hidden server.log)" 1 "the server gets it"

sum=$("$PYTHON" - <<'PY'
import hashlib
print(hashlib.sha256(b"".join(b"%07d\n" % i for i in range(100))).hexdigest())
PY
)
cat >odd.yaml <<EOF
jobs:
  - id: odd
    tasks:
      - {id: drop, command_line: wc -c f, resource_files: [{http_url: "$base/drop/90000", file_path: f}]}
      - {id: flaky, command_line: wc -c f, resource_files: [{http_url: "$base/flaky/800", file_path: f}]}
      - {id: sum, command_line: wc -c f, resource_files: [{http_url: "$base/file/800", file_path: f, checksum: "sha256:$sum"}]}
      - {id: redirect, command_line: wc -c f, resource_files: [{http_url: "$base/to-ok/70", file_path: f}]}
      - {id: gone, command_line: wc -c f, resource_files: [{http_url: "$base/status/404", file_path: f}]}
      - {id: forbidden, command_line: wc -c f, resource_files: [{http_url: "$base/status/403", file_path: f}]}
      - {id: changing, command_line: wc -c f, resource_files: [{http_url: "$base/change/90000", file_path: f}]}
      - {id: file, command_line: wc -c f, resource_files: [{http_url: "$base/to-file", file_path: f}]}
      - {id: other, command_line: wc -c f, resource_files: [{http_url: "$base/file/900", file_path: f, checksum: "sha256:$sum"}]}
EOF
run 3 -o odd.run odd.yaml
is "$rc" 1 "what cannot be had fails its tasks"
"$MPIBATCH" tasks odd.run --json >tasks.json
how() { json tasks.json "[(t['result'], t['reason']) for t in d['tasks'] if t['task_id'] == '$1'][0]"; }
for id in drop flaky sum redirect; do
    is "$(how $id)" "('success', 'none')" "$id: what passes is tried again"
done
like "$(grep "task gone " run.out)" "BlobNotFound.*$base/status/404: the server says 404" "gone: BlobNotFound"
like "$(grep "task forbidden " run.out)" "BlobAccessDenied.*403" "forbidden: BlobAccessDenied"
like "$(grep "task changing " run.out)" "BlobDownloadMiscError.*changed while it was" "changing: BlobDownloadMiscError"
like "$(grep "task file " run.out)" "BlobDownloadMiscError.*redirects to where" "file: no redirect to a file"
like "$(grep "task other " run.out)" "checksum|sha256" "other: a checksum that is not the file's"
is "$(how gone)" "('failure', 'pre_processing_error')" "these are errors before the command"
is "$(asked /status/404)" 1 "and not asked for twice"
is "$(ls -A tmp)" "" "nothing is left on scratch"
