#!/usr/bin/env python3
"""The points and cubes of sweeps, computed by itertools, NumPy and SciPy alone.

sweeps.py specs    the names of the files of jobspecs/ that it knows
sweeps.py designs  write NAME.yaml for each of some larger designs; their names
sweeps.py check    in the current folder: NAME.json, as `tasks --json` has it,
                   and for the files of jobspecs/ NAME.run/results.h5. A line a
                   check: what it is, a tab, and what differs

Integers and texts must be the same, floats to 1 part in 10^12.
"""
import csv
import glob
import itertools
import json
import math
import os
import sys

import numpy as np
import xarray
from scipy import special
from scipy.stats import qmc

SUCCESS, EXCLUDED = 1, 4  # values of `state`
SPECS = os.path.join(os.environ.get("TEST_SRCDIR", "."), "jobspecs")


# ---- what a sweep is: a product of axes, filtered, and points behind it ----

class Sweep:
    """axes: (name of the dimension, points that have some parameters)."""

    def __init__(self, *axes):
        self.axes = axes
        self.shape = tuple(len(points) for _, points in axes)
        cells = itertools.product(*(range(n) for n in self.shape))
        self.tasks = [(cell, self.merge(cell)) for cell in cells]
        self.extra = []

    def merge(self, cell):
        point = {}
        for (_, points), position in zip(self.axes, cell):
            point.update(points[position])
        return point

    def where(self, holds):
        self.tasks = [(c, p) for c, p in self.tasks if holds(p)]
        return self

    def include(self, *points):
        self.extra += points
        return self

    def points(self):
        return [p for _, p in self.tasks] + self.extra

    def cube(self):
        """Names of the dimensions, shape, and the cell of each task."""
        count = len(self.points())
        if self.extra or math.prod(self.shape) > 4 * count:
            return ["run"], (count,), [(i,) for i in range(count)]
        names = [d for d, _ in self.axes]
        if len(names) == 1 and len(self.merge((0,))) > 1:
            names = ["run"]
        return names, self.shape, [c for c, _ in self.tasks]

    def dimension_of(self, name):
        """The number of the dimension that a parameter lies along."""
        if len(self.cube()[0]) < len(self.axes):
            return 0
        return next(k for k, (_, points) in enumerate(self.axes)
                    if name in points[0])


class Union(Sweep):
    def __init__(self, *sweeps):
        super().__init__(("run", [p for s in sweeps for p in s.points()]))


def axis(name, values):
    return name, [{name: v} for v in values]


def linked(**columns):
    """Several parameters in step."""
    return "_".join(columns), [dict(zip(columns, row)) for row in zip(*columns.values())]


def grid(**columns):
    return Sweep(*(axis(name, values) for name, values in columns.items()))


def points(*rows):
    return Sweep(("run", list(rows)))


def spaced(first, last, step):
    """first, first + step ... last, as decimals."""
    n = round((last - first) / step) + 1
    return [round(first + i * step, 12) for i in range(n)]


def chosen(rows, *names):
    return Sweep(("run", [dict(zip(names, row)) for row in rows]))


def repeated(sweep, name, first, count):
    return Sweep(*sweep.axes, axis(name, range(first, first + count)))


def resolved(cell):
    """What a cell of a CSV file is."""
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            pass
    return cell


def table(path):
    with open(os.path.join(SPECS, path), newline="", encoding="utf-8") as f:
        return [{k: resolved(v) for k, v in row.items()}
                for row in csv.DictReader(f)]


def files(pattern):
    return sorted(os.path.relpath(p, SPECS) for p in
                  glob.glob(os.path.join(SPECS, pattern), recursive=True))


# ---- drawn designs ----

def unit(seed, parameter, purpose, n):
    key = np.random.Philox(key=seed, counter=[0, parameter, purpose, 0])
    return np.random.Generator(key).random(n)


def random_units(n, d, seed):
    return [unit(seed or 0, p, 0, n) for p in range(d)]


def sobol_units(n, d, seed):
    plain = qmc.Sobol(d, scramble=False).random(n) * 2.0**53
    if seed is None:
        return list((plain / 2.0**53).T)
    shift = [int(unit(seed, p, 3, 1)[0] * 2.0**53) for p in range(d)]
    return [(plain[:, p].astype(np.uint64) ^ np.uint64(shift[p])) / 2.0**53
            for p in range(d)]


def halton_units(n, d, seed):
    plain = qmc.Halton(d, scramble=False).random(n)
    if seed is None:
        return list(plain.T)
    return [(plain[:, p] + unit(seed, p, 4, 1)[0]) % 1 for p in range(d)]


def uniform(low, high):
    return lambda u: low + u * (high - low)


def log_uniform(low, high):
    return lambda u: math.exp(math.log(low) + u * math.log(high / low))


def normal(mean, stddev):
    return lambda u: mean + stddev * special.ndtri(0.5 + (1 - 1e-10) * (u - 0.5))


def integer(low, high):
    return lambda u: low + math.floor(u * (high - low + 1))


def choice(*values):
    return lambda u: values[math.floor(u * len(values))]


def drawn(units, n, seed=None, fixed=None, /, **parameters):
    columns = units(n, len(parameters), seed)
    rows = [dict({name: f(float(u)) for (name, f), u in
                  zip(parameters.items(), row)}, **(fixed or {}))
            for row in zip(*columns)]
    return points(*rows)


class Latin(Sweep):
    """A Latin hypercube is known but for which slice comes when: each slice of
    each parameter has one point, at a place in it that is known."""

    def __init__(self, n, seed, /, **parameters):
        super().__init__(("run", [dict.fromkeys(parameters)] * n))
        self.inverses = parameters
        self.n, self.seed = n, seed

    def differences(self, have):
        orders = []
        for p, (name, inverse) in enumerate(self.inverses.items()):
            u = np.array([inverse(point[name]) for point in have]) * self.n
            slices = np.floor(u + 1e-9 - unit(self.seed, p, 1, self.n) + 0.5)
            orders.append(slices.tolist())
            if sorted(slices) != list(range(self.n)):
                yield f"{name}: a slice has not just one point"
            inside = u - slices - unit(self.seed, p, 1, self.n)
            if np.abs(inside).max() > 1e-9 * self.n:
                yield f"{name}: not where it should be in its slice"
        for a, b in itertools.combinations(orders, 2):
            if a == b:
                yield "two parameters have the same order"
        if any(o == sorted(o) for o in orders):
            yield "a parameter is in order"


# ---- the job specs ----

def jobspecs():
    numbers = [64, 128, 256]
    compass = ["north", "east", "south", "west"]
    t = [1.0, 2.0, 3.0]
    sizes = [16, 64, 256, 1024]
    rows = table("data/points.csv")
    return {
        "grid": {"scan": grid(temperature=[0.1, 0.2, 1e-4], size=[8, 16],
                              seed=[1, 2])},
        "zip": {"step": Sweep(linked(size=numbers, ranks=[1, 2, 8])),
                "linked": Sweep(linked(n=numbers, ranks=[1, 2, 8]),
                                axis("solver", ["cg", "gmres"]))},
        "ranges": {"scan": grid(level=spaced(0.1, 0.5, 0.1),
                                angle=np.linspace(0, 180, 4).tolist(),
                                tolerance=np.geomspace(1e-4, 1, 3).tolist(),
                                mode=["fast"])},
        "combinations": {"pairs": chosen(itertools.combinations(compass, 2),
                                         "first", "second")},
        "permutations": {"orders": chosen(itertools.permutations([1, 2, 5]),
                                          "a", "b", "c")},
        "random": {"cloud": drawn(random_units, 40, 7, {"version": 2},
                                  temperature=uniform(1.5, 3.5),
                                  tolerance=log_uniform(1e-6, 1e-2),
                                  length=normal(300, 5), dice=integer(1, 6),
                                  solver=choice("cg", "gmres", "direct"))},
        "lhs": {"design": Latin(16, 1, x=lambda x: x,
                                y=lambda y: (y + 10) / 20,
                                z=lambda z: math.log10(z) / 3)},
        "sobol": {"plain": drawn(sobol_units, 32, x=uniform(0, 1),
                                 y=uniform(0, 1), n=integer(1, 8)),
                  "scrambled": drawn(sobol_units, 16, 5, x=uniform(2, 4),
                                     y=uniform(0, 1))},
        "halton": {"plain": drawn(halton_units, 30, x=uniform(0, 1),
                                  y=uniform(10, 20), t=log_uniform(0.001, 1))},
        "csv": {"rows": points(*({k: r[k] for k in ("name", "L", "T")}
                                 for r in rows)),
                "columns": Sweep(
                    ("temperature_note", [{"temperature": r["T"], "note": r["note, if any"]}
                            for r in rows]), axis("seed", [1, 2]))},
        "files": {"each": grid(file=files("data/inputs/**/*.dat")),
                  "grid": grid(input=files("data/inputs/*.dat"),
                               threads=[1, 2])},
        "exclude-include": {"scan": grid(T=t, L=[8, 16, 32], solver=["direct"])
                            .where(lambda p: not (p["T"] == 1 and p["L"] == 8))
                            .where(lambda p: not (p["L"] == 32 and p["T"] > 1))
                            .include({"T": 2.269, "L": 64, "solver": "direct"},
                                     {"T": 2.269, "L": 64, "solver": "gmres"},
                                     {"T": 1, "L": 8, "solver": "gmres"})},
        "when": {"scan": grid(n=sizes, solver=["direct", "cg", "gmres"],
                              ranks=[1, 4])
                 .where(lambda p: p["n"] <= 64 or p["solver"] != "direct")
                 .where(lambda p: p["n"] // p["ranks"] in [16, 256])},
        "repeat": {"seeds": repeated(grid(T=[0.5, 1.0, 1.5]), "seed", 1, 4),
                   "points": repeated(points({"x": 1, "y": 2}, {"x": 3, "y": 4}),
                                      "repeat", 0, 3)},
        "union": {"scan": Union(
            grid(T=np.linspace(1, 5, 5).tolist(), L=[8]),
            grid(T=spaced(2.2, 2.4, 0.05), L=[16, 32]),
            points({"T": 2.269, "L": 64}, {"T": 2.269, "L": 128}))},
    }


# What each metric of them is, of a point.
METRICS = {
    ("grid", "shown_temperature"): lambda p: p["temperature"],
    ("zip", "work"): lambda p: p["n"],
    ("ranges", "x"): lambda p: p["level"],
    ("permutations", "last"): lambda p: p["c"],
    ("csv", "shown"): lambda p: p["temperature"],
    ("files", "found"):
        lambda p: os.path.splitext(os.path.basename(p["file"]))[0],
    ("when", "size"): lambda p: p["n"],
    ("repeat", "shown"): lambda p: p["seed"],
    ("union", "shown"): lambda p: p["T"],
}


# ---- larger designs, of which only the points are looked at ----

def many(make, count):
    return {f"p{i}": make(i) for i in range(count)}


CONDITIONS = [
    "a % 3 == 1 and b > 2 or c == \"x\"",
    "not (a < b < 7) or a in [1, 5, 9]",
    "a ** 2 - 4 * b >= 3 and c != 'y'",
    "abs(a - b) / 2 <= 1.5",
    "min(a, b) > 2 and max(a, b) < 9 and len(c) == 1",
    "(a + b) // 2 == round(b) and sqrt(a) < 2.5",
]


def designs():
    """Name: the sweep as JSON, which is YAML, and what it must be."""
    letters = list("ABCDEFGHIJ")
    small = {"a": list(range(10)), "b": list(range(1, 11)), "c": list("xyz")}
    mixed = {"u": {"min": -2.5, "max": 4}, "i": {"min": -3, "max": 9,
             "distribution": "integer"}, "n": {"mean": 10, "stddev": 0.25,
             "distribution": "normal"}, "l": {"min": 1e-9, "max": 1e9,
             "distribution": "log_uniform"}, "c": {"values": letters,
             "distribution": "choice"}}
    mixed_is = {"u": uniform(-2.5, 4), "i": integer(-3, 9),
                "n": normal(10, 0.25), "l": log_uniform(1e-9, 1e9),
                "c": choice(*letters)}
    cube = many(lambda i: {"min": 0, "max": 1}, 24)
    cube_is = many(lambda i: uniform(0, 1), 24)
    functions = {"sqrt": math.sqrt}
    out = {
        "d-combinations": (
            {"method": "combinations", "items": letters,
             "parameters": list("vwxyz")},
            chosen(itertools.combinations(letters, 5), *"vwxyz")),
        "d-permutations": (
            {"method": "permutations", "items": letters[:7],
             "parameters": list("wxyz")},
            chosen(itertools.permutations(letters[:7], 4), *"wxyz")),
        "d-lhs": (
            {"method": "lhs", "count": 777, "seed": 12345,
             "parameters": {"x": {"min": 0, "max": 1},
                            "y": {"min": -1, "max": 3}}},
            Latin(777, 12345, x=lambda x: x, y=lambda y: (y + 1) / 4)),
        "d-spaced": (
            {"parameters": {
                "a": {"linspace": {"from": -1, "to": 0.7, "num": 23}},
                "b": {"logspace": {"from": 3, "to": 1.0e-7, "num": 29}},
                "c": {"range": {"from": 10, "to": -10, "step": -2.5}}}},
            grid(a=np.linspace(-1, 0.7, 23), b=np.geomspace(3, 1e-7, 29),
                 c=np.linspace(10, -10, 9))),
        "d-exclude": (
            {"parameters": small, "repeat": {"count": 3, "seed": "s"},
             "exclude": [{"a": [1, 2, 3], "c": ["x", "z"]}, {"b": 7, "s": 1}],
             "include": [{"a": 0, "b": 0, "c": "new", "s": -1}]},
            repeated(grid(**small), "s", 0, 3)
            .where(lambda p: not (p["a"] in (1, 2, 3) and p["c"] in "xz"))
            .where(lambda p: not (p["b"] == 7 and p["s"] == 1))
            .include({"a": 0, "b": 0, "c": "new", "s": -1})),
    }
    for name, units in (("random", random_units), ("sobol", sobol_units),
                        ("halton", halton_units)):
        for seed in (None, 2024):
            keys = {"method": name, **({} if seed is None else {"seed": seed})}
            out[f"d-{name}-mixed-{seed}"] = (
                {**keys, "count": 512, "parameters": mixed},
                drawn(units, 512, seed, **mixed_is))
            out[f"d-{name}-cube-{seed}"] = (
                {**keys, "count": 256, "parameters": cube},
                drawn(units, 256, seed, **cube_is))
    for i, text in enumerate(CONDITIONS):
        out[f"d-when-{i}"] = (
            {"parameters": small, "when": text},
            grid(**small).where(lambda p, t=text: eval(t, functions, p)))
    return out


# ---- comparing ----

def same(have, want):
    if isinstance(want, float) and isinstance(have, (int, float)):
        return abs(have - want) <= 1e-12 * max(abs(have), abs(want))
    return type(have) is type(want) and have == want


def plain(value):
    """A value of NumPy's as Python's."""
    value = value.item() if hasattr(value, "item") else value
    return value.decode() if isinstance(value, bytes) else value


def check_points(sweep, have):
    want = sweep.points()
    if len(have) != len(want):
        yield f"{len(have)} points, not {len(want)}"
        return
    if isinstance(sweep, Latin):
        yield from sweep.differences(have)
        return
    for i, (h, w) in enumerate(zip(have, want)):
        if set(h) != set(w) or not all(same(h[k], plain(w[k])) for k in w):
            yield f"point {i}: {h}, not {w}"


def points_of(name, sweeps):
    with open(f"{name}.json", encoding="utf-8") as f:
        tasks = json.load(f)["tasks"]
    for job, sweep in sweeps.items():
        have = [t["parameters"] for t in tasks if t["job_id"] == job]
        yield from check_points(sweep, have)


def check_cube(name, sweep, d):
    dims, shape, cells = sweep.cube()
    have = tuple(d.state.sizes[k] for k in d.state.dims)
    if have != shape:
        yield f"the cube is {dict(d.state.sizes)}, not {shape}"
        return
    for k, dim in enumerate(dims):
        if d.state.dims[k] != dim:
            yield f"dimension {k} is {d.state.dims[k]}, not {dim}"
    ran = np.zeros(shape, bool)
    for cell in cells:
        ran[cell] = True
    if not np.array_equal(d.state.values, np.where(ran, SUCCESS, EXCLUDED)):
        yield "other cells have results than should"
    if isinstance(sweep, Latin):
        return
    for parameter in sweep.points()[0]:
        k = sweep.dimension_of(parameter)
        if d[parameter].dims != (d.state.dims[k],):
            yield f"{parameter} lies along {d[parameter].dims}"
            continue
        for cell, point in zip(cells, sweep.points()):
            value, want = plain(d[parameter].values[cell[k]]), point[parameter]
            if not same(value, plain(want)) and value != want:
                yield f"{parameter} at {cell}: {value}, not {want}"
    for (spec, metric), of in METRICS.items():
        if spec != name or metric not in d:
            continue
        for cell, point in zip(cells, sweep.points()):
            value, want = plain(d[metric].values[cell]), of(point)
            if not same(value, plain(want)) and value != want:
                yield f"{metric} at {cell}: {value}, not {want}"


def cubes_of(name, sweeps):
    for job, sweep in sweeps.items():
        with xarray.open_dataset(f"{name}.run/results.h5",
                                 group=f"jobs/{job}") as d:
            for text in check_cube(name, sweep, d):
                yield f"{job}: {text}"


def specs_command():
    print("\n".join(jobspecs()))


def designs_command():
    for name, (sweep, _) in designs().items():
        spec = {"jobs": [{"id": "d", "sweep": sweep,
                          "task": {"command_line": "true"}}]}
        with open(f"{name}.yaml", "w", encoding="utf-8") as f:
            json.dump(spec, f)
        print(name)


def report(what, differences):
    try:
        text = "; ".join(itertools.islice(differences, 3))
    except (OSError, KeyError, ValueError) as error:
        text = f"{type(error).__name__}: {error}"
    print(what, text.replace("\n", " "), sep="\t")


def check_command():
    for name, sweeps in jobspecs().items():
        report(f"{name}: the points", points_of(name, sweeps))
        report(f"{name}: the cubes", cubes_of(name, sweeps))
    for name, (_, sweep) in designs().items():
        report(f"{name}: the points", points_of(name, {"d": sweep}))


commands = {"specs": specs_command, "designs": designs_command,
            "check": check_command}
commands[sys.argv[1]]()
