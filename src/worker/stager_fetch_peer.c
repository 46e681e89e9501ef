/* Fetches from a peer: see stager_fetch_parts.h.
 *
 * What comes is gathered in memory and appended in a thread, a window at most,
 * and served on as it is appended. When the peer fails, the fetch stalls until
 * the director names another, and goes on where it is.
 */
#include "config.h"
#include "worker/stager_fetch_parts.h"

#include <errno.h>

static int find_known(struct fetch *f, struct err *err)
{
    char path[PATH_MAX];
    f->blame = OBJECT_BLAME_NODE;
    if (!f->known)
        return 0;
    return cache_find(f->stager->config.cache, &f->meta.digest, f->meta.bytes,
                      path, err);
}

static int open_pull(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    int rc = find_known(f, err);
    if (rc > 0)
        f->found = true;
    if (rc != 0)
        return rc > 0 ? 0 : -1;
    return fetch_begin_partial(f, f->known ? f->meta.bytes : UINT64_MAX, err);
}

static int append_work(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    return cache_append(f->partial, f->writing.data, f->writing.len, err);
}

static int seal_work(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    struct partial *p = f->partial;
    struct object_meta meta = {.bytes = cache_appended(p)};
    f->partial = NULL;
    if (cache_commit(p, f->known ? &f->meta.digest : NULL, &meta.digest, NULL,
                     err) < 0)
        return -1;
    f->meta = meta;
    return 0;
}

static void sealed(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    if (!fetch_back(f))
        return;
    if (rc == 0) {
        fetch_got(f);
    } else if (err->code == EBADMSG) {
        f->bytes = 0;
        transfers_refuse(f->stager->config.transfers, f->object,
                         FAILURE_BLOB_DOWNLOAD_MISC, err->text);
        fetch_stall(f, FAILURE_BLOB_DOWNLOAD_MISC, err->text);
    } else {
        fetch_fail(f, OBJECT_BLAME_NODE, fetch_write_failure(err->code),
                   err->text);
    }
}

static void appended(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    size_t len = f->writing.len;
    buf_reset(&f->writing);
    if (!fetch_back(f))
        return;
    if (rc < 0) {
        fetch_fail(
            f, err->code == ESTALE ? OBJECT_BLAME_PARENT : OBJECT_BLAME_NODE,
            fetch_write_failure(err->code), err->text);
        return;
    }
    f->bytes += len;
    transfers_grown(f->stager->config.transfers, f->object, f->bytes,
                    STAGE_UNKNOWN);
    if (f->pull)
        transfers_consumed(f->pull, len);
    fetch_proceed(f);
}

static void append(struct fetch *f)
{
    struct buf swap = f->writing;
    f->writing = f->incoming;
    f->incoming = swap;
    buf_reset(&f->incoming);
    fetch_start_job(f, append_work, appended, false);
}

static uint64_t received(const struct fetch *f)
{
    return f->bytes + f->writing.len + f->incoming.len;
}

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    struct fetch *f = arg;
    if (offset != received(f)) {
        transfers_cancel(f->pull);
        f->pull = NULL;
        fetch_stall(f, FAILURE_BLOB_DOWNLOAD_MISC, "a piece is out of order");
        return;
    }
    f->stager->config.counts->mpi_bytes += len;
    if (buf_put(&f->incoming, data, len) < 0)
        fetch_fail(f, OBJECT_BLAME_NODE, FAILURE_UNKNOWN,
                   "no memory for what other ranks send");
    else if (!f->job_out)
        append(f);
}

static void on_ended(void *arg, enum transfer_end how, uint64_t total,
                     enum failure failure, const char *text)
{
    struct fetch *f = arg;
    f->pull = NULL;
    if (how == TRANSFER_WHOLE && total == received(f)) {
        f->whole = true;
        f->total = total;
        fetch_proceed(f);
    } else if (how == TRANSFER_WHOLE) {
        fetch_stall(f, FAILURE_BLOB_DOWNLOAD_MISC, "it is shorter than it was");
    } else {
        fetch_stall(f, failure,
                    how == TRANSFER_LOST ? "the rank that has it is lost"
                                         : text);
    }
}

static void pull(struct fetch *f)
{
    struct err err;
    struct transfer_sink sink = {
        .piece = on_piece, .ended = on_ended, .arg = f};
    f->pull = transfers_pull(f->stager->config.transfers, f->from, f->object,
                             received(f), &sink, &err);
    if (!f->pull)
        fetch_stall(f, FAILURE_BLOB_DOWNLOAD_MISC, err.text);
}

static void pull_opened(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    if (!fetch_back(f))
        return;
    if (rc < 0) {
        fetch_fail(f, OBJECT_BLAME_NODE, fetch_write_failure(err->code),
                   err->text);
        return;
    }
    if (f->found) {
        fetch_got(f);
        return;
    }
    f->state = FETCH_PULLING;
    if (serve_was_asked(f->stager, f->object))
        fetch_serve(f->stager, f->object);
    fetch_proceed(f);
}

void fetch_step_peer(struct fetch *f)
{
    if (!f->partial) {
        f->state = FETCH_OPENING;
        f->bytes = 0;
        f->whole = false;
        buf_reset(&f->incoming);
        fetch_start_job(f, open_pull, pull_opened, true);
    } else if (f->incoming.len > 0) {
        append(f);
    } else if (f->whole) {
        f->state = FETCH_SEALING;
        fetch_start_job(f, seal_work, sealed, false);
    } else if (!f->pull) {
        pull(f);
    }
}
