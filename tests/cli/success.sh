#!/bin/bash
# What makes success besides exit code 0, and tasks that run in a container: by
# a stand-in that notes its arguments.
. "$TEST_SRCDIR/tests/lib.sh"
plan 34

# state RUN TASK [KEYS]: how its last attempt ended
state() { "$MPIBATCH" tasks --json "$1" | jq -r --arg t "$2" ".tasks[] | select(.task_id == \$t) | [${3:-.result, .reason, .exit_code, .message}] | map(tostring) | join(\"|\")"; }

# --- success
cat >s.yaml <<'EOF'
jobs:
  - id: a
    tasks:
      - {id: three, command_line: exit 3, success: {exit_codes: [0, 3]}}
      - {id: four, command_line: exit 4, success: {exit_codes: [0, 3]}}
      - {id: zero, command_line: exit 0, success: {exit_codes: [3]}}
      - {id: file, command_line: "true", success: {files: [s.yaml]}}
      - {id: nofile, command_line: "true", success: {files: [s.yaml, "{task.id}.nc"]}}
      - {id: own, task_directory: true, command_line: echo x >out.nc, success: {files: [out.nc]}}
      - {id: text, command_line: "echo step; echo converged", success: {stdout_regex: "^converged$"}}
      - {id: notext, command_line: echo not converged, success: {stdout_regex: "^converged$"}}
      - {id: killed, command_line: kill -9 $$, success: {exit_codes: [0, 137]}}
      - {id: again, command_line: 'echo try $MPIBATCH_TASK_ATTEMPT', success: {stdout_regex: try 3}, constraints: {max_task_retry_count: 5}}
  - id: b
    metrics: {residual: {regex: "residual = (.*)"}}
    tasks:
      - {id: good, command_line: echo residual = 1e-9, success: {metric: residual < 1e-6}}
      - {id: bad, command_line: echo residual = 0.5, success: {metric: residual < 1e-6}}
      - {id: none, command_line: "true", success: {metric: residual < 1e-6}}
EOF
"$MPIBATCH" run s.yaml >out 2>&1
is "$?" 1 "some tasks are not successful"
is "$(state s.run three)" "success|none|3|null" "an exit code that is listed is success"
is "$(state s.run four)" "failure|exit_code|4|null" "one that is not is none"
is "$(state s.run zero)" "failure|exit_code|0|it is not among the exit_codes of its success" "also 0"
is "$(state s.run file)" "success|none|0|null" "a file that must be there is"
is "$(state s.run nofile)" "failure|unsuccessful|0|the file nofile.nc is not there" "one that is not: its name is said"
is "$(state s.run own)" "success|none|0|null" "files are looked for in the task's own directory"
is "$(state s.run text)" "success|none|0|null" "stdout says what it must"
is "$(state s.run notext)" 'failure|unsuccessful|0|stdout does not match ^converged$' "or it does not"
is "$(state s.run killed .result,.reason,.signal)" "failure|signal|9" "a signal is no exit code"
is "$(state s.run again .result,.attempts)" 'success|3' "what is not successful is tried again"
is "$(state s.run good)" "success|none|0|null" "a metric is as it must be"
is "$(state s.run bad)" "failure|unsuccessful|0|residual < 1e-6 does not hold; residual is 0.5" "or it is not: its value is said"
is "$(state s.run none)" "failure|unsuccessful|0|residual < 1e-6 does not hold; residual is not known" "or it is missing"
like "$("$MPIBATCH" task show bad s.run 2>&1)" "not successful: residual < 1e-6" "it is said of the task"
like "$(<out)" "exit code 0, but not successful: the file nofile.nc is not there" "people are told at once"

# --- containers
mkdir bin images
cat >bin/apptainer <<'EOF'
#!/bin/bash
printf '%s\n' "$@" >"$ARGS/args.$MPIBATCH_TASK_ID"
while [[ $1 != */one.sif && $1 != docker://* ]]; do shift; done
shift
[ "$1" != -- ] || shift
exec "$@"
EOF
chmod +x bin/apptainer
cp bin/apptainer bin/ch-run
: >images/one.sif
cat >c.yaml <<'EOF'
jobs:
  - id: a
    common_environment_settings: {ARGS: "{spec.dir}", INSIDE: "yes"}
    tasks:
      - id: plain
        command_line: [sh, -c, 'echo "$INSIDE" "$1"', sh, "a b"]
        container_settings: {image_name: images/one.sif, container_run_options: "--nv --env A={task.id}"}
      - id: shell
        command_line: 'pwd; exit 5'
        task_directory: true
        container_settings: {image_name: images/one.sif}
      - id: uri
        command_line: [echo, x]
        container_settings: {image_name: "docker://ubuntu:22.04", working_directory: container_image_default}
      - id: charlie
        command_line: [echo, x]
        container_settings: {image_name: images/one.sif, runtime: ch-run -W}
      - id: noimage
        command_line: [echo, x]
        container_settings: {image_name: images/two.sif}
      - id: noruntime
        command_line: [echo, x]
        container_settings: {image_name: images/one.sif, runtime: nosuch exec}
EOF
PATH=$PWD/bin:$PATH "$MPIBATCH" run c.yaml >out 2>&1
is "$?" 1 "containers: some cannot be"
# words TASK: what the runtime was given, the scratch's name left out
words() { sed "s,/[^ ]*/mpibatch-0-[A-Za-z0-9]*,SCRATCH,g; s,^$PWD,HERE," "args.$1" | tr '\n' ' '; }
is "$(words plain)" 'exec --nv --env A=plain --bind SCRATCH --bind HERE --pwd HERE HERE/images/one.sif sh -c echo "$INSIDE" "$1" sh a b ' "the command stands behind the runtime, its options, the folders and the image"
is "$("$MPIBATCH" logs plain c.run)" "yes a b" "words stay words, and it has the environment"
is "$(words shell)" 'exec --bind SCRATCH --pwd SCRATCH/workitems/a/job-1/shell/wd HERE/images/one.sif /bin/sh -c pwd; exit 5 ' "the task's own directory is in the scratch"
is "$(state c.run shell .result,.exit_code)" "failure|5" "the exit code is that of the command"
is "$(words uri)" 'exec --bind SCRATCH --bind HERE docker://ubuntu:22.04 echo x ' "an image that is no file; the working directory of the image"
is "$(words charlie)" '-W --bind SCRATCH --bind HERE --cd HERE HERE/images/one.sif -- echo x ' "another runtime"
is "$(state c.run noimage .reason,.message)" "launch|the container's image $PWD/images/two.sif: No such file or directory" "an image that is not there"
is "$(state c.run noruntime .reason,.message)" "not_found|the runtime of its container: cannot run nosuch: not found in PATH" "a runtime that is not there"
is "$([ -e args.noimage ] || echo none)" none "without its image nothing is started"
like "$(<out)" "container's image" "people are told"
failures=$("$MPIBATCH" tasks --json c.run | jq -r '.tasks[] | select(.result == "failure") | .task_id + " " + .failure_code' | sort | tr '\n' ';')
like "$failures" "noimage ContainerInvalidImage;" "Azure's word for the image"
like "$failures" "noruntime CommandProgramNotFound;" "and for the runtime"

# --- the directory of an attempt that others go on in
mkdir in
echo given >in/a.txt
cat >k.yaml <<'EOF'
storage: {containers: {given: in}}
jobs:
  - id: a
    task: {task_directory: true, resource_files: [{auto_storage_container_name: given}]}
    tasks:
      - id: checkpoint
        command_line: 'echo $MPIBATCH_TASK_ATTEMPT >>log; cat a.txt >>log; if [ "$(wc -l <log)" -lt 8 ]; then exit 9; fi; cat log'
        checkpoint_exit_code: 9
      - id: kept
        command_line: 'echo $MPIBATCH_TASK_ATTEMPT >>log; echo more >>a.txt; cat log a.txt; exit 1'
        keep_working_dir: true
        constraints: {max_task_retry_count: 2}
      - id: fresh
        command_line: 'echo $MPIBATCH_TASK_ATTEMPT >>log; cat log a.txt; exit 1'
        constraints: {max_task_retry_count: 2}
      - id: more
        command_line: '(head -c 60000000 /dev/zero; sleep 0.6) | tail | wc -c'
        required_resources: {memory: 40MB}
        retry: {on: [memory], escalate: {memory: 4x}}
        constraints: {max_task_retry_count: 1}
EOF
"$MPIBATCH" run k.yaml >out 2>&1
is "$?" 1 "checkpoints and kept directories"
logs() { "$MPIBATCH" logs "a/$1" k.run | tr '\n' ' '; }
is "$(state k.run checkpoint .result,.attempts) $(logs checkpoint)" "success|4 1 given 2 given 3 given 4 given " "a checkpoint goes on in its directory, without retries"
is "$(state k.run kept .attempts) $(logs kept)" "3 1 2 3 given more " "a kept one is gone on in; its resource files are as they were given"
is "$(state k.run fresh .attempts) $(logs fresh)" "3 3 given " "else it is a fresh one"
is "$(state k.run more .result,.attempts) $(logs more)" "success|2 60000000 " "over its memory, with four times as much it succeeds"
