#!/usr/bin/env bash
# The walltime comes near: README.md's script gets a signal, nothing more is
# started, and the same script, submitted again, does what is left.
# shellcheck source=tests/slurm/cluster.sh
. "$TEST_SRCDIR/tests/slurm/cluster.sh"
plan 7
spec long 400 "$(noting "sleep \$(cat $scratch/step)")"
echo 0.5 >step
failed() { jq .tasks.failed "$1/status.json"; }

# --- a signal some time before the walltime, to the script alone. Slurm sends
# it up to a minute early, and looks each half minute.
submit drained --time=1 --signal=B:USR1@55 -- exec "$MPIBATCH" launch long.yaml -o drained
finished 60
is "$state" "FAILED 3:0" "B:USR1: the job ends with code 3" || note "$(cat drained.out)"
like "$(cat drained.out)" "SIGUSR1: no task is started any more; running tasks may end" "and says why"
is "$(failed drained) $(jq .tasks.retried drained/status.json)" "0 0" "the running tasks came to their end"
ok "some had ended" test "$(done_count drained)" -gt 0
ok "nothing is left" await 3 nothing_left
echo 0.01 >step
resume drained long.yaml
