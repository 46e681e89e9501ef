#!/usr/bin/env bash
# The ways to start a run in a Slurm allocation, and a task that is an MPI
# program itself.
# shellcheck source=tests/slurm/cluster.sh
. "$TEST_SRCDIR/tests/slurm/cluster.sh"
[ "${PYTHON:-:}" != : ] || skip_all "no Python with h5py"
plan 18
spec sweep 30 'echo E = {x}.5; sleep 0.3; hostname'

# The script in README.md.
sed -n '/^#!\/bin\/bash/,/^exec mpibatch/p' "$TEST_SRCDIR/README.md" |
    sed "s|mpibatch|$MPIBATCH|; s/--nodes=4/--nodes=3/" >readme.sh
like "$(cat readme.sh)" "exec .*mpibatch launch sweep.yaml" "README.md has a script"
job=$(sbatch --parsable --output=readme.out readme.sh)
finished 40
is "$state" "COMPLETED 0:0" "it runs to its end" || note "$(cat readme.out)"
like "$(cat readme.out)" "30 tasks; 3 ranks on 3 nodes" "one rank on each node"
is "$(nodes sweep.run)" "n1 n2 n3" "tasks on all nodes"
is "$(jq .slots.total sweep.run/status.json)" 6 "all cores that Slurm gave"

submit twice -- exec "$MPIBATCH" launch -r 2 sweep.yaml -o twice
finished 40
is "$state $(jq -c '[.ranks.total, .nodes.total, .slots.total]' twice/status.json)" "COMPLETED 0:0 [6,3,6]" "two ranks a node share its cores"

submit bympirun -- exec mpirun "$MPIBATCH" run sweep.yaml -o bympirun
finished 40
is "$state" "COMPLETED 0:0" "exec mpirun mpibatch run" || note "$(cat bympirun.out)"
is "$(nodes bympirun)" "n1 n2 n3" "tasks on all nodes"

for _ in 1 2 3; do
    timeout 60 $srun -N 3 -n 3 "$MPIBATCH" run sweep.yaml -o bysrun >bysrun.out 2>&1
    rc=$?
    crashed bysrun || break
done
is "$rc" 0 "srun --mpi=pmix mpibatch run" || note "$(cat bysrun.out)"
is "$(nodes bysrun)" "n1 n2 n3" "tasks on all nodes"

timeout 60 salloc -N 3 mpirun "$MPIBATCH" run sweep.yaml -o bysalloc >bysalloc.out 2>&1
is "$?" 0 "salloc and mpirun" || note "$(cat bysalloc.out)"
is "$(nodes bysalloc)" "n1 n2 n3" "tasks on all nodes"

timeout 60 salloc -N 2 "$MPIBATCH" launch sweep.yaml -o fewer >fewer.out 2>&1
like "$? $(cat fewer.out)" "^0 .*2 ranks on 2 nodes" "salloc and mpibatch launch"

timeout 60 srun -n 2 "$MPIBATCH" run sweep.yaml -o plain >plain.out 2>&1
rc=$?
like "$(cat plain.out)" 'use "srun --mpi=pmix", mpirun, or "mpibatch launch"' "plain srun: says what to do instead"
is "$rc $(ls -d plain 2>/dev/null)" "2 " "and does nothing"

# Each task starts an MPI program, on its own node.
spec nested 6 'echo E = {x}; sleep 0.2; mpirun --oversubscribe -n 2 sh -c "echo rank on \$(hostname) of $(hostname)"'
submit nested -- exec "$MPIBATCH" launch nested.yaml
finished 60
is "$state" "COMPLETED 0:0" "tasks that are mpirun themselves" || note "$(cat nested.out nested.run/output/*)"
cat nested.run/output/*.stdout >ranks
is "$(grep -c '^rank on \(n[123]\) of \1$' ranks)" 12 "stay on the node of the task" || note "$(cat ranks)"
is "$(nodes nested.run)" "n1 n2 n3" "on all nodes"
