/* What is known to run: attempts that have started and not ended. */
#ifndef MPIBATCH_MANAGER_STARTS_H
#define MPIBATCH_MANAGER_STARTS_H

#include "base/map.h"
#include "store/running.h"

struct starts {
    struct map places; /* (job, index) -> place in list */
    struct running *list;
    uint32_t count, cap;
};

void starts_init(struct starts *s);
void starts_fini(struct starts *s);

/* An attempt has started; a later one of the task replaces it. 0, or -1 (no
 * memory: it is not noted). */
int starts_add(struct starts *s, const struct running *started);

/* The task's attempt has ended, or is lost; of special tasks, the one of that
 * rank. When it had started, in ns since 1970, or 0: that is not known. */
int64_t starts_remove(struct starts *s, uint32_t job, uint32_t index,
                      uint32_t rank);

#endif
