#!/usr/bin/env bash
# Three hosts that stage files from storage that they share: a file system of
# its own, and the kernel says who opens what there. Each file is opened once,
# whatever the number of hosts and tasks; a host that is killed while it reads,
# or while it pulls, takes nobody with it.
# STAGING_MIB: the size of the large file (for figures by hand: 1024).
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
hosts=$TEST_SRCDIR/tests/tools/mpi-hosts
large_mib=${STAGING_MIB:-96}
export MPI_HOSTS_DIR=/tmp/mh.$$
on() { bash "$hosts" "$@"; }
[ "$(id -u)" = 0 ] || skip_all "hosts can only be made by root"
on up 1 >up.out 2>&1 || skip_all "no hosts can be made: $(tail -n 1 up.out)"
on down
mkdir storage
mount -t tmpfs -o "size=$((large_mib + 64))m" tmpfs storage ||
    skip_all "no file system can be mounted"
watcher=
finish_all() {
    local fault_rc=$?
    trap - EXIT
    kill_ours
    on down
    [ -z "$watcher" ] || kill "$watcher"
    eventually 5 umount storage
    (exit $fault_rc)
    tap_end
}
trap finish_all EXIT
plan 20

mkdir -p storage/inputs/sub storage/large storage/long
head -c 3000000 /dev/urandom >storage/inputs/table
head -c 70000 /dev/urandom >storage/inputs/sub/mesh
echo 42 >storage/inputs/params
head -c $((large_mib << 20)) /dev/urandom >storage/large/field
truncate -s 768M storage/long/zeros # takes a while to read, and no room

# begin NAME: its spec, on all three hosts, in the background
begin() {
    FAULT_MARK=$mark bash "$hosts" run h1,h2,h3 "$MPIBATCH" launch --plain \
        --lost-after 5s --dedicated-manager "$1.yaml" -o "$1" >"$1.out" 2>&1 &
    run=$!
}
# end NAME SECONDS
end() {
    if await "$2" gone "$run"; then
        wait "$run"
        rc=$?
    else
        rc="none in $2 seconds"
        kill_ours
    fi
    note "$1: exit code $rc, $SECONDS s from the start"
    [ "$rc" = 0 ] || note "$(tail -n 20 "$1.out")"
}
nodes() { "$MPIBATCH" export --columns node "$1" | tail -n +2 | sort -u | xargs; }
scratches() { compgen -G "$MPI_HOSTS_DIR/hosts/$1/local/mpibatch-*" | wc -l; }
cksum_of() { (cd storage && cat "$@" | cksum); }

# ---- 200 tasks, three files
on up 3 >up.out 2>&1
cat >many.yaml <<E
storage: {root: storage, containers: {inputs: inputs}}
pool: {task_slots_per_node: 4, scratch: $MPI_HOSTS_DIR/local}
jobs:
  - id: many
    sweep:
      method: grid
      parameters: {x: [$(seq -s, 0 199)]}
    task:
      command_line: 'test "\$(cat table sub/mesh params | cksum)" = "$(cksum_of inputs/table inputs/sub/mesh inputs/params)"'
      resource_files: [{auto_storage_container_name: inputs}]
E
watch storage many.opens
begin many
end many 100
watched
is "$rc" 0 "200 tasks on three hosts have what is on shared storage, byte for byte"
for file in table sub/mesh params; do
    is "$(opened many.opens inputs/$file)" 1 "inputs/$file is opened once"
done
is "$(grep -c overflow many.opens)" 0 "the kernel has told all"
is "$(nodes many)" "h2 h3" "tasks ran on both of the others"
is "$(cost many shared_bytes_read)" 3070003 "each byte is read once, by our own counts"
like "$(cat many.out)" 'shared-storage opens: [0-9]+ instead of 6[0-9][0-9]' "the summary says what was saved"
is "$(scratches h1) $(scratches h2) $(scratches h3)" "0 0 0" "no scratch is left"

# ---- a large file, beside plain copies: the first task of a host has ended only
# when the other host has one, too, and there are more than one host may be given
cat >large.yaml <<E
storage: {root: storage, containers: {large: large}}
pool: {task_slots_per_node: 1, scratch: $MPI_HOSTS_DIR/local}
jobs:
  - id: large
    sweep: {parameters: {x: [1, 2, 3, 4, 5, 6]}}
    task:
      command_line: >-
        hostname >>$PWD/on; until test \$(sort -u $PWD/on | wc -l) = 2; do sleep 0.05; done;
        test "\$(cksum <field)" = "$(cksum_of large/field)"
      resource_files: [{auto_storage_container_name: large, file_mode: "0440"}]
E
now() { date +%s%N; }
took() { echo $((($(now) - $1) / 1000000)); }
start=$(now)
copies=
for host in h1 h2 h3; do
    on run $host cp storage/large/field "$MPI_HOSTS_DIR/local/copy" &
    copies="$copies $!"
done
# shellcheck disable=SC2086 # words
wait $copies
copies_ms=$(took "$start")
rm -f "$MPI_HOSTS_DIR"/hosts/h?/local/copy
watch storage large.opens
begin large
end large 100
watched
is "$rc" 0 "a large file comes to its tasks"
is "$(opened large.opens large/field)" 1 "it is opened once"
bytes=$(cost large mpi_bytes) # the file, and the listing of its container
ok "it goes over MPI once" test "$bytes" -ge $((large_mib << 20)) -a "$bytes" -lt $(((large_mib << 20) + 1000))
note "$large_mib MiB to three hosts by three plain copies side by side: $copies_ms ms"
note "the run: $(grep 'tasks in' large.out); prepared in $("$MPIBATCH" export --columns prepare_s large | tail -n +2 | xargs) s"

# ---- a host is killed while it reads: stopped first, when it has begun
# partial HOST...: one of them has begun a file, and not ended it; without a
# process, so that little time passes
partial() {
    local host file
    for host; do
        for file in "$MPI_HOSTS_DIR/hosts/$host"/local/mpibatch-*/cache/tmp/p-*; do
            [ ! -s "$file" ] || return 0
        done
    done
    return 1
}
await_partial() {
    local end=$((SECONDS + 30))
    until partial "$@"; do [ $SECONDS -lt $end ] || return 1; done
}
reader() { nsenter -t "$(awk '/zeros/ { print $1; exit }' "$1")" -u hostname; }
cat >reader.yaml <<E
storage: {root: storage, containers: {long: long}}
pool: {task_slots_per_node: 1, scratch: $MPI_HOSTS_DIR/local}
jobs:
  - id: long
    sweep: {parameters: {x: [1, 2, 3, 4, 5, 6]}}
    task:
      command_line: 'test "\$(stat -c %s zeros)" = $((768 << 20))'
      resource_files: [{auto_storage_container_name: long, file_mode: "0440"}]
E
watch storage reader.opens
begin reader
await_partial h2 h3
eventually 1 grep -q zeros reader.opens
kill -STOP "$(awk '/zeros/ { print $1; exit }' reader.opens)"
reader=$(reader reader.opens)
partial "$reader"
partial=$?
on kill "$reader"
end reader 100
watched
is "$rc" 0 "the host that reads is killed: another takes over"
is "$partial" 0 "(it was in the middle)"
is "$(opened reader.opens long/zeros)" 2 "the file is opened once more"
is "$(jq .ranks.lost reader/status.json)" 1 "one rank is lost"

# ---- a host is killed while it pulls
on down
on up 3 >up.out 2>&1
cp reader.yaml puller.yaml
watch storage puller.opens
begin puller
await 30 grep -q zeros puller.opens
reader=$(reader puller.opens)
puller=h2
[ "$reader" != h2 ] || puller=h3
await_partial $puller
on kill $puller
whole=$(find "$MPI_HOSTS_DIR/hosts/$puller/local" -path '*/cache/objects/*' -size +1000k | wc -l)
end puller 100
watched
is "$rc" 0 "a host that pulls is killed: the run goes on"
is "$whole" 0 "(it had not got all of it)"
is "$(opened puller.opens long/zeros)" 1 "nobody opens the file again"
is "$(nodes puller)" "$reader" "its tasks run where the file is"
