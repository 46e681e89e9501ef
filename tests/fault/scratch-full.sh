#!/usr/bin/env bash
# Scratch disks and storage containers that are full, on small file systems of
# their own: the task that needed the room fails, with its category, its code
# and the limit that was hit; the others run. And what a session leaves in the
# scratch when all of it is killed: the next one removes it, and nothing else.
if [ -z "${FAULT_NAMESPACE-}" ]; then
    export FAULT_NAMESPACE=1
    if unshare -m true 2>/dev/null; then exec unshare -m bash "$0"; fi
fi
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
unset SLURM_TMPDIR TMPDIR
mkdir disk store inputs results
mount -t tmpfs -o size=12m tmpfs disk 2>/dev/null || skip_all "no small file system can be mounted (needs root)"
mount -t tmpfs -o size=4m tmpfs store
trap 'fault_rc=$?; trap - EXIT; kill_ours; umount -l "$scratch/disk" "$scratch/store"; (exit $fault_rc); tap_end' EXIT
plan 38

head -c 20M /dev/urandom >inputs/huge
head -c 3M /dev/urandom >inputs/three
head -c 6M /dev/urandom >inputs/six
for i in 0 1 2 3 4 5; do echo "small $i" >"inputs/small-$i"; done

# head of all specs: NAME, then lines of pool
spec() {
    printf 'storage: {root: "%s", containers: {inputs: inputs, results: results, store: store}}\n' "$scratch"
    printf 'pool:\n  task_slots_per_node: 2\n  scratch: "%s/disk"\n  scratch_reserve: 1MiB\n' "$scratch"
    printf '  %s\n' "$@"
}
# why TASK RUN: the reason, the code and the category of its end, then the text
why() {
    "$MPIBATCH" task --json "$1" "$2" >task.json 2>task.err
    json task.json '" ".join(str(d["task"].get(k)) for k in ["reason", "failure_code", "failure_category", "message"])'
}
left() { find disk -mindepth 1 | grep -c .; }

# --- a file that does not fit onto the scratch disk
{
    spec
    cat <<'E'
jobs:
  - id: j
    tasks:
      - {id: huge, command_line: 'cmp huge $ORIGIN/huge', resource_files: [{auto_storage_container_name: inputs, blob_prefix: huge}]}
      - {id: three, command_line: 'cmp three $ORIGIN/three', resource_files: [{auto_storage_container_name: inputs, blob_prefix: three}]}
      - {id: small, command_line: 'grep small small-3', resource_files: [{auto_storage_container_name: inputs, blob_prefix: small-3}]}
E
} >disk.yaml
export ORIGIN=$scratch/inputs
for n in 0 2; do
    launch $n disk.yaml -o disk$n.run --plain
    over 60
    is "$rc" 1 "$n ranks: the run goes on beside a file that does not fit" || note "$(cat launch.out)"
    is "$(count disk$n.run succeeded)" 2 "$n ranks: the others succeed"
    like "$(why huge disk$n.run)" '^pre_processing_error DiskFull user_error huge: .*20\.0 MiB.*(pool\.cache\.max_size|pool\.scratch_reserve)' \
        "$n ranks: it is a DiskFull, with the limit"
    is "$(left)" 0 "$n ranks: nothing is left on the disk"
done

# --- one that fits into the cache, but not a second time into a task
{
    spec
    cat <<'E'
jobs:
  - id: j
    tasks:
      - {id: six, command_line: 'true', resource_files: [{auto_storage_container_name: inputs, blob_prefix: six}]}
      - {id: small, command_line: 'grep small small-3', resource_files: [{auto_storage_container_name: inputs, blob_prefix: small-3}]}
E
} >twice.yaml
sed -i 's/^  scratch_reserve.*/&\n  cache: {max_size: 8MiB}/' twice.yaml
launch 0 twice.yaml --plain
over 60
is "$rc $(count twice.run succeeded)" "1 1" "a file that has no room beside the cache"
like "$(why six twice.run)" '^pre_processing_error DiskFull user_error six: .*6\.0 MiB.*disk' "is a DiskFull, too"

# --- a cache that is too small
sed 's/max_size: 8MiB/max_size: 5MiB/' twice.yaml >cache.yaml
launch 0 cache.yaml --plain
over 60
is "$rc $(count cache.run succeeded)" "1 1" "a file larger than the cache may be"
like "$(why six cache.run)" '^pre_processing_error DiskFull user_error six: .*6\.0 MiB.*5\.0 MiB.*pool\.cache\.max_size' "and which key allows it"

# --- a container that is full; what is stored there while another file fills it
# would not fit either
export PROGRAM=$MPIBATCH RUN
{
    spec
    cat <<'E'
jobs:
  - id: j
    tasks:
      - {id: big, command_line: 'echo first; head -c 6M /dev/zero >big', output_files: [{file_pattern: big, destination: {container: {container_name: store, path: big/big}}}]}
      - {id: one, command_line: 'until "$PROGRAM" tasks --state failed --format ids "$RUN" | grep big; do sleep 0.1; done; echo 1 >one', output_files: [{file_pattern: one, destination: {container: {container_name: store, path: one/one}}}]}
      - {id: two, command_line: 'echo 2 >two', output_files: [{file_pattern: two, destination: {container: {container_name: results, path: two/two}}}]}
E
} >store.yaml
for n in 0 2; do
    rm -rf store/* results/*
    RUN=$scratch/store$n.run
    launch $n store.yaml -o store$n.run --plain
    over 60
    is "$rc" 1 "$n ranks: the run goes on beside a container that is full" || note "$(cat launch.out)"
    is "$(count store$n.run succeeded)" 2 "$n ranks: the others succeed"
    like "$(why big store$n.run)" '^file_upload_error FileUploadMiscError [a-z_]+ .*No space left' "$n ranks: it is a file_upload_error"
    is "$(cd store && find . -type f | sort | tr '\n' ' ')" "./one/one " "$n ranks: no half file is in it"
    is "$(cat results/two/two)" 2 "$n ranks: another container has its file"
    is "$(json task.json 'd["task"]["exit_code"]')" 0 "$n ranks: the task itself had ended well"
done

# --- no room for a scratch at all
mkdir tiny
mount -t tmpfs -o nr_inodes=1 tmpfs tiny
sed "s,scratch: .*disk\",scratch: \"$scratch/tiny\"," disk.yaml >none.yaml
launch 0 none.yaml --plain
over 30
umount tiny
like "$rc $(cat launch.out)" '^[24] .*no scratch on .*tiny.*No space left' "without any room for a scratch the run does not begin, and says why"
sed "s,scratch: .*disk\",scratch: \"$scratch/nowhere\"," disk.yaml >none.yaml
launch 0 none.yaml --plain --fresh
over 30
like "$rc $(cat launch.out)" '^[24] .*nowhere.*No such file.*pool\.scratch' "nor does it where there is no such folder"

# --- all of a session is killed
{
    # room for all on any rank: who joins first may be given more than its share
    spec | sed 's/slots_per_node: 2/slots_per_node: 12/'
    cat <<'E'
jobs:
  - id: j
    sweep: {parameters: {i: [0, 1, 2, 3, 4, 5]}}
    task:
      id: "t{i}"
      keep: all
      resource_files: [{auto_storage_container_name: inputs, blob_prefix: "small-{i}"}]
      command_line: 'mkdir -p locked/in; touch locked/in/f; chmod 500 locked/in locked; echo {i} >>$ORIGIN/../begun; until [ -e $ORIGIN/../go ] || [ {i} = 0 ]; do sleep 0.05; done'
E
} >killed.yaml
sed 's/keep: all/keep: none/; s/begun/other/; s,\.\./go,../stop,' killed.yaml >live.yaml
rm -f go stop begun other
# a session that lives, one of another user, and a folder that only looks so
launch 0 live.yaml -o live.run --plain
live=$started
ok "a session lives" await 30 at_least 6 other
alive=$(ls -d disk/mpibatch-*)
mkdir -m 700 disk/mpibatch-65534-abcdef "disk/mpibatch-$(id -u)-notours"
touch disk/mpibatch-65534-abcdef/x "disk/mpibatch-$(id -u)-notours/x"
chown -R 65534 disk/mpibatch-65534-abcdef
(
    mark=$scratch/second
    launch 2 killed.yaml --plain
    await 30 at_least 6 begun
    sleep 1.2 # the journal has what ended
    kill_ours
) 2>/dev/null
dead=$(ls -d disk/mpibatch-* | grep -v -x -e "$alive" -e '.*abcdef' -e '.*notours')
is "$(echo "$dead" | wc -l)" 1 "a session that was killed leaves its scratch"
ok "with what its tasks had" test -e "$dead/workitems/j/job-1/t0/wd/locked/in/f"
touch go
(
    mark=$scratch/second
    launch 2 killed.yaml --plain
    over 60
    echo "$rc" >rc
)
is "$(cat rc)" 0 "it is resumed" || note "$(cat launch.out)"
is "$(count killed.run succeeded)" 6 "to its end"
is "$(find "$dead" -name 'small-*' | sed 's,.*/,,' | tr '\n' ' ')" "small-0 " "of the scratch that was left only what a task keeps is there"
ok "also what other sessions have" test -d "$alive/workitems"
ok "what other users have" test -e disk/mpibatch-65534-abcdef/x
ok "and what is none" test -e "disk/mpibatch-$(id -u)-notours/x"
is "$("$MPIBATCH" files get t0 wd/small-0 killed.run 2>&1)" "small 0" "what was kept before the kill can be had"
touch stop
started=$live
over 60
is "$rc" 0 "the session that lived ends well"
ok "and has removed its scratch" test ! -e "$alive"
