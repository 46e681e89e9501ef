#!/bin/bash
# mpibatch export: CSV and JSON Lines as Python reads them, compared with
# results.h5; columns, conditions, attempts; while a run goes on; files that
# appear whole or not at all.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 31

python() {
    local what=$1
    cat >code.py <<EOF
import csv, io, json, math, subprocess, sys
def out(*args):
    return subprocess.run(["$MPIBATCH", "export", *args], check=True, stdout=subprocess.PIPE).stdout.decode()
def rows(*args):
    return list(csv.DictReader(io.StringIO(out(*args), newline="")))
def objects(*args):
    return [json.loads(line) for line in out("--format", "jsonl", *args).splitlines()]
$(cat)
EOF
    ok "$what" "$PYTHON" code.py
}

cat >all.yaml <<'EOF'
jobs:
  - id: scan
    constraints: {max_task_retry_count: 1}
    sweep:
      parameters:
        T: {values: [0.10, 1e-4, 3]}
        model: [fast, slow one]
        on: [true, false]
    task: {command_line: "echo E={T}; echo i=12; echo w='{model}'; echo '[[1, 2.5], [-3, 4e300]]'; test {T} != 3 -o {on} = false || exit 5"}
    metrics:
      E: {regex: '^E=(\S+)', type: float64}
      count: {regex: '^i=(\d+)', type: int64}
      word: {regex: '^w=(.*)$', type: string}
      missing: {regex: '^none=(.*)$', type: int64}
      grid: {json: "", type: float64, shape: [2, 2]}
      gone: {from: {file: nowhere.json}, json: "", type: int64, shape: [2]}
EOF
sed -i 's/grid: {json: "", type: float64, shape: \[2, 2\]}/grid: {from: {file: "grid.json"}, json: "", type: float64, shape: [2, 2]}/' all.yaml
echo '[[1, 2.5], [-3, 4e300]]' >grid.json
cat >texts.yaml <<'EOF'
jobs:
  - id: t
    sweep:
      method: list
      points:
        - {s: 'a,b'}
        - {s: 'say "x"'}
        - {s: "two\nlines"}
        - {s: ""}
        - {s: " blanks "}
        - {s: "\u00e4\u4e2d\U0001f600"}
        - {s: "\t\r'"}
    task: {command_line: ["echo", "x={s}"]}
    metrics: {x: {regex: 'x=([^\n]*)', type: string}}
EOF
cat >numbers.yaml <<'EOF'
jobs:
  - id: n
    sweep: {method: list, points: [{v: 0.1}, {v: 1e300}, {v: 5e-324}, {v: -0.0}, {v: 123456789012345678}, {v: inf}, {v: nan}, {v: 2}]}
    task: {command_line: "echo f={v}"}
    metrics: {f: {regex: 'f=(\S+)', type: float64}}
EOF
run 0 all.yaml
first=$rc
run 0 texts.yaml
run 0 numbers.yaml
is "$first" 1 "the runs end as they should"

# --- against results.h5
python "CSV: the same as batch/tasks" <<'EOF'
import pandas as pd
a = pd.read_hdf("all.run/results.h5", "batch/tasks")
b = pd.read_csv(io.StringIO(out("all.run", "--attempts", "all")), float_precision="round_trip")
assert list(b.columns)[:len(a.columns)] == list(a.columns), list(b.columns)
assert list(b.columns)[len(a.columns):] == ["grid[0][0]", "grid[0][1]", "grid[1][0]", "grid[1][1]", "gone[0]", "gone[1]"], list(b.columns)
assert len(a) == len(b) == 14, (len(a), len(b))
for name in a.columns:
    x, y = a[name], b[name]
    if name in ("state", "signal"):
        continue
    if x.dtype == object:
        x = x.map(lambda v: v.decode() if isinstance(v, bytes) else v)
        good = (x == y.fillna("").astype(str)) | (y.isna() & (name == "word") & (b.result != "success"))
        assert good.all(), name
    elif name == "missing":
        assert y.isna().all()
    elif name == "max_rss_bytes":  # 0: not known
        assert (x == y.fillna(0)).all() and not (y == 0).any(), (x, y)
    else:
        good = ((x == y) | (x.isna() & y.isna()) | ((a.result != b"success") & (a.result != "success") & y.isna()))
        assert good.all(), (name, x, y)
assert (b.state[b.result == "success"] == "invalid").all()  # a metric is missing
EOF
python "JSON Lines: types, null, arrays" <<'EOF'
o = objects("all.run")
assert len(o) == 12 and [r["task_index"] for r in o] == list(range(12))
r = o[0]
assert r["T"] == 0.1 and r["model"] == "fast" and r["on"] is True and r["E"] == 0.1 and r["count"] == 12
assert isinstance(r["count"], int) and isinstance(r["exit_code"], int) and r["missing"] is None and r["signal"] is None
assert r["grid"] == [[1, 2.5], [-3, 4e300]], r["grid"]
bad = [r for r in o if r["state"] == "failed"]
assert len(bad) == 2 and all(r["E"] == 3 and r["grid"] == o[0]["grid"] and r["gone"] is None and r["exit_code"] == 5 and r["attempt"] == 2 for r in bad), bad
EOF
python "texts with everything in them come back" <<'EOF'
want = ["a,b", 'say "x"', "two\nlines", "", " blanks ", "\u00e4\u4e2d\U0001f600", "\t\r'"]
assert [r["s"] for r in objects("texts.run")] == want, objects("texts.run")
assert [r["s"] for r in rows("texts.run")] == [w or "" for w in want]
assert [r["x"] for r in rows("texts.run")][:2] == want[:2]
text = out("texts.run", "--columns", "index,s").split("\n")
assert text[1] == '0,"a,b"' and text[2] == '1,"say ""x"""' and '3,""' in text, text
EOF
python "numbers come back as they were" <<'EOF'
want = [0.1, 1e300, 5e-324, -0.0, 123456789012345678.0, math.inf, math.nan, 2.0]
same = lambda a, b: (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
got = [float(r["f"]) for r in rows("numbers.run")]
assert all(map(same, got, want)), got
got = [r["f"] for r in objects("numbers.run")]
assert got[6] is None and same(got[3], -0.0) and got[5] == math.inf and got[0] == 0.1 and got[2] == 5e-324, got
line = out("numbers.run", "--columns", "f").split()
assert line == ["f", "0.1", "1e+300", "5e-324", "-0.0", "1.2345678901234568e+17", "inf", "nan", "2.0"], line
EOF

# --- what is asked for
is "$("$MPIBATCH" export all.run --columns count,task_id --filter T=0.1 --where 'model == "fast"' | paste -sd' ')" \
    "count,task_id 12,0 12,1" "chosen columns in their order, a filter and a condition"
is "$("$MPIBATCH" export all.run --columns index,gone --filter state=failed | paste -sd' ')" \
    "task_index,gone[0],gone[1] 8,, 10,," "a missing array is empty cells"
is "$("$MPIBATCH" export all.run --columns index,attempt,attempts,exit_code --attempts all --where 'exit_code == 5' | sort | paste -sd' ')" \
    "10,1,1,5 10,2,2,5 8,1,1,5 8,2,2,5 task_index,attempt,attempts,exit_code" "all attempts"
is "$("$MPIBATCH" export all.run --format jsonl --columns E_state,missing_state --where 'task_index == 0')" \
    '{"E_state":"ok","missing_state":"missing"}' "states of metrics"
is "$("$MPIBATCH" export all.run --columns command --filter index=0 | tail -n 1 | cut -c1-15)" '"echo E=0.10; e' "the command line"
is "$("$MPIBATCH" export all.yaml --columns index | wc -l)" 13 "a spec stands for its run"
mv all.run/results.h5 kept.h5
is "$("$MPIBATCH" export all.run | wc -l)" 13 "without results.h5"

# --- mistakes
fails() { "$MPIBATCH" export "$@" >out 2>err; echo "$? $(head -n 1 err)"; }
is "$(fails all.run --columns E,modell)" '2 mpibatch: error: no column "modell"; did you mean model?' "a column that there is not"
is "$(fails all.run --columns E,E)" '2 mpibatch: error: the column E is named twice' "a column twice"
like "$(fails all.run --where 'E >')" '^2 mpibatch: error: ' "a wrong condition"
like "$(fails all.run --format xml)" '^2 mpibatch: error: --format takes csv or jsonl, not "xml"' "a wrong format"
like "$(fails nowhere.run)" '^2 mpibatch: error: ' "no such run"

# --- a metric that is an array in one job and a single value in another
cat >kinds.yaml <<'EOF'
jobs:
  - {id: a, task: {command_line: "echo 1 2"}, metrics: {e: {regex: '(.*)', type: int64, shape: [2]}}}
  - {id: b, task: {command_line: "echo 3"}, metrics: {e: {regex: '(.*)', type: int64}}}
EOF
run 0 kinds.yaml
is "$("$MPIBATCH" export kinds.run --columns job,e | paste -sd' '; "$MPIBATCH" export kinds.run --columns e --format jsonl | paste -sd' ')" \
    'job_id,e[0],e[1] a,1,2 b,3,
{"e":[1,2]} {"e":3}' "an array in one job, a single value in another"

# --- control bytes
cat >bytes.yaml <<'EOF'
jobs: [{task: {command_line: "printf '\\033[7mq'"}, metrics: {e: {regex: '(.*)', type: string}}}]
EOF
run 0 bytes.yaml
"$PYTHON" "$tools/terminal.py" -c 80 -o tty "$MPIBATCH" export bytes.run --columns e
like "$(<tty)" '\\x1b\[7mq' "a terminal sees no control bytes of a value"
is "$("$MPIBATCH" export bytes.run --columns e | tail -n 1)" $'\e[7mq' "a pipe does, as they are"

# --- files
echo old >table.csv
is "$("$MPIBATCH" export all.run -o table.csv 2>&1; wc -l <table.csv)" 13 "-o writes a file"
cp table.csv before.csv
like "$(fails all.run --where 'model > 3' -o table.csv)" '^1 mpibatch: error: task scan/0' "a condition that cannot be answered: 1"
is "$(cmp before.csv table.csv && find . -name '*.tmp' | wc -l)" 0 "and the old file stays, and nothing else"
like "$(fails all.run -o /dev/full)" '^1 mpibatch: error: cannot write /dev/full: No space left' "a full disk"
like "$(fails all.run -o none/table.csv)" '^1 mpibatch: error: cannot make none/table.csv' "a folder that there is not"
is "$("$MPIBATCH" export all.run 2>err | head -n 1 | cut -c1-6; cat err)" "job_id" "a reader that goes early is no error"

# --- while it runs
cat >slow.yaml <<'EOF'
jobs:
  - id: s
    tasks: [{command_line: "true"}, {command_line: "while ! test -e go; do sleep 0.05; done"}]
EOF
start 0 slow.yaml
running() { [[ "$("$MPIBATCH" export slow.run --columns state 2>/dev/null | paste -sd' ')" = "state succeeded "* ]]; }
eventually 10 running
like "$("$MPIBATCH" export slow.run --columns index,state,exit_code | paste -sd' ')" \
    "^task_index,state,exit_code 0,succeeded,0 1,(running|active),$" "while the run goes on"
touch go
finish

# --- what was staged and returned, and what failed in that
cat >staged.yaml <<'EOF'
storage: {root: ., containers: {data: data}}
jobs:
  - id: s
    sweep: {parameters: {n: [1, 2, 3]}}
    task:
      command_line: "cat in >out.dat; test {n} != 3"
      resource_files: [{http_url: "file://{storage.data}/{n}", file_path: in}]
      output_files: [{file_pattern: "*.dat", return: true}]
EOF
mkdir data
echo one >data/1
echo three >data/3
run 0 staged.yaml
is "$rc" 1 "a task lacks its file, one fails"
python "failure codes, returned files, times" <<'EOF'
got = rows("staged.run", "--columns", "n,reason,failure_code,failure_category,returned_files,returned_bytes,prepare_s,store_s")
assert [tuple(r.values())[:6] for r in got] == [
    ("1", "none", "", "", "1", "4"),
    ("2", "pre_processing_error", "BlobNotFound", "user_error", "0", "0"),
    ("3", "exit_code", "FailureExitCode", "user_error", "1", "6")], got
assert all(0 < float(r["prepare_s"]) < 60 for r in got) and float(got[0]["store_s"]) > 0
first = objects("staged.run")[0]
assert first["failure_code"] is None and first["returned_files"] == 1, first
one = objects("staged.run", "--where", "failure_code == 'BlobNotFound' and returned_files == 0", "--columns", "n")
assert one == [{"n": 2}], one
assert objects("staged.run", "--filter", "failure_category=user_error", "--columns", "n") == [{"n": 2}, {"n": 3}]
EOF
"$MPIBATCH" export staged.run --filter failure_code=BlobNotfound >out 2>&1
is "$? $(head -n 1 out)" '2 mpibatch: error: no failure_code "BlobNotfound"; did you mean BlobNotFound?' "a code that there is not"
like "$("$MPIBATCH" failures staged.run)" "1  could not be prepared \(BlobNotFound\).*1  in: cannot read " "failures: by code, and which file"
