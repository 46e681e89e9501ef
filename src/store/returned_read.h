/* What is in a file that a task returned, read in pieces.
 *
 * Who reads all of it, from its first byte on, is told if it is not what came
 * in: its checksum is compared as the last byte is read. Who reads a part of it
 * is not.
 */
#ifndef MPIBATCH_STORE_RETURNED_READ_H
#define MPIBATCH_STORE_RETURNED_READ_H

#include "store/returned.h"

struct returned_reader;

/* f is borrowed. NULL with err: as returned_open, ENOMEM. */
struct returned_reader *returned_reader_open(const struct rundir *r,
                                             const struct returned_of *of,
                                             const struct attempt_file *f,
                                             struct err *err);
void returned_reader_close(struct returned_reader *r);

/* Append bytes [from, from+len), clipped to what it has, to out. -1 with err,
 * and nothing appended: EBADMSG (it is damaged), or of reading. */
int returned_reader_read(struct returned_reader *r, uint64_t from, uint64_t len,
                         struct buf *out, struct err *err);

/* Write all of a file to out_fd. -1 with err, as above, or of writing. */
int returned_copy(const struct rundir *r, const struct returned_of *of,
                  const struct attempt_file *f, int out_fd, struct err *err);

#endif
