#!/bin/bash
# The points and cubes of every kind of sweep, compared with an independent
# computation by itertools, NumPy and SciPy: tests/tools/sweeps.py. And that the
# number of points costs nothing.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
"$PYTHON" -c 'import scipy.stats' 2>/dev/null || skip_all "no SciPy"
sweeps() { "$PYTHON" "$tools/sweeps.py" "$@"; }
specs=(grid zip ranges combinations permutations random lhs sobol halton csv
    files exclude-include when repeat union)
sweeps designs >designs
plan $((2 * ${#specs[@]} + $(wc -l <designs) + 5))

for spec in "${specs[@]}"; do
    run 0 -q -o "$spec.run" "$TEST_SRCDIR/jobspecs/$spec.yaml"
    "$MPIBATCH" tasks --json "$spec.run" >tasks.json
    ok "$spec: the points" sweeps points "$spec" tasks.json
    ok "$spec: the cubes" sweeps cubes "$spec" "$spec.run/results.h5"
done
while read -r design; do
    run 0 -q --limit 1 "$design.yaml"
    "$MPIBATCH" tasks --json "$design.run" >tasks.json
    ok "$design: the points" sweeps points "$design" tasks.json
done <designs
