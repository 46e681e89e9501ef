/* What is known of a file that somebody asks for, and lists of such as bytes:
 * of each "TYPE SIZE MODE MODIFIED_NS NAME" with a NUL behind it, TYPE one of
 * f d l o, MODE octal, NAME any bytes, relative to what was asked about. */
#ifndef MPIBATCH_MODEL_FILEINFO_H
#define MPIBATCH_MODEL_FILEINFO_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum file_type { FILE_REGULAR, FILE_FOLDER, FILE_LINK, FILE_OTHER };

struct file_info {
    enum file_type type;
    uint32_t mode; /* permission bits */
    uint64_t bytes;
    int64_t modified_ns; /* since 1970 UTC; not below 0 */
    const char *name;    /* borrowed */
};

/* Where a task is, for who asks for its files. */
enum ask_state {
    ASK_STATE_NONE, /* not known, or it is about no task */
    ASK_STATE_ACTIVE,
    ASK_STATE_PREPARING,
    ASK_STATE_RUNNING,
    ASK_STATE_COMPLETED,
    ASK_STATE_COUNT
};

/* Append it. 0, or -1 as buf_put. */
int file_info_put(struct buf *b, const struct file_info *f);

/* The next one of a list of len bytes; *at starts at 0. 1; 0 at the end; -1
 * with err EPROTO (malformed; a name that is absolute or has a ".."). */
int file_info_next(const char *data, size_t len, size_t *at,
                   struct file_info *f, struct err *err);

/* Sort what is in a list from byte start on, by name. -1: no memory, it is as
 * it was. */
int file_info_sort(struct buf *list, size_t start);

/* "file", "directory", "link", "other". */
const char *file_type_name(enum file_type type);

/* As `ls -l` writes it: "-rw-r--r--". Returns text. */
enum { FILE_MODE_BYTES = 11 };
char *file_mode_text(enum file_type type, uint32_t mode,
                     char text[FILE_MODE_BYTES]);

#endif
