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

/* Once a process, before it changes limits, signals or their mask: remembers
 * the limits, the mask and the ignored signals that tasks get (those we were
 * started with; SIGPIPE is never ignored for them), makes the process a child
 * subreaper, opens /dev/null. NULL with err.
 *
 * Tasks are started by one thread, and die if it ends. Signal handlers are
 * installed, and children that are not tasks are started, before the first
 * task: from then on such children are known not to be a task's. */
struct spawner *spawner_create(struct err *err);
void spawner_destroy(struct spawner *s);

struct spawn {
    char *const *argv; /* argv[0] with a "/": that file; else by PATH of
                          envp; a script without #! is run by /bin/sh */
    char *const *envp;
    const char *cwd;       /* NULL: ours */
    const cpu_set_t *cpus; /* NULL: ours */
    size_t cpus_bytes;
    int out_fd, err_fd; /* become fds 1 and 2 */
    int cgroup_fd;      /* it enters the control group whose list this is (see
                           cgroup.h); 0: it stays in ours */
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

/* "NAME=VALUE", the longest marker. */
enum { SPAWN_MAX_MARKER = 127 };

/* End what a finished task has left behind: its process group, and processes
 * that escaped it and came back to us, the subreaper (known by the task's
 * marker, "NAME=VALUE" of its environment, its group or its session). They get
 * SIGKILL and a few ms to end; a later call goes on with what takes longer.
 *
 * group: the task, whose pidfd is readable and which is not reaped yet: sweep
 * first, then spawn_reap, or the group's number could be somebody else's. 0:
 * no task in particular, only the rest of earlier sweeps; to be called now and
 * then while tasks run. marker: of that attempt (none has
 * the same again), or NULL. Zombies that came back
 * to us are reaped in any case. keep: pids of our own running tasks and of the
 * keeper, never touched.
 * Returns how many processes it reaped that SIGKILL had ended. */
unsigned spawn_sweep(struct spawner *s, pid_t group, const char *marker,
                     const pid_t *keep, size_t keep_count);

/* No task runs: end every process that has come back to us, whatever its
 * environment says. keep: the keeper. Waits up to two seconds. Returns as
 * spawn_sweep. */
unsigned spawn_sweep_all(struct spawner *s, const pid_t *keep,
                         size_t keep_count);

#endif
