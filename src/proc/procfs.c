/* What /proc says of other processes: see procfs.h. */
#include "config.h"
#include "proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENTRY_MAX_BYTES = 4096 };

static int open_of(pid_t pid, const char *file)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static ssize_t read_some(int fd, void *data, size_t size)
{
    ssize_t n;
    do
        n = read(fd, data, size);
    while (n < 0 && errno == EINTR);
    return n;
}

bool procfs_stat(pid_t pid, struct procfs_stat *st)
{
    char text[1024];
    int fd = open_of(pid, "stat");
    if (fd < 0)
        return false;
    ssize_t n = read_some(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* the name, in brackets, may hold anything: the last one ends it */
    const char *end = strrchr(text, ')');
    int parent, group, session;
    if (!end || sscanf(end, ") %c %d %d %d", &st->state, &parent, &group,
                       &session) != 4)
        return false;
    st->parent = parent;
    st->group = group;
    st->session = session;
    return true;
}

enum procfs_env procfs_find_env(pid_t pid,
                                bool (*want)(const char *entry, void *arg),
                                void *arg)
{
    char data[ENTRY_MAX_BYTES];
    size_t len = 0;
    bool found = false, blank = true;
    bool skip = false; /* inside an entry that is too long */
    int fd = open_of(pid, "environ");
    if (fd < 0)
        return PROCFS_ENV_BLANK;
    for (ssize_t n;
         !found && (n = read_some(fd, data + len, sizeof(data) - len)) > 0;) {
        blank = false;
        len += (size_t)n;
        char *p = data, *end;
        while (!found && (end = memchr(p, '\0', len)) != NULL) {
            found = !skip && want(p, arg);
            skip = false;
            len -= (size_t)(end + 1 - p);
            p = end + 1;
        }
        if (len == sizeof(data)) {
            skip = true;
            len = 0;
        }
        memmove(data, p, len);
    }
    close(fd);
    return found   ? PROCFS_ENV_FOUND
           : blank ? PROCFS_ENV_BLANK
                   : PROCFS_ENV_OTHER;
}
