#!/bin/bash
# What was said of files was untrue, or ended before it said what was wrong.
. "$TEST_SRCDIR/tests/lib.sh"
plan 9

mkdir in out
echo a >in/a.txt
cat >a.yaml <<'EOF2'
storage: {containers: {inputs: in, results: out}}
jobs:
  - id: j
    task:
      keep: all
      command_line: "mkdir 'd e'; echo hi >'d e/o.dat'; echo there >it.dat; ln -s /etc/passwd out.txt"
      resource_files: [{auto_storage_container_name: inputs}]
      output_files:
        - {file_pattern: not-there.dat, destination: {container: {container_name: results}}}
        - {file_pattern: '*.txt', return: true}
EOF2
run 0 a.yaml
is "$rc" 0 "a run"
like "$(<run.out)" "1 link leads out of its directory and was not returned, out.txt" "which link was not returned"
files() { "$MPIBATCH" files "$@" 2>err >out.out; }
files list 0 a.run
is "$(<err)" "mpibatch: nothing matched not-there.dat, or it is gone since: there is no $PWD/out/j/0/" \
    "nothing was uploaded where nothing matched"
files list 0 a.run --json
is "$(jq -c '.uploaded[].exists' out.out)" false "JSON: the same"
files get 0 'wd/d e' a.run
is "$(<err)" "mpibatch: error: wd/d e is a folder; -o DIR gets the files in it" "how to get a folder"
files get 0 it.dat a.run
like "$(<err)" "there is no it.dat; there is wd/it.dat" "a file of wd"

# a long name, and what is wrong with it
url=file://$PWD/in/a.txt
deep=$(printf 'long-folder/%.0s' {1..20})
cat >long.yaml <<EOF2
jobs: [{task: {command_line: ls, resource_files: [{http_url: '$url', file_path: '${deep}f'}, {http_url: '$url', file_path: '${deep}f/g'}]}}]
EOF2
run 0 long.yaml
like "$(<run.out)" "ResourceFileWriteFailed.*long-folder.*Not a directory \(attempt" \
    "the reason behind a long name"

# five of six lines leave out one, not four
echo 'jobs: [{sweep: {parameters: {x: [1, 2, 3, 4, 5, 6]}}, task: {command_line: "./a {x}"}}]' >six.yaml
out=$("$MPIBATCH" plan six.yaml)
is "$(grep -c '\./a' <<<"$out") $(grep -c '\.\.\.$' <<<"$out")" "5 1" "plan: what is left out"
out=$("$MPIBATCH" plan six.yaml --lines 1)
is "$(grep -c '\./a' <<<"$out") $(grep -c '\.\.\.$' <<<"$out")" "1 1" "plan: all but one"
