/* Which tasks a task depends on, and which depend on it; of a whole spec how
 * many do. */
#ifndef MPIBATCH_VIEW_DEPENDS_H
#define MPIBATCH_VIEW_DEPENDS_H

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"

enum { DEPENDS_SHOWN = 100 };

struct depends {
    struct {
        uint32_t job, index;
    } tasks[DEPENDS_SHOWN]; /* the first ones */
    uint64_t count;         /* of all; one that is named twice is twice */
};

void depends_on(const struct jobspec *spec, uint32_t job, uint32_t index,
                struct depends *out);
void depends_dependents(const struct jobspec *spec, uint32_t job,
                        uint32_t index, struct depends *out);
/* Append "prep/1, prep/2 and 10 more"; of more than max (at most
 * DEPENDS_SHOWN). -1 as buf_put. */
int depends_put(const struct jobspec *spec, const struct depends *d,
                uint32_t max, struct buf *out);

/* Of a job: how many of its tasks wait for others, and for how many all of them
 * together. */
struct depends_sum {
    uint64_t tasks, edges;
};

/* Specs with more tasks are not looked through for chains. */
enum { DEPENDS_MAX_TASKS = 50 * 1000 * 1000 };
/* sums: one a job. *longest: so many tasks has the longest chain in which each
 * waits for the one before it (1: none waits), 0: that was not found out, nor
 * how many tasks wait. chain: one such, from its end. -1 with err ENOMEM. */
int depends_survey(const struct jobspec *spec, struct depends_sum *sums,
                   uint32_t *longest, struct depends *chain, struct err *err);

#endif
