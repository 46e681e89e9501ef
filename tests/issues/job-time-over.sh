#!/bin/bash
# When the time of a job was over, the summary said that the same command
# would resume its other tasks: it does not, no session runs them.
. "$TEST_SRCDIR/tests/lib.sh"
plan 3

cat >some.yaml <<'EOF'
jobs:
  - constraints: {max_wall_clock_time: 1s}
    task: {command_line: sleep 60, required_slots: 1}
    sweep: {parameters: {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}
pool: {task_slots_per_node: 1}
EOF
run 0 some.yaml
is "$rc" 1 "the job's time is over"
is "$(sed -n '/^  never/p; /again/p; /resume/p' run.out)" "  never run, as the time of their job was over: 8 tasks
  again, the failed ones: mpibatch run some.yaml --rerun failed" "the summary says what can be done, and nothing else"
run 0 some.yaml
like "$rc $(cat run.out)" "^1 .*all is done: .*8 never run" "the same command resumes nothing"
