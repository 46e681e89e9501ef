#!/bin/bash
# A signal that reached launch while mpirun was starting was lost: the run went
# on to its end, or was said to be lost.
. "$TEST_SRCDIR/tests/lib.sh"
plan 4

cat >some.yaml <<'EOF'
jobs:
  - task: {command_line: "true"}
EOF
# mpirun takes the signal and passes it on only when it has started
cat >mpirun <<'EOF'
#!/bin/bash
if [ "$1" = --version ]; then echo "mpirun (Open MPI) 4.1.4"; exit 0; fi
asked() { echo "$1" >>asked; [ "$(wc -l <asked)" -lt 2 ] || exit 0; }
trap 'asked USR1' USR1
trap 'asked USR2' USR2
: >started
while :; do sleep 0.05; done
EOF
chmod +x mpirun
for signal in TERM USR1; do
    rm -f asked started
    "$MPIBATCH" launch -m ./mpirun some.yaml >run.out 2>&1 &
    pid=$!
    eventually 10 test -e started
    kill -"$signal" $pid
    finish 20
    is "$rc $(cat run.out)" "3 mpibatch: stopped while the run was starting; the same command resumes" "SIG$signal: stopped, not lost"
    [ $signal = TERM ] && passed=USR2 || passed=$signal
    is "$(xargs <asked)" "$passed $passed" "SIG$signal: asked again until it is heard"
done
