#!/bin/bash
# Tasks with a directory of their own, through the command line: resource files
# of all kinds, packages, output files, returned files, variables, what is kept,
# what overtakes what, stopping and resuming in the middle.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 51
export TMPDIR=$PWD/tmp
mkdir -p tmp data/inputs/set data/results apps/tool/bin
unset SLURM_TMPDIR

# field TASK RUN EXPRESSION: of the record of a task
field() { "$MPIBATCH" task --json "$1" "${2:?}" 2>field.err >field.json && json field.json "$3"; }
# what the run has left in the scratch root
left() { find tmp -mindepth 1 -maxdepth 1 | wc -l; }

# ---- Resource files, variables, one directory a task ----
echo "first" >data/inputs/set/a.txt
echo "second" >data/inputs/set/b.txt
echo "other" >data/inputs/other.txt
for i in 0 1 2 3; do echo "mine $i" >"data/inputs/mine-$i"; done
printf '#!/bin/sh\necho "tool says $1"\n' >apps/tool/bin/tool
chmod +x apps/tool/bin/tool
tar -C apps -czf apps/tool.tar.gz tool
sum=$(sha256sum <data/inputs/other.txt | cut -d ' ' -f 1)
cat >all.yaml <<EOF
storage:
  root: data
  containers: {inputs: inputs, results: results}
pool:
  id: mypool
  task_slots_per_node: 2
  application_packages:
    - {application_id: tool, version: "1.0", path: apps/tool.tar.gz, default: true, add_to_path: [tool/bin]}
    - {application_id: my-tree, version: "2", path: apps/tool}
jobs:
  - id: scan
    sweep: {parameters: {i: [0, 1, 2, 3]}}
    task:
      id: "t{i}"
      resource_files:
        - {auto_storage_container_name: inputs, blob_prefix: set/, file_path: all}
        - {auto_storage_container_name: inputs, blob_prefix: "mine-{i}"}
        - {storage_container_url: "file://$PWD/data/inputs", blob_prefix: other, file_path: "deep/{task.id}", file_mode: "0440"}
        - {http_url: "file://$PWD/data/inputs/mine-{i}", file_path: "own/{i}.txt", file_mode: "0600"}
        - {http_url: "file://$PWD/data/inputs/other.txt", file_path: sum.txt, checksum: "sha256:$sum"}
      application_package_references:
        - {application_id: tool}
        - {application_id: my-tree, version: "2"}
      output_files:
        - {file_pattern: "out-*.txt", destination: {container: {container_name: results, path: "{job.id}/{task.id}"}}, upload_options: {upload_condition: task_success}}
        - {file_pattern: "../std*.txt", destination: {container: {container_name: results, path: "logs/{task.id}"}}}
        - {file_pattern: never, destination: {container: {container_name: results, path: "never/{i}"}}, upload_options: {upload_condition: task_failure}}
        - {file_pattern: "small", return: true}
        - {file_pattern: "large", return: true}
      command_line: |
        set -e
        echo "task {i}"; echo "error {i}" >&2
        [ "\$PWD" = "\$AZ_BATCH_TASK_WORKING_DIR" ]
        [ "\$AZ_BATCH_TASK_DIR/wd" = "\$PWD" ]
        find . -type f ! -name 'out-*' | sort >out-list.txt
        stat -c '%a %n' deep/t{i}/other.txt own/{i}.txt all/set/a.txt >out-modes.txt
        cat all/set/a.txt mine-{i} own/{i}.txt sum.txt >out-text.txt
        env | grep '^AZ_BATCH_' | sort >out-env.txt
        tool {i} >>out-text.txt
        "\$AZ_BATCH_APP_PACKAGE_my_tree_2/bin/tool" tree >>out-text.txt
        echo "small {i}" >small
        head -c 200000 /dev/zero | tr '\0' {i} >large
        touch never
EOF
for n in 0 3; do
    rm -rf data/results/*
    run "$n" -o "all$n.run" all.yaml
    is "$rc" 0 "all: $n ranks: exit code" || note "$(cat run.out)"
    is "$(cd data/results && find . -type f | sort | grep -c .)" 24 "all: $n ranks: files are uploaded"
    is "$(cat data/results/scan/t2/out-text.txt)" "first
mine 2
mine 2
other
tool says 2
tool says tree" "all: $n ranks: resource files and packages are there"
    is "$(cat data/results/scan/t1/out-list.txt | tr '\n' ' ')" \
        "./all/set/a.txt ./all/set/b.txt ./deep/t1/other.txt ./mine-1 ./own/1.txt ./sum.txt " \
        "all: $n ranks: these and nothing else"
    is "$(tr '\n' ' ' <data/results/scan/t1/out-modes.txt)" "440 deep/t1/other.txt 600 own/1.txt 770 all/set/a.txt " \
        "all: $n ranks: modes"
    is "$(cat data/results/logs/t3/stdout.txt data/results/logs/t3/stderr.txt | tr '\n' ' ')" "task 3 error 3 " \
        "all: $n ranks: outputs are files where a pattern asks for them"
    is "$(find data/results -name 'never*' | wc -l)" 0 "all: $n ranks: a condition that is not met"
    is "$("$MPIBATCH" files get t2 wd/small "all$n.run" 2>&1)" "small 2" "all: $n ranks: a small file is returned"
    is "$("$MPIBATCH" files get t2 wd/large "all$n.run" 2>&1 | wc -c)" 200000 "all: $n ranks: and a large one"
    is "$(left) $(ls "all$n.run" | grep -c uploads)" "0 0" "all: $n ranks: the scratch is removed, and what uploads note"
done
env=data/results/scan/t0/out-env.txt
like "$(<$env)" "AZ_BATCH_ACCOUNT_NAME=all
AZ_BATCH_APP_PACKAGE_my_tree=$PWD/tmp/[^ ]*/applications/my-tree/2
AZ_BATCH_APP_PACKAGE_my_tree_2=$PWD/tmp/[^ ]*/applications/my-tree/2
AZ_BATCH_APP_PACKAGE_tool=$PWD/tmp/[^ ]*/applications/tool/1\.0
AZ_BATCH_APP_PACKAGE_tool_1_0=$PWD/tmp/[^ ]*/applications/tool/1\.0
AZ_BATCH_JOB_ID=scan
AZ_BATCH_NODE_ID=$(hostname)
AZ_BATCH_NODE_IS_DEDICATED=true
AZ_BATCH_NODE_MOUNTS_DIR=$PWD/tmp/[^ ]*/fsmounts
AZ_BATCH_NODE_ROOT_DIR=$PWD/tmp/[^ ]*
AZ_BATCH_NODE_SHARED_DIR=$PWD/tmp/[^ ]*/shared
AZ_BATCH_NODE_STARTUP_DIR=$PWD/tmp/[^ ]*/startup
AZ_BATCH_POOL_ID=mypool
AZ_BATCH_TASK_DIR=$PWD/tmp/[^ ]*/workitems/scan/job-1/t0
AZ_BATCH_TASK_ID=t0
AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES=[0-9]+
AZ_BATCH_TASK_WORKING_DIR=$PWD/tmp/[^ ]*/workitems/scan/job-1/t0/wd" "variables"
is "$(stat -c %a "all3.run/files" 2>/dev/null)" 700 "what is returned is nobody else's"

# ---- Without staging: the folder of the spec, no scratch, but who it is ----
cat >plain.yaml <<'EOF'
jobs:
  - id: plain
    tasks:
      - {id: a, command_line: 'pwd; env | grep ^AZ_BATCH_ | sort | cut -d = -f 1'}
EOF
run 0 plain.yaml
is "$("$MPIBATCH" logs a plain.run)" "$PWD
AZ_BATCH_ACCOUNT_NAME
AZ_BATCH_JOB_ID
AZ_BATCH_NODE_ID
AZ_BATCH_NODE_IS_DEDICATED
AZ_BATCH_POOL_ID
AZ_BATCH_TASK_ID" "a task without a directory"

# ---- Retries: fresh directories ----
cat >retry.yaml <<'EOF'
jobs:
  - id: retry
    constraints: {max_task_retry_count: 2}
    tasks:
      - id: a
        task_directory: true
        command_line: 'ls -A; touch mark-$MPIBATCH_TASK_ATTEMPT; [ $MPIBATCH_TASK_ATTEMPT = 3 ]'
      - id: b
        keep: failed
        command_line: 'ls -A; touch mark-$MPIBATCH_TASK_ATTEMPT; [ $MPIBATCH_TASK_ATTEMPT = 3 ]'
EOF
run 2 retry.yaml
is "$rc" 0 "retries: exit code"
is "$(for n in 1 2 3; do "$MPIBATCH" logs a retry.run --attempt $n; done 2>&1)" "" "each attempt has a fresh directory"
is "$(for n in 1 2 3; do "$MPIBATCH" logs b retry.run --attempt $n; done 2>&1)" "" "also where the last one is kept"
is "$(find tmp -path '*/workitems/retry/job-1/*' -name 'mark-*' | sed 's|.*job-1/||' | sort | tr '\n' ' ')" \
    "b.1/wd/mark-1 b.2/wd/mark-2 " "attempts that failed are kept" || note "$(find tmp)"
is "$(find tmp -name 'stdout.txt' | wc -l)" 2 "with their outputs"
rm -rf tmp/*

# ---- Keeping ----
cat >keep.yaml <<'EOF'
jobs:
  - id: keep
    tasks:
      - {id: good, keep: all, command_line: 'echo out; touch good'}
      - {id: bad, keep: failed, command_line: 'touch bad; exit 3'}
      - {id: fine, keep: failed, command_line: 'touch fine'}
      - {id: short, keep: all, constraints: {retention_time: 1 s}, command_line: 'touch short'}
EOF
run 2 keep.yaml
is "$rc" 1 "keep: exit code"
is "$(find tmp -path '*/wd/*' -type f | sed 's|.*/||' | sort | tr '\n' ' ')" "bad good short " "keep: these are kept"
is "$(cat tmp/*/workitems/keep/job-1/good/stdout.txt)" "out" "keep: with stdout.txt"
sleep 2.1
run 0 -o again.run keep.yaml
is "$(find tmp -path '*/wd/*' -type f | sed 's|.*/||' | sort | tr '\n' ' ')" "bad bad good good short " \
    "keep: what has expired is removed by the next session" || note "$(find tmp)"
rm -rf tmp/*

# ---- What fails before, and behind ----
head -c 100000 /dev/urandom >broken.tar.gz
zeros=$(printf '0%.0s' {1..64})
cat >fail.yaml <<EOF
storage: {root: data, containers: {inputs: inputs, results: results, later: later}}
pool:
  task_slots_per_node: 1
  application_packages: [{application_id: broken, version: "1", path: broken.tar.gz}]
jobs:
  - id: fail
    constraints: {max_task_retry_count: 3}
    tasks:
      - {id: first, command_line: 'rm -r data/later'}
      - {id: missing, command_line: 'true', resource_files: [{http_url: "file://$PWD/data/inputs/gone-{task.id}", file_path: x}]}
      - {id: sum, command_line: 'true', resource_files: [{http_url: "file://$PWD/data/inputs/other.txt", file_path: x, checksum: "sha256:$zeros"}]}
      - {id: prefix, command_line: 'true', resource_files: [{auto_storage_container_name: inputs, blob_prefix: "none-{task.id}"}]}
      - {id: package, command_line: 'true', application_package_references: [{application_id: broken, version: "1"}]}
      - {id: upload, command_line: 'echo x >out', output_files: [{file_pattern: out, destination: {container: {container_name: later, path: out}}}]}
      - {id: both, constraints: {max_task_retry_count: 0}, command_line: 'exit 4', output_files: [{file_pattern: ../stdout.txt, destination: {container: {container_name: later, path: "{task.id}"}}}]}
      - {id: good, command_line: 'true', task_directory: true}
EOF
mkdir -p data/later
run 0 fail.yaml
is "$rc" 1 "fail: exit code" || note "$(cat run.out)"
# what became of a task: reason, attempts, what its message says
became() { field "$1" fail.run 'd["attempts"][-1]["reason"], len(d["attempts"]), d["attempts"][-1]["message"], d["attempts"][-1]["exit_code"]'; }
like "$(became missing)" "'pre_processing_error', 1, '.*inputs/gone.*', (None|-1)" "fail: a file that is not there; it is not tried again"
like "$(became sum)" "'pre_processing_error', 1, '.*sha256" "fail: a wrong checksum"
like "$(became prefix)" "'pre_processing_error', 1, '.*no file .*none-prefix" "fail: nothing begins with a prefix"
like "$(became package)" "'pre_processing_error', 1, '.*broken" "fail: a package that is none"
like "$(became upload)" "'file_upload_error', 1, '.*later.*', 0" "fail: a container that is not there, exit code 0"
like "$(became both)" "'exit_code', 1, '.*later.*', 4" "fail: the exit code comes first"
is "$(became good | cut -d , -f 1,2)" "('none', 1" "fail: the others run"
like "$(<run.out)" "8 tasks: 2 succeeded, 6 failed" "fail: summary"
is "$(left)" 0 "fail: nothing is left"

# ---- What waits for a large file is passed ----
cat >slow.yaml <<EOF
pool: {task_slots_per_node: 1}
jobs:
  - id: slow
    tasks:
      - {id: large, command_line: 'wc -c <large', resource_files: [{http_url: "file://$PWD/data/large", file_path: large}]}
      - {id: small, command_line: 'echo \$MPIBATCH_TASK_ID', resource_files: [{http_url: "file://$PWD/data/inputs/other.txt", file_path: x}]}
      - {id: none, command_line: 'echo \$MPIBATCH_TASK_ID'}
      - {id: last, command_line: 'echo \$MPIBATCH_TASK_ID', resource_files: [{http_url: "file://$PWD/data/inputs/other.txt", file_path: x}]}
EOF
head -c 300000000 /dev/zero | tr '\0' x >data/large
run 0 slow.yaml
is "$rc" 0 "overtaking: exit code" || note "$("$MPIBATCH" tasks slow.run)"
"$MPIBATCH" tasks --json slow.run >slow.json
is "$(json slow.json '[t["task_id"] for t in sorted(d["tasks"], key=lambda t: t["start_time"])][-1]')" "large" \
    "overtaking: who has its files runs first" || note "$("$MPIBATCH" tasks slow.run)"
is "$("$MPIBATCH" logs large slow.run)" 300000000 "overtaking: the large file is there"
rm data/large

# ---- Stopping in the middle, resuming ----
cat >stop.yaml <<EOF
storage: {root: data, containers: {inputs: inputs, results: results}}
pool: {task_slots_per_node: 2}
jobs:
  - id: stop
    sweep: {parameters: {i: {range: {from: 1, to: 40}}}}
    task:
      resource_files: [{auto_storage_container_name: inputs, blob_prefix: set/}]
      output_files:
        - {file_pattern: out, destination: {container: {container_name: results, path: "stop/{i}"}}}
        - {file_pattern: back, return: true}
      command_line: 'cat set/a.txt >out; echo {i} >>out; echo {i} >back; sleep 0.05'
EOF
for n in 0 2; do
    rm -rf data/results/stop
    start "$n" -o "stop$n.run" stop.yaml
    eventually 20 test -e data/results/stop/5
    kill -TERM "$pid"
    finish 30
    run "$n" -o "stop$n.run" stop.yaml
    is "$rc $(count "stop$n.run" succeeded)" "0 40" "stop and resume: $n ranks: all tasks end" || note "$(cat run.out)"
    is "$(cat data/results/stop/* | grep -c first) $(find data/results/stop -type f | wc -l)" "40 40" \
        "stop and resume: $n ranks: and have uploaded"
    is "$(left)" 0 "stop and resume: $n ranks: nothing is left" || note "$(find tmp)"
done
