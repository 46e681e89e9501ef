#!/bin/bash
# A session that is killed while it makes results.h5 for the last time: the
# next one finds nothing to run, but makes results.h5 and status.json whole.
. "$TEST_SRCDIR/tests/lib.sh"
plan 11

cat >sweep.yaml <<'EOS'
jobs:
  - sweep: {parameters: {n: [1, 2, 3, 4]}}
    task: {command_line: "echo {n} >>log"}
EOS
run 0 sweep.yaml --limit 2
is "$rc" 3 "two of four tasks"
cp sweep.run/results.h5 sweep.run/status.json .
run 0 sweep.yaml
is "$rc" 0 "all of them"
sum=$(sum <sweep.run/results.h5)
run 0 sweep.yaml
is "$rc $(sum <sweep.run/results.h5)" "0 $sum" "again: results.h5 is left alone"

cp results.h5 sweep.run/
sed -i 's/"finished"/"running"/' status.json
cp status.json sweep.run/
touch sweep.run/results.h5
run 0 sweep.yaml
is "$rc $(sort log | xargs)" "0 1 2 3 4" "nothing ran again"
like "$(<run.out)" "all is done: 4 tasks succeeded" "it says that all is done"
unlike "$(cmp results.h5 sweep.run/results.h5 2>&1)" "^$" "but results.h5 was made again"
like "$("$MPIBATCH" status sweep.run)" "finished \(exit code 0\)" "and status says how it ended"
like "$("$MPIBATCH" status sweep.run)" "4 succeeded, 0 failed, 0 running" "with what all have come to"

cat >late.yaml <<'EOS'
pool: {task_slots_per_node: 1}
jobs:
  - constraints: {max_wall_clock_time: 1s}
    tasks:
      - {command_line: sleep 30}
      - {command_line: "true"}
EOS
run 0 late.yaml
is "$rc" 1 "a job over its time: 1"
run 0 late.yaml
is "$rc" 1 "again: 1"
like "$(<run.out)" "0 succeeded, 1 failed .*, 1 never run: the time of their job was over" "it says what never ran"
