/* The files that tasks returned: where they lie in the run directory.
 *
 * Small ones are packed behind each other, one pack a session, so that the
 * number of files does not grow with the number of tasks; a record's session,
 * offset and length find one. A larger one is a file of its own below
 * files/<job>/<task>/<attempt>/, by its name. How they come there:
 * store/incoming.h.
 */
#ifndef MPIBATCH_STORE_RETURNED_H
#define MPIBATCH_STORE_RETURNED_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/attempt.h"
#include "store/rundir.h"

/* The largest file that is packed. */
enum { RETURNED_MAX_PACKED = 64 * 1024 };

/* Which task's attempt a file is of. */
struct returned_of {
    const char *job_id, *task_id;
    uint32_t attempt;
};

/* Where a file of its own is in the run directory. Returns path. */
enum { RETURNED_PATH_BYTES = ATTEMPT_MAX_FILE_NAME + 2 * JOBSPEC_MAX_ID + 32 };
char *returned_own_place(const struct returned_of *of, const char *name,
                         char path[RETURNED_PATH_BYTES]);

/* The path of a pack, or of a file of its own. Heap; NULL with err: EINVAL (an
 * id or a name cannot be one), ENOMEM. */
char *returned_pack_path(const struct rundir *r, uint32_t session,
                         struct err *err);
char *returned_own_path(const struct rundir *r, const struct returned_of *of,
                        const char *name, struct err *err);

/* The attempt's file of that name, borrowed; NULL: it returned none. */
const struct attempt_file *returned_find(const struct attempt *a,
                                         const char *name);

/* Open a file, or its pack, to read: f->bytes bytes from *offset on. The fd
 * (the caller's), or -1 with err: ENOENT, ENODATA (it is cut off), ... */
int returned_open(const struct rundir *r, const struct returned_of *of,
                  const struct attempt_file *f, uint64_t *offset,
                  struct err *err);

#endif
