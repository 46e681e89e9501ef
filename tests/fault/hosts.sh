#!/usr/bin/env bash
# Three hosts, as namespaces with a network of their own: a run over all of
# them; one that is killed, one that is cut off, one whose link comes back, while
# the run goes on. Each case has its own hosts, and all run at the same time.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
hosts=$TEST_SRCDIR/tests/tools/mpi-hosts
cases=(all byhand killed cut healed late)
[ "$(id -u)" = 0 ] || skip_all "hosts can only be made by root"
MPI_HOSTS_DIR=/tmp/mh.$$.try bash "$hosts" up 1 >up.out 2>&1 || skip_all "no hosts can be made: $(tail -n 1 up.out)"
MPI_HOSTS_DIR=/tmp/mh.$$.try bash "$hosts" down

on() { MPI_HOSTS_DIR=/tmp/mh.$$.$case bash "$hosts" "$@"; }
all_down() { for case in "${cases[@]}"; do on down & done; wait; }
trap 'fault_rc=$?; trap - EXIT; kill_ours; all_down; (exit $fault_rc); tap_end' EXIT
plan 27

cat >spec.yaml <<E
pool: {task_slots_per_node: 2}
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters: {x: [$(seq -s, 0 89)]}
    task: {command_line: "sh $TEST_SRCDIR/tests/fault/task.sh {task.index} 400 \$MPIBATCH_RUN_DIR/../ran.\$(basename \$MPIBATCH_RUN_DIR)"}
    metrics:
      energy: {from: stdout, regex: '^energy = (\S+)', type: float64}
E
sed 's/400 [^"]*/000 ran.calm/' spec.yaml >calm.yaml

# The run of a case, over its three hosts.
begin() {
    export FAULT_MARK=$mark
    on up 3 >up.$case 2>&1 || exit 1
    on run h1,h2,h3 "$MPIBATCH" launch --lost-after "$1" --plain spec.yaml -o "$case" >out.$case 2>&1 &
    run=$!
    await 20 at_least 40 ran.$case
}
end() {
    if await 120 ended; then
        wait $run
        echo $? >code.$case
    else
        echo "none in two minutes" >code.$case
        on down # and mpibatch with it
    fi
    echo $SECONDS >time.$case
}
ended() { ! kill -0 $run 2>/dev/null; }
asleep() { ! on ps h3 | grep -q -e "mpibatch run" -e "task.sh"; }

case_all() { begin 5s; end; }
case_byhand() {
    export FAULT_MARK=$mark
    on up 3 >up.$case 2>&1 || exit 1
    on run h1,h2,h3 "$MPIRUN" --map-by ppr:1:node "$MPIBATCH" run --plain spec.yaml -o "$case" >out.$case 2>&1 &
    run=$!
    end
}
case_killed() { begin 5s; on kill h3; end; }
case_cut() {
    begin 5s
    on cut h3
    await 20 asleep # it loses the manager, ends its tasks and itself
    echo $? >asleep.$case
    end
}
case_healed() { # before it is taken for lost
    begin 20s
    on cut h3
    sleep 3
    on heal h3
    end
}
case_late() { # after it was taken for lost
    begin 3s
    on cut h3
    await 20 grep -q "is lost" out.$case
    on heal h3
    end
}

SECONDS=0
pids=""
for case in "${cases[@]}"; do
    ( trap - EXIT; "case_$case" ) &
    pids="$pids $!"
done
launch 0 calm.yaml -o calm
over 60
is "$rc" 1 "undisturbed"
digest calm >calm.digest
# shellcheck disable=SC2086 # words
wait $pids

nodes() {
    "$PYTHON" -c 'import h5py, sys
print(*sorted(n.decode() for n in set(h5py.File(sys.argv[1])["batch/tasks"]["node"])))' "$1/results.h5"
}
for case in "${cases[@]}"; do
    note "$case: exit code $(cat code.$case) after $(cat time.$case) s"
    is "$(cat code.$case)" 1 "$case: the run comes to its end" || note "$(tail -n 20 out.$case)"
    digest "$case" >digest.$case
    ok "$case: results as undisturbed" diff calm.digest digest.$case
    is "$(nodes "$case")" "h1 h2 h3" "$case: tasks ran on all three hosts"
done
lost() { jq .ranks.lost "$1/status.json"; }
is "$(lost all) $(lost byhand)" "0 0" "no rank is lost without a fault"
is "$(lost killed) $(lost cut)" "1 1" "a host that is killed or cut off is one lost rank"
is "$(lost late)" 1 "so is one whose link comes back too late"
is "$(lost healed)" 0 "a link that comes back in time loses nothing"
is "$(cat asleep.cut)" 0 "what is cut off ends its tasks and itself"
like "$(cat out.killed)" "rank 2 on h3 is lost; its tasks will run elsewhere" "it is said which host is lost"
is "$(sort ran.all | uniq -d | wc -l)" 0 "nothing runs twice without a fault"
E=$(cat time.killed time.cut time.late | sort -n | tail -n 1)
ok "bounded: the last one ended after $E s" test "$E" -lt 120
