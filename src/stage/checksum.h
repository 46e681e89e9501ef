/* The checksum that a job spec gives for a file: "sha256:HEX" or "xxh128:HEX".
 */
#ifndef MPIBATCH_STAGE_CHECKSUM_H
#define MPIBATCH_STAGE_CHECKSUM_H

#include <stdatomic.h>

#include "base/checksum.h"
#include "base/err.h"
#include "model/object.h"

/* Is wanted well-formed? -1 with err EINVAL, which says what would be right. */
int checksum_check(const char *wanted, struct err *err);

/* Has the file what is wanted? known is its XXH3-128, so that only SHA-256
 * reads it: fd, open for reading. *stop (may be NULL): give up when it
 * becomes true. -1 with err: EBADMSG (it has another one), EINVAL, ECANCELED,
 * or the errno of read. */
int checksum_verify(int fd, const struct digest *known, const char *wanted,
                    const atomic_bool *stop, struct err *err);

#endif
