/* How records lie in a journal's file: what writing and reading share.
 *
 * File: magic (8 bytes), format version, session, CRC32C of the job spec,
 * CRC32C of these 20 bytes. Record: length of the payload, CRC32C of length and
 * payload, payload. Payload: type, time, then by type; an attempt's starts
 * with a summary that can be read without the rest. All little-endian.
 */
#ifndef MPIBATCH_STORE_JOURNAL_FRAME_H
#define MPIBATCH_STORE_JOURNAL_FRAME_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/crc32c.h"
#include "model/record.h"

#define JOURNAL_MAGIC "mpbjrnl\n"

enum {
    JOURNAL_VERSION = 8,
    JOURNAL_HEADER_BYTES = 24,
    JOURNAL_FRAME_BYTES = 8,
    JOURNAL_PAYLOAD_MIN = 9,
    JOURNAL_PAYLOAD_MAX = RECORD_MAX_BYTES + 1024
};

/* The last byte of an attempt's summary: result, whether a metric is not ok,
 * disposition; the reason lies in the byte before it. */
enum {
    SUMMARY_RESULT = 3,
    SUMMARY_RETRIES = 1 << 2,
    SUMMARY_INVALID = 1 << 3,
    SUMMARY_ALL = SUMMARY_RESULT | SUMMARY_RETRIES | SUMMARY_INVALID
};

struct journal_record;

/* The header of a session's file, for a spec's text. */
void journal_header_make(unsigned char h[JOURNAL_HEADER_BYTES],
                         uint32_t session, const char *spec_text,
                         size_t spec_len);
/* Append a record with its frame. 0, or -1 with errno. */
int journal_frame_put(struct buf *b, const struct journal_record *record,
                      const struct jobspec *spec);

static inline void frame_put_u32(unsigned char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof(v));
}

static inline uint32_t frame_get_u32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

/* The checksum of a record: frame is its length, payload len bytes. */
static inline uint32_t frame_crc(const unsigned char *frame,
                                 const unsigned char *payload, uint32_t len)
{
    return crc32c(crc32c(0, frame, 4), payload, len);
}

#endif
