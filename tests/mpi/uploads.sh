#!/bin/bash
# Output files of attempts after attempts: those of one are there, never a mix;
# what cannot be stored fails its task, and no others.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
need_python
mkdir tmp
export TMPDIR=$PWD/tmp
unset SLURM_TMPDIR
plan 26

cat >again.yaml <<'EOF'
storage: {containers: {results: results}}
pool: {task_slots_per_node: 2}
jobs:
  - id: again
    sweep: {parameters: {n: [0, 1, 2, 3, 4, 5]}}
    task:
      constraints: {max_task_retry_count: 2}
      # each attempt leaves one more file than the one before, with other names
      command_line: >-
        a=$MPIBATCH_TASK_ATTEMPT; mkdir -p sub; for i in $(seq $a); do
        echo "{n} $a" >f$i.$a; echo "{n} $a" >sub/f$i; done;
        ln -s /etc/passwd f9; test $a -gt $(({n} % 3)) -o -e ../../../../../never
      output_files:
        - {file_pattern: "f*", destination: {container: {container_name: results, path: "{n}/f"}}}
        - {file_pattern: "**/f?", destination: {container: {container_name: results, path: "{n}/all/"}}}
        - {file_pattern: "../std*.txt", destination: {container: {container_name: results, path: "{n}/log"}}, upload_options: {upload_condition: task_failure}}
EOF
files() { (cd results && find "$1" -type f | sort | xargs); }
for n in 0 3; do
    rm -rf results
    mkdir results
    run "$n" -o "again$n.run" again.yaml
    is "$rc" 0 "$n ranks: tasks that are tried again"
    is "$(files 0)" "0/all/sub/f1 0/f/f1.1" "$n ranks: a first attempt's files are there"
    is "$(files 4)" "4/all/sub/f1 4/all/sub/f2 4/f/f1.2 4/f/f2.2" "$n ranks: a second one's, and no others"
    is "$(files 5)" "5/all/sub/f1 5/all/sub/f2 5/all/sub/f3 5/f/f1.3 5/f/f2.3 5/f/f3.3" \
        "$n ranks: and a third one's"
    is "$(sort -u results/5/all/sub/f*)" "5 3" "$n ranks: of its own content"
    is "$(ls "again$n.run" | grep uploads)" "" "$n ranks: what was kept to tidy up is gone"
    like "$(<run.out)" "task [0-9]: [0-9]+ links? leads? out of its directory and (was|were) not uploaded, f9" \
        "$n ranks: links that lead out are told"
done

# ---- failed, and run again on demand ----
cat >rerun.yaml <<'EOF'
storage: {containers: {results: results}}
jobs:
  - id: rerun
    tasks:
      - id: t
        command_line: if [ -e "$MPIBATCH_SPEC_DIR/mended" ]; then echo >new; else echo >old; exit 1; fi
        environment_settings: [{name: MPIBATCH_SPEC_DIR, value: "{spec.dir}"}]
        output_files: [{file_pattern: "*", destination: {container: {container_name: results, path: "t"}}}]
EOF
rm -rf results/*
run 0 rerun.yaml
is "$rc $(files t)" "1 t/old" "a failed task's files are there"
is "$(ls -A rerun.run/uploads)" "rerun.0" "and known"
touch mended rerun.run/uploads/rerun.0.0123456789abcdef.tmp # of one that was killed
run 0 --rerun failed rerun.yaml
is "$rc $(files t)" "0 t/new" "run again, it has its new ones alone"
is "$(ls rerun.run | grep uploads)" "" "and nothing to tidy up is left, not even half of it"

# ---- what cannot be stored ----
mkdir full gone
cat >bad.yaml <<'EOF'
storage: {containers: {full: full, gone: gone}}
jobs:
  - id: bad
    tasks:
      - id: full
        command_line: head -c 3000000 /dev/zero >f
        output_files: [{file_pattern: f, destination: {container: {container_name: full, path: x}}}]
      - id: gone
        command_line: echo >f; rmdir "{spec.dir}/gone"
        output_files: [{file_pattern: f, destination: {container: {container_name: gone, path: x}}}]
  - {id: good, tasks: [{id: runs, command_line: "true"}]}
EOF
fits=
if mount -t tmpfs -o size=1m none full 2>mount.err; then
    trap 'umount "$scratch/full"; tap_end' EXIT
    run 0 bad.yaml
    is "$rc" 1 "a full container fails its task"
    like "$(grep "task full " run.out)" "FileUploadMiscError.*the container full is full: cannot store .x.: No space left" \
        "and says so"
    is "$(ls -A full)" "" "and nothing half is left"
else
    skip 3 "no file system can be mounted here"
    run 0 bad.yaml
    fits=$'bad/full\n'
fi
like "$(grep "task gone " run.out)" "FileUploadContainerNotFound.*container gone .*cannot be opened" \
    "a container that has gone"
is "$("$MPIBATCH" tasks --json bad.run >t.json; json t.json "[t['reason'] for t in d['tasks'] if t['task_id'] == 'gone'][0]")" \
    file_upload_error "is an upload error"
is "$("$MPIBATCH" tasks --state succeeded --format ids bad.run)" "${fits}good/runs" "the run goes on"

# ---- patterns that lead out ----
cat >out.yaml <<'EOF'
storage: {containers: {results: results}}
jobs:
  - id: out
    sweep: {parameters: {p: ["../../..", "x"]}}
    task:
      command_line: echo >x
      output_files: [{file_pattern: "{p}/../*", destination: {container: {container_name: results, path: y}}}]
EOF
run 0 out.yaml
is "$rc" 2 "a pattern that leads out"
like "$(<run.out)" "outside of the task's directory" "is told before anything runs"
