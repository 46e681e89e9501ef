#!/bin/bash
# Application packages through the program: unpacked once, found by variables
# and on PATH; a package that is refused fails its tasks, with the reason, and
# no others.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 21
mkdir tmp
export TMPDIR=$PWD/tmp

# ---- what is unpacked ----
mkdir -p tool/bin tool/lib data
printf '#!/bin/sh\necho "tool $0"\n' >tool/bin/tool
chmod 755 tool/bin/tool
ln -s tool tool/bin/other
echo data >data/file
tar -czf tool.tar.gz -C tool bin lib
cat >use.yaml <<'YAML'
pool:
  task_slots_per_node: 4
  application_packages:
    - {application_id: my-tool, version: "1.0", path: tool.tar.gz, add_to_path: [bin]}
    - {application_id: my-tool, version: "2.0", path: tool, default: true}
    - {application_id: set, version: "3", path: data}
  application_package_references: [{application_id: set}]
jobs:
  - id: use
    sweep: {parameters: {n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}
    task:
      command_line: >-
        echo "$AZ_BATCH_APP_PACKAGE_my_tool_1_0"; tool; other;
        cat "$AZ_BATCH_APP_PACKAGE_set_3/file"
      application_package_references: [{application_id: my-tool, version: "1.0"}]
  - id: default
    tasks:
      - id: two
        command_line: echo "$AZ_BATCH_APP_PACKAGE_my_tool"; ls "$AZ_BATCH_APP_PACKAGE_my_tool_2_0/bin"
        application_package_references: [{application_id: my-tool}]
YAML
limited 60 "$MPIBATCH" run use.yaml >out 2>&1
is $? 0 "packages are unpacked for tasks"
got=$("$MPIBATCH" logs use/3 use.run)
folder=$(head -1 <<<"$got")
is "$got" "$folder
tool $folder/bin/tool
tool $folder/bin/other
data" "variables name them, PATH finds them"
like "$folder" "^$TMPDIR/mpibatch-[0-9]+-[A-Za-z0-9]+/applications/my-tool/1.0$" \
    "in the node's applications folder"
is "$("$MPIBATCH" logs default/two use.run | tail -2 | xargs)" "other tool" \
    "a folder is a package, too, and a version may be the default"
like "$(<out)" "3 packages unpacked" "each once, whatever the number of tasks"
is "$(ls -A tmp)" "" "nothing is left on scratch"

# ---- what is refused ----
mkdir corpus
"$PYTHON" "$tools/hostile.py" corpus >expected 2>errors || { cat errors; exit 99; }
# hostile FROM TO: the run of those lines of expected
hostile() {
    {
        echo "pool: {application_packages: ["
        sed -n "$1,$2p" expected | cut -f1 | awk '
            { printf "  {application_id: p%d, version: \"1\", path: corpus/%s},\n", NR, $1 }'
        echo "]}"
        echo "jobs:"
        echo "  - id: hostile"
        echo "    tasks:"
        sed -n "$1,$2p" expected | cut -f1 | awk '
            { printf "      - {id: %s, command_line: \"true\", application_package_references: [{application_id: p%d}]}\n", $1, NR }'
        echo "  - {id: other, tasks: [{id: runs, command_line: echo still}]}"
    } | sed 's/{id: \([^,]*\),/{id: "\1",/' >hostile.yaml
    "$PYTHON" - <<'PY'
import re
text = open("hostile.yaml").read()
# ids are letters, digits, - and _
open("hostile.yaml", "w").write(re.sub(
    r'\{id: "([^"]*)"', lambda m: '{id: "%s"' % re.sub(r"[^\w-]", "_", m[1]),
    text))
PY
    limited 120 "$MPIBATCH" run -o "$1.run" hostile.yaml >"$1.out" 2>&1
    code=$?
    "$MPIBATCH" tasks "$1.run" --json >tasks.json
    sed -n "$1,$2p" expected >part
    "$PYTHON" - >wrong <<'PY'
import json
import re
tasks = {t["task_id"]: t for t in json.load(open("tasks.json"))["tasks"]}
for line in open("part"):
    name, reason = line.rstrip("\n").split("\t")
    t = tasks[re.sub(r"[^\w-]", "_", name)]
    if reason == "ok":
        good = t["result"] == "success"
    else:
        good = (t["result"] == "failure" and
                t["reason"] == "pre_processing_error" and
                re.search(reason, t["message"]))
    if not good:
        print(name, reason, t["result"], t["reason"], t["message"])
PY
}
total=$(grep -c . expected)
for from in 1 61; do
    to=$((from == 1 ? 60 : total))
    hostile "$from" "$to"
    is "$code" 1 "hostile packages fail their tasks ($from to $to)"
    is "$(<wrong)" "" "each with the reason; those that are fine are fine"
    like "$("$MPIBATCH" logs other/runs "$from.run")" "still" "the run goes on"
    like "$(<"$from.out")" "ApplicationPackageError.*refused: its entry|ApplicationPackageError.*refused: it is" \
        "the failure has Azure's code"
done
is "$(ls -A tmp)" "" "nothing is left on scratch"
is "$(find . -name '*evil*' -newer expected -not -path './*.run/*')" "" "nothing is written elsewhere"

# ---- folders, missing files ----
mkdir -p bad/a
ln -s /etc/passwd bad/a/link
cat >bad.yaml <<'YAML'
pool:
  application_packages:
    - {application_id: bad, version: "1", path: bad}
    - {application_id: gone, version: "1", path: gone.tar}
jobs:
  - tasks:
      - {id: bad, command_line: echo no, application_package_references: [{application_id: bad}]}
      - {id: gone, command_line: echo no, application_package_references: [{application_id: gone}]}
YAML
limited 60 "$MPIBATCH" run bad.yaml >out 2>&1
is $? 2 "a package that is not there is told before anything runs"
like "$(<out)" "^bad.yaml:4:[0-9]+: error: there is no archive or folder .*/gone.tar" \
    "with its place in the spec"
: >gone.tar
limited 60 "$MPIBATCH" run bad.yaml >out 2>&1
is $? 1 "a folder is refused as an archive is"
like "$(<out)" 'task bad .*ApplicationPackageError.*package bad 1: .*"a/link" is a symbolic link that leads out' \
    "with the reason"
like "$(<out)" "task gone .*ApplicationPackageError.*package gone 1: refused: the file is empty" \
    "and so is what is no archive"
