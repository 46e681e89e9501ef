#!/bin/bash
# The cache of a node, through the command line: kept for the next session, too
# small for all that is staged, shared with tasks by hard links, written to by
# one of them.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 15
mkdir -m 1777 tmp inputs user
chmod 755 .
export TMPDIR=$PWD/tmp
unset SLURM_TMPDIR
staged() { json "$1/status.json" "d['staging'].get('$2', 0)" 2>/dev/null; }
left() { find tmp -mindepth 1 -maxdepth 1 | wc -l; }

# --- kept
for i in 0 1 2; do head -c 200000 /dev/urandom >"inputs/f$i"; done
cat >keep.yaml <<EOF
storage: {root: "$PWD", containers: {inputs: inputs}}
pool: {cache: {keep: true, max_size: 10MiB}}
jobs:
  - id: j
    sweep: {parameters: {i: [0, 1, 2]}}
    task:
      resource_files: [{http_url: "file://$PWD/inputs/f{i}", file_path: f}]
      command_line: 'cmp f $PWD/inputs/f{i}'
EOF
run 2 keep.yaml -o keep1
is "$rc $(staged keep1 shared_opens)" "0 3" "the first session reads each file once" || note "$(cat run.out)"
is "$(left) $(ls -d tmp/mpibatch-*-cache-?????? | wc -l)" "1 1" "its cache stays, and nothing else"
run 2 keep.yaml -o keep2
is "$rc $(staged keep2 shared_opens)" "0 0" "the second reads none" || note "$(cat run.out)"
head -c 200000 /dev/urandom >inputs/f1
run 0 keep.yaml -o keep3
is "$rc $(staged keep3 shared_opens)" "0 1" "one that has changed is read again" || note "$(cat run.out)"
is "$(left)" 1 "there is one such cache"
rm -r "${TMPDIR:?}"/*

# --- smaller than all that is staged: each task gets its files all the same
for i in 0 1 2 3 4 5 6 7; do head -c 300000 /dev/urandom >"inputs/g$i"; done
cat >small.yaml <<EOF
storage: {root: "$PWD", containers: {inputs: inputs}}
pool: {task_slots_per_node: 4, cache: {max_size: 700KiB}}
jobs:
  - id: j
    sweep: {parameters: {i: [0, 1, 2, 3, 4, 5, 6, 7]}}
    task:
      resource_files: [{http_url: "file://$PWD/inputs/g{i}", file_path: g}]
      command_line: 'cmp g $PWD/inputs/g{i}'
EOF
run 2 small.yaml
is "$rc" 0 "a cache for two files of eight" || note "$(cat run.out)"
[ "$(staged small.run evictions)" -ge 5 ]
result "what was not used for longest goes" $? || note "$(cat small.run/status.json)"
is "$(left)" 0 "the scratch is removed"

# --- links: for a user whose tasks cannot write to what they share
cat >link.yaml <<EOF
storage: {root: "$PWD", containers: {inputs: inputs}}
pool: {task_slots_per_node: 1}
jobs:
  - id: j
    sweep: {parameters: {i: [0, 1, 2, 3]}}
    task:
      resource_files:
        - {auto_storage_container_name: inputs, blob_prefix: f0, file_path: ro, file_mode: "0440"}
        - {auto_storage_container_name: inputs, blob_prefix: f0, file_path: rw}
      command_line: |
        set -e
        cmp ro/f0 $PWD/inputs/f0
        cmp rw/f0 $PWD/inputs/f0
        stat -c "%a %h" ro/f0 rw/f0
        echo mine >>rw/f0
        if [ -e $PWD/evil ] && [ {i} = 1 ]; then chmod u+w ro/f0; echo evil >ro/f0
        else ! echo mine 2>/dev/null >>ro/f0; fi
EOF
chmod 644 inputs/*
if [ "$(id -u)" = 0 ]; then as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else as_user() { "$@"; }; fi
if as_user test -x "$MPIBATCH" && as_user test -r "$PWD/link.yaml"; then
    as_user "$MPIBATCH" run link.yaml -o user/link >run.out 2>&1
    is "$?" 0 "as a user: files with and without write permission" || note "$(cat run.out)"
    is "$(staged user/link links)" 4 "those without are hard links"
    like "$(as_user "$MPIBATCH" logs 0 user/link)" "^440 [2-9][^0-9]+770 1$" "as their mode says"
    # a task that breaks in: those that begin later get the file as it is
    touch evil
    sed -i 's/parameters: {i.*/parameters: {i: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]}}/; s/^        set -e/&; sleep 0.3/' link.yaml
    as_user "$MPIBATCH" run link.yaml -o user/evil --plain >run.out 2>&1
    like "$(<run.out)" "wrote to a file that it shares" "a task that writes to a file that it shares is noticed"
    like "$(as_user "$MPIBATCH" tasks --state succeeded --format ids user/evil)" "15" "and those behind it have the file as it is" || note "$(cat run.out)"
    [ "$(staged user/evil shared_opens)" -ge 2 ]
    result "which was read again" $? || note "$(cat user/evil/status.json)"
    is "$(left)" 0 "the scratch is removed"
else skip 7 "the program is not there for another user"; fi
