#!/bin/bash
# doc/results.md does not lie: its code is run, language by language, and prints
# what the page says. Those that are not installed are left out.
. "$TEST_SRCDIR/tests/lib.sh"
page=$TEST_SRCDIR/doc/results.md
. "$TEST_SRCDIR/tests/page.sh"
plan 8

mkdir bin
ln -s "$MPIBATCH" bin/mpibatch
export PATH=$PWD/bin:$PATH
blocks yaml >sweep.yaml
mpibatch run sweep.yaml >run.out 2>&1
is "$?" 0 "the page's job spec runs"
is "$(grep -c '^```[a-z]' "$page") $(grep '^```' "$page" | sort -u | tr -d '`\n' | wc -c)" \
    "$(($(grep -c '^```$' "$page"))) $(echo -n yamlpythonroctavematlabjuliashtext | wc -c)" "the page has blocks of known languages, each closed"
if [ "$PYTHON" = : ]; then skip 1 "no Python with xarray, pandas, h5py"; else language python "$PYTHON"; fi
if command -v octave-cli >/dev/null; then language octave octave-cli --no-init-file --quiet; else skip 1 "no Octave"; fi
if Rscript -e 'library(rhdf5)' >/dev/null 2>&1; then language r Rscript; else skip 1 "no R with rhdf5"; fi
language sh sh

# --- the tools of HDF5 and netCDF read all of it
if command -v h5dump >/dev/null; then ok "h5dump reads it" h5dump sweep.run/results.h5; else skip 1 "no h5dump"; fi
if command -v ncdump >/dev/null; then
    ncdump -v m,temperature sweep.run/results.h5 >nc 2>&1
    like "$? $(tr -s ' \n' ' ' <nc)" '^0 .*double m\(temperature, L, seed\) ;.*temperature = 1.5, 2, 2.5 ;' "ncdump reads it"
else skip 1 "no ncdump"; fi
