/* Special tasks of nodes: see special.h. */
#include "config.h"
#include "sched/special.h"

#include "sched/prep.h"

int special_give(struct sched *s, int64_t now_ns, struct worker *w,
                 uint32_t job, uint32_t index, uint32_t attempt,
                 struct sched_action *act)
{
    struct range r = {.job = job,
                      .first = index,
                      .count = 1,
                      .attempt = attempt,
                      .state = RANGE_GIVEN};
    if (outstanding_reserve(&w->given, 1) < 0)
        return -1;
    if (w->given.count == 0)
        w->progress_ns = now_ns;
    outstanding_add(&w->given, &r);
    s->outstanding++;
    if (job < job_count_of(s))
        s->jobs[job].specials++;
    *act = (struct sched_action){.kind = SCHED_ASSIGN,
                                 .worker = worker_id(s, w),
                                 .job = job,
                                 .first = index,
                                 .count = 1,
                                 .attempt = attempt};
    return 0;
}

static void release(struct sched *s, struct worker *w, struct range *r)
{
    s->outstanding--;
    if (r->job < job_count_of(s))
        s->jobs[r->job].specials--;
    outstanding_cut(&w->given, r, r->first, 1);
}

void special_ended(struct sched *s, int64_t now_ns, struct worker *w,
                   struct range *r, struct attempt *a)
{
    release(s, w, r);
    if (a->index == INDEX_START)
        node_start_ended(s, w->node, now_ns, a);
    else
        prep_ended(s, (uint32_t)(w->node - s->nodes), now_ns, a);
}

void special_back(struct sched *s, struct worker *w, struct range *r)
{
    uint32_t job = r->job, index = r->first;
    release(s, w, r);
    if (index == INDEX_START)
        node_start_back(s, w->node);
    else
        prep_back(s, (uint32_t)(w->node - s->nodes), job, index);
}
