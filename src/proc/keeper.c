/* The keeper: see keeper.h.
 *
 * The table lies in memory that both processes share; only the worker writes
 * it, and the keeper reads it when the worker is gone, so that neither ever
 * waits for the other. An entry is marked valid last and invalid first: a
 * worker that dies in between leaves none that is half written. */
#include "config.h"
#include "proc/keeper.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "proc/fds.h"
#include "proc/procfs.h"

enum {
    MAX_NAME = 63,
    FIRST_NAP_MS = 1,
    CLEAN_SCANS = 4,
    MAX_NAP_MS = 100,
    MAX_SCANS = 100 /* about 10 s */
};

struct entry {
    atomic_int pid;         /* 0: no task */
    atomic_bool has_marker; /* also of the last task, which may have left
                               something behind */
    char marker[KEEPER_MAX_MARKER + 1];
};

/* Shared by the two processes. */
struct table {
    atomic_bool is_over; /* the worker has ended its tasks itself */
    char name[MAX_NAME + 1];
    uint32_t capacity;
    struct entry entries[];
};

struct keeper {
    struct table *table;
    size_t table_bytes;
    pid_t pid;
    int pipe_fd; /* the worker's end: its closing is the signal */
};

/* --- the keeper's own process ------------------------------------------ */

static bool is_listed_task(const struct table *t, pid_t pid)
{
    for (uint32_t i = 0; i < t->capacity; i++)
        if (pid > 0 && atomic_load(&t->entries[i].pid) == pid)
            return true;
    return false;
}

static bool is_listed_marker(const char *entry, void *arg)
{
    const struct table *t = arg;
    size_t len = strlen(t->name);
    if (strncmp(entry, t->name, len) != 0 || entry[len] != '=')
        return false;
    for (uint32_t i = 0; i < t->capacity; i++)
        if (atomic_load(&t->entries[i].has_marker) &&
            strcmp(entry + len + 1, t->entries[i].marker) == 0)
            return true;
    return false;
}

/* Is it alive, of our user, and a task's? */
static bool is_tasks(struct table *t, pid_t pid)
{
    char path[32];
    struct stat owner;
    struct procfs_stat st;
    snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
    if (pid == getpid() || stat(path, &owner) < 0 ||
        owner.st_uid != geteuid() || !procfs_stat(pid, &st) ||
        st.state == 'Z' || st.state == 'X')
        return false;
    return is_listed_task(t, st.group) || is_listed_task(t, st.session) ||
           procfs_find_env(pid, is_listed_marker, t) == PROCFS_ENV_FOUND;
}

/* Kill a process if it is a task's, and not one that got its number since we
 * looked. Was it one? */
static bool end_process(struct table *t, pid_t pid)
{
    if (!is_tasks(t, pid))
        return false;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return true; /* gone, or look again */
    bool is_still = is_tasks(t, pid);
    if (is_still)
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    close(fd);
    return is_still;
}

/* Kill whatever belongs to the tasks. Was there anything? */
static bool end_tasks_once(struct table *t)
{
    bool any = false;
    DIR *proc = opendir("/proc");
    if (!proc)
        return false;
    for (struct dirent *d; (d = readdir(proc));) {
        char *end;
        long pid = strtol(d->d_name, &end, 10);
        if (pid > 1 && *end == '\0')
            any = end_process(t, (pid_t)pid) || any;
    }
    closedir(proc);
    return any;
}

/* Until several looks in a row find nobody: a process that is just about to
 * run another program cannot be recognised. */
static void end_tasks(struct table *t)
{
    int nap_ms = FIRST_NAP_MS, clean = 0;
    for (int i = 0; i < MAX_SCANS && clean < CLEAN_SCANS; i++) {
        clean = end_tasks_once(t) ? 0 : clean + 1;
        nanosleep(&(struct timespec){.tv_nsec = nap_ms * 1000000L}, NULL);
        nap_ms = 2 * nap_ms < MAX_NAP_MS ? 2 * nap_ms : MAX_NAP_MS;
    }
}

/* The life of the keeper; all signals are blocked. It must not hold anything
 * of the worker's: a stdout that stays open makes mpirun wait for ever. */
static void keeper_main(struct table *t, int pipe_fd)
{
    char byte;
    ssize_t n;
    setsid(); /* mpirun ends ranks by their process group */
    prctl(PR_SET_NAME, "mpibatch-keeper");
    if (pipe_fd != 3)
        dup2(pipe_fd, 3);
    fds_close_from(4);
    int null_fd = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        if (null_fd < 0)
            close(fd);
        else if (null_fd != fd)
            dup2(null_fd, fd);
    if (null_fd > 3)
        close(null_fd);
    if (chdir("/") < 0) {
        /* it keeps the worker's folder busy: no harm */
    }
    do
        n = read(3, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
    if (!atomic_load(&t->is_over))
        end_tasks(t);
}

/* --- the worker's side --------------------------------------------------- */

static int start(struct keeper *k)
{
    int ends[2];
    sigset_t all, old;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    k->pid = fork();
    if (k->pid == 0) {
        close(ends[1]);
        keeper_main(k->table, ends[0]);
        _exit(0);
    }
    int saved = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ends[0]);
    k->pipe_fd = ends[1];
    errno = saved;
    return k->pid < 0 ? -1 : 0;
}

struct keeper *keeper_create(uint32_t capacity, const char *marker_name,
                             struct err *err)
{
    if (strlen(marker_name) > MAX_NAME) {
        err_set(err, EINVAL, "the name of a marker is too long: %s",
                marker_name);
        return NULL;
    }
    struct keeper *k = mem_calloc(1, sizeof(*k));
    if (!k) {
        err_set(err, ENOMEM, "no memory for the keeper");
        return NULL;
    }
    k->pipe_fd = -1;
    k->table_bytes = sizeof(struct table) + capacity * sizeof(struct entry);
    void *table = mmap(NULL, k->table_bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (table != MAP_FAILED) {
        k->table = table;
        k->table->capacity = capacity;
        snprintf(k->table->name, sizeof(k->table->name), "%s", marker_name);
    }
    if (!k->table || start(k) < 0) {
        err_sys(err, errno, "cannot start the keeper of the tasks");
        keeper_destroy(k);
        return NULL;
    }
    return k;
}

void keeper_destroy(struct keeper *k)
{
    if (!k)
        return;
    int saved = errno;
    if (k->table)
        atomic_store(&k->table->is_over, true);
    if (k->pipe_fd >= 0)
        close(k->pipe_fd);
    while (k->pid > 0 && waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (k->table)
        munmap(k->table, k->table_bytes);
    mem_free(k);
    errno = saved;
}

void keeper_set(struct keeper *k, uint32_t at, pid_t pid, const char *marker)
{
    assert(at < k->table->capacity && strlen(marker) <= KEEPER_MAX_MARKER);
    struct entry *e = &k->table->entries[at];
    atomic_store(&e->pid, 0);
    atomic_store(&e->has_marker, false);
    snprintf(e->marker, sizeof(e->marker), "%s", marker);
    atomic_store(&e->has_marker, true);
    atomic_store(&e->pid, pid);
}

void keeper_clear(struct keeper *k, uint32_t at)
{
    assert(at < k->table->capacity);
    atomic_store(&k->table->entries[at].pid, 0);
}

pid_t keeper_pid(const struct keeper *k)
{
    return k->pid;
}
