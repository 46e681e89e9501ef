/* The writer: a thread that appends to files in the order it was told to.
 *
 * Disks stall, fill up and fail; the manager's loop must not. It hands bytes
 * to the writer and asks later what has been written. One queue for all files
 * keeps the order between them: a record of the journal is written after the
 * output that it speaks of. A write that fails (disk full, I/O error) is
 * repeated, each second, from where it stopped; meanwhile writer_stalled says
 * so. Each second, and when asked, written files are synced.
 */
#ifndef MPIBATCH_STORE_WRITER_H
#define MPIBATCH_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct writer;

/* Start the thread. NULL with err. */
struct writer *writer_create(struct err *err);

/* Write all that is queued (waits at most timeout_ns for a stalled disk), sync
 * it, end the thread, close the files. -1 with err if something could not be
 * written: EIO, or ETIMEDOUT if a call into the file system does not return;
 * the thread is then left behind in it. */
int writer_destroy(struct writer *w, int64_t timeout_ns, struct err *err);

/* A file to append to (fd: taken, closed by writer_destroy; O_APPEND not
 * needed; offset: where to go on). Returns its number, or -1: there are 8
 * already, and fd stays the caller's. */
int writer_add_file(struct writer *w, int fd, const char *name,
                    uint64_t offset);

/* Queue bytes (copied) for a file. *ticket (may be NULL): grows with each
 * call. -1 with err ENOMEM: no memory, or 1 GiB is queued already. */
int writer_append(struct writer *w, int file, const void *data, size_t len,
                  uint64_t *ticket, struct err *err);

/* Start writing what was queued since the last call. Cheap if nothing was. */
void writer_flush(struct writer *w);

/* Sync soon, also before its second is over. */
void writer_sync(struct writer *w);

/* The last ticket whose bytes were given to the system; and that are on disk.
 */
uint64_t writer_written(const struct writer *w);
uint64_t writer_synced(const struct writer *w);

/* Bytes queued and not written. */
size_t writer_backlog_bytes(const struct writer *w);

/* Is a write failing at present? Why: for people. */
bool writer_stalled(const struct writer *w, char why[256]);

#endif
