/* gzip, with its checksums verified, which libarchive leaves out. Private to
 * package*.c. */
#ifndef MPIBATCH_STAGE_PACKAGE_GZIP_H
#define MPIBATCH_STAGE_PACKAGE_GZIP_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct gunzip;

/* NULL: no memory. */
struct gunzip *gunzip_create(void);
void gunzip_destroy(struct gunzip *g); /* NULL is fine */

/* Decompress from *in (*in_len bytes; both go forward) to out (room bytes).
 * Returns how many bytes came out: 0 if more input is needed. -1 with err:
 * EPROTO (broken), ENOMEM. Members that follow one another are one file; zeros
 * behind the last one do not matter. */
ssize_t gunzip_step(struct gunzip *g, const unsigned char **in, size_t *in_len,
                    void *out, size_t room, struct err *err);

/* The input has ended. -1 with err (EPROTO): not where it should. */
int gunzip_end(const struct gunzip *g, struct err *err);

#endif
