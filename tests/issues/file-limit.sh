#!/bin/bash
# Under a limit of the size of files (ulimit -f) mpibatch was ended by SIGXFSZ
# without a word. Tasks must have the signal as ever.
. "$TEST_SRCDIR/tests/lib.sh"
plan 4

cat >some.yaml <<'EOF'
jobs:
  - task: {command_line: head -c 300000 /dev/zero}
EOF
cat >signal.yaml <<'EOF'
jobs:
  - task: {command_line: "head -c 300000 /dev/zero >some.file"}
EOF
ulimit -S -f 100 -c 0
start 0 some.yaml
eventually 10 grep -q "File too large" run.out
result "that an output cannot be written is said" $? || note "$(cat run.out)"
kill -TERM $pid
finish 30
is "$rc" 3 "it can be stopped"
ulimit -S -f unlimited
run 0 some.yaml
is "$rc" 0 "and resumed where there is room"
ulimit -S -f 100
run 0 signal.yaml
like "$rc $(cat run.out)" "^1 .*(signal 25|exit code 153)" "a task over the limit gets its signal"
