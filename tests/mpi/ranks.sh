#!/bin/bash
# The same results from 1, 2, 4 and 9 ranks as without mpirun: exit code, cubes,
# outputs, states, byte for byte.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
counts="0 1 2 4 9"
plan 27
sum() { sha256sum | cut -d ' ' -f 1; }

cat >task <<'EOF'
#!/bin/bash
# task X Y REPEAT: some output on both streams, and metrics
x=$1 y=$2 repeat=$3
echo "product = $((x * y)).25e-1"
[ "$y" = 2 ] || echo "sum = $((x + y + repeat))"
printf 'size %d\n' "$((x * 100))"
head -c "$((x * y * repeat * 997 % 20000))" /dev/zero | tr '\0' "$x"
echo "word: w$x-$y"
echo "on stderr: $x $y $repeat, attempt $MPIBATCH_TASK_ATTEMPT" >&2
[ "$x$y$repeat" != 311 ] || exit 9
[ "$x$y$repeat" != 422 ] || [ "$MPIBATCH_TASK_ATTEMPT" != 1 ] || kill -KILL $$
[ "$x$y$repeat" != 541 ] || head -c 100000 /dev/zero
EOF
chmod +x task
cat >ranks.yaml <<'EOF'
jobs:
  - id: scan
    constraints: {max_task_retry_count: 1}
    sweep:
      method: grid
      parameters:
        x: {values: [1, 2, 3, 4, 5], units: m}
        y: [1, 2, 3, 4]
        repeat: [1, 2, 3]
    task: {command_line: "./task {x} {y} {repeat}"}
    metrics:
      product: {from: stdout, regex: '^product = (\S+)', type: float64, units: J}
      sum: {from: stdout, regex: '^sum = (\d+)', type: int64}
      word: {from: stdout, regex: '^word: (\S+)$', type: string}
      try: {from: stderr, regex: 'attempt (\d+)', type: int64}
EOF

for n in $counts; do
    run "$n" -o "$n.run" ranks.yaml
    is "$rc" 1 "ranks: $n: exit code 1: one task has failed"
    is "$(count "$n.run" succeeded) $(count "$n.run" failed) $(count "$n.run" active)" "59 1 0" "ranks: $n: tasks"
    like "$(<run.out)" "60 tasks: 59 succeeded, 1 failed; 2 attempts tried again" "ranks: $n: summary"
    results digest "$n.run/results.h5" >"digest.$n"
    [ "$n" = 0 ] || ok "ranks: $n: the same results as without mpirun" diff digest.0 "digest.$n"
done

# that digest sees what it should
is "$(grep -c '^scan [0-9]* [12] ' digest.0)" 62 "an attempt each, and two more"
like "$(<digest.0)" "scan/product float64 \(5, 4, 3\)" "the cube has its shape"
is "$(results rows 9.run/results.h5 rank | sort -u | wc -l)" "$(nproc)" "each of 9 ranks that has a core has run tasks" ||
    note "$(results rows 9.run/results.h5 rank | sort | uniq -c)"
is "$("$PYTHON" -c 'import h5py; print(len(h5py.File("9.run/results.h5")["batch/nodes"]))')" 9 "/batch/nodes has 9 ranks"
is "$(json 9.run/status.json 'd["ranks"]["total"], d["nodes"]["total"], d["slots"]["total"] > 0')" "(9, 1, True)" \
    "status.json knows the ranks"
is "$(results output 4.run/results.h5 scan 40 stderr 2)" "on stderr: 4 2 2, attempt 2" "the stderr of a second attempt"
is "$(results output 4.run/results.h5 scan 24 stdout | sum)" "$(MPIBATCH_TASK_ATTEMPT=1 ./task 3 1 1 2>/dev/null | sum)" \
    "the stdout of the task that failed"
ok "the task with a large output has its file" test -s 9.run/files/scan/57/stdout.1
