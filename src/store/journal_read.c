/* Reading journals: see journal.h, and journal_frame.h for the bytes.
 *
 * Files are read in pieces into a window rather than mapped: a disk that
 * fails then is an error, not a SIGBUS. The window holds whole what may be
 * one record, unless the file ends before it.
 *
 * A bad record is a torn tail if nothing valid follows in its file, or if it
 * begins to be bad in a block of zeros: power that fails leaves such holes
 * among what was not yet synced, and dropping records only means to run their
 * tasks again. Otherwise it is damage to what was safe, and an error.
 */
#include "config.h"
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/pack.h"
#include "model/record.h"
#include "store/journal_frame.h"

enum {
    WINDOW_BYTES = 2 << 20,
    RECORD_BYTES_MAX = JOURNAL_FRAME_BYTES + JOURNAL_PAYLOAD_MAX,
    HOLE_BYTES = 512, /* the least that is written to a disk at once */
    MAX_FILES = 1 << 20,
    TEXTS_MAX = 8 /* strings of one record */
};

struct journal_file {
    uint32_t session;
    char *path;
    uint64_t size; /* when reading began */
    uint64_t torn; /* bytes cut off its end */
};

struct journal_reader {
    const struct jobspec *spec;
    uint32_t digest;
    struct journal_file *files;
    uint32_t file_count;
    const char *last_torn; /* a file's path */

    uint32_t at;     /* the file being read; file_count: the end */
    int fd;          /* -1: not open yet */
    uint64_t offset; /* of the next record */
    unsigned char *window;
    uint64_t window_at; /* its place in the file */
    size_t window_len;

    bool light;
    bool (*want)(void *arg, uint32_t job, uint32_t index);
    void *want_arg;
    struct attempt attempt;
    struct node_info node;
    struct task_range ranges[JOURNAL_MAX_RANGES];
    struct buf texts; /* of a record's strings */
};

/* ---- The files ---- */

static int by_session(const void *a, const void *b)
{
    uint32_t x = ((const struct journal_file *)a)->session;
    uint32_t y = ((const struct journal_file *)b)->session;
    return (x > y) - (x < y);
}

/* The session of a file's name; 0: not a journal's. */
static uint32_t session_of(const char *name)
{
    char *end;
    if (name[0] < '0' || name[0] > '9')
        return 0;
    unsigned long n = strtoul(name, &end, 10);
    return strcmp(end, ".journal") == 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static int add_file(struct journal_reader *jr, const char *folder,
                    const char *name, struct err *err)
{
    struct stat st;
    uint32_t n = jr->file_count;
    if (n == MAX_FILES)
        return err_set(err, EFBIG, "%s: over %d sessions", folder, MAX_FILES);
    if ((n & (n - 1)) == 0) { /* 0 or a power of two: full */
        struct journal_file *more =
            mem_resize(jr->files, n ? 2 * n : 1, sizeof(*more));
        if (!more)
            return err_set(err, ENOMEM, "no memory to read %s", folder);
        jr->files = more;
    }
    char *path = path_join(folder, name);
    if (!path)
        return err_set(err, ENOMEM, "no memory to read %s", folder);
    if (stat(path, &st) < 0) {
        err_sys(err, errno, "cannot read %s", path);
        mem_free(path);
        return -1;
    }
    jr->files[jr->file_count++] =
        (struct journal_file){.session = session_of(name),
                              .path = path,
                              .size = (uint64_t)st.st_size};
    return 0;
}

static int list_files(struct journal_reader *jr, const char *folder,
                      struct err *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return err_sys(err, errno, "cannot read the folder %s", folder);
    int rc = 0;
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(dir)); errno = 0)
        if (session_of(e->d_name) != 0)
            rc = add_file(jr, folder, e->d_name, err);
    if (rc == 0 && errno != 0)
        rc = err_sys(err, errno, "cannot read the folder %s", folder);
    closedir(dir);
    if (rc == 0 && jr->file_count > 1)
        qsort(jr->files, jr->file_count, sizeof(jr->files[0]), by_session);
    return rc;
}

struct journal_reader *journal_read(const struct rundir *r,
                                    const struct jobspec *spec, struct err *err)
{
    size_t len;
    const char *text = rundir_spec(r, &len);
    char *folder = rundir_file(r, "%s", rundir_journal(r));
    struct journal_reader *jr = folder ? mem_calloc(1, sizeof(*jr)) : NULL;
    if (!jr)
        goto nomem;
    jr->fd = -1;
    jr->spec = spec;
    jr->digest = crc32c(0, text, len);
    attempt_init(&jr->attempt);
    buf_init(&jr->texts, JOURNAL_PAYLOAD_MAX + TEXTS_MAX);
    jr->window = mem_alloc(WINDOW_BYTES);
    if (!jr->window)
        goto nomem;
    if (list_files(jr, folder, err) < 0)
        goto fail;
    mem_free(folder);
    return jr;
nomem:
    err_set(err, ENOMEM, "no memory to read the journal");
fail:
    mem_free(folder);
    journal_reader_destroy(jr);
    return NULL;
}

static void close_file(struct journal_reader *jr)
{
    if (jr->fd >= 0)
        close(jr->fd);
    jr->fd = -1;
}

void journal_reader_destroy(struct journal_reader *jr)
{
    if (!jr)
        return;
    int saved = errno;
    close_file(jr);
    errno = saved;
    for (uint32_t i = 0; i < jr->file_count; i++)
        mem_free(jr->files[i].path);
    mem_free(jr->files);
    mem_free(jr->window);
    attempt_fini(&jr->attempt);
    buf_fini(&jr->texts);
    mem_free(jr);
}

/* ---- The window ---- */

static int damaged(const struct journal_reader *jr, uint64_t at,
                   const char *what, struct err *err)
{
    return err_set(err, EBADMSG, "%s is damaged at byte %llu: %s",
                   jr->files[jr->at].path, (unsigned long long)at, what);
}

/* See to it that the window holds need bytes from offset on, or all to the
 * end of the file. *len: how many it holds; at least 1 if the file goes on. */
static int look(struct journal_reader *jr, uint64_t offset, size_t need,
                const unsigned char **p, size_t *len, struct err *err)
{
    const struct journal_file *f = &jr->files[jr->at];
    uint64_t left = offset < f->size ? f->size - offset : 0;
    uint64_t have = 0;
    if (offset >= jr->window_at && offset < jr->window_at + jr->window_len)
        have = jr->window_at + jr->window_len - offset;
    if (have < need && have < left) {
        size_t n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        jr->window_len = 0;
        if (file_read_at(jr->fd, jr->window, n, offset) < 0)
            return err_sys(err, errno, "cannot read %s", f->path);
        jr->window_at = offset;
        jr->window_len = n;
        have = n;
    }
    *p = have > 0 ? jr->window + (offset - jr->window_at) : jr->window;
    *len = (size_t)have;
    return 0;
}

/* The payload of the record at offset, or *len 0: it is bad or the end. */
static int frame_at(struct journal_reader *jr, uint64_t offset,
                    const unsigned char **payload, uint32_t *len,
                    struct err *err)
{
    const unsigned char *p;
    size_t have;
    *len = 0;
    if (look(jr, offset, RECORD_BYTES_MAX, &p, &have, err) < 0)
        return -1;
    if (have < JOURNAL_FRAME_BYTES)
        return 0;
    uint32_t n = frame_get_u32(p);
    if (n < JOURNAL_PAYLOAD_MIN || n > JOURNAL_PAYLOAD_MAX ||
        n > have - JOURNAL_FRAME_BYTES ||
        frame_get_u32(p + 4) != frame_crc(p, p + JOURNAL_FRAME_BYTES, n))
        return 0;
    *payload = p + JOURNAL_FRAME_BYTES;
    *len = n;
    return 0;
}

/* Does a block of zeros begin within what the bad record at offset may be?
 * 1, 0, -1. */
static int hole_at(struct journal_reader *jr, uint64_t offset, struct err *err)
{
    const unsigned char *p;
    size_t have;
    if (look(jr, offset, RECORD_BYTES_MAX, &p, &have, err) < 0)
        return -1;
    uint32_t n = have >= 4 ? frame_get_u32(p) : 0;
    uint64_t end =
        offset + JOURNAL_FRAME_BYTES + (n <= JOURNAL_PAYLOAD_MAX ? n : 0);
    uint64_t block = offset - offset % HOLE_BYTES;
    for (; block < end; block += HOLE_BYTES) {
        uint64_t from = block < offset ? offset : block;
        size_t zeros = (size_t)(block + HOLE_BYTES - from);
        size_t at = (size_t)(from - offset);
        if (from > offset + have || zeros > have - at)
            break;
        size_t i = 0;
        while (i < zeros && p[at + i] == 0)
            i++;
        if (i == zeros && (from == block || zeros >= JOURNAL_FRAME_BYTES))
            return 1;
    }
    return 0;
}

/* Is there a valid record anywhere behind offset? 1, 0, -1. */
static int valid_behind(struct journal_reader *jr, uint64_t offset,
                        struct err *err)
{
    const unsigned char *payload;
    uint32_t len;
    for (offset++; offset < jr->files[jr->at].size; offset++) {
        if (frame_at(jr, offset, &payload, &len, err) < 0)
            return -1;
        if (len > 0)
            return 1;
    }
    return 0;
}

static void next_file(struct journal_reader *jr)
{
    close_file(jr);
    jr->at++;
    jr->offset = 0;
    jr->window_len = 0;
}

/* The record at offset is bad: cut the file there, or it is damaged. */
static int cut(struct journal_reader *jr, uint64_t offset, struct err *err)
{
    struct journal_file *f = &jr->files[jr->at];
    int hole = offset > 0 ? hole_at(jr, offset, err) : 0;
    int more = hole == 0 ? valid_behind(jr, offset, err) : 0;
    if (hole < 0 || more < 0)
        return -1;
    if (more)
        return damaged(jr, offset, "a bad record in front of good ones", err);
    f->torn = f->size - offset;
    jr->last_torn = f->path;
    next_file(jr);
    return 0;
}

/* Open the next file and check its header. 1, 0: it was cut, -1. */
static int open_file(struct journal_reader *jr, struct err *err)
{
    const struct journal_file *f = &jr->files[jr->at];
    const unsigned char *h;
    size_t have;
    jr->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (jr->fd < 0)
        return err_sys(err, errno, "cannot open %s", f->path);
    (void)posix_fadvise(jr->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (look(jr, 0, JOURNAL_HEADER_BYTES, &h, &have, err) < 0)
        return -1;
    if (have < JOURNAL_HEADER_BYTES ||
        frame_get_u32(h + 20) != crc32c(0, h, 20))
        return cut(jr, 0, err);
    if (memcmp(h, JOURNAL_MAGIC, 8) != 0 || frame_get_u32(h + 12) != f->session)
        return damaged(jr, 0, "not this session's journal", err);
    uint32_t version = frame_get_u32(h + 8);
    if (version != JOURNAL_VERSION)
        return err_set(err, EPROTO,
                       "%s was written by %s mpibatch (format %u, this one "
                       "knows %d)",
                       f->path,
                       version > JOURNAL_VERSION ? "a newer" : "an older",
                       version, JOURNAL_VERSION);
    if (frame_get_u32(h + 16) != jr->digest)
        return damaged(jr, 16, "it belongs to another job spec", err);
    jr->offset = JOURNAL_HEADER_BYTES;
    return 1;
}

/* ---- Records ---- */

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
static void get_summary(struct unpack *u, const struct jobspec *spec,
                        struct attempt *s, bool *invalid)
{
    s->job = get_job(u, spec);
    s->index = get_u32(u);
    s->attempt = get_u32(u);
    s->reason = get_enum(u, REASON_COUNT);
    unsigned bits = get_enum(u, SUMMARY_ALL + 1);
    s->result = bits & SUMMARY_RESULT;
    s->disposition = bits & SUMMARY_RETRIES ? TASK_RETRIES : TASK_ENDS;
    *invalid = bits & SUMMARY_INVALID;
    if (u->bad || s->index >= spec->jobs[s->job].tasks.count ||
        s->attempt == 0 || s->result > RESULT_FAILURE)
        u->bad = true;
}

/* Fill jr->attempt. 1, 0: not wanted, -1. */
static int get_attempt(struct journal_reader *jr, struct unpack *u,
                       struct err *err)
{
    struct attempt *a = &jr->attempt;
    bool invalid;
    if (!jr->light) {
        attempt_fini(a);
        a->metric_count = 0;
    }
    get_summary(u, jr->spec, a, &invalid);
    if (u->bad)
        return -1;
    if (jr->want && !jr->want(jr->want_arg, a->job, a->index))
        return 0;
    if (!jr->light) {
        if (record_get_attempt(u, jr->spec, a, err) < 0)
            return -1;
        return 1;
    }
    a->metric_count = jr->spec->jobs[a->job].metric_count;
    a->metrics[0].state =
        invalid && a->metric_count > 0 ? METRIC_MISSING : METRIC_OK;
    return 1;
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
                     const size_t *max, size_t offsets[TEXTS_MAX], size_t count,
                     struct err *err)
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
    size_t at[TEXTS_MAX];
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
    size_t a[TEXTS_MAX], b[TEXTS_MAX];
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

/* Decode a payload whose checksum is right. 1, 0: not wanted, -1 (err may
 * not say why). */
static int decode(struct journal_reader *jr, const unsigned char *payload,
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
        rc = get_attempt(jr, &u, err);
        out->u.attempt = &jr->attempt;
        if (rc <= 0 || jr->light)
            return rc;
        break;
    case JOURNAL_JOB:
        out->u.job.job = get_job(&u, jr->spec);
        out->u.job.state = get_enum(&u, JOB_STATE_COUNT);
        out->u.job.end = get_enum(&u, JOB_END_COUNT);
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

int journal_next(struct journal_reader *jr, struct journal_record *out,
                 struct err *err)
{
    const unsigned char *payload;
    uint32_t len;
    while (jr->at < jr->file_count) {
        int rc = jr->fd >= 0 ? 1 : open_file(jr, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        if (jr->offset >= jr->files[jr->at].size) {
            next_file(jr);
            continue;
        }
        if (frame_at(jr, jr->offset, &payload, &len, err) < 0)
            return -1;
        if (len == 0) {
            if (cut(jr, jr->offset, err) < 0)
                return -1;
            continue;
        }
        struct err why;
        why.code = 0;
        rc = decode(jr, payload, len, out, &why);
        if (rc < 0 && why.code == ENOMEM)
            return err_set(err, ENOMEM, "no memory to read the journal");
        if (rc < 0)
            return damaged(jr, jr->offset,
                           why.code ? why.text : "a record that cannot be",
                           err);
        jr->offset += JOURNAL_FRAME_BYTES + len;
        if (rc > 0)
            return 1;
    }
    return 0;
}

/* ---- Settings ---- */

void journal_reader_filter(struct journal_reader *jr,
                           bool (*want)(void *arg, uint32_t job,
                                        uint32_t index),
                           void *arg)
{
    jr->want = want;
    jr->want_arg = arg;
}

void journal_reader_light(struct journal_reader *jr, bool light)
{
    attempt_fini(&jr->attempt);
    attempt_init(&jr->attempt);
    jr->light = light;
}

uint64_t journal_bytes(const struct journal_reader *jr)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < jr->file_count; i++)
        bytes += jr->files[i].size;
    return bytes;
}

uint64_t journal_torn_bytes(const struct journal_reader *jr, const char **file)
{
    uint64_t torn = 0;
    for (uint32_t i = 0; i < jr->file_count; i++)
        torn += jr->files[i].torn;
    if (file)
        *file = jr->last_torn;
    return torn;
}

struct journal_place journal_tell(const struct journal_reader *jr)
{
    return (struct journal_place){.file = jr->at, .offset = jr->offset};
}

int journal_seek(struct journal_reader *jr, struct journal_place to,
                 struct err *err)
{
    if (to.file > jr->file_count ||
        (to.file == jr->file_count && to.offset > 0))
        return err_set(err, EINVAL, "the journal has no such place");
    close_file(jr);
    jr->at = to.file;
    jr->offset = 0;
    jr->window_len = 0;
    if (to.offset == 0)
        return 0;
    int rc = open_file(jr, err);
    if (rc == 1 && to.offset >= JOURNAL_HEADER_BYTES)
        jr->offset = to.offset;
    return rc < 0 ? -1 : 0;
}

int journal_rewind(struct journal_reader *jr, struct err *err)
{
    return journal_seek(jr, (struct journal_place){0}, err);
}
