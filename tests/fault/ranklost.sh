#!/usr/bin/env bash
# Ranks that die, stop, or lose mpirun, under `mpibatch launch` and under plain
# mpirun: the run goes on with the rest or ends so that it can be resumed;
# processes of a dead rank's tasks are gone; the results are those of an
# undisturbed run.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
plan 28

cat >spec.yaml <<E
pool: {task_slots_per_node: 6}
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters:
        x: [$(seq -s, 0 39)]
    task: {command_line: "sh $TEST_SRCDIR/tests/fault/task.sh {task.index} 400 $scratch/ran"}
    metrics:
      energy: {from: stdout, regex: '^energy = (\S+)', type: float64}
E
launch 0 spec.yaml -o calm
over 60
is "$rc" 1 "undisturbed"
digest calm >calm.digest

# Started under `mpibatch launch` with three ranks; some tasks have ended.
begin() { # RUN
    rm -f ran
    marked "$MPIBATCH" launch -n 3 --lost-after 3s --plain spec.yaml -o "$1"
    await 20 at_least 12 ran || note "slow start: $(cat launch.out)"
}
of_rank() { # RANK: the pids of its tasks and what they have left behind
    local pid
    for pid in $(ours task); do
        ! grep -qsxzE "MPIBATCH_ATTEMPT_KEY=[^-]*-$1-.*" "/proc/$pid/environ" || echo "$pid"
    done
}
rank_has_none() { [ -z "$(of_rank "$1")" ]; }
has_tasks() { [ -n "$(of_rank "$1")" ]; }
same_results() { digest "$1" >digest && diff calm.digest digest >difference; }

# --- a worker is killed
begin killed
await 5 has_tasks 1
kill -9 "$(rank_pid 1)"
await 3 rank_has_none 1
result "a killed worker's tasks are gone in 3 s" $? || note "$(of_rank 1)"
over 40
is "$rc" 1 "the run goes on without it to its end"
like "$(cat launch.out)" "rank 1 on [^ ]+ is lost; its tasks will run elsewhere" "it says so when it happens"
like "$(cat launch.out)" "lost: 1 rank" "and in the summary"
is "$(jq -c '[.state, .exit_code, .ranks.lost]' killed/status.json)" '["finished",1,1]' "and in status.json"
ok "results as undisturbed" same_results killed
ok "nobody is left" await 3 none

# --- a worker stops for longer than is allowed, and wakes up again
begin stopped
await 5 has_tasks 2
stopped=$(rank_pid 2)
kill -STOP "$stopped"
await 15 grep -q "rank 2 .* is lost" launch.out
result "a worker that is stopped is lost" $? || note "$(cat launch.out)"
kill -CONT "$stopped"
over 40
is "$rc" 1 "one that wakes up again does no harm"
ok "results as undisturbed" same_results stopped
ok "nobody is left" await 5 none

# --- the manager is killed
begin headless
kill -9 "$(rank_pid 0)"
await 3 rank_has_none 0
result "a killed manager's own tasks are gone in 3 s" $? || note "$(of_rank 0)"
over 40
is "$rc" 4 "without a manager the run is lost"
like "$(cat launch.out)" "the run was lost .* the same command resumes" "and says so"
ok "nobody is left" none
launch 2 spec.yaml -o headless
over 40
is "$rc" 1 "the same run, resumed"
ok "results as undisturbed" same_results headless

# --- plain mpirun: the MPI ends all when one rank dies
rm -f ran
launch 3 spec.yaml -o plain --lost-after 3s
await 20 at_least 12 ran
kill -9 "$(rank_pid 1)"
over 20
like "$rc" "^(137|1|4)$" "plain mpirun ends everything when a rank dies"
ok "nobody is left" await 3 none
launch 3 spec.yaml -o plain
over 40
is "$rc" 1 "the same run, resumed"
ok "results as undisturbed" same_results plain

# --- SIGTERM to all, as batch systems send it: to the tasks first
rm -f ran
launch 0 spec.yaml -o ended
await 20 at_least 12 ran
# shellcheck disable=SC2046 # words
kill -TERM $(ours task)
sleep 0.3
kill -TERM $(ours rank)
over 20
is "$rc $(jq .tasks.failed ended/status.json)" "3 $(grep -c ' failure exit_code ' <<<"$(digest ended)")" "no task has failed through a SIGTERM to all"
launch 0 spec.yaml -o ended
over 40
ok "the same run, resumed, has results as undisturbed" same_results ended

rm -f ran
launch 0 spec.yaml -o single --limit 6
await 20 at_least 1 ran
# shellcheck disable=SC2046 # words
kill -TERM $(ours task)
over 30
is "$(jq '.tasks.failed > 0' single/status.json)" true "SIGTERM to tasks alone: they have failed"

# --- mpirun is killed under launch
begin orphaned
kill -9 "$(ours mpirun)"
over 40
is "$rc" 4 "mpirun killed under launch: the run is lost"
ok "nobody is left" await 10 none
marked "$MPIBATCH" launch -n 3 --plain spec.yaml -o orphaned
over 40
ok "the same run, resumed, has results as undisturbed" same_results orphaned
