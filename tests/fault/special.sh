#!/usr/bin/env bash
# Sessions that end in the middle of each kind of special task, of a task on
# several nodes, of a job that is disabled, of tasks that are skipped, between
# two jobs of a schedule: once by SIGKILL of everything, once by SIGTERM. The
# same command resumes: nothing that has ended runs again, nothing is lost,
# special tasks run again where they must. tests/fault/special-lost.sh sources
# what is above the plan.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
command -v jq >/dev/null || skip_all "no jq"
export SPECIAL_LOG=$scratch/log SPECIAL_HOLD=$scratch/hold

# step NAME [CODE]: one line when it begins, one when it ends; between them it
# waits for as long as $SPECIAL_HOLD names it (on that host, if it says so).
cat >step <<'E'
#!/bin/bash
echo "begin $1 $(hostname)" >>"$SPECIAL_LOG"
while grep -qsxE "$1( $(hostname))?" "$SPECIAL_HOLD"; do sleep 0.05; done
echo "end $1 $(hostname)" >>"$SPECIAL_LOG"
exit "${2:-0}"
E
# the ranks of an mpirun, each on a host of its own
cat >apart <<E
#!/bin/bash
words=()
for word; do
    [ "\$word" != "$MPIBATCH" ] || words+=(bash "$TEST_SRCDIR/tests/azure/on-node")
    words+=("\$word")
done
exec $MPIRUN "\${words[@]}"
E
chmod +x step apart
PATH=$scratch:$PATH

begun() { [ "$(grep -sc "^begin $1 " log || true)" -ge "$2" ] 2>/dev/null; }
# what ended how often: a name and a number each
ended() { sed -n 's/^end \([^ ]*\) .*/\1/p' log 2>/dev/null | sort | uniq -c | awk '{printf "%s%s %s", sep, $2, $1; sep = ", "}'; }
begins() { sed -n 's/^begin \([^ ]*\) .*/\1/p' log 2>/dev/null | sort | uniq -c | awk '{printf "%s%s %s", sep, $2, $1; sep = ", "}'; }
session() { marked "$MPIBATCH" launch -n "$ranks" "${with[@]}" --plain "$name.yaml" "$@"; }
states() { "$MPIBATCH" tasks --json "$name.run" | jq -r '[.tasks[] | .job_id + "/" + .task_id + " " + .state] | unique | join(", ")'; }
jobs() { "$MPIBATCH" job show "$1" --json "$name.run" | jq -r '.job | .state + " " + (if (.end // "") == "" then "-" else .end end) + " " + ([.tasks.total, .tasks.succeeded, .tasks.failed, .tasks.skipped] | map(tostring) | join(" "))'; }

# killed NAME HELD [NOW]: the run of NAME.yaml is killed while HELD is at work,
# resumed, ended by SIGTERM in the middle again, and resumed to its end
killed() {
    local held=$2 grace=$3 from
    name=$1
    rm -f log
    echo "$held" >hold
    session
    await 20 begun "$held" 1
    "${then[@]}"
    kill_ours
    wait "$started" 2>/dev/null
    from=$(grep -c "^begin $held " log)
    session
    await 20 begun "$held" $((from + 1)) || note "$name: $(cat launch.out)"
    kill -"$grace" "$started"
    over 20
    is "$rc" 3 "$name: told to stop in the middle, it can be resumed" || note "$(cat launch.out)"
    rm -f hold
    session
    over 30
}
then=(:)
with=()
ranks=2
in_session() { "$MPIBATCH" status --json "$name.run" | jq -e '.state == "running"' >/dev/null; }
recorded() { [ "$(count "$name.run" "$2")" -ge "$1" ]; }
there() { await 10 recorded "$@"; }

cat >start.yaml <<'E'
pool: {task_slots_per_node: 2, start_task: {command_line: step start}}
jobs: [{id: j, tasks: [{id: a, command_line: step a}, {id: b, command_line: step b}]}]
E
cat >prep.yaml <<'E'
pool: {task_slots_per_node: 2, start_task: {command_line: step start}}
jobs:
  - {id: first, priority: 5, tasks: [{id: a, command_line: step a}]}
  - id: j
    job_preparation_task: {command_line: step prep}
    job_release_task: {command_line: step release}
    tasks: [{id: b, command_line: step b}, {id: c, command_line: step c}]
E
cat >release.yaml <<'E'
jobs:
  - id: j
    job_preparation_task: {command_line: step prep}
    job_release_task: {command_line: step release}
    tasks: [{id: a, command_line: step a}, {id: b, command_line: "step b 1"}]
E
cat >more.yaml <<'E'
- {id: x, command_line: step x}
- {id: y, command_line: step y, depends_on: [x]}
E
cat >manage <<'E'
#!/bin/bash
"$MPIBATCH" task add j --file more.yaml "$MPIBATCH_RUN_DIR" >>added.out 2>&1
step manager
E
chmod +x manage
cat >manager.yaml <<E
pool: {task_slots_per_node: 3}
jobs:
  - id: j
    common_environment_settings: [{name: MPIBATCH, value: "$MPIBATCH"}]
    job_manager_task: {id: boss, command_line: ./manage, run_exclusive: false, kill_job_on_completion: false}
    tasks: [{id: a, command_line: step a}]
E
for part in coordination command; do
    cat >$part.yaml <<'E'
pool: {task_slots_per_node: 2}
jobs:
  - id: j
    tasks:
      - id: a
        command_line: step command
        multi_instance_settings: {number_of_instances: 2, coordination_command_line: step coordination}
      - {id: b, command_line: step b, depends_on: [a]}
      - {id: c, command_line: step c}
E
done

if [ -n "${SPECIAL_ONLY:-}" ]; then return; fi
plan 37

# --- a start task
killed start start TERM
is "$rc $(begins); $(ended)" "0 a 1, b 1, start 3; a 1, b 1, start 1" "start: it runs again in each session, before any task"
is "$(states)" "j/a succeeded, j/b succeeded" "start: tasks"

# --- job preparation
then=(there 1 succeeded)
killed prep prep TERM
is "$rc $(ended)" "0 a 1, b 1, c 1, prep 1, release 1, start 3" "prep: it runs again, its tasks and its release once"
is "$(begins)" "a 1, b 1, c 1, prep 3, release 1, start 3" "prep: nothing else has begun twice"
is "$(jobs j); $(jobs first)" "completed AllTasksComplete 2 2 0 0; completed AllTasksComplete 1 1 0 0" "prep: jobs"
then=(:)

# --- tasks of a job that is prepared
cat >prepared.yaml <<'E'
pool: {task_slots_per_node: 1}
jobs:
  - id: j
    job_preparation_task: {command_line: step prep}
    job_release_task: {command_line: step release}
    tasks: [{id: a, command_line: step a}, {id: b, command_line: step b}]
E
ranks=1
killed prepared b TERM
ranks=2
is "$rc $(ended)" "0 a 1, b 1, prep 3, release 1" "prepared: preparation in each session, release in the last"

# --- job release
name=release
echo release >hold
rm -f log
session
await 20 begun release 1
kill_ours
wait "$started" 2>/dev/null
session
over 30
is "$rc $(begins); $(jobs j)" "1 a 1, b 1, prep 1, release 1; completed AllTasksComplete 2 1 1 0" "release: a session that prepared nothing has nothing to release"
rm -rf log release.run
session
await 20 begun release 1
kill -TERM "$started"
over 20
rm -f hold
is "$rc" 1 "release: told to stop in the middle, it stops" || note "$(cat launch.out)"
session
over 30
is "$rc $(begins); $(jobs j)" "1 a 1, b 1, prep 1, release 1; completed AllTasksComplete 2 1 1 0" "release: the tasks that ended stay as they are"

# --- a job manager, with tasks that it has added
then=(there 3 succeeded)
killed manager manager TERM
then=(:)
is "$rc $(ended)" "0 a 1, manager 1, x 1, y 1" "manager: it runs again, what it has added once"
is "$(begins)" "a 1, manager 3, x 1, y 1" "manager: begun"
is "$(states); $(jobs j)" "j/a succeeded, j/x succeeded, j/y succeeded; completed AllTasksComplete 4 4 0 0" "manager: tasks"
is "$(grep -c "^j/[xy]\$" added.out) $(grep -c "InvalidRequestBody.*has a task \"x\" already" added.out)" "2 2" "manager: told what there is already"

# --- a task on two nodes
with=(-m apart)
parts=(coordination command)
if [ "$(id -u)" != 0 ] || ! unshare --uts true 2>/dev/null; then
    parts=()
    skip 6 "hosts can only be made by root"
fi
for part in ${parts[@]+"${parts[@]}"}; do
    then=(there 1 succeeded)
    killed $part $part TERM
    is "$rc $(ended)" "0 b 1, c 1, command 1, coordination $([ $part = command ] && echo 6 || echo 2)" "$part: on two nodes again, the rest once"
    is "$(states); $(jobs j)" "j/a succeeded, j/b succeeded, j/c succeeded; completed AllTasksComplete 3 3 0 0" "$part: tasks"
done
with=()

# --- a job that is disabled
cat >disabled.yaml <<'E'
pool: {task_slots_per_node: 1}
jobs:
  - {id: off, priority: -1, tasks: [{id: a, command_line: step a}, {id: b, command_line: step b}]}
  - {id: on, tasks: [{id: c, command_line: step c}]}
E
disable() { "$MPIBATCH" job disable off disabled.run --requeue >asked.out 2>&1; }
then=(disable)
ranks=1
killed disabled c TERM
then=(:)
is "$rc $(begins); $(jobs off)" "3 c 3; disabled - 2 0 0 0" "disabled: the job stays so, the others come to their end"
session
over 20
is "$rc $(begins)" "3 c 3" "disabled: nothing is left to do"
like "$(cat launch.out)" "job off is disabled: .mpibatch run --enable off. goes on" "disabled: what to do is said"
session --enable off
over 20
is "$rc $(ended); $(jobs off)" "0 a 1, b 1, c 1; completed AllTasksComplete 2 2 0 0" "disabled: enabled, it comes to its end"
ranks=2

# --- a job that waits for tasks, and the end of the allocation
cat >open.yaml <<'E'
jobs: [{id: j, on_all_tasks_complete: no_action, tasks: [{id: a, command_line: step a}]}]
E
name=open
rm -f log hold
session
there 1 succeeded
kill -USR1 "$started"
over 20
is "$rc $(jobs j)" "3 active - 1 1 0 0" "open: the end of the allocation is near: it can be resumed"
session
await 20 in_session
"$MPIBATCH" job terminate j open.run --reason enough >asked.out 2>&1 || note "$(cat asked.out)"
over 20
is "$rc $(ended); $(jobs j)" "0 a 1; completed UserTerminate 1 1 0 0" "open: it waits again until it is terminated"

# --- tasks that are skipped
cat >skipped.yaml <<'E'
pool: {task_slots_per_node: 2}
jobs:
  - {id: bad, priority: 1, tasks: [{id: a, command_line: step a 1}]}
  - {id: rest, sweep: {parameters: {n: [1, 2, 3, 4, 5, 6]}}, task: {command_line: "step {n}", depends_on: [{job: bad, point: all}]}}
  - {id: last, tasks: [{id: z, command_line: step z, depends_on: [{job: rest, point: all}]}]}
  - {id: good, tasks: [{id: c, command_line: step c}]}
E
then=(there 7 skipped)
killed skipped c TERM
then=(:)
is "$rc $(begins)" "1 a 1, c 3" "skipped: what failed does not run again, what is skipped never"
is "$(jobs rest); $(jobs last)" "completed AllTasksComplete 6 0 0 6; completed AllTasksComplete 1 0 0 1" "skipped: counts"
is "$("$MPIBATCH" tasks --json skipped.run | jq -r '[.tasks[] | select(.state == "skipped")] | length')" 7 "skipped: each once"

# --- between two jobs of a schedule
cat >schedule.yaml <<'E'
jobs: [{id: k, tasks: [{id: hold, command_line: step hold}]}]
job_schedules: [{id: s, schedule: {recurrence_interval: 2s, do_not_run_after: 5s}, job_specification: {tasks: [{id: a, command_line: step a}]}}]
E
then=(there 1 succeeded)
killed schedule hold TERM
then=(:)
is "$rc" 0 "schedule: it comes to its end"
is "$(ended)" "a $(states | grep -o 's-job-[0-9]*/a succeeded' | wc -l), hold 1" "schedule: each of its jobs ran once"
