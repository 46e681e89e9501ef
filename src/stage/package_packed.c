/* The decompressed bytes of an archive: see package_packed.h.
 *
 * gzip goes through zlib, which verifies; bzip2, xz and zstd through
 * libarchive, which verifies them if they are read to their end. A compressed
 * file in a compressed file is not unpacked again.
 */
#include "config.h"
#include "stage/package_packed.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "stage/package_gzip.h"
#include "stage/package_shown.h"

struct packed {
    int fd;
    enum packed_kind kind;
    const atomic_bool *stop;
    uint64_t bytes, packed, unpacked, zeros, free_bytes;
    uint32_t ratio;
    struct gunzip *gunzip;
    const unsigned char *in; /* of `raw`: what gunzip has not had */
    size_t in_len;
    bool ended;               /* the file, not what comes of it */
    struct archive *filter;   /* bzip2, xz, zstd */
    unsigned char *raw, *out; /* PACKED_STEP_BYTES each */
    struct err err;
};

static const struct {
    const char *magic;
    size_t len;
    enum packed_kind kind;
    const char *name;
    int (*support)(struct archive *); /* by libarchive */
} kinds[] = {
    {"\x1f\x8b", 2, PACKED_GZIP, "gzip", NULL},
    {"BZh", 3, PACKED_BZIP2, "bzip2", archive_read_support_filter_bzip2},
    {"\xfd"
     "7zXZ",
     6, PACKED_XZ, "xz", archive_read_support_filter_xz},
    {"\x28\xb5\x2f\xfd", 4, PACKED_ZSTD, "zstd",
     archive_read_support_filter_zstd},
    {"PK\3\4", 4, PACKED_ZIP, "zip", NULL},
    {"PK\5\6", 4, PACKED_ZIP, "zip", NULL},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* Bytes of the file as they are, into `raw`: 0 at the end, -1. */
static ssize_t read_file(struct packed *s)
{
    ssize_t n;
    if (s->stop && atomic_load(s->stop))
        return err_set(&s->err, ECANCELED, "cancelled");
    do
        n = read(s->fd, s->raw, PACKED_STEP_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(&s->err, errno, "cannot read the archive");
    s->packed += (uint64_t)n;
    return n;
}

/* libarchive's side of a filter. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **data)
{
    struct packed *s = arg;
    ssize_t n = read_file(s);
    *data = s->raw;
    if (n < 0)
        archive_set_error(a, s->err.code, "%s", s->err.text);
    return n < 0 ? ARCHIVE_FATAL : n;
}

/* What libarchive says is wrong, unless reading failed below it. */
static int broken(struct packed *s, const char *name)
{
    char reason[SHOWN_MAX];
    const char *text = archive_error_string(s->filter);
    int code = archive_errno(s->filter);
    if (s->err.code)
        return -1;
    if (code == ENOMEM)
        return err_set(&s->err, ENOMEM, "no memory to decompress");
    return err_set(&s->err, EPROTO, "the %s file is broken or cut (%s)", name,
                   package_reason(text, reason));
}

static const char *kind_name(enum packed_kind kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "tar";
}

/* A reader of what one filter gives. */
static int filter_open(struct packed *s, int (*support)(struct archive *))
{
    struct archive_entry *entry;
    s->filter = archive_read_new();
    if (!s->filter)
        return err_set(&s->err, ENOMEM, "no memory to decompress");
    /* a warning: it would start a program for it, in a rank of MPI */
    if (support(s->filter) != ARCHIVE_OK)
        return err_set(&s->err, EPROTO,
                       "the libarchive that mpibatch uses was built without "
                       "%s",
                       kind_name(s->kind));
    if (archive_read_support_format_raw(s->filter) != ARCHIVE_OK ||
        archive_read_open(s->filter, s, NULL, on_read, NULL) != ARCHIVE_OK ||
        archive_read_next_header(s->filter, &entry) != ARCHIVE_OK)
        return broken(s, kind_name(s->kind));
    if (archive_filter_count(s->filter) > 2)
        return err_set(&s->err, EPROTO, "it is compressed more than once");
    return 0;
}

static ssize_t read_filter(struct packed *s, const void **data)
{
    size_t len = 0;
    la_int64_t offset;
    int rc = archive_read_data_block(s->filter, data, &len, &offset);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK)
        return broken(s, kind_name(s->kind));
    return (ssize_t)len;
}

static ssize_t read_gzip(struct packed *s, const void **data)
{
    ssize_t n = 0;
    *data = s->out;
    while (n == 0) {
        if (s->in_len == 0 && !s->ended) {
            ssize_t got = read_file(s);
            if (got < 0)
                return -1;
            s->ended = got == 0;
            s->in = s->raw;
            s->in_len = (size_t)got;
        }
        n = gunzip_step(s->gunzip, &s->in, &s->in_len, s->out,
                        PACKED_STEP_BYTES, &s->err);
        if (n == 0 && s->ended && s->in_len == 0)
            return gunzip_end(s->gunzip, &s->err);
    }
    return n;
}

/* How many zeros there are at the end, with those that were there before. */
static void count_zeros(struct packed *s, const unsigned char *data, size_t len)
{
    size_t n = 0;
    while (n < len && data[len - 1 - n] == 0)
        n++;
    s->zeros = n == len ? s->zeros + n : n;
}

ssize_t packed_read(struct packed *s, const void **data)
{
    ssize_t n;
    if (s->err.code)
        return -1;
    if (s->kind == PACKED_GZIP)
        n = read_gzip(s, data);
    else if (s->filter)
        n = read_filter(s, data);
    else {
        *data = s->raw;
        n = read_file(s);
    }
    if (n <= 0)
        return n;
    s->unpacked += (uint64_t)n;
    count_zeros(s, *data, (size_t)n);
    if (s->stop && atomic_load(s->stop))
        return err_set(&s->err, ECANCELED, "cancelled");
    if (s->ratio > 0 && s->kind != PACKED_ZIP && s->unpacked > s->free_bytes &&
        (s->unpacked - s->free_bytes) / s->ratio > s->packed)
        return err_set(&s->err, EPROTO,
                       "it grows to more than %u times its size", s->ratio);
    return n;
}

int64_t packed_seek(struct packed *s, int64_t offset, int whence)
{
    off_t at = lseek(s->fd, offset, whence);
    if (at < 0)
        return err_sys(&s->err, errno, "cannot read the archive");
    return at;
}

/* What it is, by its first bytes. */
static int find_kind(struct packed *s)
{
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return err_sys(&s->err, errno, "cannot look at the archive");
    if (!S_ISREG(st.st_mode))
        return err_set(&s->err, EPROTO, "it is no regular file");
    if (st.st_size == 0)
        return err_set(&s->err, EPROTO, "the file is empty");
    s->bytes = (uint64_t)st.st_size;
    ssize_t n = pread(s->fd, s->raw, 8, 0);
    if (n < 0)
        return err_sys(&s->err, errno, "cannot read the archive");
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if ((size_t)n < kinds[i].len ||
            memcmp(s->raw, kinds[i].magic, kinds[i].len) != 0)
            continue;
        s->kind = kinds[i].kind;
        return kinds[i].support ? filter_open(s, kinds[i].support) : 0;
    }
    return 0;
}

struct packed *packed_open(const char *path, const atomic_bool *stop,
                           struct err *err)
{
    struct packed *s = mem_calloc(1, sizeof(*s));
    if (!s) {
        err_set(err, ENOMEM, "no memory to read an archive");
        return NULL;
    }
    s->stop = stop;
    s->raw = mem_alloc(PACKED_STEP_BYTES);
    s->out = mem_alloc(PACKED_STEP_BYTES);
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        err_sys(&s->err, errno, "cannot open the archive");
    else if (!s->raw || !s->out)
        err_set(&s->err, ENOMEM, "no memory to read an archive");
    else if (find_kind(s) == 0 && s->kind == PACKED_GZIP &&
             !(s->gunzip = gunzip_create()))
        err_set(&s->err, ENOMEM, "no memory to read an archive");
    if (s->err.code == 0)
        return s;
    if (err)
        *err = s->err;
    packed_close(s);
    return NULL;
}

void packed_close(struct packed *s)
{
    if (!s)
        return;
    archive_read_free(s->filter);
    gunzip_destroy(s->gunzip);
    if (s->fd >= 0)
        close(s->fd);
    mem_free(s->raw);
    mem_free(s->out);
    mem_free(s);
}

enum packed_kind packed_kind(const struct packed *s)
{
    return s->kind;
}

uint64_t packed_bytes(const struct packed *s)
{
    return s->bytes;
}

void packed_bound(struct packed *s, uint64_t free_bytes, uint32_t ratio)
{
    s->free_bytes = free_bytes;
    s->ratio = ratio;
}

uint64_t packed_zeros(const struct packed *s)
{
    return s->zeros;
}

const struct err *packed_err(const struct packed *s)
{
    return &s->err;
}
