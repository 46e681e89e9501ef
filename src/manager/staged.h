/* What staging has come to: the ranks' counts, summed over ranks and sessions.
 */
#ifndef MPIBATCH_MANAGER_STAGED_H
#define MPIBATCH_MANAGER_STAGED_H

#include <stdbool.h>
#include <stdint.h>

#include "model/stage_counts.h"

struct staged {
    struct stage_counts before;  /* earlier sessions */
    struct stage_counts session; /* all ranks */
    struct stage_counts *ranks;  /* each one's last word; NULL: none yet */
    uint32_t rank_count;
    struct stage_counts journaled; /* of session */
    int64_t changed_ns;            /* when something new was said last */
};

void staged_init(struct staged *s, uint32_t rank_count);
void staged_fini(struct staged *s);

/* A rank says what it has counted in this session so far. What there is no
 * memory for is not counted. */
void staged_rank(struct staged *s, uint32_t rank, const struct stage_counts *c,
                 int64_t now_ns);

/* All sessions. */
struct stage_counts staged_sum(const struct staged *s);

/* Is there something to journal? Then it is taken to be. */
bool staged_journal(struct staged *s);

#endif
