#!/usr/bin/env bash
# A rank that dies while the others wait for it at start-up, where neither MPI
# nor mpirun tells them: they end after a time, and the run can be started again.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
plan 7
cat >spec.yaml <<'E'
jobs:
  - id: hello
    tasks: [{id: world, command_line: "echo hello; sleep 0.5"}]
E
# both at the same time: each takes ten times --lost-after
for rank in 0 2; do
    ( mark=$mark.$rank
      mkdir $rank && cd $rank || exit 99
      marked "$MPIBATCH" launch -n 3 --lost-after 3s ../spec.yaml -o run
      await 10 eval "rank_pid $rank >pid"
      kill -9 "$(cat pid)"
      over 90
      await 5 none
      echo "$rc $?" >../ended.$rank ) &
done
wait
for rank in 0 2; do
    is "$(cat ended.$rank)" "4 0" "rank $rank dies at once: the run is lost, nobody is left"
    launch 2 spec.yaml -o $rank/run
    over 20
    is "$rc" 0 "rank $rank: the same run, started again"
done

# under plain mpirun the MPI ends all
launch 3 spec.yaml -o plain
await 10 eval "rank_pid 1 >pid"
kill -9 "$(cat pid)"
over 60
unlike "$rc" "^(0|124)$" "plain mpirun ends all"
ok "nobody is left" await 5 none
launch 3 spec.yaml -o plain
over 20
is "$rc" 0 "the same run, started again"
