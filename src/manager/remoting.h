/* `mpibatch remote`: what a task on several nodes has run on another node of
 * it is passed to the rank that has the instance there, and how it ended to who
 * asked. */
#ifndef MPIBATCH_MANAGER_REMOTING_H
#define MPIBATCH_MANAGER_REMOTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/ask.h"
#include "wire/msg.h"

/* At once, of all tasks. */
enum { REMOTING_MAX = 4096 };

/* Those that are not answered; all zero: none. */
struct remoting {
    struct remoting_ask *all;
    uint32_t count;
    uint64_t last;
};

void remoting_fini(struct remoting *r);

/* Note that `number` has asked for a command; *m is the message to its rank,
 * line is borrowed by it. -1 with err: the command, the task, too many. */
int remoting_begin(struct remoting *r, uint64_t number, const struct ask *ask,
                   const char *line, size_t len, uint32_t rank_count,
                   struct msg *m, struct err *err);

/* The answer to a rank's MSG_REMOTE_ENDED: who asked, or 0 if nobody waits. */
uint64_t remoting_end(struct remoting *r, uint32_t rank, const struct msg *m,
                      struct answer *answer);

/* The rank is lost: who has asked it, or 0; to be called until then. */
uint64_t remoting_lost(struct remoting *r, uint32_t rank,
                       struct answer *answer);

#endif
