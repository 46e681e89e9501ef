/* The inside of a spawner, shared by spawn.c (starting) and sweep.c (ending
 * what is left behind). */
#ifndef MPIBATCH_PROC_SPAWNER_H
#define MPIBATCH_PROC_SPAWNER_H

#include <limits.h>
#include <signal.h>

#include "base/buf.h"
#include "proc/spawn.h"

enum {
    SPAWNER_STACK_BYTES = 64 << 10, /* of the child until its exec */
    SPAWNER_MAX_CHILDREN_BYTES = 1 << 20,
    SPAWNER_MAX_OWN = 32, /* children that are not tasks */
    SPAWNER_MAX_BLANK = 16,
    SPAWNER_MAX_MARKERS = 16 /* of finished tasks, still looked for */
};

struct spawner {
    /* what tasks get */
    sigset_t mask, ignored;
    struct rlimit nofile;
    int null_fd;

    /* known from the first start on */
    bool is_settled;
    sigset_t reset; /* signals that tasks must find at their default */
    pid_t own[SPAWNER_MAX_OWN];
    size_t own_count;

    /* scratch of a start */
    char *stack; /* with a guard page below */
    size_t guard_bytes;
    const char **shell_argv; /* room for a script's argv */
    size_t shell_cap;
    char path[PATH_MAX];

    /* sweeping */
    int children_fd; /* /proc/PID/task/PID/children */
    struct buf children;
    char markers[SPAWNER_MAX_MARKERS][SPAWN_MAX_MARKER + 1]; /* a ring */
    unsigned marker_at;
    pid_t blank[SPAWNER_MAX_BLANK]; /* a ring: known to have no environment */
    unsigned blank_at;
};

/* Note the children that there are now: none of them is a task's. */
void spawner_note_own(struct spawner *s);

/* Read the kernel's list of our children into s->children: pids, each with a
 * blank behind it. -1 with errno. */
int spawner_read_children(struct spawner *s);

#endif
