/* Fragments in pieces: see growing.h. */
#include "config.h"
#include "worker/growing.h"

#include <errno.h>
#include <inttypes.h>

void growing_init(struct growing *g)
{
    g->number = 0;
    buf_init(&g->b, GROWING_MAX_BYTES);
}

void growing_fini(struct growing *g)
{
    buf_fini(&g->b);
}

int growing_put(struct growing *g, const struct msg *m, bool *complete,
                struct err *err)
{
    uint32_t offset = m->u.fragment.offset;
    if (offset == 0) {
        buf_reset(&g->b);
        g->number = m->u.fragment.number;
    }
    if (m->u.fragment.number != g->number || offset != g->b.len ||
        m->u.fragment.total > GROWING_MAX_BYTES ||
        m->u.fragment.len > m->u.fragment.total - offset)
        return err_set(err, EPROTO,
                       "byte %" PRIu32 " of fragment %" PRIu32
                       " is not what follows",
                       offset, m->u.fragment.number);
    if (buf_put(&g->b, m->u.fragment.bytes, m->u.fragment.len) < 0)
        return err_set(err, ENOMEM, "no memory for tasks that were added");
    *complete = g->b.len == m->u.fragment.total;
    return 0;
}
