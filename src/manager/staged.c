/* Sums of what staging has come to: see staged.h. */
#include "config.h"
#include "manager/staged.h"

#include "base/mem.h"

void staged_init(struct staged *s, uint32_t rank_count)
{
    *s = (struct staged){.rank_count = rank_count};
}

void staged_fini(struct staged *s)
{
    mem_free(s->ranks);
    s->ranks = NULL;
}

void staged_rank(struct staged *s, uint32_t rank, const struct stage_counts *c,
                 int64_t now_ns)
{
    if (!s->ranks)
        s->ranks = mem_calloc(s->rank_count, sizeof(s->ranks[0]));
    if (!s->ranks || rank >= s->rank_count ||
        stage_counts_same(&s->ranks[rank], c))
        return;
    for (int i = 0; i < STAGE_COUNTS; i++) {
        uint64_t was = stage_count_get(&s->ranks[rank], i);
        uint64_t is = stage_count_get(c, i);
        if (is > was) /* what comes out of order is older */
            stage_count_set(&s->session, i,
                            stage_count_get(&s->session, i) + (is - was));
        stage_count_set(&s->ranks[rank], i, is > was ? is : was);
    }
    s->changed_ns = now_ns;
}

struct stage_counts staged_sum(const struct staged *s)
{
    struct stage_counts sum = s->before;
    stage_counts_add(&sum, &s->session);
    return sum;
}

bool staged_journal(struct staged *s)
{
    if (stage_counts_same(&s->session, &s->journaled))
        return false;
    s->journaled = s->session;
    return true;
}
