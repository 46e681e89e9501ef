/* A folder by the names in it: is it a run directory, or can it become one?
 * Internal to store/. */
#ifndef MPIBATCH_STORE_FOLDER_H
#define MPIBATCH_STORE_FOLDER_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

enum folder_content {
    FOLDER_EMPTY,
    FOLDER_PARTIAL, /* of a run directory that was not completed */
    FOLDER_RUN,
    FOLDER_FOREIGN /* something that is not ours */
};

struct folder_look {
    bool any, marker, foreign;
    char name[NAME_MAX + 1]; /* a foreign one */
};

/* The names of a folder (path below dir_fd), one at a time to visit; it stops
 * when that is not 0, and returns it. -1 with errno. */
int folder_each_name(int dir_fd, const char *path,
                     int (*visit)(void *arg, const char *name), void *arg);

/* Is it the temporary file of one that is replaced? */
bool folder_is_temporary(const char *name);

/* What the folder is; *l: with one foreign name. -1 with err. */
int folder_classify(int dir_fd, const char *path, enum folder_content *out,
                    struct folder_look *l, struct err *err);

/* Say what is foreign in it: err EEXIST; returns -1. */
int folder_refuse_foreign(const char *path, const struct folder_look *l,
                          struct err *err);

#endif
