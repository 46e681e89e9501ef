#!/usr/bin/env python3
"""What is in a results.h5, for the tests, by h5py alone.

results.py rows FILE COLUMN...     a line an attempt
results.py last FILE COLUMN...     a line a task: its last attempt
results.py output FILE JOB TASK STREAM [ATTEMPT]    the bytes that it printed
results.py files FILE              a line a returned file, of each task's last
                                   attempt: job, task, name, bytes, SHA-256
results.py outputs FILE STREAM     what all tasks printed, by job and index
results.py digest FILE             all that must not depend on when, where and
                                   by how many ranks the tasks were run
"""
import hashlib
import os
import sys

import h5py
import numpy as np

ELSEWHERE = 2**64 - 1
CHANGES = ("duration",)


def text(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return " ".join(text(v) for v in value.flat)
    return str(value)


def last_rows(f):
    """The row of each task's last attempt, by job and index."""
    table = f["batch/tasks"]
    last = {}
    for i, row in enumerate(table[:]):
        key = (row["job_id"], row["task_index"])
        if key not in last or row["attempt"] >= table[last[key]]["attempt"]:
            last[key] = i
    return [last[key] for key in sorted(last)]


def output(f, i, stream):
    """What the attempt in row i has printed."""
    offset, length = f[f"batch/output/{stream}_index"][i]
    if offset != ELSEWHERE:
        return f[f"batch/output/{stream}"][offset:offset + length].tobytes()
    row = f["batch/tasks"][i]
    path = os.path.join(os.path.dirname(f.filename), "files",
                        text(row["job_id"]), text(row["task_id"]),
                        f"{stream}.{row['attempt']}")
    with open(path, "rb") as file:
        return file.read()


def put_rows(f, rows, columns):
    table = f["batch/tasks"]
    for i in rows:
        row = table[int(i)]
        print(*(text(row[c]) for c in columns))


def returned(f, row):
    """The bytes of a returned file."""
    if int(row["offset"]) != ELSEWHERE:
        at = int(row["offset"])
        return f["batch/output/files"][at:at + int(row["bytes"])].tobytes()
    folder = os.path.dirname(f.filename)
    with open(os.path.join(folder, text(row["path"])), "rb") as file:
        return file.read()


def put_files(f):
    files, last = f["batch/files"][:], set(last_rows(f))
    for row in sorted((r for r in files if int(r["task_row"]) in last),
                      key=lambda r: (r["job_id"], r["task_index"], r["name"])):
        data = returned(f, row)
        if len(data) != row["bytes"]:
            sys.exit(f"{text(row['name'])}: {len(data)}, not {row['bytes']}")
        print(text(row["job_id"]), text(row["task_id"]), text(row["name"]),
              row["bytes"], hashlib.sha256(data).hexdigest())


def digest(f):
    def show(name, o):
        if isinstance(o, h5py.Dataset) and name.split("/")[-1] not in CHANGES:
            about = {k: text(v) for k, v in o.attrs.items()
                     if k not in ("DIMENSION_LIST", "REFERENCE_LIST")}
            print(name, o.dtype, o.shape, sorted(about.items()),
                  hashlib.sha256(o[()].tobytes()).hexdigest())

    f["jobs"].visititems(show)
    table = f["batch/tasks"]
    order = ("job_id", "task_index", "attempt")
    columns = [c for c in table.dtype.names if c in
               ("task_id", "state", "result", "reason", "exit_code", "signal",
                "stdout_bytes", "stderr_bytes")]
    rows = table[:]
    columns += table.dtype.names[table.dtype.names.index("stderr_bytes") + 1:]
    for i in np.lexsort([rows[c] for c in reversed(order)]):
        print(*(text(rows[i][c]) for c in (*order, *columns)),
              *(hashlib.sha256(output(f, i, s)).hexdigest()
                for s in ("stdout", "stderr")))
    print(text(f["batch/spec"][()]))


def main(what, path, *args):
    with h5py.File(path, "r") as f:
        if what == "rows":
            put_rows(f, range(len(f["batch/tasks"])), args)
        elif what == "last":
            put_rows(f, last_rows(f), args)
        elif what == "digest":
            digest(f)
        elif what == "files":
            put_files(f)
        elif what == "outputs":
            for i in last_rows(f):
                sys.stdout.buffer.write(output(f, i, args[0]))
        elif what == "output":
            job, task, stream, *attempt = args
            for i, row in enumerate(f["batch/tasks"][:]):
                if (text(row["job_id"]), text(row["task_id"])) == (job, task) \
                        and [text(row["attempt"])] == (attempt or ["1"]):
                    sys.stdout.buffer.write(output(f, i, stream))
        else:
            sys.exit(__doc__)


try:
    main(*sys.argv[1:])
except (OSError, KeyError) as e:
    sys.exit(f"results.py: {e}")
