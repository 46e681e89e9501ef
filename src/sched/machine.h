/* Inside the scheduler: what its parts (sched.c, next.c, balance.c, replay.c,
 * ask.c) share. Nobody else includes it.
 *
 * The heaps due, expiries, news and those of nodes have had all their possible
 * elements in them at the start: heaps keep their memory, so adding to them
 * later cannot fail.
 */
#ifndef MPIBATCH_SCHED_MACHINE_H
#define MPIBATCH_SCHED_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/map.h"
#include "sched/jobs.h"
#include "sched/liveness.h"
#include "sched/needs.h"
#include "sched/nodes.h"
#include "sched/outstanding.h"
#include "sched/pickies.h"
#include "sched/place.h"
#include "sched/ready.h"
#include "sched/resources.h"
#include "sched/schedule.h"
#include "sched/sched.h"
#include "sched/tally.h"

enum worker_state {
    WORKER_EXPECTED, /* has not joined */
    WORKER_JOINED,
    WORKER_LOSING, /* lost; that is still to be said */
    WORKER_LOST    /* what it still has are attempts to be called lost */
};

enum recall_state {
    RECALL_NONE,
    RECALL_PLANNED, /* to be asked for recall_count tasks */
    RECALL_ASKED,   /* at recall_ns */
    RECALL_FUTILE   /* had nothing to give back, and got nothing since */
};

/* How far a worker is whose node is emptied: see closing.c. */
enum closing_state {
    CLOSING_NOT,
    CLOSING_ASK,   /* for what has not started */
    CLOSING_ASKED, /* then to end what is at closing_job, closing_index or
                      behind it */
};

struct worker {
    enum worker_state state;
    struct node_run *node;
    struct seat seat; /* in its pool's place if its node takes tasks */
    struct outstanding given;
    uint32_t held;           /* of its tasks: see prep.h */
    bool reserved;           /* for the claim of its pool: see claims.h */
    struct heap_node news;   /* in the heap of workers with something to say */
    struct heap_node victim; /* in balance.c's heap */
    enum sched_stop told;    /* how it has been told to stop */
    enum recall_state recall;
    uint32_t recall_count;
    enum closing_state closing;
    uint32_t closing_job, closing_index;
    int64_t recall_ns;
    int64_t progress_ns; /* when it last started or ended something */
};

enum task_past { TASK_FRESH, TASK_TRIED };

struct pool_run {
    const struct pool *spec; /* NULL: nothing is said of it */
    enum { POOL_WAITING, POOL_OPEN } state;
    uint32_t up; /* nodes that have been ready for tasks */
    struct place place;
    struct stock stock;
    const struct claim *reserved_for; /* NULL: nothing is reserved */
    uint32_t reserved_slots;          /* at each of the reserved workers */
    uint64_t freed; /* grows when something has become free: claim.seen */
};

struct sched {
    struct sched_config config;
    struct job_run *jobs; /* spec->job_count of them */
    struct worker *workers;
    struct ready ready;
    struct needs needs;
    struct schedule_run *schedules; /* beside the spec's */
    struct pickies pickies;
    struct pool_run *pools; /* ready.pool_count of them */
    struct node_run *nodes;
    uint32_t node_count;
    uint32_t *node_workers; /* by node: see node_run.first */
    struct liveness live;
    struct map tally;
    struct map grants;        /* see grant.h */
    struct grant *grant_news; /* those with something to say */
    struct heap due;          /* jobs to look at, by index */
    struct heap expiries;     /* jobs with a running time limit, by its end */
    struct heap news;         /* workers to act on, by number */
    struct heap victims;      /* balance.c's; empty between calls */
    struct heap node_news, node_quiet;
    char text[256];      /* what is said with an action */
    int64_t begun_ns;    /* the first moment; INT64_MIN: it is to come */
    int64_t nodes_at_ns; /* some node waits for that moment */
    enum sched_stop stop;
    bool paused;
    uint64_t starts_left;    /* UINT64_MAX: no limit */
    uint64_t outstanding;    /* tasks that workers have */
    uint32_t completed;      /* jobs */
    uint32_t expected, lost; /* workers */
    int64_t balance_at_ns;   /* not earlier */
};

/* What one look for something to do has come to. */
enum step {
    STEP_ACT,  /* there is an action */
    STEP_NONE, /* nothing here */
    STEP_LATER /* no memory to go on */
};

/* It is now_ns: mostly it was so before. */
static inline void machine_now(struct sched *s, int64_t now_ns)
{
    if (now_ns > s->live.now_ns)
        liveness_now(&s->live, now_ns);
    if (s->begun_ns == INT64_MIN)
        s->begun_ns = now_ns;
}

static inline uint32_t job_count_of(const struct sched *s)
{
    return s->config.spec->job_count;
}

/* Number of a worker, of a job. */
uint32_t worker_id(const struct sched *s, const struct worker *w);
uint32_t job_id(const struct sched *s, const struct job_run *j);

/* The worker or job that owns a node of the heaps. */
struct worker *worker_of_news(const struct heap_node *n);
struct node_run *node_of_news(const struct heap_node *n);
struct node_run *node_of_quiet(const struct heap_node *n);
struct job_run *job_of_due(const struct heap_node *n);
struct job_run *job_of_expiry(const struct heap_node *n);

/* There may be something to do about this job, this worker. */
void job_due(struct sched *s, struct job_run *j);
void worker_news(struct sched *s, struct worker *w);

/* A task that no set holds is to be attempted (again), or to wait for others
 * first. */
void task_put(struct sched *s, uint32_t job, uint32_t index,
              enum task_past past);
/* Take a task out of what holds it before it is given to a worker. Was it
 * there? */
bool task_take(struct sched *s, uint32_t job, uint32_t index);
/* The set of its bucket that holds a task, or NULL: it is not ready. */
struct indices *task_ready_set(const struct sched *s, uint32_t job,
                               uint32_t index, struct bucket **b);
/* Is it there? And has it had no attempt: known of one that waits so, or that
 * is skipped. */
bool task_waits(const struct sched *s, uint32_t job, uint32_t index);
bool task_is_fresh(const struct sched *s, uint32_t job, uint32_t index);
/* A completed task, which no worker has, is active again. Was it one? Not if it
 * would be skipped again. */
bool task_reactivate(struct sched *s, uint32_t job, uint32_t index);
/* The job is active again. */
void job_revive(struct sched *s, struct job_run *j);

/* The bucket of a task. */
struct bucket *task_bucket(const struct sched *s, uint32_t job, uint32_t index);

/* A job has changed its state from what it was: its tasks are handed out or
 * not, and the completed are counted. */
void job_changed(struct sched *s, struct job_run *j, enum job_state was);

/* An attempt of a task that no set holds has ended: note it in the tally. 0,
 * or -1 (no memory; nothing has changed). Then attempt_settle can count it
 * and make the task ready again if its disposition says so. */
int attempt_tally(struct sched *s, const struct attempt *a);
void attempt_settle(struct sched *s, const struct attempt *a);

/* Tasks first..first+count-1 of the range are not the worker's any more; room
 * for a cut is reserved in w->given. */
void tasks_release(struct sched *s, struct worker *w, struct range *r,
                   uint32_t first, uint32_t count);
/* Tasks that were not started are ready again, as if never given. */
void tasks_requeue(struct sched *s, const struct range *r);

/* Is there a ready plain task that could start at once, on a worker (of that
 * pool) with a free slot? Its bucket, or NULL. */
struct bucket *fill_bucket(const struct sched *s);
struct bucket *fill_bucket_of(const struct sched *s, uint32_t pool);

/* The place of a worker's pool, and a change of its load there. */
struct place *worker_place(const struct sched *s, const struct worker *w);
void worker_load(struct sched *s, struct worker *w, int sign,
                 const struct range *r, uint32_t count);

/* The joined worker that something came from, or NULL. */
struct worker *worker_reports(struct sched *s, int64_t now_ns, uint32_t worker);

/* Nothing is reserved in the pool any more. */
void reservation_drop(struct sched *s, struct pool_run *p);

/* What there is to do about a node: its start task, its state; afterwards, when
 * tasks have been handed out: is it running or idle now? */
enum step node_step(struct sched *s, struct node_run *n, int64_t now_ns,
                    struct sched_action *act);
bool node_rest(struct sched *s, struct node_run *n, struct sched_action *act);

/* Plan recalls, if it is time. 0, or -1 (no memory). */
int balance_plan(struct sched *s, int64_t now_ns);
/* When to call it; INT64_MAX: no need. */
int64_t balance_deadline_ns(const struct sched *s);

#endif
