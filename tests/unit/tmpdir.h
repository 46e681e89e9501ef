/* A folder of a test's own. */
#ifndef MPIBATCH_TESTS_UNIT_TMPDIR_H
#define MPIBATCH_TESTS_UNIT_TMPDIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make one, whose name begins so; in memory where that is possible, since
 * thousands of small files are written and synced. Its path, or NULL. */
static inline char *tmpdir_make(const char *name)
{
    const char *tmp = getenv("TMPDIR");
    char *path;
    if (access("/dev/shm", W_OK) == 0)
        tmp = "/dev/shm";
    if (asprintf(&path, "%s/%s-XXXXXX", tmp ? tmp : "/tmp", name) < 0)
        return NULL;
    return mkdtemp(path);
}

static inline int tmpdir_remove_one(const char *path, const struct stat *st,
                                    int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* Remove it with all in it, but for what is mounted there; free its path. */
static inline void tmpdir_remove(char *path)
{
    nftw(path, tmpdir_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(path);
}

#endif
