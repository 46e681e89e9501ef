#!/usr/bin/env python3
"""Were the tasks of a run bound as they should be?

binding.py RESULTS UNIT SLOTS     SLOTS: a node's, 0: one a unit

Each task has printed "slot=S slots=N omp=T cpus=LIST". The machine is known
from /sys, the CPUs that may be used are those of this process. The complaints
are printed, then the slots and the CPUs that tasks have used.
"""
import os
import sys

import h5py

ELSEWHERE = 2**64 - 1
SYS = "/sys/devices/system/cpu/cpu{}/topology/{}"


def cpu_set(text):
    cpus = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def read(path):
    with open(path) as file:
        return file.read()


def core_of(cpu):
    return min(cpu_set(read(SYS.format(cpu, "thread_siblings_list"))))


def package_of(cpu):
    return int(read(SYS.format(cpu, "physical_package_id")))


def numa_of(cpu):
    folder = f"/sys/devices/system/cpu/cpu{cpu}"
    nodes = [name for name in os.listdir(folder) if name.startswith("node")]
    return int(nodes[0][4:]) if nodes else 0


def node_slots(unit, count):
    """The CPUs of each slot: see topo_divide."""
    of = {"core": lambda c: (package_of(c), core_of(c)), "package": package_of,
          "hwthread": lambda c: (package_of(c), core_of(c), c),
          "numanode": numa_of}[unit]
    units = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        units.setdefault(of(cpu), set()).add(cpu)
    units = [units[key] for key in sorted(units)]
    n = len(units)
    count = count or n
    if count > n:
        return [units[i % n] for i in range(count)]
    return [set().union(*units[i * n // count:(i + 1) * n // count])
            for i in range(count)]


def main(path, unit, count):
    slots = node_slots(unit, int(count))
    shared = sum(map(len, slots)) > len(set().union(*slots))
    tasks, used, cpus_used = [], set(), set()
    with h5py.File(path, "r") as f:
        rows = f["batch/tasks"][:]
        index = f["batch/output/stdout_index"][:]
        text = f["batch/output/stdout"][:].tobytes()
    for row, (offset, length) in zip(rows, index):
        line = text[int(offset):int(offset + length)].decode()
        said = dict(word.split("=") for word in line.split())
        first, n = int(said["slot"]), int(said["slots"])
        mine, cpus = set(range(first, first + n)), cpu_set(said["cpus"])
        if max(mine) >= len(slots):
            sys.exit(f"slots {mine}, but the node has {len(slots)}")
        wanted = set().union(*(slots[s] for s in mine))
        if cpus != wanted:
            print(f"slots {mine}: CPUs {cpus}, not {wanted}")
        threads = len(cpus) if unit == "hwthread" else len({core_of(c) for c in cpus})
        if int(said["omp"]) != threads:
            print(f"CPUs {cpus}: OMP_NUM_THREADS is {said['omp']}, not {threads}")
        if row["slot"] != first:
            print(f"the table says slot {row['slot']}, not {first}")
        tasks.append((row["start_time"], row["end_time"], mine, cpus))
        used |= mine
        cpus_used |= cpus
    for i, (start, end, mine, cpus) in enumerate(tasks):
        for begin, until, others, more in tasks[:i]:
            if start < until and begin < end and \
                    (mine & others or (cpus & more and not shared)):
                print(f"at once: slots {mine} and {others}, CPUs {cpus} and {more}")
    print(f"{len(tasks)} tasks on {len(used)} of {len(slots)} slots and "
          f"{len(cpus_used)} of {len(os.sched_getaffinity(0))} CPUs")


main(*sys.argv[1:])
