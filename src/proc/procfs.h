/* What /proc says of other processes. A process that is gone, or that is not
 * ours to look at, is simply not described. */
#ifndef MPIBATCH_PROC_PROCFS_H
#define MPIBATCH_PROC_PROCFS_H

#include <stdbool.h>
#include <sys/types.h>

struct procfs_stat {
    char state; /* 'R', 'S', ...; 'Z' and 'X': gone */
    pid_t parent, group, session;
};

/* False: there is no such process. */
bool procfs_stat(pid_t pid, struct procfs_stat *st);

/* What the environment says. BLANK: nothing can be read: it is empty, or the
 * process is gone, not ours, or just about to run another program. */
enum procfs_env { PROCFS_ENV_FOUND, PROCFS_ENV_OTHER, PROCFS_ENV_BLANK };

/* Show want() each "NAME=VALUE" of the environment that the process was
 * started with, until it says true. Entries of 4 KiB and more are left out. */
enum procfs_env procfs_find_env(pid_t pid,
                                bool (*want)(const char *entry, void *arg),
                                void *arg);

#endif
