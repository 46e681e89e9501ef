/* Writing a journal: see journal.h, and journal_frame.h for the bytes.
 *
 * Makes this session's file. Its header is on disk before the first record is
 * queued; everything after it goes through the writer, whose the file is.
 */
#include "config.h"
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pack.h"
#include "model/record.h"
#include "store/journal_frame.h"

struct journal {
    const struct jobspec *spec;
    struct writer *writer;
    int file; /* the writer's number */
    struct buf frame;
};

void journal_header_make(unsigned char h[JOURNAL_HEADER_BYTES],
                         uint32_t session, const char *spec_text,
                         size_t spec_len)
{
    memcpy(h, JOURNAL_MAGIC, 8);
    frame_put_u32(h + 8, JOURNAL_VERSION);
    frame_put_u32(h + 12, session);
    frame_put_u32(h + 16, crc32c(0, spec_text, spec_len));
    frame_put_u32(h + 20, crc32c(0, h, 20));
}

static int write_header(int fd, const struct rundir *r)
{
    unsigned char h[JOURNAL_HEADER_BYTES];
    size_t len;
    const char *spec = rundir_spec(r, &len);
    journal_header_make(h, rundir_session(r), spec, len);
    if (file_write_all(fd, h, sizeof(h)) < 0 || fdatasync(fd) < 0)
        return -1;
    return 0;
}

/* Sync the folder, so that the new name in it lasts. */
static int sync_folder(const struct rundir *r)
{
    char *path = rundir_file(r, "%s", rundir_journal(r));
    if (!path) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(path);
    if (fd < 0)
        return -1;
    int rc = fsync(fd), saved = errno;
    close(fd);
    errno = saved;
    return rc < 0 && saved != EINVAL ? -1 : 0;
}

/* Make the file with its header; its fd, or -1 with err. */
static int create_file(const struct rundir *r, const char *path,
                       struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot make %s", path);
    if (write_header(fd, r) < 0 || sync_folder(r) < 0) {
        err_sys(err, errno, "cannot write %s", path);
        unlink(path);
        close(fd);
        return -1;
    }
    return fd;
}

struct journal *journal_create(struct rundir *r, const struct jobspec *spec,
                               struct writer *writer, struct err *err)
{
    char *path =
        rundir_file(r, "%s/%04u.journal", rundir_journal(r), rundir_session(r));
    struct journal *j = path ? mem_calloc(1, sizeof(*j)) : NULL;
    int fd = -1;
    if (!j) {
        err_set(err, ENOMEM, "no memory for the journal");
        goto fail;
    }
    *j = (struct journal){.spec = spec, .writer = writer};
    buf_init(&j->frame, JOURNAL_FRAME_BYTES + JOURNAL_PAYLOAD_MAX);
    fd = create_file(r, path, err);
    if (fd < 0)
        goto fail;
    j->file = writer_add_file(writer, fd, path, JOURNAL_HEADER_BYTES);
    if (j->file < 0) {
        err_set(err, EMFILE, "%s: the writer has too many files", path);
        goto fail;
    }
    mem_free(path);
    return j;
fail:
    if (fd >= 0)
        close(fd);
    mem_free(path);
    journal_destroy(j);
    return NULL;
}

void journal_destroy(struct journal *j)
{
    if (!j)
        return;
    buf_fini(&j->frame);
    mem_free(j);
}

static int put_attempt(struct buf *b, enum journal_type type,
                       const struct attempt *a, const struct jobspec *spec)
{
    uint32_t ok = 0, want;
    bool special = special_of(a->index) != SPECIAL_NONE;
    if (special != (type == JOURNAL_SPECIAL) ||
        !jobspec_has_task(spec, a->job, a->index)) {
        errno = EINVAL;
        return -1;
    }
    want = special ? 0 : spec->jobs[a->job].metric_count;
    while (ok < want && ok < a->metric_count &&
           a->metrics[ok].state == METRIC_OK)
        ok++;
    int rc = pack_put_uint(b, a->job) | pack_put_uint(b, a->index) |
             pack_put_uint(b, a->attempt) | pack_put_u8(b, (uint8_t)a->reason);
    unsigned bits = (unsigned)a->result |
                    (a->disposition == TASK_RETRIES ? SUMMARY_RETRIES : 0u) |
                    (ok < want ? SUMMARY_INVALID : 0u);
    rc |= pack_put_u8(b, (uint8_t)bits);
    return rc < 0 ? -1 : record_put_attempt(b, a, spec);
}

/* Text, cut to what a reader takes; NULL: none. */
static int put_text(struct buf *b, const char *text, size_t max)
{
    return pack_put_bytes(b, text ? text : "", text ? strnlen(text, max) : 0);
}

static int put_program(struct buf *b, const struct program_file *p)
{
    return pack_put_u8(b, (uint8_t)p->kind) |
           put_text(b, p->program, PROGRAM_MAX_NAME) |
           put_text(b, p->name, PROGRAM_MAX_NAME) |
           put_text(b, p->path, PROGRAM_MAX_PATH) |
           pack_put_uint(b, p->size_bytes) |
           pack_put_u64(b, (uint64_t)p->mtime_ns) |
           put_text(b, p->sha256, PROGRAM_SHA256) |
           put_text(b, p->note, PROGRAM_MAX_NAME);
}

/* Ranges as what lies between them, and how long they are. */
static int put_ranges(struct buf *b, const struct journal_record *rec)
{
    uint32_t end = 0, count = rec->u.reactivate.range_count;
    if (count == 0 || count > JOURNAL_MAX_RANGES) {
        errno = EINVAL;
        return -1;
    }
    int rc = pack_put_uint(b, rec->u.reactivate.job) | pack_put_uint(b, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct task_range *r = &rec->u.reactivate.ranges[i];
        rc |= pack_put_uint(b, r->first - end) | pack_put_uint(b, r->count);
        end = r->first + r->count;
    }
    return rc;
}

/* Tasks that there are. */
static bool range_is_valid(const struct task_range *r,
                           const struct jobspec *spec)
{
    uint32_t tasks =
        r->job < spec->job_count ? spec->jobs[r->job].tasks.count : 0;
    return r->count > 0 && r->first < tasks && r->count <= tasks - r->first;
}

static int put_range(struct buf *b, const struct task_range *r,
                     const struct jobspec *spec)
{
    if (!range_is_valid(r, spec)) {
        errno = EINVAL;
        return -1;
    }
    return pack_put_uint(b, r->job) | pack_put_uint(b, r->first) |
           pack_put_uint(b, r->count);
}

static int put_skipped(struct buf *b, const struct journal_record *rec,
                       const struct jobspec *spec)
{
    const struct task_range parent = {rec->u.skipped.parent_job,
                                      rec->u.skipped.parent, 1};
    return put_range(b, &rec->u.skipped.tasks, spec) < 0
               ? -1
               : put_range(b, &parent, spec);
}

static int put_added(struct buf *b, const struct journal_record *rec,
                     const struct jobspec *spec)
{
    const struct task_range tasks = {rec->u.added.job, rec->u.added.first,
                                     rec->u.added.count};
    return pack_put_uint(b, rec->u.added.number) < 0
               ? -1
               : put_range(b, &tasks, spec);
}

static int put_payload(struct buf *b, const struct journal_record *rec,
                       const struct jobspec *spec)
{
    int rc = pack_put_u8(b, (uint8_t)rec->type) |
             pack_put_u64(b, (uint64_t)rec->time_ns);
    if (rc < 0)
        return -1;
    switch (rec->type) {
    case JOURNAL_SESSION:
        return pack_put_str(b, rec->u.session.version) |
               pack_put_str(b, rec->u.session.mpi) |
               pack_put_uint(b, rec->u.session.rank_count) |
               pack_put_uint(b, rec->u.session.node_count);
    case JOURNAL_NODE:
        return pack_put_uint(b, rec->u.node.rank) |
               pack_put_uint(b, rec->u.node.node) |
               pack_put_uint(b, rec->u.node.first_slot) |
               pack_put_uint(b, rec->u.node.slots) |
               record_put_node(b, rec->u.node.info);
    case JOURNAL_ATTEMPT:
    case JOURNAL_SPECIAL:
        return put_attempt(b, rec->type, rec->u.attempt, spec);
    case JOURNAL_JOB:
        return pack_put_uint(b, rec->u.job.job) |
               pack_put_u8(b, (uint8_t)rec->u.job.state) |
               pack_put_u8(b, (uint8_t)rec->u.job.end) |
               put_text(b, rec->u.job.why, JOURNAL_MAX_TEXT);
    case JOURNAL_REACTIVATE:
        return put_ranges(b, rec);
    case JOURNAL_TICK:
        return 0;
    case JOURNAL_END:
        return pack_put_int(b, rec->u.end.exit_code);
    case JOURNAL_ORIGIN:
        return put_text(b, rec->u.origin.command, PROVENANCE_MAX_COMMAND) |
               put_text(b, rec->u.origin.folder, PROGRAM_MAX_PATH) |
               put_text(b, rec->u.origin.hwloc, PROGRAM_MAX_NAME) |
               put_text(b, rec->u.origin.hdf5, PROGRAM_MAX_NAME) |
               put_text(b, rec->u.origin.environment,
                        PROVENANCE_MAX_ENVIRONMENT);
    case JOURNAL_LOST:
        return pack_put_uint(b, rec->u.lost.rank);
    case JOURNAL_COUNTS:
        return stage_counts_put(b, &rec->u.counts);
    case JOURNAL_PROGRAM:
        return put_program(b, &rec->u.program);
    case JOURNAL_NODE_STATE:
        return pack_put_uint(b, rec->u.node_state.node) |
               pack_put_u8(b, (uint8_t)rec->u.node_state.state) |
               put_text(b, rec->u.node_state.why, JOURNAL_MAX_TEXT);
    case JOURNAL_SKIPPED:
        return put_skipped(b, rec, spec);
    case JOURNAL_ADDED:
        return put_added(b, rec, spec);
    case JOURNAL_OCCURRENCE:
        if (rec->u.occurrence.job >= spec->job_count)
            break;
        return pack_put_uint(b, rec->u.occurrence.job) |
               pack_put_u8(b, rec->u.occurrence.begun);
    case JOURNAL_COMMAND:
        return put_text(b, rec->u.command.text, JOURNAL_MAX_TEXT) |
               put_text(b, rec->u.command.error, JOURNAL_MAX_TEXT);
    }
    errno = EINVAL;
    return -1;
}

int journal_frame_put(struct buf *b, const struct journal_record *record,
                      const struct jobspec *spec)
{
    static const unsigned char room[JOURNAL_FRAME_BYTES];
    size_t before = b->len;
    if (buf_put(b, room, sizeof(room)) < 0 || put_payload(b, record, spec) < 0)
        return pack_undo(b, before);
    unsigned char *frame = (unsigned char *)b->data + before;
    uint32_t len = (uint32_t)(b->len - before - JOURNAL_FRAME_BYTES);
    frame_put_u32(frame, len);
    frame_put_u32(frame + 4,
                  frame_crc(frame, frame + JOURNAL_FRAME_BYTES, len));
    return 0;
}

int journal_append(struct journal *j, const struct journal_record *record,
                   uint64_t *ticket, struct err *err)
{
    buf_reset(&j->frame);
    if (journal_frame_put(&j->frame, record, j->spec) < 0)
        return err_sys(err, errno, "cannot put a record into the journal");
    return writer_append(j->writer, j->file, j->frame.data, j->frame.len,
                         ticket, err);
}
