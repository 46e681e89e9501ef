/* Placing claims: see claim.h. Which nodes a claim's task goes to, and the
 * reservation that keeps it from starving.
 *
 * The first claim of a pool, in order, that lacks nothing but slots, and that
 * no ready plain task comes before, reserves the workers that could run it and
 * have the least to do: they lose their seats and so get nothing that comes
 * later, but for what is sure to end before they all will be free.
 */
#ifndef MPIBATCH_SCHED_CLAIMS_H
#define MPIBATCH_SCHED_CLAIMS_H

#include "sched/machine.h"

/* Place the first claim that finds its place, if none of its pool's plain tasks
 * that could start (plain: the first one of all, or NULL) comes before it.
 * STEP_NONE: none does. */
enum step claims_step(struct sched *s, int64_t now_ns,
                      const struct bucket *plain, struct sched_action *act);

/* A worker with reserved slots that are free, and a plain bucket whose first
 * task is sure to leave them in time; NULL: there is none. */
struct bucket *claims_backfill(const struct sched *s, int64_t now_ns,
                               struct worker **worker);

/* The claim that stands there. */
struct claim *claim_of_node(const struct heap_node *n);

/* Could the claim's task ever be placed, as far as anybody knows? */
bool claim_is_able(const struct sched *s, const struct claim *c);

#endif
