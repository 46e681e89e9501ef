/* The content of one file into another: see copy.h. */
#include "config.h"
#include "stage/copy.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum {
    SMALL_BYTES = 16 << 10,  /* by one read and one write */
    PIECE_BYTES = 256 << 10, /* where the kernel does not copy */
    KERNEL_BYTES = 64 << 20  /* that the kernel copies at once */
};

/* What is copied, where to, until when. */
struct copying {
    int from, to;
    const atomic_bool *stop;
};

static bool stopped(const struct copying *c)
{
    if (!c->stop || !atomic_load(c->stop))
        return false;
    errno = ECANCELED;
    return true;
}

/* Of the range from at to end, through a buffer. */
static int copy_through(const struct copying *c, uint64_t at, uint64_t end,
                        char *data, size_t size)
{
    while (at < end) {
        if (stopped(c))
            return -1;
        size_t len = size < end - at ? size : (size_t)(end - at);
        ssize_t n = pread(c->from, data, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0 || file_write_at(c->to, data, (size_t)n, at) < 0)
            return -1;
        at += (uint64_t)n;
    }
    return 0;
}

static int copy_by_pieces(const struct copying *c, uint64_t at, uint64_t end)
{
    if (end - at <= SMALL_BYTES) {
        char data[SMALL_BYTES];
        return copy_through(c, at, end, data, sizeof(data));
    }
    char *data = mem_alloc(PIECE_BYTES);
    if (!data) {
        errno = ENOMEM;
        return -1;
    }
    int rc = copy_through(c, at, end, data, PIECE_BYTES);
    mem_free(data);
    return rc;
}

static int copy_range(const struct copying *c, uint64_t at, uint64_t end)
{
    while (end - at > SMALL_BYTES) {
        if (stopped(c))
            return -1;
        off_t in = (off_t)at, out = (off_t)at;
        uint64_t len = end - at < KERNEL_BYTES ? end - at : KERNEL_BYTES;
        ssize_t n = copy_file_range(c->from, &in, c->to, &out, (size_t)len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
            return -1;
        if (n <= 0) /* EXDEV, EINVAL, ENOSYS, EOPNOTSUPP ... */
            break;
        at += (uint64_t)n;
    }
    return copy_by_pieces(c, at, end);
}

/* Only what lies between holes. */
static int copy_sparse(const struct copying *c, uint64_t bytes)
{
    uint64_t at = 0;
    if (ftruncate(c->to, (off_t)bytes) < 0)
        return -1;
    while (at < bytes) {
        off_t start = lseek(c->from, (off_t)at, SEEK_DATA);
        if (start < 0 && errno == ENXIO)
            return 0; /* a hole to the end */
        off_t end = start < 0 ? -1 : lseek(c->from, start, SEEK_HOLE);
        if (end < 0)
            return copy_range(c, at, bytes);
        if ((uint64_t)end > bytes)
            end = (off_t)bytes;
        if ((uint64_t)start >= bytes)
            return 0;
        if (copy_range(c, (uint64_t)start, (uint64_t)end) < 0)
            return -1;
        at = (uint64_t)end;
    }
    return 0;
}

int copy_data(int from, int to, uint64_t bytes, const atomic_bool *stop)
{
    struct copying c = {from, to, stop};
    struct stat st;
    if (bytes > SMALL_BYTES && fstat(from, &st) == 0 &&
        (uint64_t)st.st_size >= bytes && (uint64_t)st.st_blocks * 512 < bytes)
        return copy_sparse(&c, bytes);
    return copy_range(&c, 0, bytes);
}
