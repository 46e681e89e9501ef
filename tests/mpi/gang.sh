#!/bin/bash
# Tasks on several nodes (namespaces with host names of their own): an MPI program
# on two of three hosts, started by its own mpirun through `mpibatch remote`, its
# ranks and their CPUs seen from inside; instances that fail; commands on other
# nodes.
. "$TEST_SRCDIR/tests/lib.sh"
hosts=$TEST_SRCDIR/tests/tools/mpi-hosts
[ "$(id -u)" = 0 ] || skip_all "hosts can only be made by root"
export MPI_HOSTS_DIR=/tmp/mh.$$.gang
on() { bash "$hosts" "$@"; }
on up 3 >up.out 2>&1 || skip_all "no hosts can be made: $(tail -n 1 up.out)"
trap 'gang_rc=$?; trap - EXIT; on down; (exit $gang_rc); tap_end' EXIT
plan 20

# shellcheck disable=SC2086 # words are meant to be split
${MPI_CC:?} -o mpi-task "$TEST_SRCDIR/tests/mpi/mpi-task.c" ${MPI_LIBS:?} || exit 99
cat >head.yaml <<XEOF
pool: {task_slots_per_node: 2, scratch: $MPI_HOSTS_DIR/local}
jobs:
  - id: g
    common_environment_settings:
      - {name: OMPI_ALLOW_RUN_AS_ROOT, value: "1"}
      - {name: OMPI_ALLOW_RUN_AS_ROOT_CONFIRM, value: "1"}
      - {name: OMPI_MCA_btl, value: "self,vader,tcp"}
      - {name: OMPI_MCA_btl_tcp_if_include, value: eth0}
      - {name: OMPI_MCA_oob_tcp_if_include, value: eth0}
      - {name: OMPI_MCA_orte_tmpdir_base, value: $MPI_HOSTS_DIR/local}
    tasks:
XEOF
spec() { cat head.yaml - >"$1.yaml"; }
go() { # NAME
    on run h1:1,h2:1,h3:1 "${MPIRUN%% *}" --allow-run-as-root "$MPIBATCH" run --plain "$1.yaml" >"$1.out" 2>&1
    rc=$?
}
out() { "$MPIBATCH" logs "$1" "$2.run"; }

# --- an MPI program on two of three hosts
echo common >shared.txt
echo own >own.txt
spec mpi <<XEOF
      - id: all
        required_slots: 2
        resource_files: [{http_url: "file://$PWD/own.txt", file_path: own.txt}]
        multi_instance_settings:
          number_of_instances: 2
          coordination_command_line: 'cat \$AZ_BATCH_TASK_SHARED_DIR/shared.txt; ls own.txt >>$PWD/seen 2>&1; hostname >>$PWD/coordinated; sleep 1000 & echo \$! >\$AZ_BATCH_TASK_SHARED_DIR/daemon'
          common_resource_files: [{http_url: "file://$PWD/shared.txt", file_path: shared.txt}]
        command_line: |
          env | grep -E '^(AZ_BATCH_(HOST|NODE)_LIST|CCP_NODES|AZ_BATCH_IS_CURRENT_NODE_MASTER)=' | sort
          mpirun $PWD/mpi-task
          mpirun sh -c 'echo rank \$OMPI_COMM_WORLD_RANK \$(hostname) cpus \$(taskset -pc \$\$ | sed s/.*:.//) daemon \$(ps -p \$(cat \$AZ_BATCH_TASK_SHARED_DIR/daemon) -o comm=)'
          mpirun -n 1 -host \$(echo \$AZ_BATCH_HOST_LIST | cut -d, -f2) sh -c 'exit 7'
      - id: one
        required_slots: 1
        multi_instance_settings: {number_of_instances: 2}
        command_line: "mpirun sh -c 'taskset -pc \$\$ | sed s/.*:.//'"
XEOF
go mpi
is "$rc" 1 "the exit code of a program on another node is the task's" || note "$(<mpi.out)"
like "$("$MPIBATCH" task all mpi.run)" "exit code 7" "as people see it"
two=$(sort -u coordinated | xargs)
is "$(wc -l <coordinated) $(sort -u coordinated | wc -l)" "2 2" "coordinated on two different nodes"
a=${two% *} b=${two#* }
like "$(out g/all mpi)" "^common.*HOST_LIST=($a,$b|$b,$a)" "common files are above the working directory"
is "$(sort seen | sed 's/.*ls: /ls: /' | sed 's/ls: .*/none/' | xargs)" "none own.txt" "resource files are the first instance's alone"
like "$(out g/all mpi)" "CCP_NODES=2 ($a 2 $b 2|$b 2 $a 2)" "the cores of each"
like "$(out g/all mpi)" "rank 3 of 4, sum 6" "an MPI program of four ranks, on the slots of both"
is "$(out g/all mpi | grep -oE "^rank [0-3] h[123]" | awk '{ print $3 }' | sort | uniq -c | xargs)" "2 $a 2 $b" "two ranks on each node"
is "$(out g/all mpi | grep -c 'daemon sleep')" 4 "what coordination has left runs meanwhile"
nobody() { ! pgrep -f "^sleep 1000$" >/dev/null; }
ok "and is ended with the task" eventually 5 nobody
all=$(out g/all mpi | grep -oE "cpus [-0-9,]+" | sort -u | cut -d' ' -f2)
one=$(out g/one mpi | sort -u)
is "$(out g/one mpi | wc -l)" 2 "a rank for each slot where there is one each"
if [ "$(nproc)" -ge 2 ]; then
    unlike "$one" "^$all$" "ranks are bound to the CPUs of the task's slots, no others"
else
    skip 1 "one CPU"
fi

# --- instances that fail
spec bad <<XEOF
      - id: bad
        multi_instance_settings: {number_of_instances: 3, coordination_command_line: 'sleep 0.3; [ \$(hostname) != h3 ]'}
        command_line: "echo never >>$PWD/never"
      - id: after
        required_slots: 2
        command_line: echo free
XEOF
go bad
is "$rc" 1 "an instance that cannot be coordinated fails the task" || note "$(<bad.out)"
like "$("$MPIBATCH" task bad bad.run)" "exit code 1.*coordination command, on h3" "which one is said"
is "$(cat never 2>/dev/null)" "" "its command is never run"
is "$(out g/after bad)" "free" "its slots are free then"

# --- commands on other nodes
spec remote <<XEOF
      - id: far
        multi_instance_settings: {number_of_instances: 2}
        command_line: |
          other=\$(echo \$AZ_BATCH_HOST_LIST | cut -d, -f2)
          $MPIBATCH remote \$other 'hostname; echo \$MPIBATCH_INSTANCE; exit 5'; echo "code \$?"
          $MPIBATCH remote nowhere true 2>&1; echo "code \$?"
          $MPIBATCH remote \$other 'kill -9 \$\$'; echo "code \$?"
XEOF
go remote
like "$(out g/far remote; "$MPIBATCH" logs g/far remote.run --stderr)" "code 5.*the task is not on nowhere, but on h.*code 255.*code 137.*h[123].1" "exit codes and output come back"
is "$rc" 0 "and the task goes on" || note "$(<remote.out)"
ok "outside a task it says what it is for" bash -c '"$MPIBATCH" remote h1 true 2>&1 | grep -q "from inside that task: this is none"'
"$MPIBATCH" remote h1 true 2>/dev/null
is $? 255 "and ends as ssh does"
