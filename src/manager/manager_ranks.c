/* The ranks of a session: they join, are heard of, leave, are lost. See
 * manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

void manager_rank_ready(struct manager *m, uint32_t rank, const struct msg *msg)
{
    struct err err;
    if (msg->u.ready.version != MSG_VERSION) {
        manager_notice(m, "rank %" PRIu32 " runs another version of mpibatch",
                       rank);
        return;
    }
    if (m->ranks[rank] != RANK_SILENT)
        return;
    m->ranks[rank] = RANK_JOINED;
    manager_journal_node(m, rank, msg);
    manager_added_join(m, rank);
    memcpy(m->gpu_order + (size_t)rank * GPU_MAX_PER_NODE, msg->u.ready.gpus,
           msg->u.ready.gpu_count * sizeof(m->gpu_order[0]));
    if (sched_worker_join(m->sched, now_ns(m), rank, msg->u.ready.slots, &err) <
        0)
        manager_fail(m, &err);
    if (m->stopping)
        manager_tell(
            m, rank,
            &(struct msg){.kind = MSG_STOP, .u.stop.now = m->stop_now});
}

void manager_rank_heard(void *arg, uint32_t rank)
{
    struct manager *m = arg;
    sched_worker_heard(m->sched, now_ns(m), rank);
}

void manager_rank_gone(void *arg, uint32_t rank, const char *why)
{
    struct manager *m = arg;
    struct err err;
    log_debug("rank %" PRIu32 ": %s", rank, why);
    if (sched_worker_gone(m->sched, now_ns(m), rank, &err) < 0)
        manager_fail(m, &err);
}

void manager_rank_lost(struct manager *m, uint32_t rank)
{
    m->ranks[rank] = RANK_LOST;
    comm_forget(m->means.comm, rank);
    manager_remotes_lost(m, rank);
    if (m->config.lost)
        m->config.lost(m->config.arg, rank);
    manager_journal_put(
        m, &(struct journal_record){.type = JOURNAL_LOST, .u.lost.rank = rank});
    manager_notice(
        m, "rank %" PRIu32 " on %s is lost; its tasks will run elsewhere", rank,
        m->means.ranks[rank].hostname);
}

bool manager_any_rank_lost(const struct manager *m)
{
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->ranks[r] == RANK_LOST)
            return true;
    return false;
}

bool manager_ranks_left(struct manager *m)
{
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->ranks[r] == RANK_SILENT || m->ranks[r] == RANK_JOINED)
            return false;
    return comm_idle(m->means.comm);
}

bool manager_rank_lives(void *arg, uint32_t rank)
{
    return ((struct manager *)arg)->ranks[rank] == RANK_JOINED;
}
