#!/bin/bash
# Tasks that are added while a session runs, under mpirun: by whom it is not
# one of its tasks, and by one; what is refused; what the next session knows.
. "$TEST_SRCDIR/tests/lib.sh"
plan 18
cat >grow.yaml <<'EOF'
pool: {task_slots_per_node: 2}
jobs:
  - id: fed
    on_all_tasks_complete: no_action
    task: {environment_settings: {WHO: "{task.id}"}}
    tasks: []
  - id: sweep
    sweep: {parameters: {n: [1, 2]}}
    task: {command_line: "echo {n} >>log"}
EOF
# tell JSON [FILE]: ask the session of grow.run, with what is in FILE; what is
# answered, and in ids what came with it
number=0
tell() {
    number=$((number + 1))
    local id; id=$(printf '%032d' $number)
    [ $# = 1 ] || cp "$2" "grow.run/inbox/$id.data"
    echo "{\"version\": 2, $1}" >"grow.run/inbox/$id.tmp"
    mv "grow.run/inbox/$id.tmp" "grow.run/inbox/$id.ask"
    eventually 20 test -e "grow.run/inbox/$id.answer"
    jq -r 'if .error then .error.code + ": " + .error.message else .text end' "grow.run/inbox/$id.answer"
    cat "grow.run/inbox/$id.data" >ids 2>/dev/null
    rm -f "grow.run/inbox/$id".*
}
add() { tell "\"ask\": \"add\", \"job_id\": \"$1\"" more.yaml; }

start 3 grow.yaml
ok "the sweep runs" eventually 30 has_lines 2 log
echo '[{id: a, command_line: "echo $WHO >>log"}, {id: b, command_line: "echo $WHO >>log; test -e good", depends_on: [a]}]' >more.yaml
is "$(add fed)" "2 tasks added to job fed" "two tasks are added"
is "$(xargs <ids)" "a b" "with their ids"
ok "they run" eventually 30 has_lines 4 log
is "$(sort log | xargs)" "1 2 a b" "as they are"
like "$(add fed)" "^InvalidRequestBody: added tasks:1:.*\"a\"" "an id that there is"
is "$(ls grow.run/added)" 000001.yaml "nothing of it is kept"
like "$(add nobody)" "^JobNotFound: " "no such job"
like "$(add sweep)" "^(JobCompleted|InvalidRequestBody): " "a sweep takes none"
echo '- {id: "c", command_line: "echo' >more.yaml
like "$(add fed)" "^InvalidRequestBody: added tasks:" "no YAML"
like "$(tell '"ask": "add", "job_id": "fed"')" "^InvalidRequestBody: no tasks came" "no tasks"
seq 1 2000 | sed 's/.*/- {id: "t&", command_line: "true"}/' >more.yaml
is "$(add fed) $(lines ids)" "2000 tasks added to job fed 2000" "many"
done_all() { [ "$("$MPIBATCH" status --json grow.run | jq .tasks.succeeded)" = 2003 ]; }
ok "all of them run" eventually 60 done_all
kill -TERM "$pid"
finish 60
is "$(jq .exit_code grow.run/status.json)" 3 "a job that waits for tasks is not over"
is "$("$MPIBATCH" tasks grow.run --format ids | wc -l)" 2004 "the run has them all"
start 2 grow.yaml
echo '[{id: z, command_line: "echo $WHO >>log"}]' >more.yaml
eventually 30 test -d grow.run/inbox
is "$(add fed)" "1 task added to job fed" "added in the next session"
ok "it runs" eventually 30 has_lines 5 log
tell '"ask": "job", "do": "terminate", "job_id": "fed", "why": "enough"' >/dev/null
finish 60
is "$rc $(jq -r '.jobs[0].tasks | [.total, .succeeded, .failed] | @csv' grow.run/status.json)" "1 2003,2002,1" "and the end"
