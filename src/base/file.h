/* Files and paths: whole reads, complete writes, atomic replacement. */
#ifndef MPIBATCH_BASE_FILE_H
#define MPIBATCH_BASE_FILE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Append all of the file at path to b, bounded by b's maximum. -1 with err:
 * the errno of open or read, EFBIG (over the maximum), EISDIR. */
int file_read(const char *path, struct buf *b, struct err *err);

/* Write len bytes to fd, however many calls that takes. -1 with errno; some
 * of it may be written then. */
int file_write_all(int fd, const void *data, size_t len);

/* Read len bytes at offset from fd. -1 with errno (EIO: the file is shorter).
 */
int file_read_at(int fd, void *data, size_t len, uint64_t offset);

/* Write len bytes at offset to fd, as file_write_all does. */
int file_write_at(int fd, const void *data, size_t len, uint64_t offset);

/* Replace the file at path by data, so that a reader sees the old or the new
 * one, never a part: written beside it (mode), synced if sync, renamed. -1
 * with err; the old file is as it was and nothing is left beside it. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode,
                 int sync, struct err *err);

/* Is it the same file and, as far as size and time tell, unchanged? */
bool file_is_same(const struct stat *a, const struct stat *b);

/* The folder that is open as fd, to read its names; closedir closes fd. NULL
 * with errno: fd is closed then; of -1, errno is left as it is. */
DIR *file_names(int fd);

/* Make the folder at path (mode) and those above it (0777 less umask). It is
 * fine if it exists. -1 with err. */
int file_make_dirs(const char *path, mode_t mode, struct err *err);

/* dir and name joined by one "/"; name alone if it is absolute or dir is "".
 * Heap, free with mem_free; NULL: no memory. */
char *path_join(const char *dir, const char *name);

/* The part of path behind its last "/". Borrowed. */
const char *path_base(const char *path);

#endif
