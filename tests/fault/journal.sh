#!/usr/bin/env bash
# Journals as power failures and bad disks leave them. A torn end is cut off and
# said, what it recorded runs again; damage before the end is refused, with file
# and byte, and nothing is changed. What is made from the journal can be made
# again.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
RANDOM=${FAULT_SEED:=$(date +%j)}
plan 19
note "FAULT_SEED=$FAULT_SEED"

cat >spec.yaml <<E
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters: {x: [$(seq -s, 0 9)], y: [$(seq -s, 0 9)]}
    task: {command_line: ["sh", "-c", "echo energy = {x}.{y}; echo {task.index} >&2; echo {task.index} >>$scratch/ran"]}
    metrics:
      energy: {from: stdout, regex: '^energy = (\S+)', type: float64}
E
resume() { run 0 spec.yaml -o "$1"; }
resume calm
is "$rc" 0 "undisturbed"
digest calm >calm.digest
run 0 spec.yaml -o begun --limit 30
run 0 spec.yaml -o begun --limit 40
is "$rc" 3 "two sessions have done 70 of 100 tasks"
last=begun/journal/0002.journal
size=$(stat -c %s $last)

bad=0
trouble() { bad=$((bad + 1)); note "$*"; }
ended() { "$MPIBATCH" tasks --json "$1" | jq -r '.tasks[] | select(.state == "succeeded" or .state == "failed") | .task_index' | sort; }

# A copy of the run, damaged by COMMAND FILE of it: resumes, runs just what the
# journal does not have as ended, and ends well.
torn() { # FILE COMMAND...
    local file=$1; shift
    rm -rf torn ran
    cp -a begun torn
    "$@" "torn/$file"
    ended torn >before || trouble "$*: tasks cannot be listed"
    resume torn
    sort ran >now
    [ "$rc" = 0 ] || trouble "$*: exit code $rc: $(cat run.out)"
    [ -z "$(comm -12 before now)" ] || trouble "$*: ran again: $(comm -12 before now | paste -sd' ')"
    digest torn >digest && diff calm.digest digest >difference || trouble "$*: $(head difference)"
}
warned() { grep -q "warning: .*/torn/$1.* torn" run.out || trouble "no warning of $1: $(cat run.out)"; }

cut_at() { truncate -s "$1" "$2"; }
for _ in 1 2 3 4 5 6 7 8; do
    at=$((RANDOM * 32768 + RANDOM)); at=$((at % size))
    torn journal/0002.journal cut_at $at
    note "cut at $at of $size bytes: $(wc -l <now) ran"
done
is $bad 0 "a journal that ends anywhere"

bad=0
for at in 0 1 23 24 25; do torn journal/0002.journal cut_at $at; done
is $bad 0 "one that ends in its header, or just behind it"

bad=0
torn journal/0002.journal cut_at $((size - 1))
warned journal/0002.journal
[ "$(grep -c warning run.out)" = 1 ] || trouble "said more than once: $(cat run.out)"
is $bad 0 "what was torn is said, once"

append() { "${@:1:$#-1}" >>"${*: -1}"; }
bad=0
for length in 1 7 8 9 500 30000 1100000; do
    torn journal/0002.journal append head -c $length /dev/zero
    warned journal/0002.journal
    torn journal/0002.journal append head -c $length /dev/urandom
    warned journal/0002.journal
    [ "$(wc -l <now)" = 30 ] || trouble "$length bytes behind the end: $(wc -l <now) tasks ran"
done
is $bad 0 "zeros or garbage behind its end"

hole() { dd if=/dev/zero of="$1" bs=512 seek=$((size / 512 - 1)) count=1 conv=notrunc status=none; }
bad=0
torn journal/0002.journal hole
warned journal/0002.journal
is $bad 0 "a block near its end that never came to the disk"

bad=0
torn journal/0001.journal cut_at $(($(stat -c %s begun/journal/0001.journal) - 3))
warned journal/0001.journal
is $bad 0 "the journal of an earlier session, torn"

# --- damage to what was safe
tree() { (cd "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2 && find . | sort); }
damaged() { # WHAT FILE COMMAND...: refused, nothing changed
    local what=$1 file=$2; shift 2
    rm -rf damaged ran
    cp -a begun damaged
    "$@" "damaged/$file"
    tree damaged >tree.before
    resume damaged
    tree damaged >tree.after
    is "$rc" 2 "$what: refused"
    like "$(cat run.out)" "damaged/$file.*byte [0-9]+" "$what: file and byte are named"
    ok "$what: nothing ran, nothing was changed" eval '[ ! -f ran ] && diff tree.before tree.after'
}
flip() { # AT FILE
    local byte
    byte=$(dd if="$2" bs=1 skip="$1" count=1 status=none | od -An -tu1)
    printf "\\x$(printf %02x $((byte ^ 0x40)))" | dd of="$2" bs=1 seek="$1" conv=notrunc status=none
}
damaged "a bit in the middle" journal/0002.journal flip $((size / 2))
damaged "a bit in an earlier session" journal/0001.journal flip 700

# --- views can be made again
rm calm/results.h5
resume calm
is "$rc" 0 "results.h5 was removed from a finished run"
ok "and is made again" eval 'digest calm >digest && diff calm.digest digest'
echo '{"version": 1' >begun/status.json
resume begun
is "$rc" 0 "a torn status.json does no harm"
cp -a calm elsewhere
: >elsewhere/output/0001.stdout
rm elsewhere/results.h5
resume elsewhere
is "$rc" 0 "a pack of outputs is gone: results.h5 is made"
cat >check.py <<E
import h5py
f = h5py.File("elsewhere/results.h5")
assert f["energy"][9, 9] == 9.9
assert (f["batch/output/stdout_index"]["offset"] == 2**64 - 1).all()  # not there
assert (f["batch/output/stdout_index"]["length"] == 13).all()
assert (f["batch/output/stderr_index"]["offset"] <= 290).all()
E
ok "with its metrics, and what is not there marked" "$PYTHON" check.py
