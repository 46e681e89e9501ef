#!/bin/bash
# Each file of jobspecs/, under mpirun.
RANK_COUNTS="3" WITH_MPI_TASK=yes
. "$TEST_SRCDIR/tests/cli/jobspecs.sh"
