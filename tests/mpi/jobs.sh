#!/bin/bash
# Jobs: priorities, retries, time limits, folders; under mpirun.
RANK_COUNTS=2
. "$TEST_SRCDIR/tests/cli/jobs.sh"
