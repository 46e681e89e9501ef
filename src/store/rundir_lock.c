/* The lock of a run directory: see rundir_lock.h.
 *
 * Both kinds of lock are taken, as each is missing on some file systems. Where
 * there are none, only a live process of this host that is named in the file
 * refuses us.
 */
#include "config.h"
#include "store/rundir_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"

enum { LOCK_MAX_BYTES = 512 };

/* When a process started, in clock ticks since boot; 0: there is none. */
static unsigned long long process_start(long pid)
{
    char path[64], text[1024];
    unsigned long long start = 0;
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *p = strrchr(text, ')'); /* field 2; the start is field 22 */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p)
        start = strtoull(p + 1, NULL, 10);
    return start;
}

/* Who holds the lock, as it wrote into the file. */
struct holder {
    char host[256], since[32];
    long pid;
    unsigned long long start;
};

static bool holder_read(int fd, struct holder *h)
{
    char text[LOCK_MAX_BYTES];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return sscanf(text, "%255s %ld %llu %31s", h->host, &h->pid, &h->start,
                  h->since) == 4;
}

static void holder_write(int fd)
{
    char host[256] = "?", text[LOCK_MAX_BYTES], since[32];
    struct tm tm;
    time_t now = (time_t)(clock_wall_ns() / NS_PER_SEC);
    (void)gethostname(host, sizeof(host) - 1);
    strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    int n = snprintf(text, sizeof(text), "%s %ld %llu %s\n", host,
                     (long)getpid(), process_start(getpid()), since);
    /* only what another one is told depends on it: a full disk is no harm */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
        return;
}

/* Take both kinds of lock. 1: it is ours; 0: somebody has it; -1: there are
 * no locks here. */
static int lock_try(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool held = false;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        held = true;
    else if (errno == EWOULDBLOCK)
        return 0;
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        held = true;
    else if (errno == EAGAIN || errno == EACCES)
        return 0;
    return held ? 1 : -1;
}

/* Is it a process of this host that lives? */
static bool holder_lives(const struct holder *h)
{
    char host[256] = "?";
    (void)gethostname(host, sizeof(host) - 1);
    return strcmp(host, h->host) == 0 && h->pid != getpid() &&
           process_start(h->pid) != 0 && process_start(h->pid) == h->start;
}

static int refuse_busy(const char *path, const struct holder *h,
                       struct err *err)
{
    if (h)
        return err_set(err, EBUSY,
                       "another session has %s: host %s, pid %ld, since %s",
                       path, h->host, h->pid, h->since);
    return err_set(err, EBUSY, "another session has %s", path);
}

int rundir_lock_take(int dir_fd, const char *path, int *out, struct err *err)
{
    struct holder h;
    int fd =
        openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s/lock", path);
    int got = lock_try(fd);
    bool known = got <= 0 && holder_read(fd, &h);
    if (got == 0 || (got < 0 && known && holder_lives(&h))) {
        refuse_busy(path, known ? &h : NULL, err);
        close(fd);
        return -1;
    }
    holder_write(fd);
    *out = fd;
    return 0;
}

int rundir_lock_look(int dir_fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = openat(dir_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int rc = fcntl(fd, F_OFD_GETLK, &whole);
    close(fd);
    return rc < 0 ? -1 : whole.l_type != F_UNLCK;
}
