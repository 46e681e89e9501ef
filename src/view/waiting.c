/* Why a task has not run: see waiting.h. */
#include "config.h"
#include "view/waiting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "view/describe.h"
#include "view/scene.h"

const char *waiting_name(enum waiting_kind kind)
{
    static const char *const names[] = {"none",      "none",     "skipped",
                                        "job_state", "schedule", "dependency",
                                        "session"};
    return names[kind];
}

void waiting_fini(struct waiting *w)
{
    buf_fini(&w->text);
}

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to explain a task");
}

/* ---- Parents ---- */

/* Of rules of which all parents are wanted, then merged; and of those of which
 * the first will do, in groups. */
struct parent_range {
    struct task_range tasks;
    uint32_t group; /* from 1; 0: all are wanted */
};

struct range_list {
    struct parent_range *list;
    size_t count, cap;
};

struct unmet {
    struct waiting_parent parent;
    uint32_t group;
};

struct looking {
    const struct jobspec *spec;
    struct range_list all, any;
    const struct depend_rule *rule; /* the last one of any */
    uint32_t group_count;
    bool *met; /* of groups */
    struct unmet *unmet;
    size_t unmet_count, unmet_cap;
};

static int range_put(struct range_list *l, struct parent_range r)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        void *more = mem_resize(l->list, cap, sizeof(*l->list));
        if (!more)
            return -1;
        l->list = more;
        l->cap = cap;
    }
    l->list[l->count++] = r;
    return 0;
}

struct collecting {
    struct looking *to;
    bool failed; /* no memory */
};

static bool range_add(void *arg, const struct depend_rule *rule, uint32_t first,
                      uint32_t count)
{
    struct collecting *c = arg;
    struct looking *l = c->to;
    struct parent_range r = {.tasks = {rule->parent_job, first, count}};
    if (rule->any) {
        l->group_count += rule != l->rule;
        l->rule = rule;
        r.group = l->group_count;
    }
    c->failed = range_put(rule->any ? &l->any : &l->all, r) < 0;
    return !c->failed;
}

static int range_order(const void *a, const void *b)
{
    const struct task_range *x = a, *y = b;
    if (x->job != y->job)
        return x->job < y->job ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sort them, and make one of those that touch. */
static void ranges_merge(struct range_list *l)
{
    size_t n = 0;
    if (l->count > 1)
        qsort(l->list, l->count, sizeof(*l->list), range_order);
    for (size_t i = 0; i < l->count; i++) {
        struct task_range *last = n > 0 ? &l->list[n - 1].tasks : NULL;
        struct task_range r = l->list[i].tasks;
        if (!last || last->job != r.job || r.first - last->first > last->count)
            l->list[n++] = l->list[i];
        else if (r.first + r.count > last->first + last->count)
            last->count = r.first + r.count - last->first;
    }
    l->count = n;
}

static bool range_has(const struct task_range *r, const struct query_task *t)
{
    return r->job == t->job && t->index >= r->first &&
           t->index - r->first < r->count;
}

/* The last one that does not begin behind it. */
static bool merged_have(const struct range_list *l, const struct query_task *t)
{
    struct task_range key = {t->job, t->index, 1};
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (range_order(&l->list[mid].tasks, &key) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && range_has(&l->list[low - 1].tasks, t);
}

/* Does the end of the task satisfy those that depend on it? */
static bool satisfies(const struct looking *l, const struct query_task *t)
{
    bool ended = t->state == QUERY_SUCCEEDED || t->state == QUERY_INVALID ||
                 t->state == QUERY_FAILED;
    return ended &&
           policy_end(jobspec_template(l->spec, t->job, t->index), t->last)
                   .dependency_action == DEPENDENCY_SATISFY;
}

static int unmet_add(struct looking *l, const struct query_task *t,
                     uint32_t group, struct err *err)
{
    if (l->unmet_count == l->unmet_cap) {
        size_t cap = l->unmet_cap ? 2 * l->unmet_cap : 64;
        void *more = mem_resize(l->unmet, cap, sizeof(*l->unmet));
        if (!more)
            return nomem(err);
        l->unmet = more;
        l->unmet_cap = cap;
    }
    l->unmet[l->unmet_count++] =
        (struct unmet){{t->job, t->index, t->state}, group};
    return 0;
}

static int parent_see(void *arg, const struct query_task *t, struct err *err)
{
    struct looking *l = arg;
    bool met = satisfies(l, t);
    if (!met && merged_have(&l->all, t))
        return unmet_add(l, t, 0, err);
    for (size_t i = 0; i < l->any.count; i++) {
        const struct parent_range *r = &l->any.list[i];
        if (!range_has(&r->tasks, t))
            continue;
        if (met)
            l->met[r->group] = true;
        else if (unmet_add(l, t, r->group, err) < 0)
            return -1;
    }
    return 0;
}

/* Open a query for the parents: if they are of one job, of that alone. */
static struct query *parents_open(const struct looking *l,
                                  const struct rundir *dir, int64_t now_ns,
                                  struct err *err)
{
    char filter[sizeof("job_id=") + JOBSPEC_MAX_ID];
    uint32_t job =
        l->all.count ? l->all.list[0].tasks.job : l->any.list[0].tasks.job;
    bool one = true;
    for (size_t i = 0; i < l->all.count; i++)
        one = one && l->all.list[i].tasks.job == job;
    for (size_t i = 0; i < l->any.count; i++)
        one = one && l->any.list[i].tasks.job == job;
    struct query *q = query_open(dir, l->spec, now_ns, err);
    snprintf(filter, sizeof(filter), "job_id=%s", l->spec->jobs[job].id);
    if (!q || !one || query_filter(q, filter, err) == 0)
        return q;
    query_close(q);
    return NULL;
}

/* Which tasks it depends on that have not ended well. */
static int parents_find(const struct rundir *dir, const struct jobspec *spec,
                        int64_t now_ns, uint32_t job, uint32_t index,
                        struct waiting *out, struct err *err)
{
    struct looking l = {.spec = spec};
    struct collecting c = {.to = &l};
    struct query *q = NULL;
    int rc = 0;
    depend_visit(spec, job, index, range_add, &c);
    l.met = mem_calloc((size_t)l.group_count + 1, sizeof(*l.met));
    if (c.failed || !l.met)
        rc = nomem(err);
    ranges_merge(&l.all);
    if (rc == 0 && l.all.count + l.any.count > 0) {
        q = parents_open(&l, dir, now_ns, err);
        rc = q ? query_each(q, parent_see, &l, err) : -1;
    }
    for (size_t i = 0; rc == 0 && i < l.unmet_count; i++) {
        if (l.unmet[i].group > 0 && l.met[l.unmet[i].group])
            continue;
        if (out->parent_count < WAITING_SHOWN)
            out->parents[out->parent_count] = l.unmet[i].parent;
        out->parent_count++;
    }
    query_close(q);
    mem_free(l.all.list);
    mem_free(l.any.list);
    mem_free(l.met);
    mem_free(l.unmet);
    return rc;
}

static int parents_put(const struct jobspec *spec, struct waiting *w)
{
    char name[DESCRIBE_TASK_BYTES], count[64];
    int rc = buf_printf(&w->text, "it waits for %s:",
                        describe_count(w->parent_count, "task", count));
    for (uint32_t i = 0; rc == 0 && i < w->parent_count && i < WAITING_SHOWN;
         i++) {
        const struct waiting_parent *p = &w->parents[i];
        rc = buf_printf(&w->text, "\n  %s, %s",
                        describe_task(spec, p->job, p->index, name),
                        query_state_name(p->state));
    }
    if (rc == 0 && w->parent_count > WAITING_SHOWN)
        rc = buf_printf(&w->text, "\n  and %" PRIu64 " more",
                        w->parent_count - WAITING_SHOWN);
    return rc;
}

/* ---- The task and its job ---- */

struct asked {
    struct waiting *out;
    const struct jobspec *spec;
    int64_t now_ns;
    bool again; /* active, but it has been tried */
};

static int skipped_put(struct waiting *w, const struct jobspec *spec,
                       const struct query_task *t)
{
    char name[DESCRIBE_TASK_BYTES];
    w->kind = WAITING_SKIPPED;
    if (query_task_deleted(t))
        return buf_puts(&w->text, "it was deleted: `mpibatch task delete`");
    w->parents[0] =
        (struct waiting_parent){t->for_job, t->for_index, QUERY_FAILED};
    w->parent_count = 1;
    return buf_printf(
        &w->text,
        "it is skipped: it depends on %s, which has not ended well; "
        "`mpibatch task show %s` tells how",
        describe_task(spec, t->for_job, t->for_index, name), name);
}

/* The task as it stands. */
static int task_see(void *arg, const struct query_task *t, struct err *err)
{
    struct asked *a = arg;
    struct waiting *w = a->out;
    char how[384], took[16];
    int rc = 0;
    if (!t->now)
        return 0;
    switch (t->state) {
    case QUERY_SUCCEEDED:
    case QUERY_INVALID:
        w->kind = WAITING_ENDED;
        rc = buf_printf(&w->text, "it has succeeded");
        break;
    case QUERY_FAILED:
        attempt_describe(t->last, how);
        w->kind = WAITING_ENDED;
        rc = buf_printf(&w->text, "it has failed: %s (%s, attempt %" PRIu32 ")",
                        how, failure_code(attempt_failure(t->last)),
                        t->last->attempt);
        break;
    case QUERY_RUNNING:
        w->kind = WAITING_RUNS;
        rc = buf_printf(&w->text, "it runs, for %s, on rank %" PRIu32,
                        duration_format(a->now_ns - t->running_since_ns, took),
                        t->running_rank);
        break;
    case QUERY_SKIPPED:
        rc = skipped_put(w, a->spec, t);
        break;
    default:
        a->again = t->last != NULL;
        break;
    }
    return rc < 0 ? nomem(err) : 0;
}

/* Its job, if that is why. */
static int job_see(const struct scene *s, const struct jobspec *spec,
                   uint32_t job, struct waiting *w)
{
    const struct scene_job *j = &s->jobs[job];
    const char *id = spec->jobs[job].id, *end = "", *why = "";
    if (!scene_has_job(s, spec, job)) {
        w->kind = WAITING_SCHEDULE;
        return buf_printf(&w->text, "the time of its job %s %s", id,
                          j->left_out ? "has passed" : "has not come");
    }
    if (j->state == JOB_ACTIVE || j->state == JOB_ENABLING)
        return 0;
    if (j->changes.count > 0) {
        end = job_end_name(j->changes.list[j->changes.count - 1].end);
        why = j->changes.list[j->changes.count - 1].why;
    }
    w->kind = WAITING_JOB;
    return buf_printf(&w->text, "its job %s is %s%s%s%s%s%s", id,
                      job_state_name(j->state), *end ? " (" : "", end,
                      *why ? ": " : "", why,
                      *end                        ? "): it will not run"
                      : j->state == JOB_COMPLETED ? ": it will not run"
                                                  : "");
}

int waiting_find(const struct rundir *dir, const struct jobspec *spec,
                 int64_t now_ns, uint32_t job, uint32_t index,
                 struct waiting *out, struct err *err)
{
    struct asked a = {.out = out, .spec = spec, .now_ns = now_ns};
    *out = (struct waiting){.kind = WAITING_SESSION};
    buf_init(&out->text, WAITING_MAX_BYTES);
    struct query *q = query_open(dir, spec, now_ns, err);
    int rc = q ? query_attempts(q, job, index, task_see, &a, err) : -1;
    query_close(q);
    if (rc < 0 || out->text.len > 0)
        return rc;
    struct scene *s = scene_read(dir, spec, now_ns, false, err);
    if (!s)
        return -1;
    rc = job_see(s, spec, job, out);
    scene_destroy(s);
    if (rc < 0)
        return nomem(err);
    if (out->text.len > 0)
        return 0;
    if (parents_find(dir, spec, now_ns, job, index, out, err) < 0)
        return -1;
    if (out->parent_count > 0) {
        out->kind = WAITING_DEPENDENCY;
        rc = parents_put(spec, out);
    } else {
        rc = buf_puts(&out->text, a.again ? "it is to be tried again"
                                          : "nothing but its turn is before "
                                            "it");
    }
    return rc < 0 ? nomem(err) : 0;
}
