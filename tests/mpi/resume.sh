#!/bin/bash
# Resuming, under mpirun.
RANK_COUNTS=3
. "$TEST_SRCDIR/tests/cli/resume.sh"
