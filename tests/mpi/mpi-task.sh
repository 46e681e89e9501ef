#!/bin/bash
# Tasks that are MPI programs, or mpibatch itself: nothing of the outer mpirun
# is in their environment, and all that is the user's.
. "$TEST_SRCDIR/tests/lib.sh"
plan 27

# shellcheck disable=SC2086 # words are meant to be split
${MPI_CC:?} -o mpi-task "$TEST_SRCDIR/tests/mpi/mpi-task.c" ${MPI_LIBS:?} || exit 99
cat >inner.yaml <<'EOF'
jobs: [{tasks: [{command_line: echo inner}, {command_line: "false"}]}]
EOF
cat >tasks.yaml <<EOF
pool: {task_slots_per_node: 3}
jobs:
  - id: mpi
    task: {constraints: {max_wall_clock_time: 60s}}
    tasks:
      - {id: three, command_line: "$MPIRUN --allow-run-as-root --oversubscribe -n 3 ./mpi-task"}
      - {id: fails, command_line: "$MPIRUN --allow-run-as-root --oversubscribe -n 2 ./mpi-task fail"}
      - {id: singleton, command_line: ./mpi-task}
      - {id: nested, command_line: "$MPIBATCH run -o nested.run inner.yaml"}
      - {id: nested-mpi, command_line: "$MPIRUN --allow-run-as-root --oversubscribe -n 2 $MPIBATCH run -o nested-mpi.run inner.yaml"}
EOF
output() { results output tasks.run/results.h5 mpi "$@"; }

for how in "run under mpirun" launch; do
    rm -rf ./*.run
    if [ "$how" = launch ]; then
        limited 120 "$MPIBATCH" launch -n 2 tasks.yaml >run.out 2>&1
        rc=$?
    else
        run 2 tasks.yaml
    fi
    is "$rc" 1 "$how: exit code"
    is "$("$MPIBATCH" tasks --state succeeded tasks.run | awk 'NR > 1 { print $2 }' | xargs)" "three singleton" "$how: what succeeds"
    is "$(results last tasks.run/results.h5 task_id reason exit_code | grep -v ' none 0$' | xargs)" \
        "fails exit_code 1 nested exit_code 1 nested-mpi exit_code 1" "$how: exit codes come through"
    like "$(output three stdout)" "rank 2 of 3, sum 3" "$how: an MPI program of three ranks"
    like "$(output fails stdout)" "rank 1 of 2, sum 1" "$how: one that fails"
    like "$(output singleton stdout)" "rank 0 of 1, sum 0" "$how: one without mpirun"
    is "$(count nested.run succeeded) $(count nested-mpi.run failed)" "1 1" "$how: mpibatch in a task of mpibatch"
    is "$(output nested stdout)$(output nested-mpi stdout)" "" "$how: nothing of launch gets into it"
done

run 0 "$TEST_SRCDIR/jobspecs/mpi-task.yaml"
is "$rc $(count mpi-task.run succeeded)" "0 2" "without an outer mpirun: jobspecs/mpi-task.yaml"

# --- the environment
cat >env.yaml <<'EOF'
jobs: [{id: env, tasks: [{command_line: [env, -0]}]}]
EOF
theirs='^(OMPI_|PMIX_|PMI_|OPAL_|ORTE_|PRTE_|IPATH_|HFI_|PSM2_|MPIBATCH_(LAUNCH|TERMINAL|USER))'
ours='^(MPIBATCH_(ATTEMPT_KEY|JOB_ID|RUN_DIR|SLOTS?|TASK_(ATTEMPT|ID|INDEX))|OMP_NUM_THREADS|AZ_BATCH_(ACCOUNT_NAME|POOL_ID|NODE_ID|NODE_IS_DEDICATED|JOB_ID|TASK_ID))='
export USERS_OWN=$'two\nlines and  blanks' OMP_NUM_THREADS=77 TERM=xterm
seen() { sort -z env.run/output/0001.stdout | tr '\n\0' ';\n' | grep -v '^_='; }
here() { env -0 | sort -z | tr '\n\0' ';\n' | grep -v '^_=\|^OMP_NUM_THREADS='; }
# mpirun, called by its path, puts things into PATH
[ "${MPIRUN#/}" = "$MPIRUN" ] || PATH=$(dirname "$MPIRUN"):$PATH
by_path=$(command -v "$MPIRUN") MPIRUN=$(basename "$MPIRUN")

run 2 env.yaml
is "$rc" 0 "env under mpirun"
is "$(seen | grep -E "$theirs")" "" "nothing of mpirun is in a task's environment"
is "$(seen | grep -c -E "$ours")" 15 "what mpibatch says is"
is "$(seen | grep '^OMP_NUM_THREADS')" OMP_NUM_THREADS=1 "OMP_NUM_THREADS is the slot's"
seen | grep -v -E "$ours" >got
here | grep -v -E "$theirs" >wanted
ok "everything else is as it was" diff wanted got

rm -rf env.run
run 0 env.yaml
seen | grep -v -E "$ours" >got
here >wanted
ok "without mpirun everything is, also the user's OMPI_" diff wanted got

export OMPI_MCA_mpi_show_handle_leaks=1 PMIX_MCA_ptl_base_verbose=0 PRTE_X=$'a\nb'
export LD_LIBRARY_PATH=/of/the/user
here >wanted
for mpirun in "$MPIRUN" "$by_path"; do
    rm -rf env.run
    ok "env under launch -m $mpirun" limited 60 "$MPIBATCH" launch -m "$mpirun" env.yaml
    seen | grep -v -E "$ours" >got
    ok "also the user's own OMPI_, PMIX_, PRTE_ and PATH are as they were" diff wanted got
done
