# What the tests of faults share, beside lib.sh: processes that are started
# with a mark in their environment, found again by it, and killed.
#
# All that a command started by `marked` starts inherits FAULT_MARK: mpirun, the
# ranks of this machine, the keepers, the tasks and what they leave. Nothing
# else on the machine has it.
# shellcheck shell=bash
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
mark=$scratch

# marked COMMAND...: with the mark, in the background of this test; its pid in
# $started, its output in launch.out
marked() {
    FAULT_MARK=$mark "$@" >launch.out 2>&1 </dev/null &
    started=$!
}

# launch N ARGUMENTS...: `mpibatch run` under plain mpirun with N ranks (0:
# without mpirun), marked
launch() {
    local n=$1; shift
    if [ "$n" = 0 ]; then marked "$MPIBATCH" run "$@"
    else marked "$MPIRUN" --oversubscribe -n "$n" "$MPIBATCH" run "$@"; fi
}

# is_unborn PID: a task that its rank has just made: it has the rank's memory,
# and with it its name and environment, until it executes its program
is_unborn() {
    local parent
    parent=$(sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$1/stat" 2>/dev/null) || return 1
    cmp -s "/proc/$1/cmdline" "/proc/$parent/cmdline"
}

# ours [KIND...]: the pids that carry the mark: mpirun, rank, keeper, task; in
# the order of the kinds, and as of one moment: what starts while one looks for
# the next kind would be the only one of its own to be spared
ours() {
    local pid comm kind found
    found=$(grep -lszF "FAULT_MARK=$mark" /proc/[0-9]*/environ | tr -cd '0-9\n' |
        while read -r pid; do
            read -r comm 2>/dev/null <"/proc/$pid/comm" || continue
            case $comm in
            mpirun | orterun | prterun) comm=mpirun ;;
            mpibatch-keeper) comm=keeper ;;
            mpibatch) if is_unborn "$pid"; then comm=task; else comm=rank; fi ;;
            *) comm=task ;;
            esac
            echo "$comm $pid"
        done)
    for kind in "${@:-[a-z]*}"; do sed -n "s/^$kind //p" <<<"$found"; done
}

# rank_pid RANK: the process that is this rank
rank_pid() {
    local pid
    for pid in $(ours rank); do
        if grep -qsxzF "OMPI_COMM_WORLD_RANK=$1" "/proc/$pid/environ"; then
            echo "$pid"
            return 0
        fi
    done
    return 1
}

# await SECONDS COMMAND...: until the command succeeds; its status at the end
await() {
    local tenths=$(($1 * 10)); shift
    until "$@"; do
        [ $((tenths--)) -gt 0 ] || return 1
        sleep 0.1
    done
}

none() { [ -z "$(ours "$@")" ]; }
at_least() { [ "$(cat "$2" 2>/dev/null | wc -l)" -ge "$1" ]; }

# over SECONDS: wait for what `marked` started; its exit code in $rc. It is
# killed, and rc is 124, if it takes longer.
over() {
    local pid=$started tenths=$(($1 * 10))
    # bash would tell of each that was killed
    while kill -0 "$pid" && [ $((tenths--)) -gt 0 ]; do sleep 0.1; done 2>/dev/null
    if kill -0 "$pid" 2>/dev/null; then
        note "still there after $1 s: $(ps -o pid=,etime=,args= -p "$(ours | paste -sd,)")"
        kill_ours
        wait "$pid" 2>/dev/null
        rc=124
    else
        wait "$pid" 2>/dev/null
        rc=$?
    fi
}

# kill_ours: everything, until nothing is left, twice: a process that is just
# being executed has no environment to be known by
kill_ours() {
    local left clear=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        left=$(ours)
        [ -n "$left" ] && clear=0 || clear=$((clear + 1))
        [ $clear -lt 2 ] || return 0
        # shellcheck disable=SC2086 # words
        [ -z "$left" ] || kill -9 $left
        sleep 0.1
    done 2>/dev/null # bash would tell of each that was killed
    none
}

# digest RUN: what results.h5 says, but for times and places: results.py
digest() { "$PYTHON" "$TEST_SRCDIR/tests/fault/results.py" "$1/results.h5"; }
need_python() { [ "${PYTHON:-:}" != : ] || skip_all "no Python with h5py"; }

# nothing of a test survives it, however it ends
trap 'fault_rc=$?; trap - EXIT; kill_ours; (exit $fault_rc); tap_end' EXIT
trap 'exit 1' INT TERM HUP
