/* Commands for an instance: see remote.h. */
#include "config.h"
#include "worker/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "worker/run_parts.h"

struct remote {
    struct remote *next;
    struct run *run;
    uint64_t number;
    pid_t pid;
    struct loop_fd watch;
    int fd; /* what it prints */
};

static void remote_free(struct remote *r)
{
    struct run_context *c = r->run->context;
    struct remote **at = &c->remotes;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    c->remote_count--;
    loop_remove_fd(c->config->loop, &r->watch);
    close(r->watch.fd);
    close(r->fd);
    mem_free(r);
}

/* Tell its exit code as a shell has it, and the end of what it has printed. */
static void remote_report(struct remote *r, uint32_t code)
{
    struct run_context *c = r->run->context;
    char text[MSG_MAX_TAIL];
    struct stat st;
    off_t at = 0;
    if (fstat(r->fd, &st) == 0 && st.st_size > (off_t)sizeof(text))
        at = st.st_size - (off_t)sizeof(text);
    ssize_t n = pread(r->fd, text, sizeof(text), at);
    c->remote(c->arg, r->number, code, text, n > 0 ? (size_t)n : 0);
}

static void on_end(struct loop_fd *watch, uint32_t events)
{
    struct remote *r =
        (struct remote *)((char *)watch - offsetof(struct remote, watch));
    struct rusage usage;
    int status;
    (void)events;
    if (spawn_reap(r->pid, &status, &usage) < 0) {
        if (errno == EAGAIN)
            return;
        status = 255 << 8; /* nobody can know */
    }
    remote_report(r, WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status)
                                       : 128u + (uint32_t)WTERMSIG(status));
    remote_free(r);
}

/* The file that it prints to; nobody else has one of that name. */
static int output_open(const struct run *run, uint64_t number, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/remote-%" PRIu64 ".txt",
             run->made.dir.path, number);
    int fd = open(
        path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
        0600);
    return fd < 0 ? err_sys(err, errno, "cannot write %s", path) : fd;
}

int remote_start(struct run *run, uint64_t number, const char *line,
                 struct err *err)
{
    struct run_context *c = run->context;
    int pidfd = -1;
    if (c->remote_count >= REMOTES_MAX)
        return err_set(err, EAGAIN, "%d commands run there already",
                       REMOTES_MAX);
    struct remote *r = mem_calloc(1, sizeof(*r));
    if (!r)
        return err_set(err, ENOMEM, "no memory for a command");
    *r = (struct remote){.run = run, .number = number};
    r->fd = output_open(run, number, err);
    if (r->fd < 0 || run_spawn_line(run, line, r->fd, &r->pid, &pidfd, err) < 0)
        goto fail;
    r->watch = (struct loop_fd){.ready = on_end, .fd = pidfd};
    if (loop_add_fd(c->config->loop, &r->watch, EPOLLIN, err) < 0) {
        spawn_signal_group(r->pid, SIGKILL); /* reaped by a sweep */
        close(pidfd);
        goto fail;
    }
    r->next = c->remotes;
    c->remotes = r;
    c->remote_count++;
    return 0;
fail:
    if (r->fd >= 0)
        close(r->fd);
    mem_free(r);
    return -1;
}

size_t remotes_keep(const struct run_context *c, pid_t *pids, size_t n)
{
    for (const struct remote *r = c->remotes; r; r = r->next)
        pids[n++] = r->pid;
    return n;
}

void remotes_end(struct run *run)
{
    for (struct remote *r = run->context->remotes, *next; r; r = next) {
        next = r->next;
        if (r->run != run)
            continue;
        spawn_signal_group(r->pid, SIGKILL);
        remote_report(r, 128 + SIGKILL);
        remote_free(r);
    }
}
