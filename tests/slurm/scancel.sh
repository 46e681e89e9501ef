#!/usr/bin/env bash
# scancel: SIGTERM to each process of a job, the tasks' too. The run can be
# resumed, nothing that has ended is lost or runs again, no task fails through
# it, and nothing is left behind.
# shellcheck source=tests/slurm/cluster.sh
. "$TEST_SRCDIR/tests/slurm/cluster.sh"
plan 10
spec sweep 60 "$(noting 'sleep 0.2; sleep 0.3')"
failed() { jq .tasks.failed "$1/status.json"; }

# --- under launch
submit cancelled -- exec "$MPIBATCH" launch sweep.yaml -o cancelled
await 20 has_done cancelled 12
scancel "$job"
finished 40
like "$state" "^CANCELLED" "scancel" || note "$(cat cancelled.out)"
is "$(jq -c '[.state, .exit_code]' cancelled/status.json)" '["finished",3]' "the run has ended in order"
is "$(failed cancelled)" 0 "no task has failed through it" || note "$(cat cancelled.out)"
ok "nothing is left" await 5 nothing_left
resume cancelled sweep.yaml

# --- under srun
for _ in 1 2 3; do
    rm -f stepped.out
    submit stepped -- "$srun" "$MPIBATCH" run sweep.yaml -o stepped
    await 20 eval "has_done stepped 12 || crashed stepped"
    crashed stepped || break
    finished 40
done
scancel "$job"
finished 40
await 10 nothing_left
result "scancel of a run under srun: nothing is left" $? || note "$(on_nodes .)"
is "$(jq -c '[.state, .exit_code]' stepped/status.json) $(failed stepped)" '["finished",3] 0' "the run has ended in order, no task has failed"
resume stepped sweep.yaml
