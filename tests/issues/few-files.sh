#!/bin/bash
# With a small limit of open files (ulimit -n) no task could start, and the run
# hung. A soft limit is raised; a hard one that is too small is an error.
. "$TEST_SRCDIR/tests/lib.sh"
plan 3

echo 'jobs: [{task: {command_line: sh -c "ulimit -n"}}]' >some.yaml
(ulimit -n 16; run 0 some.yaml; echo "$rc $(cat run.out)") >hard.out
like "$(cat hard.out)" "^4 .*open files, but ulimit -n allows 16" "a hard limit of 16: refused"
(ulimit -S -n 40; run 0 some.yaml -o soft.run; echo "$rc") >soft.out
is "$(cat soft.out)" 0 "a soft limit of 40 is raised"
is "$(cat soft.run/output/0001.stdout)" 40 "tasks have the user's limit"
