/* Capturing one output stream of a task: a pipe, drained into memory; an
 * output over the limit goes, whole, to a file of its own.
 *
 * Nothing is ever cut off. While the file cannot be written (disk full) the
 * capture is stalled: it keeps what it has read, reads no more, and the task
 * waits for its pipe.
 */
#ifndef MPIBATCH_WORKER_CAPTURE_H
#define MPIBATCH_WORKER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Where the file of a large output is made: called once, when it is needed. */
struct capture_file {
    /* The path (mem_alloc), its folders made; NULL with err. */
    char *(*path)(void *arg, int stream, struct err *err);
    void *arg;
};

struct capture {
    int fd;             /* our end of the pipe; -1: closed */
    int stream;         /* 0 stdout, 1 stderr */
    size_t limit_bytes; /* more than this goes to a file */
    struct buf memory;  /* the output, or what the file has not yet got */
    int file_fd;        /* -1: none */
    char *file_path;    /* NULL: none */
    uint64_t bytes;     /* all that was read */
    bool stalled;
    struct capture_file where;
};

enum capture_state {
    CAPTURE_OPEN,   /* nothing more now */
    CAPTURE_MORE,   /* there may be more at once: others first */
    CAPTURE_CLOSED, /* the end of the pipe */
    CAPTURE_STALLED /* the file cannot be written; err says why */
};

/* Make the pipe: *child_fd is the task's end (blocking, close-on-exec), to be
 * closed once the task has it. -1 with err. */
int capture_init(struct capture *c, int stream, size_t limit_bytes,
                 const struct capture_file *where, int *child_fd,
                 struct err *err);
/* Close what is open, free; a file that was written stays. */
void capture_fini(struct capture *c);

/* Read what is there, in bounded time. */
enum capture_state capture_read(struct capture *c, struct err *err);

/* Read and write until nothing is left: the task has ended. True if so; false
 * if stalled (err): call again later. Closes the pipe and the file. */
bool capture_finish(struct capture *c, struct err *err);

/* What there is from offset on, as it is now: bytes in memory (borrowed), or in
 * the file (fd is the capture's), from at on; none if that is all. What is in
 * memory follows what is in the file. */
struct capture_part {
    const char *memory; /* NULL: in fd */
    int fd;
    uint64_t at, bytes;
};
void capture_look(const struct capture *c, uint64_t offset,
                  struct capture_part *part);

/* The output: in memory, or (mapped) the file. *data is borrowed until
 * capture_view_end. -1 with err. */
int capture_view(struct capture *c, const char **data, size_t *len,
                 struct err *err);
void capture_view_end(struct capture *c, const char *data, size_t len);

/* Move it to another place, with what it has; from is as after capture_fini. */
void capture_move(struct capture *to, struct capture *from);

/* Give the output up: forget what was read, remove the file. As after
 * capture_fini, there is nothing in it. */
void capture_discard(struct capture *c);

#endif
