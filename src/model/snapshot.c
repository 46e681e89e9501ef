/* A snapshot of a run: see snapshot.h. */
#include "config.h"
#include "model/snapshot.h"

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {"starting", "running", "stopping",
                                        "paused", "finished"};
    return names[state];
}

uint32_t snapshot_unusable_nodes(const struct snapshot *s)
{
    return s->node_states[NODE_START_TASK_FAILED] +
           s->node_states[NODE_OFFLINE] + s->node_states[NODE_UNUSABLE] +
           s->node_states[NODE_PREEMPTED] + s->node_states[NODE_LEAVING_POOL];
}

uint32_t snapshot_disabled(const struct snapshot *s)
{
    uint32_t n = 0;
    for (uint32_t j = 0; j < s->job_count; j++)
        n += s->jobs[j].state == JOB_DISABLED ||
             s->jobs[j].state == JOB_DISABLING;
    return n;
}

bool snapshot_waits(const struct snapshot *s)
{
    bool waits = false;
    for (uint32_t j = 0; j < s->job_count; j++) {
        const struct job_snapshot *job = &s->jobs[j];
        if (job->hidden || job->state != JOB_ACTIVE)
            continue;
        if (task_counts_left(&job->tasks) > 0)
            return false;
        waits = true;
    }
    return waits;
}
