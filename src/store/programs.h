/* The files that a job spec's tasks execute, with their digests.
 *
 * Looked at are the words of command lines that are the same for all tasks:
 * the first one, found as a worker would find it; of the others those that
 * name a program or a script. Of each its size, time and SHA-256, what runs
 * it if it is a script, and the shared libraries that it loads at its start.
 * As the node of rank 0 has them.
 */
#ifndef MPIBATCH_STORE_PROGRAMS_H
#define MPIBATCH_STORE_PROGRAMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/jobspec.h"
#include "model/program.h"

enum {
    PROGRAMS_MAX = 1024,             /* files */
    PROGRAMS_MAX_WORDS = 256,        /* command lines that differ */
    PROGRAMS_MAX_LINES = 1000,       /* of a command file: the first ones */
    PROGRAMS_FILE_BYTES = 256 << 20, /* a larger one gets no digest */
    PROGRAMS_ALL_BYTES = 1 << 30     /* digested, of all together */
};

struct programs {
    struct arena *arena;
    struct program_file files[PROGRAMS_MAX];
    uint32_t count;
};

/* An empty list. NULL: no memory. Free with programs_destroy. */
struct programs *programs_create(void);
void programs_destroy(struct programs *p);

/* Add a copy of f, or replace what is the same. What does not fit is left out.
 * *changed (may be NULL): it replaced one with another digest. -1 with err
 * ENOMEM. */
int programs_put(struct programs *p, const struct program_file *f,
                 bool *changed, struct err *err);

/* Find and digest those of spec; work_dir: the folder where tasks run. *cancel
 * (may be NULL): when it becomes true, digest no more (the notes say so). -1
 * with err ENOMEM. */
int programs_find(struct programs *p, const struct jobspec *spec,
                  const struct provenance *from, const char *work_dir,
                  const atomic_bool *cancel, struct err *err);

#endif
