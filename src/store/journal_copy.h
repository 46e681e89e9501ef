/* A journal written anew: the records of another, changed on the way. */
#ifndef MPIBATCH_STORE_JOURNAL_COPY_H
#define MPIBATCH_STORE_JOURNAL_COPY_H

#include <stddef.h>

#include "base/err.h"
#include "store/journal.h"

struct journal_copy;

/* Write into a folder of the run directory, which is empty, for a spec and its
 * text (all borrowed). NULL with err. */
struct journal_copy *journal_copy_create(const struct rundir *r,
                                         const char *folder,
                                         const struct jobspec *spec,
                                         const char *spec_text, size_t spec_len,
                                         struct err *err);
/* Append a record to the file of its session; sessions ascend. */
int journal_copy_put(struct journal_copy *c,
                     const struct journal_record *record, struct err *err);
/* All is put: write what is left, and sync. */
int journal_copy_finish(struct journal_copy *c, struct err *err);
void journal_copy_destroy(struct journal_copy *c);

#endif
