/* Tasks with needs of their own: see pickies.h. */
#include "config.h"
#include "sched/pickies.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "sched/limits.h"
#include "sched/machine.h"

#define AGAIN_NS (10 * NS_PER_MS) /* no memory to wait properly: look then */

static uint64_t key_of(uint32_t job, uint32_t index)
{
    return (uint64_t)job << 32 | index;
}

static struct picky_task *task_of(const struct heap_node *n)
{
    return (struct picky_task *)((char *)n - offsetof(struct picky_task, due));
}

static int compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct picky_task *a = task_of(x), *b = task_of(y);
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    if (a->needs.claim.job != b->needs.claim.job)
        return a->needs.claim.job < b->needs.claim.job ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* ---- Entries ---- */

struct picky_task *pickies_get(const struct sched *s, uint32_t job,
                               uint32_t index)
{
    uint64_t value;
    if (s->pickies.tasks.count == 0 ||
        !map_get(&s->pickies.tasks, key_of(job, index), &value))
        return NULL;
    return (struct picky_task *)(uintptr_t)value;
}

static bool has_needs(const struct picky_task *p)
{
    const struct picky *n = &p->needs;
    return p->index == INDEX_JOB_MANAGER || n->avoid_count > 0 ||
           n->prefer != UINT32_MAX || n->memory_bytes > 0 ||
           n->max_wall_clock_ns > 0 || n->keep_directory;
}

struct picky *picky_find(const struct sched *s, uint32_t job, uint32_t index)
{
    struct picky_task *p = pickies_get(s, job, index);
    return p && has_needs(p) ? &p->needs : NULL;
}

static struct picky_task *make(struct sched *s, uint32_t job, uint32_t index)
{
    struct job_run *j = &s->jobs[job];
    struct picky_task *p = mem_calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    picky_init(&p->needs, s, job, index);
    p->at_ns = INT64_MAX;
    p->index = index;
    p->home = UINT32_MAX;
    p->state = PICKY_AWAY;
    heap_node_init(&p->due);
    if (heap_add(&s->pickies.due, &p->due) < 0)
        goto nomem;
    if (map_set(&s->pickies.tasks, key_of(job, index), (uint64_t)(uintptr_t)p) <
        0)
        goto nomem;
    p->next = j->pickies;
    if (p->next)
        p->next->link = &p->next;
    p->link = &j->pickies;
    j->pickies = p;
    return p;
nomem:
    heap_remove(&s->pickies.due, &p->due);
    mem_free(p);
    return NULL;
}

static void drop(struct sched *s, struct picky_task *p)
{
    claim_remove(s, &p->needs.claim);
    heap_remove(&s->pickies.due, &p->due);
    map_remove(&s->pickies.tasks, key_of(p->needs.claim.job, p->index));
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    mem_free(p);
}

void pickies_forget(struct sched *s, uint32_t job, uint32_t index)
{
    struct picky_task *p = pickies_get(s, job, index);
    if (p && index != INDEX_JOB_MANAGER) /* which may be active again */
        drop(s, p);
}

/* ---- Waiting ---- */

static void set_time(struct sched *s, struct picky_task *p, int64_t at_ns)
{
    p->at_ns = at_ns;
    heap_update(&s->pickies.due, &p->due);
}

/* Its time has come: it is a claim, as far as its job is open. */
static void claim(struct sched *s, struct picky_task *p)
{
    struct job_run *j = &s->jobs[p->needs.claim.job];
    bool open = p->index == INDEX_JOB_MANAGER ? job_is_live(j) : job_is_open(j);
    p->state = PICKY_WAITING;
    set_time(s, p, INT64_MAX);
    if (!open)
        claim_remove(s, &p->needs.claim);
    else if (!claim_waits(&p->needs.claim) &&
             claim_add(s, &p->needs.claim) < 0) {
        p->state = PICKY_DELAYED;
        set_time(s, p, s->live.now_ns + AGAIN_NS);
    }
}

bool pickies_put(struct sched *s, uint32_t job, uint32_t index, bool tried)
{
    struct picky_task *p = pickies_get(s, job, index);
    if (!p)
        return false;
    p->needs.tried = tried;
    if (p->at_ns != INT64_MAX) {
        p->state = PICKY_DELAYED;
        return true;
    }
    if (!has_needs(p)) {
        drop(s, p);
        return false;
    }
    claim(s, p);
    return true;
}

bool pickies_wait(const struct sched *s, uint32_t job, uint32_t index)
{
    const struct picky_task *p = pickies_get(s, job, index);
    return p && p->state != PICKY_AWAY;
}

void pickies_given(struct sched *s, uint32_t job, uint32_t index)
{
    struct picky_task *p = pickies_get(s, job, index);
    if (!p)
        return;
    claim_remove(s, &p->needs.claim);
    p->state = PICKY_AWAY;
    set_time(s, p, INT64_MAX);
    if (index == INDEX_JOB_MANAGER && s->jobs[job].manager == MANAGER_WAITS) {
        s->jobs[job].manager = MANAGER_GIVEN;
        p->needs.claim.priority = JOBSPEC_MAX_PRIORITY; /* if it is lost */
        job_gate(s, &s->jobs[job]);
    }
}

bool pickies_take(struct sched *s, uint32_t job, uint32_t index)
{
    struct picky_task *p = pickies_get(s, job, index);
    if (!p || p->state == PICKY_AWAY)
        return false;
    pickies_given(s, job, index);
    return true;
}

bool pickies_withdraw(struct sched *s, uint32_t job, uint32_t index,
                      bool *tried)
{
    struct picky_task *p = pickies_get(s, job, index);
    if (!p || p->state != PICKY_WAITING)
        return false;
    *tried = p->needs.tried;
    pickies_given(s, job, index);
    return true;
}

void pickies_gate(struct sched *s, struct job_run *j)
{
    for (struct picky_task *p = j->pickies; p; p = p->next)
        if (p->state == PICKY_WAITING)
            claim(s, p);
}

void pickies_tick(struct sched *s, int64_t now_ns)
{
    struct heap_node *n;
    while ((n = heap_top(&s->pickies.due)) && task_of(n)->at_ns <= now_ns) {
        struct picky_task *p = task_of(n);
        uint32_t job = p->needs.claim.job, index = p->index;
        bool tried = p->needs.tried;
        set_time(s, p, INT64_MAX);
        if (p->state == PICKY_DELAYED) {
            p->state = PICKY_AWAY;
            task_put(s, job, index, tried ? TASK_TRIED : TASK_FRESH);
        }
    }
}

int64_t pickies_deadline_ns(const struct sched *s)
{
    struct heap_node *n = heap_top(&s->pickies.due);
    return n ? task_of(n)->at_ns : INT64_MAX;
}

bool pickies_delay(const struct sched *s)
{
    for (uint32_t i = 0; i < job_count_of(s); i++) {
        if (!job_is_live(&s->jobs[i]))
            continue;
        for (struct picky_task *p = s->jobs[i].pickies; p; p = p->next)
            if (p->state == PICKY_DELAYED)
                return true;
    }
    return false;
}

/* ---- Verdicts ---- */

static bool raises_memory(const struct task_template *t,
                          const struct attempt *a)
{
    return a->reason == REASON_MEMORY && t->retry.memory_factor > 1;
}

static bool raises_time(const struct task_template *t, const struct attempt *a)
{
    return a->reason == REASON_TIMEOUT && t->retry.time_factor > 1;
}

int pickies_prepare(struct sched *s, const struct attempt *a,
                    const struct verdict *v)
{
    if (!v->again)
        return 0;
    const struct task_template *t =
        job_template(s->jobs[a->job].spec, a->index);
    bool keeps = v->keeps_directory || (v->uses_retry && t->keep_working_dir);
    if (!(v->pause_ns > 0 || v->different_node || keeps ||
          raises_memory(t, a) || raises_time(t, a)))
        return 0;
    return pickies_get(s, a->job, a->index) || make(s, a->job, a->index) ? 0
                                                                         : -1;
}

/* Not on that node again: the latest ones count. */
static void avoid(struct picky *n, uint32_t node)
{
    uint32_t at = 0;
    while (at < n->avoid_count && n->avoid[at] != node)
        at++;
    if (at == PICKY_MAX_AVOID)
        at = 0;
    else if (at == n->avoid_count)
        n->avoid_count++;
    for (; at + 1 < n->avoid_count; at++)
        n->avoid[at] = n->avoid[at + 1];
    n->avoid[at] = node;
}

/* The memory that a task asks for; 0: it does not. */
static uint64_t memory_of(const struct sched *s, uint32_t job, uint32_t index)
{
    const struct jobspec *spec = s->config.spec;
    struct request r = jobspec_request(spec, job, index);
    for (uint32_t i = 0; i < r.amount_count; i++)
        if (spec->resources[r.amounts[i].resource].kind == RESOURCE_MEMORY)
            return r.amounts[i].units;
    return 0;
}

static void raise_limits(const struct sched *s, struct picky_task *p,
                         const struct task_template *t, const struct attempt *a)
{
    uint64_t memory = memory_of(s, a->job, a->index);
    p->over_memory += raises_memory(t, a);
    p->over_time += raises_time(t, a);
    if (p->over_memory > 0 && memory <= INT64_MAX)
        p->needs.memory_bytes = (uint64_t)policy_escalate(
            (int64_t)memory, t->retry.memory_factor, p->over_memory);
    if (p->over_time > 0)
        p->needs.max_wall_clock_ns =
            policy_escalate(t->constraints.max_wall_clock_ns,
                            t->retry.time_factor, p->over_time);
}

void pickies_note(struct sched *s, int64_t now_ns, uint32_t worker,
                  const struct attempt *a, const struct verdict *v)
{
    struct picky_task *p = pickies_get(s, a->job, a->index);
    const struct task_template *t =
        job_template(s->jobs[a->job].spec, a->index);
    if (!p)
        return;
    raise_limits(s, p, t, a);
    p->needs.keep_directory = false;
    p->needs.prefer = p->home;
    if (worker == UINT32_MAX)
        return;
    uint32_t node = (uint32_t)(s->workers[worker].node - s->nodes);
    if (v->different_node) {
        avoid(&p->needs, node);
    } else if (v->keeps_directory || (v->uses_retry && t->keep_working_dir)) {
        p->needs.keep_directory = true;
        p->needs.prefer = node;
    }
    if (v->pause_ns > 0 &&
        __builtin_add_overflow(now_ns, v->pause_ns, &p->at_ns))
        p->at_ns = INT64_MAX - 1;
    heap_update(&s->pickies.due, &p->due);
}

/* ---- Affinity ---- */

/* The node of the job's pool that the task names; UINT32_MAX: there is none. */
static uint32_t node_named(const struct sched *s, uint32_t job, uint32_t index,
                           const struct template *t)
{
    const struct job *of = s->jobs[job].spec;
    char id[JOBSPEC_MAX_ID + 1];
    uint32_t node = UINT32_MAX;
    struct template_context c = {
        .index = index, .task_id = id, .job_id = of->id};
    struct buf b;
    buf_init(&b, 4096);
    if (job_task_id(of, index, id, NULL) == 0 &&
        template_expand(t, &c, false, &b, NULL) == 0)
        for (uint32_t i = 0; node == UINT32_MAX && i < s->config.node_count;
             i++)
            if (s->config.nodes[i].pool == of->pool &&
                s->config.nodes[i].name &&
                strcmp(s->config.nodes[i].name, buf_text(&b)) == 0)
                node = i;
    buf_fini(&b);
    return node;
}

/* A task would rather be on that node. */
static int set_home(struct sched *s, uint32_t job, uint32_t index,
                    uint32_t node)
{
    bool blocked = indices_contains(&s->jobs[job].blocked, index);
    bool fresh = task_is_fresh(s, job, index);
    struct picky_task *p = pickies_get(s, job, index);
    if (!p && !(p = make(s, job, index)))
        return -1;
    p->home = p->needs.prefer = node;
    if (blocked || p->state == PICKY_DELAYED)
        return 0;
    (void)task_take(s, job, index);
    task_put(s, job, index, fresh ? TASK_FRESH : TASK_TRIED);
    return 0;
}

int pickies_home(struct sched *s, uint32_t job, uint32_t first)
{
    const struct job_run *j = &s->jobs[job];
    bool listed = j->spec->tasks.kind == TASKS_LISTED;
    for (uint32_t i = first; i < j->task_count; i++) {
        const struct template *t = job_template(j->spec, i)->affinity;
        if (!t && !listed)
            return 0;
        uint32_t node = UINT32_MAX;
        if (t && task_waits(s, job, i))
            node = node_named(s, job, i, t);
        if (node != UINT32_MAX && set_home(s, job, i, node) < 0)
            return -1;
    }
    return 0;
}

int pickies_home_all(struct sched *s)
{
    for (uint32_t i = 0; s->config.node_count > 0 && i < job_count_of(s); i++)
        if (pickies_home(s, i, 0) < 0)
            return -1;
    return 0;
}

/* ---- The beginning ---- */

static int manager_init(struct sched *s, uint32_t job)
{
    if (!s->jobs[job].spec->manager)
        return 0;
    if (!make(s, job, INDEX_JOB_MANAGER))
        return -1;
    s->jobs[job].manager = MANAGER_WAITS;
    job_gate(s, &s->jobs[job]);
    (void)pickies_put(s, job, INDEX_JOB_MANAGER, false);
    return 0;
}

int pickies_init(struct sched *s)
{
    map_init(&s->pickies.tasks);
    heap_init(&s->pickies.due, compare);
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (manager_init(s, i) < 0)
            return -1;
    return 0;
}

void pickies_fini(struct sched *s)
{
    uint64_t key, value;
    for (size_t at = 0; map_next(&s->pickies.tasks, &at, &key, &value);)
        mem_free((struct picky_task *)(uintptr_t)value);
    map_fini(&s->pickies.tasks);
    heap_fini(&s->pickies.due);
}
