/* What lies at a place of a journal's file. See journal_parts.h.
 *
 * Files are read in pieces into a window rather than mapped: a disk that
 * fails then is an error, not a SIGBUS. The window holds whole what may be
 * one record, unless the file ends before it.
 */
#include "config.h"
#include "store/journal_parts.h"

#include <errno.h>

#include "base/file.h"
#include "store/journal_frame.h"

enum {
    RECORD_BYTES_MAX = JOURNAL_FRAME_BYTES + JOURNAL_PAYLOAD_MAX,
    HOLE_BYTES = 512 /* the least that is written to a disk at once */
};

int journal_look(struct journal_reader *jr, uint64_t offset, size_t need,
                 const unsigned char **p, size_t *len, struct err *err)
{
    const struct journal_file *f = &jr->files[jr->at];
    uint64_t left = offset < f->size ? f->size - offset : 0;
    uint64_t have = 0;
    if (offset >= jr->window_at && offset < jr->window_at + jr->window_len)
        have = jr->window_at + jr->window_len - offset;
    if (have < need && have < left) {
        size_t n =
            left < JOURNAL_WINDOW_BYTES ? (size_t)left : JOURNAL_WINDOW_BYTES;
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

int journal_frame_at(struct journal_reader *jr, uint64_t offset,
                     const unsigned char **payload, uint32_t *len,
                     struct err *err)
{
    const unsigned char *p;
    size_t have;
    *len = 0;
    if (journal_look(jr, offset, RECORD_BYTES_MAX, &p, &have, err) < 0)
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

int journal_hole_at(struct journal_reader *jr, uint64_t offset, struct err *err)
{
    const unsigned char *p;
    size_t have;
    if (journal_look(jr, offset, RECORD_BYTES_MAX, &p, &have, err) < 0)
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

int journal_valid_behind(struct journal_reader *jr, uint64_t offset,
                         struct err *err)
{
    const unsigned char *payload;
    uint32_t len;
    for (offset++; offset < jr->files[jr->at].size; offset++) {
        if (journal_frame_at(jr, offset, &payload, &len, err) < 0)
            return -1;
        if (len > 0)
            return 1;
    }
    return 0;
}
