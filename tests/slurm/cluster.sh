# What the tests under Slurm share, beside lib.sh: a cluster of three nodes of
# their own, jobs that are waited for, and what runs on the nodes.
# shellcheck shell=bash
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
cluster=$TEST_SRCDIR/tests/tools/slurm-cluster
export SLURM_CLUSTER_DIR=/tmp/sc.$$
[ "$(id -u)" = 0 ] || skip_all "a Slurm cluster can only be made by root"
for command in slurmctld slurmd sbatch munged mount; do
    PATH=$PATH:/usr/sbin command -v $command >/dev/null || skip_all "no $command"
done
unshare -n true 2>/dev/null || skip_all "no network namespaces here"
bash "$cluster" up 3 >up.out 2>&1 || { cat up.out >&2; exit 99; }
trap 'cluster_rc=$?; trap - EXIT; bash "$cluster" down; (exit $cluster_rc); tap_end' EXIT
trap 'exit 1' INT TERM HUP
eval "$(bash "$cluster" env)"
# mpibatch finds out for itself what is right
unset OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_rmaps_base_oversubscribe OMPI_MCA_mpi_yield_when_idle

# spec NAME TASKS COMMAND: a sweep
spec() {
    cat >"$1.yaml" <<E
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters: {x: [$(seq -s, 0 $(($2 - 1)))]}
    task:
      command_line: |
        $3
    metrics:
      E: {from: stdout, regex: '^E = (\S+)', type: float64}
E
}

# submit NAME OPTION... -- LINE: a job of three nodes whose last line is LINE;
# its id in $job, its output in NAME.out
submit() {
    local name=$1; shift
    { echo "#!/bin/bash"; printf '#SBATCH %s\n' --nodes=3 --exclusive "--output=$name.out" --open-mode=append
      while [ "$1" != -- ]; do echo "#SBATCH $1"; shift; done
      shift; echo "$*"; } >"$name.sh"
    job=$(sbatch --parsable "$name.sh")
}
# finished SECONDS: the job's state and exit code in $state, or "still there"
finished() {
    local tenths=$(($1 * 5))
    while [ -n "$(squeue -h -j "$job" 2>/dev/null)" ]; do
        [ $((tenths--)) -gt 0 ] || { state="still there"; return 1; }
        sleep 0.2
    done
    state=$(scontrol show job "$job" | sed -n 's/.*JobState=\(\S*\).*/\1/p; s/.* ExitCode=\(\S*\)/\1/p' | paste -sd' ')
}
# await SECONDS COMMAND...: until the command succeeds; its status at the end
await() {
    local fifths=$(($1 * 5)); shift
    until "$@"; do
        [ $((fifths--)) -gt 0 ] || return 1
        sleep 0.2
    done
}
# Open MPI 4.1.4 under Slurm 22.05's PMIx: MPI_Init crashes once in 40 starts
# (btl_tcp is called before it is ready). Such a start is made again; -K lets
# srun end the others.
srun="srun -K --mpi=pmix"
crashed() { grep -q "Segmentation fault" "$1.out" 2>/dev/null; }
said() { grep -qE "$2" "$1.out" 2>/dev/null; }
done_count() { jq .tasks.succeeded "$1/status.json" 2>/dev/null || echo 0; }
has_done() { [ "$(done_count "$1")" -ge "$2" ]; }

# on_nodes PATTERN: processes on the nodes whose command line matches
on_nodes() {
    local n
    for n in n1 n2 n3; do bash "$cluster" on $n ps -e -o args 2>/dev/null | grep -E -e "$1" | grep -v grep; done
}
none_on_nodes() { [ -z "$(on_nodes "$1")" ]; }
nothing_left() { none_on_nodes "mpibatch|mpirun|orted|sleep [0-9](\.|$)"; }

# resume RUN SPEC: submitted again, what had ended does not run again, and all
# succeeds (the tasks of SPEC append their index to ran.RUN); two cases
resume() {
    "$MPIBATCH" tasks --json "$1" | jq -r '.tasks[] | select(.state == "succeeded" or .state == "failed") | .task_index' | sort >before
    rm -f "ran.$1"
    submit "$1" -- exec "$MPIBATCH" launch "$2" -o "$1"
    finished 60
    is "$state" "COMPLETED 0:0" "$1: the same script, submitted again, ends it" || note "$(tail -n 20 "$1.out")"
    is "$(sort "ran.$1" 2>/dev/null | comm -12 before - | wc -l)" 0 "$1: nothing that had ended ran again"
}
# noting COMMAND: a task that notes that it ran, and then runs COMMAND
noting() { echo "echo E = {x}; echo {x} >>$scratch/ran.\$(basename \$MPIBATCH_RUN_DIR); $1"; }

# nodes RUN: where its tasks ran
nodes() {
    "$PYTHON" -c 'import h5py, sys
print(*sorted(n.decode() for n in set(h5py.File(sys.argv[1])["batch/tasks"]["node"])))' "$1/results.h5"
}
