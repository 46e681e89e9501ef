/* Output files of one attempt, from its directory to containers.
 *
 * All sets of files go together, in two steps: everything is copied under
 * temporary names in the folders where it will be, and synced; then
 * everything is renamed. So a reader never sees half a file. A manifest in the
 * run directory names what an attempt has put where, before it does: the next
 * attempt of the task removes what is left of it, so that files of two
 * attempts are never mixed. A file there that is not the one of the attempt
 * before, but somebody else's, stays.
 *
 * Sources: files of the task's directory, also through links that end in it.
 * Links that lead out are counted and not followed.
 */
#ifndef MPIBATCH_STAGE_UPLOAD_H
#define MPIBATCH_STAGE_UPLOAD_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "model/failure.h"

enum {
    UPLOAD_MAX_NAMES_BYTES = 16 << 20, /* names of an upload, together */
    UPLOAD_RETRIES = 5,                /* of one file, for passing errors */
    UPLOAD_PAUSE_MS = 250,             /* before the first; doubles */
    UPLOAD_LINK_SHOWN_MAX = 128,
};

/* One of output_files, its templates filled in. */
struct upload_set {
    const char *pattern;   /* relative to wd; may begin with "../" */
    const char *container; /* absolute path of the container's folder, which
                              exists; folders below it are made */
    const char *shown;     /* the container's name for messages */
    const char *path;      /* below the container. A pattern without * ? [
                              and a path without a final "/": the file's name;
                              else the folder, and the names follow as they are
                              below wd, or below the task's directory. NULL or
                              "": the container itself */
};

struct upload {
    const char *task_dir;  /* absolute; wd is a folder in it */
    const char *manifests; /* a folder on shared storage, made if it is not
                              there: the run directory's uploads/ */
    const char *key;       /* of the task, a file name: "JOB.INDEX" */
    const struct upload_set *sets; /* none: only what an attempt before left
                                      is removed */
    uint32_t set_count;
    const atomic_bool *stop; /* or NULL: give up with ECANCELED once set */
    uint32_t pause_ms;       /* 0: UPLOAD_PAUSE_MS */
};

struct upload_counts {
    uint64_t files, bytes; /* that are there now */
    uint64_t reflinks;     /* files of them that took no copying */
    uint64_t retries;      /* of passing errors */
    uint64_t removed;      /* files of the attempt before */
    uint64_t links_left;   /* links that lead out, not followed ... */
    char link_left[UPLOAD_LINK_SHOWN_MAX]; /* ... the first of them */
};

/* Upload. counts and failure may be NULL. -1 with err and *failure (a
 * FAILURE_FILE_UPLOAD_...): nothing was renamed if it failed before the second
 * step, and a second call as this one puts things right if it failed in it.
 * A container's file system that is full fails at once. The manifest stays
 * until upload_forget. Blocks: for a thread. */
int upload_run(const struct upload *u, struct upload_counts *counts,
               enum failure *failure, struct err *err);

/* The attempt is the task's last, and its end is in the journal: its files
 * are what they are. It is fine if there is no manifest. */
void upload_forget(const char *manifests, const char *key);

#endif
