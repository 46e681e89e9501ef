#!/bin/bash
# collect took files for metrics from the folder of the spec, also those of
# tasks with a directory of their own: what they had returned was missing, or
# the value was that of another file that had the same name.
. "$TEST_SRCDIR/tests/lib.sh"
plan 7

cat >run.yaml <<'EOF2'
jobs:
  - id: back
    sweep: {parameters: {x: [1, 2]}}
    task:
      command_line: mkdir sub; echo "a={x} b={x}{x}" >sub/out; head -c 100000 /dev/zero | tr '\0' a >big; echo "b={x}" >>big
      output_files: [{file_pattern: '**', return: true}]
    metrics:
      a: {from: {file: sub/out}, regex: 'a=(\d+)', type: int64}
  - id: kept
    sweep: {parameters: {x: [1, 2]}}
    task:
      command_line: echo "a={x} b={x}{x}" >out
      keep: all
    metrics:
      a: {from: {file: out}, regex: 'a=(\d+)', type: int64}
  - id: gone
    sweep: {parameters: {x: [1, 2]}}
    task:
      command_line: echo "a={x} b={x}{x}" >out
      task_directory: true
    metrics:
      a: {from: {file: out}, regex: 'a=(\d+)', type: int64}
EOF2
mkdir sub
echo 'a=666 b=666' | tee out >sub/out # not of any task
export TMPDIR=$PWD
run 0 run.yaml
is "$rc $(count run.run invalid)" "0 0" "the run" || note "$(<run.out)"
cat >add.awk <<'EOF2'
{ print }
/^      a:/ {
    sub("a:", "b:"); sub("a=", "b="); print
    if (/sub.out/) { sub("b:", "c:"); sub("sub/out", "big"); print }
}
EOF2
awk -f add.awk run.yaml >more.yaml
"$MPIBATCH" collect --spec more.yaml run.run >out.txt 2>&1
is "$?" 0 "collect" || note "$(<out.txt)" "$(<more.yaml)"
tasks() { "$MPIBATCH" tasks run.run --filter job="$1" --format csv --columns "$2" 2>&1 | tail -n +2 | xargs; }
is "$(tasks back a,b,c)" "1,11,1 2,22,2" "returned files, packed and not"
is "$(tasks kept a,b)" "1,11 2,22" "directories that are kept"
is "$(tasks gone a,b)" "1, 2," "what is gone: kept as recorded, nothing of others"
like "$("$MPIBATCH" tasks run.run --filter job=gone)" "x=1  metric b is missing" "the message is about what is missing"
like "$(<out.txt)" "2 values of files that are gone: kept as recorded" "and that is said"
