/* Bytes from rank to rank: see transfer.h. Owns the turn, the messages, and
 * what the death of a rank means; its parts: transfer_parts.h. */
#include "config.h"
#include "bulk/transfer_parts.h"

#include <errno.h>
#include <sched.h>

#include "base/mem.h"
#include "base/quantity.h"

/* Bytes are on their way, but none came for so long: the loop may nap.
 * Measured: within a host a nap costs more CPU time than it saves, and most of
 * the speed; over TCP it halves the CPU time and costs no speed where cores are
 * shared. */
#define SPIN_NEAR_NS (200 * NS_PER_US)
#define SPIN_FAR_NS  (50 * NS_PER_US)

bool transfers_tell(struct transfers *t, uint32_t peer,
                    const struct stage_msg *m)
{
    buf_reset(&t->message);
    return stage_msg_put(&t->message, m) == 0 &&
           comm_send(t->comm, peer, COMM_TO_TRANSFER, t->message.data,
                     t->message.len, NULL) == 0;
}

void transfers_moved(struct transfers *t, uint32_t peer)
{
    t->moved = true;
    t->spin_ns = comm_is_near(t->comm, peer) ? SPIN_NEAR_NS : SPIN_FAR_NS;
}

bool transfers_turn(struct transfers *t, int64_t now_ns)
{
    serves_turn(t, now_ns);
    if (t->moved)
        t->moved_ns = now_ns;
    bool moved = t->moved;
    t->moved = false;
    if (moved || !transfers_busy(t) || now_ns - t->moved_ns > t->spin_ns)
        return moved;
    sched_yield();
    return true;
}

/* ---- Deaths ---- */

/* Drop what we had with a rank that comm has forgotten. */
static void peer_lost(struct transfers *t, uint32_t rank)
{
    serves_lost(t, rank);
    pulls_lost(t, rank);
}

void transfers_lost(struct transfers *t, uint32_t rank)
{
    const struct stage_msg m = {.kind = STAGE_LOST, .u.lost = {rank}};
    if (rank >= comm_size(t->comm) || rank == comm_rank(t->comm))
        return;
    comm_forget(t->comm, rank);
    peer_lost(t, rank);
    if (comm_rank(t->comm) != 0)
        return;
    for (uint32_t i = 1; i < comm_size(t->comm); i++)
        if (i != rank)
            transfers_tell(t, i, &m);
}

static void on_gone(void *arg, uint32_t peer, const char *why)
{
    (void)why;
    peer_lost(arg, peer);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct transfers *t = arg;
    struct stage_msg m;
    if (stage_msg_parse(data, len, NULL, &m, NULL) < 0)
        return;
    switch (m.kind) {
    case STAGE_PULL:
        serves_take_pull(t, peer, &m);
        break;
    case STAGE_MORE:
        serves_take_more(t, peer, &m);
        break;
    case STAGE_CANCEL:
        serves_take_cancel(t, peer, &m);
        break;
    case STAGE_PIECE:
        pulls_take_piece(t, peer, &m);
        break;
    case STAGE_END:
        pulls_take_end(t, peer, &m);
        break;
    case STAGE_LOST:
        if (peer == 0)
            transfers_lost(t, m.u.lost.rank);
        break;
    default:
        break;
    }
}

/* ---- Start and end ---- */

struct transfers *transfers_create(struct comm *bulk, struct io *io,
                                   struct err *err)
{
    struct transfers *t = mem_calloc(1, sizeof(*t));
    if (!t) {
        err_set(err, ENOMEM, "transfer: no memory");
        return NULL;
    }
    t->comm = bulk;
    t->io = io;
    map_init(&t->sources);
    map_init(&t->by_pull);
    map_init(&t->pulls);
    buf_init(&t->message, STAGE_MSG_MAX_BYTES);
    comm_listen(bulk, COMM_TO_TRANSFER,
                &(struct comm_handler){
                    .message = on_message, .gone = on_gone, .arg = t});
    return t;
}

void transfers_destroy(struct transfers *t)
{
    if (!t)
        return;
    comm_listen(t->comm, COMM_TO_TRANSFER, &(struct comm_handler){0});
    serves_free_all(t);
    pulls_free_all(t);
    map_fini(&t->sources);
    map_fini(&t->by_pull);
    map_fini(&t->pulls);
    buf_fini(&t->message);
    mem_free(t);
}

bool transfers_busy(const struct transfers *t)
{
    return t->first_pull || t->serves;
}
