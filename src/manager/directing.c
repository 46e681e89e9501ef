/* The director bound to the bulk channel: see directing.h. */
#include "config.h"
#include "manager/directing.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/stage_msg.h"

struct directing {
    struct directing_config config;
    struct director *director;
    struct buf out;
};

static void tell(struct directing *d, uint32_t rank, const struct stage_msg *m)
{
    struct err err = {0};
    buf_reset(&d->out);
    if (stage_msg_put(&d->out, m) == 0 &&
        comm_send(d->config.bulk, rank, COMM_TO_STAGER, d->out.data, d->out.len,
                  &err) == 0)
        return;
    if (err.code != EPIPE) /* it is gone: we shall hear of it */
        log_error("cannot tell rank %u what to stage: %s", rank,
                  err.code ? err.text : "no memory");
}

static struct stage_msg message_of(const struct director_action *a)
{
    switch (a->kind) {
    case DIRECTOR_HAVE:
        return (struct stage_msg){.kind = STAGE_HAVE,
                                  .u.have = {a->id, a->object, a->meta}};
    case DIRECTOR_FETCH:
        return (struct stage_msg){.kind = STAGE_FETCH,
                                  .u.fetch = {a->object, a->object_kind, a->key,
                                              a->from, a->has_meta, a->meta}};
    case DIRECTOR_ERROR:
        return (struct stage_msg){
            .kind = STAGE_ERROR,
            .u.error = {a->id, a->object, a->failure, a->text}};
    case DIRECTOR_GRANT:
        break;
    }
    return (struct stage_msg){.kind = STAGE_GRANT, .u.stream = {a->id}};
}

static void act(struct directing *d)
{
    struct director_action a;
    while (director_next(d->director, &a)) {
        struct stage_msg m = message_of(&a);
        tell(d, a.rank, &m);
    }
}

static void on_want(struct directing *d, uint32_t rank,
                    const struct stage_msg *m)
{
    struct err err;
    if (director_want(d->director, rank, m->u.want.want, m->u.want.kind,
                      m->u.want.key, &err) < 0)
        tell(d, rank,
             &(struct stage_msg){
                 .kind = STAGE_ERROR,
                 .u.error = {m->u.want.want, 0, FAILURE_UNKNOWN, err.text}});
}

static void on_ask(struct directing *d, uint32_t rank, uint64_t stream)
{
    struct err err;
    if (director_stream_ask(d->director, rank, stream, &err) == 0)
        return;
    /* Better one stream too many than an upload that waits for ever. */
    log_warning("rank %u writes to storage without a stream: %s", rank,
                err.text);
    tell(d, rank,
         &(struct stage_msg){.kind = STAGE_GRANT, .u.stream = {stream}});
}

static void on_message(void *arg, uint32_t rank, const void *data, size_t len)
{
    struct directing *d = arg;
    struct stage_msg m;
    struct err err;
    if (stage_msg_parse(data, len, NULL, &m, &err) < 0) {
        log_warning("a message of rank %u about staging cannot be read: %s",
                    rank, err.text);
        return;
    }
    switch (m.kind) {
    case STAGE_WANT:
        on_want(d, rank, &m);
        break;
    case STAGE_GOT:
        director_got(d->director, rank, m.u.got.object, &m.u.got.meta);
        break;
    case STAGE_FAILED:
        director_failed(d->director, rank, m.u.failed.object, m.u.failed.blame,
                        m.u.failed.parent, m.u.failed.failure, m.u.failed.text);
        break;
    case STAGE_MISSING:
        director_missing(d->director, rank, m.u.missing.object);
        break;
    case STAGE_STREAM_ASK:
        on_ask(d, rank, m.u.stream.stream);
        break;
    case STAGE_STREAM_DONE:
        director_stream_done(d->director, rank, m.u.stream.stream);
        break;
    case STAGE_COUNTS_SUM:
        if (d->config.counts)
            d->config.counts(d->config.arg, rank, &m.u.counts);
        break;
    default:
        break;
    }
    act(d);
}

struct directing *directing_create(const struct directing_config *config,
                                   struct err *err)
{
    struct directing *d = mem_calloc(1, sizeof(*d));
    struct comm_handler handler = {.message = on_message, .arg = d};
    if (!d) {
        err_set(err, ENOMEM, "no memory to direct staging");
        return NULL;
    }
    d->config = *config;
    buf_init(&d->out, STAGE_MSG_MAX_BYTES);
    d->director = director_create(&config->director, err);
    if (!d->director) {
        mem_free(d);
        return NULL;
    }
    comm_listen(config->bulk, COMM_TO_DIRECTOR, &handler);
    return d;
}

void directing_destroy(struct directing *d)
{
    if (!d)
        return;
    director_destroy(d->director);
    buf_fini(&d->out);
    mem_free(d);
}

void directing_lost(struct directing *d, uint32_t rank)
{
    director_lost(d->director, rank);
    act(d);
}

const struct director *directing_director(const struct directing *d)
{
    return d->director;
}
