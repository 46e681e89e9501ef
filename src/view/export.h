/* Tasks of a run as CSV or JSON Lines, row by row: see mpibatch-export(1). */
#ifndef MPIBATCH_VIEW_EXPORT_H
#define MPIBATCH_VIEW_EXPORT_H

#include <stdbool.h>

#include "view/query.h"

enum export_format { EXPORT_CSV, EXPORT_JSONL };

struct export;

/* Prepare to write the columns of q that `columns` names, separated by commas
 * (NULL: those of /batch/tasks, and arrays). write gets the text in pieces; it
 * returns 0, or -1 with err. NULL with err: EINVAL (no such column), ENOMEM.
 * All is borrowed; free with export_destroy. */
struct export *export_create(struct query *q, enum export_format format,
                             const char *columns,
                             int (*write)(void *arg, const char *data,
                                          size_t len, struct err *err),
                             void *arg, struct err *err);
void export_destroy(struct export *e);

/* Write the head, and a row for each task that the query is for, or for each of
 * their attempts that have ended. -1 with err. */
int export_run(struct export *e, bool attempts, struct err *err);

#endif
