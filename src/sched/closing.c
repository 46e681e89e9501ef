/* What people ask of nodes, and how a node is emptied: what has not started is
 * asked back; when that is answered, what runs is ended, or left to end. See
 * sched.h and nodes.h. */
#include "config.h"
#include "sched/closing.h"

#include <errno.h>
#include <inttypes.h>

#include "sched/grant.h"
#include "sched/prep.h"
#include "sched/special.h"

void node_close(struct sched *s, struct node_run *n, enum sched_running running)
{
    n->running = running;
    prep_unhold_node(s, n);
    for (uint32_t i = 0; i < n->count; i++) {
        struct worker *w = &s->workers[s->node_workers[n->first + i]];
        w->closing = CLOSING_ASK;
        worker_news(s, w);
    }
    node_news(s, n);
}

static void node_reopen(struct sched *s, struct node_run *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        s->workers[s->node_workers[n->first + i]].closing = CLOSING_NOT;
    n->health = (struct health){0};
    n->aside = NODE_TRUSTED;
    node_news(s, n);
}

/* How many tasks it has. */
static uint32_t task_count(const struct worker *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->given.count; i++)
        if (!special_is(w->given.ranges[i].first))
            n += w->given.ranges[i].count;
    return n;
}

/* Tell the worker of the next task that is to end there. */
static bool end_next(struct sched *s, struct worker *w,
                     struct sched_action *act)
{
    bool requeue = w->node->running == SCHED_REQUEUE;
    for (;;) {
        const struct range *r =
            outstanding_from(&w->given, w->closing_job, w->closing_index);
        if (!r)
            return false;
        uint32_t index = r->first;
        if (r->job == w->closing_job && index < w->closing_index)
            index = w->closing_index;
        w->closing_job = r->job;
        w->closing_index = index + 1;
        if (special_is(index) || r->state == RANGE_HELD ||
            r->state == RANGE_STORING)
            continue;
        *act = (struct sched_action){.kind = SCHED_END,
                                     .worker = worker_id(s, w),
                                     .job = r->job,
                                     .first = index,
                                     .count = 1,
                                     .attempt = r->attempt,
                                     .reason = requeue ? REASON_STOPPED
                                                       : REASON_CANCELLED};
        if (r->kind == RANGE_PLAIN)
            return true;
        if (grant_has_ended(s, r->job, index))
            continue;
        act->worker = grant_find(s, r->job, index)->workers[0];
        return true;
    }
}

bool closing_step(struct sched *s, struct worker *w, int64_t now_ns,
                  struct sched_action *act)
{
    if (w->state != WORKER_JOINED)
        return false;
    switch (w->closing) {
    case CLOSING_NOT:
        return false;
    case CLOSING_ASK:
        w->closing = CLOSING_ASKED;
        w->closing_job = w->closing_index = 0;
        if (w->recall == RECALL_ASKED)
            return false; /* its answer will bring us here */
        if (task_count(w) == 0) {
            w->closing = CLOSING_NOT;
            return false;
        }
        *act = (struct sched_action){.kind = SCHED_RECALL,
                                     .worker = worker_id(s, w),
                                     .count = task_count(w)};
        w->recall = RECALL_ASKED;
        w->recall_ns = now_ns;
        return true;
    case CLOSING_ASKED:
        if (w->recall == RECALL_ASKED)
            return false;
        if (w->node->running != SCHED_WAIT && end_next(s, w, act))
            return true;
        w->closing = CLOSING_NOT;
        return false;
    }
    return false;
}

/* ---- What people ask ---- */

static int not_ready(const struct node_run *n, struct err *err)
{
    return err_set(err, EINVAL, "NodeNotReady: the node is %s",
                   node_state_name(n->state));
}

int sched_node_command(struct sched *s, int64_t now_ns, uint32_t node,
                       enum sched_node_command command,
                       enum sched_running running, struct err *err)
{
    machine_now(s, now_ns);
    if (node >= s->node_count)
        return err_set(err, ESRCH, "NodeNotFound: there is no node %" PRIu32,
                       node);
    struct node_run *n = &s->nodes[node];
    bool over = n->lost == n->count || n->state == NODE_LEAVING_POOL ||
                n->wish == WISH_LEAVE;
    if (over)
        return err_set(err, EINVAL, "NodeNotReady: the node is %s",
                       n->lost == n->count ? "lost" : "leaving the pool");
    switch (command) {
    case SCHED_NODE_ONLINE:
        if (n->wish != WISH_OFFLINE && n->aside == NODE_TRUSTED)
            return not_ready(n, err);
        n->wish = WISH_WORK;
        node_reopen(s, n);
        break;
    case SCHED_NODE_OFFLINE:
        if (n->state == NODE_UNUSABLE || n->state == NODE_START_TASK_FAILED)
            return not_ready(n, err);
        n->wish = WISH_OFFLINE;
        node_close(s, n, running);
        break;
    case SCHED_NODE_REMOVE:
        n->wish = WISH_LEAVE;
        node_close(s, n, running);
        break;
    }
    return 0;
}
