/* Queries: which tasks. See query.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/order.h"
#include "view/query_internal.h"

/* ---- COLUMN=VALUE ---- */

/* The words that a column can have; 0: any. */
static uint32_t words_of(const struct query *q, uint32_t column,
                         const char *words[JOBSPEC_MAX_JOBS])
{
    uint32_t n = 0;
    if (column == COL_STATE)
        for (; n < QUERY_STATES; n++)
            words[n] = query_state_name((enum query_state)n);
    else if (column == COL_RESULT)
        for (; n < RESULT_SKIPPED; n++)
            words[n] = attempt_result_name((enum attempt_result)(n + 1));
    else if (column == COL_REASON)
        for (; n < REASON_COUNT; n++)
            words[n] = attempt_reason_name((enum reason)n);
    else if (column == COL_FAILURE_CODE)
        for (; n < FAILURE_COUNT - 1; n++)
            words[n] = failure_code((enum failure)(n + 1));
    else if (column == COL_FAILURE_CATEGORY)
        for (; n < FAILURE_SERVER_ERROR; n++)
            words[n] = failure_category_name((enum failure_category)(n + 1));
    else if (column == COL_JOB_ID)
        for (; n < q->spec->job_count; n++)
            words[n] = q->spec->jobs[n].id;
    return n;
}

/* Can the column have this value at all? -1 with err. */
static int check_word(const struct query *q, uint32_t column, const char *text,
                      struct err *err)
{
    const char *words[JOBSPEC_MAX_JOBS];
    uint32_t n = words_of(q, column, words);
    struct buf all;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0)
            return 0;
    if (n == 0)
        return 0;
    const char *near = text_nearest(text, words, n);
    buf_init(&all, 800);
    for (uint32_t i = 0; i < n; i++)
        if (buf_printf(&all, "%s%s", i ? ", " : "", words[i]) < 0)
            break;
    const char *noun = column == COL_JOB_ID ? "job" : q->names[column];
    if (near)
        err_set(err, EINVAL, "no %s \"%s\"; did you mean %s?", noun, text,
                near);
    else
        err_set(err, EINVAL, "no %s \"%s\"; there are %s", noun, text,
                buf_text(&all));
    buf_fini(&all);
    return -1;
}

int query_filter(struct query *q, const char *text, struct err *err)
{
    const char *sign = strchr(text, '=');
    if (!sign || sign == text)
        return err_set(err, EINVAL,
                       "expected COLUMN=VALUE, such as state=failed, not "
                       "\"%s\"",
                       text);
    if (q->filter_count == QUERY_MAX_FILTERS)
        return err_set(err, E2BIG, "more than %d filters", QUERY_MAX_FILTERS);
    bool negative = sign[-1] == '!';
    char *name =
        arena_strndup(q->arena, text, (size_t)(sign - text) - negative);
    char *value = arena_strdup(q->arena, sign + 1);
    if (!name || !value)
        return err_set(err, ENOMEM, "no memory for a filter");
    int column = query_column(q, name, err);
    if (column < 0 || check_word(q, (uint32_t)column, value, err) < 0)
        return -1;
    struct filter *f = &q->filters[q->filter_count++];
    *f = (struct filter){.column = (uint32_t)column, .negative = negative};
    value_resolve(&f->v, value);
    memset(q->untouched, 0, q->spec->job_count * sizeof(q->untouched[0]));
    return 0;
}

/* Does a value agree with the filter? One that is not known never does. */
static bool filter_holds(const struct filter *f, const struct value *v)
{
    struct buf text;
    bool equal;
    if (v->type == VALUE_NULL)
        return false;
    if (number_is(v) && number_is(&f->v)) {
        equal = number_order(v, &f->v) == ORDER_EQUAL;
    } else if (v->text) {
        equal = strcmp(v->text, f->v.text) == 0;
    } else { /* a number without a spelling, and a text */
        buf_init(&text, 64);
        equal = query_value_put(v, &text) == 0 &&
                strcmp(buf_text(&text), f->v.text) == 0;
        buf_fini(&text);
    }
    return equal != f->negative;
}

/* ---- Conditions ---- */

/* Put the text and a mark under the place into err, behind what it says. */
static int show_place(const char *text, size_t at, struct err *err)
{
    enum { SHOWN = 64 };
    struct buf line;
    size_t len = strlen(text);
    size_t from = at > SHOWN / 2 ? at - SHOWN / 2 : 0;
    size_t n = len - from < SHOWN ? len - from : SHOWN;
    buf_init(&line, 1024);
    buf_printf(&line, "\n  %s%.*s%s\n  ", from ? "..." : "", (int)n,
               text + from, from + n < len ? "..." : "");
    for (char *c = line.data ? line.data + 1 : NULL; c && *c; c++)
        if ((*c == '\n' && c != strrchr(line.data, '\n')) || *c == '\t')
            *c = ' '; /* in one line */
    for (size_t i = 0; i < at - from + (from ? 3 : 0); i++)
        buf_putc(&line, ' ');
    buf_putc(&line, '^');
    struct err was = *err;
    err_set(err, was.code, "%s%s", was.text, buf_text(&line));
    buf_fini(&line);
    return -1;
}

int query_where(struct query *q, const char *text, struct err *err)
{
    size_t at = 0;
    if (q->where_count == QUERY_MAX_FILTERS)
        return err_set(err, E2BIG, "more than %d conditions",
                       QUERY_MAX_FILTERS);
    const struct expr *e =
        expr_compile(q->arena, text, q->names, q->column_count, &at, err);
    if (!e)
        return err->code == EINVAL && *text ? show_place(text, at, err) : -1;
    q->wheres[q->where_count++] = e;
    memset(q->untouched, 0, q->spec->job_count * sizeof(q->untouched[0]));
    return 0;
}

struct asking {
    struct query *q;
    const struct query_task *t;
    bool common_only;
};

static int get(void *arg, uint32_t number, struct buf *room, struct value *v,
               struct err *err)
{
    const struct asking *a = arg;
    if (a->common_only && !column_is_common(a->q, number))
        return err_set(err, ECANCELED, "another task may have another value");
    return query_value(a->q, a->t, number, room, v, err);
}

/* 1, 0, -1 with err: ECANCELED if common_only and that decides it not. */
static int matches(struct query *q, const struct query_task *t,
                   bool common_only, struct err *err)
{
    struct asking a = {.q = q, .t = t, .common_only = common_only};
    int undecided = 0;
    for (uint32_t i = 0; i < q->filter_count; i++) {
        struct value v;
        struct buf room;
        buf_init(&room, EXPR_MAX_TEXT);
        int rc = get(&a, q->filters[i].column, &room, &v, err);
        bool holds = rc == 0 && filter_holds(&q->filters[i], &v);
        buf_fini(&room);
        if (rc < 0 && err->code != ECANCELED)
            return -1;
        undecided |= rc;
        if (rc == 0 && !holds)
            return 0;
    }
    for (uint32_t i = 0; i < q->where_count; i++) {
        bool holds = false;
        int rc = expr_holds(q->wheres[i], get, &a, &holds, err);
        if (rc < 0 && !common_only)
            return err_context(err, "task %s/%" PRIu32,
                               q->spec->jobs[t->job].id, t->index);
        undecided |= rc;
        if (rc == 0 && !holds)
            return 0;
    }
    return undecided ? -1 : 1;
}

int query_matches(struct query *q, const struct query_task *t, struct err *err)
{
    return matches(q, t, false, err);
}

bool query_wants_untouched(struct query *q, uint32_t job)
{
    struct err err;
    if (q->spec->jobs[job].schedule != 0 && !q->begun[job])
        return false;
    if (q->untouched[job] == UNTOUCHED_UNKNOWN) {
        struct query_task t = {.job = job, .node = "", .scratch = ""};
        int rc = matches(q, &t, true, &err);
        q->untouched[job] = rc == 0 ? UNTOUCHED_NO : UNTOUCHED_MAYBE;
    }
    return q->untouched[job] == UNTOUCHED_MAYBE;
}

void query_head(struct query *q, uint64_t count)
{
    q->head = count;
}
