/* Outputs of tasks: packed behind each other, one pack a session and stream.
 *
 * The number of files does not grow with the number of tasks. Packs are plain
 * concatenations: a record's session, offset and length find a task's part.
 */
#ifndef MPIBATCH_STORE_OUTPUT_H
#define MPIBATCH_STORE_OUTPUT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/attempt.h"
#include "store/rundir.h"
#include "store/writer.h"

struct output_pack;

/* This session's packs, written through writer. NULL with err. */
struct output_pack *output_pack_create(struct rundir *r, struct writer *writer,
                                       struct err *err);
void output_pack_destroy(struct output_pack *p);

/* Append a stream's (0 stdout, 1 stderr) bytes and fill *where: packed at
 * session, offset, bytes; or empty. */
int output_pack_put(struct output_pack *p, int stream, const void *data,
                    size_t len, struct output *where, struct err *err);

/* Read bytes [from, from+len) of an attempt's output, clipped to what it has,
 * appended to out. task_id and job_id find a large output's file. */
int output_read(const struct rundir *r, const struct attempt *a,
                const char *job_id, const char *task_id, int stream,
                uint64_t from, uint64_t len, struct buf *out, struct err *err);

#endif
