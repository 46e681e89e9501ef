#!/bin/bash
# The scenarios of exits.yaml under mpirun: see scenarios.py.
: "${PYTHON:?}" "${TEST_SRCDIR:?}"
"$PYTHON" -c 'import yaml' 2>/dev/null || { echo "1..0 # SKIP no Python with yaml"; exit 0; }
exec "$PYTHON" "$TEST_SRCDIR/tests/azure/scenarios.py" mpi "$TEST_SRCDIR/tests/azure/exits.yaml"
