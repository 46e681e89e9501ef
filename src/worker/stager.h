/* A rank's side of staging: it wants objects for its node from the director,
 * and fetches what it is told to, from shared storage or from a peer, into the
 * node's cache; others may pull from it what it has and what it fetches.
 *
 * Objects are wanted once: wants of the same one are joined, and where the
 * node has it is remembered. All that waits for a disk or a server is done by
 * io. Calls and callbacks are the loop's thread's.
 */
#ifndef MPIBATCH_WORKER_STAGER_H
#define MPIBATCH_WORKER_STAGER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bulk/transfer.h"
#include "comm/comm.h"
#include "model/failure.h"
#include "model/jobspec.h"
#include "model/object.h"
#include "model/stage_counts.h"
#include "stage/cache.h"
#include "stage/io.h"

/* Where the director is. */
enum { STAGER_DIRECTOR_RANK = 0 };
/* The counts are reported so often, if they have changed. */
#define STAGER_COUNTS_NS INT64_C(1000000000)

struct stager;

/* All borrowed for the stager's life. */
struct stager_config {
    struct comm *bulk;
    struct transfers *transfers;
    struct io *io;
    struct cache *cache;
    const struct jobspec *spec;  /* its packages */
    uint64_t reserve_bytes;      /* of the node's disk, which stay free */
    const char *work_dir;        /* the folder of the spec, absolute */
    const char *applications;    /* the node's folder for packages */
    struct stage_counts *counts; /* of this rank; ours are added to it */
};

/* Listen on COMM_TO_STAGER. NULL with err ENOMEM. */
struct stager *stager_create(const struct stager_config *config,
                             struct err *err);

/* Give up: what is under way is told to stop, nobody is called any more. */
void stager_stop(struct stager *s);
/* Free it. If io_pending, io must have been destroyed before, behind
 * stager_stop. */
void stager_destroy(struct stager *s);

/* Each turn of the loop, behind io_turn and before transfers_turn. Did
 * anything happen? */
bool stager_turn(struct stager *s, int64_t now_ns);

/* Send the counts now if they have changed, as at the end. */
void stager_report(struct stager *s);

struct stager_result {
    bool ok;
    struct object_meta meta;
    char path[PATH_MAX]; /* of the cache's entry, which may be evicted at any
                            time; or of the unpacked package, which stays */
    enum failure failure;
    char text[ERR_TEXT_MAX];
};

/* Want an object; done is called once, maybe before this returns. checksum:
 * what the job spec wants it to be, or NULL. OBJECT_PACKAGE: the key is the
 * index of the pool's package, in decimal. -1 with err ENOMEM; then done is not
 * called. */
int stager_want(struct stager *s, enum object_kind kind, const char *key,
                const char *checksum,
                void (*done)(void *arg, const struct stager_result *r),
                void *arg, struct err *err);

/* What was wanted is not at its path any more: it is to be wanted again. */
void stager_missing(struct stager *s, enum object_kind kind, const char *key);

/* Ask for a stream, to write to shared storage: granted is called once, later.
 * Its number, for stager_stream_done, which also takes back what was not
 * granted; 0 with err ENOMEM. */
uint64_t stager_stream(struct stager *s, void (*granted)(void *arg), void *arg,
                       struct err *err);
void stager_stream_done(struct stager *s, uint64_t stream);

#endif
