"""What results.h5 says of each task, as text: to compare two runs.

A line a task, in order: its last attempt's result, reason, exit code and
signal, parameters and metrics, its outputs byte by byte (as checksums), and
what the cubes say of it. Times, places and how often a task was lost are left
out. Exits with 1 if a task has not ended exactly once: its attempts are
numbered anew or twice, or one follows that which ended it.
"""
import hashlib
import os
import sys

import h5py

PLACES = {"attempt", "state", "result", "reason", "exit_code", "signal", "node",
          "rank", "slot", "submit_time", "start_time", "end_time", "duration_s",
          "user_s", "system_s", "prepare_s", "store_s", "max_rss_bytes", "read_bytes", "write_bytes"}
CUBES_LEFT_OUT = {"duration", "attempts"}


def text(v):
    return v.decode() if isinstance(v, bytes) else repr(v.item() if hasattr(v, "item") else v)


def output(f, folder, row, name, stream):
    """The bytes that an attempt has printed: in the file, or beside it."""
    size = int(row[stream + "_bytes"])
    start, length = f["batch/output/%s_index" % stream][name]
    data = f["batch/output/" + stream][int(start):int(start) + int(length)].tobytes()
    if len(data) != size:
        path = os.path.join(folder, "files", text(row["job_id"]), text(row["task_id"]),
                            "%s.%d" % (stream, row["attempt"]))
        with open(path, "rb") as large:
            data = large.read()
    assert len(data) == size, "%s of %s: %d bytes, not %d" % (
        stream, text(row["task_id"]), len(data), size)
    return "%d:%s" % (size, hashlib.sha256(data).hexdigest()[:16])


def main(path):
    f = h5py.File(path, "r")
    folder = os.path.dirname(path)
    last, bad = {}, 0
    rows = f["batch/tasks"][:]
    for at, row in enumerate(rows):
        key = (text(row["job_id"]), int(row["task_index"]))
        before = last.get(key)
        if before is not None:
            earlier = rows[before]
            if text(earlier["state"]) == "completed" and text(earlier["reason"]) in ("none", "exit_code"):
                print("task %s/%d went on after it had ended" % key)
                bad = 1
            if row["attempt"] <= earlier["attempt"]:
                print("task %s/%d: attempt %d after %d" % (*key, row["attempt"], earlier["attempt"]))
                bad = 1
        last[key] = at
    for key in sorted(last):
        row = rows[last[key]]
        words = [key[0], str(key[1]), text(row["state"]), text(row["result"]), text(row["reason"]),
                 text(row["exit_code"]), text(row["signal"])]
        words += ["%s=%s" % (n, text(row[n])) for n in row.dtype.names if n not in PLACES]
        words += [s + "=" + output(f, folder, row, last[key], s) for s in ("stdout", "stderr")]
        print(" ".join(words))
    for job in sorted(f["jobs"]):
        for name in sorted(f["jobs"][job]):
            if name not in CUBES_LEFT_OUT:
                data = f["jobs"][job][name]
                print("cube", job, name, data.shape, data.dtype,
                      hashlib.sha256(repr(data[()].tolist()).encode()).hexdigest()[:16])
    return bad


sys.exit(main(sys.argv[1]))
