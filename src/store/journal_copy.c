/* Writing a journal anew: see journal_copy.h. */
#include "config.h"
#include "store/journal_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/journal_frame.h"

enum { WRITE_BYTES = 1 << 20 };

struct journal_copy {
    const struct rundir *rundir;
    const struct jobspec *spec;
    const char *spec_text;
    size_t spec_len;
    char *folder;
    char *path; /* of the file being written */
    int fd;     /* -1: none */
    uint32_t session;
    struct buf out;
};

struct journal_copy *journal_copy_create(const struct rundir *r,
                                         const char *folder,
                                         const struct jobspec *spec,
                                         const char *spec_text, size_t spec_len,
                                         struct err *err)
{
    struct journal_copy *c = mem_calloc(1, sizeof(*c));
    if (c) {
        *c = (struct journal_copy){.rundir = r,
                                   .spec = spec,
                                   .spec_text = spec_text,
                                   .spec_len = spec_len,
                                   .folder = mem_strdup(folder),
                                   .fd = -1};
        buf_init(&c->out,
                 WRITE_BYTES + JOURNAL_FRAME_BYTES + JOURNAL_PAYLOAD_MAX);
    }
    if (c && c->folder)
        return c;
    err_set(err, ENOMEM, "no memory to write a journal");
    journal_copy_destroy(c);
    return NULL;
}

void journal_copy_destroy(struct journal_copy *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    buf_fini(&c->out);
    mem_free(c->path);
    mem_free(c->folder);
    mem_free(c);
}

static int flush(struct journal_copy *c, struct err *err)
{
    if (c->out.len > 0 && file_write_all(c->fd, c->out.data, c->out.len) < 0)
        return err_sys(err, errno, "cannot write %s", c->path);
    buf_reset(&c->out);
    return 0;
}

/* The file is complete. */
static int file_end(struct journal_copy *c, struct err *err)
{
    if (c->fd < 0)
        return 0;
    if (flush(c, err) < 0)
        return -1;
    if (fdatasync(c->fd) < 0)
        return err_sys(err, errno, "cannot write %s", c->path);
    close(c->fd);
    c->fd = -1;
    mem_free(c->path);
    c->path = NULL;
    return 0;
}

static int file_begin(struct journal_copy *c, uint32_t session, struct err *err)
{
    unsigned char header[JOURNAL_HEADER_BYTES];
    c->path = rundir_file(c->rundir, "%s/%04u.journal", c->folder, session);
    if (!c->path)
        return err_set(err, ENOMEM, "no memory to write a journal");
    c->fd = open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c->fd < 0)
        return err_sys(err, errno, "cannot make %s", c->path);
    c->session = session;
    journal_header_make(header, session, c->spec_text, c->spec_len);
    if (buf_put(&c->out, header, sizeof(header)) < 0)
        return err_set(err, ENOMEM, "no memory to write a journal");
    return 0;
}

int journal_copy_put(struct journal_copy *c,
                     const struct journal_record *record, struct err *err)
{
    if (c->fd >= 0 && c->session != record->session && file_end(c, err) < 0)
        return -1;
    if (c->fd < 0 && file_begin(c, record->session, err) < 0)
        return -1;
    if (journal_frame_put(&c->out, record, c->spec) < 0)
        return err_sys(err, errno, "cannot put a record into the journal");
    return c->out.len >= WRITE_BYTES ? flush(c, err) : 0;
}

int journal_copy_finish(struct journal_copy *c, struct err *err)
{
    if (file_end(c, err) < 0)
        return -1;
    char *path = rundir_file(c->rundir, "%s", c->folder);
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL) ? 0 : -1;
    if (rc < 0)
        err_sys(err, path ? errno : ENOMEM, "cannot write %s", c->folder);
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return rc;
}
