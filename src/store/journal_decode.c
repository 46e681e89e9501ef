/* Records of a journal from their bytes: see journal_parts.h, and
 * journal_frame.h for the bytes. */
#include "config.h"
#include "store/journal_parts.h"

#include <errno.h>
#include <string.h>

#include "base/pack.h"
#include "model/record.h"
#include "store/journal_frame.h"

static uint32_t get_u32(struct unpack *u)
{
    return (uint32_t)unpack_uint_max(u, UINT32_MAX);
}

static uint32_t get_job(struct unpack *u, const struct jobspec *spec)
{
    uint32_t job = get_u32(u);
    if (job >= spec->job_count)
        u->bad = true;
    return u->bad ? 0 : job;
}

static unsigned get_enum(struct unpack *u, unsigned count)
{
    unsigned v = unpack_u8(u);
    if (v >= count)
        u->bad = true;
    return u->bad ? 0 : v;
}

/* The summary of an attempt. */
static void get_summary(struct unpack *u, enum journal_type type,
                        const struct jobspec *spec, struct attempt *s,
                        bool *invalid)
{
    s->job = get_u32(u);
    s->index = get_u32(u);
    s->attempt = get_u32(u);
    s->reason = get_enum(u, REASON_COUNT);
    unsigned bits = get_enum(u, SUMMARY_ALL + 1);
    s->result = bits & SUMMARY_RESULT;
    s->disposition = bits & SUMMARY_RETRIES ? TASK_RETRIES : TASK_ENDS;
    *invalid = bits & SUMMARY_INVALID;
    if (u->bad || !jobspec_has_task(spec, s->job, s->index) ||
        (type == JOURNAL_SPECIAL) != (special_of(s->index) != SPECIAL_NONE) ||
        s->attempt == 0 || s->result > RESULT_FAILURE)
        u->bad = true;
}

/* Fill jr->attempt. 1, 0: not wanted, -1. */
static int get_attempt(struct journal_reader *jr, enum journal_type type,
                       struct unpack *u, struct err *err)
{
    struct attempt *a = &jr->attempt;
    bool invalid;
    if (!jr->light) {
        attempt_fini(a);
        a->metric_count = 0;
    }
    get_summary(u, type, jr->spec, a, &invalid);
    if (u->bad)
        return -1;
    if (jr->want && !jr->want(jr->want_arg, a->job, a->index))
        return 0;
    if (!jr->light) {
        if (record_get_attempt(u, jr->spec, a, err) < 0)
            return -1;
        return 1;
    }
    a->metric_count =
        type == JOURNAL_SPECIAL ? 0 : jr->spec->jobs[a->job].metric_count;
    a->metrics[0].state =
        invalid && a->metric_count > 0 ? METRIC_MISSING : METRIC_OK;
    record_get_exit(u, a);
    return u->bad ? -1 : 1;
}

static void get_node(struct journal_reader *jr, struct unpack *u,
                     struct journal_record *out, struct err *err)
{
    out->u.node.rank = get_u32(u);
    out->u.node.node = get_u32(u);
    out->u.node.first_slot = get_u32(u);
    out->u.node.slots = get_u32(u);
    out->u.node.info = &jr->node;
    if (record_get_node(u, &jr->node, err) < 0)
        u->bad = true;
}

/* Strings of a record, kept in jr->texts; where each begins is known when all
 * are there. -1 with err ENOMEM, or a bad record. */
static int get_texts(struct journal_reader *jr, struct unpack *u,
                     const size_t *max, size_t offsets[JOURNAL_TEXTS_MAX],
                     size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *text = unpack_bytes(u, max[i], &len);
        offsets[i] = jr->texts.len;
        if (u->bad || (len > 0 && memchr(text, '\0', len)))
            return -1;
        if (buf_put(&jr->texts, text, len) < 0 ||
            buf_putc(&jr->texts, '\0') < 0)
            return err_set(err, ENOMEM, "no memory to read the journal");
    }
    return 1;
}

static int get_origin(struct journal_reader *jr, struct unpack *u,
                      struct provenance *out, struct err *err)
{
    static const size_t max[] = {PROVENANCE_MAX_COMMAND, PROGRAM_MAX_PATH,
                                 PROGRAM_MAX_NAME, PROGRAM_MAX_NAME,
                                 PROVENANCE_MAX_ENVIRONMENT};
    size_t at[JOURNAL_TEXTS_MAX];
    buf_reset(&jr->texts);
    if (get_texts(jr, u, max, at, 5, err) < 0)
        return -1;
    const char *texts = jr->texts.data;
    *out = (struct provenance){.command = texts + at[0],
                               .folder = texts + at[1],
                               .hwloc = texts + at[2],
                               .hdf5 = texts + at[3],
                               .environment = texts + at[4]};
    return 1;
}

static int get_program(struct journal_reader *jr, struct unpack *u,
                       struct program_file *out, struct err *err)
{
    static const size_t before[] = {PROGRAM_MAX_NAME, PROGRAM_MAX_NAME,
                                    PROGRAM_MAX_PATH};
    static const size_t behind[] = {PROGRAM_SHA256, PROGRAM_MAX_NAME};
    size_t a[JOURNAL_TEXTS_MAX], b[JOURNAL_TEXTS_MAX];
    buf_reset(&jr->texts);
    out->kind = get_enum(u, PROGRAM_KIND_COUNT);
    if (get_texts(jr, u, before, a, 3, err) < 0)
        return -1;
    out->size_bytes = unpack_uint(u);
    out->mtime_ns = (int64_t)unpack_u64(u);
    if (get_texts(jr, u, behind, b, 2, err) < 0)
        return -1;
    const char *texts = jr->texts.data;
    out->program = texts + a[0];
    out->name = texts + a[1];
    out->path = texts + a[2];
    out->sha256 = texts + b[0];
    out->note = texts + b[1];
    return 1;
}

/* Ranges of tasks that there are. */
static void get_ranges(struct journal_reader *jr, struct unpack *u,
                       struct journal_record *out)
{
    uint32_t job = get_job(u, jr->spec);
    uint32_t count = (uint32_t)unpack_uint_max(u, JOURNAL_MAX_RANGES);
    uint32_t end = 0, tasks = jr->spec->jobs[job].tasks.count;
    for (uint32_t i = 0; i < count && !u->bad; i++) {
        uint32_t first = end + (uint32_t)unpack_uint_max(u, tasks - end);
        uint32_t n = (uint32_t)unpack_uint_max(u, tasks - first);
        u->bad = u->bad || n == 0;
        jr->ranges[i] = (struct task_range){job, first, n};
        end = first + n;
    }
    if (count == 0)
        u->bad = true;
    out->u.reactivate.job = job;
    out->u.reactivate.range_count = count;
    out->u.reactivate.ranges = jr->ranges;
}

/* One text, into *out. */
static int get_text(struct journal_reader *jr, struct unpack *u,
                    const char **out, struct err *err)
{
    static const size_t max[] = {JOURNAL_MAX_TEXT};
    size_t at[JOURNAL_TEXTS_MAX];
    buf_reset(&jr->texts);
    if (get_texts(jr, u, max, at, 1, err) < 0)
        return -1;
    *out = jr->texts.data + at[0];
    return 1;
}

static int get_command(struct journal_reader *jr, struct unpack *u,
                       struct journal_record *out, struct err *err)
{
    static const size_t max[] = {JOURNAL_MAX_TEXT, JOURNAL_MAX_TEXT};
    size_t at[JOURNAL_TEXTS_MAX];
    buf_reset(&jr->texts);
    if (get_texts(jr, u, max, at, 2, err) < 0)
        return -1;
    out->u.command.text = jr->texts.data + at[0];
    out->u.command.error = jr->texts.data + at[1];
    return 1;
}

/* Tasks that there are. */
static struct task_range get_range(struct unpack *u, const struct jobspec *spec)
{
    struct task_range r = {.job = get_job(u, spec)};
    uint32_t tasks = spec->jobs[r.job].tasks.count;
    r.first = (uint32_t)unpack_uint_max(u, tasks);
    r.count = (uint32_t)unpack_uint_max(u, tasks - r.first);
    u->bad = u->bad || r.count == 0;
    return r;
}

static void get_skipped(struct unpack *u, const struct jobspec *spec,
                        struct journal_record *out)
{
    out->u.skipped.tasks = get_range(u, spec);
    struct task_range parent = get_range(u, spec);
    u->bad = u->bad || parent.count != 1;
    out->u.skipped.parent_job = parent.job;
    out->u.skipped.parent = parent.first;
}

/* 1, or -2: the spec does not have these tasks yet. */
static int get_added(struct unpack *u, const struct jobspec *spec,
                     struct journal_record *out)
{
    out->u.added.number = get_u32(u);
    if (!u->bad && out->u.added.number > spec->fragment_count)
        return -2;
    struct task_range tasks = get_range(u, spec);
    u->bad = u->bad || out->u.added.number == 0;
    out->u.added.job = tasks.job;
    out->u.added.first = tasks.first;
    out->u.added.count = tasks.count;
    return 1;
}

int journal_decode(struct journal_reader *jr, const unsigned char *payload,
                   uint32_t len, struct journal_record *out, struct err *err)
{
    struct unpack u;
    int rc = 1;
    unpack_init(&u, payload, len);
    out->type = unpack_u8(&u);
    out->session = jr->files[jr->at].session;
    out->time_ns = (int64_t)unpack_u64(&u);
    switch (out->type) {
    case JOURNAL_SESSION:
        unpack_str(&u, out->u.session.version, sizeof(out->u.session.version));
        unpack_str(&u, out->u.session.mpi, sizeof(out->u.session.mpi));
        out->u.session.rank_count = get_u32(&u);
        out->u.session.node_count = get_u32(&u);
        break;
    case JOURNAL_NODE:
        get_node(jr, &u, out, err);
        break;
    case JOURNAL_ATTEMPT:
    case JOURNAL_SPECIAL:
        rc = get_attempt(jr, out->type, &u, err);
        out->u.attempt = &jr->attempt;
        if (rc <= 0 || jr->light)
            return rc;
        break;
    case JOURNAL_JOB:
        out->u.job.job = get_job(&u, jr->spec);
        out->u.job.state = get_enum(&u, JOB_STATE_COUNT);
        out->u.job.end = get_enum(&u, JOB_END_COUNT);
        rc = get_text(jr, &u, &out->u.job.why, err);
        break;
    case JOURNAL_NODE_STATE:
        out->u.node_state.node = get_u32(&u);
        out->u.node_state.state = get_enum(&u, NODE_STATE_COUNT);
        rc = get_text(jr, &u, &out->u.node_state.why, err);
        break;
    case JOURNAL_SKIPPED:
        get_skipped(&u, jr->spec, out);
        break;
    case JOURNAL_ADDED:
        rc = get_added(&u, jr->spec, out);
        break;
    case JOURNAL_OCCURRENCE:
        out->u.occurrence.job = get_job(&u, jr->spec);
        out->u.occurrence.begun = get_enum(&u, 2);
        break;
    case JOURNAL_COMMAND:
        rc = get_command(jr, &u, out, err);
        break;
    case JOURNAL_REACTIVATE:
        get_ranges(jr, &u, out);
        break;
    case JOURNAL_TICK:
        break;
    case JOURNAL_END:
        out->u.end.exit_code = (int)unpack_int(&u);
        break;
    case JOURNAL_ORIGIN:
        rc = get_origin(jr, &u, &out->u.origin, err);
        break;
    case JOURNAL_LOST:
        out->u.lost.rank = get_u32(&u);
        break;
    case JOURNAL_COUNTS:
        stage_counts_read(&u, &out->u.counts);
        break;
    case JOURNAL_PROGRAM:
        rc = get_program(jr, &u, &out->u.program, err);
        break;
    default:
        return -1;
    }
    return rc < 0 || unpack_done(&u) ? rc : -1;
}
