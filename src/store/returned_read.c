/* Reading returned files: see returned_read.h. Owns the descriptor and the
 * checksum of what was read so far, while that is in order. */
#include "config.h"
#include "store/returned_read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/file.h"
#include "base/mem.h"

enum { COPY_BYTES = 1 << 20 };

struct returned_reader {
    const struct attempt_file *file;
    int fd;
    uint64_t offset;      /* of its first byte */
    struct checksum *sum; /* of its first summed bytes */
    uint64_t summed;
};

struct returned_reader *returned_reader_open(const struct rundir *r,
                                             const struct returned_of *of,
                                             const struct attempt_file *f,
                                             struct err *err)
{
    struct returned_reader *reader = mem_calloc(1, sizeof(*reader));
    if (!reader) {
        err_set(err, ENOMEM, "no memory to read %s", f->name);
        return NULL;
    }
    reader->file = f;
    reader->fd = returned_open(r, of, f, &reader->offset, err);
    if (reader->fd >= 0 && (reader->sum = checksum_create(err)))
        return reader;
    returned_reader_close(reader);
    return NULL;
}

void returned_reader_close(struct returned_reader *r)
{
    if (!r)
        return;
    int saved = errno;
    if (r->fd >= 0)
        close(r->fd);
    checksum_destroy(r->sum);
    mem_free(r);
    errno = saved;
}

/* These bytes were read. -1 with err: they were the last, and it is damaged. */
static int check(struct returned_reader *r, uint64_t from, const char *data,
                 size_t len, struct err *err)
{
    struct digest digest;
    if (from == 0) {
        checksum_reset(r->sum);
        r->summed = 0;
    }
    if (from != r->summed)
        return 0;
    checksum_update(r->sum, data, len);
    r->summed += len;
    if (r->summed < r->file->bytes)
        return 0;
    checksum_get(r->sum, digest.bytes);
    if (memcmp(&digest, &r->file->digest, sizeof(digest)) == 0)
        return 0;
    return err_set(err, EBADMSG,
                   "%s is damaged: it is not what came in (XXH3-128)",
                   r->file->name);
}

int returned_reader_read(struct returned_reader *r, uint64_t from, uint64_t len,
                         struct buf *out, struct err *err)
{
    uint64_t left = from < r->file->bytes ? r->file->bytes - from : 0;
    size_t n = (size_t)(len < left ? len : left);
    char *to = buf_reserve(out, n);
    if (!to)
        return err_sys(err, errno, "cannot read %zu bytes", n);
    if (file_read_at(r->fd, to, n, r->offset + from) < 0)
        return err_sys(err, errno, "cannot read %s", r->file->name);
    if (check(r, from, to, n, err) < 0)
        return -1;
    buf_commit(out, n);
    return 0;
}

int returned_copy(const struct rundir *r, const struct returned_of *of,
                  const struct attempt_file *f, int out_fd, struct err *err)
{
    struct buf piece;
    struct returned_reader *reader = returned_reader_open(r, of, f, err);
    if (!reader)
        return -1;
    buf_init(&piece, COPY_BYTES);
    int rc = 0;
    uint64_t at = 0;
    do {
        buf_reset(&piece);
        rc = returned_reader_read(reader, at, COPY_BYTES, &piece, err);
        if (rc == 0 && file_write_all(out_fd, buf_text(&piece), piece.len) < 0)
            rc = err_sys(err, errno, "cannot write what was returned");
        at += piece.len;
    } while (rc == 0 && at < f->bytes);
    buf_fini(&piece);
    returned_reader_close(reader);
    return rc;
}
