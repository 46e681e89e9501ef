/* What we pull from others: see transfer_parts.h. Owns our pulls, and the
 * credit that they give: no more is on its way than was asked for.
 */
#include "config.h"
#include "bulk/transfer_parts.h"

#include <errno.h>

#include "base/mem.h"

/* New credit is given when this part of the window is free. */
enum { CREDIT_PARTS = 4 };

static void pull_free(struct transfers *t, struct pull *p)
{
    map_remove(&t->pulls, p->id);
    if (p->next)
        p->next->previous = p->previous;
    if (p->previous)
        p->previous->next = p->next;
    else
        t->first_pull = p->next;
    mem_free(p);
}

static void pull_end(struct transfers *t, struct pull *p, enum transfer_end end,
                     uint64_t total, enum failure failure, const char *text)
{
    struct transfer_sink sink = p->sink;
    pull_free(t, p);
    t->moved = true;
    sink.ended(sink.arg, end, total, failure, text);
}

struct pull *transfers_pull(struct transfers *t, uint32_t from, uint64_t handle,
                            uint64_t offset, const struct transfer_sink *sink,
                            struct err *err)
{
    struct pull *p = mem_calloc(1, sizeof(*p));
    struct stage_msg m = {.kind = STAGE_PULL};
    if (!p)
        goto nomem;
    do
        t->next_id++;
    while (map_get(&t->pulls, t->next_id, NULL));
    *p = (struct pull){.transfers = t,
                       .sink = *sink,
                       .id = t->next_id,
                       .from = from,
                       .offset = offset,
                       .credit = TRANSFER_WINDOW_BYTES};
    m.u.pull.pull = p->id;
    m.u.pull.handle = handle;
    m.u.pull.offset = offset;
    m.u.pull.credit = p->credit;
    buf_reset(&t->message);
    if (transfers_put(&t->pulls, p->id, p) < 0)
        goto nomem;
    if (stage_msg_put(&t->message, &m) < 0) {
        map_remove(&t->pulls, p->id);
        goto nomem;
    }
    if (comm_send(t->comm, from, COMM_TO_TRANSFER, t->message.data,
                  t->message.len, err) < 0) {
        map_remove(&t->pulls, p->id);
        mem_free(p);
        return NULL;
    }
    p->next = t->first_pull;
    if (t->first_pull)
        t->first_pull->previous = p;
    t->first_pull = p;
    return p;
nomem:
    mem_free(p);
    err_set(err, ENOMEM, "transfer: no memory to pull a file");
    return NULL;
}

void transfers_consumed(struct pull *p, uint64_t bytes)
{
    p->consumed += bytes;
    if (p->consumed < TRANSFER_WINDOW_BYTES / CREDIT_PARTS)
        return;
    if (!transfers_tell(p->transfers, p->from,
                        &(struct stage_msg){.kind = STAGE_MORE,
                                            .u.more = {p->id, p->consumed}}))
        return; /* with the next bytes */
    p->credit += p->consumed;
    p->consumed = 0;
}

void transfers_cancel(struct pull *p)
{
    transfers_tell(
        p->transfers, p->from,
        &(struct stage_msg){.kind = STAGE_CANCEL, .u.cancel = {p->id}});
    pull_free(p->transfers, p);
}

static void pull_broken(struct transfers *t, struct pull *p)
{
    transfers_tell(
        t, p->from,
        &(struct stage_msg){.kind = STAGE_CANCEL, .u.cancel = {p->id}});
    pull_end(t, p, TRANSFER_REFUSED, 0, FAILURE_UNKNOWN,
             "a rank sent something else than was asked for");
}

void pulls_take_piece(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m)
{
    struct pull *p = transfers_find(&t->pulls, m->u.piece.pull);
    size_t len = m->u.piece.len;
    if (!p || p->from != peer)
        return; /* of a pull that was cancelled */
    if (m->u.piece.offset != p->offset || len > p->credit) {
        pull_broken(t, p);
        return;
    }
    p->offset += len;
    p->credit -= len;
    transfers_moved(t, peer);
    p->sink.piece(p->sink.arg, m->u.piece.offset, m->u.piece.data, len);
}

void pulls_take_end(struct transfers *t, uint32_t peer,
                    const struct stage_msg *m)
{
    struct pull *p = transfers_find(&t->pulls, m->u.end.pull);
    if (!p || p->from != peer)
        return;
    if (m->u.end.failure != FAILURE_NONE)
        pull_end(t, p, TRANSFER_REFUSED, 0, m->u.end.failure, m->u.end.text);
    else if (m->u.end.total != p->offset)
        pull_broken(t, p);
    else
        pull_end(t, p, TRANSFER_WHOLE, p->offset, FAILURE_NONE, "");
}

void pulls_lost(struct transfers *t, uint32_t rank)
{
    for (struct pull *p = t->first_pull; p;) {
        if (p->from != rank) {
            p = p->next;
            continue;
        }
        pull_end(t, p, TRANSFER_LOST, 0, FAILURE_UNKNOWN, "its rank is lost");
        p = t->first_pull; /* what is left of the list now */
    }
}

void pulls_free_all(struct transfers *t)
{
    while (t->first_pull)
        pull_free(t, t->first_pull);
}
