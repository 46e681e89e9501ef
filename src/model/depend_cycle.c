/* Finding a circle of dependencies: see depend.h.
 *
 * First the jobs alone: most specs have no circle there, however many tasks
 * they have. Tasks are looked at only of jobs that are on a circle of jobs,
 * depth first. A rule is a node between its children and its parents, and so is
 * each group of points, so that N children of M parents are N + M edges; tasks
 * that are finished are jumped over in ranges, so each is entered once. */
#include "config.h"
#include "model/depend.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/jobspec.h"

enum { SHOWN_MAX = 12 };

/* ---- Jobs ---- */

/* Take away the jobs that wait for none of the others, or that none of them
 * waits for. Were there any? */
static bool jobs_prune_once(const struct jobspec *spec, bool *left, bool *waits,
                            bool *waited)
{
    bool some = false;
    memset(waits, 0, spec->job_count * sizeof(*waits));
    memset(waited, 0, spec->job_count * sizeof(*waited));
    for (uint32_t i = 0; i < spec->depend_count; i++) {
        const struct depend_rule *r = &spec->depends[i];
        if (left[r->job] && left[r->parent_job])
            waits[r->job] = waited[r->parent_job] = true;
    }
    for (uint32_t j = 0; j < spec->job_count; j++) {
        bool stays = left[j] && waits[j] && waited[j];
        some = some || (left[j] && !stays);
        left[j] = stays;
    }
    return some;
}

/* Which jobs can be on a circle? 1: some, 0: none, -1: no memory. */
static int jobs_prune(const struct jobspec *spec, bool *left)
{
    int rc = 0;
    bool *waits = mem_calloc((size_t)spec->job_count + 1, sizeof(*waits)),
         *waited = mem_calloc((size_t)spec->job_count + 1, sizeof(*waited));
    for (uint32_t j = 0; j < spec->job_count; j++)
        left[j] = true;
    while (waits && waited && jobs_prune_once(spec, left, waits, waited))
        ;
    for (uint32_t j = 0; j < spec->job_count; j++)
        rc = rc || left[j];
    if (!waits || !waited)
        rc = -1;
    mem_free(waits);
    mem_free(waited);
    return rc;
}

/* ---- Tasks ---- */

enum { NODE_NEW, NODE_OPEN, NODE_DONE };

/* Where the search is: at a task, going through its rules; or at a rule or a
 * group of one, going through its parents. */
struct frame {
    bool at_task;
    uint32_t job, index; /* a task */
    uint32_t rule, group;
    uint32_t range;             /* of the parents, */
    uint64_t next;              /* and the parent in it */
    struct depend_cursor rules; /* of a task */
};

struct search {
    const struct jobspec *spec;
    const bool *left;
    uint32_t from;      /* tasks before it are done; else 0 */
    uint32_t rule_from; /* so are rules before it */
    uint64_t *begin;    /* of each job's tasks among all of them */
    uint8_t *state;     /* of tasks */
    uint32_t *ahead; /* of a task: the next one of its job that may not be done,
                        as a distance; 0: itself */
    uint64_t *rule_begin; /* of each rule's groups among all of them */
    uint8_t *rule_state;
    struct frame *stack;
    size_t depth, cap;
};

static uint32_t parts_of(const struct depend_rule *r)
{
    return r->kind == DEPEND_SAME ? r->group_count : 1;
}

static int search_init(struct search *s, const struct jobspec *spec,
                       const bool *left, uint32_t from, uint32_t rule_from)
{
    uint64_t tasks = 0, parts = 0;
    *s = (struct search){
        .spec = spec, .left = left, .from = from, .rule_from = rule_from};
    s->begin = mem_calloc((size_t)spec->job_count + 1, sizeof(*s->begin));
    s->rule_begin = mem_calloc((size_t)spec->depend_count - rule_from + 1,
                               sizeof(*s->rule_begin));
    if (!s->begin || !s->rule_begin)
        return -1;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        s->begin[j] = tasks;
        tasks += left[j] ? spec->jobs[j].tasks.count - from : 0;
    }
    for (uint32_t i = rule_from; i < spec->depend_count; i++) {
        s->rule_begin[i - rule_from] = parts;
        parts += left[spec->depends[i].job] ? parts_of(&spec->depends[i]) : 0;
    }
    s->state = mem_calloc(tasks + 1, sizeof(*s->state));
    s->ahead = mem_calloc(tasks + 1, sizeof(*s->ahead));
    s->rule_state = mem_calloc(parts + 1, sizeof(*s->rule_state));
    return s->state && s->ahead && s->rule_state ? 0 : -1;
}

static void search_fini(struct search *s)
{
    mem_free(s->begin);
    mem_free(s->state);
    mem_free(s->ahead);
    mem_free(s->rule_begin);
    mem_free(s->rule_state);
    mem_free(s->stack);
}

static int push(struct search *s, struct frame f)
{
    if (s->depth == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct frame *grown = mem_resize(s->stack, cap, sizeof(*grown));
        if (!grown)
            return -1;
        s->stack = grown;
        s->cap = cap;
    }
    s->stack[s->depth++] = f;
    return 0;
}

static int task_push(struct search *s, uint32_t job, uint32_t index)
{
    struct frame f = {.at_task = true, .job = job, .index = index};
    depend_begin(s->spec, job, index, &f.rules);
    return push(s, f);
}

static uint8_t *task_state(const struct search *s, uint32_t job, uint64_t index)
{
    return &s->state[s->begin[job] + index - s->from];
}

static uint8_t *part_state(const struct search *s, uint32_t rule,
                           uint32_t group)
{
    return &s->rule_state[s->rule_begin[rule - s->rule_from] + group];
}

/* The first task of the job from index on that is not done; the count of its
 * tasks if there is none. */
static uint64_t task_ahead(struct search *s, uint32_t job, uint64_t index)
{
    uint64_t count = s->spec->jobs[job].tasks.count - s->from;
    uint32_t *ahead = &s->ahead[s->begin[job]];
    index = index > s->from ? index - s->from : 0;
    uint64_t at = index;
    while (at < count && ahead[at] > 0)
        at += ahead[at];
    while (index < count && ahead[index] > 0) {
        uint64_t next = index + ahead[index];
        ahead[index] = (uint32_t)(at - index);
        index = next;
    }
    return at + s->from;
}

/* Range number i of the parents of a part of a rule. false: there is none. */
static bool part_range(const struct depend_rule *r, uint32_t group, uint32_t i,
                       uint64_t *first, uint64_t *end)
{
    if (r->kind == DEPEND_SAME) {
        if (i >= r->starts[group + 1] - r->starts[group])
            return false;
        *first = r->members[r->starts[group] + i];
        *end = *first + 1;
        return true;
    }
    if (i >= r->parent_range_count)
        return false;
    *first = r->parents[i].first;
    *end = *first + r->parents[i].count;
    return true;
}

/* One step at a part of a rule: to a parent that is not done, or back. 1: that
 * parent is on the way already. */
static int part_step(struct search *s)
{
    struct frame *f = &s->stack[s->depth - 1];
    const struct depend_rule *r = &s->spec->depends[f->rule];
    uint64_t first, end;
    while (part_range(r, f->group, f->range, &first, &end)) {
        uint64_t at = f->next > first ? f->next : first;
        at = task_ahead(s, r->parent_job, at);
        if (at >= end) {
            f->range++;
            f->next = 0;
            continue;
        }
        f->next = at + 1;
        uint8_t *state = task_state(s, r->parent_job, at);
        bool open = *state == NODE_OPEN;
        *state = NODE_OPEN;
        return task_push(s, r->parent_job, (uint32_t)at) < 0 ? -1 : open;
    }
    *part_state(s, f->rule, f->group) = NODE_DONE;
    s->depth--;
    return 0;
}

/* One step at a task: to a rule that is not done, or back. 1: that rule is on
 * the way already. */
static int task_step(struct search *s)
{
    struct frame *f = &s->stack[s->depth - 1];
    const struct depend_rule *r;
    while ((r = depend_next(s->spec, &f->rules))) {
        struct frame part = {.rule = (uint32_t)(r - s->spec->depends),
                             .group = r->kind == DEPEND_SAME
                                          ? r->child_group[f->index - r->first]
                                          : 0};
        uint8_t *state = part_state(s, part.rule, part.group);
        if (!s->left[r->parent_job] || *state == NODE_DONE)
            continue;
        bool open = *state == NODE_OPEN;
        *state = NODE_OPEN;
        return push(s, part) < 0 ? -1 : open;
    }
    *task_state(s, f->job, f->index) = NODE_DONE;
    s->ahead[s->begin[f->job] + f->index - s->from] = 1;
    s->depth--;
    return 0;
}

/* ---- What is found ---- */

static bool frame_same(const struct frame *a, const struct frame *b)
{
    return a->at_task == b->at_task &&
           (a->at_task ? a->job == b->job && a->index == b->index
                       : a->rule == b->rule && a->group == b->group);
}

/* Append " -> id", with its job in front if they are of several. */
static void put_task(struct buf *text, const struct jobspec *spec,
                     const struct frame *f, bool several)
{
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    if (job_task_id(&spec->jobs[f->job], f->index, id, &err) < 0)
        id[0] = '\0';
    buf_printf(text, "%s%s%s%s", text->len ? " -> " : "",
               several ? spec->jobs[f->job].id : "", several ? "/" : "", id);
}

/* The tasks on the stack from the frame that is the last one's equal on. */
static void circle_say(const struct search *s, uint32_t *job, uint32_t *index,
                       struct err *err)
{
    const struct frame *end = &s->stack[s->depth - 1], *from = end;
    const struct frame *first = NULL;
    bool several = false;
    uint32_t tasks = 0;
    struct buf text;
    do
        from--;
    while (!frame_same(from, end));
    for (const struct frame *f = from; f < end; f++) {
        if (!f->at_task)
            continue;
        first = first ? first : f;
        several = several || f->job != first->job;
        tasks++;
    }
    buf_init(&text, ERR_TEXT_MAX);
    uint32_t shown = 0;
    for (const struct frame *f = from; f < end; f++)
        if (f->at_task && shown++ < SHOWN_MAX)
            put_task(&text, s->spec, f, several);
    if (tasks > SHOWN_MAX)
        buf_puts(&text, " -> ...");
    put_task(&text, s->spec, first, several);
    *job = first->job;
    *index = first->index;
    err_set(err, EINVAL, "%s: %s",
            tasks == 1 ? "the task waits for itself"
                       : "these tasks wait for each other",
            buf_text(&text));
    buf_fini(&text);
}

static int search_from(struct search *s, uint32_t job, uint32_t index)
{
    int rc = 0;
    if (*task_state(s, job, index) == NODE_DONE)
        return 0;
    *task_state(s, job, index) = NODE_OPEN;
    s->depth = 0;
    if (task_push(s, job, index) < 0)
        return -1;
    while (rc == 0 && s->depth > 0)
        rc = s->stack[s->depth - 1].at_task ? task_step(s) : part_step(s);
    return rc;
}

/* Look for a circle among the jobs that are left. */
static int search_all(struct search *s, uint32_t *job, uint32_t *index,
                      struct err *err)
{
    int rc = 0;
    for (uint32_t j = 0; rc == 0 && j < s->spec->job_count; j++)
        for (uint32_t i = s->from;
             rc == 0 && s->left[j] && i < s->spec->jobs[j].tasks.count; i++)
            rc = search_from(s, j, i);
    if (rc > 0)
        circle_say(s, job, index, err);
    return rc;
}

int depend_check(const struct jobspec *spec, uint32_t *job, uint32_t *index,
                 struct err *err)
{
    struct search s = {.depth = 0};
    bool *left = mem_calloc((size_t)spec->job_count + 1, sizeof(*left));
    int rc = left ? jobs_prune(spec, left) : -1;
    if (rc > 0)
        rc = search_init(&s, spec, left, 0, 0) < 0
                 ? -1
                 : search_all(&s, job, index, err);
    if (rc < 0)
        err_set(err, ENOMEM, "no memory to check the dependencies");
    search_fini(&s);
    mem_free(left);
    return rc == 0 ? 0 : -1;
}

int depend_check_added(const struct jobspec *spec, uint32_t fragment,
                       uint32_t *index, struct err *err)
{
    const struct fragment *f = &spec->fragments[fragment];
    struct search s = {.depth = 0};
    bool *left = mem_calloc((size_t)spec->job_count + 1, sizeof(*left));
    uint32_t job;
    int rc = -1;
    if (left) {
        left[f->job] = true;
        rc = search_init(&s, spec, left, f->first, f->first_rule) < 0
                 ? -1
                 : search_all(&s, &job, index, err);
    }
    if (rc < 0)
        err_set(err, ENOMEM, "no memory to check the dependencies");
    search_fini(&s);
    mem_free(left);
    return rc == 0 ? 0 : -1;
}
