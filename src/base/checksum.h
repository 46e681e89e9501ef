/* XXH3-128: a fast checksum of content, not safe against who makes up files.
 *
 * Its 16 bytes are in the canonical order, so that their hexadecimal digits are
 * what xxh128sum prints.
 */
#ifndef MPIBATCH_BASE_CHECKSUM_H
#define MPIBATCH_BASE_CHECKSUM_H

#include <stddef.h>

#include "base/err.h"

enum { CHECKSUM_BYTES = 16, CHECKSUM_TEXT_BYTES = 2 * CHECKSUM_BYTES + 1 };

/* A checksum that is fed piece by piece. */
struct checksum;

/* The checksum of nothing. Free with checksum_destroy; NULL: no memory, with
 * err. */
struct checksum *checksum_create(struct err *err);
void checksum_destroy(struct checksum *c);
/* Forget what was fed. */
void checksum_reset(struct checksum *c);
void checksum_update(struct checksum *c, const void *data, size_t len);
/* The checksum of all that was fed; more may be fed afterwards. */
void checksum_get(const struct checksum *c,
                  unsigned char bytes[CHECKSUM_BYTES]);

/* The checksum of a text. */
void checksum_of(const void *data, size_t len,
                 unsigned char bytes[CHECKSUM_BYTES]);

/* As hexadecimal digits with a NUL, and back: -1 if text is not exactly that
 * (either case). */
void checksum_format(const unsigned char bytes[CHECKSUM_BYTES],
                     char text[CHECKSUM_TEXT_BYTES]);
int checksum_parse(const char *text, unsigned char bytes[CHECKSUM_BYTES]);

#endif
