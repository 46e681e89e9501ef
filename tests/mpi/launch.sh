#!/bin/bash
# mpibatch launch: exit codes, ranks, signals, Ctrl-C, what it says and what not.
. "$TEST_SRCDIR/tests/lib.sh"
plan 60
unset OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
unset OMPI_MCA_hwloc_base_binding_policy
export TERM=xterm

cat >good.yaml <<'EOF'
jobs: [{sweep: {parameters: {n: [1, 2, 3, 4]}}, task: {command_line: "echo {n}"}}]
EOF
sed 's/echo/test 3 !=/' good.yaml >bad.yaml
cat >wrong.yaml <<'EOF'
jobs: [{task: {command: x}}]
EOF
cat >slow.yaml <<'EOF'
pool: {task_slots_per_node: 4}
jobs:
  - id: slow
    sweep: {parameters: {n: [0, 1, 2, 3, 4, 5, 6, 7]}}
    task:
      command_line: >-
        trap 'echo {n} >>terminated; exit 1' TERM;
        echo {n} >>started; until test -e go; do sleep 0.05; done; echo {n} >>log
EOF
launch() { limited 60 "$MPIBATCH" launch "$@" >out 2>err; rc=$?; }
counts() { echo "$(count "$1" succeeded) $(count "$1" failed) $(count "$1" active)"; }
said() { grep -c -E "$1" err; }

# --- exit codes
launch good.yaml
is "$rc $(counts good.run)" "0 4 0 0" "all succeeded: 0, as root too"
is "$(<out)" "" "nothing on stdout"
is "$(grep -v '^mpibatch: \|^  ' err)" "" "nothing but what mpibatch says on stderr"
is "$(json good.run/status.json 'd["ranks"]["total"], d["exit_code"], len(d["launch_id"])')" "(1, 0, 16)" "one rank a node; status.json"
launch good.yaml
is "$rc $(said 'all is done: 4 tasks succeeded') $(<out)" "0 1 " "again: 0, all is done"
launch bad.yaml
is "$rc $(counts bad.run)" "1 3 1 0" "some failed: 1"
is "$(grep -c -i 'mpirun\|exit-code\|Primary job' out err | xargs)" "out:0 err:0" "mpirun does not comment on it"
launch bad.yaml
is "$rc $(said 'all is done: 3 succeeded, 1 failed')" "1 1" "again: 1, all is done"
like "$(<err)" "\(again, the failed ones: mpibatch launch bad.yaml --rerun failed\)" "what it says can be pasted"
launch --rerun failed bad.yaml
is "$rc $(said 'job job: 1 task to run again')" "1 1" "--rerun failed gets through"
launch wrong.yaml
is "$rc $(said 'unknown key') $(said 'nothing was run')" "2 1 1" "a wrong spec: 2, its errors are said once"
ok "and nothing was made" test ! -e wrong.run
launch --limit 3 -o other.run good.yaml
is "$rc $(counts other.run)" "3 3 0 1" "--limit and -o get through: 3"
launch -o other.run good.yaml
is "$rc $(counts other.run)" "0 4 0 0" "resumed: 0"
launch --fresh -o other.run good.yaml
is "$rc $(counts other.run.1)" "0 4 0 0" "--fresh gets through"
echo '# changed' >>good.yaml
launch good.yaml
is "$rc $(said 'good.run')" "2 1" "a changed spec: 2, said once" || note "$(<err)"
mkdir "a folder"
cp good.yaml "a folder/it's a spec.yaml"
launch "a folder/it's a spec.yaml"
is "$rc $(counts "it's a spec.run")" "0 4 0 0" "blanks and quotes in the spec's name"
is "$("$PYTHON" -c 'import h5py, sys; print(h5py.File(sys.argv[1]).attrs["command"])' "it's a spec.run/results.h5")" \
    "$MPIBATCH launch 'a folder/it'\''s a spec.yaml'" "the results have the command line of launch"
launch --quiet --plain -o other.run.2 bad.yaml
is "$rc $(said 'run directory') $(said 'error: task')" "1 0 1" "--quiet gets through"

# --- ranks
for args in "-n 3:3" "--ranks 2:2" "-r 2:2" "--ranks-per-node=3:3" "-n 2 -r 4:2" "--dedicated-manager -n 2:2"; do
    # shellcheck disable=SC2086
    launch --fresh -o ranks.run ${args%:*} good.yaml
    is "$rc $(json ranks.run/status.json 'd["ranks"]["total"]')" "0 ${args#*:}" "launch ${args%:*}"
done
is "$(results rows ranks.run/results.h5 rank | sort -u)" 1 "--dedicated-manager: rank 0 runs nothing"
launch --dedicated-manager --fresh -o ranks.run good.yaml
is "$rc $(said 'no rank has a slot')" "2 1" "--dedicated-manager alone: refused, said once"

# --- no mpirun, a wrong one
launch --mpirun ./none good.yaml
is "$rc $(said 'cannot find ./none: load your MPI module, or name it by --mpirun')" "2 1" "no mpirun: 2"
launch -m true good.yaml
is "$rc" 2 "one that says nothing: 2"
launch -m echo good.yaml
is "$rc $(said 'echo is no mpirun that is known')" "2 1" "one that is none: 2"
PATH=/nowhere "$MPIBATCH" launch good.yaml >out 2>err
is "$? $(said 'cannot find mpirun')" "2 1" "none in PATH: 2"
cat >crashes <<'EOF'
#!/bin/sh
test "$1" = --version && echo "mpirun (Open MPI) 4.1.4" || kill -KILL $$
EOF
sed 's/kill .*/exit 7/' crashes >exits
chmod +x crashes exits
launch -m ./crashes -o crashed.run good.yaml
is "$rc $(said './crashes was ended by signal 9; the same command resumes')" "4 1" "mpirun is killed: 4"
launch -m ./exits -o crashed.run good.yaml
is "$rc $(said 'exit code 7')" "4 1" "mpirun ends without a run: 4"

# --- signals
begin() { # LAUNCH-OPTION...: wait until four tasks run
    rm -rf slow.run go started terminated log
    "$MPIBATCH" launch "$@" slow.yaml >out 2>err &
    pid=$!
    eventually 20 has_lines 4 started
}
runs() { sort -n log | uniq -c | awk '{ print $1 }' | sort -u | xargs; }
for signal in TERM INT HUP; do
    begin -n 2
    kill -$signal $pid
    finish 20
    is "$rc $(sort terminated | xargs)" "3 $(sort started | xargs)" "$signal: 3, the running tasks got SIGTERM"
    is "$(counts slow.run) $(said 'told to stop: ending the running tasks; the same command resumes')" "0 0 8 1" "$signal: all is still to do"
    touch go
    launch slow.yaml
    is "$rc $(runs) $(counts slow.run)" "0 1 8 0 0" "$signal: resumed"
done
begin -n 2
kill -USR1 $pid
sleep 0.5
ok "USR1: running tasks go on" kill -0 $pid
touch go
finish
is "$rc $(lines started) $(lines log) $(counts slow.run)" "3 4 4 4 0 4" "USR1: 3, they have ended"
launch slow.yaml
is "$rc $(runs) $(counts slow.run)" "0 1 8 0 0" "USR1: resumed"
is "$(grep -c -i mpirun err)" 0 "mpirun does not comment on it"

# --- a terminal
if [ "$PYTHON" = : ]; then
    skip 13 "no Python"
else
    terminal() { limited 60 "$PYTHON" "$tools/terminal.py" "$@"; } # see there
    rm -rf slow.run go started terminated log
    terminal -c 60 -K '4/4 slots:\x03' -o shown "$MPIBATCH" launch slow.yaml
    is "$?" 3 "Ctrl-C: exit code 3"
    is "$(sort terminated | xargs)" "$(sort started | xargs)" "Ctrl-C: the tasks got SIGTERM"
    like "$(<shown)" "told to stop: ending the running tasks; the same command resumes.*8 not run.*the same command resumes" "Ctrl-C: what it says"
    like "$(<shown.live)" "0/8 done \(0%\), 4 running, 0 failed, 4/4 slots" "the line is on the terminal, under mpirun"
    ok "it does not wrap" test "$(awk '{ if (length > n) n = length } END { print n }' shown.live)" -lt 60
    is "$(grep -c ' done (' shown.screen) $(tail -n 1 shown.screen)" "0 " "the screen is left clean"
    is "$(tr -d '\r\n[:print:]' <shown | fold -b -w 1 | sort -u)" $'\033' "no control bytes but its own"
    touch go
    launch slow.yaml
    is "$rc $(runs) $(counts slow.run)" "0 1 8 0 0" "Ctrl-C: resumed"
    rm -rf slow.run go started terminated log
    terminal -w started:4 -k 0:'\x03' -k 0.1:'\x03' -k 0.2:'\x03' -o shown "$MPIBATCH" launch slow.yaml
    is "$? $(sort terminated | xargs)" "3 $(sort started | xargs)" "Ctrl-C three times: the same"
    rm -rf slow.run go started terminated log
    terminal -w started:4 -k 0:'\x03' -o shown "$MPIBATCH" run slow.yaml
    is "$? $(sort terminated | xargs) $(counts slow.run)" "3 $(sort started | xargs) 0 0 8" "Ctrl-C, without mpirun: 3"
    rm -rf slow.run go started terminated log
    terminal -w started:4 -k 0:'\x03' -o shown "$MPIRUN" --allow-run-as-root --oversubscribe -n 2 "$MPIBATCH" run slow.yaml
    is "$(sort terminated | xargs) $(counts slow.run)" "$(sort started | xargs) 0 0 8" "Ctrl-C, mpirun by hand: tasks got SIGTERM, all is to do"
    touch go
    run 0 slow.yaml
    is "$rc $(runs)" "0 1" "Ctrl-C, mpirun by hand: resumed"
    rm -rf slow.run go started terminated log
    terminal -w started:4 -k 0:'\x1c' -o shown "$MPIBATCH" run slow.yaml
    is "$(pgrep -f "[c]asesslow" | wc -l)" 0 "Ctrl-\\: nothing is left"
fi

# --- nohup
rm -rf slow.run go started terminated log
nohup "$MPIBATCH" launch slow.yaml >out 2>err &
pid=$!
eventually 20 has_lines 4 started
kill -HUP $pid
sleep 0.5
touch go
finish
is "$rc $(counts slow.run)" "0 8 0 0" "nohup: SIGHUP does not end it"
