# What the shell tests share: TAP output, a scratch folder, time limits.
#
# A test sources this file, says plan N, and calls ok, is, like ... once a
# case. It runs in an empty folder of its own, which is removed at the end.
# MPIBATCH is the program, MPIRUN the mpirun, TEST_SRCDIR the sources, PYTHON a
# Python with h5py and xarray (":" if there is none).
# shellcheck shell=bash
set -u
: "${MPIBATCH:?}" "${TEST_SRCDIR:?}"
MPIRUN=${MPIRUN:-mpirun}
PYTHON=${PYTHON:-:}
tools=$TEST_SRCDIR/tests/tools
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# more ranks than cores, and ranks that wait must not take the tasks' cores
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PYTHONDONTWRITEBYTECODE=1
unset MPIBATCH_LAUNCH_ID MPIBATCH_LAUNCH_COMMAND MPIBATCH_TERMINAL NO_COLOR
exec </dev/null

tap_count=0
tap_plan=0
tap_failed=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mpibatch-test.XXXXXX") || exit 99
cd "$scratch" || exit 99
trap 'tap_end' EXIT

plan() { tap_plan=$1; echo "1..$1"; }
skip_all() { echo "1..0 # SKIP $*"; trap - EXIT; rm -rf "$scratch"; exit 0; }
note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# result WHAT STATUS
result() {
    tap_count=$((tap_count + 1))
    if [ "$2" = 0 ]; then echo "ok $tap_count - $1"; return 0; fi
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    return 1
}
# ok WHAT COMMAND...: the command succeeds
ok() { local what=$1; shift; "$@" >ok.out 2>&1; local rc=$?; result "$what" $rc || { note "$*: exit code $rc"; note "$(tail -n 20 ok.out)"; return 1; }; }
# is GOT WANTED WHAT
is() { [ "$1" = "$2" ]; result "$3" $? || { note "     got: $1"; note "expected: $2"; return 1; }; }
# like TEXT REGEX WHAT
like() { [[ $1 =~ $2 ]]; result "$3" $? || { note "     got: $1"; note "expected to match: $2"; return 1; }; }
unlike() { ! [[ $1 =~ $2 ]]; result "$3" $? || { note "     got: $1"; note "expected not to match: $2"; return 1; }; }
# skip N WHY: the next N cases cannot be judged here
skip() { local i; for ((i = 0; i < $1; i++)); do tap_count=$((tap_count + 1)); echo "ok $tap_count # SKIP $2"; done; }

tap_end() {
    local rc=$?
    cd /
    if [ "$tap_failed" = 0 ] && [ "$tap_count" = "$tap_plan" ] && [ "$rc" = 0 ]; then rm -rf "$scratch"
    else note "kept: $scratch (exit code $rc, $tap_count of $tap_plan cases)"; fi
    [ "$tap_count" = "$tap_plan" ] || exit 99
}

# limited SECONDS COMMAND...: ended, with all of its group, after so long
limited() { local s=$1; shift; timeout --foreground -k 5 "$s" "$@"; }

# ranks N: sets ranks, the words that start N ranks (0: no mpirun)
ranks() {
    if [ "$1" = 0 ]; then ranks=()
    else ranks=("$MPIRUN" --oversubscribe -n "$1"); fi
}

# run N ARGUMENTS...: mpibatch run under mpirun with N ranks (0: without
# mpirun), within two minutes; its output in run.out, its exit code in $rc
run() {
    # when rank 0 returns something else than 0, mpirun need not wait 2 s
    [ "$1" = 0 ] || local -x OMPI_MCA_odls_base_sigkill_timeout=0
    ranks "$1"; shift
    limited 120 ${ranks[@]+"${ranks[@]}"} "$MPIBATCH" run "$@" >run.out 2>&1
    rc=$?
    [ "$rc" -le 4 ] || note "$(tail -n 20 run.out)"
    return 0
}

# start N ARGUMENTS...: the same in the background, as $pid, to be sent signals
start() {
    ranks "$1"; shift
    ${ranks[@]+"${ranks[@]}"} "$MPIBATCH" run "$@" >run.out 2>&1 &
    pid=$!
}

# finish [SECONDS]: wait for $pid; its exit code in $rc (124: had to be killed)
finish() {
    eventually "${1:-60}" gone "$pid" || { kill -KILL "$pid"; wait "$pid"; rc=124; return 0; }
    wait "$pid"
    rc=$?
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# eventually SECONDS COMMAND...: the command succeeds within that time
eventually() {
    local tries=$(($1 * 20)); shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

# lines FILE: how many it has, 0 if there is none
lines() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }
# has_lines N FILE: at least so many
has_lines() { [ "$(lines "$2")" -ge "$1" ]; }

# count RUN STATE: how many tasks are succeeded, failed, active; succeeded are
# also those without a metric, as status counts them
count() {
    "$MPIBATCH" tasks --state "$2" --format ids "$1" >count.out 2>&1
    [ "$2" != succeeded ] || "$MPIBATCH" tasks --state invalid --format ids "$1" >>count.out 2>&1
    lines count.out
}

# left_behind MARK: processes whose command line has MARK (never this shell),
# given a second to go
left_behind() {
    eventually 1 nobody_has "$1"
    pgrep -f -- "$1" | grep -c -v -e "^$$\$" -e "^$BASHPID\$"
}
nobody_has() { ! pgrep -f -- "$1" | grep -q -v -e "^$$\$" -e "^$BASHPID\$"; }

# A program of that name that sleeps: its name is found by left_behind.
make_sleeper() { cp "$(command -v sleep)" "$1"; }

need_python() { [ "$PYTHON" != : ] || skip_all "no Python with xarray, pandas, h5py"; }
# json FILE EXPRESSION: of the document d, in Python
json() { "$PYTHON" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }
# results WHAT ...: what is in a results.h5, see results.py
results() { "$PYTHON" "$tools/results.py" "$@"; }

# watch FOLDER FILE: the kernel says in FILE who opens what there, from now on;
# it fails where that cannot be had; watched: no more
watch() {
    "$TEST_BUILDDIR/tests/tools/opens" "$1" >"$2" 2>&1 &
    watcher=$!
    eventually 5 grep -q ready "$2"
}
watched() {
    kill "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
    watcher=
}
# opened FILE NAME: how often that was
opened() { awk -v f="$2" '$2 == f' "$1" | wc -l; }
# cost RUN WHAT: of its staging, by its status
cost() { jq ".staging.$2" "$1/status.json"; }
