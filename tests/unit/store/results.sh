#!/usr/bin/env bash
# results.h5 opens in what people use: xarray with both engines, pandas, h5py;
# and says what the journal says. Checks in results.py, in TAP.
set -u
if test "$PYTHON" = :; then
    echo "1..0 # SKIP no Python with xarray, pandas, h5py"
    exit 0
fi
make_run=$TEST_BUILDDIR/tests/unit/store/make_run
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
for kind in grid files list tasks empty two slabs life; do
    "$make_run" "$kind" "$dir/$kind.run" || exit 99
done
"$PYTHON" "$TEST_SRCDIR/tests/unit/store/results.py" "$dir"
