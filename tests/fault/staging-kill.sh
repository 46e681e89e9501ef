#!/usr/bin/env bash
# SIGKILL of everything, or of a rank, at random moments of staging, unpacking,
# uploading and returning, resumed with the same command until the run is done.
# At each of these moments no file under a final name is anything but whole, and
# no entry of the cache of the nodes is anything but what its name says; at the
# end each task has ended once, all that it uploads and returns is there, and
# nothing else.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
command -v xxh128sum >/dev/null || skip_all "no xxh128sum"
kills_wanted=50
RANDOM=${FAULT_SEED:=$(date +%j)}
plan 12
note "FAULT_SEED=$FAULT_SEED (kills at other moments with another)"
export TMPDIR=$scratch/tmp
unset SLURM_TMPDIR
mkdir -p tmp data/in data/out
tasks=18

# What a task stages, uploads and returns follows from its index.
for ((i = 0; i < tasks; i++)); do seq "$i" $((i + 20000)) >"data/in/own-$i"; done
for i in 1 2 3; do seq "$i" $((i + 40000)) >"data/in/common-$i"; done
mkdir -p tool/bin tool/many
for ((i = 0; i < 150; i++)); do echo "$i" >"tool/many/$i"; done
printf '#!/bin/sh\ncat "$@"\n' >tool/bin/tool
chmod +x tool/bin/tool
tar -cJf tool.tar.xz tool
cat >task.sh <<'E_'
# task.sh INDEX: uses what is staged, makes what is stored
set -e
[ "$(ls "$AZ_BATCH_APP_PACKAGE_tool_1/tool/many" | wc -l)" = 150 ]
[ ! -e mark ] # a fresh directory
touch mark
tool common-* "own-$1" >sum.txt
for k in 1 2 3; do sed "s/^/$k /" "own-$1" >"part-$k.txt"; done
echo "small $1" >small
sed "s/^/back /" "own-$1" >large
echo "done $1"
sleep 0.0$(($1 % 5))
E_
cat >spec.yaml <<E_
storage:
  root: data
  containers: {in: in, out: out}
pool:
  task_slots_per_node: 4
  cache: {keep: true}
  application_packages: [{application_id: tool, version: "1", path: tool.tar.xz, add_to_path: [tool/bin]}]
jobs:
  - id: kill
    sweep: {parameters: {i: {range: {from: 0, to: $((tasks - 1))}}}}
    task:
      resource_files:
        - {auto_storage_container_name: in, blob_prefix: common-}
        - {http_url: "file://$PWD/data/in/own-{i}", file_path: "own-{i}"}
      application_package_references: [{application_id: tool, version: "1"}]
      output_files:
        - {file_pattern: sum.txt, destination: {container: {container_name: out, path: "sum/{i}"}}}
        - {file_pattern: "part-*.txt", destination: {container: {container_name: out, path: "parts/{i}/"}}}
        - {file_pattern: ../stdout.txt, destination: {container: {container_name: out, path: "log/{i}"}}}
        - {file_pattern: small, return: true}
        - {file_pattern: large, return: true}
      command_line: sh $PWD/task.sh {i}
E_
# One storage for all names, as the key of the spec is "in": of three letters.
sed -i 's/containers: {in: in/containers: {inp: in/; s/name: in,/name: inp,/' spec.yaml

# sums FOLDER: of all files in it, by name
sums() { (cd "$1" 2>/dev/null && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum); }

# returned RUN: the same of the files that were returned, whatever their attempt
returned() { sums "$1/files" | sed 's|/[0-9]*\(/[^/]*\)$|\1|'; }

# ---- Undisturbed ----
launch 0 spec.yaml -o calm
over 60
is "$rc" 0 "undisturbed: exit code" || note "$(cat launch.out)"
digest calm >calm.digest
sums data/out >calm.out
returned calm >calm.files
is "$(wc -l <calm.out) $(wc -l <calm.files)" "$((5 * tasks)) $tasks" "undisturbed: uploaded and returned"

# not_whole SUMS: of the files whose sums are read, those that are not as in an
# undisturbed run, and not under a temporary name
not_whole() { grep -v -x -F -f "$1" | grep -v -e '/\.'; }

# poisoned: entries of caches that are not what their names say
poisoned() {
    find tmp -path '*/objects/*/*' -type f ! -name '.*' -print0 | xargs -0r xxh128sum |
        while read -r sum path; do [ "$sum" = "${path##*/}" ] || echo "$path"; done
}

# look: after a kill, nothing half is anywhere
look() {
    local bad
    bad=$(sums data/out | not_whole calm.out; returned "$1" | not_whole calm.files)
    [ -z "$bad" ] || { half=$((half + 1)); note "not whole: $bad"; }
    bad=$(poisoned)
    [ -z "$bad" ] || { poison=$((poison + 1)); note "poisoned: $bad"; }
}

# strike HOW: kill what is there now
strike() {
    local victims
    case $1 in
    ranks) victims=$(ours mpirun rank) ;;
    one) victims=$(ours rank | shuf -n 1 --random-source=<(yes $RANDOM)) ;;
    all) victims=$(ours mpirun rank keeper task) ;;
    esac
    # shellcheck disable=SC2086 # words
    kill -9 $victims 2>/dev/null
    [ "$1" != all ] || kill_ours
}

kills=0 runs=0 half=0 poison=0 different=0 codes="" left=0 behind=0
hows=(ranks ranks one all)
export OMPI_MCA_odls_base_sigkill_timeout=0
while [ $kills -lt $kills_wanted ]; do
    runs=$((runs + 1))
    dir=run$runs
    rm -rf data/out/*
    # often from an empty cache: staging is what is to be interrupted
    [ $((RANDOM % 3)) != 0 ] || rm -rf tmp/*
    while :; do
        n=$((RANDOM % 3)); [ $n = 0 ] || n=$((n + 1))
        how=${hows[RANDOM % ${#hows[@]}]}
        wait_ms=$((60 + RANDOM % 500 + (n > 0) * 250))
        launch $n spec.yaml -o $dir
        if [ $kills -lt $kills_wanted ]; then
            sleep "$(printf '0.%03d' $wait_ms)"
            if kill -0 $started 2>/dev/null; then
                strike "$how"
                kills=$((kills + 1))
                wait $started 2>/dev/null
                await 3 none || { behind=$((behind + 1)); note "$how, $n ranks, $wait_ms ms: left: $(ps -o pid=,stat=,args= -p "$(ours | paste -sd,)")"; kill_ours; }
                look $dir
                continue
            fi
        fi
        over 60
        [ "$rc" -ge 3 ] || break
    done
    codes="$codes$rc "
    look $dir
    digest $dir >digest || different=$((different + 1))
    if ! diff calm.digest digest >difference || ! sums data/out | diff calm.out - >>difference ||
        ! returned $dir | diff calm.files - >>difference; then
        different=$((different + 1))
        note "$dir: $(head -n 10 difference)"
    fi
    remains=$(ls -A $dir/uploads 2>/dev/null; find data/out $dir/files -name '.*' | grep -v -e '/\.part$')
    [ -z "$remains" ] || { left=$((left + 1)); note "$dir: $remains"; }
done
note "$kills kills in $runs runs, $SECONDS s"
ok "at least $kills_wanted kills" test $kills -ge $kills_wanted
unlike "$codes" '[^0 ]' "each run came to its end, and all tasks succeeded"
is $half 0 "no half file under a final name, at any time"
is $poison 0 "no poisoned entry in a cache, at any time"
is $different 0 "each task ended once; what it uploads and returns is there, and nothing else"
is $left 0 "no temporary file, no manifest is left of a run"
is $behind 0 "no process was left behind"
# ---- A rank of several is lost, and the run goes on with the rest ----
lost=0 different=0 codes=""
for n in 1 2; do
    rm -rf data/out/* tmp/*
    marked "$MPIBATCH" launch -n 3 --lost-after 3s --plain spec.yaml -o "lost$n"
    await 20 at_least 1 "lost$n/status.json"
    sleep "0.$((RANDOM % 4))"
    if victim=$(rank_pid $((1 + RANDOM % 2))); then kill -9 "$victim" && lost=$((lost + 1)); fi
    over 60
    codes="$codes$rc "
    digest "lost$n" >digest
    if ! diff calm.digest digest >difference || ! sums data/out | diff calm.out - >>difference ||
        ! returned "lost$n" | diff calm.files - >>difference; then
        different=$((different + 1))
        note "lost$n: $(head -n 10 difference)"
    fi
done
note "$lost ranks lost, $SECONDS s"
is "$codes" "0 0 " "a lost rank: the run goes on with the others"
is $different 0 "a lost rank: each task ended once, and all is there"

# what killed sessions have left in the scratch root goes with the next one
launch 0 spec.yaml -o last
over 60
is "$(find tmp -mindepth 1 -maxdepth 1 -name 'mpibatch-*' ! -name 'mpibatch-*-cache-*' | wc -l)" 0 "the next session has cleaned up behind those that were killed" ||
    note "$(ls -la tmp)"
