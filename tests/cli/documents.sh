#!/bin/bash
# What mpibatch says about job specs and nodes: validate, show schema, show man,
# show binding; and what it does when stdout is closed or full.
. "$TEST_SRCDIR/tests/lib.sh"
plan 60

# --- validate
# (what tasks of azure-workflow get is uploaded first: tests/examples has it)
for spec in "$TEST_SRCDIR"/jobspecs/*.yaml "$TEST_SRCDIR"/examples/{ising,povray}/*.yaml; do
    "$MPIBATCH" validate "$spec" >out 2>err || break
done
is "$? $(<err)" "0 " "all job specs and examples are right: ${spec##*/} is the last one looked at"
cp "$TEST_SRCDIR/jobspecs/grid.yaml" .
is "$("$MPIBATCH" validate grid.yaml)" "grid.yaml: valid; 12 tasks
  job scan: 12 tasks, a grid of temperature (3) x size (2) x seed (2)
    first: echo T=0.10 L=8 seed=001 task=0 label={8.0}
    last:  echo T=1e-4 L=16 seed=002 task=11 label={16.0}" "validate says what would run"
ok "nothing was run" test ! -e grid.run

cat >bad.yaml <<'EOF'
name: x
jobs:
  - id: a
    prioriti: 3
    sweep: {method: grid, parameters: {x: [1, 2]}}
    task: {command_line: "echo {y}", max_wall_clock: 3}
  - id: a
    tasks: [{command_line: 'echo "unclosed'}]
    metrics: {m: {regex: '(', type: complex}}
EOF
"$MPIBATCH" validate bad.yaml >out 2>err
is "$? $(<out)" "2 " "validate: errors, exit code 2, nothing on stdout"
is "$(grep -o '^bad.yaml:[0-9]*:[0-9]*: error: [^;,]*' err)" \
    'bad.yaml:4:5: error: unknown key `prioriti` in a job
bad.yaml:6:32: error: no parameter "y" (write {{ and }} for braces)
bad.yaml:6:38: error: unknown key `max_wall_clock` in a task
bad.yaml:7:9: error: the job in line 3 is called "a" already
bad.yaml:8:34: error: the quote " is not closed
bad.yaml:9:28: error: not a regular expression: missing closing parenthesis
bad.yaml:9:37: error: `type` must be float64' "all errors at once, by place"
like "$(<err)" 'did you mean `priority`\?' "the nearest key"
like "$(<err)" $'\n''    4 |     prioriti: 3'$'\n''      |     \^'$'\n' "the line and where in it"
is "$(tail -n 1 err)" "mpibatch: error: bad.yaml: 7 errors, nothing was run" "the last line counts them"
"$MPIBATCH" run bad.yaml >out2 2>err2
is "$? $(diff err err2)" "2 " "run says the same"
ok "and leaves no run directory" test ! -e bad.run
printf 'jobs: [{task: {command_line: "\001"}]' >odd.yaml
"$MPIBATCH" validate odd.yaml >out 2>err
is "$? $(tr -d '[:print:]\n' <err | wc -c)" "2 0" "no control characters on the terminal"
cat >escapes.yaml <<'EOF'
name: "na\e[31mme"
jobs:
  - id: a
    sweep: {parameters: {p: ["x\e[32my", 2]}}
    task: {command_line: "echo {p}", working_dir: "no\e[33mdir"}
EOF
"$MPIBATCH" run escapes.yaml >out 2>&1
"$MPIBATCH" validate escapes.yaml >>out 2>&1
"$MPIBATCH" status escapes.run >>out 2>&1
"$MPIBATCH" tasks escapes.run >>out 2>&1
"$MPIBATCH" tasks --json escapes.run >>out 2>&1
is "$(tr -d '[:print:]\n' <out | wc -c) $(grep -c 'x1b\[33mdir\|u001B\[33mdir' out)" "0 8" "nor those of names, values and folders" || note "$(cat -v out)"
head -c 100000 /dev/urandom >noise.yaml
"$MPIBATCH" validate noise.yaml >out 2>err
is "$? $(wc -l <err | grep -c '^[0-9][0-9]\?$')" "2 1" "noise is an error, said in less than 100 lines"

# --- the schema
if "$PYTHON" -c 'import jsonschema, yaml; jsonschema.Draft202012Validator' 2>/dev/null && [ "$PYTHON" != : ]; then
    cat >check.py <<'EOF'
import json, os, subprocess, sys, jsonschema, yaml
schema = json.load(open("schema.json"))
kind = jsonschema.Draft202012Validator
kind.check_schema(schema)
right = kind(schema)
for path in sys.argv[1:]:
    for error in right.iter_errors(yaml.safe_load(open(path))):
        print(path, error.message)
for kind in schema["$defs"].values():
    for key in kind.get("properties", {}):
        print("key", key)
task = {"command_line": "true"}
# each of these is right, for the parser too
for fine in (
    {"jobs": [{"tasks": [{}, {"required_slots": 1}], "task": task}]},
    {"jobs": [{"id": "a", "task": task}, {"id": "b", "tasks": [task]}]},
    {"jobs": [{"task": {"command_line": "true", "resource_files": [
        {"http_url": "FILE://localhost{spec.dir}/fine.yaml", "file_path": "a..b/..c"}]}}]},
    {"jobs": [{"task": {"command_line": "true", "output_files": [
        {"file_pattern": "../std*.txt", "return": True}]}}]},
    {"jobs": [{"task": {"command_line": "true", "constraints": {"max_wall_clock_time": "1-02:03:04.5"}}}]},
    {"jobs": [{"task": task, "sweep": {"points": [{"x": 1}], "repeat": 2}}]},
    {"pool": {"scratch_reserve": "1.5 GiB", "scratch": "/tmp"}, "jobs": [{"task": task}]},
):
    json.dump(fine, open("fine.yaml", "w"))
    for error in right.iter_errors(fine):
        print(fine, error.message)
    if subprocess.run([os.environ["MPIBATCH"], "validate", "fine.yaml"], capture_output=True).returncode:
        print("the parser refuses", fine)
# each of these is wrong, for the parser too
for wrong in (
    {}, [], {"jobs": []}, {"jobs": [{"task": {}}], "x": 1},
    {"jobs": [{"task": task, "prio": 1}]},
    {"jobs": [{"task": task, "priority": 1001}]},
    {"jobs": [{"task": task, "priority": "high"}]},
    {"jobs": [{"id": "a/b", "task": task}]},
    {"jobs": [{"task": task, "sweep": {"method": "spiral"}}]},
    {"jobs": [{"task": {"command_line": "true", "required_slots": 0}}]},
    {"jobs": [{"task": {"command_line": "true", "constraints": {"max_wall_clock_time": []}}}]},
    {"jobs": [{"task": task, "metrics": {"m": {"regex": "x", "type": "complex"}}}]},
    {"pool": {"slot_unit": "thread"}, "jobs": [{"task": task}]},
    {"pool": {"scratch": "tmp"}, "jobs": [{"task": task}]},
    {"jobs": [{}]},
    {"jobs": [{"task": {}}]},
    {"jobs": [{"tasks": [task, {}]}]},
    {"jobs": [{"task": task}, {"task": task}]},
    {"jobs": [{"task": {"command_line": "true", "constraints": {"max_wall_clock_time": "5 minutes"}}}]},
    {"jobs": [{"task": {"command_line": "true", "resource_files": [{"http_url": "file:///a"}]}}]},
    {"jobs": [{"task": {"command_line": "true", "resource_files": [{"http_url": "s3://a", "file_path": "a"}]}}]},
    {"jobs": [{"task": {"command_line": "true", "output_files": [{"file_pattern": "a", "return": False}]}}]},
    {"jobs": [{"task": task, "sweep": {"method": "random", "parameters": {"x": {"min": 0, "max": 1}}}}]},
):
    json.dump(wrong, open("wrong.yaml", "w"))
    if right.is_valid(wrong):
        print("the schema takes", wrong)
    if subprocess.run([os.environ["MPIBATCH"], "validate", "wrong.yaml"],
                      capture_output=True).returncode == 0:
        print("the parser takes", wrong)
EOF
    ok "show schema" bash -c '"$MPIBATCH" show schema >schema.json'
    "$PYTHON" check.py "$TEST_SRCDIR"/jobspecs/*.yaml "$TEST_SRCDIR"/examples/*/*.yaml >out 2>&1
    is "$(grep -v '^key ' out)" "" \
        "it takes all job specs, and rejects wrong ones as the parser does"
    gaps() { "$PYTHON" "$TEST_SRCDIR/tests/unit/spec/schema.py" "$TEST_SRCDIR" "$1" >out3 2>&1; }
    gaps schema.json
    result "and all errors of the golden files but those that have a reason" $? || note "$(<out3)"
    echo '{}' >none.json
    gaps none.json
    like "$? $(<out3)" '^1 .*job-without-task.yaml:6: the schema does not find' "one that says nothing is seen"
else
    skip 4 "no Python with jsonschema and yaml"
fi

# --- the manual page
"$MPIBATCH" show man jobspec >man.5
like "$(<man.5)" $'\n''\.Sh NAME' "show man"
if command -v mandoc >/dev/null; then
    is "$(mandoc -Tlint -W warning man.5 2>&1)" "" "mandoc has nothing against it"
    mandoc -Tascii man.5 | sed 's/.\x08//g' >man.txt
    missing=$(sed -n 's/^key //p' out | while read -r key; do grep -q -w -- "$key" man.txt || echo "$key"; done)
    is "$missing" "" "the $(grep -c "^key " out) keys of the schema are in it"
else
    skip 2 "no mandoc"
fi

# --- the binding
binding() { "$MPIBATCH" show binding "$@"; }
is "$(binding -n 3 --topology "synthetic:pack:2 numa:1 core:3 pu:2")" \
    "2 packages, 2 NUMA nodes, 6 cores, 12 CPUs
6 slots, 3 ranks
package 0, NUMA node 0
  core 0  CPUs 0-1    rank 0 slot 0
  core 1  CPUs 2-3    rank 0 slot 1
  core 2  CPUs 4-5    rank 1 slot 2
package 1, NUMA node 1
  core 3  CPUs 6-7    rank 1 slot 3
  core 4  CPUs 8-9    rank 2 slot 4
  core 5  CPUs 10-11  rank 2 slot 5" "show binding: a slot a core"
cat >gpu.xml <<'EOF'
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
<object type="Machine" os_index="0" cpuset="0x3" complete_cpuset="0x3" allowed_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" allowed_nodeset="0x1" gp_index="1">
<object type="NUMANode" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" gp_index="2" local_memory="1073741824"/>
<object type="Package" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" gp_index="3">
<object type="PU" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" gp_index="4"/>
<object type="PU" os_index="1" cpuset="0x2" complete_cpuset="0x2" nodeset="0x1" complete_nodeset="0x1" gp_index="5"/>
<object type="PCIDev" gp_index="6" name="NVIDIA H100" pci_busid="0000:3b:00.0" pci_type="0302 [10de:2330] [10de:16c1] a1" pci_link_speed="0.0"/>
</object>
</object>
</topology>
EOF
is "$(binding --topology gpu.xml)" \
    "1 package, 1 NUMA node, 2 cores, 2 CPUs
2 slots, 1 rank
package 0, NUMA node 0
  core 0  CPU 0  rank 0 slot 0
  core 1  CPU 1  rank 0 slot 1
GPU 0  0000:3b:00.0  NVIDIA H100  next to CPUs 0-1" "show binding: a GPU"
is "$(binding --json --topology gpu.xml | jq -c '.gpus[]')" \
    '{"gpu":0,"vendor":"NVIDIA","name":"NVIDIA H100","address":"0000:3b:00.0","cpus":"0-1"}' "show binding: and as JSON"
cat >wide.yaml <<'EOF'
pool: {task_slots_per_node: 4}
jobs: [{task: {command_line: "true", required_slots: 2}}]
EOF
is "$(binding -n 3 --topology "synthetic:pack:1 core:4 pu:1" wide.yaml)" \
    "1 package, 1 NUMA node, 4 cores, 4 CPUs
4 slots, 3 ranks
package 0, NUMA node 0
  core 0  CPU 0  rank 0 slot 0
  core 1  CPU 1  rank 0 slot 1
  core 2  CPU 2  rank 1 slot 2
  core 3  CPU 3  rank 1 slot 3
without slots: rank 2" "show binding: of a spec whose tasks need two"
cat >threads.yaml <<'EOF'
pool: {slot_unit: hwthread}
jobs: [{task: {command_line: "true"}}]
EOF
is "$(binding --topology "synthetic:core:2 pu:2" threads.yaml)" \
    "1 package, 1 NUMA node, 2 cores, 4 CPUs
4 slots, 1 rank
package 0, NUMA node 0
  core 0  CPUs 0-1  rank 0 slots 0-1
  core 1  CPUs 2-3  rank 0 slots 2-3" "show binding: a slot a hardware thread"
is "$(binding -n 2 --topology "synthetic:pack:2 numa:2 core:32 pu:2")" \
    "2 packages, 4 NUMA nodes, 128 cores, 256 CPUs
128 slots, 2 ranks
package 0, NUMA node 0
  cores 0-31    CPUs 0-63     rank 0 slots 0-31
package 0, NUMA node 1
  cores 32-63   CPUs 64-127   rank 0 slots 32-63
package 1, NUMA node 2
  cores 64-95   CPUs 128-191  rank 1 slots 64-95
package 1, NUMA node 3
  cores 96-127  CPUs 192-255  rank 1 slots 96-127" "show binding: 128 cores fit on a screen"
here=$(binding)
like "$here" "^1?[0-9]* package.* slots?, 1 rank" "show binding: this node"
is "$(taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" "$MPIBATCH" show binding | sed -n 2p)" "1 slot, 1 rank" \
    "show binding: what taskset allows"
binding --topology synthetic:bad >out 2>err
is "$? $(<out)$(<err)" "1 mpibatch: error: not a synthetic topology: bad" "show binding: not a topology"
binding --topology no.xml >out 2>err
like "$? $(<err)" "^1 .*no.xml: No such file" "show binding: no such file"
binding bad.yaml >out 2>err
like "$? $(<err)" "^2 .*7 errors" "show binding: a wrong spec"

# --- stdout that does not take it
"$MPIBATCH" run --quiet -o list.run "$TEST_SRCDIR/jobspecs/list.yaml" >/dev/null 2>&1
for args in "show schema" "show man" "show binding" "validate grid.yaml" "tasks list.run" "tasks --json list.run" \
    "tasks --format csv list.run" "tasks --format ids list.run" "logs linear-1-00 list.run" "status list.run" "status --json list.run" "--help"; do
    # shellcheck disable=SC2086
    "$MPIBATCH" $args >/dev/full 2>err
    is "$? $(<err)" "1 mpibatch: error: cannot write to stdout: No space left on device" "stdout is full: $args"
    # shellcheck disable=SC2086
    is "$({ "$MPIBATCH" $args 2>&3; } 3>&1 >&- )" "mpibatch: error: cannot write to stdout: Bad file descriptor" "stdout is closed: $args"
done
"$MPIBATCH" show schema 2>err | head -n 1 >/dev/null
is "${PIPESTATUS[1]} $(<err)" "0 " "| head: nothing is said"
"$MPIBATCH" run "$TEST_SRCDIR/jobspecs/hello.yaml" >&- 2>&-
is "$?" 0 "a run does not need stdout and stderr"
"$MPIBATCH" run --fresh -o hello.run "$TEST_SRCDIR/jobspecs/hello.yaml" >/dev/full 2>&1
is "$? $(count hello.run succeeded)" "0 1" "nor that they take anything"
# what scripts read
is "$("$MPIBATCH" validate --json "$TEST_SRCDIR/jobspecs/grid.yaml" | python3 -c "import json, sys; d = json.load(sys.stdin); print(d['version'], d['tasks'], d['jobs'][0]['parameters'], d['jobs'][0]['sweep'])")" \
    "1 12 {'temperature': 3, 'size': 2, 'seed': 2} a grid of temperature (3) x size (2) x seed (2)" "validate --json"
is "$(binding --json -n 2 --topology 'synthetic:pack:1 core:4 pu:2' | python3 -c "import json, sys; print(*[(s['slot'], s['rank'], s['cpus']) for s in json.load(sys.stdin)['slots']])")" \
    "(0, 0, '0-1') (1, 0, '2-3') (2, 1, '4-5') (3, 1, '6-7')" "show binding --json"
