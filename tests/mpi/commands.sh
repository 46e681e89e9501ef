#!/bin/bash
# Command files and tables, under mpirun.
RANK_COUNTS=3
. "$TEST_SRCDIR/tests/cli/commands.sh"
