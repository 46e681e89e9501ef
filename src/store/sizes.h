/* How much room the parts of a run directory take. */
#ifndef MPIBATCH_STORE_SIZES_H
#define MPIBATCH_STORE_SIZES_H

#include <stdint.h>

#include "base/err.h"
#include "store/rundir.h"

enum run_part {
    PART_SPEC,    /* run.yaml, and those of former generations */
    PART_TABLES,  /* tables/ */
    PART_JOURNAL, /* journal/, and those of former generations */
    PART_OUTPUT,  /* output/ */
    PART_FILES,   /* files/ */
    PART_RESULTS, /* results.h5 */
    PART_OTHER,
    PART_COUNT
};

/* "spec", "tables", "journal", "output", "files", "results", "other". */
const char *run_part_name(enum run_part part);

/* Bytes in the files of each part, by now; what vanishes meanwhile does not
 * count. -1 with err. */
int sizes_measure(const struct rundir *r, uint64_t bytes[PART_COUNT],
                  struct err *err);

#endif
