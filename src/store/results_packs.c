/* Packs on their way into results.h5: see results_packs.h. */
#include "config.h"
#include "store/results_packs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { COPY_BYTES = 1 << 20 };

const char *results_pack_suffix(enum results_pack pack)
{
    static const char *const suffixes[] = {"stdout", "stderr", "files"};
    return suffixes[pack];
}

int pack_copy_init(struct pack_copy *c, struct build *b, enum results_pack pack,
                   const char *path, struct err *err)
{
    *c = (struct pack_copy){.build = b, .pack = pack, .fd = -1};
    c->room = mem_alloc(COPY_BYTES);
    if (!c->room)
        return err_set(err, ENOMEM, "no memory to copy %s", path);
    c->bytes =
        hdf_bytes_create(b->file, path, b->survey.packed_bytes[pack], err);
    return c->bytes ? 0 : -1;
}

void pack_copy_fini(struct pack_copy *c)
{
    if (!c->build)
        return;
    hdf_bytes_destroy(c->bytes);
    if (c->fd >= 0)
        close(c->fd);
    mem_free(c->room);
}

static int open_pack(struct pack_copy *c, struct err *err)
{
    if (c->fd >= 0 && c->fd_session == c->session)
        return 0;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    char *path = rundir_file(c->build->rundir, "output/%04u.%s", c->session,
                             results_pack_suffix(c->pack));
    if (!path)
        return err_set(err, ENOMEM, "no memory to read outputs");
    c->fd = open(path, O_RDONLY | O_CLOEXEC);
    c->fd_session = c->session;
    int rc = c->fd < 0 ? err_sys(err, errno, "cannot open %s", path) : 0;
    mem_free(path);
    return rc;
}

int pack_copy_finish(struct pack_copy *c, struct err *err)
{
    if (c->len > 0 && open_pack(c, err) < 0)
        return -1;
    while (c->len > 0) {
        size_t n = c->len < COPY_BYTES ? (size_t)c->len : COPY_BYTES;
        if (c->build->cancel && *c->build->cancel)
            return err_set(err, ECANCELED, "given up");
        if (file_read_at(c->fd, c->room, n, c->from) < 0)
            return err_sys(err, errno, "cannot read the outputs of session %u",
                           c->session);
        if (hdf_bytes_put(c->bytes, c->room, n, err) < 0)
            return -1;
        c->from += n;
        c->len -= n;
    }
    return 0;
}

int pack_copy_put(struct pack_copy *c, uint32_t session, uint64_t offset,
                  uint64_t bytes, uint64_t *at, struct err *err)
{
    *at = c->written;
    if (bytes == 0)
        return 0;
    if (!survey_is_packed(&c->build->survey, c->pack, session, offset, bytes)) {
        *at = RESULTS_ELSEWHERE;
        return 0;
    }
    if (c->session != session || c->from + c->len != offset ||
        c->len > 16 * COPY_BYTES) {
        if (pack_copy_finish(c, err) < 0)
            return -1;
        c->session = session;
        c->from = offset;
    }
    c->len += bytes;
    c->written += bytes;
    return 0;
}
