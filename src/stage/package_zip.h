/* Zip archives, before libarchive sees them. Private to package*.c. */
#ifndef MPIBATCH_STAGE_PACKAGE_ZIP_H
#define MPIBATCH_STAGE_PACKAGE_ZIP_H

#include <stdint.h>

#include "base/err.h"
#include "stage/package_packed.h"

/* libarchive holds the directory of a zip in memory: no more than max entries
 * may be in it. Reads all of the source, and goes back to its begin. -1 with
 * err: EPROTO, or packed_err. */
int zip_check(struct packed *s, uint64_t max, struct err *err);

#endif
