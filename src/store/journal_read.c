/* Reading journals, file after file: see journal.h, and journal_parts.h for
 * its other parts.
 *
 * A bad record is a torn tail if nothing valid follows in its file, or if it
 * begins to be bad in a block of zeros: power that fails leaves such holes
 * among what was not yet synced, and dropping records only means to run their
 * tasks again. Otherwise it is damage to what was safe, and an error.
 */
#include "config.h"
#include "store/journal_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/journal_frame.h"

enum { MAX_FILES = 1 << 20 };

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
    buf_init(&jr->texts, JOURNAL_PAYLOAD_MAX + JOURNAL_TEXTS_MAX);
    jr->window = mem_alloc(JOURNAL_WINDOW_BYTES);
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

/* ---- From file to file ---- */

static int damaged(const struct journal_reader *jr, uint64_t at,
                   const char *what, struct err *err)
{
    return err_set(err, EBADMSG, "%s is damaged at byte %llu: %s",
                   jr->files[jr->at].path, (unsigned long long)at, what);
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
    int hole = offset > 0 ? journal_hole_at(jr, offset, err) : 0;
    int more = hole == 0 ? journal_valid_behind(jr, offset, err) : 0;
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
    if (journal_look(jr, 0, JOURNAL_HEADER_BYTES, &h, &have, err) < 0)
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
        if (journal_frame_at(jr, jr->offset, &payload, &len, err) < 0)
            return -1;
        if (len == 0) {
            if (cut(jr, jr->offset, err) < 0)
                return -1;
            continue;
        }
        struct err why;
        why.code = 0;
        rc = journal_decode(jr, payload, len, out, &why);
        if (rc == -2)
            return 0;
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
