/* Dependencies as counters: see needs.h.
 *
 * Who waits for a parent is found by the parent: long ranges of parents are
 * spans, looked through one by one (there are few); short ones are edges,
 * sorted by parent. */
#include "config.h"
#include "sched/needs.h"

#include <stdlib.h>

#include "base/mem.h"

/* Ranges of parents up to so long become edges, while there are not more. */
enum { EDGE_MAX_RANGE = 1024, EDGE_MAX_COUNT = 1 << 24 };

struct tally_of {
    uint32_t total, good, bad;
};

struct need_rule {
    struct tally_of all;     /* DEPEND_TASKS */
    struct tally_of *groups; /* DEPEND_SAME */
    /* children of group g: children[child_starts[g] .. child_starts[g+1]-1];
     * groups of parent p: groups_of[parent_starts[p] .. ] */
    uint32_t *child_starts, *children, *parent_starts, *groups_of;
};

struct span {
    uint32_t rule, first, end;
};

struct edge {
    uint32_t parent, rule;
};

struct need_job {
    uint32_t *wide, *singles; /* rules for its tasks: for many, for one each */
    uint32_t wide_count, single_count;
    struct span *spans; /* by which it is a parent */
    struct edge *edges;
    uint32_t *rules; /* of which it is the parent */
    uint32_t span_count, edge_count, rule_count;
    bool over;
};

/* ---- Building ---- */

static const struct depend_rule *rule_of(const struct needs *n, uint32_t rule)
{
    return &n->spec->depends[rule];
}

static void count_up(struct needs *n, uint32_t rule, uint32_t *edges)
{
    const struct depend_rule *r = rule_of(n, rule);
    struct need_job *child = &n->jobs[r->job],
                    *parent = &n->jobs[r->parent_job];
    if (r->count == 1)
        child->single_count++;
    else
        child->wide_count++;
    parent->rule_count++;
    if (r->kind == DEPEND_SAME)
        parent->span_count++;
    for (uint32_t k = 0; k < r->parent_range_count; k++) {
        uint32_t count = r->parents[k].count;
        n->rules[rule].all.total += count;
        if (count <= EDGE_MAX_RANGE && *edges + count <= EDGE_MAX_COUNT) {
            parent->edge_count += count;
            *edges += count;
        } else {
            parent->span_count++;
        }
    }
}

static int job_reserve(struct need_job *j)
{
    j->wide = mem_calloc(j->wide_count, sizeof(j->wide[0]));
    j->singles = mem_calloc(j->single_count, sizeof(j->singles[0]));
    j->spans = mem_calloc(j->span_count, sizeof(j->spans[0]));
    j->edges = mem_calloc(j->edge_count, sizeof(j->edges[0]));
    j->rules = mem_calloc(j->rule_count, sizeof(j->rules[0]));
    if (!j->wide || !j->singles || !j->spans || !j->edges || !j->rules)
        return -1;
    j->wide_count = j->single_count = j->span_count = 0;
    j->edge_count = j->rule_count = 0;
    return 0;
}

static void put_in(struct needs *n, uint32_t rule, uint32_t *edges)
{
    const struct depend_rule *r = rule_of(n, rule);
    struct need_job *child = &n->jobs[r->job],
                    *parent = &n->jobs[r->parent_job];
    if (r->count == 1)
        child->singles[child->single_count++] = rule;
    else
        child->wide[child->wide_count++] = rule;
    parent->rules[parent->rule_count++] = rule;
    if (r->kind == DEPEND_SAME)
        parent->spans[parent->span_count++] =
            (struct span){rule, 0, n->spec->jobs[r->parent_job].tasks.count};
    for (uint32_t k = 0; k < r->parent_range_count; k++) {
        uint32_t first = r->parents[k].first, count = r->parents[k].count;
        if (count > EDGE_MAX_RANGE || *edges + count > EDGE_MAX_COUNT) {
            parent->spans[parent->span_count++] =
                (struct span){rule, first, first + count};
            continue;
        }
        for (uint32_t i = 0; i < count; i++)
            parent->edges[parent->edge_count++] =
                (struct edge){first + i, rule};
        *edges += count;
    }
}

static int compare_edges(const void *x, const void *y)
{
    const struct edge *a = x, *b = y;
    if (a->parent != b->parent)
        return a->parent < b->parent ? -1 : 1;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* From counts at starts[k+1] to where each begins. */
static void sum_up(uint32_t *starts, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        starts[k + 1] += starts[k];
}

/* Of a rule for points: who belongs to which group, seen from both sides. */
static int same_init(const struct needs *n, uint32_t rule)
{
    const struct depend_rule *r = rule_of(n, rule);
    struct need_rule *m = &n->rules[rule];
    uint32_t parents = n->spec->jobs[r->parent_job].tasks.count;
    uint32_t members = r->starts[r->group_count];
    m->groups = mem_calloc(r->group_count, sizeof(m->groups[0]));
    m->child_starts =
        mem_calloc((size_t)r->group_count + 2, sizeof(m->child_starts[0]));
    m->children = mem_calloc(r->count, sizeof(m->children[0]));
    m->parent_starts =
        mem_calloc((size_t)parents + 2, sizeof(m->parent_starts[0]));
    m->groups_of = mem_calloc(members, sizeof(m->groups_of[0]));
    if (!m->groups || !m->child_starts || !m->children || !m->parent_starts ||
        !m->groups_of)
        return -1;
    /* counted one place too far, so that filling in leaves the starts right */
    for (uint32_t i = 0; i < r->count; i++)
        m->child_starts[r->child_group[i] + 2]++;
    sum_up(m->child_starts, r->group_count + 1);
    for (uint32_t i = 0; i < r->count; i++)
        m->children[m->child_starts[r->child_group[i] + 1]++] = r->first + i;
    for (uint32_t k = 0; k < members; k++)
        m->parent_starts[r->members[k] + 2]++;
    sum_up(m->parent_starts, parents + 1);
    for (uint32_t g = 0; g < r->group_count; g++) {
        m->groups[g].total = r->starts[g + 1] - r->starts[g];
        for (uint32_t k = r->starts[g]; k < r->starts[g + 1]; k++)
            m->groups_of[m->parent_starts[r->members[k] + 1]++] = g;
    }
    return 0;
}

int needs_init(struct needs *n, const struct jobspec *spec)
{
    uint32_t edges = 0;
    n->spec = spec;
    if (spec->depend_count == 0)
        return 0;
    n->rules = mem_calloc(spec->depend_count, sizeof(n->rules[0]));
    n->jobs = mem_calloc(spec->job_count, sizeof(n->jobs[0]));
    if (!n->rules || !n->jobs)
        return -1;
    n->rule_count = spec->depend_count;
    n->job_count = spec->job_count;
    for (uint32_t k = 0; k < n->rule_count; k++)
        count_up(n, k, &edges);
    for (uint32_t j = 0; j < n->job_count; j++)
        if (job_reserve(&n->jobs[j]) < 0)
            return -1;
    edges = 0;
    for (uint32_t k = 0; k < n->rule_count; k++) {
        put_in(n, k, &edges);
        if (rule_of(n, k)->kind == DEPEND_SAME && same_init(n, k) < 0)
            return -1;
    }
    for (uint32_t j = 0; j < n->job_count; j++)
        qsort(n->jobs[j].edges, n->jobs[j].edge_count, sizeof(struct edge),
              compare_edges);
    return 0;
}

void needs_fini(struct needs *n)
{
    for (uint32_t k = 0; k < n->rule_count; k++) {
        struct need_rule *m = &n->rules[k];
        mem_free(m->groups);
        mem_free(m->child_starts);
        mem_free(m->children);
        mem_free(m->parent_starts);
        mem_free(m->groups_of);
    }
    for (uint32_t j = 0; j < n->job_count; j++) {
        struct need_job *job = &n->jobs[j];
        mem_free(job->wide);
        mem_free(job->singles);
        mem_free(job->spans);
        mem_free(job->edges);
        mem_free(job->rules);
    }
    mem_free(n->rules);
    mem_free(n->jobs);
    *n = (struct needs){0};
}

/* ---- States ---- */

bool needs_has_children(const struct needs *n, uint32_t job)
{
    return n->jobs && n->jobs[job].wide_count + n->jobs[job].single_count > 0;
}

bool needs_has_parents(const struct needs *n, uint32_t job)
{
    return n->jobs && n->jobs[job].rule_count > 0;
}

bool needs_is_single(const struct needs *n, uint32_t job)
{
    return n->jobs && n->jobs[job].wide_count + n->jobs[job].single_count == 1;
}

static struct tally_of *tally_at(const struct needs *n, uint32_t rule,
                                 uint32_t group)
{
    struct need_rule *m = &n->rules[rule];
    return m->groups ? &m->groups[group] : &m->all;
}

enum need needs_rule_state(const struct needs *n, uint32_t rule, uint32_t group)
{
    const struct depend_rule *r = rule_of(n, rule);
    const struct tally_of *t = tally_at(n, rule, group);
    bool over = n->jobs[r->parent_job].over;
    if (r->any ? t->good > 0 : t->good == t->total)
        return NEED_MET;
    if (over || (r->any ? t->bad == t->total : t->bad > 0))
        return NEED_FAILED;
    return NEED_OPEN;
}

/* The group of a child by a rule that holds for it. */
static uint32_t group_of(const struct depend_rule *r, uint32_t index)
{
    return r->kind == DEPEND_SAME ? r->child_group[index - r->first] : 0;
}

/* The first of the job's rules for one task that is for index or a later one.
 */
static uint32_t single_from(const struct needs *n, const struct need_job *j,
                            uint32_t index)
{
    uint32_t low = 0, high = j->single_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (rule_of(n, j->singles[mid])->first < index)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool needs_find(const struct needs *n, uint32_t job, uint32_t index,
                enum need state, uint32_t *rule, uint32_t *group, uint32_t *end)
{
    const struct need_job *j = n->jobs ? &n->jobs[job] : NULL;
    if (!j)
        return false;
    for (uint32_t k = 0; k < j->wide_count; k++) {
        const struct depend_rule *r = rule_of(n, j->wide[k]);
        if (index < r->first || index - r->first >= r->count)
            continue;
        *rule = j->wide[k];
        *group = group_of(r, index);
        *end =
            r->kind == DEPEND_SAME || k > 0 ? index + 1 : r->first + r->count;
        if (needs_rule_state(n, *rule, *group) == state)
            return true;
    }
    for (uint32_t k = single_from(n, j, index); k < j->single_count; k++) {
        const struct depend_rule *r = rule_of(n, j->singles[k]);
        if (r->first != index)
            return false;
        *rule = j->singles[k];
        *group = group_of(r, index);
        *end = index + 1;
        if (needs_rule_state(n, *rule, *group) == state)
            return true;
    }
    return false;
}

enum need needs_state(const struct needs *n, uint32_t job, uint32_t index)
{
    uint32_t rule, group, end;
    if (needs_find(n, job, index, NEED_FAILED, &rule, &group, &end))
        return NEED_FAILED;
    return needs_find(n, job, index, NEED_OPEN, &rule, &group, &end) ? NEED_OPEN
                                                                     : NEED_MET;
}

/* ---- Changes ---- */

static void note(struct needs *n, uint32_t rule, uint32_t group,
                 enum outcome was, enum outcome is, needs_changed *changed,
                 void *arg)
{
    struct tally_of *t = tally_at(n, rule, group);
    enum need before = needs_rule_state(n, rule, group);
    t->good -= was == OUTCOME_GOOD;
    t->bad -= was == OUTCOME_BAD;
    t->good += is == OUTCOME_GOOD;
    t->bad += is == OUTCOME_BAD;
    if (needs_rule_state(n, rule, group) != before)
        changed(arg, rule, group);
}

static uint32_t edge_from(const struct need_job *j, uint32_t parent)
{
    uint32_t low = 0, high = j->edge_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (j->edges[mid].parent < parent)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void needs_parent(struct needs *n, uint32_t job, uint32_t index,
                  enum outcome was, enum outcome is, needs_changed *changed,
                  void *arg)
{
    const struct need_job *j = &n->jobs[job];
    if (was == is)
        return;
    for (uint32_t k = 0; k < j->span_count; k++) {
        const struct span *sp = &j->spans[k];
        const struct need_rule *m = &n->rules[sp->rule];
        if (index < sp->first || index >= sp->end)
            continue;
        if (!m->groups) {
            note(n, sp->rule, 0, was, is, changed, arg);
            continue;
        }
        for (uint32_t g = m->parent_starts[index];
             g < m->parent_starts[index + 1]; g++)
            note(n, sp->rule, m->groups_of[g], was, is, changed, arg);
    }
    for (uint32_t k = edge_from(j, index);
         k < j->edge_count && j->edges[k].parent == index; k++)
        note(n, j->edges[k].rule, 0, was, is, changed, arg);
}

void needs_job(struct needs *n, uint32_t job, bool over, needs_changed *changed,
               void *arg)
{
    struct need_job *j = n->jobs ? &n->jobs[job] : NULL;
    if (!j || j->over == over)
        return;
    for (uint32_t k = 0; k < j->rule_count; k++) {
        uint32_t groups = rule_of(n, j->rules[k])->kind == DEPEND_SAME
                              ? rule_of(n, j->rules[k])->group_count
                              : 1;
        for (uint32_t g = 0; g < groups; g++) {
            j->over = !over;
            enum need before = needs_rule_state(n, j->rules[k], g);
            j->over = over;
            if (needs_rule_state(n, j->rules[k], g) != before)
                changed(arg, j->rules[k], g);
        }
    }
    j->over = over;
}

/* ---- Both sides of a rule ---- */

void needs_children(const struct needs *n, uint32_t rule, uint32_t group,
                    void (*visit)(void *arg, uint32_t job, uint32_t first,
                                  uint32_t count),
                    void *arg)
{
    const struct depend_rule *r = rule_of(n, rule);
    const struct need_rule *m = &n->rules[rule];
    if (!m->groups) {
        visit(arg, r->job, r->first, r->count);
        return;
    }
    for (uint32_t k = m->child_starts[group]; k < m->child_starts[group + 1];
         k++)
        visit(arg, r->job, m->children[k], 1);
}

bool needs_find_parent(const struct needs *n, uint32_t rule, uint32_t group,
                       bool (*want)(const void *arg, uint32_t job,
                                    uint32_t index),
                       const void *arg, uint32_t *parent, uint32_t *count)
{
    const struct depend_rule *r = rule_of(n, rule);
    const struct need_rule *m = &n->rules[rule];
    uint32_t found = 0;
    uint32_t ranges = m->groups ? r->starts[group + 1] - r->starts[group]
                                : r->parent_range_count;
    for (uint32_t k = 0; k < ranges; k++) {
        uint32_t first =
            m->groups ? r->members[r->starts[group] + k] : r->parents[k].first;
        uint32_t length = m->groups ? 1 : r->parents[k].count;
        for (uint32_t i = first; i - first < length; i++) {
            if (!want(arg, r->parent_job, i))
                continue;
            if (found++ == 0)
                *parent = i;
            if (!count)
                return true;
        }
    }
    if (count)
        *count = found;
    return found > 0;
}
