/* Files that tasks leave: see source.h. */
#include "config.h"
#include "metrics/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { PIECE_BYTES = 256 << 10 };

enum source_state source_open(const char *path, int *fd, char why[160])
{
    struct stat st;
    /* what is no file must not stop us: the other end of a pipe may never
     * come */
    int opened = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (opened < 0) {
        bool none = errno == ENOENT || errno == ENOTDIR;
        snprintf(why, 160, none ? "it is not there" : "it cannot be opened: %s",
                 strerror(errno));
        return none ? SOURCE_NONE : SOURCE_BAD;
    }
    if (fstat(opened, &st) < 0 || !S_ISREG(st.st_mode)) {
        snprintf(why, 160, "it is no regular file");
        close(opened);
        return SOURCE_BAD;
    }
    *fd = opened;
    return SOURCE_HERE;
}

int source_read(int fd, struct buf *text, enum source_state *state,
                char why[160])
{
    struct stat st;
    *state = SOURCE_BAD;
    if (fstat(fd, &st) < 0 || st.st_size > SOURCE_MAX_BYTES) {
        snprintf(why, 160, "it is larger than %d MiB", SOURCE_MAX_BYTES >> 20);
        return 0;
    }
    for (;;) {
        /* what it has now; one that grows meanwhile is read on */
        size_t left = st.st_size > (off_t)text->len
                          ? (size_t)st.st_size - text->len + 1
                          : PIECE_BYTES;
        char *to = buf_reserve(text, left);
        if (!to && errno == ENOMEM)
            return -1;
        if (!to) {
            snprintf(why, 160, "it is larger than %d MiB",
                     SOURCE_MAX_BYTES >> 20);
            return 0;
        }
        ssize_t n = read(fd, to, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            snprintf(why, 160, "it cannot be read: %s", strerror(errno));
            return 0;
        }
        if (n == 0)
            break;
        buf_commit(text, (size_t)n);
    }
    *state = SOURCE_HERE;
    return 0;
}
