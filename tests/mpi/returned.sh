#!/usr/bin/env bash
# Files that tasks return: small ones in results.h5, large ones in the run
# directory, byte by byte; after kills, too; with little memory of rank 0; and
# when the disk is full. That one is small, in a mount namespace of its own.
if [ -z "${RETURNED_NAMESPACE-}" ]; then
    export RETURNED_NAMESPACE=1
    if unshare -m true 2>/dev/null; then exec unshare -m bash "$0"; fi
fi
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 28
tasks=12

cat >spec.yaml <<E_
jobs:
  - id: make
    sweep: {parameters: {n: {range: {from: 0, to: $((tasks - 1))}}}}
    task:
      command_line: "sh $scratch/make.sh {n}; test {n} != 5"
      keep: failed
      output_files:
        - {file_pattern: "small*", return: true}
        - {file_pattern: "d/**", return: true}
        - {file_pattern: "only when it fails", return: true, upload_options: {upload_condition: task_failure}}
        - {file_pattern: "../std*.txt", return: true}
E_
cat >make.sh <<'E_'
bytes() { yes "task $1 file $2" | head -c "$3"; }
mkdir -p d/e
bytes "$1" a $((100 + $1)) >"small $1.txt"
: >small.empty
bytes "$1" b $((65536 + $1 % 2)) >d/edge
bytes "$1" c $((3000000 + 1000 * $1)) >"d/e/large ä.bin"
chmod 755 d/e/*
bytes "$1" d 10 >"only when it fails"
bytes "$1" e 10 >"not returned"
echo "out $1"
E_
# A line a file, as `results.py files` has it
expected() {
    local n
    for ((n = 0; n < tasks; n++)); do
        mkdir -p "x/$n"
        (cd "x/$n" && sh "$scratch/make.sh" "$n" >../out && rm "not returned" && mv ../out stdout.txt && : >stderr.txt &&
            { [ "$n" = 5 ] || rm "only when it fails"; } &&
            find . -type f -printf '%P\n' | LC_ALL=C sort | while read -r f; do
                echo "make $n $f $(stat -c %s "$f") $(sha256sum <"$f" | cut -c -64)"
            done)
    done
    rm -rf x
}
expected >expected
files() { results files "$1/results.h5" >files && diff expected files; }
parts() { find "$1/files/.part" -type f 2>/dev/null | wc -l; }

run 3 spec.yaml -o calm
is "$rc" 1 "the run ends; one task is to fail"
ok "all files are there, byte by byte" files calm
is "$(find calm/files -type f | wc -l)" $((tasks + tasks / 2)) "larger than 64 KiB: files of their own"
is "$(ls calm/output/*.files | wc -l),$(parts calm)" "1,0" "the others in one pack, and nothing half done"
is "$(stat -c %a "calm/files/make/3/1/d/e/large ä.bin")" 700 "what can be executed still can"
like "$(cat run.out)" "  staging: .*files \([0-9.]+ MiB\) returned" "the summary says how much was returned"
like "$("$MPIBATCH" status calm)" "  staging: .*returned" "status, too"
is "$("$MPIBATCH" status calm --json | jq .staging.returned_files)" "$(wc -l <expected)" "status --json: how many"
is "$("$MPIBATCH" tasks calm --where 'returned_files == 7' --format ids) $("$MPIBATCH" tasks calm --where 'returned_bytes < 3000000' --format ids | wc -l)" \
    "make/5 0" "conditions know returned files"
like "$("$MPIBATCH" task make/3 calm)" "staged in .*, stored in .*
 +6 files returned, .*
 +2.9 MiB +d/e/large .*  in files/make/3/1/d/e/large .*
 +64.0 KiB +d/edge  in files/make/3/1/d/edge
 +103 B +small 3.txt  in output/0001.files at [0-9]+" "task: which files, and where"
"$MPIBATCH" task make/3 calm --json >task.json
is "$(json task.json '[(f["name"], f["bytes"], f["mode"], len(f["xxh128"]), "path" in f) for f in d["attempts"][0]["files"] if f["name"][0] == "d"]')" \
    "[('d/e/large ä.bin', 3003000, '0755', 32, True), ('d/edge', 65537, '0644', 32, True)]" "task --json: the same"
"$MPIBATCH" task make/5 calm --json >task.json
kept=$(json task.json 'd["attempts"][0]["directory"]')
ok "task --json: where the directory of a failed one is kept" cmp "$kept/wd/small 5.txt" <(yes "task 5 file a" | head -c 105)
is "$("$MPIBATCH" export calm --columns task_index,failure_code,failure_category,returned_files | sed -n '6,7p' | paste -sd' ')" \
    "4,,,6 5,FailureExitCode,user_error,7" "export: failure code and returned files"
rm calm/results.h5
run 0 spec.yaml -o calm
ok "results.h5 made anew has them, too" files calm

# --- two that would have one name: neither is dropped in silence
cat >names.yaml <<'E_'
jobs:
  - id: names
    tasks:
      - {id: two, command_line: 'echo own >stdout.txt', output_files: [{file_pattern: '../std*.txt', return: true}, {file_pattern: '*', return: true}]}
      - {id: one, command_line: 'echo own >stdout.txt', output_files: [{file_pattern: 'std*', return: true}, {file_pattern: '**', return: true}]}
E_
run 0 names.yaml
like "$(cat run.out)" "task two .*FileUploadMiscError.*: two returned files would be called stdout.txt: wd/stdout.txt and ../stdout.txt" \
    "a file of the task and what it printed cannot have one name"
is "$rc,$("$MPIBATCH" files get one wd/stdout.txt names.run)" "1,own" "one file of two patterns is one file"

is "$("$MPIBATCH" files list make/1 calm | awk 'NR > 1 { print $NF }' | grep std | xargs)" "stderr.txt stdout.txt" \
    "a returned ../stdout.txt is listed where it was"

# --- killed in the middle, and resumed, until it is done
descendants() { local p; for p in $(pgrep -P "$1"); do descendants "$p"; echo "$p"; done; }
kills=0 codes=
for delay in 0.5 0.7 0.9; do
    start 3 spec.yaml -o killed
    eventually 20 test -e killed/lock
    sleep "$delay"
    # shellcheck disable=SC2046 # words
    gone "$pid" || { kill -KILL "$pid" $(descendants "$pid") 2>/dev/null; kills=$((kills + 1)); }
    wait "$pid" 2>/dev/null
done
run 3 spec.yaml -o killed
note "killed $kills times"
is "$rc" 1 "killed $kills times, it ends as the other one"
ok "all files are there, byte by byte" files killed
is "$(parts killed)" 0 "nothing half done is left"
is "$(results rows killed/results.h5 task_index state | grep -c completed)" $tasks "each task has ended once"

# --- memory: much more comes in than rank 0 may have
cat >much.yaml <<'E_'
jobs:
  - id: much
    sweep: {parameters: {n: {range: {from: 0, to: 7}}}}
    task:
      command_line: head -c 33554432 /dev/zero >big.{n}
      output_files: [{file_pattern: "big.*", return: true}]
E_
peak=0
start 3 much.yaml
while ! gone "$pid"; do
    rank0=$(jq -r .pid much.run/status.json 2>/dev/null)
    now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/${rank0:-0}/status" 2>/dev/null)
    [ "${now:-0}" -le "$peak" ] || peak=$now
    sleep 0.05
done
finish
is "$rc,$(du -sb --apparent-size much.run/files | awk '{print ($1 >= 268435456)}')" "0,1" "256 MiB come in"
note "rank 0 had at most $((peak / 1024)) MiB"
result "memory of rank 0 is bounded: far less than that" $((peak == 0 || peak > 131072))
rm -rf much.run

# --- a disk that is full
mkdir disk
if ! mount -t tmpfs -o size=24m tmpfs disk 2>/dev/null; then
    skip 5 "no small file system can be mounted (needs root)"
    exit 0
fi
trap 'umount -l "$scratch/disk"; tap_end' EXIT
head -c 8000000 /dev/zero >disk/ballast
pause() { jq -r '[.state, .pause] | join(" ")' disk/run/status.json 2>/dev/null; }
paused() { [[ $(pause) =~ ^paused.*No\ space\ left ]]; }
start 2 spec.yaml -o disk/run
eventually 20 paused
result "a full disk: status.json says paused, and why" $? || note "$(pause)"
like "$(cat run.out)" "cannot write .*No space left on device: no task is started until" "it was said when it happened"
is "$(find disk/run/files/make -type f -name 'large*' -size -3000000c | wc -l)" 0 "no half file has a final name"
mount -o remount,size=100m disk
rm disk/ballast
finish 60
is "$rc" 1 "with room again it goes on to its end"
ok "and all files are there, byte by byte" files disk/run
