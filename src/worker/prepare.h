/* What happens to an attempt before it has a slot: its directory is made, its
 * resource files come into it, its packages are unpacked on this node.
 *
 *   PREPARE_GOING -> PREPARE_READY    what is made may be taken
 *                 -> PREPARE_FAILED   failure and text say why
 *   any of them, given up -> PREPARE_ENDING
 *
 * What the files are, the template says; what is in a container, its listing.
 * Each is wanted from the stager, which knows whether this node has it, and
 * put into the directory by a thread, some at a time. A file that was evicted
 * in between is wanted again.
 */
#ifndef MPIBATCH_WORKER_PREPARE_H
#define MPIBATCH_WORKER_PREPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/failure.h"
#include "wire/msg.h"
#include "worker/launch.h"
#include "worker/peers.h"
#include "worker/staging.h"
#include "worker/taskdir.h"

enum { PREPARE_MAX_FILES = 200000 }; /* of one task */

/* What an attempt has when it is prepared. */
struct prepared {
    struct taskdir dir;
    char **packages; /* the folder of each package of its template */
    uint32_t package_count;
    int64_t took_ns;
};

void prepared_fini(struct prepared *p);

enum prepare_state {
    PREPARE_GOING,
    PREPARE_READY,
    PREPARE_FAILED,
    PREPARE_ENDING
};

struct prepare;

/* What all preparations of a rank share; borrowed. */
struct preparer {
    const struct staging *staging;
    const struct peers *peers; /* NULL: no task has several instances */
    /* Its files are not here, it waits for them. Called once at most. */
    void (*waits)(void *arg, struct prepare *p);
    /* It is ready, or has failed. Never called from prepare_start. */
    void (*done)(void *arg, struct prepare *p);
    /* Given up: its directory is gone, or kept; another attempt may begin. p
     * is freed later. */
    void (*gone)(void *arg, struct prepare *p, bool kept);
    void *arg;
    struct prepare *all; /* ours: a list */
};

/* Free all that there are; only when neither io nor stager will call. */
void preparer_fini(struct preparer *c);

/* Prepare one task, or one instance; launch (borrowed till it is ready, or
 * gone): how it is launched, NULL: it was merely assigned. NULL with err:
 * ENOMEM, or as job_task_id. */
struct prepare *prepare_start(struct preparer *c, const struct msg_range *task,
                              const struct launch *launch, struct err *err);

enum prepare_state prepare_state(const struct prepare *p);
const struct msg_range *prepare_task(const struct prepare *p);
/* Has `waits` been called? */
bool prepare_has_waited(const struct prepare *p);

/* Why it has failed; FAILURE_NONE: it has not. */
enum failure prepare_failure(const struct prepare *p, const char **text);
/* How long it has taken. */
int64_t prepare_took_ns(const struct prepare *p);

/* Of PREPARE_READY: what it has made, to be taken; and then, free it. */
struct prepared *prepare_made(struct prepare *p);
void prepare_free(struct prepare *p);

/* Give it up: gone is called later. keep_until_ns: as retire has it. */
void prepare_give_up(struct prepare *p, int64_t keep_until_ns);

#endif
