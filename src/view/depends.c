/* Which tasks depend on which: see depends.h. */
#include "config.h"
#include "view/depends.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "view/describe.h"

static void add(struct depends *d, uint32_t job, uint32_t index)
{
    if (d->count < DEPENDS_SHOWN) {
        d->tasks[d->count].job = job;
        d->tasks[d->count].index = index;
    }
    d->count++;
}

static void add_range(struct depends *d, uint32_t job, uint32_t first,
                      uint32_t count)
{
    uint32_t i = 0;
    for (; i < count && d->count < DEPENDS_SHOWN; i++)
        add(d, job, first + i);
    d->count += count - i;
}

static bool see_parents(void *arg, const struct depend_rule *rule,
                        uint32_t first, uint32_t count)
{
    add_range(arg, rule->parent_job, first, count);
    return true;
}

void depends_on(const struct jobspec *spec, uint32_t job, uint32_t index,
                struct depends *out)
{
    out->count = 0;
    depend_visit(spec, job, index, see_parents, out);
}

/* ---- The other way ---- */

static bool rule_names(const struct depend_rule *r, uint32_t index)
{
    for (uint32_t i = 0; i < r->parent_range_count; i++)
        if (index >= r->parents[i].first &&
            index - r->parents[i].first < r->parents[i].count)
            return true;
    return false;
}

/* Is the task in the group? Members are ascending. */
static bool group_has(const struct depend_rule *r, uint32_t group,
                      uint32_t index)
{
    uint32_t low = r->starts[group], high = r->starts[group + 1];
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (r->members[mid] == index)
            return true;
        if (r->members[mid] < index)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

void depends_dependents(const struct jobspec *spec, uint32_t job,
                        uint32_t index, struct depends *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < spec->depend_count; i++) {
        const struct depend_rule *r = &spec->depends[i];
        if (r->parent_job != job)
            continue;
        if (r->kind == DEPEND_TASKS) {
            if (rule_names(r, index))
                add_range(out, r->job, r->first, r->count);
            continue;
        }
        for (uint32_t c = 0; c < r->count; c++)
            if (group_has(r, r->child_group[c], index))
                add(out, r->job, r->first + c);
    }
}

int depends_put(const struct jobspec *spec, const struct depends *d,
                uint32_t max, struct buf *out)
{
    char name[DESCRIBE_TASK_BYTES];
    int rc = 0;
    uint32_t shown = d->count < max ? (uint32_t)d->count : max;
    for (uint32_t i = 0; rc == 0 && i < shown; i++)
        rc = buf_printf(
            out, "%s%s", i ? ", " : "",
            describe_task(spec, d->tasks[i].job, d->tasks[i].index, name));
    if (rc == 0 && d->count > shown)
        rc = buf_printf(out, " and %" PRIu64 " more", d->count - shown);
    return rc;
}

/* ---- All of them ---- */

/* More rounds than that: it is not looked for any further. */
enum { ROUNDS_MAX = 1000 };

/* How deep each task is: 1, or one more than its deepest parent. */
struct survey {
    const struct jobspec *spec;
    uint64_t *base; /* the number of a job's first task */
    uint32_t *depth;
};

/* Make a child as deep as its parents ask for. Did that change anything? */
static bool deepen(struct survey *s, uint32_t job, uint32_t index,
                   uint32_t parents)
{
    uint32_t *depth = &s->depth[s->base[job] + index];
    if (*depth > parents)
        return false;
    *depth = parents + 1;
    return true;
}

static bool tasks_round(struct survey *s, const struct depend_rule *r)
{
    uint32_t deepest = 0;
    bool changed = false;
    const uint32_t *depth = s->depth + s->base[r->parent_job];
    for (uint32_t i = 0; i < r->parent_range_count; i++)
        for (uint32_t k = 0; k < r->parents[i].count; k++)
            if (depth[r->parents[i].first + k] > deepest)
                deepest = depth[r->parents[i].first + k];
    for (uint32_t c = 0; c < r->count; c++)
        changed |= deepen(s, r->job, r->first + c, deepest);
    return changed;
}

static bool same_round(struct survey *s, const struct depend_rule *r)
{
    bool changed = false;
    const uint32_t *depth = s->depth + s->base[r->parent_job];
    for (uint32_t c = 0; c < r->count; c++) {
        uint32_t g = r->child_group[c], deepest = 0;
        for (uint32_t i = r->starts[g]; i < r->starts[g + 1]; i++)
            if (depth[r->members[i]] > deepest)
                deepest = depth[r->members[i]];
        changed |= deepen(s, r->job, r->first + c, deepest);
    }
    return changed;
}

/* False: it takes too long. */
static bool depths_find(struct survey *s)
{
    bool changed = true;
    for (int round = 0; changed; round++) {
        if (round == ROUNDS_MAX)
            return false;
        changed = false;
        for (uint32_t i = 0; i < s->spec->depend_count; i++) {
            const struct depend_rule *r = &s->spec->depends[i];
            changed |=
                r->kind == DEPEND_TASKS ? tasks_round(s, r) : same_round(s, r);
        }
    }
    return true;
}

/* The parent that a chain goes on with. */
struct step {
    const struct survey *s;
    uint32_t want, job, index;
    bool found;
};

static bool step_see(void *arg, const struct depend_rule *rule, uint32_t first,
                     uint32_t count)
{
    struct step *step = arg;
    const uint32_t *depth = step->s->depth + step->s->base[rule->parent_job];
    for (uint32_t i = 0; i < count && !step->found; i++)
        if (depth[first + i] == step->want) {
            step->found = true;
            step->job = rule->parent_job;
            step->index = first + i;
        }
    return !step->found;
}

/* The longest chain, from its end. */
static void chain_find(const struct survey *s, uint32_t *longest,
                       struct depends *chain)
{
    struct step step = {.s = s};
    *longest = 1;
    chain->count = 0;
    for (uint32_t j = 0; j < s->spec->job_count; j++)
        for (uint32_t i = 0; i < s->spec->jobs[j].tasks.count; i++)
            if (s->depth[s->base[j] + i] > *longest) {
                *longest = s->depth[s->base[j] + i];
                step.job = j;
                step.index = i;
            }
    if (*longest == 1)
        return;
    add(chain, step.job, step.index);
    for (step.want = *longest - 1; step.want > 0; step.want--) {
        step.found = false;
        depend_visit(s->spec, step.job, step.index, step_see, &step);
        if (!step.found)
            return;
        add(chain, step.job, step.index);
    }
}

static void sums_find(const struct jobspec *spec, struct depends_sum *sums)
{
    for (uint32_t i = 0; i < spec->depend_count; i++) {
        const struct depend_rule *r = &spec->depends[i];
        uint64_t parents = 0;
        for (uint32_t k = 0; k < r->parent_range_count; k++)
            parents += r->parents[k].count;
        sums[r->job].edges += parents * r->count;
        for (uint32_t c = 0; r->kind == DEPEND_SAME && c < r->count; c++) {
            uint32_t g = r->child_group[c];
            sums[r->job].edges += r->starts[g + 1] - r->starts[g];
        }
    }
}

int depends_survey(const struct jobspec *spec, struct depends_sum *sums,
                   uint32_t *longest, struct depends *chain, struct err *err)
{
    struct survey s = {.spec = spec};
    uint64_t total = jobspec_task_count(spec);
    memset(sums, 0, spec->job_count * sizeof(*sums));
    sums_find(spec, sums);
    chain->count = 0;
    *longest = spec->depend_count > 0 ? 0 : 1;
    if (spec->depend_count == 0 || total > DEPENDS_MAX_TASKS)
        return 0;
    s.base = mem_calloc(spec->job_count, sizeof(*s.base));
    s.depth = mem_calloc(total + 1, sizeof(*s.depth));
    if (!s.base || !s.depth) {
        mem_free(s.base);
        mem_free(s.depth);
        return err_set(err, ENOMEM, "no memory to look at the dependencies");
    }
    for (uint32_t j = 1; j < spec->job_count; j++)
        s.base[j] = s.base[j - 1] + spec->jobs[j - 1].tasks.count;
    for (uint64_t i = 0; i < total; i++)
        s.depth[i] = 1;
    if (depths_find(&s)) {
        chain_find(&s, longest, chain);
        for (uint32_t j = 0; j < spec->job_count; j++)
            for (uint32_t i = 0; i < spec->jobs[j].tasks.count; i++)
                sums[j].tasks += s.depth[s.base[j] + i] > 1;
    }
    mem_free(s.base);
    mem_free(s.depth);
    return 0;
}
