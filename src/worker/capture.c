/* Capturing one output stream: see capture.h. */
#include "config.h"
#include "worker/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum {
    READ_BYTES = 64 * 1024,
    READS_A_CALL = 16,
    PIPE_BYTES = 256 * 1024 /* for a task that prints a lot */
};

int capture_init(struct capture *c, int stream, size_t limit_bytes,
                 const struct capture_file *where, int *child_fd,
                 struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
        int saved = errno;
        close(fds[0]);
        close(fds[1]);
        return err_sys(err, saved, "cannot set up a pipe");
    }
    *c = (struct capture){.fd = fds[0],
                          .stream = stream,
                          .limit_bytes = limit_bytes,
                          .file_fd = -1,
                          .where = *where};
    buf_init(&c->memory, limit_bytes + READ_BYTES);
    *child_fd = fds[1];
    return 0;
}

void capture_fini(struct capture *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->file_fd >= 0)
        close(c->file_fd);
    mem_free(c->file_path);
    buf_fini(&c->memory);
    c->fd = c->file_fd = -1;
    c->file_path = NULL;
    c->bytes = 0;
    c->stalled = false;
}

void capture_move(struct capture *to, struct capture *from)
{
    *to = *from;
    from->fd = from->file_fd = -1;
    from->file_path = NULL;
    buf_init(&from->memory, to->memory.max_bytes);
    capture_fini(from);
}

/* Open the file of a large output. One that an attempt of the same number has
 * left is replaced, never written to: a rank that is taken for lost may still
 * be writing it. */
static int file_open(struct capture *c, struct err *err)
{
    if (!c->file_path) {
        c->file_path = c->where.path(c->where.arg, c->stream, err);
        if (!c->file_path)
            return -1;
    }
    if (unlink(c->file_path) < 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot replace %s", c->file_path);
    c->file_fd =
        open(c->file_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c->file_fd < 0)
        return err_sys(err, errno, "cannot make %s", c->file_path);
    (void)fcntl(c->fd, F_SETPIPE_SZ, PIPE_BYTES); /* only for speed */
    return 0;
}

/* Move what is over the limit to the file. -1 with err: stalled. */
static int spill(struct capture *c, struct err *err)
{
    if (c->file_fd < 0 && c->memory.len <= c->limit_bytes)
        return 0;
    if (c->file_fd < 0 && file_open(c, err) < 0)
        goto stalled;
    while (c->memory.len > 0) {
        ssize_t n = write(c->file_fd, c->memory.data, c->memory.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_sys(err, errno, "cannot write %s", c->file_path);
            goto stalled;
        }
        buf_consume(&c->memory, (size_t)n);
    }
    c->stalled = false;
    return 0;
stalled:
    c->stalled = true;
    return -1;
}

enum capture_state capture_read(struct capture *c, struct err *err)
{
    for (int i = 0; i < READS_A_CALL; i++) {
        if (spill(c, err) < 0)
            return CAPTURE_STALLED;
        char *to = buf_reserve(&c->memory, READ_BYTES);
        if (!to) {
            err_set(err, ENOMEM, "no memory for a task's output");
            c->stalled = true;
            return CAPTURE_STALLED;
        }
        ssize_t n = read(c->fd, to, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* EAGAIN; a pipe knows no other error */
            return CAPTURE_OPEN;
        if (n == 0)
            return spill(c, err) < 0 ? CAPTURE_STALLED : CAPTURE_CLOSED;
        buf_commit(&c->memory, (size_t)n);
        c->bytes += (uint64_t)n;
    }
    return spill(c, err) < 0 ? CAPTURE_STALLED : CAPTURE_MORE;
}

bool capture_finish(struct capture *c, struct err *err)
{
    enum capture_state state = CAPTURE_MORE;
    while (c->fd >= 0 && state == CAPTURE_MORE)
        state = capture_read(c, err);
    if (state == CAPTURE_STALLED)
        return false;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    return true;
}

void capture_look(const struct capture *c, uint64_t offset,
                  struct capture_part *part)
{
    uint64_t filed = c->file_fd >= 0 ? c->bytes - c->memory.len : 0;
    *part = (struct capture_part){.fd = -1};
    if (offset >= c->bytes)
        return;
    if (offset < filed) {
        part->fd = c->file_fd;
        part->at = offset;
        part->bytes = filed - offset;
    } else {
        part->memory = c->memory.data + (offset - filed);
        part->bytes = c->bytes - offset;
    }
}

int capture_view(struct capture *c, const char **data, size_t *len,
                 struct err *err)
{
    *data = buf_text(&c->memory);
    *len = c->memory.len;
    if (c->file_fd < 0)
        return 0;
    struct stat st;
    if (fstat(c->file_fd, &st) < 0)
        return err_sys(err, errno, "cannot read %s", c->file_path);
    void *map =
        mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, c->file_fd, 0);
    if (map == MAP_FAILED)
        return err_sys(err, errno, "cannot read %s", c->file_path);
    *data = map;
    *len = (size_t)st.st_size;
    return 0;
}

void capture_view_end(struct capture *c, const char *data, size_t len)
{
    if (c->file_fd >= 0 && data)
        munmap((void *)data, len);
}

void capture_discard(struct capture *c)
{
    if (c->file_path)
        unlink(c->file_path);
    capture_fini(c);
}
