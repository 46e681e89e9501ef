#!/usr/bin/env bash
# A disk that fills up: the run waits and says so, loses nothing, and goes on
# when there is room again; it can be stopped and killed meanwhile, and resumed.
# On a small file system of its own, in a mount namespace of its own.
if [ -z "${FAULT_NAMESPACE-}" ]; then
    export FAULT_NAMESPACE=1
    if unshare -m true 2>/dev/null; then exec unshare -m bash "$0"; fi
fi
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
mkdir disk
mount -t tmpfs -o size=8m tmpfs disk 2>/dev/null || skip_all "no small file system can be mounted (needs root)"
trap 'fault_rc=$?; trap - EXIT; kill_ours; umount -l "$scratch/disk"; (exit $fault_rc); tap_end' EXIT
plan 24

spec() { # NAME BYTES: 40 tasks that print so much each
    cat >"$1.yaml" <<E
jobs:
  - id: loud
    sweep:
      method: grid
      parameters: {x: [$(seq -s, 0 39)]}
    task: {command_line: "echo E = {x}.5; yes task {x} | head -c $2; echo {x} >>$scratch/ran"}
    metrics:
      E: {from: stdout, regex: '^E = (\S+)', type: float64}
E
}
spec small 50000  # goes through the manager into the pack
spec large 100000 # goes by the worker into a file of its own
for which in small large; do
    launch 0 $which.yaml -o $which.calm -q
    over 30
    digest $which.calm >$which.digest
done

fill() { head -c "$1" /dev/zero >disk/ballast; }
pause() { jq -r '[.state, .pause] | join(" ")' "$1/status.json" 2>/dev/null; }
paused() { [[ $(pause "$1") =~ ^paused.*No\ space\ left ]]; }
no_more() { # nothing has run for half a second
    local before
    before=$(wc -l <ran)
    sleep 0.5
    [ "$(wc -l <ran)" = "$before" ]
}
same_results() { digest "$1" >digest && diff "$2.digest" digest >difference; }
ran_once() { [ -z "$(sort ran | uniq -d)" ] && [ "$(wc -l <ran)" = 40 ]; }

# --- outputs in the pack: paused, room again
rm -f ran
fill 6800000
launch 2 small.yaml -o disk/run --plain
await 10 paused disk/run
result "a full disk: status.json says paused, and why" $? || note "$(pause disk/run)"
like "$("$MPIBATCH" status disk/run)" "^small: paused,.*paused: cannot write .*No space left" "status says so"
ok "nothing more is started" await 5 no_more
like "$(cat launch.out)" "No space left on device: no task is started until" "it was said when it happened"
rm disk/ballast
over 30
is "$rc" 0 "with room again it goes on to its end"
ok "nothing is lost" same_results disk/run small
ok "nothing ran twice" ran_once
rm -rf disk/run

# --- killed while the disk is full
rm -f ran
fill 6800000
launch 2 small.yaml -o disk/run --plain
await 10 paused disk/run
kill_ours
wait $started 2>/dev/null
ok "the journal can be read after a kill on a full disk" "$MPIBATCH" tasks disk/run
"$MPIBATCH" tasks --json disk/run | jq -r '.tasks[] | select(.state == "succeeded" or .state == "failed") | .task_index' | sort >before
rm disk/ballast ran
launch 2 small.yaml -o disk/run --plain
over 30
is "$rc" 0 "resumed when there is room"
ok "nothing is lost" same_results disk/run small
is "$(sort ran | comm -12 before - | wc -l)" 0 "nothing that was recorded ran again"
rm -rf disk/run

# --- stopped while the disk is full
rm -f ran
fill 6800000
launch 0 small.yaml -o disk/run --plain
await 10 paused disk/run
kill -TERM $started
over 25
is "$rc" 4 "told to stop on a full disk it ends, with code 4"
like "$(cat launch.out)" "what has ended since will run again" "and says what is lost"
ok "nobody is left" await 3 none
rm disk/ballast
launch 0 small.yaml -o disk/run --plain
over 30
is "$rc" 0 "resumed when there is room"
ok "nothing is lost" same_results disk/run small
rm -rf disk/run

# --- large outputs, written by the workers
rm -f ran
fill 6800000
launch 2 large.yaml -o disk/run --plain
await 10 grep -q "No space left" launch.out
result "a large output on a full disk is said" $? || note "$(cat launch.out)"
sleep 1.5
kill -0 $started 2>/dev/null
result "its task waits" $?
rm disk/ballast
over 30
is "$rc" 0 "with room again it goes on to its end"
ok "nothing is lost" same_results disk/run large
rm -rf disk/run

# --- results.h5 finds no room
rm -f ran
fill 6150000
launch 0 small.yaml -o disk/run --plain
over 30
like "$rc $(cat launch.out)" "^4 .*cannot make results.h5: .*No space left" "no room for results.h5: that is said, and code 4"
rm disk/ballast
launch 0 small.yaml -o disk/run
over 30
ok "the same command makes it when there is" same_results disk/run small
rm -rf disk/run

# --- no room to begin
fill 9000000 2>/dev/null
launch 2 small.yaml -o disk/run
over 30
like "$rc $(cat launch.out)" "^4 .*No space left" "no room for a run directory: code 4"
rm -f disk/ballast ran
launch 0 small.yaml -o disk/run
over 30
ok "the same command runs when there is" same_results disk/run small
