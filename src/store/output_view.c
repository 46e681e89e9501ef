/* Looking at outputs: see output_view.h. Packs are read through a window, files
 * of single outputs are mapped. */
#include "config.h"
#include "store/output_view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

enum { WINDOW_BYTES = 1 << 20, PACKED_MAX_BYTES = 64 << 20 };

struct stream_view {
    int fd; /* of session's pack; -1: none */
    uint32_t session;
    uint64_t window_at;
    struct buf window;
    void *map; /* of a file; NULL: none */
    size_t map_len;
};

struct output_viewer {
    const struct rundir *rundir;
    struct stream_view streams[2];
};

struct output_viewer *output_viewer_create(const struct rundir *r)
{
    struct output_viewer *v = mem_calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->rundir = r;
    for (int s = 0; s < 2; s++) {
        v->streams[s].fd = -1;
        buf_init(&v->streams[s].window, PACKED_MAX_BYTES);
    }
    return v;
}

static void file_unmap(struct stream_view *s)
{
    if (s->map)
        munmap(s->map, s->map_len);
    s->map = NULL;
}

void output_viewer_destroy(struct output_viewer *v)
{
    for (int s = 0; v && s < 2; s++) {
        file_unmap(&v->streams[s]);
        buf_fini(&v->streams[s].window);
        if (v->streams[s].fd >= 0)
            close(v->streams[s].fd);
    }
    mem_free(v);
}

/* Have the pack of a session open. */
static int pack_open(struct output_viewer *v, int stream, uint32_t session,
                     struct err *err)
{
    struct stream_view *s = &v->streams[stream];
    if (s->fd >= 0 && s->session == session)
        return 0;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->session = session;
    buf_reset(&s->window);
    char *path = rundir_file(v->rundir, "output/%04u.%s", session,
                             stream == 0 ? "stdout" : "stderr");
    if (!path)
        return err_set(err, ENOMEM, "no memory to read an output");
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = s->fd < 0 ? err_sys(err, errno, "cannot open %s", path) : 0;
    mem_free(path);
    return rc;
}

/* Fill the window from offset on, at least len bytes. */
static int window_fill(struct stream_view *s, uint64_t offset, size_t len,
                       struct err *err)
{
    size_t want = len > WINDOW_BYTES ? len : WINDOW_BYTES, have = 0;
    buf_reset(&s->window);
    char *to = len <= PACKED_MAX_BYTES ? buf_reserve(&s->window, want) : NULL;
    if (!to)
        return err_set(err, ENOMEM, "no memory for an output of %zu bytes",
                       len);
    while (have < want) {
        ssize_t n =
            pread(s->fd, to + have, want - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read an output");
        if (n == 0)
            break;
        have += (size_t)n;
    }
    buf_commit(&s->window, have);
    s->window_at = offset;
    if (have < len)
        return err_set(err, ENODATA, "an output is cut off in its pack");
    return 0;
}

static int packed_view(struct output_viewer *v, const struct output *o,
                       int stream, const char **data, size_t *len,
                       struct err *err)
{
    struct stream_view *s = &v->streams[stream];
    if (pack_open(v, stream, o->session, err) < 0)
        return -1;
    bool in = o->offset >= s->window_at && o->bytes <= s->window.len &&
              o->offset - s->window_at <= s->window.len - o->bytes;
    if (!in && window_fill(s, o->offset, (size_t)o->bytes, err) < 0)
        return -1;
    *data = buf_text(&s->window) + (o->offset - s->window_at);
    *len = (size_t)o->bytes;
    return 0;
}

static int file_view(struct output_viewer *v, const struct attempt *a,
                     const char *job_id, const char *task_id, int stream,
                     const char **data, size_t *len, struct err *err)
{
    struct stream_view *s = &v->streams[stream];
    struct stat st;
    int rc = -1, fd = -1;
    char *name = rundir_large_output(rundir_path(v->rundir), job_id, task_id, a,
                                     stream, false, err);
    char *path = name ? rundir_file(v->rundir, "%s", name) : NULL;
    mem_free(name);
    if (!path)
        return err_set(err, ENOMEM, "no memory to read an output");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(err, errno, "cannot open %s", path);
    } else if (st.st_size == 0 ||
               (uint64_t)st.st_size < a->output[stream].bytes) {
        err_set(err, ENODATA, "%s is cut off", path);
    } else {
        s->map_len = (size_t)a->output[stream].bytes;
        s->map = mmap(NULL, s->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (s->map == MAP_FAILED) {
            s->map = NULL;
            err_sys(err, errno, "cannot read %s", path);
        } else {
            *data = s->map;
            *len = s->map_len;
            rc = 0;
        }
    }
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return rc;
}

int output_view(struct output_viewer *v, const struct attempt *a,
                const char *job_id, const char *task_id, int stream,
                const char **data, size_t *len, struct err *err)
{
    const struct output *o = &a->output[stream];
    file_unmap(&v->streams[stream]);
    *data = "";
    *len = 0;
    if (o->bytes == 0)
        return 0;
    switch (o->place) {
    case OUTPUT_EMPTY:
        return 0;
    case OUTPUT_PACKED:
        return packed_view(v, o, stream, data, len, err);
    case OUTPUT_FILE:
        return file_view(v, a, job_id, task_id, stream, data, len, err);
    case OUTPUT_INLINE:
        break;
    }
    return err_set(err, EINVAL, "this output has not been kept yet");
}
