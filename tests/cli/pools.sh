#!/bin/bash
# Pools, resources, special tasks and schedules, as validate and plan show them;
# what can never run is refused before anything does.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 16

cat >all.yaml <<'EOF'
pools:
  - id: big
    nodes: {count: 2, name: 'gpu*', min_gpus: 1}
    node_resources: {gpus: 4, memory: 64GiB}
    pool_resources: {licences: 5}
    task_scheduling_policy: {node_fill_type: pack}
    start_task: {command_line: ./warm up}
  - {id: rest, task_slots_per_node: 4}
jobs:
  - id: scan
    display_name: The scan
    pool_info: {pool_id: big}
    metadata: {project: lattice}
    priority: 3
    max_parallel_tasks: 7
    stop_when: {failed: 5%, after: 20}
    job_preparation_task: {command_line: fetch}
    job_release_task: {command_line: clean}
    job_manager_task: {command_line: steer}
    sweep: {parameters: {T: [1, 2, 3]}}
    task: {command_line: solve {T}, required_resources: {memory: 4GiB, gpus: 0.5, licences: 1, cores: 2}}
  - {id: later, pool_info: {pool_id: rest}, tasks: [], on_all_tasks_complete: no_action}
job_schedules:
  - id: check
    schedule: {do_not_run_until: 1m, recurrence_interval: 10m, do_not_run_after: 31m}
    job_specification: {pool_info: {pool_id: rest}, task: {command_line: look}}
EOF
sed -i "s/solve {T}/'solve {T}'/" all.yaml

"$MPIBATCH" validate all.yaml >out
like "$(<out)" "job later: 0 tasks" "validate: a job without tasks yet"
like "$(<out)" "begins by schedule check, up to 4 times" "validate: a schedule's job"
unlike "$(<out)" "check-job-2" "validate: its copies are one"
"$MPIBATCH" validate --json all.yaml >out.json
is "$(json out.json '" ".join(p["pool_id"] for p in d["pools"])')" "big rest" "validate --json: pools"
is "$(json out.json 'd["jobs"][0]["requests"][0]["resources"]')" \
    "{'gpus': 0.5, 'memory': 4294967296, 'licences': 1}" "validate --json: what tasks require"
is "$(json out.json '" ".join(j["pool_id"] for j in d["jobs"])')" "big rest rest" "validate --json: jobs and their pools"
"$MPIBATCH" plan all.yaml >out
for line in "pool big: slots as its nodes have, 2 nodes at most, nodes named gpu\*, begins with 2 nodes" \
    "all together, licences 5; a start task on each node" "pool rest: 4 slots a node" "7 tasks run at once at most" \
    "asks for: 2 slots, gpus 0.5, memory 4.0 GiB, licences 1"; do
    like "$(<out)" "$line" "plan: $line"
done

# what can never run here
refused() { # WHAT SPEC TEXT
    printf '%s\n' "$2" >never.yaml
    "$MPIBATCH" run -o never.run never.yaml >out 2>&1
    like "$? $(<out)" "^2 .*$3" "$1"
    rm -rf never.run
}
refused "a resource that no node has" \
    'pools: [{id: a, node_resources: {gpus: 0}}, {id: b, nodes: {name: nowhere}}]
jobs: [{pool_info: {pool_id: a}, task: {command_line: "true"}}]' 'pool "b" gets no node'
refused "more nodes than there are" \
    'pool: {target_dedicated_nodes: 3}
jobs: [{task: {command_line: "true"}}]' 'pool "pool" needs 3 nodes, and there is 1 among the 1 of the allocation'
refused "more memory than a node has" \
    'jobs: [{task: {command_line: "true", required_resources: {memory: 900TiB}}}]' \
    'requires 900.0 TiB of memory, but no node has more than'

# a schedule within a session
cat >clock.yaml <<'EOF'
jobs: [{id: main, task: {command_line: sleep 1.5}}]
job_schedules:
  - id: tick
    schedule: {recurrence_interval: 1s, do_not_run_after: 1s}
    job_specification: {task: {command_line: echo tick}}
EOF
ok "jobs that begin by the clock" "$MPIBATCH" run -o clock.run clock.yaml
is "$("$MPIBATCH" job list --json clock.run >jobs.json; json jobs.json '" ".join(j["job_id"] for j in d["jobs"])')" \
    "main tick-job-1 tick-job-2" "they are jobs like others"
[ "$tap_failed" = 0 ]
