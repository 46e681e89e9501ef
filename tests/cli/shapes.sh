#!/bin/bash
# The shapes of results.h5, one a kind of task set: dimensions, coordinates,
# where each task's value lies, what is no task; the same by both engines of
# xarray; and that a billion points make a small file.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 16

# job NAME [OPTION]...: run a spec of one job called j, the rest is stdin
job() {
    { echo "jobs:"; echo "  - id: j"; sed 's/^/    /'; } >"$1.yaml"
    run 0 "${@:2}" "$1.yaml"
    [ "$rc" -le 3 ] && [ "$rc" != 2 ] || note "$1: exit code $rc"
}
job zipped <<'EOF'
sweep:
  parameters: {T: [1, 2, 3], n: [1, 2], ranks: [40, 80], start: [cold, hot]}
  zip: [[n, ranks]]
task: {command_line: "echo v={T}{n}{ranks} {start}"}
metrics: {v: {regex: 'v=(\d+)', type: int64}}
EOF
job holes <<'EOF'
sweep:
  parameters: {a: [1, 2, 3], b: [x, y, z]}
  exclude: [{a: 2, b: y}, {a: 3, b: x}]
task: {command_line: "test {a}{b} != 1z && echo v={a}{b}"}
metrics: {v: {regex: 'v=(\S+)', type: string}}
EOF
job design <<'EOF'
sweep:
  method: random
  count: 5
  seed: 3
  parameters: {x: {min: 0, max: 1}, c: {values: [red, blue], distribution: choice}}
  repeat: {count: 3, seed: s}
task: {command_line: "echo v={x} {s}"}
metrics: {v: {regex: 'v=(\S+)', type: float64}, w: {regex: ' (\d+)', type: int64}}
EOF
job union <<'EOF'
sweep:
  - {parameters: {a: [1, 2], b: [x, y]}}
  - {method: list, points: [{a: 9, b: z}]}
task: {command_line: "echo v={a}{b}"}
metrics: {v: {regex: 'v=(\S+)', type: string}}
EOF
job pairs <<'EOF'
sweep: {method: combinations, items: [p, q, r], parameters: [left, right]}
task: {command_line: "echo v={left}{right}"}
metrics: {v: {regex: 'v=(\S+)', type: string}}
EOF
job included <<'EOF'
sweep: {parameters: {a: [1, 2]}, include: [{a: 7}]}
task: {command_line: "echo v={a}"}
metrics: {v: {regex: 'v=(\S+)', type: int64}}
EOF
job again <<'EOF'
sweep: {parameters: {a: [1, 2]}, repeat: {count: 2}}
task: {command_line: "echo v={a}"}
metrics: {v: {regex: 'v=(\S+)', type: int64}}
EOF
echo '[[1, 2], [3, 4], [5, 6]]' >m.json
job arrays <<'EOF'
sweep: {parameters: {a: [1, 2]}}
task: {command_line: "echo [{a}, 10, 100]; test {a} = 1"}
metrics:
  row: {json: "", type: int64, shape: [3], units: m}
  m: {from: {file: m.json}, json: "", type: float64, shape: [3, 2], range: {max: 5}}
EOF
printf '# a comment\necho one\n\necho two "x  y"\nexit 3\n' >lines.txt
run 0 lines.txt
job huge --limit 3 <<'EOF'
sweep:
  - {method: random, count: 1000000000, seed: 1, parameters: {x: {min: 0, max: 1}}}
task: {command_line: "echo v={x}"}
metrics: {v: {regex: 'v=(\S+)', type: float64}}
EOF
huge=$rc

python() {
    local what=$1
    cat >code.py <<EOF
import warnings
warnings.simplefilter("ignore")
import itertools, os, h5py, numpy as np, xarray as xr
def text(a):
    return [v if isinstance(v, str) else v.decode() for v in np.asarray(a).ravel()]
def opened(name):
    sets = [xr.open_dataset(name + ".run/results.h5", engine=e).load() for e in ("netcdf4", "h5netcdf")]
    xr.testing.assert_equal(*sets)
    sets[0].to_netcdf("copy.nc") # what was read can be written
    xr.testing.assert_equal(sets[0], xr.open_dataset("copy.nc").load())
    return sets[0]
$(cat)
EOF
    ok "$what" "$PYTHON" code.py
}
python "axes in step share a dimension, called like both" <<'EOF'
d = opened("zipped")
assert dict(d.sizes) == {"T": 3, "n_ranks": 2, "start": 2} and d.v.dims == ("T", "n_ranks", "start"), d
assert d.n.dims == d.ranks.dims == ("n_ranks",) and d.ranks.values.tolist() == [40, 80]
assert set(d.coords) == {"T", "n_ranks", "n", "ranks", "start"}
for i, j, k in itertools.product(range(3), range(2), range(2)):
    assert d.v.values[i, j, k] == int(f"{i + 1}{j + 1}{(40, 80)[j]}")
assert d.swap_dims(n_ranks="ranks").v.sel(T=2, ranks=80, start="hot").item() == 2280
EOF
python "cells that are left out of a grid are marked" <<'EOF'
d = opened("holes")
assert dict(d.sizes) == {"a": 3, "b": 3}
want = [["1x", "1y", ""], ["2x", "", "2z"], ["", "3y", "3z"]]
assert text(d.v) == sum(want, []), d.v
assert d.state.values.tolist() == [[1, 1, 2], [1, 4, 1], [4, 1, 1]], d.state
assert d.state.attrs["flag_meanings"].split()[4] == "excluded"
assert d.v_state.values[1][1] == 4 and d.attempts.values[2][0] == 0 and d.exit_code.values[1][1] == -1
EOF
python "a drawn design: runs, by repetitions" <<'EOF'
d = opened("design")
assert dict(d.sizes) == {"run": 5, "s": 3} and d.x.dims == d.c.dims == ("run",), d
assert (d.v.values == d.x.values[:, None]).all() and (d.w.values == d.s.values[None, :]).all()
assert len(set(d.x.values)) == 5 and set(text(d.c)) <= {"red", "blue"}
EOF
python "a union: one dimension" <<'EOF'
d = opened("union")
assert dict(d.sizes) == {"run": 5} and d.a.values.tolist() == [1, 1, 2, 2, 9]
assert text(d.v) == ["1x", "1y", "2x", "2y", "9z"]
EOF
python "combinations: one dimension" <<'EOF'
d = opened("pairs")
assert dict(d.sizes) == {"run": 3} and set(d.coords) == {"run", "left", "right"}
assert text(d.v) == [a + b for a, b in itertools.combinations("pqr", 2)]
EOF
python "included points: one dimension" <<'EOF'
d = opened("included")
assert dict(d.sizes) == {"run": 3} and d.a.values.tolist() == d.v.values.tolist() == [1, 2, 7]
EOF
python "a repetition without a name is a dimension" <<'EOF'
d = opened("again")
assert dict(d.sizes) == {"a": 2, "repeat": 2} and d.v.values.tolist() == [[1, 1], [2, 2]], d
EOF
python "arrays have dimensions of their own" <<'EOF'
d = opened("arrays")
assert d.row.dims == ("a", "row_0") and d.m.dims == ("a", "m_0", "m_1") and d.row.attrs["units"] == "m", d
assert d.row.values[0].tolist() == [1, 10, 100] and d.row_0.values.tolist() == [0, 1, 2]
assert d.m.values[0].tolist() == [[1, 2], [3, 4], [5, 6]]
assert d.m_state.values[0] == 3 and d.m_state.attrs["flag_meanings"].split()[3] == "out_of_range"
assert d.row.sel(a=1).isel(row_0=2).item() == 100
with h5py.File("arrays.run/results.h5") as f:
    assert "row" not in f["batch/tasks"].dtype.names
EOF
python "a command file: its lines are a coordinate" <<'EOF'
d = opened("lines")
assert dict(d.sizes) == {"run": 3} and text(d.command) == ["echo one", 'echo two "x  y"', "exit 3"], d
assert d.exit_code.values.tolist() == [0, 0, 3]
EOF
is "$huge" 3 "a billion points, three of them run"
is "$(($(stat -c %s huge.run/results.h5) < 2000000))" 1 "make a small file" || note "$(ls -l huge.run/results.h5)"
python "in which the three are" <<'EOF'
with h5py.File("huge.run/results.h5") as f:
    assert f["v"].shape == f["x"].shape == (10**9,)
    assert (f["v"][:3] == f["x"][:3]).all() and f["attempts"][:5].tolist() == [1, 1, 1, 0, 0]
    assert np.isnan(f["v"][-1]) and np.isnan(f["x"][-1])
EOF
python "and which xarray opens, without an index of a billion" <<'EOF'
for engine in ("netcdf4", "h5netcdf"):
    d = xr.open_dataset("huge.run/results.h5", engine=engine, drop_variables="run")
    assert d.sizes["run"] == 10**9 and d.v[:3].values.tolist() == d.x[:3].values.tolist()
EOF

# NULL is not the empty text: R (rhdf5) ends with it
if command -v h5dump >/dev/null; then
    is "$(h5dump -d /v holes.run/results.h5 | grep -oE ' NULL|"[1-3]?[xyz]?"' | paste -sd' ')" \
        '"1x" "1y" "" "2x" "" "2z" "" "3y" "3z"' "texts that are not there are empty"
else
    skip 1 "no h5dump"
fi

# --- the man page
"$PYTHON" - *.run/results.h5 >names <<'EOF'
import h5py, sys
BUILTIN = 23
for path in sys.argv[1:]:
    with h5py.File(path) as f:
        for a in f.attrs:
            print(a)
        for name in ("a", "m", "run", "state"):
            if name in f:
                for a in f[name].attrs:
                    if a not in ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid"):
                        print(a)
        def visit(name, o):
            print(name.split("/")[-1])
            if isinstance(o, h5py.Dataset) and o.dtype.names:
                print(*o.dtype.names[:BUILTIN], sep="\n")
            for a in o.attrs:
                print(a)
        f["batch"].visititems(visit)
EOF
sed 's/\\-/-/g; s/\\f.//g' "$TEST_SRCDIR/doc/mpibatch-results.5" >page
missing=
while read -r name; do
    grep -qwF -- "$name" page || missing+="$name "
done < <(sort -u names)
is "$missing$(($(sort -u names | wc -l) > 60))" 1 "mpibatch-results(5) names all that is in the files" || note "$(sort -u names | paste -sd' ')"
if command -v mandoc >/dev/null; then
    is "$(mandoc -T lint -W warning "$TEST_SRCDIR/doc/mpibatch-results.5" 2>&1)" "" "mandoc has nothing against it"
else
    skip 1 "no mandoc"
fi
