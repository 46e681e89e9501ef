#!/bin/bash
# A run whose results.h5 could not be made ended with exit code 0, and a script
# went on to read an old file or none.
. "$TEST_SRCDIR/tests/lib.sh"
plan 4

echo 'jobs: [{task: {command_line: echo hello}}]' >some.yaml
run 0 some.yaml
rm some.run/results.h5
mkdir some.run/results.h5
run 0 some.yaml
like "$rc $(cat run.out)" "^4 .*cannot make results.h5" "nothing left to run, no results.h5: code 4"
mkdir -p other.run
run 0 some.yaml -o other.run --limit 1
rm other.run/results.h5
mkdir other.run/results.h5
run 0 some.yaml -o other.run --fresh
is "$rc" 0 "a new run is not concerned"
rmdir some.run/results.h5
run 0 some.yaml
is "$rc" 0 "where it can be made, the same command makes it"
ok "it is there" test -s some.run/results.h5
