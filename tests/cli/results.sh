#!/bin/bash
# results.h5 in the hands of its users: xarray with both engines, pandas, h5py; of
# a grid, a list, listed tasks, several jobs; metrics that are missing or
# malformed; and that SIGKILL never leaves a broken file.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 23
codes=

cat >grid.yaml <<'EOF'
jobs:
  - id: scan
    sweep:
      parameters:
        T: {values: [0.10, 1e-4, 3], units: J/k, long_name: temperature}
        model: [fast, slow one]
        n: [1, 2]
        on: [true, false]
    task: {command_line: "echo T={T} {model}; test {n} = 2 -a {T} = 3 || echo E={n}{n}.5e-1; echo i={n}; echo w={model}"}
    metrics:
      E: {regex: '^E=(\S+)', type: float64, units: J, long_name: energy}
      count: {regex: '^i=(\d+)', type: int64}
      word: {regex: '^w=(.*)$', type: string}
EOF
cat >malformed.yaml <<'EOF'
jobs:
  - id: m
    sweep:
      method: list
      points:
        - {text: 12}
        - {text: "-7"}
        - {text: 1.5e3}
        - {text: nan}
        - {text: twelve}
        - {text: 1e999}
        - {text: 99999999999999999999}
        - {text: ""}
    task: {command_line: "test -z {text} || echo x={text}"}
    metrics:
      f: {regex: '^x=(.*)', type: float64}
      i: {regex: '^x=(.*)', type: int64}
      s: {regex: '^x=(.*)', type: string}
EOF
cat >list.yaml <<'EOF'
jobs:
  - id: points
    sweep:
      method: list
      points: [{L: 16, T: 2.5}, {L: 32, T: 2.25}, {L: 8, T: 0.5}]
    task: {command_line: "echo m={T}; test {L} != 32"}
    metrics: {m: {regex: '^m=(.*)', type: float64}}
EOF
cat >tasks.yaml <<'EOF'
jobs:
  - id: steps
    tasks: [{id: one, command_line: echo v=1}, {id: two, command_line: "echo v=2; exit 1"}, {id: three, command_line: ./none}]
    metrics: {v: {regex: 'v=(\d)', type: int64}}
EOF
cat >jobs.yaml <<'EOF'
jobs:
  - {id: prepare, task: {command_line: echo prepared}}
  - id: first
    sweep: {parameters: {x: [1, 2, 3]}}
    task: {command_line: "echo r={x}"}
    metrics: {r: {regex: 'r=(\d)', type: int64}}
  - id: second
    sweep: {parameters: {y: [a, b], x: [10, 20]}}
    task: {command_line: "echo r={x}.5"}
    metrics: {r: {regex: 'r=(.*)', type: float64}}
EOF
cat >usage.yaml <<'EOF'
jobs:
  - id: usage
    tasks:
      - {id: memory, command_line: head -c 100000000 /dev/zero | tail -c 100000000 | wc -c}
      - {id: cpu, command_line: "timeout 0.5 sh -c 'while :; do :; done'; true"}
      - {id: sleep, command_line: sleep 0.3}
EOF
cat >files.yaml <<'EOF'
storage: {root: ., containers: {data: data}}
jobs:
  - id: files
    sweep: {parameters: {n: [1, 2, 3, 4]}}
    task:
      command_line: "mkdir d; head -c {n}0 input >'d/small ä'; head -c 100000 input >d/large; echo v={n}; test {n} != 3"
      resource_files:
        - {auto_storage_container_name: data, blob_prefix: input}
        - {http_url: "file://{storage.data}/only-{n}", file_path: only}
      output_files: [{file_pattern: "d/*", return: true}]
    metrics: {v: {regex: 'v=(\d)', type: int64}}
EOF
mkdir data
head -c 200000 /dev/urandom >data/input
for n in 1 2 3; do : >data/only-$n; done
for spec in grid malformed list tasks jobs usage files; do
    run 0 "$spec.yaml"
    codes+="$rc "
done
is "$codes" "0 0 1 1 0 0 1 " "the runs end as they should"

# python WHAT CODE: the code asserts things
python() {
    local what=$1
    cat >code.py <<EOF
import warnings, sys
warnings.simplefilter("ignore")
import h5py, numpy as np, xarray as xr, pandas as pd
$(cat)
EOF
    ok "$what" "$PYTHON" code.py
}

for engine in netcdf4 h5netcdf; do
    if ! "$PYTHON" -c "import xarray; assert '$engine' in xarray.backends.list_engines()" 2>/dev/null; then
        skip 5 "xarray has no engine $engine"
        continue
    fi
    python "xarray, $engine: a grid is a cube" <<EOF
d = xr.open_dataset("grid.run/results.h5", engine="$engine")
assert dict(d.sizes) == {"T": 3, "model": 2, "n": 2, "on": 2}, d.sizes
assert d.E.dims == ("T", "model", "n", "on"), d.E.dims
assert list(d["T"].values) == [0.1, 1e-4, 3.0] and list(d.model.values) == ["fast", "slow one"]
assert d["T"].attrs == {"units": "J/k", "long_name": "temperature"}, d["T"].attrs
assert d.E.attrs["units"] == "J" and d.E.attrs["long_name"] == "energy"
assert d.E.sel(T=0.1, model="fast", n=2).isel(on=0).item() == 2.25
assert np.isnan(d.E.sel(T=3, n=2)).all() and d.E.isnull().sum() == 4
assert (d.E_state.sel(T=3, n=2) == 1).all() and (d.E_state == 0).sum() == 20
assert d.E_state.attrs["flag_meanings"].split()[1] == "missing"
assert (d["count"].sel(n=2) == 2).all() and d["count"].dtype.kind == "i"
assert d.word.dtype.kind in "OSU" and set(np.unique(d.word.astype(str))) == {"fast", "slow one"}, d.word
assert (d.state == 1).all() and d.state.attrs["flag_meanings"].split()[1] == "success"
assert (d.exit_code == 0).all() and (d.attempts == 1).all() and (d.duration > 0).all()
assert d.attrs["name"] == "grid" and d.attrs["spec"].startswith("jobs:")
assert d.E.mean("n").sel(T=0.1, model="slow one").isel(on=1).item() == (1.15 + 2.25) / 2
EOF
    python "xarray, $engine: metrics that are missing or malformed" <<EOF
d = xr.open_dataset("malformed.run/results.h5", engine="$engine")
assert dict(d.sizes) == {"run": 8}
f, i, s = (d[k + "_state"].values.tolist() for k in "fis")
assert f == [0, 0, 0, 0, 2, f[5], 0, 1], f
assert i == [0, 0, 2, 2, 2, 2, 2, 1], i
assert s == [0, 0, 0, 0, 0, 0, 0, 1], s
assert d.f.values[:3].tolist() == [12, -7, 1500] and np.isnan(d.f.values[[3, 4, 7]]).all()
assert d.i.values[:2].tolist() == [12, -7]
assert [str(v if isinstance(v, str) else v.decode()) for v in d.s.values[:5]] == ["12", "-7", "1.5e3", "nan", "twelve"]
EOF
    python "xarray, $engine: a list has one dimension" <<EOF
d = xr.open_dataset("list.run/results.h5", engine="$engine")
assert dict(d.sizes) == {"run": 3}
assert d.m.values.tolist() == [2.5, 2.25, 0.5] and d.L.values.tolist() == [16, 32, 8], d
assert d.state.values.tolist() == [1, 2, 1] and d.exit_code.values.tolist() == [0, 1, 0]
EOF
    python "xarray, $engine: listed tasks" <<EOF
d = xr.open_dataset("tasks.run/results.h5", engine="$engine")
assert dict(d.sizes) == {"run": 3}
assert d.v_state.values.tolist() == [0, 0, 1] and d.v.values[:2].tolist() == [1, 2]
assert d.exit_code.values.tolist() == [0, 1, -1]
EOF
    python "xarray, $engine: several jobs" <<EOF
one = xr.open_dataset("jobs.run/results.h5", group="jobs/first", engine="$engine")
two = xr.open_dataset("jobs.run/results.h5", group="jobs/second", engine="$engine")
assert one.r.values.tolist() == [1, 2, 3] and one.r.dims == ("x",)
assert two.r.dims == ("y", "x") and two.r.sel(y="b", x=20).item() == 20.5
root = xr.open_dataset("jobs.run/results.h5", engine="$engine")
assert not root.data_vars and root.attrs["name"] == "jobs", root
EOF
done

python "pandas: a row an attempt" <<'EOF'
t = pd.read_hdf("grid.run/results.h5", "batch/tasks")
assert len(t) == 24 and (t.result == b"success").all() or (t.result == "success").all()
text = lambda c: c.map(lambda v: v.decode() if isinstance(v, bytes) else v)
assert set(text(t.model)) == {"fast", "slow one"} and set(t["T"]) == {0.1, 1e-4, 3.0}
assert sorted(t.task_index) == list(range(24)) and (t.task_index == text(t.task_id).astype(int)).all()
assert (t.end_time >= t.start_time).all() and (t.start_time >= t.submit_time).all()
assert np.allclose(t.duration_s, t.end_time - t.start_time, atol=1e-5)
assert t.E.isna().sum() == 4 and len(t.nlargest(5, "duration_s")) == 5
assert (t.user_s >= 0).all() and (t.stdout_bytes > 0).all()
EOF
python "pandas: tasks that failed" <<'EOF'
t = pd.read_hdf("tasks.run/results.h5", "batch/tasks").set_index("task_index").sort_index()
text = lambda c: [v.decode() if isinstance(v, bytes) else v for v in c]
assert text(t.task_id) == ["one", "two", "three"] and text(t.reason) == ["none", "exit_code", "not_found"], t
assert t.exit_code.tolist() == [0, 1, -1]
EOF
python "pandas: several jobs in one table" <<'EOF'
t = pd.read_hdf("jobs.run/results.h5", "batch/tasks")
text = lambda c: c.map(lambda v: v.decode() if isinstance(v, bytes) else v)
assert text(t.job_id).value_counts().to_dict() == {"prepare": 1, "first": 3, "second": 4}
assert sorted(t.r.dropna()) == [1, 2, 3, 10.5, 10.5, 20.5, 20.5], t.r
nodes = pd.read_hdf("jobs.run/results.h5", "batch/nodes")
assert len(nodes) == 1 and nodes.slots[0] >= 1
EOF
python "pandas: what tasks have used" <<'EOF'
t = pd.read_hdf("usage.run/results.h5", "batch/tasks").set_index("task_index")
assert 100e6 < t.max_rss_bytes[0] < 300e6, t.max_rss_bytes
assert t.user_s[1] + t.system_s[1] > 0.1 and t.duration_s[1] > 0.45, t
assert 0.3 <= t.duration_s[2] < 3 and t.user_s[2] < 0.2, t
EOF
python "h5py: returned files, whole" <<'EOF'
f = h5py.File("files.run/results.h5")
whole = open("data/input", "rb").read()
files = f["batch/files"][:]
assert sorted((int(r["task_index"]), r["name"].decode()) for r in files) == [
    (i, n) for i in (0, 1, 2) for n in ("d/large", "d/small ä")], files
for r in files:
    at, size = int(r["offset"]), int(r["bytes"])
    small = at != 2**64 - 1
    data = f["batch/output/files"][at:at + size].tobytes() if small else open("files.run/" + r["path"].decode(), "rb").read()
    assert data == whole[:size] and size == (10 * (int(r["task_index"]) + 1) if small else 100000), r
    assert f["batch/tasks"][int(r["task_row"])]["task_id"] == r["task_id"]
assert f["batch"].attrs["staging_returned_files"] == 6 and f["batch"].attrs["staging_shared_opens"] >= 4
assert f["batch/nodes"][0]["scratch"].startswith(b"/"), f["batch/nodes"][:]
EOF
python "pandas: failure codes, staging, files" <<'EOF'
t = pd.read_hdf("files.run/results.h5", "batch/tasks").set_index("task_index").sort_index()
text = lambda c: [v.decode() if isinstance(v, bytes) else v for v in c]
assert text(t.failure_code) == ["", "", "FailureExitCode", "BlobNotFound"], t.failure_code
assert text(t.failure_category) == ["", "", "user_error", "user_error"]
assert text(t.reason)[3] == "pre_processing_error" and t.exit_code.tolist() == [0, 0, 1, -1]
assert (t.prepare_s > 0).all() and (t.store_s[:3] > 0).all() and t.store_s[3] == 0, t
assert t.returned_files.tolist() == [2, 2, 2, 0] and t.returned_bytes.tolist() == [100010, 100020, 100030, 0]
files = pd.read_hdf("files.run/results.h5", "batch/files")
assert len(files) == 6 and files.bytes.sum() == 300060
EOF
for engine in netcdf4 h5netcdf; do
    python "xarray, $engine: beside files" <<EOF
if "$engine" in xr.backends.list_engines():
    d = xr.open_dataset("files.run/results.h5", engine="$engine")
    assert d.state.values.tolist() == [1, 1, 2, 2] and d.v.values[:3].tolist() == [1, 2, 3]
    assert set(d.data_vars) == {"state", "exit_code", "attempts", "duration", "v", "v_state"}, d
EOF
done
if command -v ncdump >/dev/null && command -v h5dump >/dev/null; then
    ok "ncdump and h5dump read it" sh -c "ncdump files.run/results.h5 | grep -q d/large && h5dump files.run/results.h5 >/dev/null"
else skip 1 "no ncdump, h5dump"; fi
python "h5py: outputs, spec, links" <<'EOF'
f = h5py.File("grid.run/results.h5")
assert f["E"] == f["jobs/scan/E"] and f["E"].dims[0].label in ("T", "") and f["E"].dims[0][0] == f["T"]
assert f["batch/spec"][()].decode() == open("grid.yaml").read()
index, data = f["batch/output/stdout_index"][:], f["batch/output/stdout"][:].tobytes()
for row, (offset, length) in zip(f["batch/tasks"][:], index):
    assert length == row["stdout_bytes"]
    assert data[offset:offset + length].startswith(b"T="), data[offset:offset + length]
assert data.count(b"T=1e-4 slow one\n") == 4 and data.count(b"T=0.10 fast\n") == 4
events = [e.decode() for e in f["batch/events"]["event"]]
assert "session" in events[0] and len(events) >= 3, events
for name in f["jobs/scan"]:
    assert f["jobs/scan"][name].attrs.get("units", b"") is not None
EOF

# --- SIGKILL while it runs and publishes: what is there can be read, always
cat >killed.yaml <<'EOF'
jobs:
  - id: k
    sweep: {parameters: {a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], b: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}
    task: {command_line: "echo x={a}{b}; sleep 0.01"}
    metrics: {x: {regex: 'x=(\d+)', type: int64}}
EOF
opened=0 broken=
run 0 --limit 5 killed.yaml
for delay in 0.1 0.16 0.22 0.28 0.34 0.4; do
    start 0 killed.yaml
    disown "$pid"
    sleep $delay
    kill -KILL "$pid" 2>/dev/null
    eventually 5 gone "$pid"
    if results last killed.run/results.h5 reason >rows 2>err; then opened=$((opened + 1)); else broken+=$(<err); fi
done
is "$opened $broken" "6 " "after each SIGKILL the last results.h5 can be read"
run 0 killed.yaml
is "$rc $(count killed.run succeeded) $(results last killed.run/results.h5 x | awk '{ s += $1 } END { print s }')" "0 100 11000" \
    "and after the end it has all"
