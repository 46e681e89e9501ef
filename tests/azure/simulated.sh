#!/bin/bash
# All scenarios that need no process, in the simulator: see scenarios.py.
: "${PYTHON:?}" "${TEST_SRCDIR:?}" "${TEST_BUILDDIR:?}"
"$PYTHON" -c 'import yaml' 2>/dev/null || { echo "1..0 # SKIP no Python with yaml"; exit 0; }
export SIMULATE=$TEST_BUILDDIR/tests/azure/simulate
exec "$PYTHON" "$TEST_SRCDIR/tests/azure/scenarios.py" simulated "$TEST_SRCDIR"/tests/azure/*.yaml
