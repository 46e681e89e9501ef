#!/bin/bash
# What people ask of a running session through its inbox, under mpirun: jobs and
# tasks; what is refused; what lasts into the next session.
. "$TEST_SRCDIR/tests/lib.sh"
plan 18
cat >life.yaml <<'EOF'
pool: {task_slots_per_node: 2}
jobs:
  - id: long
    tasks:
      - {id: a, command_line: "echo a >>log; until test -e go; do sleep 0.05; done"}
      - {id: b, command_line: "echo b >>log; until test -e go; do sleep 0.05; done"}
      - {id: c, command_line: "echo c >>log; test -e good"}
  - id: other
    tasks:
      - {id: x, command_line: "echo x >>log"}
EOF
# tell JSON: ask the session of life.run; the answer, in one line
number=0
tell() {
    number=$((number + 1))
    local id; id=$(printf '%032d' $number)
    echo "{\"version\": 2, $1}" >life.run/inbox/$id.tmp
    mv life.run/inbox/$id.tmp life.run/inbox/$id.ask
    eventually 20 test -e life.run/inbox/$id.answer
    jq -r 'if .error then .error.code + ": " + .error.message else .text end' life.run/inbox/$id.answer
    rm -f life.run/inbox/$id.*
}
start 2 life.yaml
ok "two tasks run" eventually 30 has_lines 2 log
is "$(tell '"ask": "job", "do": "disable", "job_id": "long", "how": "requeue"')" "job long is disabled" "a job is disabled"
finish 60
is "$rc" 3 "a session with nothing but disabled jobs left ends"
like "$(<run.out)" "job long is disabled: .*--enable long" "and says how to go on"
is "$("$MPIBATCH" status --json life.run | jq -r '.jobs[] | .id + " " + .state' | xargs)" "long disabled other completed" "the other job is completed"
is "$(sort log | xargs)" "a b x" "nothing else has run"
run 2 life.yaml
is "$rc $(sort log | xargs)" "3 a b x" "the next session leaves it disabled"
run 2 life.yaml --enable nobody
like "$rc $(<run.out)" "^2 .*--enable: life.yaml has no job nobody" "--enable: no such job"

start 2 life.yaml --enable long
ok "enabled, they run again" eventually 30 has_lines 5 log
like "$(tell '"ask": "job", "do": "disable", "job_id": "other"')" "^JobCompleted: " "what has ended is not disabled"
is "$(tell '"ask": "job", "do": "disable", "job_id": "nobody"')" "JobNotFound: this run has no job nobody" "no such job"
is "$(tell '"ask": "task", "do": "terminate", "job_id": "long", "task_id": "z"')" "TaskNotFound: job long has no task z" "no such task"
is "$(tell '"ask": "task", "do": "terminate", "job_id": "long", "task_id": "a"')" "task long/a is terminated" "a task is terminated"
ok "the next one starts" eventually 30 has_lines 6 log
is "$(tell '"ask": "node", "do": "online", "node": "nowhere"')" "NodeNotFound: this session has no node nowhere" "no such node"
like "$(tell '"ask": "job", "do": "disable"')" "^InvalidRequestBody: .*job_id is missing" "malformed"
is "$(tell '"ask": "job", "do": "terminate", "job_id": "long", "why": "enough"')" "job long is terminated" "a job is terminated"
finish 60
is "$rc $("$MPIBATCH" status --json life.run | jq -r '.jobs[0] | .state + " " + .end + " " + .why')" "1 completed UserTerminate enough" "for the reason that was given"
