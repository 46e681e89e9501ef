#!/bin/bash
# The life of pools, nodes, jobs and tasks, as commands show it; under mpirun.
RANK_COUNTS=2
. "$TEST_SRCDIR/tests/cli/life.sh"
