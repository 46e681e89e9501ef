#!/bin/bash
# Each of a thousand tasks warned that it had links which lead out.
. "$TEST_SRCDIR/tests/lib.sh"
plan 3

mkdir out
cat >links.yaml <<'EOF2'
storage: {containers: {results: out}}
jobs:
  - id: j
    sweep: {parameters: {x: {range: {from: 1, to: 12}}}}
    task:
      command_line: ln -s /etc/passwd l.dat
      output_files: [{file_pattern: '*.dat', destination: {container: {container_name: results}}}]
EOF2
run 0 links.yaml
is "$(count links.run succeeded)" 12 "the tasks succeed"
like "$(<run.out)" "task [0-9]+: 1 link leads out of its directory and was not uploaded, l.dat" "which link it was"
is "$(grep -c 'link leads out' run.out) $(grep -c 'more tasks have links' run.out)" "5 1" "of some tasks only"
