"""Checks the files that make_run made (see there) and prints TAP."""
import sys

import h5py
import numpy as np
import pandas as pd
import xarray as xr

folder = sys.argv[1]
tests = []
ENGINES = ("netcdf4", "h5netcdf")
NOT_RUN, SUCCESS, FAILURE, ACTIVE = range(4)
OK, MISSING, MALFORMED, OUT_OF_RANGE, METRIC_NOT_RUN = range(5)


def test(f):
    tests.append(f)


def path(kind):
    return f"{folder}/{kind}.run/results.h5"


def opened(kind, group=None):
    """The dataset, the same from each engine."""
    sets = [xr.open_dataset(path(kind), engine=e, group=group).load()
            for e in ENGINES]
    xr.testing.assert_equal(*sets)
    return sets[0]


def last(i):
    """State of task i of the first job of grid, as make_run leaves it."""
    if i == 23:
        return NOT_RUN
    return ACTIVE if i in (10, 15, 20) else SUCCESS


@test
def grid_is_a_labelled_cube():
    ds = opened("grid")
    assert ds.sizes == {"T": 4, "L": 2, "start": 3}, ds.sizes
    assert list(ds["T"].values) == [0, 0.5, 1, 1.5]
    assert ds["T"].units == "K" and ds["T"].long_name == "temperature"
    assert ds["L"].dtype == np.int64 and list(ds["L"].values) == [16, 32]
    assert list(ds["start"].values) == ["cold", "w\u00e4rm", "hot"]
    assert set(ds.data_vars) == {
        "state", "exit_code", "attempts", "duration", "energy",
        "energy_state", "steps", "steps_state", "phase", "phase_state"}
    assert ds.energy.dims == ("T", "L", "start") and ds.energy.units == "J"
    assert ds.energy.sel(T=1.0, L=32, start="w\u00e4rm") == 16 * 1.25
    assert ds.steps.long_name == "steps taken"


@test
def grid_has_the_last_attempt_of_each_task():
    ds = opened("grid")
    state = ds.state.values.ravel()
    energy, steps = ds.energy.values.ravel(), ds.steps.values.ravel()
    phase = ds.phase.values.ravel()
    for i in range(24):
        ok = last(i) == SUCCESS
        assert state[i] == last(i), i
        assert np.isnan(energy[i]) != ok, i
        assert not ok or energy[i] == i * 1.25, i
        expected = ("solid", "fl\u00fcss", "x")[i % 3] if ok else ""
        assert phase[i] == expected, (i, phase[i])
        assert ds.energy_state.values.flat[i] == (
            METRIC_NOT_RUN if i == 23 else OK if ok else MISSING), i
        assert ds.steps_state.values.flat[i] == (
            METRIC_NOT_RUN if i == 23 else MALFORMED if i % 7 == 6 else OK)
        assert steps[i] == (0 if i == 23 or i % 7 == 6 else -i - 2**60), i
    codes = ds.exit_code.values.ravel()
    assert list(codes) == [-1 if i == 23 else 0 if last(i) == SUCCESS else 3
                           for i in range(24)]
    attempts = ds.attempts.values.ravel()
    assert list(attempts) == [0 if i == 23 else 3 if i == 5 else 1
                              for i in range(24)]
    assert np.isnan(ds.duration.values.flat[23])
    assert abs(ds.duration.values.flat[7] - 0.008) < 1e-9
    assert ds.duration.units == "s"


def returned(f, row):
    """The bytes of a file that an attempt returned."""
    if row["offset"] != 2**64 - 1:
        at = int(row["offset"])
        return f["batch/output/files"][at:at + row["bytes"]].tobytes()
    with open(f"{folder}/files.run/{row['path'].decode()}", "rb") as file:
        return file.read()


@test
def files_are_found_and_whole():
    with h5py.File(path("files")) as f:
        files, tasks = f["batch/files"][:], f["batch/tasks"][:]
        for row in files:
            i, small = row["task_index"], row["name"] == b"out.dat"
            data = returned(f, row)
            assert data == bytes([97 + i % 26]) * (100 + i if small
                                                   else 100000 + i)
            assert len(data) == row["bytes"] and row["mode"] == 0o640
            assert (row["path"] == b"") == small and len(row["xxh128"]) == 32
            task = tasks[row["task_row"]]
            for column in ("job_id", "task_id", "task_index", "attempt"):
                assert task[column] == row[column], (column, row)
        names = [(int(r["task_index"]), r["name"].decode()) for r in files]
        assert names == [(i, n) for i in range(0, 23, 3) for n in
                         ["out.dat", "d/large \u00e4.bin"][:2 - i % 2]], names
        count = {i: 0 for i in range(len(tasks))}
        for row in files:
            count[row["task_row"]] += 1
        assert list(tasks["returned_files"]) == list(count.values())
        assert tasks["returned_bytes"].sum() == files["bytes"].sum()
        assert f["batch/output/files"].shape == (
            sum(r["bytes"] for r in files if r["path"] == b""),)
        # each session's last word, and only in runs that staged something
        assert f["batch"].attrs["staging_shared_opens"] == 10
        assert f["batch"].attrs["staging_links"] == 140
        assert set(f["batch/nodes"]["scratch"]) == {b"/scratch/mpibatch-1-x"}
    with h5py.File(path("grid")) as f:
        assert f["batch/files"].shape == (0,)
        assert not [a for a in f["batch"].attrs if a.startswith("staging")]


@test
def failures_have_codes():
    t = pd.read_hdf(path("files"), "batch/tasks")
    bad = t[t.result == "failure"]
    assert len(bad) > 3 and set(bad.failure_code) == {"FileUploadTimedOut"}
    assert set(bad.failure_category) == {"server_error"}
    assert set(bad.reason) == {"file_upload_error"}
    assert set(bad.prepare_s) == {1.5} and set(bad.store_s) == {0.25}
    good = t[t.result == "success"]
    assert set(good.failure_code) == {""} and set(good.prepare_s) == {0}
    t = pd.read_hdf(path("grid"), "batch/tasks")
    assert set(t.failure_code) == {"", "FailureExitCode"}
    files = pd.read_hdf(path("files"), "batch/files")
    assert files.bytes.sum() > 400000 and len(files.columns) == 11
    xr.testing.assert_equal(opened("files").state, opened("grid").state)


@test
def states_are_flags():
    ds = opened("grid")
    assert ds.state.dtype == np.int8 and ds.exit_code.dtype == np.int32
    assert ds.steps.dtype == np.int64
    assert list(ds.state.flag_values) == [0, 1, 2, 3, 4]
    assert ds.state.flag_meanings == "not_run success failure active excluded"
    assert ds.energy_state.flag_meanings == (
        "ok missing malformed out_of_range not_run")
    assert ds.energy.ancillary_variables == "energy_state"


@test
def root_and_group_are_the_same_objects():
    for kind in ("grid", "list", "tasks", "two"):
        xr.testing.assert_equal(opened(kind), opened(kind, "jobs/scan"))
        with h5py.File(path(kind)) as f:
            a, b = (h5py.h5o.get_info(f[name].id).addr
                    for name in ("energy", "jobs/scan/energy"))
            assert a == b
    with h5py.File(path("two")) as f:
        assert sorted(f["jobs"]) == ["after", "scan"]
        assert f["jobs/after/steps"][:].tolist() == [5]


@test
def list_has_one_dimension_run():
    ds = opened("list")
    assert ds.sizes == {"run": 3}
    assert set(ds.coords) == {"run", "T", "L", "start"}, ds.coords
    assert list(ds["T"].values) == [0, 0.5, 1]
    assert list(ds["start"].values) == ["cold", "w\u00e4rm", "hot"]
    assert list(ds.state.values) == [SUCCESS, SUCCESS, NOT_RUN]


@test
def listed_tasks_have_one_dimension_run():
    ds = opened("tasks")
    assert ds.sizes == {"run": 1} and list(ds["run"].values) == [0]
    assert float(ds.energy) == 0 and str(ds.phase.values[0]) == "solid"


@test
def nothing_run_is_all_fill():
    ds = opened("empty")
    assert (ds.state == NOT_RUN).all() and np.isnan(ds.energy).all()
    assert (ds.energy_state == METRIC_NOT_RUN).all()
    assert (ds.phase == "").all() and (ds.exit_code == -1).all()
    df = pd.read_hdf(path("empty"), "batch/tasks")
    assert len(df) == 0 and "energy" in df


@test
def pandas_reads_the_tasks():
    df = pd.read_hdf(path("grid"), "batch/tasks")
    assert list(df.columns[:29]) == (
        "job_id task_id task_index attempt state result reason failure_code "
        "failure_category exit_code signal node rank slot submit_time "
        "start_time end_time duration_s prepare_s store_s user_s system_s "
        "max_rss_bytes read_bytes write_bytes stdout_bytes stderr_bytes "
        "returned_files returned_bytes").split()
    assert list(df.columns[29:]) == ["T", "L", "start", "energy", "steps",
                                     "phase"]
    assert len(df) == 25
    row = df.iloc[5]
    assert row.task_index == 5 and row.attempt == 1
    assert row.state == "active" and row.result == "failure"
    assert row.reason == "exit_code" and row.exit_code == 3
    row = df.iloc[24]
    assert row.task_id == "5" and row.attempt == 3 and row.node == "node1"
    assert row.state == "completed" and row.reason == "none"
    assert row.start == "hot" and row.energy == 6.25 and row["T"] == 0
    assert row.job_id == "scan" and row.L == 32
    assert row.start_time == 1700000000.5
    assert abs(row.duration_s - 0.006) < 1e-9
    assert df.L.dtype == np.int64 and df.steps.dtype == np.float64
    assert np.isnan(df.iloc[7].steps) and np.isnan(df.iloc[11].energy)
    assert df.iloc[4].stdout_bytes == 2**30


@test
def columns_are_the_union_of_the_jobs():
    df = pd.read_hdf(path("two"), "batch/tasks")
    row = df[df.job_id == "after"].iloc[0]
    assert row.steps == 5 and np.isnan(row.energy) and row.phase == ""
    assert np.isnan(row["T"]) and np.isnan(row.L) and row.start == ""
    assert df.L.dtype == np.float64


@test
def pandas_reads_nodes_and_events():
    nodes = pd.read_hdf(path("two"), "batch/nodes")
    assert list(nodes.hostname) == ["node0", "node1"] * 2
    assert list(nodes.session) == [1, 1, 2, 2] and nodes.cpus[0] == "0-1"
    events = pd.read_hdf(path("two"), "batch/events")
    assert list(events.event) == [
        "session_start", "job_state", "job_state", "session_end",
        "session_start", "job_reactivate", "session_end"]
    assert list(events.job_state[1:3]) == ["terminating", "completed"]
    assert events.job_end[2] == "AllTasksComplete"
    assert events.job_id[5] == "scan"


@test
def the_whole_life_is_there():
    events = pd.read_hdf(path("life"), "batch/events").fillna("")
    assert list(events.event)[1:-1] == [
        "node_state", "job_begun", "job_left_out", "tasks_skipped", "command"]
    assert list(events.iloc[1][["node", "node_state", "text"]]) == [
        1, "unusable", "5 tasks failed"]
    assert list(events.iloc[4][["task_index", "task_count", "text"]]) == [
        2, 3, "scan/1"]
    assert list(events.iloc[5][["text", "error"]]) == [
        "job disable scan", "JobCompleted: it is"]
    tasks = pd.read_hdf(path("life"), "batch/special_tasks")
    assert list(tasks.kind) == ["job_preparation", "start"]
    assert list(tasks.job_id) == ["scan", ""]
    assert list(tasks.pool_id) == ["fat", "fat"]
    assert list(tasks.node) == ["node1"] * 2 and list(tasks.exit_code) == [3, 4]
    with h5py.File(path("life")) as f:
        assert len(f["batch/tasks"]) == 0
        assert list(f["jobs"]) == ["scan"]  # the other one has not begun
    with h5py.File(path("two")) as f:
        assert "special_tasks" not in f["batch"]


@test
def outputs_lie_beside_the_rows():
    with h5py.File(path("grid")) as f:
        out, index = f["batch/output/stdout"], f["batch/output/stdout_index"]
        tasks = f["batch/tasks"]
        assert len(index) == len(tasks) == 25
        for row, (offset, length) in zip(tasks[:], index[:]):
            if row["task_index"] == 4:
                assert offset == 2**64 - 1 and length == 2**30
                continue
            text = out[offset:offset + length].tobytes().decode()
            assert text == f"out {row['task_index']}.{row['attempt']}\n"
        errors = f["batch/output/stderr_index"]["length"]
        assert list(errors) == list((tasks["result"] == b"failure") * 1)
        assert f["batch/output/stderr"][:].tobytes() == b"e" * errors.sum()


@test
def attributes_say_where_it_comes_from():
    with h5py.File(path("grid")) as f:
        a = dict(f.attrs)
        assert a["spec"] == "name: made up\n" and a["name"] == "made up"
        assert a["hosts"] == "node0 node1" and a["sessions"] == 2
        assert a["Conventions"] == "CF-1.8" and a["mpibatch_version"]
        assert f["batch/spec"][()] == b"name: made up\n"


@test
def many_slabs_agree_with_the_table():
    df = pd.read_hdf(path("slabs"), "batch/tasks")
    counts = df.groupby("task_index").size()
    final = df.groupby("task_index").last()
    with h5py.File(path("slabs")) as f:
        attempts, state = f["attempts"][...], f["state"][...]
        energy, chunk = f["energy"], f["energy"].chunks
        assert attempts.sum() == len(df) == 20000
        assert (attempts > 0).sum() == len(counts)
        assert (attempts.ravel()[counts.index] == counts).all()
        expected = np.where(final.state == "active", ACTIVE,
                            np.where(final.result == "success", SUCCESS,
                                     FAILURE))
        assert (state.ravel()[counts.index] == expected).all()
        ok = final.result == "success"
        values = energy[...].ravel()[counts.index]
        assert (values[ok] == counts.index[ok] * 1.25).all()
        assert np.isnan(values[~ok]).all()
        assert np.prod(chunk) <= 1 << 14, chunk


print(f"1..{len(tests)}")
for number, check in enumerate(tests, 1):
    try:
        check()
        print(f"ok {number} - {check.__name__}")
    except Exception as e:  # each check counts for itself
        at = e.__traceback__.tb_next
        print(f"not ok {number} - {check.__name__}")
        print(f"# line {at.tb_lineno if at else '?'}: {e!r}")
