/* What others ask of the session, through the inbox of the run directory.
 *
 * Asks are taken from there, given to the rank that has the task or is of the
 * node, and what it offers is put there as the answer. The loop waits for no
 * disk: the inbox is looked at, and written to, in threads of io. Everything is
 * bounded: how many are worked on (the others wait in the folder), how large
 * and how long. Whatever happens, who asks is told, but when the session ends:
 * that he sees himself.
 */
#ifndef MPIBATCH_MANAGER_ASKING_H
#define MPIBATCH_MANAGER_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "manager/receive.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "model/fileinfo.h"
#include "model/jobspec.h"
#include "model/node.h"
#include "stage/io.h"
#include "store/ask.h"

enum { ASKING_MAX_ASKS = 256 };

struct asking;

struct asking_config {
    struct loop *loop;
    struct comm *bulk;
    struct io *io;
    struct receiver *receiver;
    const struct jobspec *spec;
    const char *run_dir;
    const struct node_info *ranks; /* one a rank */
    uint32_t rank_count;
    /* Where the task is: ACTIVE (nobody has it), RUNNING (*rank has it, perhaps
     * in its queue) or COMPLETED; *attempts: how many have ended. */
    enum ask_state (*find)(void *arg, uint32_t job, uint32_t index,
                           uint32_t *rank, uint32_t *attempts);
    bool (*lives)(void *arg, uint32_t rank);
    /* Something else than about files: to be answered by asking_answer, at once
     * or later. What came with it is taken (mem_free), or NULL. */
    void (*command)(void *arg, uint64_t number, const struct ask *ask,
                    char *data, size_t len);
    void *arg;
};

/* All borrowed. An inbox that cannot be used is said, and nothing can be asked
 * then. NULL with err ENOMEM. */
struct asking *asking_create(const struct asking_config *config,
                             struct err *err);
/* When io is destroyed. */
void asking_destroy(struct asking *a);

/* Answer what `command` was called with; data is taken, goes with it, and may
 * be NULL. */
void asking_answer(struct asking *a, uint64_t number,
                   const struct answer *answer, char *data, size_t len);
/* The receiver's: an answer is offered. */
void asking_offered(struct asking *a, uint32_t rank, const struct stage_msg *m);
/* The rank is dead. After receiver_lost. */
void asking_lost(struct asking *a, uint32_t rank);
/* The session ends: nothing is taken or answered any more. The receiver may be
 * destroyed then. NULL is fine. */
void asking_close(struct asking *a);

#endif
