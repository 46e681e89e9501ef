/* SHA-256 of texts and files, as 64 hexadecimal digits. */
#ifndef MPIBATCH_BASE_DIGEST_H
#define MPIBATCH_BASE_DIGEST_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { DIGEST_TEXT_BYTES = 65 };

void digest_bytes(const void *data, size_t len, char text[DIGEST_TEXT_BYTES]);

/* Of an open file, from its start to its end. *cancel (may be NULL): give up
 * when it becomes true. -1 with err: ECANCELED, EFBIG (over max_bytes), or
 * the errno of read. */
int digest_file(int fd, uint64_t max_bytes, const atomic_bool *cancel,
                char text[DIGEST_TEXT_BYTES], struct err *err);

#endif
