#!/bin/bash
# Job specs with storage: what is said of them before anything starts.
. "$TEST_SRCDIR/tests/lib.sh"
plan 16

cat >s.yaml <<'END'
storage: {root: data, containers: {inputs: in, results: out}}
pool:
  application_packages:
    - {application_id: solver, version: '1.0', path: 'packages/solver.tar'}
jobs:
  - id: scan
    sweep: {parameters: {x: [1, 2]}}
    task:
      command_line: echo {x} {storage.inputs}/a {spec.dir}
      application_package_references: [{application_id: solver}]
      keep: failed
      resource_files:
        - {auto_storage_container_name: inputs, blob_prefix: mesh-}
        - {auto_storage_container_name: inputs, blob_prefix: 'own-{x}/', file_path: own}
        - {http_url: 'file://{spec.dir}/one.dat', file_path: in.dat}
      output_files:
        - {file_pattern: out.dat, upload_options: {upload_condition: task_success},
           destination: {container: {container_name: results, path: 'x-{x}.dat'}}}
        - {file_pattern: '../std*.txt', return: true}
END

# --- nothing is there
out=$("$MPIBATCH" validate s.yaml 2>&1); rc=$?
is "$rc" 2 "what is not there is an error"
like "$out" "s.yaml:1:44: error: the folder of container \"inputs\" does not exist; make it: mkdir -p $PWD/data/in" "a container"
like "$out" "s.yaml:4:54: error: there is no archive or folder $PWD/packages/solver.tar" "a package"
like "$out" "s.yaml:15:22: error: there is no file $PWD/one.dat" "a file"
mkdir -p data/in data/out packages; echo one >one.dat; : >packages/solver.tar
out=$("$MPIBATCH" validate s.yaml 2>&1); rc=$?
like "$rc $out" "^2 .*s.yaml:13:62: error: there is no file whose name begins with $PWD/data/in/mesh-" "a prefix"
"$MPIBATCH" run s.yaml >run.out 2>&1; rc=$?
like "$rc $(<run.out)" "^2 .*s.yaml: 1 error, nothing was run" "run says the same, and does nothing"
ok "no run directory is made" [ ! -e s.run ]
mkdir data/in/mesh-1; seq 100 >data/in/mesh-1/a; seq 10 >data/in/mesh-b
ok "all is there" "$MPIBATCH" validate s.yaml

# --- plan
out=$("$MPIBATCH" plan s.yaml)
like "$out" "is given: +inputs/mesh- \(2 files, 313 B\)
 +inputs/own-\{x\}/ as own
 +file://\{spec.dir\}/one.dat as in.dat \(4 B\)" "plan: what tasks are given"
like "$out" "with: +solver 1.0 \(packages/solver.tar, 0 B\)" "the packages"
like "$out" "leaves: +out.dat to results/x-\{x\}.dat, if it succeeds
 +\.\./std\*.txt to the run directory
 +it is kept for 7d( |00h)+if the task fails" "what they leave"
like "$out" " 0  echo 1 $PWD/data/in/a $PWD" "command lines with their paths"
json=$("$MPIBATCH" plan s.yaml --json | tr -d ' \n')
like "$json" '"resource_files":\[\{"auto_storage_container_name":"inputs","blob_prefix":"mesh-","file_path":null,"files":2,"bytes":313\}' "plan: JSON"
like "$json" '"output_files":\[\{"file_pattern":"out.dat","return":false,"container_name":"results","container_url":null,"path":"x-\{x\}.dat","upload_condition":"task_success"\}' "outputs"

# --- the paths of a run that is over
cat >p.yaml <<'END'
storage: {containers: {inputs: in}}
jobs: [{task: {command_line: 'echo {storage.inputs} {spec.dir}'}}]
END
"$MPIBATCH" run --quiet p.yaml >run.out 2>&1
is "$("$MPIBATCH" logs 0 p.run)" "$PWD/in $PWD" "a task sees the folders of containers and spec"
like "$(cd / && "$MPIBATCH" tasks "$OLDPWD/p.run" --columns command --format csv 2>&1)" "echo $PWD/in $PWD" "and so does who asks later"
