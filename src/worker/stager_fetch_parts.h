/* The parts of a fetch: its states and ends, and how it gets bytes from a peer
 * and from the origin.
 *
 *   OPENING --> PULLING <--> STALLED      from a peer
 *      |           \--> SEALING -----> got
 *      \------> READING ------------/     from the origin
 *   UNPACKING ------------------------> got
 *   any of them --> ENDING, while a job is still under way
 */
#ifndef MPIBATCH_WORKER_STAGER_FETCH_PARTS_H
#define MPIBATCH_WORKER_STAGER_FETCH_PARTS_H

#include "worker/stager_parts.h"

#include <pthread.h>

enum fetch_state {
    FETCH_OPENING,
    FETCH_PULLING,
    FETCH_STALLED,
    FETCH_READING,
    FETCH_SEALING,
    FETCH_UNPACKING,
    FETCH_ENDING
};

struct fetch {
    struct io_job job;
    bool job_out;
    struct stager *stager;
    struct list link;
    uint64_t object;
    enum object_kind kind;
    uint32_t from;
    bool known;
    struct object_meta meta; /* known, or found out */
    enum fetch_state state;
    struct partial *partial; /* the job's, while one is out */
    uint64_t bytes;          /* appended */
    struct pull *pull;
    bool whole; /* the pull has ended: total */
    uint64_t total;
    struct buf incoming, writing;
    struct unpacking *unpacking;
    /* A job's, and what it leaves. */
    atomic_bool stop;
    _Atomic uint64_t reached; /* of reading */
    pthread_mutex_t lock;     /* of serve_fd */
    int serve_fd;             /* of the partial, to be served; -1: none yet */
    bool found;               /* the cache has had it */
    enum object_blame blame;
    struct origin_counts counts;
    char key[];
};

static inline struct fetch *fetch_of(struct io_job *j)
{
    return LIST_OF(j, struct fetch, job);
}

/* ---- stager_fetch.c ---- */

/* What is next, when no job is out. */
void fetch_proceed(struct fetch *f);
void fetch_start_job(struct fetch *f,
                     int (*work)(struct io_job *, struct err *),
                     void (*done)(struct io_job *, int, const struct err *),
                     bool is_long);
/* Behind a job: is the fetch still wanted? */
bool fetch_back(struct fetch *f);
/* Ends: this node has it now; it cannot have it. */
void fetch_got(struct fetch *f);
void fetch_fail(struct fetch *f, enum object_blame blame, enum failure failure,
                const char *text);
/* A parent has failed us: the director names another. */
void fetch_stall(struct fetch *f, enum failure failure, const char *text);
/* In a thread: begin the entry of the cache, of so many bytes (UINT64_MAX: not
 * known), which can be served from then on. */
int fetch_begin_partial(struct fetch *f, uint64_t bytes, struct err *err);
enum failure fetch_write_failure(int code);

/* ---- stager_fetch_peer.c, stager_fetch_origin.c: the next step ---- */

void fetch_step_peer(struct fetch *f);
void fetch_step_origin(struct fetch *f);

#endif
