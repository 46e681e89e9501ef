/* Threads for what may wait for a disk or a server, so that the event loop
 * never does.
 *
 * Two queues, each first in, first out: short jobs (make a folder, link a file,
 * read a piece) and long ones (fetch, unpack, upload, remove a tree). One
 * thread takes no long jobs, so that short ones never wait for them all. Jobs
 * are done, that is their callback is called, in the loop's thread, in the
 * order in which they ended. Only the loop's thread calls these functions.
 */
#ifndef MPIBATCH_STAGE_IO_H
#define MPIBATCH_STAGE_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { IO_MAX_THREADS = 64 };

struct io;

struct io_job {
    /* What to do, in a thread, with all signals blocked: 0, or -1 with err. */
    int (*work)(struct io_job *j, struct err *err);
    /* Called in the loop's thread with what work returned (rc 0: err is clear),
     * or with -1, ECANCELED if work was never called. The job may be freed, or
     * started again. */
    void (*done)(struct io_job *j, int rc, const struct err *err);
    /* io's own, from start to done */
    struct io_job *next;
    int rc;
    struct err err;
};

/* threads: 2 to IO_MAX_THREADS. NULL with err. */
struct io *io_create(uint32_t threads, struct err *err);

/* Wait for the jobs that run; they and the queued ones (ECANCELED) are done
 * within this call. Jobs that a callback starts meanwhile are cancelled as
 * well. */
void io_destroy(struct io *io);

/* Start a short job, or a long one. j is the caller's, borrowed until done. */
void io_start(struct io *io, struct io_job *j);
void io_start_long(struct io *io, struct io_job *j);

/* Readable: io_turn has something to do. */
int io_fd(const struct io *io);

/* Call done of the jobs that have ended so far. Were there any? */
bool io_turn(struct io *io);

/* Jobs that are started and not yet done. */
uint32_t io_pending(const struct io *io);

#endif
