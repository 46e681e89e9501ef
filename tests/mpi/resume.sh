#!/bin/bash
# Resuming, under mpirun.
RANK_COUNTS=2
. "$TEST_SRCDIR/tests/cli/resume.sh"
