#!/usr/bin/env bash
# Losses under Slurm: a job killed without warning, a node that dies.
# shellcheck source=tests/slurm/cluster.sh
export SLURM_CLUSTER_KILLWAIT=1
. "$TEST_SRCDIR/tests/slurm/cluster.sh"
plan 8
spec stubborn 12 "$(noting "trap '' TERM; sleep 2.5")"
spec slow 12 "$(noting 'sleep 2.5')"

# --- scancel, and SIGKILL before the run can end in order
submit killed -- exec "$MPIBATCH" launch stubborn.yaml -o killed
await 20 has_done killed 6
sleep 1
scancel "$job"
finished 40
like "$state" "^CANCELLED 0:9" "scancel with hardly any KillWait"
await 10 nothing_left
result "nothing is left" $? || note "$(on_nodes .)"
resume killed stubborn.yaml

# --- a node dies; with --no-kill Slurm leaves the job alone
submit survived --no-kill -- exec "$MPIBATCH" launch --lost-after 5s slow.yaml -o survived
await 20 has_done survived 6
bash "$cluster" kill n3
finished 60
is "$state" "COMPLETED 0:0" "a node dies: the run goes on with the rest" || note "$(cat survived.out)"
like "$(cat survived.out)" "rank 2 on n3 is lost; its tasks will run elsewhere" "and says so"
is "$(done_count survived)" 12 "all tasks have succeeded"
is "$(jq .ranks.lost survived/status.json)" 1 "one rank was lost"
