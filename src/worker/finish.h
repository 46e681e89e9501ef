/* What happens to an attempt when its process has ended and its slots are free:
 * its outputs are written into its directory if something asks for them, its
 * output files are uploaded or returned to rank 0, its directory is kept or
 * removed. Then its record is complete.
 *
 *   FINISH_OUTPUTS -> FINISH_ASKING -> FINISH_UPLOADING -> FINISH_FINDING
 *                  -> FINISH_RETURNING -> FINISH_RETIRING -> done -> removed
 *
 * A stage that is not needed is passed. An output file that cannot be stored
 * is the attempt's file-upload error, also if it had succeeded; not one that a
 * stopped session has no time for: that attempt was stopped, and the task runs
 * again.
 */
#ifndef MPIBATCH_WORKER_FINISH_H
#define MPIBATCH_WORKER_FINISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/attempt.h"
#include "worker/answer.h"
#include "worker/capture.h"
#include "worker/prepare.h"
#include "worker/staging.h"

struct finish;

/* What it is: an attempt, or another instance of one than the first, which
 * stores nothing: one that has failed, or one that was ended. */
enum finish_what { FINISH_ATTEMPT, FINISH_INSTANCE, FINISH_ENDED };

/* What those of a rank share. */
struct finisher {
    const struct staging *staging; /* borrowed */
    /* An attempt begins: its slots are free. */
    void (*begins)(void *arg, const struct attempt *a);
    /* The record is complete: report it. The outputs are borrowed. */
    void (*done)(void *arg, struct attempt *a, enum finish_what what,
                 const char *const output[2], const size_t output_len[2]);
    void *arg;
    uint32_t slots; /* of this rank: bounds how many are finished at once */
    /* ours */
    struct finish *all;
    uint32_t count;
    uint64_t bytes;      /* of outputs in memory */
    uint32_t links_said; /* tasks whose links were told of */
    struct loop_timer timer;
    bool stopped;
};

void finisher_init(struct finisher *c);
/* Free all that there are; only when neither io, stager nor offers will call.
 */
void finisher_fini(struct finisher *c);

/* Are so many being stored that nothing more should be started? */
bool finisher_is_full(const struct finisher *c);

/* Begin. Takes what the attempt, the captures and made hold. -1 with err
 * ENOMEM: nothing was taken. */
int finish_start(struct finisher *c, struct attempt *a,
                 struct capture capture[2], struct prepared *made,
                 const char *task_id, enum finish_what what, struct err *err);

/* Is the task among them, and not yet reported? */
bool finisher_find(const struct finisher *c, uint32_t job, uint32_t index,
                   struct answer_task *task);

/* The session is stopped: what is not stored after grace_ns is given up. */
void finisher_stop(struct finisher *c, int64_t grace_ns);

#endif
