/* Job preparation and job release: see prep.h. */
#include "config.h"
#include "sched/prep.h"

#include "base/mem.h"
#include "base/quantity.h"
#include "model/policy.h"
#include "sched/special.h"

/* A release task that lasts longer is ended. */
#define RELEASE_MAX_NS (15 * 60 * NS_PER_SEC)

void preps_fini(struct job_run *j)
{
    mem_free(j->preps);
    j->preps = NULL;
}

enum prep_gate prep_gate(const struct job_run *j, uint32_t node)
{
    const struct special_task *t = j->spec->preparation;
    if (!t)
        return GATE_OPEN;
    if (!j->preps)
        return GATE_BEGIN;
    switch (j->preps[node].state) {
    case PREP_DONE:
        return GATE_OPEN;
    case PREP_WANTED:
    case PREP_GIVEN:
        return t->wait_for_success ? GATE_HOLD : GATE_OPEN;
    case PREP_FAILED:
        return t->wait_for_success ? GATE_CLOSED : GATE_OPEN;
    case PREP_NONE:
    case RELEASE_DONE:
        return GATE_BEGIN;
    default:
        return GATE_CLOSED;
    }
}

static int preps_init(struct sched *s, struct job_run *j)
{
    if (!j->preps)
        j->preps = mem_calloc(s->node_count, sizeof(j->preps[0]));
    return j->preps ? 0 : -1;
}

/* Give the leader of the node an attempt. STEP_NONE: nobody is left there. */
static enum step give(struct sched *s, int64_t now_ns, struct job_run *j,
                      uint32_t node, uint32_t index, uint32_t attempt,
                      struct sched_action *act)
{
    struct worker *w = node_leader(s, &s->nodes[node]);
    if (!w)
        return STEP_NONE;
    if (special_give(s, now_ns, w, job_id(s, j), index, attempt, act) < 0)
        return STEP_LATER;
    j->preps[node].worker = worker_id(s, w);
    return STEP_ACT;
}

int prep_begin(struct sched *s, int64_t now_ns, struct job_run *j,
               uint32_t node, struct sched_action *act)
{
    if (preps_init(s, j) < 0)
        return -1;
    struct prep *p = &j->preps[node];
    if (give(s, now_ns, j, node, INDEX_JOB_PREPARATION, p->attempts + 1, act) !=
        STEP_ACT)
        return -1;
    p->state = PREP_GIVEN;
    p->retries = 0;
    j->release = RELEASES_TO_COME;
    return 0;
}

/* ---- Held tasks ---- */

void prep_hold(struct sched *s, struct worker *w, const struct range *r,
               int64_t more)
{
    struct job_run *j = &s->jobs[r->job];
    struct prep *p = &j->preps[w->node - s->nodes];
    p->held = (uint32_t)(p->held + more);
    j->held = (uint64_t)((int64_t)j->held + more);
    w->held = (uint32_t)(w->held + more);
}

/* Those of the job that the worker does not know of are ready again. */
static void worker_unhold(struct sched *s, struct worker *w, uint32_t job)
{
    for (uint32_t i = w->given.count; i > 0; i--) {
        struct range r = w->given.ranges[i - 1];
        if (r.state != RANGE_HELD || r.job != job)
            continue;
        tasks_release(s, w, &w->given.ranges[i - 1], r.first, r.count);
        tasks_requeue(s, &r);
    }
}

static void node_unhold(struct sched *s, const struct node_run *n, uint32_t job)
{
    for (uint32_t i = 0; i < n->count; i++)
        worker_unhold(s, &s->workers[s->node_workers[n->first + i]], job);
}

void prep_unhold(struct sched *s, struct job_run *j)
{
    for (uint32_t i = 0; j->held > 0 && i < s->node_count; i++)
        if (j->preps[i].held > 0)
            node_unhold(s, &s->nodes[i], job_id(s, j));
}

void prep_unhold_node(struct sched *s, const struct node_run *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        struct worker *w = &s->workers[s->node_workers[n->first + i]];
        for (uint32_t k = 0; k < w->given.count && w->held > 0;)
            if (w->given.ranges[k].state == RANGE_HELD)
                worker_unhold(s, w, w->given.ranges[k].job);
            else
                k++;
    }
}

void prep_unhold_all(struct sched *s)
{
    for (uint32_t i = 0; i < job_count_of(s); i++)
        prep_unhold(s, &s->jobs[i]);
}

/* Give a held range of that node to its worker now. */
static bool assign_held(struct sched *s, const struct node_run *n, uint32_t job,
                        struct sched_action *act)
{
    for (uint32_t i = 0; i < n->count; i++) {
        struct worker *w = &s->workers[s->node_workers[n->first + i]];
        for (uint32_t k = 0; w->held > 0 && k < w->given.count; k++) {
            struct range *r = &w->given.ranges[k];
            if (r->state != RANGE_HELD || r->job != job)
                continue;
            prep_hold(s, w, r, -(int64_t)r->count);
            r->state = RANGE_GIVEN;
            *act = (struct sched_action){.kind = SCHED_ASSIGN,
                                         .worker = worker_id(s, w),
                                         .job = job,
                                         .first = r->first,
                                         .count = r->count,
                                         .attempt = r->attempt};
            return true;
        }
    }
    return false;
}

/* ---- Preparation ---- */

/* Are there nodes that are not closed to the job? */
static bool has_nodes(const struct sched *s, const struct job_run *j)
{
    for (uint32_t i = 0; i < s->node_count; i++)
        if (s->nodes[i].pool == j->spec->pool &&
            prep_gate(j, i) != GATE_CLOSED && node_is_hopeful(s, &s->nodes[i]))
            return true;
    return false;
}

/* The node is closed to the job: where its tasks may go must be looked at one
 * by one. 0, or -1 (no memory). */
static int close_node(struct sched *s, struct job_run *j, uint32_t node)
{
    struct ready_job *of = &s->ready.jobs[job_id(s, j)];
    node_unhold(s, &s->nodes[node], job_id(s, j));
    for (uint32_t i = 0; i < of->count; i++)
        if (ready_make_claim(&s->ready, of->buckets[i]) < 0)
            return -1;
    return 0;
}

/* What there is to do on one node while the job runs. */
static enum step node_prep_step(struct sched *s, struct job_run *j,
                                uint32_t node, int64_t now_ns,
                                struct sched_action *act)
{
    struct prep *p = &j->preps[node];
    enum step step;
    switch (p->state) {
    case PREP_WANTED:
        if (!node_takes_tasks(s, &s->nodes[node])) {
            p->state = PREP_NONE; /* with the next task there */
            node_unhold(s, &s->nodes[node], job_id(s, j));
            return STEP_NONE;
        }
        if (p->at_ns > now_ns) {
            nodes_at(s, p->at_ns);
            return STEP_NONE;
        }
        step = give(s, now_ns, j, node, INDEX_JOB_PREPARATION, p->attempts + 1,
                    act);
        if (step == STEP_ACT)
            p->state = PREP_GIVEN;
        return step;
    case PREP_DONE:
        return p->held > 0 && assign_held(s, &s->nodes[node], job_id(s, j), act)
                   ? STEP_ACT
                   : STEP_NONE;
    case PREP_FAILED:
        return j->spec->preparation->wait_for_success &&
                       close_node(s, j, node) < 0
                   ? STEP_LATER
                   : STEP_NONE;
    default:
        return STEP_NONE;
    }
}

static enum step prepare_step(struct sched *s, struct job_run *j,
                              int64_t now_ns, struct sched_action *act)
{
    bool failed = false;
    if (s->paused || s->stop != SCHED_RUN)
        return STEP_NONE;
    for (uint32_t i = 0; i < s->node_count; i++) {
        enum step step = node_prep_step(s, j, i, now_ns, act);
        if (step != STEP_NONE)
            return step;
        failed |= j->preps[i].state == PREP_FAILED;
    }
    if (!failed || job_is_done(j) || has_nodes(s, j))
        return STEP_NONE;
    enum job_state was = j->state;
    j->state = JOB_TERMINATING;
    j->end = JOB_END_PREPARATION;
    j->cancel_next = 0;
    job_changed(s, j, was);
    *act = (struct sched_action){
        .kind = SCHED_JOB_CHANGED,
        .job = job_id(s, j),
        .job_state = j->state,
        .job_end = j->end,
        .text = "its preparation task has failed on every node"};
    return STEP_ACT;
}

/* ---- Release ---- */

/* Where preparation ran, release is owed from now on. */
static void releases_begin(struct sched *s, struct job_run *j)
{
    for (uint32_t i = 0; i < s->node_count; i++) {
        struct prep *p = &j->preps[i];
        if (p->attempts == 0 || p->state >= RELEASE_WANTED)
            continue;
        p->state = j->spec->release ? RELEASE_WANTED : RELEASE_DONE;
        p->at_ns = 0;
        p->release_retries = 0;
        j->owed += j->spec->release != NULL;
    }
    j->release = RELEASES_BEGUN;
}

static void release_done(struct job_run *j, struct prep *p)
{
    p->state = RELEASE_DONE;
    j->owed--;
}

static enum step node_release_step(struct sched *s, struct job_run *j,
                                   uint32_t node, int64_t now_ns,
                                   struct sched_action *act)
{
    struct prep *p = &j->preps[node];
    if (p->state == RELEASE_WANTED) {
        if (s->stop != SCHED_RUN) {
            release_done(j, p);
            return STEP_NONE;
        }
        if (s->paused)
            return STEP_NONE;
        enum step step = give(s, now_ns, j, node, INDEX_JOB_RELEASE,
                              p->release_attempts + 1, act);
        if (step == STEP_NONE)
            release_done(j, p);
        if (step == STEP_ACT) {
            p->state = RELEASE_GIVEN;
            if (p->at_ns == 0)
                p->at_ns = now_ns + RELEASE_MAX_NS;
            nodes_at(s, p->at_ns);
        }
        return step;
    }
    if (p->state != RELEASE_GIVEN)
        return STEP_NONE;
    if (p->at_ns > now_ns) {
        nodes_at(s, p->at_ns);
        return STEP_NONE;
    }
    p->state = RELEASE_ENDING;
    *act = (struct sched_action){.kind = SCHED_END,
                                 .worker = p->worker,
                                 .job = job_id(s, j),
                                 .first = INDEX_JOB_RELEASE,
                                 .count = 1,
                                 .attempt = p->release_attempts + 1,
                                 .reason = REASON_TIMEOUT};
    return STEP_ACT;
}

static enum step release_step(struct sched *s, struct job_run *j,
                              int64_t now_ns, struct sched_action *act)
{
    if (j->outstanding > 0 ||
        (j->release == RELEASES_TO_COME && j->specials > 0))
        return STEP_NONE;
    if (j->release == RELEASES_TO_COME)
        releases_begin(s, j);
    for (uint32_t i = 0; j->owed > 0 && i < s->node_count; i++) {
        enum step step = node_release_step(s, j, i, now_ns, act);
        if (step != STEP_NONE)
            return step;
    }
    return STEP_NONE;
}

enum step prep_step(struct sched *s, struct job_run *j, int64_t now_ns,
                    struct sched_action *act)
{
    if (!j->preps)
        return STEP_NONE;
    if (j->state == JOB_ACTIVE)
        return prepare_step(s, j, now_ns, act);
    prep_unhold(s, j);
    return j->state == JOB_TERMINATING ? release_step(s, j, now_ns, act)
                                       : STEP_NONE;
}

/* ---- Ends ---- */

static void preparation_ended(struct sched *s, struct job_run *j,
                              struct prep *p, int64_t now_ns,
                              const struct verdict *v, struct attempt *a)
{
    bool cut = a->reason == REASON_CANCELLED || a->reason == REASON_STOPPED ||
               j->state != JOB_ACTIVE;
    p->attempts = a->attempt;
    if (a->result == RESULT_SUCCESS) {
        p->state = PREP_DONE;
    } else if (cut) { /* it runs again if the job does */
        p->state = PREP_NONE;
    } else if (v->again) {
        p->state = PREP_WANTED;
        p->retries += v->uses_retry;
        p->at_ns = now_ns + v->pause_ns;
        nodes_at(s, p->at_ns);
    } else {
        p->state = PREP_FAILED;
    }
    a->disposition = p->state == PREP_WANTED ? TASK_RETRIES : TASK_ENDS;
}

static void release_ended(struct sched *s, struct job_run *j, struct prep *p,
                          int64_t now_ns, const struct verdict *v,
                          struct attempt *a)
{
    bool again = v->again && s->stop == SCHED_RUN && now_ns < p->at_ns;
    p->release_attempts = a->attempt;
    p->release_retries += v->uses_retry;
    if (again)
        p->state = RELEASE_WANTED;
    else
        release_done(j, p);
    a->disposition = again ? TASK_RETRIES : TASK_ENDS;
}

void prep_ended(struct sched *s, uint32_t node, int64_t now_ns,
                struct attempt *a)
{
    struct job_run *j = &s->jobs[a->job];
    struct prep *p = &j->preps[node];
    bool release = a->index == INDEX_JOB_RELEASE;
    struct verdict v = policy_judge(job_template(j->spec, a->index), a,
                                    release ? p->release_retries : p->retries);
    if (release)
        release_ended(s, j, p, now_ns, &v, a);
    else
        preparation_ended(s, j, p, now_ns, &v, a);
    if (p->state == PREP_NONE)
        node_unhold(s, &s->nodes[node], a->job);
    s->pools[s->nodes[node].pool].freed++; /* for those who wait for it */
    job_due(s, j);
}

void prep_back(struct sched *s, uint32_t node, uint32_t job, uint32_t index)
{
    struct job_run *j = &s->jobs[job];
    struct prep *p = &j->preps[node];
    if (index == INDEX_JOB_RELEASE)
        p->state = RELEASE_WANTED;
    else if (p->held > 0)
        p->state = PREP_WANTED;
    else
        p->state = PREP_NONE;
    p->at_ns = index == INDEX_JOB_RELEASE ? p->at_ns : 0;
    job_due(s, j);
}
