/* The files of a task or a node, wherever they are by now, in one way:
 *
 *   of the session   the worker that has the task, or one of the node, shows
 *                    them, asked through the inbox
 *   of the run       what the run directory has of an attempt that has ended:
 *                    its stdout.txt and stderr.txt, what it returned
 *   of a folder      a directory that was kept on this machine
 *
 * Paths are relative, as on Azure Batch: of a task stdout.txt, stderr.txt and
 * wd/...; of a node shared/..., workitems/....
 */
#ifndef MPIBATCH_CLI_HOLDER_H
#define MPIBATCH_CLI_HOLDER_H

#include <limits.h>

#include "cli/rundir_arg.h"
#include "model/fileinfo.h"
#include "store/ask.h"
#include "store/returned_read.h"
#include "view/query.h"

enum {
    HOLDER_LIST_BYTES = 16 << 20, /* a list is no longer */
    HOLDER_PIECE_BYTES = ASK_MAX_BYTES,
    HOLDER_NOTE_BYTES = 2 * PATH_MAX
};

/* What the outputs of a task are called: stdout, stderr. */
extern const char *const holder_output_names[2];

/* Codes in err that say how to go on. */
enum {
    HOLDER_ENDED = 200000, /* the session says: the task has ended */
    HOLDER_WAITS,          /* it has not started, or is to be tried again */
    HOLDER_LOST            /* who has it does not answer any more */
};

struct holder {
    const struct holder_kind *kind;
    const struct run_arg *run;
    /* of the session */
    struct ask ask;       /* of which task, or node */
    const char *below;    /* a folder of that, with "/" behind it, or "" */
    struct answer answer; /* the last one */
    /* of the run */
    const struct query_task *task;
    struct holder *more;              /* what it has besides; or NULL */
    struct returned_reader *reader;   /* of the last file read; or NULL */
    const struct attempt_file *reads; /* that file */
    /* of a folder */
    int folder;                   /* open; -1: none */
    char note[HOLDER_NOTE_BYTES]; /* ""; where else there is something */
};

void holder_of_task(struct holder *s, const struct run_arg *run, uint32_t job,
                    uint32_t index);
/* below: borrowed. */
void holder_of_node(struct holder *s, const struct run_arg *run,
                    const char *node, const char *below);
/* task, with its last attempt, is borrowed; more, too. */
void holder_of_run(struct holder *s, const struct run_arg *run,
                   const struct query_task *task, struct holder *more);
/* -1 with err: the folder cannot be opened, or is another user's. */
int holder_of_folder(struct holder *s, const char *path, struct err *err);
void holder_close(struct holder *s);

/* Append a list as in fileinfo.h, sorted by name; *more: there are more. path:
 * "" for all. -1 with err. */
int holder_list(struct holder *s, const char *path, bool recursive,
                struct buf *out, bool *more, struct err *err);
/* What is at path; the name is left alone. -1 with err: ENOENT. */
int holder_look(struct holder *s, const char *path, struct file_info *f,
                struct err *err);
/* Append up to bytes bytes from offset on (none: there are no more by now),
 * and what the file is by now. wait_ms: so long a file of the session may be
 * waited for. -1 with err. */
int holder_read(struct holder *s, const char *path, uint64_t offset,
                uint32_t bytes, uint32_t wait_ms, struct buf *out,
                struct file_info *f, struct err *err);

struct holder_kind {
    int (*list)(struct holder *s, const char *path, bool recursive,
                struct buf *out, bool *more, struct err *err);
    int (*look)(struct holder *s, const char *path, struct file_info *f,
                struct err *err);
    int (*read)(struct holder *s, const char *path, uint64_t offset,
                uint32_t bytes, uint32_t wait_ms, struct buf *out,
                struct file_info *f, struct err *err);
};

#endif
