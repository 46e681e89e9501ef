#!/usr/bin/env bash
# SIGKILL of everything at random moments, resumed with the same command until
# the run is done: nothing that has ended runs again, nothing is left behind,
# and the results are those of an undisturbed run, byte by byte.
# shellcheck source=tests/fault/faults.sh
. "$TEST_SRCDIR/tests/fault/faults.sh"
need_python
kills_wanted=30
RANDOM=${FAULT_SEED:=$(date +%j)}
plan 8
note "FAULT_SEED=$FAULT_SEED (kills at other moments with another)"

numbers() { seq -s, 0 $(($1 - 1)); }
cat >spec.yaml <<E_
jobs:
  - id: sweep
    sweep:
      method: grid
      parameters:
        x: [$(numbers 12)]
        y: [$(numbers 14)]
    task: {command_line: "sh $TEST_SRCDIR/tests/fault/task.sh {task.index} 40 $scratch/ran"}
    metrics:
      energy: {from: stdout, regex: '^energy = (\S+)', type: float64}
      half: {from: stdout, regex: '^\d*7\$', type: string}
E_
total=168

# The tasks that have ended, by the journal: their indices.
ended() { "$MPIBATCH" tasks --json "$1" | jq -r '.tasks[] | select(.state == "succeeded" or .state == "failed") | .task_index' | sort; }
# What ran in the last session: started or ended.
ran() { [ ! -f ran ] || awk '{print $2}' ran | sort -u; }

# Kill what is there now, in one of several ways; all at once.
strike() { # HOW
    local victims
    case $1 in
    ranks) victims=$(ours mpirun rank) ;; # the keepers end the tasks
    mpirun) victims=$(ours mpirun) # the ranks end themselves
        [ -n "$victims" ] || victims=$(ours rank) ;;
    all) victims=$(ours mpirun rank keeper task) ;;
    esac
    # shellcheck disable=SC2086 # words
    kill -9 $victims 2>/dev/null
    [ "$1" != all ] || kill_ours
}

launch 0 spec.yaml -o calm
over 60
is "$rc" 1 "undisturbed: the tasks that are to fail have failed"
digest calm >calm.digest
rm -f ran

kills=0 runs=0 again=0 behind=0 codes="" different=0 refused=0
hows=(ranks ranks ranks all mpirun)
while [ $kills -lt $kills_wanted ]; do
    runs=$((runs + 1))
    dir=run$runs
    : >before
    while :; do
        n=$((RANDOM % 3)); [ $n = 0 ] || n=$((n + 1))
        how=${hows[RANDOM % ${#hows[@]}]}
        wait_ms=$((50 + RANDOM % 1450))
        rm -f ran
        launch $n spec.yaml -o $dir
        if [ $kills -lt $kills_wanted ]; then
            sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
            if kill -0 $started 2>/dev/null; then
                strike "$how"
                kills=$((kills + 1))
                wait $started 2>/dev/null
                if ! await 3 none; then
                    behind=$((behind + 1))
                    note "$how, $n ranks, after $wait_ms ms, 3 s later: $(ps -o pid=,ppid=,stat=,etime=,args= -p "$(ours | paste -sd,)")"
                    kill_ours
                fi
            fi
        fi
        over 60
        if [ "$rc" -lt 128 ] && grep -E "^mpibatch[^:]*: (error|warning)" launch.out | grep -v "exit code 3" >said; then
            refused=$((refused + 1))
            note "$(cat said)"
        fi
        ran >now
        twice=$(comm -12 before now | wc -l)
        [ "$twice" = 0 ] || note "$dir: had ended, ran again: $(comm -12 before now | paste -sd' ')"
        again=$((again + twice))
        [ "$rc" != 0 ] && [ "$rc" != 1 ] || break
        ! [ -d $dir ] || [ ! -f $dir/run.yaml ] || ended $dir >before
    done
    codes="$codes$rc "
    digest $dir >digest || different=$((different + 1))
    if ! diff calm.digest digest >difference; then
        different=$((different + 1))
        note "$dir: $(head -n 10 difference)"
    fi
    [ "$("$MPIBATCH" tasks --json $dir | jq '[.tasks[] | select(.state == "succeeded" or .state == "failed")] | length')" = $total ] || different=$((different + 1))
done
note "$kills kills in $runs runs, $SECONDS s"

ok "at least $kills_wanted times everything was killed" test $kills -ge $kills_wanted
unlike "$codes" '[^1 ]' "each run came to its end, with the code of the undisturbed one"
is $different 0 "results.h5 has each task once, outputs and metrics as undisturbed"
is $again 0 "no task ran that the journal had as ended"
is $behind 0 "no process was left behind 3 s after a kill"
is $refused 0 "no start complained about what the last one left"
launch 2 spec.yaml -o run1
over 30
like "$rc $(cat launch.out)" "^1 .*all is done: 144 succeeded, 24 failed" "a finished run says that all is done"
