/* Records as bytes: see record.h. Owns the layout, which is the order of the
 * calls below, the same in put and get. Times lie beside each other, so all
 * but the start are kept as differences to it. */
#include "config.h"
#include "model/record.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/* Differences wrap around, so that any two times have one. */
static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int put_array(struct buf *b, const struct metric_value *v,
                     const struct metric *m)
{
    int rc = 0;
    if (v->cells != m->cells || m->type == METRIC_STRING) {
        errno = EINVAL;
        return -1;
    }
    for (uint32_t i = 0; rc == 0 && i < m->cells; i++)
        rc = m->type == METRIC_INT64 ? pack_put_int(b, v->u.integers[i])
                                     : pack_put_double(b, v->u.numbers[i]);
    return rc;
}

static int put_metric(struct buf *b, const struct metric_value *v,
                      const struct metric *m)
{
    if (pack_put_u8(b, (uint8_t)v->state) < 0)
        return -1;
    if (!metric_has_value(v->state))
        return 0;
    if (m->rank > 0)
        return put_array(b, v, m);
    switch (m->type) {
    case METRIC_FLOAT64:
        return pack_put_double(b, v->u.number);
    case METRIC_INT64:
        return pack_put_int(b, v->u.integer);
    case METRIC_STRING:
        break;
    }
    const char *s = v->string ? v->string : "";
    size_t len = strlen(s);
    if (len > METRIC_MAX_STRING) {
        errno = EMSGSIZE;
        return -1;
    }
    return pack_put_bytes(b, s, len);
}

/* What is to be found in what the task leaves: nothing in a special one's. */
static uint32_t metrics_of(const struct attempt *a, const struct jobspec *spec,
                           const struct metric **metrics)
{
    if (special_of(a->index) != SPECIAL_NONE)
        return 0;
    *metrics = spec->jobs[a->job].metrics;
    return spec->jobs[a->job].metric_count;
}

/* All metrics of the job; those that the attempt lacks are missing. */
static int put_metrics(struct buf *b, const struct attempt *a,
                       const struct jobspec *spec)
{
    static const struct metric_value missing = {.state = METRIC_MISSING};
    const struct metric *metrics = NULL;
    uint32_t count = metrics_of(a, spec, &metrics);
    if (pack_put_uint(b, count) < 0)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        const struct metric_value *v =
            i < a->metric_count ? &a->metrics[i] : &missing;
        if (put_metric(b, v, &metrics[i]) < 0)
            return -1;
    }
    return 0;
}

static int put_output(struct buf *b, const struct output *o)
{
    return pack_put_u8(b, (uint8_t)o->place) | pack_put_uint(b, o->session) |
           pack_put_uint(b, o->offset) | pack_put_uint(b, o->bytes);
}

/* Most attempts stage nothing: what they lack takes no room. */
enum {
    PART_DISPOSITION = 1,
    PART_FAILURE = 1 << 1,
    PART_KEPT = 1 << 2,
    PART_TIMES = 1 << 3,
    PART_FILES = 1 << 4,
    PARTS = (1 << 5) - 1
};

static unsigned parts_of(const struct attempt *a)
{
    return (a->failure != FAILURE_NONE ? PART_FAILURE : 0u) |
           (a->kept ? PART_KEPT : 0u) |
           (a->prepare_ns || a->store_ns ? PART_TIMES : 0u) |
           (a->file_count > 0 ? PART_FILES : 0u);
}

static int put_file(struct buf *b, const struct attempt_file *f)
{
    int rc = pack_put_str(b, f->name);
    rc |= pack_put_u8(b, (uint8_t)f->place);
    rc |= pack_put_uint(b, f->mode);
    rc |= pack_put_uint(b, f->session);
    rc |= pack_put_uint(b, f->offset);
    rc |= pack_put_uint(b, f->bytes);
    return rc | buf_put(b, f->digest.bytes, sizeof(f->digest));
}

/* What staging adds: only the parts that there are. */
static int put_staged(struct buf *b, const struct attempt *a)
{
    unsigned parts = parts_of(a);
    int rc = 0;
    if (parts & PART_FAILURE)
        rc |= pack_put_u8(b, (uint8_t)a->failure);
    if (parts & PART_TIMES)
        rc |= pack_put_int(b, a->prepare_ns) | pack_put_int(b, a->store_ns);
    if (parts & PART_FILES)
        rc |= pack_put_uint(b, a->file_count);
    for (uint32_t i = 0; rc == 0 && i < a->file_count; i++)
        rc = put_file(b, &a->files[i]);
    return rc;
}

int record_put_attempt(struct buf *b, const struct attempt *a,
                       const struct jobspec *spec)
{
    size_t before = b->len;
    if (!jobspec_has_task(spec, a->job, a->index)) {
        errno = EINVAL;
        return -1;
    }
    int rc = pack_put_uint(b, a->job);
    rc |= pack_put_uint(b, a->index);
    rc |= pack_put_uint(b, a->attempt);
    rc |= pack_put_u8(b, (uint8_t)a->result);
    rc |= pack_put_u8(b, (uint8_t)a->reason);
    rc |= pack_put_u8(b, (uint8_t)(a->disposition | parts_of(a)));
    rc |= pack_put_int(b, a->exit_code);
    rc |= pack_put_int(b, a->signal);
    rc |= pack_put_uint(b, a->node);
    rc |= pack_put_uint(b, a->rank);
    rc |= pack_put_uint(b, a->slot);
    rc |= pack_put_u64(b, (uint64_t)a->start_ns);
    rc |= pack_put_int(b, minus(a->start_ns, a->submit_ns));
    rc |= pack_put_int(b, minus(a->end_ns, a->start_ns));
    rc |= pack_put_int(b, a->user_ns);
    rc |= pack_put_int(b, a->system_ns);
    rc |= pack_put_uint(b, a->max_rss_bytes);
    rc |= pack_put_uint(b, a->read_bytes);
    rc |= pack_put_uint(b, a->write_bytes);
    rc |= put_output(b, &a->output[0]);
    rc |= put_output(b, &a->output[1]);
    rc |=
        pack_put_bytes(b, a->message, strnlen(a->message, ATTEMPT_MAX_MESSAGE));
    if (rc == 0 && put_staged(b, a) == 0 && put_metrics(b, a, spec) == 0)
        return 0;
    return pack_undo(b, before);
}

static uint32_t get_u32(struct unpack *u)
{
    return (uint32_t)unpack_uint_max(u, UINT32_MAX);
}

static int32_t get_i32(struct unpack *u)
{
    int64_t v = unpack_int(u);
    if (v < INT32_MIN || v > INT32_MAX)
        u->bad = true;
    return (int32_t)v;
}

/* One byte, less than count. */
static uint8_t get_enum(struct unpack *u, unsigned count)
{
    uint8_t v = unpack_u8(u);
    if (v < count)
        return v;
    u->bad = true;
    return 0;
}

static void get_output(struct unpack *u, struct output *o)
{
    o->place = get_enum(u, OUTPUT_FILE + 1);
    o->session = get_u32(u);
    o->offset = unpack_uint(u);
    o->bytes = unpack_uint(u);
}

/* false: no memory. */
static bool get_file(struct unpack *u, struct attempt *a)
{
    char name[ATTEMPT_MAX_FILE_NAME + 1];
    unpack_str(u, name, sizeof(name));
    struct attempt_file *f = u->bad ? NULL : attempt_add_file(a, name);
    if (!f) {
        u->bad = u->bad || errno != ENOMEM;
        return u->bad;
    }
    f->place = get_enum(u, FILE_OWN + 1);
    f->mode = (uint32_t)unpack_uint_max(u, 07777);
    f->session = get_u32(u);
    f->offset = unpack_uint(u);
    f->bytes = unpack_uint(u);
    if (u->bad || (size_t)(u->end - u->p) < sizeof(f->digest)) {
        u->bad = true;
        return true;
    }
    memcpy(f->digest.bytes, u->p, sizeof(f->digest));
    u->p += sizeof(f->digest);
    return true;
}

/* What staging adds. */
static int get_staged(struct unpack *u, struct attempt *a, unsigned parts,
                      struct err *err)
{
    if (parts & PART_FAILURE)
        a->failure = get_enum(u, FAILURE_COUNT);
    if (parts & PART_TIMES) {
        a->prepare_ns = unpack_int(u);
        a->store_ns = unpack_int(u);
    }
    uint64_t files =
        parts & PART_FILES ? unpack_uint_max(u, ATTEMPT_MAX_FILES) : 0;
    while (files-- > 0 && !u->bad)
        if (!get_file(u, a))
            return err_set(err, ENOMEM, "attempt record: no memory");
    if (parts != parts_of(a))
        u->bad = true; /* a part that says nothing */
    return 0;
}

/* The plain fields, all but what staging adds and the metrics; *parts: of what
 * there is. */
static void get_fields(struct unpack *u, struct attempt *a, unsigned *parts)
{
    a->job = get_u32(u);
    a->index = get_u32(u);
    a->attempt = get_u32(u);
    a->result = get_enum(u, RESULT_FAILURE + 1);
    a->reason = get_enum(u, REASON_COUNT);
    unsigned bits = get_enum(u, PARTS + 1);
    a->disposition = bits & PART_DISPOSITION ? TASK_RETRIES : TASK_ENDS;
    *parts = bits & ~(unsigned)PART_DISPOSITION;
    a->kept = bits & PART_KEPT;
    a->exit_code = get_i32(u);
    a->signal = get_i32(u);
    a->node = get_u32(u);
    a->rank = get_u32(u);
    a->slot = get_u32(u);
    a->start_ns = (int64_t)unpack_u64(u);
    a->submit_ns = minus(a->start_ns, unpack_int(u));
    a->end_ns = plus(a->start_ns, unpack_int(u));
    a->user_ns = unpack_int(u);
    a->system_ns = unpack_int(u);
    a->max_rss_bytes = unpack_uint(u);
    a->read_bytes = unpack_uint(u);
    a->write_bytes = unpack_uint(u);
    get_output(u, &a->output[0]);
    get_output(u, &a->output[1]);
    unpack_str(u, a->message, sizeof(a->message));
}

/* false: no memory. */
static bool get_array(struct unpack *u, struct metric_value *v,
                      const struct metric *m)
{
    /* at least a byte a cell: refused before there is memory for it */
    if (m->cells == 0 || (size_t)(u->end - u->p) < m->cells)
        u->bad = true;
    if (u->bad)
        return true;
    v->u.numbers = mem_calloc(m->cells, 8);
    if (!v->u.numbers)
        return false;
    v->cells = m->cells;
    for (uint32_t i = 0; i < m->cells; i++)
        if (m->type == METRIC_INT64)
            v->u.integers[i] = unpack_int(u);
        else
            v->u.numbers[i] = unpack_double(u);
    return true;
}

/* false: no memory. */
static bool get_metric(struct unpack *u, struct metric_value *v,
                       const struct metric *m)
{
    char text[METRIC_MAX_STRING + 1];
    v->state = get_enum(u, METRIC_STATE_COUNT);
    if (!metric_has_value(v->state))
        return true;
    if (m->rank > 0)
        return get_array(u, v, m);
    switch (m->type) {
    case METRIC_FLOAT64:
        v->u.number = unpack_double(u);
        return true;
    case METRIC_INT64:
        v->u.integer = unpack_int(u);
        return true;
    case METRIC_STRING:
        break;
    }
    unpack_str(u, text, sizeof(text));
    return u->bad || (v->string = mem_strdup(text));
}

static int get_metrics(struct unpack *u, const struct jobspec *spec,
                       struct attempt *a, struct err *err)
{
    const struct metric *metrics = NULL;
    uint32_t want = metrics_of(a, spec, &metrics);
    uint64_t count = unpack_uint(u);
    if (!u->bad && count != want)
        return err_set(
            err, EPROTO, "attempt record: %llu metrics, job %s has %u",
            (unsigned long long)count, jobspec_job_id(spec, a->job), want);
    for (uint32_t i = 0; i < want && !u->bad; i++) {
        a->metric_count = i + 1;
        if (!get_metric(u, &a->metrics[i], &metrics[i]))
            return err_set(err, ENOMEM, "attempt record: no memory");
    }
    return 0;
}

/* Is there such a task? */
static int check_task(const struct attempt *a, const struct jobspec *spec,
                      struct err *err)
{
    bool special = special_of(a->index) != SPECIAL_NONE;
    if (special && !jobspec_has_task(spec, a->job, a->index))
        return err_set(err, EPROTO, "attempt record: job %u has no task %u",
                       a->job, a->index);
    if (!special && a->job >= spec->job_count)
        return err_set(err, EPROTO, "attempt record: job %u of %u", a->job,
                       spec->job_count);
    if (!special && a->index >= spec->jobs[a->job].tasks.count)
        return err_set(err, EPROTO, "attempt record: task %u of %u in job %s",
                       a->index, spec->jobs[a->job].tasks.count,
                       spec->jobs[a->job].id);
    if (a->attempt == 0)
        return err_set(err, EPROTO, "attempt record: attempts count from 1");
    return 0;
}

int record_get_attempt(struct unpack *u, const struct jobspec *spec,
                       struct attempt *a, struct err *err)
{
    unsigned parts;
    attempt_init(a);
    get_fields(u, a, &parts);
    if (!u->bad) {
        if (check_task(a, spec, err) < 0 || get_staged(u, a, parts, err) < 0 ||
            get_metrics(u, spec, a, err) < 0)
            goto fail;
    }
    if (!u->bad)
        return 0;
    err_set(err, EPROTO, "attempt record: truncated or malformed");
fail:
    u->bad = true;
    attempt_fini(a);
    attempt_init(a);
    return -1;
}

void record_get_exit(struct unpack *u, struct attempt *a)
{
    for (int i = 0; i < 3; i++) /* job, index, attempt */
        (void)unpack_uint(u);
    for (int i = 0; i < 3; i++) /* result, reason, parts */
        (void)unpack_u8(u);
    a->exit_code = get_i32(u);
    a->signal = get_i32(u);
}

int record_put_node(struct buf *b, const struct node_info *n)
{
    size_t before = b->len;
    int rc =
        pack_put_bytes(b, n->hostname, strnlen(n->hostname, NODE_MAX_NAME));
    rc |= pack_put_u64(b, n->boot_id);
    rc |= pack_put_bytes(b, n->cpus, strnlen(n->cpus, NODE_MAX_CPUS));
    rc |= pack_put_uint(b, n->memory_bytes);
    rc |= pack_put_uint(b, n->cores);
    rc |= pack_put_uint(b, n->hwthreads);
    rc |= pack_put_uint(b, n->gpus);
    rc |= pack_put_u32(b, n->pool);
    rc |= pack_put_int(b, n->pid);
    rc |= pack_put_bytes(b, n->scratch, strnlen(n->scratch, NODE_MAX_SCRATCH));
    return rc == 0 ? 0 : pack_undo(b, before);
}

int record_get_node(struct unpack *u, struct node_info *n, struct err *err)
{
    memset(n, 0, sizeof(*n));
    unpack_str(u, n->hostname, sizeof(n->hostname));
    n->boot_id = unpack_u64(u);
    unpack_str(u, n->cpus, sizeof(n->cpus));
    n->memory_bytes = unpack_uint(u);
    n->cores = get_u32(u);
    n->hwthreads = get_u32(u);
    n->gpus = (uint32_t)unpack_uint_max(u, GPU_MAX_PER_NODE);
    n->pool = unpack_u32(u);
    n->pid = get_i32(u);
    unpack_str(u, n->scratch, sizeof(n->scratch));
    if (!u->bad)
        return 0;
    memset(n, 0, sizeof(*n));
    return err_set(err, EPROTO, "node record: truncated or malformed");
}
