#!/usr/bin/env bash
# Ranks that die while they unpack a package or upload output files: another
# one unpacks; of an attempt that died nothing is left in the container, and
# no file there is ever half.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
plan 11
mkdir tmp results
export TMPDIR=$PWD/tmp
unset SLURM_TMPDIR

# ---- the one that unpacks ----
"$PYTHON" - <<'PY'
import io
import tarfile
with tarfile.open("big.tar", "w") as t:
    for i in range(30000):
        info = tarfile.TarInfo(f"{i % 100}/{i}")
        info.size = 100
        t.addfile(info, io.BytesIO(b"%099d\n" % i))
PY
cat >spec.yaml <<'EOF'
pool:
  task_slots_per_node: 4
  application_packages: [{application_id: big, version: "1", path: big.tar}]
  application_package_references: [{application_id: big}]
jobs:
  - id: count
    sweep: {parameters: {n: [0, 1, 2, 3, 4, 5, 6, 7]}}
    task: {command_line: 'find "$AZ_BATCH_APP_PACKAGE_big_1" -type f -size 1 | wc -l'}
EOF
# who unpacks: the rank that has the new folder open
unpacker() {
    local pid
    for pid in $(ours rank); do
        ! ls -l "/proc/$pid/fd" 2>/dev/null | grep -q '/\.unpacking-' || { echo "$pid"; return 0; }
    done
    return 1
}
marked "$MPIBATCH" launch -n 4 --lost-after 3s --plain --dedicated-manager spec.yaml -o big
await 20 unpacker >victim
result "a rank unpacks" $? || note "$(cat launch.out)"
kill -9 "$(<victim)"
over 60
is "$rc" 0 "when it is killed the run goes on" || note "$(cat launch.out)"
is "$("$MPIBATCH" logs 0 big) $("$MPIBATCH" logs 7 big)" "30000 30000" "with a whole package"
is "$(ls tmp | grep mpibatch)" "" "and nothing is left on scratch"

# ---- those that upload ----
cat >upload.yaml <<EOF
storage: {containers: {results: results}}
pool: {task_slots_per_node: 3}
jobs:
  - id: up
    sweep: {parameters: {n: [$(seq -s, 0 39)]}}
    task:
      # names and contents tell attempts apart
      command_line: >-
        a=\$MPIBATCH_TASK_ATTEMPT; for i in \$(seq 12); do
        yes \$a | tr -d '[:space:]' | head -c 200000 >f\$i.\$a; done
      output_files:
        - {file_pattern: "f*", destination: {container: {container_name: results, path: "{n}"}}}
EOF
begun() { [ -n "$(find results -name '.mpibatch-*' -print -quit)" ]; }
# What is wrong with the files that have a name; all: also those that are not
# there.
wrong() {
    "$PYTHON" - "$@" <<'PY' | head -n 5
import os
import re
import sys
for n in range(40):
    folder = f"results/{n}"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    attempts = set()
    for name in names:
        m = re.fullmatch(r"f(\d+)\.(\d+)", name)
        if not m:
            if len(sys.argv) > 1:
                print(folder, name)
            continue
        attempts.add(m[2])
        try:
            data = open(f"{folder}/{name}", "rb").read()
        except FileNotFoundError:
            continue
        if data != m[2].encode() * 200000:
            print(folder, name, len(data), data[:3])
    if len(sys.argv) > 1 and (len(names) != 12 or len(attempts) != 1):
        print(folder, len(names), attempts)
PY
}
: >half
marked "$MPIBATCH" launch -n 4 --lost-after 3s --plain --dedicated-manager upload.yaml -o up
for rank in 1 2; do
    await 20 begun || note "nothing is uploaded: $(cat launch.out)"
    sleep "0.0$((RANDOM % 10))"
    kill -9 "$(rank_pid "$rank")"
    wrong >>half
done
over 90
is "$rc" 0 "ranks that upload are killed: the run goes on" || note "$(cat launch.out)"
is "$(<half)" "" "no file is ever half"
is "$(wrong all)" "" "in the end each task has the files of one attempt, and no others"

# ---- everything at once, and again ----
rm -rf results/*
marked "$MPIBATCH" launch -n 3 --lost-after 3s --plain upload.yaml -o all
for _ in 1 2; do
    await 20 begun
    sleep "0.0$((RANDOM % 10))"
    kill_ours
    over 20
    wrong >>half
    marked "$MPIBATCH" launch -n 3 --lost-after 3s --plain upload.yaml -o all
done
over 60
is "$rc" 0 "killed with all ranks, and resumed, again and again" || note "$(cat launch.out)"
is "$(<half)" "" "no file is ever half"
is "$(wrong all)" "" "and each task has the files of one attempt"
is "$(ls tmp | grep mpibatch)" "" "nothing is left on scratch"
