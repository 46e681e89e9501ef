#!/bin/bash
# A task that fails after it has printed more to stderr than a message holds:
# its last lines are shown all the same.
. "$TEST_SRCDIR/tests/lib.sh"
plan 3

cat >noisy.yaml <<'EOS'
jobs:
  - tasks:
      - {command_line: "yes warning | head -n 50000 >&2; echo 'the reason' >&2; exit 3"}
EOS
run 0 noisy.yaml
is "$rc" 1 "it failed"
like "$(<run.out)" "[|] the reason" "the reason is shown"
is "$(tail -n 1 noisy.run/files/job/0/stderr.1)" "the reason" "all of it is in its file"
