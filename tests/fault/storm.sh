#!/usr/bin/env bash
# Rough weather: many runs at the same time, a run directory that vanishes or may
# not be written, odd names, users without a home, closed files, low limits.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
plan 30
cat >spec.yaml <<'E'
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters: {x: [0, 1, 2, 3, 4], y: [0, 1, 2, 3]}
    task: {command_line: "echo E = {x}.{y}; sleep 0.02; echo {task.index} >&2"}
    metrics:
      E: {from: stdout, regex: '^E = (\S+)', type: float64}
E
cat >slow.yaml <<'E'
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters: {x: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}
    task: {command_line: [sleep, "0.5"]}
E
launch 0 spec.yaml -o calm
over 30
digest calm >calm.digest
same_results() { digest "$1" >"$scratch/digest" && diff "$scratch/calm.digest" "$scratch/digest" >"$scratch/difference"; }
has_tasks() { [ -n "$(ours task)" ]; }

# --- many at the same time
pids=""
for i in $(seq 20); do
    FAULT_MARK=$mark limited 90 "$MPIBATCH" run -q spec.yaml -o "many$i" >"many$i.out" 2>&1 &
    pids="$pids $!"
done
bad=0
for pid in $pids; do wait "$pid" || bad=$((bad + 1)); done
is $bad 0 "20 runs at the same time in one folder" || note "$(cat many*.out)"
for i in $(seq 20); do same_results "many$i" || bad=$((bad + 1)); done
is $bad 0 "all with the same results"

launch 0 slow.yaml -o one
await 10 has_tasks
run 0 slow.yaml -o one
like "$rc $(cat run.out)" "^2 .*in use|^2 .*another session" "a second run on a run directory is refused"
ok "as is moving it aside" eval '! "$MPIBATCH" run --fresh slow.yaml -o one'
over 30
is "$rc" 0 "the first one does not mind"

# --- the run directory vanishes
launch 2 slow.yaml -o gone
await 10 has_tasks
rm -rf gone
over 40
is "$rc" 4 "the run directory is removed: code 4"
like "$(cat launch.out)" "error: .*gone.*No such file" "and says what is missing"
unlike "$(cat launch.out)" "Segmentation|signal 6|signal 11" "and does not crash"
ok "nobody is left" await 5 none

# --- names
mkdir "a folder, 'quoted\" \$HOME é"
cd "a folder, 'quoted\" \$HOME é" || exit 99
cp -- ../spec.yaml "-ö '\$(x)\".yaml"
run 0 -q -o "1 ' \" é" -- "-ö '\$(x)\".yaml"
is "$rc" 0 "names with blanks, quotes, dollars, no ASCII"
ok "right results" same_results "1 ' \" é"
run 2 -q -- "-ö '\$(x)\".yaml"
is "$rc" 0 "under mpirun"
ok "right results" same_results "./-ö '\$(x)\".run"
marked "$MPIBATCH" launch -n 2 -q -o "3 ' \" é" -- "-ö '\$(x)\".yaml"
over 40
is "$rc" 0 "under launch"
ok "right results" same_results "3 ' \" é"
cd "$scratch" || exit 99

# --- no home, no files
( unset HOME; run 2 -q spec.yaml -o homeless; exit "$rc" )
is $? 0 "HOME is not set"
FAULT_MARK=$mark limited 60 "$MPIBATCH" run spec.yaml -o closed <&- >&- 2>&-
is $? 0 "stdin, stdout and stderr are closed"
ok "nothing was written where it should not be" same_results closed
FAULT_MARK=$mark limited 60 "$MPIBATCH" launch -n 2 spec.yaml -o closed2 <&- >&- 2>&-
is $? 0 "the same under launch"
ok "right results" same_results closed2
limited 60 "$MPIBATCH" run spec.yaml -o full >/dev/full 2>&1 </dev/null
is $? 0 "stdout and stderr are full"

# --- low limits
( ulimit -n 20; run 0 spec.yaml -o files; exit "$rc" )
like "$? $(cat run.out)" "^4 .*ulimit -n" "too few open files: said at once"
( ulimit -f 1; FAULT_MARK=$mark exec "$MPIBATCH" run -q spec.yaml -o short >/dev/null 2>&1 ) & started=$!
sleep 3
kill -TERM $started
over 30
is "$rc" 4 "ulimit -f is like a full disk"
run 2 -q spec.yaml -o short
is "$rc" 0 "without it the run is resumed"
ok "right results" same_results short

# --- another user, whose processes nobody else counts
if [ "$(id -u)" != 0 ] || ! setpriv --reuid 1 --clear-groups true 2>/dev/null; then
    skip 5 "needs root"
    exit
elif ! setpriv --reuid 1 --clear-groups test -x "$MPIBATCH"; then
    skip 5 "the program is not there for another user"
    exit
fi
user=$((64000 + $$ % 1000))
# Open MPI needs a home of who has no account
as_user() { HOME=$PWD FAULT_MARK=$mark limited 60 setpriv --reuid $user --regid $user --clear-groups "$@"; }
chmod 755 "$scratch"
mkdir -m 777 theirs
cd theirs || exit 99
cp ../spec.yaml ../slow.yaml .
as_user "$MPIRUN" --oversubscribe -n 2 "$MPIBATCH" run -q spec.yaml -o plain >../user.out 2>&1
is $? 0 "a user who is not root" || note "$(cat ../user.out)"
mkdir -m 755 closed
as_user "$MPIBATCH" run -q spec.yaml -o closed/run >../user.out 2>&1
like "$? $(cat ../user.out)" "^2 .*Permission denied" "a folder that may not be written"
as_user "$MPIBATCH" run -q spec.yaml -o begun --limit 8 >../user.out 2>&1
chmod 500 begun begun/journal
as_user "$MPIBATCH" run -q spec.yaml -o begun >../user.out 2>&1
like "$? $(cat ../user.out)" "^[24] .*begun.*Permission denied" "a run directory that may not be written any more"
chmod 700 begun begun/journal

# so few processes that only one task can run at a time
as_user "$MPIBATCH" run -q slow.yaml -o count >../user.out 2>&1 &
await 10 has_tasks
sleep 0.8 # programs are looked at by a thread of its own, at first
threads=$(ps -L -o lwp= -u $user | wc -l)
wait $!
( ulimit -u $((threads - 1)); as_user "$MPIBATCH" run -q slow.yaml -o few ) >../user.out 2>&1
like "$? $(cat ../user.out)" "^0 .*cannot start a task now: .*trying again" "too few processes: tasks wait, and all come to their end" || note "limit $((threads - 1))"
is "$("$MPIBATCH" tasks --json few | jq '[.tasks[] | select(.result == "success")] | length')" 10 "none has failed"
