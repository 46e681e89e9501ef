/* Outputs of tasks: see output.h. Owns where in the packs the next output goes;
 * the files are the writer's. */
#include "config.h"
#include "store/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static const char *const stream_names[2] = {"stdout", "stderr"};

struct output_pack {
    struct writer *writer;
    uint32_t session;
    struct {
        int file; /* the writer's number */
        uint64_t offset;
    } streams[2];
};

static int open_stream(struct output_pack *p, struct rundir *r, int stream,
                       struct err *err)
{
    char *path =
        rundir_file(r, "output/%04u.%s", p->session, stream_names[stream]);
    if (!path)
        return err_set(err, ENOMEM, "no memory for the outputs' pack");
    int rc = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int file = fd < 0 ? -1 : writer_add_file(p->writer, fd, path, 0);
    if (fd < 0) {
        rc = err_sys(err, errno, "cannot make %s", path);
    } else if (file < 0) {
        rc = err_set(err, EMFILE, "%s: the writer has too many files", path);
        close(fd);
    }
    p->streams[stream].file = file;
    mem_free(path);
    return rc;
}

struct output_pack *output_pack_create(struct rundir *r, struct writer *writer,
                                       struct err *err)
{
    struct output_pack *p = mem_calloc(1, sizeof(*p));
    if (!p) {
        err_set(err, ENOMEM, "no memory for the outputs' pack");
        return NULL;
    }
    p->writer = writer;
    p->session = rundir_session(r);
    if (open_stream(p, r, 0, err) == 0 && open_stream(p, r, 1, err) == 0)
        return p;
    output_pack_destroy(p);
    return NULL;
}

void output_pack_destroy(struct output_pack *p)
{
    mem_free(p);
}

int output_pack_put(struct output_pack *p, int stream, const void *data,
                    size_t len, struct output *where, struct err *err)
{
    if (len == 0) {
        *where = (struct output){.place = OUTPUT_EMPTY};
        return 0;
    }
    if (writer_append(p->writer, p->streams[stream].file, data, len, NULL,
                      err) < 0)
        return -1;
    *where = (struct output){.place = OUTPUT_PACKED,
                             .session = p->session,
                             .offset = p->streams[stream].offset,
                             .bytes = len};
    p->streams[stream].offset += len;
    return 0;
}

/* The file that an output is in, and where it begins there. Heap. */
static char *locate(const struct rundir *r, const struct attempt *a,
                    const char *job_id, const char *task_id, int stream,
                    uint64_t *offset, struct err *err)
{
    const struct output *o = &a->output[stream];
    char *path = NULL;
    *offset = o->place == OUTPUT_PACKED ? o->offset : 0;
    if (o->place == OUTPUT_PACKED) {
        path =
            rundir_file(r, "output/%04u.%s", o->session, stream_names[stream]);
    } else {
        char *name = rundir_large_output(rundir_path(r), job_id, task_id, a,
                                         stream, false, err);
        if (!name)
            return NULL;
        path = rundir_file(r, "%s", name);
        mem_free(name);
    }
    if (!path)
        err_set(err, ENOMEM, "no memory to read an output");
    return path;
}

static int read_part(const char *path, uint64_t offset, size_t len,
                     struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    int rc = 0;
    char *to = buf_reserve(out, len);
    if (!to)
        rc = err_sys(err, errno, "cannot read %zu bytes of %s", len, path);
    else if (file_read_at(fd, to, len, offset) < 0)
        rc = errno == EIO
                 ? err_set(err, ENODATA,
                           "%s ends before bytes %llu+%zu or cannot be read",
                           path, (unsigned long long)offset, len)
                 : err_sys(err, errno, "cannot read %s", path);
    else
        buf_commit(out, len);
    close(fd);
    return rc;
}

int output_read(const struct rundir *r, const struct attempt *a,
                const char *job_id, const char *task_id, int stream,
                uint64_t from, uint64_t len, struct buf *out, struct err *err)
{
    const struct output *o = &a->output[stream];
    uint64_t bytes = o->place == OUTPUT_EMPTY ? 0 : o->bytes, offset;
    if (from >= bytes || len == 0)
        return 0;
    if (o->place == OUTPUT_INLINE)
        return err_set(err, EINVAL, "this output has not been kept yet");
    if (len > bytes - from)
        len = bytes - from;
    if (len > out->max_bytes)
        return err_set(err, EMSGSIZE, "an output of %llu bytes is too large",
                       (unsigned long long)len);
    char *path = locate(r, a, job_id, task_id, stream, &offset, err);
    if (!path)
        return -1;
    int rc = read_part(path, offset + from, (size_t)len, out, err);
    mem_free(path);
    return rc;
}
