/* The bytes of the tables that a job spec names, wherever they come from: the
 * files themselves, the copies in a run directory, or another rank.
 *
 * A run works with the copies in its directory, which nobody changes, so that
 * a file that is edited meanwhile changes nothing, and so that a run can be
 * looked at when its files are gone:
 *
 *   tables/index    a line a table: FILE KIND BYTES PATH (as in the spec; % and
 *                   control bytes as %XX)
 *   tables/1.csv    the file, or (.paths) the files that matched a pattern, a
 *                   NUL behind each
 */
#ifndef MPIBATCH_STORE_INPUTS_H
#define MPIBATCH_STORE_INPUTS_H

#include <stddef.h>

#include "base/err.h"
#include "model/table.h"

struct inputs;

/* Tables are files: relative paths begin in folder (copied). NULL: no
 * memory. */
struct inputs *inputs_create(const char *folder, struct err *err);
/* Those of the run directory at path (absolute). NULL with err. */
struct inputs *inputs_open(const char *path, struct err *err);
/* Those that were told by inputs_add. NULL: no memory. */
struct inputs *inputs_create_told(struct err *err);
/* Free all, the bytes too; NULL is fine. */
void inputs_destroy(struct inputs *t);

/* The bytes of a table, as spec_files wants it; arg: the tables. Files are
 * mapped, patterns are looked for, once. -1 with err: the errno of a file,
 * EFBIG (over TABLE_MAX_BYTES), EINVAL (no regular file). */
int inputs_get(void *arg, enum table_kind kind, const char *path,
               const char **bytes, size_t *len, struct err *err);

/* Those that were asked for, in order. path and bytes are borrowed. */
size_t inputs_count(const struct inputs *t);
void inputs_at(const struct inputs *t, size_t i, enum table_kind *kind,
               const char **path, const char **bytes, size_t *len);
/* "csv", "tsv", "commands", "paths". */
const char *inputs_kind_name(enum table_kind kind);
/* Add one, for others to be got; returns where its len bytes are to be
 * written. NULL with err ENOMEM. */
char *inputs_add(struct inputs *t, enum table_kind kind, const char *path,
                 size_t len, struct err *err);

/* Copy those that were asked for into the run directory (dir_fd, its path),
 * durably, and go on with the copies. -1 with err: the errno of a file, EAGAIN
 * (one was changed meanwhile). */
int inputs_keep(struct inputs *t, int dir_fd, const char *path,
                struct err *err);
/* See that they are the same as the copies there, and go on with those. -1
 * with err: EINVAL (one is another: which line, old and new), or the errno of
 * a file. */
int inputs_compare(struct inputs *t, int dir_fd, const char *path,
                   struct err *err);

#endif
