#!/bin/bash
# Each task is bound to the CPUs of its slots; tasks that run at once share none;
# OMP_NUM_THREADS is the number of their cores. However mpirun binds the ranks.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 28

cat >where <<'EOF'
#!/bin/sh
sleep 0.1
echo slot=$MPIBATCH_SLOT slots=$MPIBATCH_SLOTS omp=$OMP_NUM_THREADS \
    cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
EOF
chmod +x where
cpus=$(taskset -cp $$ | sed 's/.*: //')
all=$(nproc)
cores=$("$PYTHON" -c 'import os
print(len({open(f"/sys/devices/system/cpu/cpu{c}/topology/thread_siblings_list").read() for c in os.sched_getaffinity(0)}))')

spec() { # NAME POOL REQUIRED_SLOTS
    local n=$((3 * all > 6 ? 3 * all : 6))
    cat >"$1.yaml" <<EOF
pool: {$2}
jobs:
  - sweep: {parameters: {n: [$(seq -s, "$n")]}}
    task: {command_line: ./where, required_slots: $3}
EOF
}
# bound WHAT RUN UNIT SLOTS USED-SLOTS: see binding.py
bound() {
    like "$("$PYTHON" "$tools/binding.py" "$2/results.h5" "$3" "$4" 2>&1)" \
        "^[0-9]+ tasks on $5 of [0-9]+ slots and $all of $all CPUs$" "$1" || note "$(tail run.out)"
}

spec default "" 1
for n in 0 1 2 5; do
    run "$n" -o "default-$n.run" default.yaml
    is "$rc" 0 "ranks: $n"
    bound "ranks: $n: a slot a core" "default-$n.run" core 0 "$cores"
done

case_() { # WHAT RANKS POOL REQUIRED UNIT SLOTS USED
    rm -rf case.run
    spec case "$3" "$4"
    run "$2" case.yaml
    is "$rc" 0 "$1"
    bound "$1: bound" case.run "$5" "$6" "$7"
}
case_ "one slot with all cores" 2 "task_slots_per_node: 1" 1 core 1 1
case_ "more slots than cores" 2 "task_slots_per_node: $((2 * cores))" 1 core $((2 * cores)) $((2 * cores))
case_ "tasks of two slots" 0 "task_slots_per_node: $((2 * cores))" 2 core $((2 * cores)) $((2 * cores))
case_ "tasks of two slots, ranks that have one core" 3 "task_slots_per_node: 2" 2 core 2 2
case_ "a slot a hardware thread" 2 "slot_unit: hwthread" 1 hwthread 0 "$all"
case_ "a slot a package" 2 "slot_unit: package" 1 package 0 "[0-9]+"
case_ "a slot a NUMA node" 0 "slot_unit: numanode" 1 numanode 0 "[0-9]+"

# --- what mpirun does to the ranks
unset OMPI_MCA_hwloc_base_binding_policy
bind() { # WHAT MPIRUN-OPTIONS...
    local what=$1; shift
    rm -rf default.run
    limited 60 "$MPIRUN" --oversubscribe "$@" "$MPIBATCH" run default.yaml >run.out 2>&1
    bound "$what" default.run core 0 "$cores"
}
bind "mpirun -n 1 binds the rank to a core: all are used" -n 1
bind "mpirun binds each rank to a core" -n 2 --bind-to core
rm -rf default.run
ok "launch -n 2" limited 60 "$MPIBATCH" launch -n 2 default.yaml
bound "launch: bound" default.run core 0 "$cores"

# --- less than the machine
first=${cpus%%[-,]*}
rm -rf default.run
ok "taskset, mpirun -n 2" limited 60 taskset -c "$first" "$MPIRUN" --oversubscribe --bind-to none -n 2 "$MPIBATCH" run default.yaml
like "$(taskset -c "$first" "$PYTHON" "$tools/binding.py" default.run/results.h5 core 0 2>&1)" \
    "^[0-9]+ tasks on 1 of 1 slots and 1 of 1 CPUs$" "a restricted mpirun restricts its tasks"
