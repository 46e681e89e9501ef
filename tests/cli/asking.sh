#!/bin/bash
# Asking a run: tasks, task, logs, failures, events, plan, and --rerun, against
# what is known of a small run.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 77

# 24 points: gmres fails from n = 64 on (but at x = 0.5, n = 64), b is killed by
# its time limit, c prints much, d nothing.
cat >ask.yaml <<'EOF'
pool: {task_slots_per_node: 2}
jobs:
  - id: scan
    sweep: {parameters: {n: [16, 32, 64, 128], solver: [cg, gmres, "a b"], x: [0.10, 0.5]}}
    task:
      environment_settings: {MODE: "fast {n}"}
      command_line: ./solve {n} {solver} {x}
    metrics:
      energy: {regex: 'energy = (\S+)', units: J}
      steps: {regex: 'steps = (\d+)', type: int64}
  - id: other
    tasks:
      - {id: a, command_line: "true"}
      - {id: b, command_line: sleep 60, constraints: {max_wall_clock_time: 300ms}}
      - {id: c, command_line: "./much", constraints: {max_task_retry_count: 1}}
      - {id: "7", command_line: "printf 'one\ntwo\nthree'; printf 'e1\ne2\n' >&2"}
EOF
cat >solve <<'EOF'
#!/bin/sh
echo "$1 $2 $3" >>log
if [ "$2" = gmres ] && [ "$1" -ge 64 ] && ! [ "$1 $3" = "64 0.5" ] && ! [ -e fixed ]; then
    echo "starting" >&2
    echo "/tmp/run.$1/solve: no convergence after $1 steps at 0x7f$1 (residual $3e-3)" >&2
    exit 3
fi
echo "energy = $3"
[ "$1" = 16 ] && ! [ -e fixed ] || echo "steps = $1"
EOF
cat >much <<'EOF'
#!/bin/sh
seq 1 40000
printf 'tail \033[31m\377\n'
echo "broken $$" >&2
[ -e fixed ]
EOF
chmod +x solve much
run 0 ask.yaml
is "$rc $(lines log)" "1 24" "the run: some fail"

ask() { "$MPIBATCH" "$@" 2>err; }
# asks NAME EXPECTED ARGUMENTS...: what it prints
asks() { local name=$1 want=$2; shift 2; is "$(ask "$@")" "$want" "$name"; }
# refuses REGEX ARGUMENTS...: exit 2, nothing on stdout, says so
refuses() {
    local regex=$1 rc; shift
    "$MPIBATCH" "$@" >out 2>err
    rc=$?
    like "$rc $(<out)$(<err)" "^2 mpibatch: error: $regex" "refused: $*"
}

# --- tasks
asks "--failed, ids" $'scan/14\nscan/20\nscan/21\nother/b\nother/c' tasks ask.run --failed --format ids
asks "--filter state=failed" "$(ask tasks ask.run --failed)" tasks ask.run --filter state=failed
asks "filters hold together" scan/20 tasks ask.run --filter n=128 --filter solver=gmres --filter x=0.1 --format ids
asks "a filter that must not hold" $'other/a\nother/7' tasks ask.run --filter job!=scan --filter state!=failed --format ids
asks "by reason" other/b tasks ask.run --filter reason=timeout --format ids
is "$(ask tasks ask.run --state invalid --format csv --columns n,steps_state | sort | uniq -c | xargs)" "6 16,missing 1 n,steps_state" "invalid: a metric is missing"
asks "--where: parameters" $'scan/14\nscan/20\nscan/21' tasks ask.run --where 'n >= 64 and solver == "gmres" and state == "failed"' --format ids
is "$(ask tasks ask.run --where 'energy * 2 == 1 and steps != null' --format ids | wc -l)" 8 "--where: metrics, and null"
is "$(ask tasks ask.run --where 'contains(command, "a b") or matches(task_id, "[ab]")' --format ids | wc -l)" 10 "--where: texts"
is "$(ask tasks ask.run --where 'duration_s > 0.25 and signal == 15' --format ids)" other/b "--where: how it ended"
is "$(ask tasks ask.run --job scan --sort=-n --head 2 --format tsv --columns n,solver | xargs)" "n solver 128 cg 128 cg" "--sort down, --head"
is "$(ask tasks ask.run --sort exit_code --format csv --columns exit_code | tail -n 1)" "" "--sort: what is not known is last"
is "$(ask tasks ask.run --sort solver --job scan --format csv --columns solver | uniq | xargs)" "solver a b cg gmres" "--sort: texts"
is "$(ask tasks ask.run --filter 'solver=a b' --head 1 --format csv --columns task_id,solver,x,command)" "task_id,solver,x,command
4,a b,0.10,./solve 16 'a b' 0.10" "CSV: as it was spelled"
is "$(ask tasks ask.run --job other --columns task_id,state,attempts)" "task_id  state      attempts
a        succeeded         1
b        failed            1
c        failed            2
7        succeeded         1" "a table: numbers on the right"
ask tasks ask.run --json --where 'task_id == "12"' >got.json
is "$(json got.json 'd["version"], [(t["task_id"], t["state"], t["parameters"], t["metrics"], t["exit_code"], t["signal"]) for t in d["tasks"]]')" \
    "(1, [('12', 'succeeded', {'n': 64, 'solver': 'cg', 'x': 0.1}, {'energy': 0.1, 'steps': 64}, 0, None)])" "JSON"
is "$(ask tasks ask.run --json --columns n,x --head 1 --where true | tr -d '\n ')" '{"version":1,"tasks":[{"n":16,"x":0.10000000000000001}]}' "JSON of columns"
is "$(ask tasks ask.run --json --where false | jq -c .)" '{"version":1,"tasks":[]}' "JSON of nothing"
is "$(ask tasks --head 1 | wc -l)" 2 "without a name: the run in this folder"
(cd ask.run && ask tasks --head 1 | wc -l >../out)
is "$(<out)" 2 "inside the run directory, too"
"$MPIBATCH" tasks --failed --color always >out 2>&1
is "$(grep -c $'\033\\[31mfailed\033\\[m' out)" 5 "what has failed is red"
refuses '--where: no name "slover"; did you mean solver\?
  n > 3 and slover == "cg"
            \^' tasks ask.run --where 'n > 3 and slover == "cg"'
refuses '--filter: no state "faild"; did you mean failed\?' tasks ask.run --filter state=faild
refuses '--filter: no column "solvr"; did you mean solver\?' tasks ask.run --filter solvr=cg
refuses '--filter: expected COLUMN=VALUE, such as state=failed, not "failed"' tasks ask.run --filter failed
refuses '--columns: no column "m"' tasks ask.run --columns task_id,m
refuses '--sort: no column "-"' tasks ask.run --sort=--
"$MPIBATCH" tasks ask.run --where 'n > "a"' >out 2>err
is "$? $(<err)" '1 mpibatch: error: task scan/0: n > "a": a number and a text do not go together' "a condition that fails says where"

# --- task
ask task 14 >out
like "$(<out)" "^task scan/14: failed; 1 attempt ended
  parameters   n=64 solver=gmres x=0.10
  command      ./solve 64 gmres 0.10
  environment  MODE=fast 64
  by hand      \(cd $PWD && export MODE='fast 64' && ./solve 64 gmres 0.10\)
  attempt 1    [-0-9]+ [:0-9]+, [0-9.]+[mu]?s: exit code 3
.*  stderr
    \| starting
    \| .*no convergence.*
  all it printed: mpibatch logs scan/14 --both$" "task: all of a failed one"
like "$(ask task scan/12)" "metrics      energy = 0.1 J
               steps = 64" "task: metrics"
like "$(ask task scan/0)" "steps  missing" "task: a metric that is missing"
like "$(ask task c)" "2 attempts ended.*attempt 1 .*attempt 2 .*broken" "task: each attempt"
ask task c ask.run --json >got.json
is "$(json got.json 'd["version"], d["task"]["state"], d["task"]["command"], [(a["attempt"], a["exit_code"]) for a in d["attempts"]]')" \
    "(1, 'failed', './much', [(1, 1), (2, 1)])" "task: JSON"
ask task a ask.run --json >got.json
is "$(json got.json 'd["attempts"][0]["max_rss_bytes"]') $(ask tasks ask.run --where 'max_rss_bytes == null' --job other --format csv --columns task_id,max_rss_bytes | grep ^a)" \
    "None a," "memory that is not known is null, and empty"
like "$(ask task a)" "attempt 1 .* user, [0-9a-z.]+ system; stdout 0 B" "and not said"
refuses 'which task\? There are scan/7, other/7' task 7
refuses 'job other has no task "x"' task other/x
refuses 'the run has no job "othr"; did you mean other\?' task othr/a
refuses 'the run has no task "99"' task 99

# --- logs
is "$(ask logs other/7 | od -An -c | xargs)" "$(printf 'one\ntwo\nthree' | od -An -c | xargs)" "logs: stdout, byte for byte"
asks "logs: stderr" $'e1\ne2' logs other/7 --stderr
asks "logs: both" $'==> stdout, 13 bytes <==\none\ntwo\nthree\n==> stderr, 6 bytes <==\ne1\ne2' logs other/7 --both
asks "logs: the last lines" $'two\nthree' logs other/7 --tail 2
is "$(ask logs c | cmp - <(./much 2>&1 | grep -av '^broken') && echo same)" same "logs: all of a large one"
is "$(ask logs c --tail 2 | od -An -c | xargs)" "$(printf '40000\ntail \033[31m\377\n' | od -An -c | xargs)" "logs: its end"
is "$(ask logs a) $? $(<err)" " 0 " "logs: it printed nothing"
is "$(ask logs c --attempt 1 --stderr | grep -c broken)" 1 "logs: an earlier attempt"
"$MPIBATCH" logs c --attempt 3 >out 2>err
is "$? $(<out)$(<err)" "1 mpibatch: error: task other/c has no attempt 3 that has ended" "logs: no such attempt"
mv ask.run/output ask.run/output.away
"$MPIBATCH" logs other/7 >out 2>err
like "$? $(<out)$(<err)" "^1 mpibatch: error: stdout of task other/7: cannot open .*/output/0001.stdout" "logs: lost is said"
mv ask.run/output.away ask.run/output
TERM=xterm "$PYTHON" "$tools/terminal.py" -c 80 -o tty "$MPIBATCH" logs c --tail 1 --no-pager >out 2>&1
like "$(<./tty)" 'tail \\x1b\[31m\\xff' "logs: control bytes are shown on a terminal"

# --- failures
ask failures ask.run >out
like "$(<out)" "^5 tasks failed, 23 succeeded

By how they ended
       3  exit code 3
          scan/14, scan/20, scan/21
       1  exit code 1
          other/c
       1  over its time limit
          other/b

By the last line of stderr
       3  PATH/solve: no convergence after N steps at HEX \(residual N\)
          scan/14, scan/20, scan/21
       1  \(nothing on stderr\)
          other/b
       1  broken N
          other/c

By parameters
  3 of 3 failures: solver=gmres and n>=64 \(and 1 success\) in job scan
" "failures: by reason, message, parameters"
ask failures ask.run --json >got.json
is "$(json got.json 'd["version"], d["failed"], d["succeeded"], [(r["where"], r["failures"], r["successes"], r["job_failures"], r["job_successes"]) for r in d["regions"]]')" \
    "(1, 5, 23, [('solver == \"gmres\" and n >= 64', 3, 1, 3, 21)])" "failures: JSON"
where=$(jq -r '.regions[0].where' got.json)
is "$(ask tasks ask.run --where "$where" --format ids | wc -l)" 4 "a region is a condition"
like "$(ask failures ask.run --filter n=64)" "1 task failed, 5 succeeded" "failures: of some tasks"
asks "failures: none" "no task has failed; 6 tasks succeeded" failures ask.run --where 'n == 16'

# --- numbers that JSON does not have: as --help says
cat >odd.yaml <<'EOF'
jobs:
  - sweep: {parameters: {v: [1.5, nan, -inf]}}
    task: {command_line: "echo e={v}"}
    metrics: {e: {regex: 'e=(\S+)'}}
EOF
run 0 odd.yaml
is "$(ask tasks odd.run --json | jq -c '[.tasks[].metrics.e]')" '[1.5,"nan","-inf"]' "JSON: not a number, infinite"
rm -rf odd.run odd.yaml

# --- plan
cp -r ask.run before.run
like "$(ask plan ask.yaml --lines 2)" "^ask.yaml: 28 tasks in 2 jobs
  it would resume ask.run: 23 succeeded, 6 of them invalid, 5 failed; 0 to run
  2 slots a node
  job scan: 24 tasks, a grid of n \(4\) x solver \(3\) x x \(2\)
    environment: MODE=fast \{n\}
    so far 21 succeeded, 6 of them invalid, 3 failed; 0 to run
         0  ./solve 16 cg 0.10
      \.\.\.
        23  ./solve 128 'a b' 0.5
  job other" "plan: a run that is done"
is "$(ask plan ask.yaml --rerun where 'n == 16' --json | jq -c '[.to_run, .jobs[0].again]')" "[6,6]" "plan: --rerun"
is "$("$MPIBATCH" run ask.yaml --rerun timeout --dry-run | sed -n 2p)" "  it would resume ask.run: 23 succeeded, 6 of them invalid, 5 failed; 1 to run again" "run --dry-run"
like "$(ask plan ask.yaml --rerun where 'n in [32, 64] and solver == "cg"' --lines 2)" "4 to run again.*
    to run:
         6  ./solve 32 cg 0.10
      \.\.\.
        13  ./solve 64 cg 0.5
  job other" "plan: which tasks would run"
like "$(ask plan ask.yaml --fresh)" "it would make the run directory ask.run" "plan --fresh"
printf 'echo a\n\n# no\necho b; exit 3\n' >commands.txt
is "$(ask plan commands.txt --json | jq -c '[.tasks, .to_run, .resumes, [.jobs[0].commands[].command]]')" '[2,2,false,["echo a","echo b; exit 3"]]' "plan: a file of commands"
is "$(diff -r ask.run before.run && ls -d commands.run 2>/dev/null)" "" "and nothing was written"
rm -rf before.run
printf '\n' >>ask.yaml
refuses 'ask.run is a run directory, not a job spec; it was made from [^ ]*/ask.yaml' plan ask.run
refuses 'ask.run is of another job spec: run would refuse it' plan ask.yaml
sed -i '$d' ask.yaml

# --- --rerun
run 0 --rerun timeout ask.yaml
is "$(ask tasks --where 'attempts == 2' --format ids | xargs)" "other/b other/c" "--rerun timeout: that alone"
: >fixed
: >log
run 0 --rerun invalid --limit 2 ask.yaml
is "$rc $(lines log) $(count ask.run active) $(count ask.run invalid)" "3 2 4 0" "--rerun invalid, stopped early: the rest is to go"
run 0 ask.yaml
is "$(lines log) $(sort log | uniq -d | wc -l) $(count ask.run active)" "6 0 0" "resumed: nothing runs twice"
is "$(ask status ask.run | sed -n 2p)" "  28 tasks: 23 succeeded, 5 failed, 0 running, 0 not run, 1 tried again" "status: none is invalid now"
: >log
run 0 --rerun where 'n == 128 and solver != "a b"' ask.yaml
is "$(sort log | xargs)" "128 cg 0.10 128 cg 0.5 128 gmres 0.10 128 gmres 0.5" "--rerun where: succeeded and failed ones"
is "$(ask tasks ask.run --where 'n == 128 and solver != "a b"' --format csv --columns state,attempts | sort -u | xargs)" "state,attempts succeeded,2" "and they succeed"
results last ask.run/results.h5 task_id state result attempt 2>/dev/null | awk '$1 == "20"' >out
is "$(<out)" "20 completed success 2" "results.h5 has it"
like "$(ask events ask.run)" "session 1: .*job scan: begun.*task other/c: attempt 1 ended \(exit_code\); it is tried again.*session 1 ends, exit code 1.*job other: 1 task to run again.*job scan: 6 tasks to run again.*job scan: 4 tasks to run again" "events"
is "$(ask events ask.run --json | jq -rs '[.[] | select(.event == "reactivated") | .tasks] | join(" ")')" "1 6 4" "events: JSON"
refuses '--rerun: it is given twice; .where' run ask.yaml --rerun failed --rerun timeout
refuses '--rerun where: no name "m"' run ask.yaml --rerun 'where m > 3'
