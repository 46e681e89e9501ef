#!/bin/bash
# The points and cubes of every kind of sweep, compared with an independent
# computation by itertools, NumPy and SciPy: tests/tools/sweeps.py. And that the
# number of points costs nothing.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
"$PYTHON" -c 'import scipy.stats' 2>/dev/null || skip_all "no SciPy"
sweeps() { "$PYTHON" -W ignore "$tools/sweeps.py" "$@"; }
mapfile -t specs < <(sweeps specs)
mapfile -t designs < <(sweeps designs)
plan $((3 + 2 * ${#specs[@]} + ${#designs[@]} + 5))

like "${#specs[@]} ${#designs[@]}" "^1[5-9] 2[0-9]$" "there is something to compare"
failed=
for name in "${specs[@]}"; do
    run 0 -q -o "$name.run" "$TEST_SRCDIR/jobspecs/$name.yaml"
    [ "$rc" = 0 ] || failed+=" $name"
done
is "$failed" "" "all of them run"
failed=
for name in "${designs[@]}"; do
    run 0 -q --limit 1 "$name.yaml"
    [ "$rc" = 3 ] || failed+=" $name"
done
is "$failed" "" "and the larger ones begin"
for name in "${specs[@]}" "${designs[@]}"; do
    "$MPIBATCH" tasks --json "$name.run" >"$name.json"
done
while IFS=$'\t' read -r what difference; do
    is "$difference" "" "$what"
done < <(sweeps check)

# --- a sweep of billions is as quick and as small as one of ten
megabytes() {
    limited 20 "$PYTHON" -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"
}
while read -r what sweep; do
    cat >large.yaml <<EOF
jobs:
  - {id: large, max_tasks: 4294967280, sweep: {$sweep}, task: {command_line: "echo {x} {y}"}}
EOF
    like "$(megabytes "$MPIBATCH" validate large.yaml 2>&1)" "^[0-9][0-9]?$" "$what: no memory a point"
done <<'EOF'
grid parameters: {x: {range: {from: 1, to: 60000}}, y: {linspace: {from: 0, to: 1, num: 60000}}}
excluding parameters: {x: {range: {from: 1, to: 60000}}, y: {logspace: {from: 1, to: 2, num: 60000}}}, exclude: [{x: [7, 9]}]
random method: random, count: 4000000000, parameters: {x: {min: 0, max: 1}, y: {mean: 0, stddev: 1, distribution: normal}}
lhs method: lhs, count: 4000000000, parameters: {x: {min: 0, max: 1}, y: {min: 1, max: 9, distribution: integer}}
sobol method: sobol, count: 4000000000, seed: 3, parameters: {x: {min: 0, max: 1}, y: {values: [a, b], distribution: choice}}
EOF
