/* Tasks that a run would leave as they are: what is left to run, by number.
 * In as many ranges as the tasks lie in.
 */
#ifndef MPIBATCH_CLI_SKIPPED_H
#define MPIBATCH_CLI_SKIPPED_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/range.h"

/* Zero it to begin. */
struct skipped {
    struct task_range *list;
    size_t count, cap;
};

void skipped_fini(struct skipped *s);

/* Add a task: behind those added before, by job and index. -1 with err: no
 * memory. */
int skipped_add(struct skipped *s, uint32_t job, uint32_t index,
                struct err *err);

/* The index of task number k (from 0) of a job among those that are not
 * skipped. */
uint32_t skipped_left(const struct skipped *s, uint32_t job, uint32_t k);

#endif
