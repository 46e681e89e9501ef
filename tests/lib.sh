# What the shell tests share: TAP output, a scratch folder, a time limit.
#
# A test sources this file, says plan N, and calls ok, is, like ... once a
# case. It runs in an empty folder of its own, which is removed at the end.
# MPIBATCH is the program, MPIRUN the mpirun, TEST_SRCDIR the sources.
# shellcheck shell=bash
set -u
: "${MPIBATCH:?}" "${TEST_SRCDIR:?}"
MPIRUN=${MPIRUN:-mpirun}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# more ranks than cores, and ranks that wait must not take the tasks' cores
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

tap_count=0
tap_plan=0
tap_failed=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mpibatch-test.XXXXXX") || exit 99
cd "$scratch" || exit 99
trap 'tap_end' EXIT

plan() { tap_plan=$1; echo "1..$1"; }
skip_all() { echo "1..0 # SKIP $*"; trap - EXIT; rm -rf "$scratch"; exit 0; }
note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# ok WHAT CONDITION-STATUS
result() {
    tap_count=$((tap_count + 1))
    if [ "$2" = 0 ]; then echo "ok $tap_count - $1"; return 0; fi
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    return 1
}
# ok WHAT COMMAND...: the command succeeds
ok() { local what=$1; shift; "$@" >ok.out 2>&1; local rc=$?; result "$what" $rc || { note "$*: exit code $rc"; note "$(tail -n 20 ok.out)"; }; }
# is GOT WANTED WHAT
is() { [ "$1" = "$2" ]; result "$3" $? || { note "     got: $1"; note "expected: $2"; }; }
# like TEXT REGEX WHAT
like() { [[ $1 =~ $2 ]]; result "$3" $? || { note "     got: $1"; note "expected to match: $2"; }; }
unlike() { ! [[ $1 =~ $2 ]]; result "$3" $? || { note "     got: $1"; note "expected not to match: $2"; }; }

tap_end() {
    local rc=$?
    cd /
    if [ "$tap_failed" = 0 ] && [ "$tap_count" = "$tap_plan" ] && [ "$rc" = 0 ]; then rm -rf "$scratch"
    else note "kept: $scratch (exit code $rc, $tap_count of $tap_plan cases)"; fi
    [ "$tap_count" = "$tap_plan" ] || exit 99
}

# limited SECONDS COMMAND...: ended, with all of its group, after so long
limited() { local s=$1; shift; timeout --foreground -k 5 "$s" "$@"; }

# run N ARGUMENTS...: mpibatch run under mpirun with N ranks (0: without
# mpirun), within two minutes; its output in run.out, its exit code in $rc
run() {
    local n=$1; shift
    if [ "$n" = 0 ]; then limited 120 "$MPIBATCH" run "$@" >run.out 2>&1
    else limited 120 "$MPIRUN" --oversubscribe -n "$n" "$MPIBATCH" run "$@" >run.out 2>&1; fi
    rc=$?
    [ "$rc" -le 4 ] || note "$(tail -n 20 run.out)"
    return 0
}

# count RUN STATE: how many tasks are succeeded, failed, active
count() { "$MPIBATCH" tasks --state "$2" "$1" 2>&1 | tail -n +2 | wc -l; }

# left_behind MARK: processes whose command line has MARK (never this shell)
left_behind() { pgrep -f -- "$1" | grep -v -e "^$$\$" -e "^$BASHPID\$" | wc -l; }
