#!/bin/bash
# Asking a run under mpirun while it goes on: what runs, where, what has ended;
# and --rerun that is killed in the middle.
. "$TEST_SRCDIR/tests/lib.sh"
plan 15
cat >slow.yaml <<'XEOF'
pool: {task_slots_per_node: 2}
jobs:
  - id: job
    sweep: {parameters: {n: [1, 2, 3, 4, 5, 6, 7, 8]}}
    task: {command_line: "echo {n} >>log; echo out {n}; test {n} -lt 3 || until test -e go; do sleep 0.05; done; test {n} != 2 -a {n} != 7 || test -e good"}
XEOF
ask() { "$MPIBATCH" "$@" 2>err; }
start 2 slow.yaml
running() { [ "$(ask tasks slow.run --state running --format ids | wc -l)" = 2 ] && [ "$(ask tasks --failed --format ids slow.run)" = job/1 ]; }
ok "what runs, and what has failed by now" eventually 30 running || note "$(ask tasks slow.run)"
is "$(ask tasks slow.run --where 'n > 2 and state == "active"' --format ids | wc -l)" 4 "what waits"
like "$(ask task 2 slow.run)" "^task job/2: running for [0-9.]+.* on rank [01], attempt 1" "task: of a running one"
"$MPIBATCH" logs 2 slow.run >out 2>err
is "$? $(<out)$(<err)" "0 out 3mpibatch: attempt 1 runs: this is what it has printed by now" "logs: of a running one"
is "$(ask logs 0 slow.run)" "out 1" "logs: of one that has ended"
like "$(ask failures slow.run)" "1 task failed, 1 succeeded" "failures, so far"
like "$(ask plan slow.yaml)" "it would resume slow.run: 1 succeeded, 1 failed; 6 to run" "plan: what is left by now"
ask events -f --json slow.run >followed &
follower=$!
touch go
finish
is "$rc" 1 "the end"
ok "events -f ends with the run" eventually 20 gone "$follower"
is "$(tail -n 1 followed | jq -c '[.event, .exit_code]')" '["session_ended",1]' "and shows all to its end"
is "$(jq -rs '[.[] | select(.event == "ranks_joined") | .last_rank - .first_rank + 1] | add' followed)" 2 "both ranks joined"

# a rerun that is killed: the rest runs with the same command, nothing twice
rm -f go log
: >good
start 2 slow.yaml --rerun where 'n <= 2 or n >= 7'
ok "two have run again, two run" eventually 30 has_lines 4 log
eventually 5 has_lines 99 log # what has ended is journaled
kill -KILL "$pid"
eventually 20 gone "$pid"
eventually 20 test "$(left_behind 'mpibatch run slow.yaml')" = 0
touch go
run 2 slow.yaml
is "$rc $(count slow.run active) $(count slow.run succeeded)" "0 0 8" "resumed: all is done"
is "$(sort log | uniq -c | awk '{ print $2 }' | xargs)" "1 2 7 8" "those that were to run again, and no others"
is "$(ask tasks slow.run --where 'n > 2 and n < 7 and attempts == 1' --format ids | wc -l)" 4 "the others have run once"
