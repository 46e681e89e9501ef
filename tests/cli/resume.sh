#!/bin/bash
# Resuming: what has ended never runs twice; --limit, --rerun failed, --fresh, a
# changed spec, a second session, -o, signals.
# tests/mpi/resume.sh sources this with other numbers of ranks.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
: "${RANK_COUNTS:=0}"
set -- $RANK_COUNTS
cases=0
for n in "$@"; do cases=$((cases + (n == 0 ? 63 : 56))); done
plan $cases

left=left-$$
make_sleeper "$left"
cat >sweep.yaml <<'EOF'
jobs:
  - id: scan
    sweep: {parameters: {n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]}}
    task:
      command_line: echo {n} >>log; test {n} -ne 7 -o -e mended
EOF
cat >slow.yaml <<EOF
pool: {task_slots_per_node: 4}
jobs:
  - id: slow
    sweep: {parameters: {n: [0, 1, 2, 3, 4, 5, 6, 7]}}
    task:
      command_line: >-
        trap 'echo {n} >>terminated; exit 1' TERM;
        echo {n} >>started; until test -e go; do sleep 0.05; done; echo {n} >>log
EOF
cat >stubborn.yaml <<EOF
pool: {task_slots_per_node: 2}
jobs:
  - tasks:
      - {command_line: "trap '' TERM INT USR1; echo 0 >>started; ./$left 60; ./$left 60"}
      - {command_line: "(setsid ./$left 60 &); echo 1 >>started; exec ./$left 60"}
EOF
runs() { sort -n log | uniq -c | awk '{ print $1 }' | sort -u | xargs; } # of each task
counts() { echo "$(count "$1" succeeded) $(count "$1" failed) $(count "$1" active)"; }
h5() { results last "$1/results.h5" reason | sort | uniq -c | xargs; }

for n in "$@"; do
    with="ranks: $n"
    rm -rf ./*.run* log mended go started terminated

    # --- --limit
    run "$n" --limit 5 sweep.yaml
    is "$rc $(lines log) $(counts sweep.run)" "3 5 5 0 15" "$with: --limit 5: exit code 3, five tasks have run"
    like "$(<run.out)" "5 succeeded, 0 failed, 15 not run.*the same command resumes" "$with: the summary says what is left"
    is "$(h5 sweep.run)" "5 none" "$with: results.h5 has the five"
    like "$("$MPIBATCH" status sweep.run)" "finished \(exit code 3\).*5 succeeded, 0 failed, 0 running, 15 to go" "$with: status, too"
    run "$n" --limit 5 sweep.yaml
    is "$rc $(lines log)" "3 10" "$with: --limit 5 again: the next five"
    like "$(<run.out)" "20 tasks, 5 ended before" "$with: it says what was done before"
    run "$n" sweep.yaml
    is "$rc $(lines log) $(runs)" "1 20 1" "$with: without --limit: the rest, each task once"
    is "$(counts sweep.run)" "19 1 0" "$with: one task has failed"
    is "$(h5 sweep.run)" "1 exit_code 19 none" "$with: results.h5 has all"
    is "$(json sweep.run/status.json '"%d %d" % (d["session"], d["tasks_done_this_session"])')" "3 10" "$with: status.json counts sessions"
    is "$(ls sweep.run/journal | xargs)" "0001.journal 0002.journal 0003.journal" "$with: a journal a session"

    # --- all is done
    before=$(find sweep.run -type f ! -name lock -exec cksum {} + | sort)
    run "$n" sweep.yaml
    is "$rc $(lines log)" "1 20" "$with: again: nothing runs, the exit code is the run's"
    like "$(<run.out)" "all is done: 19 succeeded, 1 failed .*again, the failed ones: mpibatch run sweep.yaml --rerun failed" "$with: it says so"
    is "$(find sweep.run -type f ! -name lock -exec cksum {} + | sort)" "$before" "$with: and writes nothing"
    rm sweep.run/results.h5
    run "$n" sweep.yaml
    is "$rc $(h5 sweep.run)" "1 1 exit_code 19 none" "$with: a results.h5 that was removed is made again"

    # --- --rerun failed
    run "$n" --rerun failed sweep.yaml
    is "$rc $(lines log) $(counts sweep.run)" "1 21 19 1 0" "$with: --rerun failed: the one that failed, in vain"
    touch mended
    run "$n" --rerun failed sweep.yaml
    is "$rc $(lines log) $(tail -n 1 log) $(counts sweep.run)" "0 22 7 20 0 0" "$with: --rerun failed: now it succeeds"
    is "$(h5 sweep.run)" "20 none" "$with: results.h5 has its last attempt"
    is "$(results rows sweep.run/results.h5 task_id attempt result | grep '^7 ' | xargs)" "7 1 failure 7 2 failure 7 3 success" \
        "$with: and all of its attempts"
    run "$n" --rerun failed sweep.yaml
    is "$rc $(lines log)" "0 22" "$with: --rerun failed without any: nothing"

    # --- a changed spec
    cp sweep.yaml changed.yaml
    run "$n" -o changed.run changed.yaml
    rm -f log
    sed -i 's/test {n} -ne 7/test {n} -ne 8/' changed.yaml
    run "$n" changed.yaml
    is "$rc $(lines log)" "2 0" "$with: a changed spec: refused, nothing runs"
    like "$(<run.out)" "line 5.*-ne 7.*-ne 8" "$with: it says which line, and how it was"
    like "$(<run.out)" "--fresh" "$with: it says what to do"
    run "$n" --fresh changed.yaml
    is "$rc $(lines log) $(counts changed.run) $(counts changed.run.1)" "0 20 20 0 0 20 0 0" "$with: --fresh: a new run, the old one aside"
    like "$(<run.out)" "changed.run.1" "$with: it says where"
    run "$n" --fresh --limit 1 changed.yaml
    is "$rc $(ls -d changed.run* | xargs)" "3 changed.run changed.run.1 changed.run.2" "$with: --fresh again"
    sed -i 's/-ne 8/-ne 7/' changed.yaml
    run "$n" -o changed.run.1 changed.yaml
    is "$rc" 0 "$with: what was moved aside is still a run"

    # --- -o
    rm -f log
    mkdir -p sub/dir
    run "$n" -o sub/dir/here --limit 3 sweep.yaml
    is "$rc $(lines log)" "3 3" "$with: -o: another run"
    run "$n" --output="$PWD/sub/dir/here" sweep.yaml
    is "$rc $(lines log) $(runs) $(counts sub/dir/here)" "0 20 1 20 0 0" "$with: --output: is resumed"
    mkdir notours
    touch notours/file
    run "$n" -o notours sweep.yaml
    like "$rc $(<run.out)" "^2 .*notours" "$with: -o of some other folder: refused"
    run "$n" --fresh -o notours sweep.yaml
    is "$rc $(ls notours)" "2 file" "$with: --fresh does not move it aside"
    run "$n" -o no/such/folder sweep.yaml
    is "$rc $(counts no/such/folder)" "0 20 0 0" "$with: -o within no folder: makes it"
    rm -rf notours sub no log

    # --- two at once
    start "$n" slow.yaml
    eventually 20 has_lines 4 started
    run 0 slow.yaml
    like "$rc $(<run.out)" "^2 .*(in use|session|running).*$(hostname)" "$with: a second session: refused, it says who is there"
    run 0 --fresh slow.yaml
    is "$rc $(ls -d slow.run*)" "2 slow.run" "$with: --fresh too"
    is "$("$MPIBATCH" status slow.run | head -n 1 | grep -c running)" 1 "$with: but it may be looked at"

    # --- USR1: what runs may end
    kill -USR1 "$pid"
    sleep 0.5
    is "$(lines started) $(lines log)" "4 0" "$with: USR1: tasks go on, none is started"
    ok "$with: USR1: the run waits for them" kill -0 "$pid"
    touch go
    finish
    is "$rc $(lines started) $(lines log) $(lines terminated)" "3 4 4 0" "$with: USR1: then exit code 3"
    like "$(<run.out)" "SIGUSR1: no task is started any more" "$with: USR1: it says so"
    is "$(counts slow.run)" "4 0 4" "$with: USR1: those that ran have ended"
    run "$n" slow.yaml
    is "$rc $(runs) $(counts slow.run)" "0 1 8 0 0" "$with: USR1: resumed, each once"

    # --- TERM, INT ...: end what runs
    for signal in TERM INT HUP USR2; do
        [ "$n" != 0 ] && [ $signal != USR2 ] && continue # mpirun has its own way with them: below
        rm -rf slow.run go started terminated log
        start "$n" slow.yaml
        eventually 20 has_lines 4 started
        kill -"$signal" "$pid"
        finish 20
        is "$rc $(lines started)" "3 4" "$with: $signal: exit code 3, none started"
        is "$(sort terminated | xargs)" "$(sort started | xargs)" "$with: $signal: the running tasks got SIGTERM"
        is "$(counts slow.run) $(h5 slow.run)" "0 0 8 4 stopped" "$with: $signal: they are active again"
        like "$(<run.out)" "SIG$signal: ending the running tasks; the same command resumes" "$with: $signal: it says so"
        touch go
        run "$n" slow.yaml
        is "$rc $(runs) $(counts slow.run)" "0 1 8 0 0" "$with: $signal: resumed"
    done

    # --- a task that does not want to
    rm -rf stubborn.run started
    start "$n" stubborn.yaml
    eventually 20 has_lines 2 started
    kill -USR2 "$pid"
    SECONDS=0
    finish 20
    is "$rc $((SECONDS < 10))" "3 1" "$with: stopped: a task that ignores SIGTERM is killed"
    is "$(left_behind "$left")" 0 "$with: stopped: no process is left behind"
    pkill -KILL -f "./$left"
    if [ "$n" != 0 ]; then
        for signal in TERM INT; do
            rm -rf slow.run go started terminated log
            start "$n" slow.yaml
            eventually 20 has_lines 4 started
            kill -"$signal" "$pid"
            finish 20
            is "$(sort terminated | xargs)" "$(sort started | xargs)" "$with: $signal to mpirun: the running tasks got SIGTERM"
            is "$(counts slow.run)" "0 0 8" "$with: $signal to mpirun: all is still to do"
            is "$(json slow.run/status.json 'd["state"], d["exit_code"]')" "('finished', 3)" "$with: $signal to mpirun: the run has stopped in order"
            touch go
            run "$n" slow.yaml
            is "$rc $(runs) $(counts slow.run)" "0 1 8 0 0" "$with: $signal to mpirun: resumed"
        done
    fi
done
