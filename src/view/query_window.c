/* Queries: the journal, in windows of tasks. See query.h.
 *
 * All tasks of all jobs are numbered. A first look at the journal, which
 * decodes next to nothing, finds out between which places the records of each
 * window lie; then each window is read once. What is kept of a task is its
 * last attempt, packed; a window that keeps too much is read in halves.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/record.h"
#include "view/query_internal.h"

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to look at the tasks");
}

int query_task_id(const struct query *q, uint32_t job, uint32_t index,
                  char id[JOBSPEC_MAX_ID + 1], struct err *err)
{
    const struct special_task *special = jobspec_special(q->spec, job, index);
    if (!special)
        return job_task_id(&q->spec->jobs[job], index, id, err);
    snprintf(id, JOBSPEC_MAX_ID + 1, "%s", special->id);
    return 0;
}

static uint64_t number_of(const struct query *q, uint32_t job, uint32_t index)
{
    return q->base[job] + index;
}

/* The job of a task's number, which is less than q->total. */
static uint32_t job_of(const struct query *q, uint64_t number)
{
    uint32_t low = 0, high = q->spec->job_count - 1;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (number < q->base[mid + 1])
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* ---- The survey ---- */

/* A record of this window begins at `at`. */
static void window_touch(struct window *w, struct journal_place at)
{
    if (!w->touched)
        w->first = at;
    w->touched = true;
    w->last = at;
}

/* A filter that wants no attempt, but notes where it is. */
static bool note_attempt(void *arg, uint32_t job, uint32_t index)
{
    struct query *q = arg;
    if (special_of(index) == SPECIAL_NONE)
        window_touch(&q->windows[number_of(q, job, index) / WINDOW_TASKS],
                     journal_tell(q->past));
    return false;
}

/* Tasks are active again: windows that have them must be read up to here. */
static void note_reactivation(struct query *q, const struct journal_record *r)
{
    struct journal_place at = journal_tell(q->past);
    at.offset--; /* it tells the end of the record */
    for (uint32_t i = 0; i < r->u.reactivate.range_count; i++) {
        const struct task_range *t = &r->u.reactivate.ranges[i];
        uint64_t from = number_of(q, t->job, t->first);
        uint64_t to = (from + t->count - 1) / WINDOW_TASKS;
        for (uint64_t w = from / WINDOW_TASKS; w <= to; w++)
            if (q->windows[w].touched)
                window_touch(&q->windows[w], at);
    }
}

/* These tasks will not run; before: a place in front of the record. */
static void note_skipped(struct query *q, const struct journal_record *r,
                         struct journal_place before)
{
    const struct task_range *t = &r->u.skipped.tasks;
    struct journal_place at = journal_tell(q->past);
    uint64_t from = number_of(q, t->job, t->first);
    uint64_t to = (from + t->count - 1) / WINDOW_TASKS;
    at.offset--; /* it tells the end of the record */
    for (uint64_t w = from / WINDOW_TASKS; w <= to; w++) {
        if (!q->windows[w].touched)
            window_touch(&q->windows[w], before);
        window_touch(&q->windows[w], at);
    }
}

static uint64_t node_key(uint32_t session, uint32_t node)
{
    return (uint64_t)session << 32 | node;
}

/* Room for one more node. -1: no memory. */
static int nodes_grow(struct query *q)
{
    uint32_t i = q->node_count;
    if ((i & (i - 1)) != 0) /* 0 or a power of two: full */
        return 0;
    struct query_node *more =
        arena_calloc(q->arena, i ? 2 * (size_t)i : 1, sizeof(*more));
    if (!more)
        return -1;
    if (i > 0)
        memcpy(more, q->nodes, i * sizeof(*more));
    q->nodes = more;
    return 0;
}

/* A node of the session. */
static int note_node(struct query *q, uint32_t session, uint32_t node,
                     const struct node_info *info)
{
    uint32_t i = q->node_count;
    while (i > 0 && (strcmp(q->nodes[i - 1].name, info->hostname) != 0 ||
                     strcmp(q->nodes[i - 1].scratch, info->scratch) != 0))
        i--;
    if (i > 0)
        return map_set(&q->node_numbers, node_key(session, node), i - 1);
    i = q->node_count;
    if (nodes_grow(q) < 0)
        return -1;
    q->nodes[i] =
        (struct query_node){.name = arena_strdup(q->arena, info->hostname),
                            .scratch = arena_strdup(q->arena, info->scratch)};
    if (!q->nodes[i].name || !q->nodes[i].scratch)
        return -1;
    q->node_count++;
    return map_set(&q->node_numbers, node_key(session, node), i);
}

static int running_index(struct query *q)
{
    for (uint32_t i = 0; i < q->running->count; i++) {
        const struct running *t = &q->running->tasks[i];
        if (t->job < q->spec->job_count &&
            t->index < q->spec->jobs[t->job].tasks.count &&
            map_set(&q->running_at, number_of(q, t->job, t->index), i) < 0)
            return -1;
    }
    return 0;
}

int query_survey(struct query *q, struct err *err)
{
    struct journal_record r;
    struct journal_place before;
    int got;
    q->windows = mem_calloc(q->total / WINDOW_TASKS + 1, sizeof(q->windows[0]));
    q->rows = mem_calloc(q->total < WINDOW_TASKS ? q->total : WINDOW_TASKS,
                         sizeof(q->rows[0]));
    if (!q->windows || !q->rows || running_index(q) < 0)
        return nomem(err);
    journal_reader_filter(q->past, note_attempt, q);
    before = journal_tell(q->past);
    for (; (got = journal_next(q->past, &r, err)) > 0;
         before = journal_tell(q->past)) {
        if (r.type == JOURNAL_REACTIVATE)
            note_reactivation(q, &r);
        else if (r.type == JOURNAL_SKIPPED)
            note_skipped(q, &r, before);
        else if (r.type == JOURNAL_OCCURRENCE)
            q->begun[r.u.occurrence.job] = r.u.occurrence.begun;
        else if (r.type == JOURNAL_NODE &&
                 note_node(q, r.session, r.u.node.node, r.u.node.info) < 0)
            return nomem(err);
    }
    return got;
}

/* ---- One window ---- */

static void rows_clear(struct query *q)
{
    for (uint64_t i = 0; i < q->count; i++)
        mem_free(q->rows[i].record);
    memset(q->rows, 0, q->count * sizeof(q->rows[0]));
    q->kept_bytes = 0;
}

static bool in_window(void *arg, uint32_t job, uint32_t index)
{
    const struct query *q = arg;
    if (special_of(index) != SPECIAL_NONE)
        return false;
    uint64_t n = number_of(q, job, index);
    return n >= q->from && n - q->from < q->count;
}

static int row_keep(struct query *q, const struct journal_record *r)
{
    const struct attempt *a = r->u.attempt;
    struct row *row = &q->rows[number_of(q, a->job, a->index) - q->from];
    uint64_t node;
    buf_reset(&q->packed);
    if (record_put_attempt(&q->packed, a, q->spec) < 0)
        return -1;
    unsigned char *record = mem_alloc(q->packed.len);
    if (!record)
        return -1;
    memcpy(record, q->packed.data, q->packed.len);
    q->kept_bytes += q->packed.len;
    q->kept_bytes -= row->record ? row->len : 0;
    mem_free(row->record);
    *row = (struct row){.record = record,
                        .len = (uint32_t)q->packed.len,
                        .session = r->session,
                        .node = UINT32_MAX};
    if (map_get(&q->node_numbers, node_key(r->session, a->node), &node))
        row->node = (uint32_t)node;
    return 0;
}

/* The rows of the range that are in the window: from *first up to *end. */
static void rows_of(const struct query *q, const struct task_range *t,
                    uint64_t *first, uint64_t *end)
{
    uint64_t from = number_of(q, t->job, t->first), to = from + t->count;
    if (from < q->from)
        from = q->from;
    if (to > q->from + q->count)
        to = q->from + q->count;
    *first = from - q->from;
    *end = to > from ? to - q->from : *first;
}

/* Tasks are active again, those of the window. */
static void rows_reactivate(struct query *q, const struct journal_record *r)
{
    uint64_t n, end;
    for (uint32_t i = 0; i < r->u.reactivate.range_count; i++)
        for (rows_of(q, &r->u.reactivate.ranges[i], &n, &end); n < end; n++) {
            q->rows[n].reactivated = true;
            q->rows[n].skipped = false;
        }
}

/* Tasks will not run, those of the window. */
static void rows_skip(struct query *q, const struct journal_record *r)
{
    uint64_t n, end;
    for (rows_of(q, &r->u.skipped.tasks, &n, &end); n < end; n++) {
        q->rows[n].skipped = true;
        q->rows[n].for_job = r->u.skipped.parent_job;
        q->rows[n].for_index = r->u.skipped.parent;
    }
}

/* A record that says something of the rows, besides attempts. */
static void rows_change(struct query *q, const struct journal_record *r)
{
    if (r->type == JOURNAL_REACTIVATE)
        rows_reactivate(q, r);
    else if (r->type == JOURNAL_SKIPPED)
        rows_skip(q, r);
}

static bool is_behind(struct journal_place a, struct journal_place b)
{
    return a.file != b.file ? a.file > b.file : a.offset > b.offset;
}

/* 0, 1: it keeps too much, -1 with err. */
static int window_read(struct query *q, const struct window *w, struct err *err)
{
    struct journal_record r;
    int got;
    journal_reader_filter(q->past, in_window, q);
    if (journal_seek(q->past, w->first, err) < 0)
        return -1;
    while (!is_behind(journal_tell(q->past), w->last) &&
           (got = journal_next(q->past, &r, err)) != 0) {
        if (got < 0)
            return -1;
        rows_change(q, &r);
        if (r.type == JOURNAL_ATTEMPT && row_keep(q, &r) < 0)
            return nomem(err);
        if (q->kept_bytes > QUERY_MAX_KEPT_BYTES && q->count > 1)
            return 1;
    }
    return 0;
}

static enum query_state state_of(const struct row *row, const struct attempt *a)
{
    if (row->skipped)
        return QUERY_SKIPPED;
    if (!a || row->reactivated || a->disposition != TASK_ENDS)
        return QUERY_ACTIVE;
    if (a->result != RESULT_SUCCESS)
        return QUERY_FAILED;
    return attempt_is_invalid(a) ? QUERY_INVALID : QUERY_SUCCEEDED;
}

/* What runs, if the task does; an attempt that has ended does not. */
static void task_see_running(const struct query *q, uint64_t number,
                             struct query_task *t)
{
    uint64_t i;
    if (q->running->count == 0 || !map_get(&q->running_at, number, &i))
        return;
    const struct running *r = &q->running->tasks[i];
    if (r->attempt <= (t->last ? t->last->attempt : 0))
        return;
    t->state = QUERY_RUNNING;
    t->running_since_ns = r->start_ns;
    t->running_rank = r->rank;
}

static void task_set_node(struct query_task *t, const struct query_node *n)
{
    t->node = n->name;
    t->scratch = n->scratch;
}

/* The task behind a row; its attempt is in q->last. */
static int task_get(struct query *q, uint64_t number, uint32_t job,
                    const struct row *row, struct query_task *t,
                    struct err *err)
{
    t->job = job;
    t->index = (uint32_t)(number - q->base[job]);
    t->id[0] = '\0';
    t->node = t->scratch = "";
    t->last = NULL;
    t->session = 0;
    t->running_since_ns = 0;
    t->running_rank = 0;
    t->for_job = row->for_job;
    t->for_index = row->for_index;
    t->now = true;
    if (row->record) {
        struct unpack u;
        unpack_init(&u, row->record, row->len);
        attempt_fini(&q->last);
        if (record_get_attempt(&u, q->spec, &q->last, err) < 0)
            return -1;
        t->last = &q->last;
        t->session = row->session;
        if (row->node != UINT32_MAX)
            task_set_node(t, &q->nodes[row->node]);
    }
    t->state = state_of(row, t->last);
    task_see_running(q, number, t);
    return 0;
}

typedef int visitor(void *arg, const struct query_task *t, struct err *err);

static int window_visit(struct query *q, visitor *visit, void *arg,
                        struct err *err)
{
    struct query_task t;
    uint32_t job = job_of(q, q->from);
    for (uint64_t i = 0; i < q->count; i++) {
        uint64_t number = q->from + i;
        const struct row *row = &q->rows[i];
        while (number >= q->base[job + 1])
            job++;
        if (!row->record && !row->skipped && !query_wants_untouched(q, job) &&
            !map_get(&q->running_at, number, NULL))
            continue;
        if (task_get(q, number, job, row, &t, err) < 0)
            return -1;
        int rc = query_matches(q, &t, err);
        if (rc == 0)
            continue;
        if (rc < 0 || query_task_id(q, job, t.index, t.id, err) < 0)
            return -1;
        rc = visit(arg, &t, err);
        if (rc != 0)
            return rc;
        if (++q->shown == q->head)
            return 1;
    }
    return 0;
}

/* Tasks from..from+count-1, all of window w. */
static int part_each(struct query *q, const struct window *w, uint64_t from,
                     uint64_t count, visitor *visit, void *arg, struct err *err)
{
    q->from = from;
    q->count = count;
    int rc = w->touched ? window_read(q, w, err) : 0;
    if (rc == 0)
        rc = window_visit(q, visit, arg, err);
    else if (rc > 0) { /* it keeps too much */
        rows_clear(q);
        rc = part_each(q, w, from, count / 2, visit, arg, err);
        if (rc == 0)
            rc = part_each(q, w, from + count / 2, count - count / 2, visit,
                           arg, err);
        return rc;
    }
    rows_clear(q);
    return rc;
}

/* Can a task of the window match, if none of them has ended an attempt? */
static bool window_wants_untouched(struct query *q, uint64_t from,
                                   uint64_t count)
{
    size_t at = 0;
    uint64_t number, place;
    for (uint32_t j = job_of(q, from);
         j < q->spec->job_count && q->base[j] < from + count; j++)
        if (query_wants_untouched(q, j))
            return true;
    while (map_next(&q->running_at, &at, &number, &place))
        if (number >= from && number - from < count)
            return true;
    return false;
}

int query_each(struct query *q, visitor *visit, void *arg, struct err *err)
{
    int rc = 0;
    q->shown = 0;
    for (uint64_t from = 0; rc == 0 && from < q->total; from += WINDOW_TASKS) {
        const struct window *w = &q->windows[from / WINDOW_TASKS];
        uint64_t count =
            q->total - from < WINDOW_TASKS ? q->total - from : WINDOW_TASKS;
        if (w->touched || window_wants_untouched(q, from, count))
            rc = part_each(q, w, from, count, visit, arg, err);
    }
    return rc < 0 ? -1 : 0;
}

/* ---- Attempts ---- */

int query_each_attempt(struct query *q, visitor *visit, void *arg,
                       struct err *err)
{
    struct journal_record r;
    uint64_t node;
    int got = 0;
    q->shown = 0;
    journal_reader_filter(q->past, NULL, NULL);
    if (journal_rewind(q->past, err) < 0)
        return -1;
    while ((got = journal_next(q->past, &r, err)) > 0) {
        const struct attempt *a = r.u.attempt;
        static const struct row plain;
        if (r.type != JOURNAL_ATTEMPT)
            continue;
        struct query_task t = {.job = a->job,
                               .index = a->index,
                               .state = state_of(&plain, a),
                               .last = a,
                               .node = "",
                               .scratch = "",
                               .session = r.session};
        if (map_get(&q->node_numbers, node_key(r.session, a->node), &node))
            task_set_node(&t, &q->nodes[node]);
        int rc = query_matches(q, &t, err);
        if (rc > 0)
            rc = query_task_id(q, t.job, t.index, t.id, err) < 0
                     ? -1
                     : visit(arg, &t, err);
        else if (rc == 0)
            continue;
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        if (++q->shown == q->head)
            return 0;
    }
    return got;
}

/* ---- One task ---- */

static int one_visit(struct query *q, uint64_t number, uint32_t job, bool now,
                     visitor *visit, void *arg, struct err *err)
{
    struct query_task t;
    if (task_get(q, number, job, &q->rows[0], &t, err) < 0 ||
        query_task_id(q, job, t.index, t.id, err) < 0)
        return -1;
    t.now = now;
    return visit(arg, &t, err);
}

/* A special task, whose attempts are nobody's window. */
struct special_look {
    struct query *q;
    uint32_t job, index;
    visitor *visit;
    void *arg;
    struct row last;
};

static bool is_special(void *arg, uint32_t job, uint32_t index)
{
    const struct special_look *s = arg;
    return job == s->job && index == s->index;
}

static int special_visit(struct special_look *s, const struct attempt *a,
                         bool now, struct err *err)
{
    struct query *q = s->q;
    struct query_task t = {.job = s->job,
                           .index = s->index,
                           .state = state_of(&s->last, a),
                           .last = a,
                           .node = "",
                           .scratch = "",
                           .session = s->last.session,
                           .now = now};
    if (a && s->last.node != UINT32_MAX)
        task_set_node(&t, &q->nodes[s->last.node]);
    if (query_task_id(q, s->job, s->index, t.id, err) < 0)
        return -1;
    for (uint32_t i = 0; now && i < q->running->count; i++) {
        const struct running *r = &q->running->tasks[i];
        if (r->job != s->job || r->index != s->index)
            continue;
        t.state = QUERY_RUNNING;
        t.running_since_ns = r->start_ns;
        t.running_rank = r->rank;
    }
    return s->visit(s->arg, &t, err);
}

static int special_attempts(struct special_look *s, struct err *err)
{
    struct query *q = s->q;
    struct journal_record r;
    uint64_t node;
    int rc = journal_rewind(q->past, err), got = 0;
    journal_reader_filter(q->past, is_special, s);
    attempt_fini(&q->last);
    attempt_init(&q->last);
    while (rc == 0 && (got = journal_next(q->past, &r, err)) > 0) {
        const struct attempt *a = r.u.attempt;
        if (r.type != JOURNAL_SPECIAL)
            continue;
        s->last.session = r.session;
        s->last.node = UINT32_MAX;
        if (map_get(&q->node_numbers, node_key(r.session, a->node), &node))
            s->last.node = (uint32_t)node;
        buf_reset(&q->packed);
        if (record_put_attempt(&q->packed, a, q->spec) < 0)
            return nomem(err);
        rc = special_visit(s, a, false, err);
    }
    if (rc != 0 || got < 0)
        return rc < 0 || got < 0 ? -1 : 0;
    if (q->packed.len > 0) {
        struct unpack u;
        unpack_init(&u, (const unsigned char *)q->packed.data, q->packed.len);
        if (record_get_attempt(&u, q->spec, &q->last, err) < 0)
            return -1;
        rc = special_visit(s, &q->last, true, err);
    } else {
        rc = special_visit(s, NULL, true, err);
    }
    return rc < 0 ? -1 : 0;
}

int query_attempts(struct query *q, uint32_t job, uint32_t index,
                   visitor *visit, void *arg, struct err *err)
{
    if (special_of(index) != SPECIAL_NONE) {
        struct special_look s = {
            .q = q, .job = job, .index = index, .visit = visit, .arg = arg};
        buf_reset(&q->packed);
        return special_attempts(&s, err);
    }
    uint64_t number = number_of(q, job, index);
    const struct window *w = &q->windows[number / WINDOW_TASKS];
    struct journal_record r;
    int rc = 0;
    q->from = number;
    q->count = 1;
    if (w->touched) {
        journal_reader_filter(q->past, in_window, q);
        rc = journal_seek(q->past, w->first, err);
    }
    while (rc == 0 && w->touched &&
           !is_behind(journal_tell(q->past), w->last) &&
           (rc = journal_next(q->past, &r, err)) > 0) {
        rc = 0;
        rows_change(q, &r);
        if (r.type == JOURNAL_ATTEMPT) {
            if (row_keep(q, &r) < 0)
                rc = nomem(err);
            else
                rc = one_visit(q, number, job, false, visit, arg, err);
        }
    }
    if (rc == 0)
        rc = one_visit(q, number, job, true, visit, arg, err);
    rows_clear(q);
    return rc < 0 ? -1 : 0;
}
