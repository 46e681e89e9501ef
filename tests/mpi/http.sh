#!/bin/bash
# Resource files from a server: each is asked for once, whatever the number of
# tasks and ranks; what passes is tried again; what does not fails its tasks in
# Azure's words, and no others.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 32
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

# ---- What is counted while files come and go ----
# the files that three tasks wait for hold the one stream, which others need to
# store theirs: as many as have come before those that keep the slots
for n in 0 2; do
    rm -rf go stored
    mkdir stored
    cat >count.yaml <<EOF
storage: {containers: {stored: stored}, max_concurrent_streams: 1}
pool: {task_slots_per_node: 2}
jobs:
  - id: wait
    sweep: {parameters: {i: [1, 2, 3]}}
    task: {command_line: "true", resource_files: [{http_url: "$base/until/1$n?$PWD/go", file_path: "{i}"}]}
  - id: store
    sweep: {parameters: {i: [1, 2, 3, 4, 5, 6]}}
    task: {command_line: ": >{i}", output_files: [{file_pattern: "*", destination: {container: {container_name: stored}}}]}
  - id: run
    sweep: {parameters: {i: [1, 2, 3, 4]}}
    task: {command_line: "until test -e $PWD/go; do sleep 0.05; done", task_directory: true}
  - id: last
    sweep: {parameters: {i: {range: {from: 1, to: 16}}}}
    task: {command_line: "sleep 0.3; : >last-{i}", output_files: [{file_pattern: "*", destination: {container: {container_name: stored}}}]}
EOF
    how=(run)
    [ "$n" = 0 ] || how=(launch -n "$n")
    TERM=xterm "$PYTHON" "$tools/terminal.py" -c 120 -o "count$n" "$MPIBATCH" "${how[@]}" -o "count$n.run" count.yaml &
    pid=$!
    counted() { "$MPIBATCH" status --json "count$n.run" >status.json 2>&1 && [ "$(json status.json "$right")" = True ]; }
    right='d["slots"]["busy"] == 2 and all(
        t["running"] <= 2 and sum(t[k] for k in t if k not in ("total", "retried", "invalid")) == t["total"]
        for t in [d["tasks"]] + [j["tasks"] for j in d["jobs"]]
    ) and [d["tasks"][k] for k in ("running", "preparing")] == [2, 3] and 0 < d["tasks"]["storing"] < 7'
    ok "$n ranks: running, preparing and storing are told apart" eventually 30 counted || note "$(<status.json)"
    like "$("$MPIBATCH" status "count$n.run")" " 29 tasks: 0 succeeded, 0 failed, 2 running, 3 preparing, [1-6] storing, [0-9]+ to go
  2/2 slots busy" "$n ranks: status says so"
    sleep 1
    : >go
    finish
    like "$rc $(grep -c "2 running, 3 preparing, [1-6] storing, 0 failed.* 2/2 slots" "count$n.live")" "^0 [1-9]" "$n ranks: and the line on the terminal" || note "$(cat -v "count$n.live")"
    is "$(grep -E "[^0-9]([3-9]|[1-9][0-9]+) running" "count$n.live")" "" "$n ranks: never more running than there are slots"
done
