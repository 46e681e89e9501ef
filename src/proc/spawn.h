/* Starting and ending one task's processes.
 *
 * A task is started by clone(CLONE_VM|CLONE_VFORK) with a pidfd: the cost
 * does not grow with the worker. It gets its own session and process group, a
 * death signal, its CPUs, default signals, /dev/null as stdin and nothing open
 * but fds 0 to 2.
 */
#ifndef MPIBATCH_PROC_SPAWN_H
#define MPIBATCH_PROC_SPAWN_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"

struct spawner;

/* Once a process, before it raises limits or blocks signals: remembers the
 * limits and signal mask that tasks get (those we were started with), makes
 * the process a child subreaper, opens /dev/null. NULL with err. */
struct spawner *spawner_create(struct err *err);
void spawner_destroy(struct spawner *s);

struct spawn {
    char *const *argv;     /* argv[0] with a "/": that file; else by PATH of
                              envp */
    char *const *envp;
    const char *cwd;       /* NULL: ours */
    const cpu_set_t *cpus; /* NULL: ours */
    size_t cpus_bytes;
    int out_fd, err_fd;    /* become fds 1 and 2 */
};

/* What could not be done in the child. */
enum spawn_step { SPAWN_SETUP, SPAWN_CWD, SPAWN_EXEC };

/* Start it. 0 and *pid, *pidfd (close it); or -1 with err (ENOENT: no such
 * program; EACCES, ENOEXEC, E2BIG, ...) and *step; nothing is left behind. */
int spawner_start(struct spawner *s, const struct spawn *what, pid_t *pid,
                  int *pidfd, enum spawn_step *step, struct err *err);

/* Reap a child whose pidfd is readable: status as of wait(2), usage with its
 * own reaped children. -1 with errno (ECHILD, or EAGAIN: it still runs). */
int spawn_reap(pid_t pid, int *status, struct rusage *usage);

/* Signal the process group of a task. What is gone already is fine. */
void spawn_signal_group(pid_t pid, int signal);

/* End what a finished task has left behind: its process group, and processes
 * that escaped it and came back to us, the subreaper (known by the task's
 * marker, "NAME=VALUE" of its environment, or by its session). SIGKILL, reaped
 * as far as they end at once; the others by a later call with marker NULL,
 * which only reaps. keep: pids of our own running tasks, never touched.
 * Returns how many processes were ended. */
unsigned spawn_sweep(struct spawner *s, pid_t group, const char *marker,
                     const pid_t *keep, size_t keep_count);

#endif
