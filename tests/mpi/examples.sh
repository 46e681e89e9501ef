#!/bin/bash
# The examples, made smaller: Ising to its plot, POV-Ray to two frames.
. "$TEST_SRCDIR/tests/lib.sh"
need_python
plan 10
ising=${TEST_BUILDDIR:?}/examples/ising/ising
[ -x "$ising" ] || skip_all "no $ising"
png() { [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] && [ "$(stat -c %s "$1")" -gt "${2:-100}" ]; }

# --- ising: 3 temperatures, 2 sizes, 2 seeds
cp "$TEST_SRCDIR"/examples/ising/{ising.yaml,plot.py} "$ising" .
"$PYTHON" - <<'EOF'
import re
text = open("ising.yaml").read()
text = re.sub(r"values: \[1\.6,.*?\]", "values: [1.6, 2.25, 3.4]", text, flags=re.S)
text = text.replace("[16, 32, 64]", "[8, 16]").replace("seed: [1, 2, 3]", "seed: [1, 2]")
text = text.replace("--sweeps 40000", "--sweeps 4000")
open("ising.yaml", "w").write(text)
EOF
limited 100 "$MPIBATCH" launch ising.yaml >run.out 2>&1
is "$? $(count ising.run succeeded)" "0 12" "ising: runs" || note "$(<run.out)"
cat >look.py <<'EOF'
import xarray as xr
d = xr.open_dataset("ising.run/results.h5")
m = d.magnetisation.mean("seed")
print(dict(d.sizes), [name for name in d.data_vars if name + "_state" in d.data_vars and (d[name + "_state"] == 0).all()])
print(bool((m.sel(temperature=1.6) > 0.9).all()), bool((m.sel(temperature=3.4) < 0.6).all()))
print(d.temperature.attrs["units"], "|", d.L.attrs["long_name"], "|", d.energy.attrs["units"])
EOF
is "$("$PYTHON" look.py 2>&1)" "{'temperature': 3, 'L': 2, 'seed': 2} ['magnetisation', 'energy', 'susceptibility', 'specific_heat']
True True
J/k_B | lattice size | J" "ising: the cube, all metrics found, magnetised when cold"
if MPLBACKEND=Agg "$PYTHON" -c 'import matplotlib' 2>/dev/null; then
    ok "ising: plot.py" env MPLBACKEND=Agg "$PYTHON" plot.py
    ok "ising: makes a picture" png ising.png 5000
else
    skip 2 "no matplotlib"
fi
is "$(sed -n 's/.*open_dataset(\("[^"]*"\).*/\1/p' "$TEST_SRCDIR/examples/ising/plot.py")" '"ising.run/results.h5"' "plot.py reads what launch makes"

# --- povray: two frames
if command -v povray >/dev/null; then
    cp "$TEST_SRCDIR"/examples/povray/ring.pov .
    sed -e '/^ *frame: /{N;s/\[.*\]/[0, 5]/}' -e 's/+W320 +H240/+W64 +H48/' "$TEST_SRCDIR/examples/povray/ring.yaml" >ring.yaml
    limited 100 "$MPIBATCH" launch ring.yaml >run.out 2>&1
    is "$? $(count ring.run succeeded)" "0 2" "povray: runs" || note "$(<run.out)"
    ok "povray: the first frame" png frame-000.png
    ok "povray: another" png frame-005.png
    ok "povray: they differ" bash -c '! cmp -s frame-000.png frame-005.png'
    is "$("$PYTHON" -c 'import xarray; d = xarray.open_dataset("ring.run/results.h5"); print(bool((d.rays > 3000).all()), d.render_time.attrs["units"], d.render_time_state.values)')" \
        "True s [0 0]" "povray: what it prints is measured"
else
    skip 5 "no povray"
fi
