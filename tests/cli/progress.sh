#!/bin/bash
# What people see of a run: the line on a terminal, plain lines elsewhere, each
# failure, the summary; and status and tasks while it goes on.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 71
export TERM=xterm
terminal() { "$PYTHON" "$tools/terminal.py" "$@"; } # see there
longest() { awk '{ if (length > n) n = length } END { print n + 0 }' "$1"; }

cat >some.yaml <<'EOF'
jobs:
  - id: scan
    sweep: {parameters: {n: [1, 2, 3, 4, 5], word: ["two words", plain]}}
    task:
      command_line: "sleep 0.5; test {n} != 3 || {{ echo to {word} >&2; seq 7 >&2; printf '\\033[31mred\\n' >&2; exit 5; }}"
EOF
line='(\[[#.]*\] )?[0-9]+/10 done'

# --- on a terminal: all at once, they sleep most of the time
on_terminal() { # NAME [TERMINAL-OPTION]... -- RUN-OPTION...
    local name=$1 options=(); shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    terminal ${options[@]+"${options[@]}"} -o "$name" "$MPIBATCH" run "$@" -o "$name.run" some.yaml &
    pids[$name]=$!
}
declare -A pids
for columns in 80 40 120; do on_terminal at-$columns -c $columns --; done
NO_COLOR=1 on_terminal no-color --
on_terminal never -- --color never
on_terminal narrower -c 120 -r 1.2:50 --
on_terminal plain -- --plain
on_terminal quiet -- --quiet
TERM=dumb on_terminal dumb --
for columns in 80 40 120; do
    tty=at-$columns
    wait "${pids[$tty]}"
    is "$?" 1 "terminal of $columns columns: the exit code is the run's"
    like "$(grep -c -E "^$line" $tty.live)" "^[2-9]$" "$columns: a line that is drawn over again and again" || note "$(cat -v $tty)"
    ok "$columns: it does not wrap" test "$(longest $tty.live)" -lt $columns
    is "$(grep -v -E "^$line \([0-9]+%\), [0-9]+ running, [0-9]+ failed(,|$)" $tty.live)" "" "$columns: nothing else is drawn over"
    is "$(grep -c -E "^$line" $tty.screen)" 0 "$columns: nothing of it is left"
    is "$(tail -c 3 $tty | od -An -tx1 | xargs)$(tail -n 1 $tty.screen)" '64 0d 0a' "$columns: the cursor is at the start of a line"
    is "$(tr -d '\r\n[:print:]' <$tty | fold -b -w 1 | sort -u)" $'\033' "$columns: no control bytes but its own"
    is "$(grep -o $'\033.[0-9;]*[A-Za-z]' $tty | sort -u | grep -v 32m)" $'\033[31m\n\033[K\n\033[m' "$columns: red, and green for the bar"
done
like "$(cat at-80)" $'\033\\[31merror:\033\\[m task .*, \033\\[31m[12] failed\033\\[m' "what has failed is red"
for tty in no-color never; do
    wait "${pids[$tty]}"
    is "$(grep -o $'\033.[0-9;]*[A-Za-z]' $tty | sort -u)" $'\033[K' "no colours: $tty"
done
like "$(sed -n 2p at-120.live)" "^\[#*\.*\] [0-9]+/10 done .*slots$" "120: with a bar, and everything"
wait "${pids[narrower]}"
ok "a terminal that is made narrower: the line follows" test "$(tail -n 1 narrower.live | wc -c)" -le 50
wait "${pids[dumb]}"
like "$(grep -c $'\033' dumb) $(grep -c -E "^mpibatch: $line" dumb)" "^0 [1-9]$" "TERM=dumb: plain lines"
wait "${pids[plain]}"
like "$(grep -c $'\033' plain) $(grep -c -E "^mpibatch: $line" plain)" "^0 [1-9]$" "--plain on a terminal: plain lines"
wait "${pids[quiet]}"
is "$(grep -c $'\033\\[K' quiet) $(grep -c -E "$line" quiet)" "0 0" "--quiet on a terminal: no line"

# --- elsewhere
rm -rf some.run
run 0 some.yaml
is "$rc $(grep -c $'\r\|\033' run.out)" "1 0" "no terminal: nothing for one"
like "$(head -n 1 run.out)" "^mpibatch: some: 10 tasks; 1 rank on 1 node; run directory some.run$" "the first line says what is about to happen"
like "$(grep -c -E "^mpibatch: $line \([0-9]+%\), [0-9]+ running, [0-9]+ failed" run.out)" "^[1-9]$" "plain lines"
host=$(hostname)
block=$(sed -n '/error: task 4 /,/by hand:/p' run.out)
like "$block" "^mpibatch: error: task 4 of job scan: exit code 5 \(attempt 1, [0-9]+ms, on $host\)
    n=3 word=two words
    \| 4
    \| 5
    \| 6
    \| 7
    \| .x1b\[31mred
    by hand: \(cd $PWD && .*\)$" "a failure: how, parameters, the last lines of stderr, the command"
is "$(bash -c "${block#*by hand: }" 2>&1 >/dev/null | sed -n 1p; bash -c "${block#*by hand: }" >/dev/null 2>&1; echo $?)" \
    $'to two words\n5' "the command does it again, as it is shown"
is "$(grep -A 5 '^mpibatch: some: 10 tasks:' run.out | sed -E 's/in [0-9.]+s on [0-9]+ slots?/in TIME on SLOTS/; s|scan/5, scan/4|scan/4, scan/5|')" \
    "mpibatch: some: 10 tasks: 8 succeeded, 2 failed
  10 tasks in TIME on SLOTS of 1 node
  exit code 5: 2 tasks (scan/4, scan/5)
  results: some.run/results.h5
  again, the failed ones: mpibatch run some.yaml --rerun failed" "the summary"
sed -i 's/sleep 0.5/sleep 0.05/' some.yaml
rm -rf some.run
run 0 --color always some.yaml
like "$(<run.out)" $'some: 10 tasks: 8 succeeded, \033\\[31m2 failed\033\\[m\n  10 tasks' "--color always, without a terminal"
rm -rf some.run
run 0 -q -o "with blank.run" some.yaml
is "$(grep -v '^    ' run.out | sed -E 's/^mpibatch: //; s/[ :].*//; /^$/d' | xargs)" "error error some" "--quiet: failures and the summary"
is "$(tail -n 1 run.out)" "  again, the failed ones: mpibatch run some.yaml -o 'with blank.run' --rerun failed" \
    "the command that reruns them can be pasted"

# --- many failures, of many sorts
cat >many.yaml <<'EOF'
jobs:
  - id: ok
    task: {command_line: echo 1}
    metrics: {x: {regex: '^x=(\d+)', type: int64}}
  - id: bad
    constraints: {max_task_retry_count: 1}
    sweep: {parameters: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]}}
    task: {command_line: "test {n} -gt 5 || kill -KILL $$; test {n} -gt 7 || exec ./missing; exit $(({n} % 2 + 1))"}
  - id: late
    task: {command_line: sleep 60, constraints: {max_wall_clock_time: 200ms}}
EOF
run 0 many.yaml
is "$rc $(grep -c 'error: task' run.out)" "1 10" "of many failures ten are shown"
is "$(grep -c 'more failures are counted, not shown; mpibatch tasks --failed many.run lists them' run.out)" 1 "it says so, once"
like "$(grep -A 20 'many: 17 tasks:' run.out)" "1 succeeded, 16 failed; 15 attempts tried again.*job ok +completed: 1 succeeded.*job bad +completed: 0 succeeded, 15 failed" "the summary has a line a job"
like "$(<run.out)" "signal 9 \(Killed\): 5 tasks \((bad/[0-4], ){4}\.\.\.\)" "failures are counted by what happened: signal"
like "$(<run.out)" "exit code 12[67]: 2 tasks \(bad/[56], bad/[56]\)" "exit codes of the shell"
like "$(<run.out)" "exit code 1: 4 tasks.*exit code 2: 4 tasks|exit code 2: 4 tasks.*exit code 1: 4 tasks" "exit codes"
like "$(<run.out)" "over the time limit: 1 task \(late/0\)" "time limits"
like "$(<run.out)" "metrics: 1 task succeeded with a metric missing, malformed or out of range" "metrics that were not found"
is "$("$MPIBATCH" tasks --failed many.run | wc -l)" 17 "tasks --failed lists them"
ok "the summary fits a screen" test "$(grep -A 99 'many: 17 tasks:' run.out | wc -l)" -le 24

# --- status and tasks, while it runs
cat >going.yaml <<'EOF'
pool: {task_slots_per_node: 2}
jobs:
  - id: a
    sweep: {parameters: {n: [1, 2, 3, 4, 5, 6]}}
    task: {command_line: "test {n} -lt 3 || until test -e go; do sleep 0.05; done; exit $(({n} == 2))"}
  - {id: b, task: {command_line: "true"}}
EOF
start 0 going.yaml
shows() { "$MPIBATCH" status --json going.run >status.json && "$PYTHON" -c "import json; d = json.load(open('status.json')); exit(d['tasks']['running'] != 2 or d['tasks']['succeeded'] != 1)"; }
ok "status --json shows what runs" eventually 20 shows
is "$(json status.json 'd["version"], d["name"], d["state"], d["exit_code"], d["session"], d["host"], d["pid"]')" \
    "(3, 'going', 'running', -1, 1, '$host', $pid)" "status --json: the run"
is "$(json status.json '[(t["succeeded"], t["failed"], t["running"], t["active"], t["total"]) for t in [d["tasks"]] + [j["tasks"] for j in d["jobs"]]]')" \
    "[(1, 1, 2, 3, 7), (1, 1, 2, 2, 6), (0, 0, 0, 1, 1)]" "status --json: counts, of all and of each job"
is "$(json status.json '[j["id"] + " " + j["state"] for j in d["jobs"]], d["slots"], d["ranks"], d["nodes"]["total"], d["nodes"]["states"]["running"]')" \
    "(['a active', 'b active'], {'total': 2, 'busy': 2}, {'total': 1, 'lost': 0}, 1, 1)" "status --json: jobs, slots, ranks, nodes"
like "$("$MPIBATCH" status going.run)" "^going: running, session 1, .* on $host \(pid $pid\)
  7 tasks: 1 succeeded, 1 failed, 2 running, 3 to go
  2/2 slots busy, 1 ranks? on 1 nodes?.*
  job a active: 1 succeeded, 1 failed, 2 running, 2 to go
  job b active: 0 succeeded, 0 failed, 0 running, 1 to go$" "status"
is "$("$MPIBATCH" status going.yaml)" "$("$MPIBATCH" status going.run)" "status takes the spec, too"
running() { "$MPIBATCH" tasks --json going.run >tasks.json; [ "$(grep -c running_since tasks.json)" = 2 ]; }
ok "tasks says what runs" eventually 20 running
is "$(json tasks.json '[(t["job_id"], t["task_index"], t["state"], t["attempts"]) for t in d["tasks"]]')" \
    "[('a', 0, 'succeeded', 1), ('a', 1, 'failed', 1), ('a', 2, 'running', 0), ('a', 3, 'running', 0), ('a', 4, 'active', 0), ('a', 5, 'active', 0), ('b', 0, 'active', 0)]" \
    "tasks --json: what has ended by now"
touch go
finish
is "$rc" 1 "the end"
"$MPIBATCH" status --json going.run >status.json
is "$(json status.json 'd["state"], d["exit_code"], d["eta_s"] or None, d["tasks"]["succeeded"], d["tasks"]["running"], d["tasks"]["active"], d["jobs"][1]["state"]')" \
    "('finished', 1, None, 6, 0, 0, 'completed')" "status --json afterwards"
like "$("$MPIBATCH" status going.run)" "^going: finished \(exit code 1\), session 1" "status afterwards"
"$MPIBATCH" tasks --json --failed going.run >tasks.json
is "$(json tasks.json '[(t["task_id"], t["result"], t["reason"], t["exit_code"], t["parameters"], t["end_time"] > t["start_time"] > 1.7e9) for t in d["tasks"]]')" \
    "[('1', 'failure', 'exit_code', 1, {'n': 2}, True)]" "tasks --json --failed"
is "$("$MPIBATCH" tasks --job b going.run | awk '{ print $1, $2, $3, $4 }')" "JOB TASK STATE TRY
b 0 succeeded 1" "tasks --job"
is "$("$MPIBATCH" tasks --state succeeded going.run | wc -l) $("$MPIBATCH" tasks --state active going.run | wc -l)" "7 1" "tasks --state"
"$MPIBATCH" tasks --job c going.run >out 2>err
like "$? $(<err)" '^2 .*no job "c"' "tasks --job: no such job"

# --- a run whose manager was killed
rm -rf going.run go
start 0 going.yaml
eventually 20 shows
disown "$pid"
kill -KILL "$pid"
eventually 5 gone "$pid"
touch -d '1 hour ago' going.run/status.json
sed -i -E 's/("time": )[0-9]+/\11700000000/' going.run/status.json
"$MPIBATCH" status --color always going.run | grep -q $'\033\\[31m1 failed\033\\[m'
is "${PIPESTATUS[*]}" "0 0" "status: what has failed is red"
like "$("$MPIBATCH" status going.run)" "its process is gone, it was killed; the same command resumes" "status: of a run that was killed, on this machine"
sed -i -E 's/("host": )"[^"]*"/\1"n1.elsewhere"/' going.run/status.json
like "$("$MPIBATCH" status going.run)" "no sign of life for .*: it was killed, or its machine; the same command resumes" "status: of a run that was killed"
rm going.run/status.json
for json in "" --json; do
    # shellcheck disable=SC2086
    "$MPIBATCH" status $json going.run >out 2>err
    is "$? $(<out)$(<err)" "1 mpibatch: error: $PWD/going.run: there is no status.json: its first session has just begun, or the file was deleted; \`mpibatch tasks\` reads the journal instead" \
        "status $json: no status.json"
done
