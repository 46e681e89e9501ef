/* Messages to and from bytes: see msg.h. Owns the layout: the kind in one
 * byte, then varints; a result is the attempt's record and behind it the
 * outputs that travel inside, as long as the record says. */
#include "config.h"
#include "wire/msg.h"

#include <errno.h>

#include "base/pack.h"
#include "model/record.h"

static int put_ready(struct buf *b, const struct msg *m)
{
    int rc = pack_put_uint(b, m->u.ready.version) |
             pack_put_uint(b, m->u.ready.first_slot) |
             pack_put_uint(b, m->u.ready.slots) |
             pack_put_uint(b, m->u.ready.gpu_count);
    for (uint32_t i = 0; i < m->u.ready.gpu_count; i++)
        rc |= pack_put_uint(b, m->u.ready.gpus[i]);
    return rc;
}

static int put_started(struct buf *b, const struct msg *m)
{
    return pack_put_uint(b, m->u.started.job) |
           pack_put_uint(b, m->u.started.index) |
           pack_put_uint(b, m->u.started.attempt) |
           pack_put_uint(b, m->u.started.slot) |
           pack_put_int(b, m->u.started.start_ns);
}

static int put_range(struct buf *b, const struct msg_range *r)
{
    return pack_put_uint(b, r->job) | pack_put_uint(b, r->first) |
           pack_put_uint(b, r->count) | pack_put_uint(b, r->attempt);
}

static int put_result(struct buf *b, const struct msg *m,
                      const struct jobspec *spec)
{
    const struct attempt *a = m->u.result.attempt;
    if (record_put_attempt(b, a, spec) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        const char *bytes = m->u.result.output[i];
        size_t len = m->u.result.output_len[i];
        bool in = a->output[i].place == OUTPUT_INLINE;
        bool tail = a->output[i].place == OUTPUT_FILE;
        if ((in && (len != a->output[i].bytes || len > MSG_MAX_OUTPUT)) ||
            (tail && len > MSG_MAX_TAIL)) {
            errno = EINVAL;
            return -1;
        }
        if ((in && buf_put(b, bytes, len) < 0) ||
            (tail && pack_put_bytes(b, bytes, len) < 0))
            return -1;
    }
    return 0;
}

static int put_launch(struct buf *b, const struct msg *m)
{
    if (m->u.launch.instance_count > MSG_MAX_INSTANCES ||
        m->u.launch.gpu_count > GPU_MAX_PER_NODE) {
        errno = EINVAL;
        return -1;
    }
    int rc = pack_put_uint(b, m->u.launch.job) |
             pack_put_uint(b, m->u.launch.index) |
             pack_put_uint(b, m->u.launch.attempt) |
             pack_put_uint(b, m->u.launch.instance) |
             pack_put_uint(b, m->u.launch.instance_count) |
             pack_put_uint(b, m->u.launch.gpu_count) |
             pack_put_uint(b, m->u.launch.memory_bytes) |
             pack_put_int(b, m->u.launch.max_wall_clock_ns) |
             pack_put_u8(b, m->u.launch.keep_directory);
    for (uint32_t i = 0; i < m->u.launch.instance_count; i++)
        rc |= pack_put_u32(b, m->u.launch.ranks[i]);
    for (uint32_t i = 0; i < m->u.launch.gpu_count; i++)
        rc |= pack_put_u32(b, m->u.launch.gpus[i].gpu) |
              pack_put_u32(b, m->u.launch.gpus[i].milli);
    return rc;
}

static int put_one(struct buf *b, const struct msg *m)
{
    return pack_put_uint(b, m->u.one.job) | pack_put_uint(b, m->u.one.index) |
           pack_put_uint(b, m->u.one.attempt) |
           pack_put_u8(b, (uint8_t)m->u.one.reason);
}

static int put_fragment(struct buf *b, const struct msg *m)
{
    return pack_put_uint(b, m->u.fragment.number) |
           pack_put_uint(b, m->u.fragment.offset) |
           pack_put_uint(b, m->u.fragment.total) |
           pack_put_bytes(b, m->u.fragment.bytes, m->u.fragment.len);
}

static int put_remote(struct buf *b, const struct msg *m)
{
    return pack_put_uint(b, m->u.remote.number) |
           pack_put_uint(b, m->u.remote.job) |
           pack_put_uint(b, m->u.remote.index) |
           pack_put_uint(b, m->u.remote.attempt) |
           pack_put_bytes(b, m->u.remote.text, m->u.remote.len);
}

static int put_remote_ended(struct buf *b, const struct msg *m)
{
    return pack_put_uint(b, m->u.remote_ended.number) |
           pack_put_uint(b, m->u.remote_ended.code) |
           pack_put_bytes(b, m->u.remote_ended.text, m->u.remote_ended.len);
}

static int put_body(struct buf *b, const struct msg *m,
                    const struct jobspec *spec)
{
    switch (m->kind) {
    case MSG_READY:
        return put_ready(b, m);
    case MSG_STARTED:
    case MSG_PREPARING:
    case MSG_PREPARED:
    case MSG_STORING:
    case MSG_INSTANCE:
        return put_started(b, m);
    case MSG_RESULT:
        return put_result(b, m, spec);
    case MSG_RETURNED:
    case MSG_ASSIGN:
        return put_range(b, &m->u.range);
    case MSG_RECALL:
        return pack_put_uint(b, m->u.recall.count);
    case MSG_CANCEL:
        return pack_put_uint(b, m->u.cancel.job);
    case MSG_STOP:
        return pack_put_u8(b, m->u.stop.now);
    case MSG_LAUNCH:
        return put_launch(b, m);
    case MSG_GO:
    case MSG_END:
        return put_one(b, m);
    case MSG_FRAGMENT:
        return put_fragment(b, m);
    case MSG_REMOTE:
        return put_remote(b, m);
    case MSG_REMOTE_ENDED:
        return put_remote_ended(b, m);
    case MSG_LEFT:
    case MSG_BYE:
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int msg_put(struct buf *b, const struct msg *m, const struct jobspec *spec)
{
    size_t before = b->len;
    if (pack_put_u8(b, (uint8_t)m->kind) == 0 && put_body(b, m, spec) == 0)
        return 0;
    return pack_undo(b, before);
}

static uint32_t get_u32(struct unpack *u)
{
    return (uint32_t)unpack_uint_max(u, UINT32_MAX);
}

/* Tasks first..first+count-1 of job, attempt: are there such? */
static int check_tasks(const struct jobspec *spec, uint32_t job, uint32_t first,
                       uint32_t count, uint32_t attempt, struct err *err)
{
    if (count == 1 && attempt > 0 && jobspec_has_task(spec, job, first))
        return 0;
    if (job >= spec->job_count)
        return err_set(err, EPROTO, "job %u of %u", job, spec->job_count);
    uint32_t tasks = spec->jobs[job].tasks.count;
    if (first >= tasks || count > tasks - first)
        return err_set(err, EPROTO, "%u tasks from %u on, job %s has %u", count,
                       first, spec->jobs[job].id, tasks);
    if (count == 0)
        return err_set(err, EPROTO, "a range of no tasks");
    if (attempt == 0)
        return err_set(err, EPROTO, "attempts count from 1");
    return 0;
}

/* The order of the GPUs has each of them once. */
static void get_ready(struct unpack *u, struct msg *m)
{
    uint64_t seen = 0;
    m->u.ready.version = get_u32(u);
    m->u.ready.first_slot = get_u32(u);
    m->u.ready.slots = get_u32(u);
    m->u.ready.gpu_count = (uint32_t)unpack_uint_max(u, GPU_MAX_PER_NODE);
    for (uint32_t i = 0; !u->bad && i < m->u.ready.gpu_count; i++) {
        uint32_t gpu =
            (uint32_t)unpack_uint_max(u, m->u.ready.gpu_count - UINT64_C(1));
        u->bad = u->bad || (seen >> gpu & 1);
        seen |= UINT64_C(1) << gpu;
        m->u.ready.gpus[i] = gpu;
    }
}

static int get_started(struct unpack *u, const struct jobspec *spec,
                       struct msg *m, struct err *err)
{
    m->u.started.job = get_u32(u);
    m->u.started.index = get_u32(u);
    m->u.started.attempt = get_u32(u);
    m->u.started.slot = get_u32(u);
    m->u.started.start_ns = unpack_int(u);
    if (u->bad)
        return 0;
    return check_tasks(spec, m->u.started.job, m->u.started.index, 1,
                       m->u.started.attempt, err);
}

/* none_too: may be all zero. */
static int get_range(struct unpack *u, const struct jobspec *spec,
                     struct msg_range *r, bool none_too, struct err *err)
{
    r->job = get_u32(u);
    r->first = get_u32(u);
    r->count = get_u32(u);
    r->attempt = get_u32(u);
    bool none = (r->job | r->first | r->count | r->attempt) == 0;
    if (u->bad || (none && none_too))
        return 0;
    return check_tasks(spec, r->job, r->first, r->count, r->attempt, err);
}

/* The next len bytes of the message, borrowed. */
static const char *get_raw(struct unpack *u, uint64_t len)
{
    if (u->bad || len > (uint64_t)(u->end - u->p)) {
        u->bad = true;
        return "";
    }
    const char *p = (const char *)u->p;
    u->p += len;
    return p;
}

static int get_result(struct unpack *u, const struct jobspec *spec,
                      struct msg *m, struct attempt *a, struct err *err)
{
    if (!a)
        return err_set(err, EPROTO, "a result, not expected here");
    m->u.result.attempt = a;
    if (record_get_attempt(u, spec, a, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        bool in = a->output[i].place == OUTPUT_INLINE;
        uint64_t len = in ? a->output[i].bytes : 0;
        size_t *out_len = &m->u.result.output_len[i];
        if (len > MSG_MAX_OUTPUT)
            return err_set(err, EPROTO, "an output of %llu bytes, over %d",
                           (unsigned long long)len, MSG_MAX_OUTPUT);
        *out_len = (size_t)len;
        m->u.result.output[i] =
            a->output[i].place == OUTPUT_FILE
                ? (const char *)unpack_bytes(u, MSG_MAX_TAIL, out_len)
                : get_raw(u, len);
    }
    return 0;
}

static int get_cancel(struct unpack *u, const struct jobspec *spec,
                      struct msg *m, struct err *err)
{
    m->u.cancel.job = get_u32(u);
    if (m->u.cancel.job >= spec->job_count)
        return err_set(err, EPROTO, "job %u of %u", m->u.cancel.job,
                       spec->job_count);
    return 0;
}

static int get_stop(struct unpack *u, struct msg *m)
{
    uint8_t now = unpack_u8(u);
    u->bad |= now > 1;
    m->u.stop.now = now == 1;
    return 0;
}

static int get_launch(struct unpack *u, const struct jobspec *spec,
                      struct msg *m, struct err *err)
{
    m->u.launch.job = get_u32(u);
    m->u.launch.index = get_u32(u);
    m->u.launch.attempt = get_u32(u);
    m->u.launch.instance = get_u32(u);
    m->u.launch.instance_count =
        (uint32_t)unpack_uint_max(u, MSG_MAX_INSTANCES);
    m->u.launch.gpu_count = (uint32_t)unpack_uint_max(u, GPU_MAX_PER_NODE);
    m->u.launch.memory_bytes = unpack_uint(u);
    m->u.launch.max_wall_clock_ns = unpack_int(u);
    uint8_t keep = unpack_u8(u);
    m->u.launch.keep_directory = keep == 1;
    m->u.launch.ranks = NULL;
    m->u.launch.gpus = NULL;
    m->u.launch.packed = (const unsigned char *)get_raw(
        u, UINT64_C(4) * m->u.launch.instance_count +
               UINT64_C(8) * m->u.launch.gpu_count);
    u->bad |= keep > 1 || m->u.launch.max_wall_clock_ns < 0 ||
              m->u.launch.instance >= m->u.launch.instance_count;
    if (u->bad)
        return 0;
    return check_tasks(spec, m->u.launch.job, m->u.launch.index, 1,
                       m->u.launch.attempt, err);
}

static int get_one(struct unpack *u, const struct jobspec *spec, struct msg *m,
                   struct err *err)
{
    m->u.one.job = get_u32(u);
    m->u.one.index = get_u32(u);
    m->u.one.attempt = get_u32(u);
    uint8_t reason = unpack_u8(u);
    u->bad |= reason >= REASON_COUNT;
    m->u.one.reason = (enum reason)reason;
    if (u->bad)
        return 0;
    return check_tasks(spec, m->u.one.job, m->u.one.index, 1, m->u.one.attempt,
                       err);
}

static void get_fragment(struct unpack *u, struct msg *m)
{
    m->u.fragment.number = get_u32(u);
    m->u.fragment.offset = get_u32(u);
    m->u.fragment.total = get_u32(u);
    m->u.fragment.bytes =
        (const char *)unpack_bytes(u, MSG_MAX_FRAGMENT, &m->u.fragment.len);
    u->bad |= m->u.fragment.number == 0 ||
              m->u.fragment.offset > m->u.fragment.total ||
              m->u.fragment.len > m->u.fragment.total - m->u.fragment.offset;
}

static int get_remote(struct unpack *u, const struct jobspec *spec,
                      struct msg *m, struct err *err)
{
    m->u.remote.number = unpack_uint(u);
    m->u.remote.job = get_u32(u);
    m->u.remote.index = get_u32(u);
    m->u.remote.attempt = get_u32(u);
    m->u.remote.text =
        (const char *)unpack_bytes(u, MSG_MAX_REMOTE, &m->u.remote.len);
    if (u->bad)
        return 0;
    return check_tasks(spec, m->u.remote.job, m->u.remote.index, 1,
                       m->u.remote.attempt, err);
}

static void get_remote_ended(struct unpack *u, struct msg *m)
{
    m->u.remote_ended.number = unpack_uint(u);
    m->u.remote_ended.code = get_u32(u);
    m->u.remote_ended.text =
        (const char *)unpack_bytes(u, MSG_MAX_TAIL, &m->u.remote_ended.len);
}

static uint32_t packed_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

uint32_t msg_launch_rank(const struct msg *m, uint32_t i)
{
    return packed_u32(m->u.launch.packed + (size_t)4 * i);
}

struct gpu_share msg_launch_gpu(const struct msg *m, uint32_t i)
{
    const unsigned char *p = m->u.launch.packed +
                             (size_t)4 * m->u.launch.instance_count +
                             (size_t)8 * i;
    return (struct gpu_share){.gpu = packed_u32(p), .milli = packed_u32(p + 4)};
}

static int get_body(struct unpack *u, const struct jobspec *spec, struct msg *m,
                    struct attempt *a, struct err *err)
{
    switch (m->kind) {
    case MSG_READY:
        get_ready(u, m);
        return 0;
    case MSG_STARTED:
    case MSG_PREPARING:
    case MSG_PREPARED:
    case MSG_STORING:
    case MSG_INSTANCE:
        return get_started(u, spec, m, err);
    case MSG_RESULT:
        return get_result(u, spec, m, a, err);
    case MSG_RETURNED:
    case MSG_ASSIGN:
        return get_range(u, spec, &m->u.range, m->kind == MSG_RETURNED, err);
    case MSG_RECALL:
        m->u.recall.count = get_u32(u);
        return 0;
    case MSG_CANCEL:
        return get_cancel(u, spec, m, err);
    case MSG_STOP:
        return get_stop(u, m);
    case MSG_LAUNCH:
        return get_launch(u, spec, m, err);
    case MSG_GO:
    case MSG_END:
        return get_one(u, spec, m, err);
    case MSG_FRAGMENT:
        get_fragment(u, m);
        return 0;
    case MSG_REMOTE:
        return get_remote(u, spec, m, err);
    case MSG_REMOTE_ENDED:
        get_remote_ended(u, m);
        return 0;
    case MSG_LEFT:
    case MSG_BYE:
        return 0;
    }
    return err_set(err, EPROTO, "no such kind");
}

int msg_parse(const void *data, size_t len, const struct jobspec *spec,
              struct msg *m, struct err *err)
{
    struct attempt *a = m->u.result.attempt;
    struct unpack u;
    unpack_init(&u, data, len);
    uint8_t kind = unpack_u8(&u);
    m->kind = kind;
    if (get_body(&u, spec, m, a, err) < 0) {
        err_context(err, "message of kind %u", kind);
    } else if (!unpack_done(&u)) {
        err_set(err, EPROTO, "message of kind %u: %s", kind,
                u.bad ? "truncated or malformed" : "trailing bytes");
    } else {
        return 0;
    }
    if (kind == MSG_RESULT && a) {
        attempt_fini(a);
        attempt_init(a);
    }
    return -1;
}
