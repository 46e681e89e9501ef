#!/bin/bash
# Four ranks of a node read each file of shared storage once, as the kernel and
# strace count it; a cache that is kept is not filled again, unless what it has
# was changed.
. "$TEST_SRCDIR/tests/lib.sh"
mkdir -p tmp storage/inputs/sub
export TMPDIR=$PWD/tmp
unset SLURM_TMPDIR
watch storage try
has_kernel=$?
watched
strace -o try true 2>/dev/null
has_strace=$?
plan 15

head -c 2000000 /dev/urandom >storage/inputs/table
head -c 50000 /dev/urandom >storage/inputs/sub/mesh
: >storage/inputs/empty
cat >many.yaml <<E
storage: {root: storage, containers: {inputs: inputs}}
pool:
  cache: {keep: true}
  application_packages: [{application_id: tool, version: "1", path: storage/tool.tar}]
  application_package_references: [{application_id: tool, version: "1"}]
jobs:
  - id: many
    sweep:
      method: grid
      parameters: {x: [$(seq -s, 0 59)]}
    task:
      command_line: 'test "\$(cat table sub/mesh empty | cksum)" = "$(cat storage/inputs/{table,sub/mesh,empty} | cksum)" && cat \$AZ_BATCH_APP_PACKAGE_tool_1/greeting'
      resource_files: [{auto_storage_container_name: inputs}]
E
echo hello >greeting
tar -cf storage/tool.tar greeting
# counted NAME: run many.yaml as NAME while the kernel counts
counted() {
    [ $has_kernel != 0 ] || watch storage "$1.opens"
    run 4 --plain many.yaml -o "$1"
    [ $has_kernel != 0 ] || watched
}

counted first
is "$rc $(count first succeeded)" "0 60" "60 tasks on four ranks have what is on shared storage"
is "$("$MPIBATCH" logs 7 first)" hello "and their package"
if [ $has_kernel = 0 ]; then
    for file in inputs/table inputs/sub/mesh inputs/empty tool.tar; do
        is "$(opened first.opens $file)" 1 "$file is opened once"
    done
else
    skip 4 "only root may see who opens what"
fi
is "$(cost first shared_bytes_read) $(cost first unpacked)" "$((2050000 + $(stat -c %s storage/tool.tar))) 1" \
    "each byte is read once, by our own counts, and the package unpacked once"
is "$(cost first mpi_bytes)" 0 "nothing is sent to ranks of the same node"

counted second
is "$rc $(count second succeeded)" "0 60" "another run with the cache that was kept"
if [ $has_kernel = 0 ]; then
    is "$(grep -c inputs second.opens)" 0 "opens none of them"
else
    skip 1 "only root may see who opens what"
fi
is "$(cost second shared_bytes_read)" 0 "and reads nothing, by our own counts"

head -c 50000 /dev/urandom >storage/inputs/sub/mesh
sed -i "s/= \"[0-9 ]*\"/= \"$(cat storage/inputs/{table,sub/mesh,empty} | cksum)\"/" many.yaml
if [ $has_strace = 0 ]; then
    strace -f -qq -e trace=openat,open,openat2 -o strace.out "$MPIBATCH" run --plain many.yaml -o third >run.out 2>&1
    rc=$?
    is "$rc $(count third succeeded)" "0 60" "a file that was changed is staged anew"
    is "$(grep -c 'open.*storage/inputs/sub/mesh"' strace.out)" 1 "strace sees it opened once"
    is "$(grep -c 'open.*storage/inputs/table"' strace.out)" 0 "and the others not"
else
    skip 3 "there is no strace"
fi
is "$(find tmp -mindepth 1 -maxdepth 1 ! -name 'mpibatch-*-cache-*' | wc -l)" 0 "nothing is left but the cache"
