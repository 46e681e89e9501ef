#!/bin/bash
# Jobs: priorities, retries, time limits of jobs, where tasks run, what a spec's
# folder and a run directory with odd names mean.
# tests/mpi/jobs.sh sources this with other numbers of ranks.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
: "${RANK_COUNTS:=0}"
set -- $RANK_COUNTS
plan $((23 * $#))
left=left-$$
make_sleeper "$left"

cat >priorities.yaml <<'EOF'
pool: {task_slots_per_node: 1}
jobs:
  - {id: low, priority: -5, sweep: {parameters: {n: [1, 2, 3]}}, task: {command_line: "echo low {n} >>order"}}
  - {id: high, priority: 7, sweep: {parameters: {n: [1, 2, 3]}}, task: {command_line: "echo high {n} >>order"}}
  - {id: middle, sweep: {parameters: {n: [1, 2]}}, task: {command_line: "echo middle {n} >>order"}}
  - {id: also, sweep: {parameters: {n: [1, 2]}}, task: {command_line: "echo also {n} >>order"}}
EOF
cat >retries.yaml <<'EOF'
jobs:
  - id: some
    constraints: {max_task_retry_count: 3}
    sweep: {parameters: {n: [1, 2, 5]}}
    task: {command_line: "echo {n} $MPIBATCH_TASK_ATTEMPT >>attempts; test $MPIBATCH_TASK_ATTEMPT = {n}"}
  - id: unlimited
    constraints: {max_task_retry_count: -1}
    task: {command_line: "test $MPIBATCH_TASK_ATTEMPT = 12"}
  - id: own
    tasks:
      - {id: never, constraints: {max_task_retry_count: 0}, command_line: "false"}
      - {id: twice, constraints: {max_task_retry_count: 1}, command_line: "kill -9 $$"}
EOF
cat >limits.yaml <<EOF
pool: {task_slots_per_node: 2}
jobs:
  - id: over
    constraints: {max_wall_clock_time: 1s, max_task_retry_count: 2}
    sweep: {parameters: {n: [1, 2, 3, 4, 5]}}
    task: {command_line: "test {n} = 1 || ./$left 300"}
  - id: within
    constraints: {max_wall_clock_time: 1h}
    priority: -1
    sweep: {parameters: {n: [1, 2]}}
    task: {command_line: "true"}
EOF
mkdir -p "other folder/sub"
cat >"other folder/where.yaml" <<'EOF'
jobs:
  - id: where
    common_environment_settings: {A: job, B: "{job.id}"}
    tasks:
      - {id: here, command_line: pwd}
      - {id: sub, working_dir: sub, command_line: pwd}
      - {id: absolute, working_dir: /tmp, command_line: pwd}
      - {id: own, working_dir: "{run.dir}/files", command_line: [pwd]}
      - {id: env, environment_settings: {A: task, C: "{task.id} x"}, command_line: 'printf "%s|" "$A" "$B" "$C" {run.dir} {task.index}'}
EOF
cat >stop.yaml <<EOF
pool: {task_slots_per_node: 1}
jobs:
  - id: stop
    constraints: {max_wall_clock_time: 4s}
    sweep: {parameters: {n: [1, 2]}}
    task: {command_line: "echo {n} >>started; ./$left 300"}
EOF

for n in "$@"; do
    with="ranks: $n"
    rm -rf ./*.run order attempts started

    run "$n" priorities.yaml
    is "$rc $(xargs <order)" "0 high 1 high 2 high 3 middle 1 middle 2 also 1 also 2 low 1 low 2 low 3" \
        "$with: by priority, then as in the file"

    run "$n" retries.yaml
    is "$rc $(results last retries.run/results.h5 job_id task_id attempt result | xargs)" \
        "1 own never 1 failure own twice 2 failure some 0 1 success some 1 2 success some 2 4 failure unlimited 0 12 success" \
        "$with: retries: how often each has run, and how it ended"
    is "$(sort attempts | xargs)" "1 1 2 1 2 2 5 1 5 2 5 3 5 4" "$with: attempts count from 1"
    is "$(results rows retries.run/results.h5 job_id | sort | uniq -c | xargs)" "3 own 7 some 12 unlimited" "$with: a row an attempt"
    is "$(json retries.run/status.json 'd["tasks"]["retried"], [j["tasks"]["retried"] for j in d["jobs"]]')" "(16, [4, 11, 1])" \
        "$with: status.json counts attempts tried again"

    SECONDS=0
    run "$n" limits.yaml
    is "$rc $((SECONDS < 8))" "1 1" "$with: a job over its time limit"
    is "$(count limits.run succeeded) $(count limits.run failed)" "3 2" "$with: its tasks have failed, others go on"
    is "$(results last limits.run/results.h5 job_id task_id reason | xargs)" \
        "over 0 none over 1 cancelled over 2 cancelled within 0 none within 1 none" "$with: those that had not begun never do"
    like "$("$MPIBATCH" status limits.run)" "job over completed, MaxWallClockTimeExpiry: 1 succeeded, 2 failed, 0 running, 2 not run" \
        "$with: status says so"
    like "$(<run.out)" "job over is over its max_wall_clock_time" "$with: it is said when it happens"
    like "$(<run.out)" "job over +completed: 1 succeeded, 2 failed, 2 not run, MaxWallClockTimeExpiry" "$with: and in the summary"
    is "$(left_behind "$left")" 0 "$with: its tasks are ended"
    is "$(json limits.run/status.json '[(j["state"], j["end"]) for j in d["jobs"]]')" \
        "[('completed', 'MaxWallClockTimeExpiry'), ('completed', 'AllTasksComplete')]" "$with: status.json says how jobs ended"
    run "$n" limits.yaml
    is "$rc $(grep -c 'all is done: 3 succeeded, 2 failed .*2 never run: the time of their job was over' run.out)" "1 1" "$with: again: nothing is left to do"

    # the limit of a job counts over sessions
    start "$n" stop.yaml
    eventually 20 has_lines 1 started
    sleep 2
    kill -USR2 "$pid"
    finish 20
    is "$rc" 3 "$with: a job with a limit is stopped half-way"
    run "$n" stop.yaml
    ran=$(results last stop.run/results.h5 duration_s)
    is "$rc $(awk "BEGIN {print $ran < 3.5}") $(count stop.run failed) $(count stop.run active)" "1 1 1 1" "$with: its time goes on where it was" || note "the task ran for $ran s"
    is "$(lines started)" 2 "$with: and then no task is started"

    # folders
    run "$n" -o "run dir" "other folder/where.yaml"
    output() { results output "run dir/results.h5" where "$@"; }
    is "$rc $(output here stdout)" "0 $PWD/other folder" "$with: tasks run in the spec's folder"
    is "$(output sub stdout)" "$PWD/other folder/sub" "$with: working_dir is within it"
    is "$(output absolute stdout)" "/tmp" "$with: or absolute"
    is "$(output own stdout)" "$PWD/run dir/files" "$with: or within the run directory"
    is "$(output env stdout)" "task|where|env x|$PWD/run dir|4|" "$with: environment settings, {run.dir}, {task.index}"
    is "$(ls)" "$(ls | grep -v where.run)" "$with: -o is where the run directory is"
done
