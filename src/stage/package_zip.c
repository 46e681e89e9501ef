/* Counts what a zip may hold: see package_zip.h.
 *
 * What the zip says of itself is not asked. Each entry that libarchive can find
 * begins with the same four bytes, so as many of these as there are anywhere
 * is a bound.
 */
#include "config.h"
#include "stage/package_zip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char mark[4] = {'P', 'K', 1, 2};

/* How many marks there are in data. */
static uint64_t count_marks(const unsigned char *data, size_t len)
{
    uint64_t n = 0;
    const unsigned char *end = data + len, *p = data;
    while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark)))) {
        n++;
        p += sizeof(mark);
    }
    return n;
}

int zip_check(struct packed *s, uint64_t max, struct err *err)
{
    unsigned char seam[2 * sizeof(mark)]; /* the last bytes, the next ones */
    const size_t keep = sizeof(mark) - 1;
    const void *data;
    uint64_t entries = 0;
    size_t old = 0;
    ssize_t n;
    while ((n = packed_read(s, &data)) > 0) {
        size_t len = (size_t)n, next = len < keep ? len : keep;
        memcpy(seam + old, data, next);
        entries += count_marks(seam, old + next) + count_marks(data, len);
        if (entries > max)
            return err_set(err, EPROTO,
                           "it holds more than %" PRIu64 " entries", max);
        if (len >= keep) {
            memcpy(seam, (const unsigned char *)data + len - keep, keep);
            old = keep;
        } else { /* a short piece: what fits of both */
            size_t drop = old + len > keep ? old + len - keep : 0;
            memmove(seam, seam + drop, old + len - drop);
            old += len - drop;
        }
    }
    if (n < 0 || packed_seek(s, 0, SEEK_SET) < 0) {
        *err = *packed_err(s);
        return -1;
    }
    return 0;
}
