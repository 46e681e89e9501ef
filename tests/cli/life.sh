#!/bin/bash
# The life of pools, nodes, jobs and tasks, as commands show it: special tasks,
# dependencies, what is skipped; and what is asked of a session.
# tests/mpi/life.sh sources this with other numbers of ranks.
. "$TEST_SRCDIR/tests/lib.sh"
: "${RANK_COUNTS:=0}"
set -- $RANK_COUNTS
plan $((83 * $#))
command -v jq >/dev/null || skip_all "no jq"
host=$(hostname)

cat >life.yaml <<'EOF'
pool:
  id: cores
  metadata: [{name: who, value: me}]
  start_task: {command_line: sh -c 'echo starting'}
jobs:
  - id: prep
    display_name: The preparation
    sweep: {parameters: {n: [1, 2, 3]}}
    task: {command_line: "test {n} -ne 2"}
    job_preparation_task: {command_line: echo preparing}
    job_release_task: {command_line: "sh -c 'echo releasing; echo no >&2; exit 3'"}
  - id: use
    sweep: {parameters: {n: [1, 2, 3]}}
    task: {command_line: "echo {n}", depends_on: [{job: prep, point: same}]}
  - id: last
    tasks:
      - {id: x, command_line: "true", depends_on: [{job: use, point: all}]}
      - {id: y, command_line: "true", depends_on: [x]}
EOF
cat >long.yaml <<'EOF'
jobs:
  - id: work
    on_all_tasks_complete: no_action
    tasks:
      - {id: a, command_line: sleep 60}
      - {id: b, command_line: echo b}
      - {id: c, command_line: echo c, depends_on: [a]}
EOF

# says CODE REGEX ARGUMENTS...: mpibatch ends with this code, and says that
says() {
    local code=$1 regex=$2; shift 2
    local out; out=$("$MPIBATCH" "$@" 2>&1); local got=$?
    is "$got" "$code" "exit code: $*"
    like "$out" "$regex" "what it says: $*"
}
started() { "$MPIBATCH" tasks --state running --format ids long.run 2>/dev/null | grep -q work/a; }

for n in "$@"; do
    rm -rf life.run long.run

    # --- a run that is over
    run "$n" life.yaml
    is "$rc" 1 "$n ranks: one has failed"
    like "$(<run.out)" "4 succeeded, 1 failed, 3 skipped" "the summary says what is skipped"
    is "$("$MPIBATCH" tasks --state skipped --format ids life.run | paste -sd ' ')" "use/1 last/x last/y" "tasks --state skipped"
    is "$("$MPIBATCH" tasks --columns job_id,task_id,result,message --format csv life.run | grep skipped | head -n 1)" "use,1,skipped,depends on prep/1" "for whose sake"
    says 0 "1 task failed, 4 succeeded, 3 skipped.*prep/jobrelease, attempt 1.*exit code 3" failures life.run
    says 0 "8 tasks: 4 succeeded, 1 failed, 3 skipped, 0 running" status life.run
    says 0 "use/1: it is skipped: it depends on prep/1" explain use/1 life.run
    says 0 "it has failed: exit code 1" explain prep/1 life.run
    says 2 "has no job \"pre\"; did you mean prep" explain pre/1 life.run
    says 0 "pool cores.*1 idle.*who=me.*starttask, attempt 1.*succeeded" pool show life.run
    says 0 "$host *cores *idle" node list life.run
    says 0 "starting.*idle.*prep/jobrelease.*exit code 3.*\| no" node show "$host" life.run
    says 2 "no node \"${host}x\"; did you mean $host" node show "${host}x" life.run
    says 0 "prep *completed *0 *3 *2 *1 .*AllTasksComplete" job list life.run
    says 0 "The preparation.*preparation task.*succeeded.*release task.*exit code 3" job show prep life.run
    says 2 "no job \"lost\"; did you mean last" job show lost life.run
    says 0 "skipped: it depends on prep/1.*depends on +prep/1.*dependents +last/x" task show use/1 life.run
    says 0 "job release task.*releasing.*exit code 3" task prep/jobrelease life.run
    says 0 "^releasing$" logs prep/jobrelease life.run
    says 0 "^starting$" logs starttask life.run --node "$host"
    says 1 "it ended on $host" logs starttask life.run --node nowhere
    "$MPIBATCH" events --json life.run >events.json
    is "$(jq -r 'select(.event == "skipped").depends_on' events.json | paste -sd ' ')" "prep/1 use/1 last/x" "events: skipped"
    is "$(jq -r 'select(.event == "special_task") | .task_id + ":" + .result' events.json | sort | paste -sd ' ')" \
        "jobpreparation:success jobrelease:failure starttask:success" "events: special tasks"
    is "$("$MPIBATCH" pool show --json life.run | jq -r '.pools[0] | .pool_id + " " + (.nodes | tostring) + " " + .start_task[0].result')" "cores 1 success" "pool show --json"
    is "$("$MPIBATCH" node list --json life.run | jq -c '.nodes[0] | [.node, .state, .tasks_run, .tasks_succeeded]')" "[\"$host\",\"idle\",5,4]" "node list --json"
    is "$("$MPIBATCH" job show prep --json life.run | jq -c '.job | [.state, .end, .tasks.failed, (.special_tasks | length)]')" '["completed","AllTasksComplete",1,2]' "job show --json"
    is "$("$MPIBATCH" task show use/1 --json life.run | jq -c '.task | [.state, .skipped_for, .depends_on, .dependents]')" '["skipped","prep/1",["prep/1"],["last/x"]]' "task show --json"
    run "$n" life.yaml --rerun failed
    is "$(count life.run skipped) $(count life.run failed)" "3 1" "what was skipped for the sake of one that runs again is skipped again"
    says 1 "no session has the run" job disable prep life.run
    is "$("$MPIBATCH" task terminate use/1 life.run --json | jq -r .error.code)" "NoSession" "the same as JSON"

    # --- one that is asked
    start "$n" long.yaml
    eventually 20 started
    says 0 "it waits for 1 task:.*work/a" explain work/c long.run
    says 2 "no node \"nix\"" node offline nix long.run
    says 0 "gets no tasks any more" node offline "$host" long.run --task-completion
    printf -- '- {id: e, command_line: echo e}\n- {id: f, command_line: echo f}\n' >more.yaml
    is "$("$MPIBATCH" task add work long.run --file more.yaml | paste -sd ' ')" "work/e work/f" "task add says the new ids"
    is "$("$MPIBATCH" task add work long.run --file - --json <more.yaml | jq -r .error.code)" "InvalidRequestBody" "the same ids again are refused"
    printf -- '- {id: g, command_line: echo g}\n- {id: h, command_line: echo h, multi_instance_settings: {number_of_instances: 99}}\n' >wide.yaml
    like "$("$MPIBATCH" task add work long.run --file wide.yaml 2>&1 | head -n 1)" "added tasks:2:3: .*99 nodes at once.*never run" "one that could never run is refused"
    is "$(count long.run active)" 3 "all or none are added"
    says 2 "has no task \"A\"; did you mean a" explain work/A long.run
    says 0 "work/e: .*(nobody|no node|job)" explain work/e long.run
    says 0 "gets tasks" node online "$host" long.run
    eventually 10 test "$(count long.run succeeded)" = 3
    says 0 "^e$" logs work/e long.run
    says 1 "TaskCompleted|task.*completed" task terminate work/b long.run
    says 0 "terminated" task terminate work/a long.run
    eventually 10 test "$(count long.run skipped)" = 1
    says 0 $': cancelled\n' task show work/a long.run
    is "$(count long.run skipped)" 1 "what depends on a task that was terminated is skipped"
    says 0 "deleted" task delete work/f long.run
    says 0 "work/f: it was deleted" explain work/f long.run
    says 0 "work is (terminat|complet)" job terminate work long.run --reason "good enough"
    finish
    is "$rc" 1 "$n ranks: the session ends"
    says 0 "UserTerminate: good enough" job show work long.run
    like "$("$MPIBATCH" events long.run)" "asked for: job terminate work --reason 'good enough'" "events: what was asked for"
done
