/* Starting tasks: see spawn.h.
 *
 * The child runs in our memory, on a stack of its own, until its exec; this
 * thread waits meanwhile. So it may write to nothing but its struct child, the
 * stack and the spawner's scratch, allocates nothing, and no signal handler
 * runs in it: all signals are blocked until those with handlers are reset. */
#include "config.h"
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "proc/fds.h"
#include "proc/spawner.h"

/* A frame that exec leaves behind must not stay poisoned in our memory. */
#define IN_CHILD __attribute__((no_sanitize_address))

#define SHELL        "/bin/sh"
#define DEFAULT_PATH "/bin:/usr/bin"

enum { SCRIPT_PROBE_BYTES = 128 };

/* One start, shared with the child. */
struct child {
    struct spawner *s;
    const struct spawn *what;
    const char *search; /* PATH, for an argv[0] without "/" */
    size_t argc;
    pid_t parent;
    /* its answer */
    enum spawn_step step;
    int error; /* 0: it runs the program */
    bool is_interpreter_missing;
};

/* fds 0 to 2 and no others. */
IN_CHILD static int child_fds(const struct child *c)
{
    int fds[3] = {c->s->null_fd, c->what->out_fd, c->what->err_fd};
    for (int i = 0; i < 3; i++)
        if (fds[i] < 3 && (fds[i] = fcntl(fds[i], F_DUPFD, 3)) < 0)
            return -1;
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            return -1;
    fds_close_from(3);
    return 0;
}

IN_CHILD static int child_setup(const struct child *c)
{
    for (int sig = 1; sig < NSIG; sig++)
        if (sigismember(&c->s->reset, sig) == 1)
            signal(sig, SIG_DFL);
    if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    if (getppid() != c->parent) { /* it died before the line above */
        errno = ESRCH;
        return -1;
    }
    if (c->what->cgroup_fd > 0 && write(c->what->cgroup_fd, "0", 1) != 1)
        return -1;
    if (c->what->cpus &&
        sched_setaffinity(0, c->what->cpus_bytes, c->what->cpus) < 0)
        return -1;
    return setrlimit(RLIMIT_NOFILE, &c->s->nofile) < 0 ? -1 : child_fds(c);
}

/* May the file be a shell script? Not if its first line holds a NUL. */
IN_CHILD static bool is_script(const char *path)
{
    char data[SCRIPT_PROBE_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n && data[i] != '\n'; i++)
        if (data[i] == '\0')
            return false;
    return n >= 0;
}

/* Run that file; returns only if that fails. */
IN_CHILD static void child_exec(struct child *c, const char *path)
{
    const struct spawn *what = c->what;
    execve(path, what->argv, what->envp);
    if (errno != ENOEXEC)
        return;
    if (is_script(path)) {
        c->s->shell_argv[0] = SHELL;
        c->s->shell_argv[1] = path;
        for (size_t i = 1; i <= c->argc; i++) /* with the NULL */
            c->s->shell_argv[i + 1] = what->argv[i];
        execve(SHELL, (char *const *)c->s->shell_argv, what->envp);
    } else {
        errno = ENOEXEC;
    }
}

/* Try the program in each folder of PATH. errno: EACCES if one was found that
 * may not be run, else the last one. */
IN_CHILD static void child_search(struct child *c)
{
    const char *name = c->what->argv[0];
    size_t name_len = strlen(name);
    bool denied = false;
    for (const char *dir = c->search;; dir++) {
        size_t len = strcspn(dir, ":");
        char *path = c->s->path;
        if (len + name_len + 3 <= sizeof(c->s->path)) {
            memcpy(path, len > 0 ? dir : ".", len > 0 ? len : 1);
            char *end = path + (len > 0 ? len : 1);
            *end = '/';
            memcpy(end + 1, name, name_len + 1);
            child_exec(c, path);
            denied = denied || errno == EACCES;
            if (errno != EACCES && errno != ENOENT && errno != ENOTDIR &&
                errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT &&
                errno != ELOOP)
                return;
        }
        dir += len;
        if (*dir == '\0')
            break;
    }
    errno = denied ? EACCES : ENOENT;
}

IN_CHILD static int child_main(void *arg)
{
    struct child *c = arg;
    const char *program = c->what->argv[0];
    c->step = SPAWN_SETUP;
    if (child_setup(c) < 0)
        goto fail;
    c->step = SPAWN_CWD;
    if (c->what->cwd && chdir(c->what->cwd) < 0)
        goto fail;
    c->step = SPAWN_EXEC;
    sigprocmask(SIG_SETMASK, &c->s->mask, NULL);
    if (strchr(program, '/')) {
        child_exec(c, program);
        int saved = errno;
        c->is_interpreter_missing =
            errno == ENOENT && access(program, F_OK) == 0;
        errno = saved;
    } else {
        child_search(c);
    }
fail:
    c->error = errno;
    return 127;
}

/* Before the first task: see which signals tasks must not find as they are,
 * and which children are not theirs. */
static void settle(struct spawner *s)
{
    struct sigaction now;
    sigemptyset(&s->reset);
    for (int sig = 1; sig < NSIG; sig++)
        if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_DFL &&
            (now.sa_handler != SIG_IGN || sigismember(&s->ignored, sig) == 0 ||
             sig == SIGPIPE))
            sigaddset(&s->reset, sig);
    spawner_note_own(s);
    s->is_settled = true;
}

/* Fill the child's part, and make room for a script's argv. */
static int prepare(struct child *c, struct err *err)
{
    const struct spawn *what = c->what;
    c->step = SPAWN_EXEC;
    if (!what->argv[0] || what->argv[0][0] == '\0')
        return err_set(err, ENOENT, "no program is named");
    while (what->argv[c->argc])
        c->argc++;
    if (c->argc + 2 > c->s->shell_cap) {
        size_t cap = c->argc + 2;
        const char **argv = mem_resize(c->s->shell_argv, cap, sizeof(argv[0]));
        c->step = SPAWN_SETUP;
        if (!argv)
            return err_set(err, ENOMEM, "no memory for %zu arguments", c->argc);
        c->s->shell_argv = argv;
        c->s->shell_cap = cap;
    }
    c->step = SPAWN_SETUP;
    c->search = DEFAULT_PATH;
    for (char *const *p = what->envp; *p; p++)
        if (strncmp(*p, "PATH=", 5) == 0)
            c->search = *p + 5;
    if (!c->s->is_settled)
        settle(c->s);
    return 0;
}

static int explain(const struct child *c, struct err *err)
{
    const struct spawn *what = c->what;
    switch (c->step) {
    case SPAWN_SETUP:
        break;
    case SPAWN_CWD:
        return err_sys(err, c->error, "cannot enter the folder %s", what->cwd);
    case SPAWN_EXEC:
        if (c->is_interpreter_missing)
            return err_set(err, c->error,
                           "cannot run %s: the interpreter that it names does "
                           "not exist",
                           what->argv[0]);
        if (c->error == ENOENT && !strchr(what->argv[0], '/'))
            return err_set(err, c->error, "cannot run %s: not found in PATH",
                           what->argv[0]);
        return err_sys(err, c->error, "cannot run %s", what->argv[0]);
    }
    return err_sys(err, c->error, "cannot set up the process of %s",
                   what->argv[0]);
}

int spawner_start(struct spawner *s, const struct spawn *what, pid_t *pid,
                  int *pidfd, enum spawn_step *step, struct err *err)
{
    struct child c = {.s = s, .what = what, .parent = getpid()};
    sigset_t all, old;
    int fd = -1;
    if (prepare(&c, err) < 0) {
        *step = c.step;
        return -1;
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid_t child =
        clone(child_main, s->stack + s->guard_bytes + SPAWNER_STACK_BYTES,
              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &c, &fd);
    if (child < 0)
        c.error = errno; /* with the step still SPAWN_SETUP */
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (c.error == 0) {
        *pid = child;
        *pidfd = fd;
        return 0;
    }
    if (child > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        close(fd);
    }
    *step = c.step;
    return explain(&c, err);
}

int spawn_reap(pid_t pid, int *status, struct rusage *usage)
{
    pid_t got;
    do
        got = wait4(pid, status, WNOHANG, usage);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        errno = EAGAIN;
    return got == pid ? 0 : -1;
}

void spawn_signal_group(pid_t pid, int signal)
{
    if (pid > 1)
        kill(-pid, signal);
}

/* The signals and limits that tasks get. A SIGCHLD that is ignored would reap
 * tasks before we can see how they ended. */
static int remember_defaults(struct spawner *s)
{
    struct sigaction now;
    sigemptyset(&s->ignored);
    for (int sig = 1; sig < NSIG; sig++)
        if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            sigaddset(&s->ignored, sig);
    if (sigaction(SIGCHLD, NULL, &now) < 0)
        return -1;
    if (now.sa_handler == SIG_IGN || (now.sa_flags & SA_NOCLDWAIT)) {
        now = (struct sigaction){.sa_handler = SIG_DFL};
        if (sigaction(SIGCHLD, &now, NULL) < 0)
            return -1;
    }
    if (sigprocmask(SIG_SETMASK, NULL, &s->mask) < 0)
        return -1;
    return getrlimit(RLIMIT_NOFILE, &s->nofile);
}

static int make_stack(struct spawner *s)
{
    s->guard_bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *stack =
        mmap(NULL, s->guard_bytes + SPAWNER_STACK_BYTES, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -1;
    s->stack = stack;
    return mprotect(stack, s->guard_bytes, PROT_NONE);
}

struct spawner *spawner_create(struct err *err)
{
    struct spawner *s = mem_calloc(1, sizeof(*s));
    if (!s) {
        err_set(err, ENOMEM, "no memory to start tasks");
        return NULL;
    }
    s->null_fd = s->children_fd = -1;
    buf_init(&s->children, SPAWNER_MAX_CHILDREN_BYTES);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
             (long)getpid());
    if (remember_defaults(s) < 0 || make_stack(s) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
        (s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ||
        (s->children_fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
        err_sys(err, errno, "cannot get ready to start tasks");
        spawner_destroy(s);
        return NULL;
    }
    return s;
}

void spawner_destroy(struct spawner *s)
{
    if (!s)
        return;
    int saved = errno;
    if (s->stack)
        munmap(s->stack, s->guard_bytes + SPAWNER_STACK_BYTES);
    if (s->null_fd >= 0)
        close(s->null_fd);
    if (s->children_fd >= 0)
        close(s->children_fd);
    mem_free(s->shell_argv);
    buf_fini(&s->children);
    mem_free(s);
    errno = saved;
}
