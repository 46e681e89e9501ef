/* File descriptors: see fds.h. */
#include "config.h"
#include "proc/fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Close what a buffer of directory entries names. How many that were. */
static int close_entries(const char *data, long len, int first, int spare)
{
    int closed = 0;
    for (long at = 0; at < len;) {
        const struct dirent64 *d = (const void *)(data + at);
        int fd = 0;
        const char *p = d->d_name;
        for (; *p >= '0' && *p <= '9'; p++)
            fd = fd * 10 + (*p - '0');
        if (p > d->d_name && *p == '\0' && fd >= first && fd != spare)
            closed += close(fd) == 0;
        at += d->d_reclen;
    }
    return closed;
}

void fds_close_by_proc(int first)
{
    _Alignas(struct dirent64) char data[2048];
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    int closed;
    do {
        long n;
        closed = 0;
        lseek(dir, 0, SEEK_SET);
        while ((n = syscall(SYS_getdents64, dir, data, sizeof(data))) > 0)
            closed += close_entries(data, n, first, dir);
    } while (closed > 0);
    close(dir);
}

void fds_close_from(int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
        return;
#endif
    fds_close_by_proc(first);
}
