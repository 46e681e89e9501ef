/* Which rules hold for a task, and which parents they name: see depend.h. */
#include "config.h"
#include "model/depend.h"

#include "model/jobspec.h"

/* Visit the parents of one child. false: it stopped. */
static bool rule_visit(const struct depend_rule *r, uint32_t index,
                       bool (*visit)(void *arg, const struct depend_rule *rule,
                                     uint32_t first, uint32_t count),
                       void *arg)
{
    if (r->kind == DEPEND_TASKS) {
        for (uint32_t i = 0; i < r->parent_range_count; i++)
            if (!visit(arg, r, r->parents[i].first, r->parents[i].count))
                return false;
        return true;
    }
    uint32_t g = r->child_group[index - r->first];
    for (uint32_t i = r->starts[g], end; i < r->starts[g + 1]; i = end) {
        end = i + 1;
        while (end < r->starts[g + 1] &&
               r->members[end] == r->members[end - 1] + 1)
            end++;
        if (!visit(arg, r, r->members[i], end - i))
            return false;
    }
    return true;
}

/* Where the rules of a task may be: those of its fragment, or the first ones.
 */
static struct fragment fragment_of(const struct jobspec *spec, uint32_t job,
                                   uint32_t index)
{
    const struct task_piece *piece = job_piece(&spec->jobs[job], index);
    if (piece)
        return spec->fragments[piece->fragment];
    return (struct fragment){.rule_count = spec->fragment_count > 0
                                               ? spec->fragments[0].first_rule
                                               : spec->depend_count};
}

/* The order of a rule among those of its fragment: before, at or behind that
 * for the single task `index`, or (several) that for several tasks. */
static int rule_order(const struct depend_rule *r, uint32_t job, bool several,
                      uint32_t index)
{
    if (r->job != job)
        return r->job < job ? -1 : 1;
    if ((r->count > 1) != several)
        return r->count > 1 ? -1 : 1;
    if (several || r->first == index)
        return 0;
    return r->first < index ? -1 : 1;
}

/* The first of the fragment's rules that is not before that. */
static uint32_t rule_lower(const struct jobspec *spec, const struct fragment *f,
                           uint32_t job, bool several, uint32_t index)
{
    uint32_t low = f->first_rule, high = f->first_rule + f->rule_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (rule_order(&spec->depends[mid], job, several, index) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void depend_begin(const struct jobspec *spec, uint32_t job, uint32_t index,
                  struct depend_cursor *c)
{
    struct fragment f = fragment_of(spec, job, index);
    *c = (struct depend_cursor){.job = job,
                                .index = index,
                                .at = rule_lower(spec, &f, job, true, 0),
                                .single =
                                    rule_lower(spec, &f, job, false, index),
                                .end = f.first_rule + f.rule_count};
}

const struct depend_rule *depend_next(const struct jobspec *spec,
                                      struct depend_cursor *c)
{
    while (c->at < c->end) {
        const struct depend_rule *r = &spec->depends[c->at];
        if (r->job != c->job ||
            (r->count == 1 && c->at >= c->single && r->first != c->index))
            break;
        if (r->count == 1 && c->at < c->single) { /* single ones before it */
            c->at = c->single;
            continue;
        }
        c->at++;
        if (c->index >= r->first && c->index - r->first < r->count)
            return r;
    }
    return NULL;
}

bool depend_visit(const struct jobspec *spec, uint32_t job, uint32_t index,
                  bool (*visit)(void *arg, const struct depend_rule *rule,
                                uint32_t first, uint32_t count),
                  void *arg)
{
    struct depend_cursor c;
    const struct depend_rule *r;
    bool any = false, more = true;
    depend_begin(spec, job, index, &c);
    while (more && (r = depend_next(spec, &c))) {
        any = true;
        more = rule_visit(r, index, visit, arg);
    }
    return any;
}

int depend_compare(const void *a, const void *b)
{
    const struct depend_rule *x = a, *y = b;
    if (x->job != y->job)
        return x->job < y->job ? -1 : 1;
    if ((x->count > 1) != (y->count > 1))
        return x->count > 1 ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->parent_job < y->parent_job ? -1 : x->parent_job > y->parent_job;
}
