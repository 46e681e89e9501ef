/* Many files into a folder, or out of one, by several threads: what uploading
 * to a container and downloading from it are.
 *
 * Each file is written under a temporary name, synced, renamed: nobody sees
 * half of it, and what was begun and not ended leaves nothing under a name of
 * its own. A file that is there already, with the same size and time, is left
 * alone, so that the same call goes on where an interrupted one has stopped.
 * Nothing is written outside of the folder, whatever names and links say.
 */
#ifndef MPIBATCH_STAGE_CONTAINER_H
#define MPIBATCH_STAGE_CONTAINER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Temporary files begin so; they are no files of a container. */
#define CONTAINER_PART ".mpibatch-part-"

enum { CONTAINER_MAX_THREADS = 64 };

struct container_item {
    const char *from; /* in the folder from; or, if there is none, any path */
    const char *to;   /* in the folder to: its plain name (stage/beneath.h) */
    uint64_t bytes;   /* that are expected: for progress alone */
};

struct container_copy {
    int from, to; /* folders; from is -1: items have paths */
    const struct container_item *items;
    size_t count;
    uint32_t threads;
    bool all;                /* what is the same already, too */
    const atomic_bool *stop; /* end soon; what is copied stays */
    /* Called by one thread at a time, for a file that could not be copied. */
    void (*failed)(void *arg, const struct container_item *item,
                   const struct err *err);
    void *arg;
};

/* May be read while it goes on. */
struct container_progress {
    atomic_uint_fast64_t files;   /* that are there now: copied, or the same */
    atomic_uint_fast64_t same;    /* of them left alone */
    atomic_uint_fast64_t bytes;   /* of files, and of parts so far */
    atomic_uint_fast64_t written; /* of bytes */
    atomic_uint_fast64_t failures;
    atomic_bool ended;
};

/* Copy all of it, or as far as it has come when stop is set: progress, zeroed
 * before, says. -1 with err: no thread could be made. Blocks. */
int container_copy(const struct container_copy *c,
                   struct container_progress *progress, struct err *err);

#endif
