#!/usr/bin/env python3
"""The metrics of a run, taken by other means, against its results.h5.

metrics.py jobspec NAME RUN   the metrics of jobspecs/NAME.yaml
metrics.py arrays RUN         those of the spec that `metrics.py make` writes
metrics.py make FOLDER        a spec with files of many formats beside it

Prints what is not as it should be, and nothing if all is.
"""
import csv
import json
import os
import re
import sys

import h5py
import numpy as np

OK, MISSING, MALFORMED, OUT_OF_RANGE = range(4)
NONE = (MISSING, np.nan)
BUILTIN = ("state", "exit_code", "attempts", "duration")


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def output(f, i, stream):
    offset, length = f[f"batch/output/{stream}_index"][i]
    return f[f"batch/output/{stream}"][offset:offset + length].tobytes()


# ---- What each jobspec should give: name: (state, value) ----

def numbers(pattern, printed):
    return [float(x) for x in re.findall(pattern, printed, re.M)]


def metrics(printed, row, run):
    e = re.findall(r"^E = (\S+)$", printed, re.M)
    n = re.findall(r"^iterations: (\d+)", printed, re.M)
    r = re.findall(r"^residual (\S+)", printed, re.M)
    return {"energy": (OK, float(e[0])), "iterations": (OK, int(n[0])),
            "version": (OK, str(row["x"])),
            "residual": (OK, float(r[0])) if r else NONE}


def metrics_regex(printed, row, run):
    e, m = numbers(r"E=(\S+)", printed), numbers(r"M=(\S+)", printed)
    steps = numbers(r"step (\d+)", printed)
    return {"steps": (OK, int(steps[-1])), "energy": (OK, e[-1]),
            "m": (OK, m[-1]), "lowest_energy": (OK, min(e)),
            "mean_m": (OK, np.mean(m)), "first_energy": (OK, e[0])}


def metrics_json(printed, row, run):
    docs = [json.loads(line)["result"] for line in printed.splitlines()
            if line.startswith("{")]
    e = [d["energy"] for d in docs]
    return {"energy": (OK, e[-1]), "lowest": (OK, min(e)),
            "converged": (OK, int(docs[-1]["converged"])), "energies": (OK, e)}


def metrics_csv(printed, row, run):
    with open(f"{run}/trace.{row['x']}.csv", newline="") as f:
        e = [float(r["energy"]) for r in csv.DictReader(f)]
    return {"energy": (OK, e[-1]), "mean": (OK, np.mean(e)), "trace": (OK, e)}


def metrics_file(printed, row, run):
    try:
        with open(f"{run}/result.{row['x']}.txt") as f:
            return {"energy": (OK, float(f.read().split("=")[1]))}
    except FileNotFoundError:
        return {"energy": NONE}


def metrics_array(printed, row, run):
    lines = printed.splitlines()
    levels = [float(x) for x in lines[0].split()[1:]]
    return {"energy_levels": (OK, levels),
            "magnetisation": (OK, numbers(r"m=(\S+)", printed)),
            "stress": (OK, np.array(json.loads(lines[3])["stress"], float))}


def metrics_range(printed, row, run):
    try:
        p = float(printed.split()[1])
    except ValueError:
        return {"probability": (MALFORMED, np.nan),
                "logit": (MALFORMED, np.nan)}
    return {"probability": (OK if 0 <= p <= 1 else OUT_OF_RANGE, p),
            "logit": (OK if p <= 10 else OUT_OF_RANGE, p)}


def metrics_npy(printed, row, run):
    field = np.load(f"{run}/field.{row['n']}.npy")
    return {"field": (OK, field), "peak": (OK, field.max())}


def metrics_hdf5(printed, row, run):
    with h5py.File(f"{run}/state.{row['n']}.h5") as f:
        levels = f["result/levels"][()]
        return {"energy": (OK, f["result/energy"][()]),
                "levels": (OK, levels), "highest": (OK, float(levels.max())),
                "solver": (OK, text(f["solver"][()]))}


# ---- Files of many formats ----

NPY_TYPES = ["?", "b", "<h", ">i", "<q", "B", ">H", "<I", "<Q", "<e", ">e",
             "<f", ">f", "<d", ">d"]


def arrays_expected(folder):
    """name: (lines of the spec, state, value)"""
    rng = np.random.default_rng(1)
    all_of = {}

    def put(name, how, state, value, **keys):
        if state in (OK, OUT_OF_RANGE) and np.ndim(value) > 0:
            keys["shape"] = list(np.shape(value))
        if np.asarray(value).dtype.kind in "biu":
            keys.setdefault("type", "int64")
        all_of[name] = ({**how, **keys}, state, value)

    for i, t in enumerate(NPY_TYPES):
        for order in "CF":
            a = (rng.uniform(-1, 1, (2, 3, 4)) * 100).astype(t, order=order)
            if np.dtype(t).kind == "u":
                a = np.abs(rng.integers(0, 100, (2, 3, 4))).astype(t, order=order)
            file = f"{i}{order}.npy"
            np.lib.format.write_array(open(f"{folder}/{file}", "wb"), a,
                                      version=[(1, 0), (2, 0), (3, 0)][i % 3])
            put(f"npy_{i}{order}", {"from": {"file": file}, "npy": True}, OK, a)
    source = {"from": {"file": "0C.npy"}, "npy": True}
    put("npy_shape", source, MALFORMED, np.nan, shape=[3, 2, 4])
    put("npy_max", {**source, "from": {"file": "14F.npy"}}, OK,
        np.load(f"{folder}/14F.npy").max(), select="max")
    put("npy_mean", {**source, "from": {"file": "14F.npy"}}, OK,
        np.load(f"{folder}/14F.npy").mean(), select="mean")
    np.save(f"{folder}/complex.npy", np.ones(3, complex))
    put("npy_complex", {"from": {"file": "complex.npy"}, "npy": True},
        MALFORMED, np.nan, shape=[3])
    with open(f"{folder}/14F.npy", "rb") as f, \
            open(f"{folder}/cut.npy", "wb") as g:
        g.write(f.read()[:-1])
    put("npy_cut", {"from": {"file": "cut.npy"}, "npy": True}, MALFORMED,
        np.nan, shape=[2, 3, 4])

    def dataset(name, state, value, **keys):
        put("h5_" + name.replace("/", "_"),
            {"from": {"file": "all.h5"}, "hdf5": "/" + name}, state, value,
            **keys)

    with h5py.File(f"{folder}/all.h5", "w") as f:
        for t in ("<i1", ">i2", "<i4", ">i8", "<u2", ">u8", "<f4", ">f8", "<f2"):
            f["of/" + t[1:]] = np.arange(6).reshape(2, 3).astype(t)
            dataset("of/" + t[1:], OK, f["of/" + t[1:]][()])
        f["flags"] = np.array([True, False, True])
        dataset("flags", OK, f["flags"][()].astype(int))
        for t in ("u1", ">i2", "<u8"):
            f["enum_" + t[-2:]] = np.array([200, 7]).astype(
                h5py.enum_dtype({"a": 7, "b": 200}, t))
            dataset("enum_" + t[-2:], OK, np.array([200, 7]))
        f["one"] = 2.5
        dataset("one", OK, 2.5)
        f["row"] = np.array([[7.25]])
        dataset("row", OK, 7.25)
        f.create_dataset("packed", data=np.linspace(0, 1, 5000), chunks=(256,),
                         compression="gzip", shuffle=True)
        all_of["h5_mean"] = ({"from": {"file": "all.h5"}, "hdf5": "/packed",
                              "select": "mean"}, OK, np.linspace(0, 1, 5000).mean())
        all_of["h5_last"] = ({"from": {"file": "all.h5"}, "hdf5": "/packed",
                              "select": "last"}, OK, 1.0)
        f["word"] = "b\u00e4ume"
        dataset("word", OK, "b\u00e4ume", type="string")
        f["fixed"] = np.bytes_("fixed")
        dataset("fixed", OK, "fixed", type="string")
        f["huge"] = np.uint64(2**64 - 1)
        dataset("huge", MALFORMED, np.nan, type="int64")
        f["real"] = 1.5
        all_of["h5_no_int"] = ({"from": {"file": "all.h5"}, "hdf5": "/real",
                                "type": "int64"}, MALFORMED, np.nan)
        f["group/x"] = 1
        dataset("group", MALFORMED, np.nan)
        dataset("nothing/there", MISSING, np.nan)
        layout = h5py.VirtualLayout((6,), "f8")
        layout[:] = h5py.VirtualSource("another.h5", "x", (6,))
        f.create_virtual_dataset("elsewhere", layout, fillvalue=1)
        dataset("elsewhere", MALFORMED, np.nan, shape=[6])
        f["empty"] = h5py.Empty("f")
        dataset("empty", MALFORMED, np.nan)
        f["record"] = np.zeros(1, [("a", int)])[0]
        dataset("record", MALFORMED, np.nan)
    with open(f"{folder}/no.h5", "wb") as f:
        f.write(b"not HDF5 at all")
    put("h5_none", {"from": {"file": "no.h5"}, "hdf5": "/E"}, MALFORMED, np.nan)
    with open(f"{folder}/all.h5", "rb") as f, open(f"{folder}/cut.h5", "wb") as g:
        g.write(f.read()[:3000])
    put("h5_cut", {"from": {"file": "cut.h5"}, "hdf5": "/one"}, MALFORMED, np.nan)
    return all_of


def make(folder):
    # JSON is YAML; two jobs, as a job has 64 metrics at most
    expected = list(arrays_expected(folder).items())
    jobs = [{"id": f"j{i}", "task": {"command_line": "true"},
             "metrics": {name: how for name, (how, _, _) in expected[i::2]}}
            for i in range(2)]
    with open(f"{folder}/arrays.yaml", "w") as f:
        json.dump({"jobs": jobs}, f, indent=1)


# ---- Comparing ----

def same(have, want):
    if isinstance(want, str):
        return text(have) == want
    have, want = np.asarray(have), np.asarray(want)
    if want.dtype.kind in "biu":
        return have.dtype.kind in "iu" and np.array_equal(have, want)
    return have.shape == want.shape and np.allclose(
        have, want, rtol=1e-15, atol=0, equal_nan=True)


def compare(group, index, name, state, value):
    have, is_now = group[name][index], group[name + "_state"][index]
    if is_now != state:
        print(f"{name}{list(index)}: state {is_now}, not {state}")
    elif state in (OK, OUT_OF_RANGE) and not same(have, value):
        print(f"{name}{list(index)}: {have}, not {value}")
    elif state in (MISSING, MALFORMED) and have.dtype.kind == "f" and \
            not np.isnan(have).all():
        print(f"{name}{list(index)}: {have}, but no value")


def jobspec(name, run):
    expect = globals()[name.replace("-", "_")]
    with h5py.File(f"{run}/results.h5") as f:
        rows = f["batch/tasks"][:]
        seen = set()
        for i, row in enumerate(rows):
            values = {c: text(row[c]) for c in rows.dtype.names}
            wanted = expect(output(f, i, "stdout").decode(), values, run)
            for metric, (state, value) in wanted.items():
                compare(f, (int(row["task_index"]),), metric, state, value)
                seen.add(metric)
        have = {k[:-6] for k in f if k.endswith("_state")}
        if have != seen:
            print("metrics", sorted(have), "not", sorted(seen))


def arrays(run):
    folder = os.path.dirname(os.path.abspath(run))
    with h5py.File(f"{run}/results.h5") as f:
        for i, (name, (_, state, value)) in enumerate(
                arrays_expected(folder).items()):
            compare(f[f"jobs/j{i % 2}"], (0,), name, state, value)


if __name__ == "__main__":
    {"jobspec": jobspec, "arrays": arrays, "make": make}[sys.argv[1]](*sys.argv[2:])
