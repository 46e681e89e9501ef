#!/bin/bash
# What was said of files was untrue, or ended before it said what was wrong.
. "$TEST_SRCDIR/tests/lib.sh"
plan 13

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

# links out of a container bring nothing: that is said
mkdir -p src/sub; echo b >src/b
ln -s /etc/passwd src/out; ln -s nowhere src/sub/gone; ln -s b src/alias
said="2 links lead out of it, or nowhere, and are left out: (out|sub/gone), \.\.\."
like "$("$MPIBATCH" storage upload a.yaml inputs/src/ src/ 2>&1)" "warning: src/?: $said.*uploaded 2 files" "upload tells"
cp -P src/out in/out; ln -s nowhere in/src/gone
like "$("$MPIBATCH" storage list a.yaml inputs 2>&1)" "warning: $PWD/in: 2 links lead out" "list tells"
like "$("$MPIBATCH" storage list a.yaml inputs/o 2>&1)" "warning: $PWD/in: 1 link leads out of it, or nowhere, and is left out: out.*0 files" \
    "of those that are asked for"
like "$("$MPIBATCH" plan a.yaml)" "is given: +inputs \(3 files, 6 B; 2 links out of it, not given\)" "plan tells"
