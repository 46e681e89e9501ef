/* Failures in groups: see failures.h.
 *
 * One pass over the tasks groups them and counts them by job; then two more a
 * job look at its parameters: one fills the sample, one counts what was found
 * on it among all tasks.
 */
#include "config.h"
#include "view/failures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/output.h"
#include "view/fold.h"

enum { TAIL_BYTES = 4096, VALUE_BYTES = 1 << 20 };

/* Groups by their text. */
struct groups {
    struct failure_group *list;
    uint32_t count, cap;
    struct map by_hash; /* of the text -> 1 + place; equal hashes: the next
                           hash */
    uint64_t others;
};

struct finder {
    const struct rundir *dir;
    const struct jobspec *spec;
    int64_t now_ns;
    int (*restrict_to)(void *arg, struct query *q, struct err *err);
    void *arg;
    struct failures *out;
    struct groups reasons, messages;
    uint64_t *job_failures;
    struct buf tail, message;

    /* of the job whose parameters are looked at */
    struct query *query;
    uint32_t columns[REGIONS_MAX_COLUMNS], column_count;
    struct buf rooms[REGIONS_MAX_COLUMNS];
    struct regions *regions;
    struct region found[REGIONS_MAX];
    int found_count;
};

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to group the failures");
}

/* ---- Groups ---- */

static struct failure_group *group_new(struct groups *g, uint64_t key,
                                       const char *text)
{
    if (g->count == g->cap) {
        uint32_t cap = g->cap ? 2 * g->cap : 16;
        struct failure_group *list = mem_resize(g->list, cap, sizeof(*list));
        if (!list)
            return NULL;
        g->list = list;
        g->cap = cap;
    }
    struct failure_group *new = &g->list[g->count];
    *new = (struct failure_group){.text = mem_strdup(text)};
    if (!new->text || map_set(&g->by_hash, key, g->count + 1) < 0) {
        mem_free(new->text);
        return NULL;
    }
    g->count++;
    return new;
}

/* Count a task in the group of that text. -1: no memory. */
static int group_count(struct groups *g, const char *text, const char *job,
                       const char *task)
{
    char example[2 * JOBSPEC_MAX_ID + 2];
    uint64_t key = hash_text(HASH_START, text), place;
    struct failure_group *found = NULL;
    for (; !found && map_get(&g->by_hash, key, &place); key++)
        if (strcmp(g->list[place - 1].text, text) == 0)
            found = &g->list[place - 1];
    if (!found && g->count == FAILURES_MAX_GROUPS) {
        g->others++;
        return 0;
    }
    if (!found && !(found = group_new(g, key, text)))
        return -1;
    found->count++;
    if (found->example_count == FAILURES_EXAMPLES)
        return 0;
    snprintf(example, sizeof(example), "%s/%s", job, task);
    char *copy = mem_strdup(example);
    if (!copy)
        return -1;
    found->examples[found->example_count++] = copy;
    return 0;
}

static int by_count(const void *a, const void *b)
{
    const struct failure_group *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* The groups, sorted, to the caller. */
static struct failure_group *groups_take(struct groups *g, uint32_t *count)
{
    struct failure_group *list = g->list;
    if (g->count > 1)
        qsort(list, g->count, sizeof(list[0]), by_count);
    *count = g->count;
    map_fini(&g->by_hash);
    *g = (struct groups){0};
    return list;
}

/* ---- The first pass ---- */

/* How it ended, without what is its own: no time, no message. */
static void reason_text(const struct attempt *a, char text[384])
{
    struct attempt *plain = mem_alloc(sizeof(*plain));
    snprintf(text, 384, "%s", attempt_reason_name(a->reason));
    if (!plain)
        return;
    attempt_init(plain);
    plain->reason = a->reason;
    plain->failure = a->failure;
    plain->exit_code = a->exit_code;
    plain->signal = a->signal;
    if (a->reason == REASON_TIMEOUT)
        snprintf(text, 384, "over its time limit");
    else
        attempt_describe(plain, text);
    mem_free(plain);
}

/* What it said last: on stderr; or else why it could not be run. */
static int message_find(struct finder *f, const struct query_task *t,
                        struct err *err)
{
    const struct attempt *a = t->last;
    uint64_t bytes = a->output[1].bytes;
    uint64_t from = bytes > TAIL_BYTES ? bytes - TAIL_BYTES : 0;
    buf_reset(&f->tail);
    buf_reset(&f->message);
    if (a->message[0] &&
        (a->reason == REASON_PRE_PROCESSING || a->reason == REASON_FILE_UPLOAD))
        return fold_last_line(a->message, strlen(a->message), &f->message);
    if (output_read(f->dir, a, f->spec->jobs[t->job].id, t->id, 1, from,
                    TAIL_BYTES, &f->tail, err) < 0)
        return buf_puts(&f->message, "(its stderr cannot be read)");
    if (f->tail.len > 0 &&
        fold_last_line(f->tail.data, f->tail.len, &f->message) < 0)
        return -1;
    if (f->message.len == 0 && a->message[0])
        return fold_last_line(a->message, strlen(a->message), &f->message);
    return 0;
}

static bool is_success(const struct query_task *t)
{
    return t->state == QUERY_SUCCEEDED || t->state == QUERY_INVALID;
}

static int note(void *arg, const struct query_task *t, struct err *err)
{
    struct finder *f = arg;
    const char *job = f->spec->jobs[t->job].id;
    char how[384];
    if (t->state != QUERY_FAILED) {
        f->out->succeeded += is_success(t);
        f->out->skipped += t->state == QUERY_SKIPPED;
        return 0;
    }
    f->out->failed++;
    f->job_failures[t->job]++;
    reason_text(t->last, how);
    if (group_count(&f->reasons, how, job, t->id) < 0)
        return nomem(err);
    if (f->out->messages_read == FAILURES_MAX_MESSAGES)
        return 0;
    f->out->messages_read++;
    if (message_find(f, t, err) < 0 ||
        group_count(&f->messages, buf_text(&f->message), job, t->id) < 0)
        return nomem(err);
    return 0;
}

/* Of the tasks asked for, what has ended: no job waits for the rest. */
static struct query *query_make(struct finder *f, const char *job,
                                struct err *err)
{
    char filter[sizeof("job_id=") + JOBSPEC_MAX_ID];
    struct query *q = query_open(f->dir, f->spec, f->now_ns, err);
    if (q && query_filter(q, "state!=active", err) == 0 &&
        (!f->restrict_to || f->restrict_to(f->arg, q, err) == 0)) {
        if (!job)
            return q;
        snprintf(filter, sizeof(filter), "job_id=%s", job);
        if (query_filter(q, filter, err) == 0)
            return q;
    }
    query_close(q);
    return NULL;
}

/* ---- Parameters ---- */

static int values_get(struct finder *f, const struct query_task *t,
                      struct value values[], struct err *err)
{
    for (uint32_t i = 0; i < f->column_count; i++) {
        buf_reset(&f->rooms[i]);
        if (query_value(f->query, t, f->columns[i], &f->rooms[i], &values[i],
                        err) < 0)
            return -1;
    }
    return 0;
}

static int sample(void *arg, const struct query_task *t, struct err *err)
{
    struct finder *f = arg;
    struct value values[REGIONS_MAX_COLUMNS];
    if (t->state != QUERY_FAILED && !is_success(t))
        return 0;
    if (values_get(f, t, values, err) < 0)
        return -1;
    return regions_add(f->regions, values, t->state == QUERY_FAILED) < 0
               ? nomem(err)
               : 0;
}

static int recount(void *arg, const struct query_task *t, struct err *err)
{
    struct finder *f = arg;
    struct value values[REGIONS_MAX_COLUMNS];
    if (t->state != QUERY_FAILED && !is_success(t))
        return 0;
    if (values_get(f, t, values, err) < 0)
        return -1;
    for (int i = 0; i < f->found_count; i++) {
        struct region *r = &f->found[i];
        bool covers = region_covers(r, values);
        r->failures += covers && t->state == QUERY_FAILED;
        r->successes += covers && t->state != QUERY_FAILED;
    }
    return 0;
}

/* The job's parameters, and the node that a task ran on. */
static void columns_find(struct finder *f, uint32_t job)
{
    uint32_t count, first = query_parameters(f->query, &count);
    f->column_count = 0;
    for (uint32_t i = 0; i < count && f->column_count < REGIONS_MAX_COLUMNS - 1;
         i++)
        if (query_job_has(f->query, job, first + i))
            f->columns[f->column_count++] = first + i;
    f->columns[f->column_count++] =
        (uint32_t)query_column(f->query, "node", NULL);
}

static int region_add(struct finder *f, uint32_t job, const struct region *r)
{
    struct failures *out = f->out;
    const char *names[REGIONS_MAX_COLUMNS];
    struct buf text, where;
    for (uint32_t i = 0; i < f->column_count; i++)
        names[i] = query_column_name(f->query, f->columns[i]);
    struct failure_region *more = mem_resize(
        out->regions, out->region_count + 1, sizeof(out->regions[0]));
    if (!more)
        return -1;
    out->regions = more;
    buf_init(&text, VALUE_BYTES);
    buf_init(&where, VALUE_BYTES);
    struct failure_region *new = &more[out->region_count];
    *new =
        (struct failure_region){.job = job,
                                .failures = r->failures,
                                .successes = r->successes,
                                .job_failures = regions_failures(f->regions),
                                .job_successes = regions_successes(f->regions)};
    if (region_put(r, names, false, &text) == 0 &&
        region_put(r, names, true, &where) == 0) {
        new->text = buf_take(&text);
        new->where = buf_take(&where);
    }
    buf_fini(&text);
    buf_fini(&where);
    out->region_count++; /* failures_fini frees it, whole or not */
    return new->text &&new->where ? 0 : -1;
}

/* The job's regions are in f->found; count them among all tasks. */
static int regions_count(struct finder *f, struct err *err)
{
    if (f->found_count == 0 || regions_exact(f->regions))
        return 0;
    for (int i = 0; i < f->found_count; i++)
        f->found[i].failures = f->found[i].successes = 0;
    return query_each(f->query, recount, f, err);
}

static int job_look(struct finder *f, uint32_t job, struct err *err)
{
    const struct region *found;
    int rc = -1;
    f->query = query_make(f, f->spec->jobs[job].id, err);
    if (!f->query)
        return -1;
    columns_find(f, job);
    f->regions = regions_create(f->column_count);
    if (!f->regions) {
        nomem(err);
        goto out;
    }
    if (query_each(f->query, sample, f, err) < 0)
        goto out;
    f->found_count = regions_find(f->regions, &found);
    if (f->found_count < 0) {
        nomem(err);
        goto out;
    }
    memcpy(f->found, found, (size_t)f->found_count * sizeof(found[0]));
    if (regions_count(f, err) < 0)
        goto out;
    rc = 0;
    for (int i = 0; rc == 0 && i < f->found_count; i++)
        rc = region_add(f, job, &f->found[i]) < 0 ? nomem(err) : 0;
out:
    regions_destroy(f->regions);
    f->regions = NULL;
    query_close(f->query);
    f->query = NULL;
    return rc;
}

/* The jobs with the most failures. */
static int jobs_look(struct finder *f, struct err *err)
{
    for (int k = 0; k < FAILURES_MAX_JOBS; k++) {
        uint32_t most = 0;
        for (uint32_t j = 1; j < f->spec->job_count; j++)
            if (f->job_failures[j] > f->job_failures[most])
                most = j;
        if (f->job_failures[most] == 0)
            return 0;
        f->job_failures[most] = 0;
        if (job_look(f, most, err) < 0)
            return -1;
    }
    for (uint32_t j = 0; j < f->spec->job_count; j++)
        f->out->jobs_left_out += f->job_failures[j] > 0;
    return 0;
}

/* ---- The whole ---- */

static int group_all(struct finder *f, struct err *err)
{
    struct query *q = query_make(f, NULL, err);
    int rc = q ? query_each(q, note, f, err) : -1;
    query_close(q);
    return rc;
}

int failures_find(struct failures *out, const struct rundir *dir,
                  const struct jobspec *spec, int64_t now_ns,
                  int (*restrict_to)(void *arg, struct query *q,
                                     struct err *err),
                  void *arg, struct err *err)
{
    struct finder f = {.dir = dir,
                       .spec = spec,
                       .now_ns = now_ns,
                       .restrict_to = restrict_to,
                       .arg = arg,
                       .out = out};
    *out = (struct failures){0};
    buf_init(&f.tail, TAIL_BYTES);
    buf_init(&f.message, TAIL_BYTES);
    for (int i = 0; i < REGIONS_MAX_COLUMNS; i++)
        buf_init(&f.rooms[i], VALUE_BYTES);
    f.job_failures = mem_calloc(spec->job_count, sizeof(f.job_failures[0]));
    int rc = f.job_failures ? 0 : nomem(err);
    if (rc == 0)
        rc = group_all(&f, err);
    out->other_messages = f.messages.others;
    out->reasons = groups_take(&f.reasons, &out->reason_count);
    out->messages = groups_take(&f.messages, &out->message_count);
    if (rc == 0)
        rc = jobs_look(&f, err);
    for (int i = 0; i < REGIONS_MAX_COLUMNS; i++)
        buf_fini(&f.rooms[i]);
    mem_free(f.job_failures);
    buf_fini(&f.tail);
    buf_fini(&f.message);
    return rc;
}

static void groups_free(struct failure_group *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        mem_free(list[i].text);
        for (uint32_t k = 0; k < list[i].example_count; k++)
            mem_free(list[i].examples[k]);
    }
    mem_free(list);
}

void failures_fini(struct failures *f)
{
    groups_free(f->reasons, f->reason_count);
    groups_free(f->messages, f->message_count);
    for (uint32_t i = 0; i < f->region_count; i++) {
        mem_free(f->regions[i].text);
        mem_free(f->regions[i].where);
    }
    mem_free(f->regions);
    *f = (struct failures){0};
}
