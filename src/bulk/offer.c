/* What a rank offers: see offer.h. Owns the offers: those that rank 0 was told
 * of, a bounded number, and behind them those that wait, in the order in which
 * they came. All are served from the beginning.
 */
#include "config.h"
#include "bulk/offer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

/* Told and not answered, at most: what rank 0 keeps of us is bounded by it. */
enum { OFFERS_AT_ONCE = 64 };

struct offer {
    struct list link; /* in offers.waiting, until it is told */
    uint64_t handle;
    struct buf message; /* until it is told */
    void *memory;       /* what is served, or NULL */
    void (*taken)(void *arg, const struct offer_taken *taken);
    void *arg;
};

struct offers {
    struct comm *comm;
    struct transfers *transfers;
    struct map by_handle;
    struct list waiting;
    uint64_t next_handle;
    uint32_t told;
};

static void on_message(void *arg, uint32_t peer, const void *data, size_t len);

struct offers *offers_create(struct comm *bulk, struct transfers *transfers,
                             struct err *err)
{
    struct offers *o = mem_calloc(1, sizeof(*o));
    if (!o) {
        err_set(err, ENOMEM, "offers: no memory");
        return NULL;
    }
    o->comm = bulk;
    o->transfers = transfers;
    map_init(&o->by_handle);
    list_init(&o->waiting);
    comm_listen(bulk, COMM_TO_OFFERER,
                &(struct comm_handler){.message = on_message, .arg = o});
    return o;
}

static struct offer *offer_find(const struct offers *o, uint64_t handle)
{
    uint64_t value;
    return map_get(&o->by_handle, handle, &value)
               ? (struct offer *)(uintptr_t)value
               : NULL;
}

static void offer_free(struct offer *f)
{
    buf_fini(&f->message);
    mem_free(f->memory);
    mem_free(f);
}

void offers_destroy(struct offers *o)
{
    uint64_t handle, value;
    if (!o)
        return;
    comm_listen(o->comm, COMM_TO_OFFERER, &(struct comm_handler){0});
    for (size_t at = 0; map_next(&o->by_handle, &at, &handle, &value);) {
        transfers_unserve(o->transfers, handle);
        offer_free((struct offer *)(uintptr_t)value);
    }
    map_fini(&o->by_handle);
    mem_free(o);
}

/* Tell rank 0 of those whose turn it is. */
static void tell_more(struct offers *o)
{
    while (o->told < OFFERS_AT_ONCE && !list_empty(&o->waiting)) {
        struct offer *f = LIST_OF(o->waiting.next, struct offer, link);
        if (comm_send(o->comm, 0, COMM_TO_RECEIVER, f->message.data,
                      f->message.len, NULL) < 0)
            return; /* no memory: with the next; or rank 0 is gone */
        list_remove(&f->link);
        buf_fini(&f->message);
        o->told++;
    }
}

/* Take it out. Was rank 0 told of it? */
static bool offer_remove(struct offers *o, struct offer *f)
{
    bool told = list_empty(&f->link);
    if (told)
        o->told--;
    list_remove(&f->link);
    map_remove(&o->by_handle, f->handle);
    transfers_unserve(o->transfers, f->handle);
    return told;
}

/* An offer with this message, served from this source: in m the handle is set
 * here. The handle, or 0 with err. */
static uint64_t offer_add(struct offers *o, struct stage_msg *m,
                          const struct transfer_source *source, void *memory,
                          void (*taken)(void *arg,
                                        const struct offer_taken *taken),
                          void *arg, struct err *err)
{
    struct offer *f = mem_calloc(1, sizeof(*f));
    if (!f)
        goto nomem;
    f->handle = m->u.offer.handle = STAGE_OFFER_BIT | ++o->next_handle;
    f->taken = taken;
    f->arg = arg;
    buf_init(&f->message, STAGE_MSG_MAX_BYTES);
    if (stage_msg_put(&f->message, m) < 0) {
        if (errno == ENOMEM)
            goto nomem;
        err_set(err, EINVAL, "a name or text that is too long to be offered");
        offer_free(f);
        return 0;
    }
    if (map_set(&o->by_handle, f->handle, (uint64_t)(uintptr_t)f) < 0)
        goto nomem;
    if (transfers_serve(o->transfers, f->handle, source, err) < 0) {
        map_remove(&o->by_handle, f->handle);
        goto nomem;
    }
    f->memory = memory;
    list_add(&o->waiting, &f->link);
    uint64_t handle = f->handle;
    tell_more(o);
    return handle;
nomem:
    if (f)
        offer_free(f);
    err_set(err, ENOMEM, "no memory to offer a file");
    return 0;
}

uint64_t offers_file(struct offers *o, const struct offer_file *file,
                     void (*taken)(void *arg, const struct offer_taken *taken),
                     void *arg, struct err *err)
{
    struct stage_msg m = {.kind = STAGE_OFFER};
    struct transfer_source source = {
        .fd = file->fd, .available = file->bytes, .total = file->bytes};
    m.u.offer.what = STAGE_OFFER_FILE;
    m.u.offer.bytes = file->bytes;
    m.u.offer.job = file->job;
    m.u.offer.index = file->index;
    m.u.offer.attempt = file->attempt;
    m.u.offer.mode = file->mode;
    m.u.offer.name = file->name;
    return offer_add(o, &m, &source, NULL, taken, arg, err);
}

uint64_t offers_answer(struct offers *o, const struct offer_answer *answer,
                       void (*taken)(void *arg,
                                     const struct offer_taken *taken),
                       void *arg, struct err *err)
{
    struct stage_msg m = {.kind = STAGE_OFFER};
    struct transfer_source source = {.fd = answer->fd,
                                     .from = answer->from,
                                     .memory = answer->memory,
                                     .available = answer->bytes,
                                     .total = answer->bytes};
    m.u.offer.what = STAGE_OFFER_ANSWER;
    m.u.offer.bytes = answer->bytes;
    m.u.offer.ask = answer->ask;
    m.u.offer.size = answer->size;
    m.u.offer.code = answer->code;
    m.u.offer.text = answer->text;
    return offer_add(o, &m, &source, answer->memory, taken, arg, err);
}

void offers_withdraw(struct offers *o, uint64_t handle)
{
    const struct stage_msg m = {.kind = STAGE_OFFER_GONE, .u.gone = {handle}};
    struct offer *f = offer_find(o, handle);
    struct buf b;
    if (!f)
        return;
    if (offer_remove(o, f)) {
        buf_init(&b, STAGE_MSG_MAX_BYTES);
        if (stage_msg_put(&b, &m) == 0)
            comm_send(o->comm, 0, COMM_TO_RECEIVER, b.data, b.len, NULL);
        buf_fini(&b);
    }
    offer_free(f);
    tell_more(o);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct offers *o = arg;
    struct stage_msg m;
    struct offer *f;
    if (peer != 0 || stage_msg_parse(data, len, NULL, &m, NULL) < 0 ||
        m.kind != STAGE_TAKEN || !(f = offer_find(o, m.u.taken.handle)))
        return;
    const struct offer_taken taken = {.failure = m.u.taken.failure,
                                      .text = m.u.taken.text,
                                      .packed = m.u.taken.packed,
                                      .session = m.u.taken.session,
                                      .offset = m.u.taken.offset,
                                      .digest = m.u.taken.digest};
    offer_remove(o, f);
    if (f->taken)
        f->taken(f->arg, &taken);
    offer_free(f);
    tell_more(o);
}
