#!/bin/bash
# Metrics: each source against what Python finds there (tests/tools/metrics.py),
# large outputs, reasons; and `collect`: other metrics of a run, nothing run.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
[ -x "$PYTHON" ] && PATH=${PYTHON%/*}:$PATH
specs=("$TEST_SRCDIR"/jobspecs/metrics*.yaml)
plan $((43 + ${#specs[@]}))

check() { "$PYTHON" "$tools/metrics.py" "$@" 2>&1; }
# cube RUN NAME: the values of a variable of results.h5
cube() { "$PYTHON" -c 'import h5py, sys; print(*h5py.File(sys.argv[1] + "/results.h5")[sys.argv[2]][()].tolist())' "$@" 2>&1; }
collect() { limited 60 "$MPIBATCH" collect "$@" >collect.out 2>&1; rc=$?; }

for spec in "${specs[@]}"; do
    name=$(basename "$spec" .yaml)
    run 0 "$spec" -o "$name.run"
    is "$(check jobspec "$name" "$name.run")" "" "$name: as Python finds it"
done

# all number formats, both byte and memory orders, what is damaged or absent
check make .
run 0 arrays.yaml
is "$(check arrays arrays.run)" "" ".npy and HDF5: as NumPy and h5py read them"

# ---- Large outputs: metrics see all of them ----
cat >large.yaml <<'EOF'
jobs:
- task: {command_line: 'seq 1 1000000 | sed s/^/E=/'}
  metrics:
    first_e: {regex: 'E=(.*)', type: int64}
    last_e: {regex: 'E=(.*)', select: last, type: int64}
    mean_e: {regex: 'E=(.*)', select: mean}
    end: {regex: 'E=1000000\n\z', type: string}
EOF
run 0 large.yaml
is "$(cube large.run last_e) $(cube large.run first_e) $(cube large.run mean_e) $(cube large.run end_state)" \
    "1000000 1 500000.5 0" "an output of 8 MB is seen to its end"
sed 's/last_e/very_last/' large.yaml >large2.yaml
collect --spec large2.yaml large.run
is "$rc $(cube large.run very_last)" "0 1000000" "... by collect, too"
collect --spec large2.yaml large.yaml
is "$(tail -n 1 collect.out)" "  results: large.run/results.h5" "a spec stands for its run"

# ---- States and reasons ----
cat >bad.yaml <<'EOF'
jobs:
- id: j
  sweep: {parameters: {x: ['E=1', 'E=nan?', 'F=1', 'E=7']}}
  task: {command_line: 'echo {x}'}
  metrics: {energy: {regex: 'E=(.*)', range: [0, 5], units: J}}
EOF
run 0 bad.yaml
is "$rc $(cube bad.run energy_state) $(cube bad.run energy)" "0 0 2 1 3 1.0 nan nan 7.0" \
    "the four states; out of range the value is kept"
"$MPIBATCH" status --json bad.run >status.json
is "$(json status.json 'd["tasks"]["succeeded"], d["tasks"]["invalid"]')" "(4, 3)" "status.json counts them"
like "$("$MPIBATCH" status bad.run)" "metrics: 3 tasks succeeded with a metric missing, malformed or out of range" "so does status"
"$MPIBATCH" tasks bad.run >tasks.out
like "$(<tasks.out)" 'x=E=nan\?  metric energy: stdout: "nan\?" is no float64' "tasks says what is wrong: malformed"
like "$(<tasks.out)" 'x=F=1  metric energy: stdout: its regex does not match' "... missing"
like "$(<tasks.out)" 'x=E=7  metric energy: stdout: 7 is not in its range \[0, 5\]' "... out of range"
like "$(<run.out)" "3 tasks succeeded with a metric missing, malformed or out of range" "and the summary"

# ---- What a failed task left is kept, the same everywhere ----
cat >failed.yaml <<'EOF'
jobs:
- id: j
  sweep: {parameters: {x: [0, 1]}}
  task: {command_line: 'echo E={x}; echo [{x}, 5]; exit {x}'}
  metrics:
    energy: {regex: 'E=(.*)', units: J}
    none: {regex: 'none=(.*)'}
    arr: {json: "", type: int64, shape: [2]}
EOF
run 0 failed.yaml
is "$(cube failed.run state) $(cube failed.run energy) $(cube failed.run none_state) $(cube failed.run arr)" \
    "1 2 0.0 1.0 1 1 [0, 5] [1, 5]" "metrics of a failed task: in results.h5"
is "$("$MPIBATCH" export failed.run --columns 'x,result,energy,energy_state,none_state,arr' | paste -sd' ')" \
    "x,result,energy,energy_state,none_state,arr[0],arr[1] 0,success,0.0,ok,missing,0,5 1,failure,1.0,ok,missing,1,5" "... in export"
"$MPIBATCH" tasks failed.run --json >tasks.json
is "$(json tasks.json '[(t["metrics"]["energy"], t["metrics"]["arr"], t["metric_states"]) for t in d["tasks"]][1]')" \
    "(1.0, [1, 5], {'none': 'missing'})" "... in JSON"
like "$("$MPIBATCH" task 1 failed.run)" 'metrics +energy = 1 J
 +arr = \[1,5\]
 ' "... and in task, what was found of them"
"$MPIBATCH" status --json failed.run >status.json
is "$(json status.json 'd["tasks"]["failed"], d["tasks"]["invalid"]') $("$MPIBATCH" export failed.run --filter state=invalid --columns task_id | paste -sd' ')" \
    "(1, 1) task_id 0" "but the task is not invalid"

# a fifo where a file should be does not stop the worker; a folder is no file
mkfifo fifo && mkdir folder
cat >files.yaml <<'EOF'
jobs:
- sweep: {parameters: {f: [fifo, folder, absent, here]}}
  task: {command_line: 'test {f} != here || echo E=4 >here'}
  metrics: {energy: {regex: 'E=(.*)', from: {file: '{f}'}}}
EOF
run 0 files.yaml
is "$rc $(cube files.run energy_state)" "0 2 2 1 0" "a fifo, a folder, no file, a file"

# ---- collect ----
cat >a.yaml <<'EOF'
name: sums
jobs:
- id: j
  sweep: {parameters: {x: [1, 2, 3, 4]}}
  task:
    command_line: 'echo "E={x} M=-{x}"; echo "T=0.{x}" >&2; echo {x}5 >f.{x}; test {x} != 4 -o -e ok'
  metrics:
    energy: {regex: 'E=(\S+)', units: J}
    kept: {from: {file: 'f.{x}'}, regex: '\d+', type: int64}
EOF
cat >b.yaml <<'EOF'
# other metrics, in another order; the rest is written otherwise, but the same
name: "sums"
jobs:
  - id: j
    metrics:
      temperature: {from: stderr, regex: 'T=(\S+)', units: K, range: {max: 0.25}}
      kept: {from: {file: 'f.{x}'}, regex: '\d+', type: int64}
      file: {from: {file: 'f.{x}'}, regex: '\d+'}
      m: {regex: 'M=(\S+)', type: int64, long_name: magnetisation}
    sweep:
      parameters: {x: [1, 2, 3, 4]}
    task:
      command_line: 'echo "E={x} M=-{x}"; echo "T=0.{x}" >&2; echo {x}5 >f.{x}; test {x} != 4 -o -e ok'
EOF
run 0 a.yaml
is "$rc" 1 "one task of the run fails"
columns="task_id attempt start_time end_time exit_code stdout_bytes"
results rows a.run/results.h5 $columns >rows.before
journal=$(cksum a.run/journal/*)
rm f.2
(mkdir -p elsewhere; cd elsewhere; collect --spec ../b.yaml ../a.run; echo "$rc" >../rc; mv collect.out ..)
is "$(<rc)" 0 "collect, from another folder" || note "$(<collect.out)"
is "$(cube a.run m) | $(cube a.run temperature) | $(cube a.run temperature_state)" \
    "-1 -2 -3 -4 | 0.1 0.2 0.3 0.4 | 0 0 3 3" "new metrics from stdout and stderr"
is "$(cube a.run file) $(cube a.run file_state)" "15.0 nan 35.0 45.0 0 1 0 0" "... from files that are there"
is "$(cube a.run kept)" "15 25 35 45" "of one that is gone, what was recorded stays"
like "$(<collect.out)" "1 value of files that are gone: kept as recorded" "and that is said"
like "$(cube a.run energy)" "KeyError" "the former metrics are not there any more"
is "$(results rows a.run/results.h5 $columns | diff - rows.before)" "" "attempts are as they were"
is "$(cksum a.run/journal/*)" "$journal" "the former journal is kept as it was"
is "$(sed '1,/^# ----/d' a.run/run.yaml | cmp - b.yaml; sed '1,/^# ----/d' a.run/run.1.yaml | cmp - a.yaml)" "" \
    "so is the former spec, beside the new one"
"$MPIBATCH" status --json a.run >status.json
is "$(json status.json 'd["tasks"]["succeeded"], d["tasks"]["failed"], d["tasks"]["invalid"]')" "(3, 1, 2)" \
    "status.json counts by the new ones"
rm a.run/results.h5
run 0 b.yaml -o a.run
is "$rc $(cube a.run m)" "1 -1 -2 -3 -4" "results.h5 is made again from the journal"
run 0 a.yaml -o a.run
is "$rc" 2 "the former spec is refused"
like "$(<run.out)" "belongs to another job spec: line" "and it says why"
touch ok
run 0 b.yaml -o a.run --rerun failed
is "$rc $(cube a.run state) $(cube a.run file)" "0 1 1 1 1 15.0 nan 35.0 45.0" \
    "the new one resumes: the failed task runs again"
collect --spec a.yaml a.run
is "$rc $(cube a.run energy)" "0 1.0 2.0 3.0 4.0" "and back to the first metrics"
is "$(echo a.run/journal*)" "a.run/journal a.run/journal.2 a.run/journal.3" "a journal a generation"

# ---- What is refused ----
# refused WHAT SED REGEX
refused() {
    sed "$2" a.yaml >c.yaml
    collect --spec c.yaml a.run
    like "$rc $(<collect.out)" "^2 .*$3" "refused: $1"
}
refused "another value of a parameter" 's/3, 4\]/3, 5]/' 'c.yaml:4:[0-9]+: `x` is not what it is in line 4 of the run.s job spec; only metrics may differ'
refused "another command" 's/echo "T/echo "U/' 'c.yaml:6:[0-9]+: `command_line` is not what'
refused "a key more" 's/^  task:/  priority: 3\n  task:/' 'c.yaml:5:3: `priority` is not in the run.s job spec'
refused "a key less" '/^name:/d' 'c.yaml: there is no `name`, which is in line 1'
refused "a wrong spec" 's/units: J/unit: J/' 'did you mean `units`'
collect a.run
like "$rc $(<collect.out)" "^2 .*which metrics" "refused: no --spec"
collect --spec a.yaml nothing.run
like "$rc $(<collect.out)" "^2 .*nothing.run" "refused: no such run"

cat >slow.yaml <<'EOF'
jobs: [{task: {command_line: 'echo $$ >pid; exec sleep 30'}}]
EOF
start 0 slow.yaml
until [ -s pid ]; do sleep 0.05; done
sed 's/}}\]/}, metrics: {e: {regex: e}}}]/' slow.yaml >slow2.yaml
collect --spec slow2.yaml slow.run
like "$rc $(<collect.out)" "^2 .*another session has .*slow.run" "refused: a run that goes on"
kill -TERM "$pid"
wait "$pid" 2>wait.out

# ---- SIGKILL at any time leaves the one or the other ----
now=large2.yaml other=large.yaml torn=0
for ((i = 0; i < 8; i++)); do
    timeout -s KILL "0.0$((i * 7 % 8))5" "$MPIBATCH" collect --spec "$other" large.run >kill.out 2>&1
    run 0 "$now" -o large.run; old=$rc
    run 0 "$other" -o large.run
    case "$old $rc" in
    "0 2") ;;
    "2 0") was=$now now=$other other=$was ;;
    *) torn=$((torn + 1)) ;;
    esac
done
is "$torn" 0 "a collect that is killed leaves the old or the new metrics"
