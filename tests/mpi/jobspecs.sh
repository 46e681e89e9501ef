#!/bin/bash
# Each file of jobspecs/, under mpirun; the one with an MPI task also without.
RANK_COUNTS="0 3" WITH_MPI_TASK=yes
. "$TEST_SRCDIR/tests/cli/jobspecs.sh"
