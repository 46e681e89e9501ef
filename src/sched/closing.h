/* Emptying a node: see closing.c. */
#ifndef MPIBATCH_SCHED_CLOSING_H
#define MPIBATCH_SCHED_CLOSING_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/machine.h"

/* The node is not to have tasks any more; its workers' seats are gone with the
 * next action. */
void node_close(struct sched *s, struct node_run *n,
                enum sched_running running);

/* What there is to say to a worker of such a node. Is there something? */
bool closing_step(struct sched *s, struct worker *w, int64_t now_ns,
                  struct sched_action *act);

#endif
