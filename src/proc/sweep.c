/* Ending what finished tasks have left behind: see spawn.h.
 *
 * Whatever a task leaves either is in its process group or has come back to
 * us, the subreaper, as a child, with all that descends from it. So if the
 * kernel's list of our children names nobody but the tasks, nothing is left,
 * and that is one read. A child cannot lose its pid to somebody else before we
 * reap it, so that signals by pid are safe here. */
#include "config.h"
#include "proc/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc/procfs.h"
#include "proc/spawner.h"

enum {
    CHILDREN_READ_BYTES = 4096,
    ROUND_US = 200,  /* between two looks at what has been killed */
    MAX_ROUNDS = 50, /* 10 ms */
    MAX_ROUNDS_ALL = 10000,
    BLANK_ROUNDS = 5, /* 1 ms, for a process that is in the midst of exec */
    MAX_DYING = 128
};

/* One sweep. */
struct sweep {
    struct spawner *s;
    pid_t group;
    bool is_all; /* whoever came back is to be ended */
    const pid_t *keep;
    size_t keep_count;
    /* killed and not reaped yet: what they leave comes to us when they end */
    pid_t dying[MAX_DYING];
    size_t dying_count;
    int round;
    unsigned ended;
};

int spawner_read_children(struct spawner *s)
{
    struct buf *b = &s->children;
    buf_reset(b);
    for (;;) {
        char *to = buf_reserve(b, CHILDREN_READ_BYTES);
        if (!to)
            return -1;
        ssize_t n =
            pread(s->children_fd, to, CHILDREN_READ_BYTES, (off_t)b->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        buf_commit(b, (size_t)n);
        /* the kernel stops early only where its page is full */
        if (n < CHILDREN_READ_BYTES / 2)
            return 0;
    }
}

/* The next pid of the list at *p, or 0. */
static pid_t next_child(const char **p)
{
    pid_t pid = 0;
    while (**p == ' ')
        ++*p;
    for (; **p >= '0' && **p <= '9'; ++*p)
        pid = pid * 10 + (**p - '0');
    return pid;
}

static bool is_in(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

void spawner_note_own(struct spawner *s)
{
    if (spawner_read_children(s) < 0)
        return;
    const char *p = buf_text(&s->children);
    for (pid_t pid; s->own_count < SPAWNER_MAX_OWN && (pid = next_child(&p));)
        s->own[s->own_count++] = pid;
}

static void remember_marker(struct spawner *s, const char *marker)
{
    snprintf(s->markers[s->marker_at++ % SPAWNER_MAX_MARKERS],
             sizeof(s->markers[0]), "%s", marker);
}

/* Is the entry the marker of a finished task? */
static bool is_marker(const char *entry, void *arg)
{
    const struct spawner *s = arg;
    for (size_t i = 0; i < SPAWNER_MAX_MARKERS; i++)
        if (s->markers[i][0] != '\0' && strcmp(entry, s->markers[i]) == 0)
            return true;
    return false;
}

enum verdict { LEAVE, END, LOOK_AGAIN };

/* Does a child that came back to us belong to what is to be ended? */
static enum verdict judge(const struct sweep *w, pid_t pid)
{
    struct spawner *s = w->s;
    if (w->is_all ||
        (w->group > 0 && (getpgid(pid) == w->group || getsid(pid) == w->group)))
        return END;
    enum procfs_env env = procfs_find_env(pid, is_marker, s);
    if (env != PROCFS_ENV_BLANK || is_in(pid, s->blank, SPAWNER_MAX_BLANK))
        return env == PROCFS_ENV_FOUND ? END : LEAVE;
    if (w->round < BLANK_ROUNDS)
        return LOOK_AGAIN;
    s->blank[s->blank_at++ % SPAWNER_MAX_BLANK] = pid;
    return LEAVE;
}

/* Reap or kill one child that came back to us. Is it still to end? */
static bool end_child(struct sweep *w, pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) != 0) {
        w->ended += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        return false;
    }
    if (is_in(pid, w->dying, w->dying_count))
        return true;
    enum verdict verdict = judge(w, pid);
    if (verdict != END)
        return verdict == LOOK_AGAIN;
    kill(pid, SIGKILL);
    if (w->dying_count < MAX_DYING)
        w->dying[w->dying_count++] = pid;
    return true;
}

/* Look once at all our children. Are there any that are still to end? */
static bool sweep_once(struct sweep *w)
{
    struct spawner *s = w->s;
    bool again = false;
    if (spawner_read_children(s) < 0)
        return false;
    const char *p = buf_text(&s->children);
    for (pid_t pid; (pid = next_child(&p)) != 0;)
        if (pid != w->group && !is_in(pid, w->keep, w->keep_count) &&
            !is_in(pid, s->own, s->own_count))
            again = end_child(w, pid) || again;
    return again;
}

static unsigned sweep_rounds(struct sweep *w, int rounds)
{
    const struct timespec nap = {.tv_nsec = ROUND_US * 1000};
    while (sweep_once(w) && ++w->round < rounds)
        nanosleep(&nap, NULL);
    return w->ended;
}

unsigned spawn_sweep(struct spawner *s, pid_t group, const char *marker,
                     const pid_t *keep, size_t keep_count)
{
    struct sweep w = {
        .s = s, .group = group, .keep = keep, .keep_count = keep_count};
    spawn_signal_group(group, SIGKILL);
    if (marker)
        remember_marker(s, marker);
    return sweep_rounds(&w, MAX_ROUNDS);
}

unsigned spawn_sweep_all(struct spawner *s, const pid_t *keep,
                         size_t keep_count)
{
    struct sweep w = {
        .s = s, .is_all = true, .keep = keep, .keep_count = keep_count};
    return sweep_rounds(&w, MAX_ROUNDS_ALL);
}
