/* What a job may have at once: see limits.h. */
#include "config.h"
#include "sched/limits.h"

uint32_t job_room(const struct job_run *j)
{
    uint32_t most = j->spec->max_parallel_tasks;
    if (most == 0)
        return UINT32_MAX;
    return j->outstanding < most ? most - (uint32_t)j->outstanding : 0;
}

bool job_is_live(const struct job_run *j)
{
    return j->state == JOB_ACTIVE && j->turn == TURN_HAS_BEGUN &&
           job_room(j) > 0;
}

bool job_is_open(const struct job_run *j)
{
    return job_is_live(j) && j->manager != MANAGER_WAITS;
}

void job_gate(struct sched *s, struct job_run *j)
{
    if (job_is_open(j))
        ready_open(&s->ready, job_id(s, j));
    else
        ready_close(&s->ready, job_id(s, j));
    pickies_gate(s, j);
}
