/* --rerun: see rerun.h. */
#include "config.h"
#include "cli/rerun.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "view/query.h"

enum { WORDS = RERUN_WHERE + 1 };
const char *const rerun_words[WORDS + 1] = {[RERUN_NONE] = "none",
                                            [RERUN_FAILED] = "failed",
                                            [RERUN_TIMEOUT] = "timeout",
                                            [RERUN_INVALID] = "invalid",
                                            [RERUN_WHERE] = "where"};

/* Is a condition still to be said? */
static bool is_open(const struct rerun *r)
{
    return r->which == RERUN_WHERE && !r->where;
}

int rerun_take(const char *text, void *value, struct err *err)
{
    struct rerun *r = value;
    if (is_open(r)) {
        r->where = text;
        return 0;
    }
    if (r->which != RERUN_NONE)
        return err_set(err, EINVAL,
                       "it is given twice; `where 'state == \"failed\" or "
                       "...'` takes what any of several conditions holds for");
    if (strncmp(text, "where ", 6) == 0) {
        *r = (struct rerun){.which = RERUN_WHERE, .where = text + 6};
        return 0;
    }
    for (int i = 0; i < WORDS; i++)
        if (strcmp(text, rerun_words[i]) == 0) {
            *r = (struct rerun){.which = (enum rerun_which)i};
            return 0;
        }
    const char *near = text_nearest(text, rerun_words, WORDS);
    return err_set(err, EINVAL,
                   "it takes failed, timeout, invalid or where EXPR, not "
                   "\"%s\"%s%s%s",
                   text, near ? "; did you mean " : "", near ? near : "",
                   near ? "?" : "");
}

struct finding {
    struct task_range *ranges;
    size_t count, cap;
};

static bool has_ended(const struct query_task *t)
{
    return t->state == QUERY_SUCCEEDED || t->state == QUERY_FAILED ||
           t->state == QUERY_INVALID || t->state == QUERY_SKIPPED;
}

static int visit(void *arg, const struct query_task *t, struct err *err)
{
    struct finding *f = arg;
    struct task_range *last = f->count ? &f->ranges[f->count - 1] : NULL;
    if (!has_ended(t))
        return 0;
    if (last && last->job == t->job && last->first + last->count == t->index) {
        last->count++;
        return 0;
    }
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct task_range *more = mem_resize(f->ranges, cap, sizeof(*more));
        if (!more)
            return err_set(err, ENOMEM, "no memory for the tasks to run again");
        f->ranges = more;
        f->cap = cap;
    }
    f->ranges[f->count++] =
        (struct task_range){.job = t->job, .first = t->index, .count = 1};
    return 0;
}

static int ask(struct query *q, const struct rerun *what, struct err *err)
{
    switch (what->which) {
    case RERUN_NONE:
        break;
    case RERUN_FAILED: /* and what was skipped for their sake */
        return query_where(q, "state == 'failed' or state == 'skipped'", err);
    case RERUN_TIMEOUT:
        if (query_filter(q, "state=failed", err) < 0)
            return -1;
        return query_filter(q, "reason=timeout", err);
    case RERUN_INVALID:
        return query_filter(q, "state=invalid", err);
    case RERUN_WHERE:
        if (query_where(q, what->where, err) == 0)
            return 0;
        return err_context(err, "--rerun where");
    }
    return 0;
}

int rerun_find(const struct rerun *what, const struct rundir *dir,
               const struct jobspec *spec, struct task_range **ranges,
               size_t *count, struct err *err)
{
    struct finding f = {0};
    *ranges = NULL;
    *count = 0;
    if (what->which == RERUN_NONE)
        return 0;
    struct query *q = query_open(dir, spec, clock_wall_ns(), err);
    int rc = q ? ask(q, what, err) : -1;
    if (rc == 0)
        rc = query_each(q, visit, &f, err);
    query_close(q);
    if (rc < 0) {
        mem_free(f.ranges);
        return -1;
    }
    *ranges = f.ranges;
    *count = f.count;
    return 0;
}
