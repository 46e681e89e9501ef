#!/bin/bash
# A launched run that is stopped or lost has a results.h5 with all that ended,
# made when mpirun is gone; /batch/nodes tells which slots a rank has.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 7

cat >slow.yaml <<'EOS'
pool: {task_slots_per_node: 4}
jobs:
  - sweep: {parameters: {n: [0, 1, 2, 3, 4, 5, 6, 7]}}
    task: {command_line: "test {n} -lt 3 || sleep 60"}
EOS
three() { [ "$(json slow.run/status.json 'd["tasks"]["succeeded"]')" = 3 ]; }
rows() { "$PYTHON" -c 'import h5py; print(sum(r == b"success" for r in h5py.File("slow.run/results.h5")["batch/tasks"]["result"]))'; }
for signal in TERM KILL; do
    rm -rf slow.run
    "$MPIBATCH" launch -n 2 --lost-after 3s slow.yaml >out 2>&1 &
    pid=$!
    ok "$signal: three tasks end" eventually 20 three
    if [ $signal = TERM ]; then code=3; kill "$pid"
    else code=4; kill -KILL "$(json slow.run/status.json 'd["pid"]')"; fi # rank 0
    finish 60
    is "$rc $(rows)" "$code 3" "$signal: results.h5 has them" || cat out
    unlike "$(<out)" "cannot make" "$signal: without a complaint"
done
is "$("$PYTHON" -c 'import h5py; t = h5py.File("slow.run/results.h5")["batch/nodes"]; print(sorted(zip(t["first_slot"].tolist(), t["slots"].tolist())))')" \
    "[(0, 2), (2, 2)]" "the slots of each rank"
