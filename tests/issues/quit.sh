#!/bin/bash
# Ctrl-\ (SIGQUIT) killed the manager at once: nothing was recorded.
. "$TEST_SRCDIR/tests/lib.sh"
plan 2

echo 'jobs: [{task: {command_line: sleep 30}}]' >some.yaml
start 0 some.yaml
eventually 10 test -f some.run/status.json
kill -QUIT $pid
finish 30
is "$rc" 3 "SIGQUIT stops the run: code 3"
like "$("$MPIBATCH" status some.run)" "exit code 3" "and status says so"
