#!/bin/bash
# Tasks of every sort, under mpirun.
RANK_COUNTS=3
. "$TEST_SRCDIR/tests/cli/kinds.sh"
