#!/bin/bash
# Each file of jobspecs/ does what its line "# expect:" says, if what its line
# "# needs:" runs is there. (mpi-task.yaml starts mpirun: tests/mpi has it.)
# tests/mpi/jobspecs.sh sources this with other numbers of ranks.
. "$TEST_SRCDIR/tests/lib.sh"
: "${RANK_COUNTS:=0}" "${WITH_MPI_TASK:=no}"

specs=()
for spec in "$TEST_SRCDIR"/jobspecs/*.yaml; do
    [ "$WITH_MPI_TASK" = no ] && [ "${spec##*/}" = mpi-task.yaml ] || specs+=("$spec")
done
set -- $RANK_COUNTS
# the python3 of jobspecs: the one that has NumPy and h5py
[ -x "$PYTHON" ] && PATH=${PYTHON%/*}:$PATH
plan $((1 + 2 * ${#specs[@]} * $#))

like "${#specs[@]}" "^[1-4][0-9]$" "there are jobspecs to run"
for n in "$@"; do
    for spec in "${specs[@]}"; do
        name=$(basename "$spec" .yaml)
        needs=$(sed -n 's/^# needs: //p' "$spec")
        if ! eval "${needs:-true}" 2>/dev/null; then
            skip 2 "$name needs $needs"
            continue
        fi
        expected=$(sed -n 's/^# expect: //p' "$spec")
        run "$n" -o "$name-$n.run" "$spec"
        is "exit $rc, $(count "$name-$n.run" succeeded) succeeded, $(count "$name-$n.run" failed) failed" \
            "$expected" "$name, ranks: $n" || note "$(tail -n 20 run.out)"
        "$MPIBATCH" status --json "$name-$n.run" >status.json
        is "exit $(json status.json 'd["exit_code"]'), $(json status.json '"%d succeeded, %d failed" % (d["tasks"]["succeeded"], d["tasks"]["failed"])')" \
            "$expected" "$name, ranks: $n: status.json says the same"
    done
done
