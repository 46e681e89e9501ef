/* Real tasks for the tests of proc/: start a shell line, read what it prints,
 * wait for its end. Every wait has a limit. */
#ifndef MPIBATCH_TESTS_PROC_TASK_H
#define MPIBATCH_TESTS_PROC_TASK_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "proc/procfs.h"
#include "proc/spawn.h"

enum { WAIT_MS = 10000, TEXT_SIZE = 4096 };

struct task {
    pid_t pid;
    int pidfd, out, err;  /* our ends of the pipes */
    char text[TEXT_SIZE]; /* what it has printed on stdout */
    size_t len;
};

static inline void nap_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* Start it with pipes. 0, or -1 with err and step. */
static inline int task_start(struct spawner *s, struct task *t,
                             struct spawn what, enum spawn_step *step,
                             struct err *err)
{
    int out[2], errs[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(errs, O_CLOEXEC), 0);
    *t = (struct task){.out = out[0], .err = errs[0], .pidfd = -1};
    what.out_fd = out[1];
    what.err_fd = errs[1];
    int rc = spawner_start(s, &what, &t->pid, &t->pidfd, step, err);
    close(out[1]);
    close(errs[1]);
    if (rc < 0) {
        close(out[0]);
        close(errs[0]);
    }
    return rc;
}

static inline void task_shell(struct spawner *s, struct task *t,
                              const char *line, char *const *envp)
{
    char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
                    (char *)(uintptr_t)line, NULL};
    enum spawn_step step;
    struct err err = {0};
    struct spawn what = {.argv = argv, .envp = envp};
    if (task_start(s, t, what, &step, &err) < 0)
        fail_msg("%s", err.text);
}

/* Read its stdout until it holds so many lines. */
static inline void task_read_lines(struct task *t, int lines)
{
    for (;;) {
        int have = 0;
        for (const char *p = t->text; (p = strchr(p, '\n')); p++)
            have++;
        if (have >= lines)
            return;
        struct pollfd p = {.fd = t->out, .events = POLLIN};
        if (poll(&p, 1, WAIT_MS) != 1)
            fail_msg("no line within %d ms", WAIT_MS);
        ssize_t n = read(t->out, t->text + t->len, TEXT_SIZE - 1 - t->len);
        if (n <= 0)
            fail_msg("end of output after %d lines", have);
        t->len += (size_t)n;
        t->text[t->len] = '\0';
    }
}

/* Wait until it has ended; it is not reaped. */
static inline void task_wait(struct task *t)
{
    struct pollfd p = {.fd = t->pidfd, .events = POLLIN};
    if (poll(&p, 1, WAIT_MS) != 1)
        fail_msg("task %d does not end", (int)t->pid);
}

/* Reap it, take the rest of its output, close its descriptors. Its status. */
static inline int task_finish(struct task *t, struct rusage *usage)
{
    int status;
    task_wait(t);
    assert_int_equal(spawn_reap(t->pid, &status, usage), 0);
    fcntl(t->out, F_SETFL, O_NONBLOCK);
    for (ssize_t n;
         (n = read(t->out, t->text + t->len, TEXT_SIZE - 1 - t->len)) > 0;)
        t->len += (size_t)n;
    t->text[t->len] = '\0';
    close(t->out);
    close(t->err);
    close(t->pidfd);
    return status;
}

/* Is the process alive (a zombie is not)? */
static inline bool is_alive(pid_t pid)
{
    struct procfs_stat st;
    return procfs_stat(pid, &st) && st.state != 'Z' && st.state != 'X';
}

static inline bool is_gone_soon(pid_t pid)
{
    for (int i = 0; i < WAIT_MS / 5 && is_alive(pid); i++)
        nap_ms(5);
    return !is_alive(pid);
}

/* The numbers that a task has printed. */
static inline size_t task_pids(const struct task *t, pid_t *pids, size_t max)
{
    size_t count = 0;
    const char *p = t->text;
    for (char *end; count < max; p = end) {
        long pid = strtol(p, &end, 10);
        if (end == p)
            break;
        assert_true(pid > 1);
        pids[count++] = (pid_t)pid;
    }
    return count;
}

#endif
