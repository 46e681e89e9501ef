#!/bin/bash
# Memory limits under mpirun: what is over its limit is ended, with all that it
# has started, and nobody else is hurt.
. "$TEST_SRCDIR/tests/lib.sh"
plan 17

make_sleeper "hog-$$"
hog=$PWD/hog-$$
# state RUN TASK KEYS: of its last attempt
state() { "$MPIBATCH" tasks --json "$1" | jq -r --arg t "$2" ".tasks[] | select(.task_id == \$t) | [$3] | map(tostring) | join(\"|\")"; }

cat >m.yaml <<EOF
pool: {task_slots_per_node: 8, node_resources: {memory: 4GB}}
jobs:
  - id: a
    tasks:
      - {id: near1, command_line: sleep 2}
      - {id: near2, command_line: sleep 2, required_resources: {memory: 100MB}}
      - {id: one, command_line: (head -c 300000000 /dev/zero; $hog 60) | tail, required_resources: {memory: 100MB}}
      - id: many
        command_line: 'for i in 1 2 3 4 5; do (head -c 40000000 /dev/zero; $hog 60) | tail & done; wait'
        required_resources: {memory: 100MB}
      - id: away
        command_line: '(setsid sh -c "(head -c 300000000 /dev/zero; $hog 60) | tail" &); $hog 60'
        required_resources: {memory: 100MB}
      # seven processes, and all have the same pages
      - id: shared
        command_line: 'x=\$(head -c 40000000 /dev/zero | tr "\\0" a); for i in 1 2 3 4 5 6 7; do (sleep 1; :) & done; wait'
        required_resources: {memory: 250MB}
      - {id: told, command_line: 'echo \$MPIBATCH_MEMORY_BYTES', required_resources: {memory: 100MB}}
EOF
run 2 m.yaml
is "$rc" 1 "some are over their limit"
for task in one many away; do
    is "$(state m.run $task .reason,.failure_code)" "memory|TaskEnded" "over its limit: $task"
    like "$(state m.run $task .message)" '^it used [0-9.]+ [MG]iB in [0-9]+ process(es)?; its limit is 95\.4 MiB$' "what it used is said"
    ok "that is its peak" [ "$(state m.run $task .max_rss_bytes)" -gt 100000000 ]
done
is "$(state m.run near1 .result)$(state m.run near2 .result)" successsuccess "neighbours are not hurt"
is "$(state m.run shared .result)" success "what several processes share counts once"
is "$("$MPIBATCH" logs told m.run)" 100000000 "a task is told its limit"
ok "nobody is left" eventually 5 nobody_has "$hog"
like "$(<run.out)" "task one of job a: over its memory: it used" "people are told"

# --- what is asked for is there: two of four at once
cat >c.yaml <<'EOF'
pool: {task_slots_per_node: 8, node_resources: {memory: 1GB}}
jobs:
  - id: a
    sweep: {parameters: {i: {range: {from: 1, to: 4}}}}
    task:
      command_line: 'echo +1 >>log; sleep 0.3; echo -1 >>log'
      required_resources: {memory: 400MB}
EOF
run 2 c.yaml
is "$rc $(wc -l <log)" "0 8" "four tasks, memory for two"
is "$(awk '{ n += $1; if (n > most) most = n } END { print most }' log)" 2 "two at once"
