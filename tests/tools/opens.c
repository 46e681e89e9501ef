/* opens FOLDER: who opens the files below FOLDER, on whatever mount of its
 * file system, in whatever container, a line each: the process and the path.
 *
 * The kernel tells (fanotify), so that nothing is missed and nothing is taken
 * on trust. Prints "ready" first; ends with SIGTERM, and with a last line when
 * the kernel could not keep up. Needs root. A test's tool: it is plain.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

static volatile sig_atomic_t ends;

static void on_signal(int sig)
{
    (void)sig;
    ends = 1;
}

static void show(const struct fanotify_event_metadata *e, const char *folder)
{
    char link[64], path[PATH_MAX];
    size_t len = strlen(folder);
    if (e->mask & FAN_Q_OVERFLOW)
        puts("overflow");
    if (e->fd < 0)
        return;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", e->fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    close(e->fd);
    if (n < 0)
        return;
    path[n] = '\0';
    if (strncmp(path, folder, len) == 0 && path[len] == '/')
        printf("%d %s\n", (int)e->pid, path + len + 1);
}

static void drain(int fan, const char *folder)
{
    static char events[256 * 1024]
        __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
    ssize_t n;
    while ((n = read(fan, events, sizeof(events))) > 0) {
        const struct fanotify_event_metadata *e = (const void *)events;
        for (; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n))
            show(e, folder);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char folder[PATH_MAX];
    if (argc != 2 || !realpath(argv[1], folder)) {
        fprintf(stderr, "usage: opens FOLDER\n");
        return 2;
    }
    int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
                                FAN_UNLIMITED_QUEUE,
                            O_RDONLY | O_LARGEFILE | O_CLOEXEC);
    if (fan < 0 || fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                                 FAN_OPEN, AT_FDCWD, folder) < 0) {
        fprintf(stderr, "opens: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    puts("ready");
    fflush(stdout);
    while (!ends) {
        struct pollfd p = {.fd = fan, .events = POLLIN};
        poll(&p, 1, 100);
        drain(fan, folder);
    }
    drain(fan, folder);
    return 0;
}
