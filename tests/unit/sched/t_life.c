/* The whole life of random sessions: nodes, special tasks, resources, tasks on
 * several nodes, dependencies, retries, schedules, losses, and whatever people
 * ask in the midst of it. A slow, obvious model stands beside the scheduler:
 * each action must be allowed by it, and after each input all states must
 * agree; in the end the journal is read into a new scheduler, which must say
 * the same. */
#include "config.h"

#include "nodes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MS NS_PER_MS
enum {
    GPUS,
    LICENCES,
    RESOURCES,
    NODES = 4,
    EACH = 2,
    WORKERS = NODES * EACH,
    JOBS = 5,
    TASKS = 10, /* a job's, at most; behind them its manager */
    STEPS = 250,
    ENDING = 20000, /* steps in which all must come to its end */
    SEEDS = 1500,
    ENTRIES = 512,
    MESSAGES = 256,
    RULES = 3 * JOBS,
    RECORDS = 8192
};

#define MUST(w, cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            fail_msg("seed %" PRIu64 ", step %" PRIu32 ": not so: %s",         \
                     (w)->seed, (w)->step, #cond);                             \
    } while (0)

/* ---- The model ---- */

/* What a worker has of an attempt. */
struct entry {
    enum { SENT, WAITS, COORDINATES, IS_READY, RUNS } state;
    uint32_t worker, job, index, attempt, instance, instances;
    struct gpu_share gpus[2];
    uint32_t gpu_count;
};

struct task {
    bool held;  /* workers have its attempt */
    bool limbo; /* one of them was lost just now */
    bool done, touched, deleted;
    bool good; /* for those that wait for it */
    enum attempt_result result;
    uint32_t attempts, retries;
    int64_t until; /* not to be attempted before */
};

struct model_worker {
    enum { EXPECTED, JOINED, GONE } life;
    bool stopping;
    struct sched_action messages[MESSAGES];
    uint32_t message_count;
};

enum special_state { NOT_YET, IS_GIVEN, ENDED_WELL, ENDED_BADLY };

struct record {
    enum { ATTEMPT, JOB, SKIPPED, AGAIN, OCCURRENCE } kind;
    struct attempt a;
    struct task_range range;
    enum job_state state;
    enum job_end end;
    bool begun;
};

struct model_job {
    enum job_state state;
    bool hidden, left_out;
    enum special_state prepared[NODES], released[NODES];
    bool ran[NODES]; /* preparation, to its end: release is owed */
};

struct world {
    struct node_specs n;
    struct sched *s;
    uint64_t seed, random;
    uint32_t step;
    int64_t now;
    bool stopped, calm, broken, deletes;
    uint64_t capacity[NODES][RESOURCES];
    struct amount licences;
    struct job_schedule schedule;
    struct special_task preparation[JOBS], release[JOBS], manager[JOBS];
    struct task_template listed[JOBS][TASKS];
    struct exit_code_options codes[2];
    struct depend_rule rules[RULES];
    struct task_range parents[RULES];
    struct task tasks[JOBS][TASKS + 1];
    struct model_job jobs[JOBS];
    struct model_worker workers[WORKERS];
    enum node_state nodes[NODES];
    struct entry entries[ENTRIES];
    uint32_t entry_count;
    struct record records[RECORDS];
    uint32_t record_count;
};

static const struct resource resources[RESOURCES] = {
    [GPUS] = {"gpus", RESOURCE_GPUS, RESOURCE_OF_NODE},
    [LICENCES] = {"licences", RESOURCE_NAMED, RESOURCE_OF_POOL},
};
static const struct amount amounts[] = {
    {GPUS, 1000}, {GPUS, 500}, {LICENCES, 1000}};
static const struct request requests[] = {
    {1, 1, false, NULL, 0},        {2, 1, false, NULL, 0},
    {1, 1, false, &amounts[0], 1}, {2, 1, false, &amounts[1], 2},
    {1, 2, false, NULL, 0},        {1, 3, false, &amounts[1], 1},
    {1, 1, true, NULL, 0},         {1, 1, false, &amounts[2], 1}};
enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((w->random >> 33) % below);
}

static const struct jobspec *spec_of(const struct world *w)
{
    return &w->n.specs.spec;
}

static struct task *task_of(struct world *w, uint32_t job, uint32_t index)
{
    return &w->tasks[job][index == INDEX_JOB_MANAGER ? TASKS : index];
}

static bool is_special(uint32_t index)
{
    enum special_kind kind = special_of(index);
    return kind != SPECIAL_NONE && kind != SPECIAL_JOB_MANAGER;
}

static struct request request_of(const struct world *w, uint32_t job,
                                 uint32_t index)
{
    return jobspec_request(spec_of(w), job, index);
}

static uint32_t slots_of(const struct world *w, uint32_t job, uint32_t index)
{
    return is_special(index)
               ? 0
               : jobspec_template(spec_of(w), job, index)->required_slots;
}

static struct record *note(struct world *w, int kind)
{
    MUST(w, w->record_count < RECORDS);
    struct record *r = &w->records[w->record_count++];
    memset(r, 0, sizeof(*r));
    r->kind = kind;
    return r;
}

/* ---- Worlds ---- */

static void template_init(struct world *w, struct task_template *t)
{
    static const int32_t retries[] = {0, 0, 1, 2, 5};
    *t = (struct task_template){.retry = retry_policy_default,
                                .checkpoint_exit_code = -1};
    t->request = pick(w, 2) ? 0 : pick(w, REQUESTS);
    t->required_slots = requests[t->request].slots;
    t->constraints.max_task_retry_count = retries[pick(w, 5)];
    t->retry.backoff_ns = pick(w, 3) ? 0 : 20 * MS;
    t->retry.different_node = pick(w, 4) == 0;
    if (pick(w, 2) == 0) {
        t->exit_conditions.codes = w->codes;
        t->exit_conditions.code_count = 2;
        t->exit_conditions.has_default = true;
    }
}

static void rule_add(struct world *w, uint32_t job, uint32_t first,
                     uint32_t count, uint32_t parent, uint32_t before)
{
    uint32_t k = w->n.specs.spec.depend_count++;
    uint32_t from = pick(w, before);
    w->parents[k] =
        (struct task_range){parent, from, 1 + pick(w, before - from)};
    w->rules[k] = (struct depend_rule){.kind = DEPEND_TASKS,
                                       .job = job,
                                       .first = first,
                                       .count = count,
                                       .parent_job = parent,
                                       .any = pick(w, 4) == 0,
                                       .parents = &w->parents[k],
                                       .parent_range_count = 1};
}

static void rules_init(struct world *w, uint32_t j)
{
    const struct job *jobs = w->n.specs.jobs;
    uint32_t count = jobs[j].tasks.count;
    if (j > 0 && count > 1 && pick(w, 3) == 0) {
        uint32_t parent = pick(w, j);
        rule_add(w, j, 0, count, parent, jobs[parent].tasks.count);
    }
    if (jobs[j].tasks.kind != TASKS_LISTED || count < 4)
        return;
    for (uint32_t i = 2; i < 4; i++)
        if (pick(w, 2) == 0)
            rule_add(w, j, i, 1, j, i);
}

static void job_init(struct world *w, uint32_t j)
{
    uint32_t count = 1 + pick(w, TASKS);
    struct job *job = specs_add(&w->n.specs, count, 1, (int32_t)pick(w, 3), 0);
    template_init(w, &w->n.specs.templates[j]);
    if (pick(w, 2)) {
        job->tasks.kind = TASKS_LISTED;
        job->templates = w->listed[j];
        for (uint32_t i = 0; i < count; i++)
            template_init(w, &w->listed[j][i]);
    }
    job->max_parallel_tasks = pick(w, 4) ? 0 : 1 + pick(w, 3);
    job->max_wall_clock_ns = pick(w, 8) ? 0 : 300 * MS;
    job->on_task_failure =
        pick(w, 3) ? TASK_FAILURE_NO_ACTION : TASK_FAILURE_JOB_ACTION;
    if (pick(w, 6) == 0)
        job->stop_when = (struct stop_when){.failed = 1 + pick(w, 3)};
    w->preparation[j] =
        special_of_test("jobpreparation", pick(w, 3) > 0, pick(w, 2));
    w->release[j] = special_of_test("jobrelease", true, 0);
    w->manager[j] = special_of_test("jobmanager", true, 1);
    w->manager[j].kill_job_on_completion = pick(w, 4) == 0;
    if (pick(w, 2) == 0) {
        job->preparation = &w->preparation[j];
        job->release = pick(w, 3) ? &w->release[j] : NULL;
    }
    job->manager = pick(w, 5) ? NULL : &w->manager[j];
    rules_init(w, j);
}

/* The last job, perhaps, is one of a schedule. */
static void schedule_init(struct world *w)
{
    struct jobspec *spec = &w->n.specs.spec;
    uint32_t last = spec->job_count - 1;
    if (spec->job_count < 2 || pick(w, 3))
        return;
    w->schedule = (struct job_schedule){.id = "schedule",
                                        .not_before = {pick(w, 100) * MS, true},
                                        .not_after = {INT64_MAX, false},
                                        .window_ns = pick(w, 3) ? INT64_MAX : 0,
                                        .first_job = last,
                                        .job_count = 1};
    w->n.specs.jobs[last].schedule = 1;
    w->jobs[last].hidden = true;
    spec->schedules = &w->schedule;
    spec->schedule_count = 1;
}

static void pool_init(struct world *w)
{
    struct pool *pool = &w->n.pools[0];
    w->n.start = special_of_test("starttask", pick(w, 2) == 0, pick(w, 2));
    pool->node_fill_type = pick(w, 2) ? NODE_FILL_SPREAD : NODE_FILL_PACK;
    pool->start_task = pick(w, 3) ? NULL : &w->n.start;
    w->licences = (struct amount){LICENCES, 2000};
    pool->pool_resources = &w->licences;
    pool->pool_resource_count = 1;
    for (uint32_t i = 0; i < NODES; i++) {
        w->capacity[i][GPUS] = 1000 * (1 + pick(w, 2));
        w->n.nodes[i].capacity = w->capacity[i];
    }
}

static struct sched *sched_of(struct world *w)
{
    struct sched_config c;
    struct err err = {0};
    sched_config_init(&c);
    c.silence_ns = INT64_C(1000000) * NS_PER_SEC;
    c.spec = spec_of(w);
    c.worker_count = WORKERS;
    c.nodes = w->n.nodes;
    c.node_count = NODES;
    c.worker_nodes = w->n.worker_nodes;
    struct sched *s = sched_create(&c, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s);
    return s;
}

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->random = seed * 2654435761u + 1;
    node_specs_init(&w->n, NODES, EACH);
    struct jobspec *spec = &w->n.specs.spec;
    spec->resources = resources;
    spec->resource_count = RESOURCES;
    spec->requests = requests;
    spec->request_count = REQUESTS;
    spec->depends = w->rules;
    w->codes[0] =
        (struct exit_code_options){3, 3, {JOB_ACTION_NONE, DEPENDENCY_SATISFY}};
    w->codes[1] = (struct exit_code_options){
        4, 4, {JOB_ACTION_DISABLE, DEPENDENCY_BLOCK}};
    pool_init(w);
    uint32_t jobs = 1 + pick(w, JOBS);
    for (uint32_t j = 0; j < jobs; j++)
        job_init(w, j);
    schedule_init(w);
    w->s = sched_of(w);
}

/* ---- What is allowed ---- */

/* Can the rule be satisfied (1), is it (2), or neither (0)? */
static int rule_state(struct world *w, const struct depend_rule *r)
{
    const struct task_range *p = r->parents;
    uint32_t good = 0, open = 0;
    for (uint32_t i = p->first; i < p->first + p->count; i++) {
        const struct task *t = task_of(w, r->parent_job, i);
        good += t->done && t->good;
        open += !t->done && w->jobs[r->parent_job].state != JOB_COMPLETED;
    }
    if (r->any)
        return good > 0 ? 2 : open > 0;
    return good == p->count ? 2 : good + open == p->count;
}

/* Of all rules of a task: the worst. */
static int needs_of(struct world *w, uint32_t job, uint32_t index)
{
    int worst = 2;
    for (uint32_t k = 0; k < spec_of(w)->depend_count; k++) {
        const struct depend_rule *r = &w->rules[k];
        if (r->job != job || index < r->first || index - r->first >= r->count)
            continue;
        int is = rule_state(w, r);
        worst = is < worst ? is : worst;
    }
    return worst;
}

static uint32_t node_of(uint32_t worker)
{
    return worker / EACH;
}

/* What the node has given of its GPUs: of one, or (UINT32_MAX) of all. */
static uint32_t gpus_used(const struct world *w, uint32_t node, uint32_t gpu)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < w->entry_count; i++)
        for (uint32_t k = 0; k < w->entries[i].gpu_count; k++)
            if (node_of(w->entries[i].worker) == node &&
                (gpu == UINT32_MAX || w->entries[i].gpus[k].gpu == gpu))
                sum += w->entries[i].gpus[k].milli;
    return sum;
}

static void check_room(struct world *w, const struct entry *e)
{
    const struct request r = request_of(w, e->job, e->index);
    uint32_t node = node_of(e->worker), tasks = 0, licences = 0, slots = 0;
    for (uint32_t i = 0; i < w->entry_count; i++) {
        const struct entry *o = &w->entries[i];
        if (is_special(o->index))
            continue;
        const struct request q = request_of(w, o->job, o->index);
        if (node_of(o->worker) == node && o != e) {
            MUST(w, !r.exclusive && !q.exclusive);
            MUST(w, o->job != e->job || o->index != e->index ||
                        o->attempt != e->attempt);
        }
        if (o->worker == e->worker && !request_is_plain(&q))
            slots += q.slots;
        if (o->instance > 0 || !task_of(w, o->job, o->index)->held)
            continue;
        tasks += o->job == e->job && o->index != INDEX_JOB_MANAGER;
        licences += (uint32_t)request_amount(&q, LICENCES);
    }
    const struct job *job = &w->n.specs.jobs[e->job];
    MUST(w, job->max_parallel_tasks == 0 || e->index == INDEX_JOB_MANAGER ||
                tasks <= job->max_parallel_tasks);
    MUST(w, licences <= w->licences.units);
    MUST(w, slots <= 2);
    MUST(w, gpus_used(w, node, UINT32_MAX) <= w->capacity[node][GPUS]);
    for (uint32_t k = 0; k < e->gpu_count; k++)
        MUST(w, gpus_used(w, node, e->gpus[k].gpu) <= 1000);
    uint32_t milli = 0;
    for (uint32_t k = 0; k < e->gpu_count; k++)
        milli += e->gpus[k].milli;
    MUST(w, milli == request_amount(&r, GPUS));
}

static struct entry *entry_add(struct world *w, const struct sched_action *a,
                               uint32_t index)
{
    MUST(w, w->entry_count < ENTRIES);
    struct entry *e = &w->entries[w->entry_count++];
    *e = (struct entry){.state = SENT,
                        .worker = a->worker,
                        .job = a->job,
                        .index = index,
                        .attempt = a->attempt,
                        .instances = 1};
    return e;
}

static bool job_has_entries(const struct world *w, uint32_t job, uint32_t node)
{
    for (uint32_t i = 0; i < w->entry_count; i++)
        if (w->entries[i].job == job && node_of(w->entries[i].worker) == node)
            return true;
    return false;
}

static void check_special(struct world *w, const struct sched_action *a)
{
    uint32_t node = node_of(a->worker);
    if (a->first == INDEX_START) {
        MUST(w, w->nodes[node] <= NODE_WAITING_FOR_START_TASK ||
                    node_state_is_usable(w->nodes[node]));
        return;
    }
    struct model_job *j = &w->jobs[a->job];
    if (a->first == INDEX_JOB_PREPARATION) {
        MUST(w, j->state == JOB_ACTIVE && node_state_is_usable(w->nodes[node]));
        MUST(w, j->prepared[node] == NOT_YET);
        j->prepared[node] = IS_GIVEN;
    } else {
        MUST(w, j->state == JOB_TERMINATING && j->ran[node]);
        MUST(w, j->released[node] == NOT_YET && j->prepared[node] != IS_GIVEN);
        MUST(w, !job_has_entries(w, a->job, node));
        j->released[node] = IS_GIVEN;
    }
}

static void check_given(struct world *w, const struct sched_action *a,
                        uint32_t index)
{
    struct task *t = task_of(w, a->job, index);
    const struct model_job *j = &w->jobs[a->job];
    const struct job *job = &w->n.specs.jobs[a->job];
    uint32_t node = node_of(a->worker);
    MUST(w, !w->stopped);
    MUST(w, !t->done);
    MUST(w, a->attempt == t->attempts + 1);
    MUST(w, j->state == JOB_ACTIVE && !j->hidden);
    /* what waits on its node for preparation was given before a parent was
     * deleted */
    MUST(w, index == INDEX_JOB_MANAGER || needs_of(w, a->job, index) == 2 ||
                (job->preparation && w->deletes));
    MUST(w, node_state_is_usable(w->nodes[node]));
    MUST(w, t->until <= w->now);
    if (job->preparation && job->preparation->wait_for_success)
        MUST(w, j->prepared[node] == ENDED_WELL);
    else if (job->preparation)
        MUST(w, j->prepared[node] != NOT_YET);
}

static void given(struct world *w, const struct sched_action *a)
{
    MUST(w, w->workers[a->worker].life == JOINED);
    MUST(w, a->kind == SCHED_ASSIGN || a->count == 1);
    for (uint32_t i = a->first; i - a->first < a->count; i++) {
        if (is_special(i)) {
            check_special(w, a);
            (void)entry_add(w, a, i);
            continue;
        }
        struct task *t = task_of(w, a->job, i);
        struct entry *e = entry_add(w, a, i);
        if (a->kind == SCHED_LAUNCH) {
            e->instance = a->launch.instance;
            e->instances = a->launch.instance_count;
            MUST(w, a->launch.gpu_count <= 2);
            e->gpu_count = a->launch.gpu_count;
            for (uint32_t k = 0; k < e->gpu_count; k++)
                e->gpus[k] = a->launch.gpus[k];
        }
        MUST(w, e->instances == request_of(w, a->job, i).instances);
        check_given(w, a, i);
        MUST(w, t->held == (e->instance > 0));
        t->held = true;
        t->limbo = t->touched = false;
        check_room(w, e);
    }
}

/* ---- What has happened ---- */

static bool judged(struct world *w, const struct attempt *a, struct task *t,
                   struct verdict *v)
{
    const struct task_template *tt =
        jobspec_template(spec_of(w), a->job, a->index);
    *v = policy_judge(tt, a, t->retries);
    return !t->touched && w->jobs[a->job].state == JOB_ACTIVE && !w->stopped;
}

static void settle(struct world *w, const struct attempt *a)
{
    struct task *t = task_of(w, a->job, a->index);
    struct verdict v;
    bool sure = judged(w, a, t, &v);
    MUST(w, !t->done && a->attempt == t->attempts + 1);
    bool again = a->disposition == TASK_RETRIES;
    if (sure)
        MUST(w, again == v.again);
    t->held = t->limbo = false;
    t->attempts = a->attempt;
    note(w, ATTEMPT)->a = *a;
    if (again) {
        t->retries += v.uses_retry;
        t->until = w->now + v.pause_ns;
        return;
    }
    v = policy_judge(jobspec_template(spec_of(w), a->job, a->index), a,
                     UINT32_MAX);
    t->done = true;
    t->result = a->result;
    t->good = !v.again && v.end.dependency_action == DEPENDENCY_SATISFY;
}

static void skipped(struct world *w, const struct sched_action *a)
{
    for (uint32_t i = a->first; i < a->first + a->count; i++) {
        struct task *t = task_of(w, a->job, i);
        bool itself = a->parent_job == a->job && a->attempt == i;
        MUST(w, !t->held);
        MUST(w, itself ? t->deleted : !t->done && needs_of(w, a->job, i) == 0);
        t->done = true;
        t->good = false;
        t->result = RESULT_SKIPPED;
    }
    note(w, SKIPPED)->range = (struct task_range){a->job, a->first, a->count};
}

static void active_again(struct world *w, const struct sched_action *a)
{
    for (uint32_t i = a->first; i - a->first < a->count; i++) {
        struct task *t = task_of(w, a->job, i);
        MUST(w, t->done && t->result != RESULT_SUCCESS);
        *t = (struct task){.attempts = t->attempts};
    }
    struct model_job *j = &w->jobs[a->job];
    MUST(w, j->state != JOB_TERMINATING);
    if (j->state == JOB_COMPLETED) { /* it is, too */
        *j = (struct model_job){.state = JOB_ACTIVE};
    }
    note(w, AGAIN)->range = (struct task_range){a->job, a->first, a->count};
}

static void job_changes(struct world *w, const struct sched_action *a)
{
    struct model_job *j = &w->jobs[a->job];
    MUST(w, job_state_may_change(j->state, a->job_state) && !j->hidden);
    j->state = a->job_state;
    struct record *r = note(w, JOB);
    r->range.job = a->job;
    r->state = a->job_state;
    r->end = a->job_end;
    for (uint32_t i = 0; i < TASKS + 1; i++)
        if (a->job_state == JOB_COMPLETED)
            MUST(w, !w->tasks[a->job][i].held);
    if (a->job_state != JOB_COMPLETED || !w->n.specs.jobs[a->job].release)
        return;
    for (uint32_t n = 0; n < NODES; n++)
        if (j->ran[n] && node_state_is_usable(w->nodes[n]) && !w->stopped &&
            (w->workers[n * EACH].life == JOINED ||
             w->workers[n * EACH + 1].life == JOINED))
            MUST(w, j->released[n] >= ENDED_WELL);
}

static void message(struct world *w, const struct sched_action *a)
{
    struct model_worker *to = &w->workers[a->worker];
    MUST(w, to->life == JOINED && to->message_count < MESSAGES);
    to->messages[to->message_count++] = *a;
}

static void attempt_lost(struct world *w, const struct sched_action *act)
{
    struct attempt a =
        attempt_of(act->job, act->first, act->attempt, act->reason);
    a.disposition = act->disposition;
    if (is_special(a.index))
        return;
    struct task *t = task_of(w, a.job, a.index);
    if (a.reason == REASON_LOST)
        MUST(w, t->limbo);
    else
        MUST(w, a.reason == REASON_CANCELLED && !t->held);
    settle(w, &a);
}

static void act_on(struct world *w, const struct sched_action *a)
{
    switch (a->kind) {
    case SCHED_ASSIGN:
    case SCHED_LAUNCH:
        given(w, a);
        message(w, a);
        return;
    case SCHED_RECALL:
    case SCHED_CANCEL_JOB:
    case SCHED_STOP_WORKER:
    case SCHED_GO:
    case SCHED_END:
        message(w, a);
        return;
    case SCHED_WORKER_LOST:
        MUST(w, w->workers[a->worker].life == GONE);
        return;
    case SCHED_ATTEMPT_LOST:
        attempt_lost(w, a);
        return;
    case SCHED_JOB_CHANGED:
        job_changes(w, a);
        return;
    case SCHED_NODE_CHANGED:
        MUST(w, node_state_may_change(w->nodes[a->node], a->node_state));
        w->nodes[a->node] = a->node_state;
        return;
    case SCHED_SKIPPED:
        skipped(w, a);
        return;
    case SCHED_ACTIVE_AGAIN:
        active_again(w, a);
        return;
    case SCHED_OCCURRENCE: {
        MUST(w, w->jobs[a->job].hidden);
        w->jobs[a->job].hidden = false;
        w->jobs[a->job].left_out = !a->begun;
        if (!a->begun)
            w->jobs[a->job].state = JOB_COMPLETED;
        struct record *r = note(w, OCCURRENCE);
        r->range.job = a->job;
        r->begun = a->begun;
        return;
    }
    }
}

/* ---- All states agree ---- */

static void check_task(struct world *w, uint32_t job, uint32_t index)
{
    struct task *t = task_of(w, job, index);
    enum attempt_result result = RESULT_NONE;
    enum task_state is = sched_task_state(w->s, job, index, &result);
    uint32_t worker;
    t->limbo = false;
    MUST(w, t->done == (is == TASK_COMPLETED));
    MUST(w, t->attempts == sched_task_attempts(w->s, job, index));
    if (t->done)
        MUST(w, t->result == result);
    if (t->held)
        MUST(w, sched_task_worker(w->s, job, index, &worker));
    const struct model_job *j = &w->jobs[job];
    if (!t->done && j->state < JOB_TERMINATING && !j->hidden &&
        index != INDEX_JOB_MANAGER)
        MUST(w, t->until > w->now || needs_of(w, job, index) > 0 ||
                    sched_task_worker(w->s, job, index, &worker));
}

static void check_counts(struct world *w)
{
    struct job_snapshot jobs[JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(w->s, &snap);
    for (uint32_t j = 0; j < spec_of(w)->job_count; j++) {
        const struct job *job = &w->n.specs.jobs[j];
        const struct task_counts *c = &jobs[j].tasks;
        uint64_t count[4] = {0};
        for (uint32_t i = 0; i < TASKS + 1; i++)
            count[w->tasks[j][i].done ? w->tasks[j][i].result : 0]++;
        MUST(w, c->succeeded == count[RESULT_SUCCESS]);
        MUST(w, c->failed == count[RESULT_FAILURE]);
        MUST(w, c->skipped == count[RESULT_SKIPPED]);
        MUST(w, c->total == job->tasks.count + (job->manager != NULL));
        MUST(w, jobs[j].state == w->jobs[j].state);
    }
}

static bool has_news(const struct world *w)
{
    if (w->entry_count > 0)
        return true;
    for (uint32_t i = 0; i < WORKERS; i++)
        if (w->workers[i].message_count > 0 || w->workers[i].life == EXPECTED)
            return true;
    return false;
}

static void turn(struct world *w)
{
    struct sched_action a;
    assert_int_equal(sched_tick(w->s, w->now, NULL), 0);
    for (uint32_t n = 0; sched_next(w->s, w->now, &a); n++) {
        MUST(w, n < 10000);
        act_on(w, &a);
    }
    for (uint32_t j = 0; j < spec_of(w)->job_count; j++) {
        for (uint32_t i = 0; i < w->n.specs.jobs[j].tasks.count; i++)
            check_task(w, j, i);
        if (w->n.specs.jobs[j].manager)
            check_task(w, j, INDEX_JOB_MANAGER);
    }
    for (uint32_t i = 0; i < NODES; i++)
        MUST(w, sched_node_state(w->s, i) == w->nodes[i]);
    check_counts(w);
    if (!sched_finished(w->s))
        MUST(w, has_news(w) || sched_deadline_ns(w->s) < INT64_MAX);
}

/* ---- Workers ---- */

static void entry_drop(struct world *w, struct entry *e)
{
    uint32_t at = (uint32_t)(e - w->entries);
    w->entry_count--;
    memmove(e, e + 1, (w->entry_count - at) * sizeof(*e));
}

static void give_back(struct world *w, struct entry *e)
{
    struct entry was = *e;
    struct task *t = task_of(w, e->job, e->index);
    entry_drop(w, e);
    if (was.instance == 0)
        t->held = false;
    returned(w->s, w->now, was.worker, was.job, was.index, 1, was.attempt);
}

static void special_ended(struct world *w, const struct entry *e,
                          const struct attempt *a)
{
    bool cut =
        a->reason == REASON_CANCELLED || a->reason == REASON_STOPPED ||
        w->jobs[e->index == INDEX_START ? 0 : e->job].state != JOB_ACTIVE;
    enum special_state is = a->disposition == TASK_RETRIES ? NOT_YET
                            : a->result == RESULT_SUCCESS  ? ENDED_WELL
                                                           : ENDED_BADLY;
    uint32_t node = node_of(e->worker);
    if (e->index == INDEX_JOB_PREPARATION) {
        w->jobs[e->job].prepared[node] =
            is == ENDED_BADLY && cut ? NOT_YET : is;
        w->jobs[e->job].ran[node] = true;
    } else if (e->index == INDEX_JOB_RELEASE) {
        w->jobs[e->job].released[node] = is;
    }
}

static void end_entry(struct world *w, struct entry *e, enum reason reason,
                      int32_t code)
{
    struct entry was = *e;
    bool special = is_special(e->index);
    struct attempt a = attempt_of(e->job, e->index, e->attempt, reason);
    a.exit_code = code;
    a.node = node_of(e->worker);
    a.rank = e->worker;
    a.start_ns = 1 + w->now;
    a.end_ns = a.start_ns + MS;
    bool accepted = false;
    entry_drop(w, e);
    assert_int_equal(
        sched_attempt_ended(w->s, w->now, was.worker, &a, &accepted, NULL), 0);
    if (special) {
        if (accepted)
            special_ended(w, &was, &a);
        return;
    }
    struct task *t = task_of(w, was.job, was.index);
    MUST(w, accepted == (t->held && t->attempts + 1 == was.attempt));
    if (accepted)
        settle(w, &a);
}

/* Its program ends by itself. */
static void end_somehow(struct world *w, struct entry *e)
{
    uint32_t how = w->calm ? 0 : pick(w, 12);
    if (how < 8)
        end_entry(w, e, REASON_NONE, 0);
    else if (how == 8 && !is_special(e->index))
        end_entry(w, e, REASON_SIGNAL, -1);
    else if (how == 9 && !is_special(e->index))
        end_entry(w, e, REASON_TIMEOUT, -1);
    else
        end_entry(w, e, REASON_EXIT_CODE, 1 + (int32_t)pick(w, 4));
}

static bool has_slots(const struct world *w, const struct entry *e)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < w->entry_count; i++)
        if (w->entries[i].worker == e->worker && w->entries[i].state > WAITS)
            busy += slots_of(w, w->entries[i].job, w->entries[i].index);
    return busy + slots_of(w, e->job, e->index) <= 2;
}

/* Something happens to what a worker has. */
static void entry_step(struct world *w, struct entry *e)
{
    switch (e->state) {
    case SENT:
        return;
    case WAITS:
        for (struct entry *o = w->entries; o < e; o++)
            if (o->worker == e->worker && o->state == WAITS)
                return; /* first in, first out */
        if (!has_slots(w, e))
            return;
        e->state = RUNS;
        if (pick(w, 2))
            started(w->s, w->now, e->worker, e->job, e->index, e->attempt);
        return;
    case COORDINATES:
        if (!w->calm && pick(w, 10) == 0) {
            end_entry(w, e, REASON_EXIT_CODE, 1);
            return;
        }
        e->state = IS_READY;
        assert_int_equal(sched_instance_ready(w->s, w->now, e->worker, e->job,
                                              e->index, e->attempt, NULL),
                         0);
        return;
    case IS_READY:
        return;
    case RUNS:
        end_somehow(w, e);
        return;
    }
}

static struct entry *entry_find(struct world *w, const struct sched_action *a,
                                uint32_t index)
{
    for (uint32_t i = 0; i < w->entry_count; i++) {
        struct entry *e = &w->entries[i];
        if (e->worker == a->worker && e->job == a->job && e->index == index &&
            e->attempt == a->attempt)
            return e;
    }
    return NULL;
}

/* Cut it: what has not begun, and all but the first, is given back. */
static void cut(struct world *w, struct entry *e, enum reason reason)
{
    if (e->state == WAITS || e->instance > 0)
        give_back(w, e);
    else
        end_entry(w, e, reason, -1);
}

static void cut_all(struct world *w, uint32_t worker, uint32_t job,
                    bool running, enum reason reason)
{
    for (uint32_t i = w->entry_count; i-- > 0;) {
        struct entry *e = &w->entries[i];
        if (e->worker != worker || e->state == SENT ||
            (job != UINT32_MAX && e->job != job) ||
            (e->state != WAITS && !running))
            continue;
        cut(w, e, reason);
    }
}

static void recall(struct world *w, const struct sched_action *a)
{
    uint32_t left = a->count;
    for (uint32_t i = w->entry_count; i-- > 0 && left > 0;)
        if (w->entries[i].worker == a->worker && w->entries[i].state == WAITS) {
            give_back(w, &w->entries[i]);
            left--;
        }
    if (left == a->count)
        returned(w->s, w->now, a->worker, 0, 0, 0, 0);
}

static void receive(struct world *w, uint32_t worker)
{
    struct model_worker *m = &w->workers[worker];
    struct sched_action a = m->messages[0];
    struct entry *e;
    m->message_count--;
    memmove(m->messages, m->messages + 1, m->message_count * sizeof(a));
    switch (a.kind) {
    case SCHED_ASSIGN:
    case SCHED_LAUNCH:
        for (uint32_t i = a.first; i - a.first < a.count; i++) {
            e = entry_find(w, &a, i);
            MUST(w, e && e->state == SENT);
            e->state = is_special(i)       ? RUNS
                       : e->instances == 1 ? WAITS
                                           : COORDINATES;
            if (m->stopping)
                give_back(w, e);
        }
        return;
    case SCHED_RECALL:
        recall(w, &a);
        return;
    case SCHED_CANCEL_JOB:
        cut_all(w, worker, a.job, true, REASON_CANCELLED);
        return;
    case SCHED_STOP_WORKER:
        m->stopping = true;
        cut_all(w, worker, UINT32_MAX, a.stop_now, REASON_STOPPED);
        return;
    case SCHED_GO:
        e = entry_find(w, &a, a.first);
        if (e)
            e->state = RUNS;
        return;
    case SCHED_END:
        e = entry_find(w, &a, a.first);
        if (e)
            cut(w, e, a.reason);
        return;
    default:
        return;
    }
}

static void die(struct world *w, uint32_t worker)
{
    struct model_worker *m = &w->workers[worker];
    if (m->life == GONE)
        return;
    m->life = GONE;
    m->message_count = 0;
    w->broken = true;
    for (uint32_t i = w->entry_count; i-- > 0;) {
        struct entry *e = &w->entries[i];
        if (e->worker != worker)
            continue;
        uint32_t node = node_of(worker);
        if (e->index == INDEX_JOB_PREPARATION) {
            w->jobs[e->job].prepared[node] = NOT_YET;
        } else if (e->index == INDEX_JOB_RELEASE) {
            w->jobs[e->job].released[node] = NOT_YET;
        } else if (!is_special(e->index)) {
            struct task *t = task_of(w, e->job, e->index);
            if (t->held && t->attempts + 1 == e->attempt) {
                t->held = false;
                t->limbo = true;
            }
        }
        entry_drop(w, e);
    }
    gone(w->s, w->now, worker);
}

/* ---- People ---- */

/* What is asked may change how these end. */
static void touch(struct world *w, uint32_t job, uint32_t node)
{
    for (uint32_t i = 0; i < w->entry_count; i++) {
        const struct entry *e = &w->entries[i];
        if (!is_special(e->index) && (job == UINT32_MAX || e->job == job) &&
            (node == UINT32_MAX || node_of(e->worker) == node))
            task_of(w, e->job, e->index)->touched = true;
    }
}

static void ask_job(struct world *w, uint32_t job,
                    enum sched_job_command command, enum sched_running running)
{
    struct err err = {0};
    enum job_state was = w->jobs[job].state;
    int rc =
        sched_job_command(w->s, w->now, job, command, running, "why", &err);
    if (rc < 0)
        MUST(w, err.code == EINVAL);
    if (was >= JOB_TERMINATING)
        MUST(w, rc < 0);
    else if (command == SCHED_JOB_TERMINATE && was != JOB_ACTIVE)
        MUST(w, rc == 0 || w->jobs[job].hidden);
    else if (command == SCHED_JOB_ENABLE)
        MUST(w, (rc == 0) == (was == JOB_DISABLED));
    touch(w, job, UINT32_MAX);
}

static void ask_task(struct world *w, uint32_t job, uint32_t index,
                     enum sched_task_command command)
{
    struct err err = {0};
    struct task *t = task_of(w, job, index), was = *t;
    int rc = sched_task_command(w->s, w->now, job, index, command, &err);
    if (w->jobs[job].state >= JOB_TERMINATING)
        MUST(w, rc < 0);
    if (rc < 0)
        return;
    if (command == SCHED_TASK_REACTIVATE)
        MUST(w, was.done && was.result != RESULT_SUCCESS);
    else
        t->touched = true;
    if (command == SCHED_TASK_DELETE)
        t->deleted = w->deletes = true;
    if (command == SCHED_TASK_TERMINATE)
        MUST(w, !was.done);
}

static void ask(struct world *w)
{
    uint32_t job = pick(w, spec_of(w)->job_count), what = pick(w, 12);
    uint32_t index = pick(w, w->n.specs.jobs[job].tasks.count);
    enum sched_running running = pick(w, 3);
    if (w->n.specs.jobs[job].manager && pick(w, 8) == 0)
        index = INDEX_JOB_MANAGER;
    if (what < 3) {
        ask_job(w, job,
                what == 2 && pick(w, 4) == 0
                    ? SCHED_JOB_TERMINATE
                    : (enum sched_job_command)(what % 2),
                running);
    } else if (what < 9) {
        if (w->jobs[job].hidden)
            return;
        ask_task(w, job, index,
                 what == 8 ? SCHED_TASK_DELETE
                           : (enum sched_task_command)(what % 2));
    } else {
        uint32_t node = pick(w, NODES);
        enum sched_node_command command = what == 11 && pick(w, 3) == 0
                                              ? SCHED_NODE_REMOVE
                                          : what == 9 ? SCHED_NODE_OFFLINE
                                                      : SCHED_NODE_ONLINE;
        if (sched_node_command(w->s, w->now, node, command, running, NULL) == 0)
            touch(w, UINT32_MAX, node);
        w->broken |= command == SCHED_NODE_REMOVE;
    }
}

/* ---- The run ---- */

static void worker_step(struct world *w)
{
    uint32_t worker = pick(w, WORKERS);
    struct model_worker *m = &w->workers[worker];
    if (m->life == EXPECTED) {
        m->life = JOINED;
        join(w->s, w->now, worker, 2);
    } else if (m->message_count > 0 && pick(w, 3) > 0) {
        receive(w, worker);
    } else if (w->entry_count > 0) {
        entry_step(w, &w->entries[pick(w, w->entry_count)]);
    }
}

static void random_step(struct world *w)
{
    w->now += pick(w, 4) ? 0 : pick(w, (uint32_t)(5 * MS));
    if (pick(w, 25) == 0)
        ask(w);
    else if (pick(w, 400) == 0)
        die(w, pick(w, WORKERS));
    else
        worker_step(w);
    if (!w->stopped && pick(w, 2000) == 0) {
        w->stopped = true;
        enum sched_stop how = pick(w, 2) ? SCHED_DRAIN : SCHED_STOP_NOW;
        assert_int_equal(sched_stop(w->s, w->now, how, NULL), 0);
    }
    turn(w);
}

/* Nobody hinders any more: all comes to its end. */
static void calm_step(struct world *w)
{
    int64_t at = sched_deadline_ns(w->s);
    for (uint32_t i = 0; i < WORKERS; i++)
        if (w->workers[i].life == JOINED)
            sched_worker_heard(w->s, w->now, i);
    for (uint32_t i = 0; i < 4; i++)
        worker_step(w);
    if (!has_news(w) && at < INT64_MAX && at > w->now)
        w->now = at;
    for (uint32_t j = 0; j < spec_of(w)->job_count; j++)
        if (w->jobs[j].state == JOB_DISABLED)
            ask_job(w, j, SCHED_JOB_ENABLE, SCHED_WAIT);
    turn(w);
}

static void read_again(struct world *w)
{
    struct sched *s = w->s, *again = sched_of(w);
    struct err err = {0};
    for (uint32_t i = 0; i < w->record_count; i++) {
        const struct record *r = &w->records[i];
        int rc = 0;
        switch (r->kind) {
        case ATTEMPT:
            rc = sched_replay_attempt(again, &r->a, &err);
            break;
        case JOB:
            rc = sched_replay_job(again, r->range.job, r->state, r->end, &err);
            break;
        case SKIPPED:
            rc = sched_replay_skipped(again, &r->range, &err);
            break;
        case AGAIN:
            (void)sched_reactivate(again, &r->range);
            break;
        case OCCURRENCE:
            rc = sched_replay_occurrence(again, r->range.job, r->begun, &err);
            break;
        }
        if (rc < 0)
            fail_msg("seed %" PRIu64 ": record %" PRIu32 ": %s", w->seed, i,
                     err.text);
    }
    w->s = again;
    for (uint32_t j = 0; j < spec_of(w)->job_count; j++)
        for (uint32_t i = 0; i < w->n.specs.jobs[j].tasks.count; i++) {
            const struct task *t = task_of(w, j, i);
            enum attempt_result result = RESULT_NONE;
            bool done =
                sched_task_state(again, j, i, &result) == TASK_COMPLETED;
            MUST(w, done == t->done && (!done || result == t->result));
            MUST(w, t->attempts == sched_task_attempts(again, j, i));
        }
    check_counts(w);
    sched_destroy(again);
    w->s = s;
}

static void run(uint64_t seed)
{
    static struct world w;
    world_init(&w, seed);
    turn(&w);
    while (w.step++ < STEPS && !sched_finished(w.s))
        random_step(&w);
    w.calm = true;
    for (uint32_t i = 0; i < NODES; i++)
        (void)sched_node_command(w.s, w.now, i, SCHED_NODE_ONLINE, SCHED_WAIT,
                                 NULL);
    turn(&w);
    while (!sched_finished(w.s) && w.step++ < ENDING)
        calm_step(&w);
    MUST(&w, sched_finished(w.s));
    for (uint32_t i = 0; i < NODES; i++)
        w.broken |= !node_state_is_usable(w.nodes[i]);
    for (uint32_t j = 0; j < spec_of(&w)->job_count; j++)
        for (uint32_t i = 0; i < NODES; i++) /* closed to the job */
            w.broken |= w.jobs[j].state == JOB_DISABLED ||
                        w.jobs[j].prepared[i] == ENDED_BADLY;
    MUST(&w, w.stopped || w.broken || sched_all_completed(w.s));
    read_again(&w);
    sched_destroy(w.s);
}

static void all_goes_as_the_model_says(void **state)
{
    (void)state;
    const char *seed = getenv("SCHED_SEED");
    if (seed) {
        run(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t i = 0; i < SEEDS; i++)
        run(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_goes_as_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
