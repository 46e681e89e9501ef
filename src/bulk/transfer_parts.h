/* The parts of transfers: serves (pulls of others that we serve), what of their
 * files is in memory, our own pulls.
 *
 * Callbacks may end any serve, pull or source. So nothing is used behind one
 * but what is looked up again; and a walk of the serves meets entries that are
 * over, which are freed when it is done (dead).
 */
#ifndef MPIBATCH_BULK_TRANSFER_PARTS_H
#define MPIBATCH_BULK_TRANSFER_PARTS_H

#include "bulk/transfer.h"

#include "base/buf.h"
#include "base/map.h"

enum {
    TRANSFER_CHUNK_BYTES = 256 * 1024,
    TRANSFER_MAX_CHUNKS = 64 /* in memory at once */
};

struct read;

/* Something that is served. */
struct source {
    struct transfer_source of;
    uint64_t handle;
    uint32_t serves, reads; /* pulls of it; reads under way */
    bool gone;              /* unserved: freed with the last read */
    bool waits;             /* the page cache cannot be asked */
};

/* A pull of another rank. */
struct serve {
    struct serve *next, *previous;
    uint64_t handle;
    struct source *source; /* NULL: not served yet */
    uint32_t peer, pull;
    uint64_t offset; /* of the next byte to send */
    uint64_t credit;
    int64_t since_ns; /* waits for its source; 0: not looked at yet */
    char *chunk;
    size_t at, len; /* what of the chunk is to be sent */
    struct read *read;
    bool dead;
};

struct pull {
    struct transfers *transfers;
    struct pull *next, *previous;
    struct transfer_sink sink;
    uint32_t id, from;
    uint64_t offset;   /* of the next byte to come */
    uint64_t credit;   /* given and not used */
    uint64_t consumed; /* to be given anew */
};

struct transfers {
    struct comm *comm;
    struct io *io;
    struct map sources;                /* struct source by handle */
    struct map by_pull;                /* struct serve by peer and pull */
    struct map pulls;                  /* struct pull by id */
    struct serve *serves, *last_serve; /* in the order they came */
    struct pull *first_pull;
    uint32_t serve_count, chunk_count, next_id;
    bool (*unknown)(void *arg, uint64_t handle);
    void *unknown_arg;
    struct buf message;
    int64_t moved_ns; /* the turn in which bytes moved last, and */
    int64_t spin_ns;  /* how long to wait for others without a nap */
    bool moved, walking;
};

/* What a map has at key, or NULL; put it there, -1: no memory. */
static inline void *transfers_find(const struct map *m, uint64_t key)
{
    uint64_t value;
    return map_get(m, key, &value) ? (void *)(uintptr_t)value : NULL;
}

static inline int transfers_put(struct map *m, uint64_t key, void *to)
{
    return map_set(m, key, (uint64_t)(uintptr_t)to);
}

/* ---- transfer.c ---- */

/* Send a small message. false: no memory, or the rank is gone. */
bool transfers_tell(struct transfers *t, uint32_t peer,
                    const struct stage_msg *m);
/* Bytes have moved from or to peer. */
void transfers_moved(struct transfers *t, uint32_t peer);

/* ---- transfer_serve.c: sources and serves ---- */

/* Free it, if it is served no more and no thread reads it. */
void source_release(struct source *s);
/* End it, and tell its puller why. */
void serve_refuse(struct transfers *t, struct serve *s, enum failure failure,
                  const char *text);
/* Send what may be sent of all, end what has waited too long. */
void serves_turn(struct transfers *t, int64_t now_ns);
/* Messages of pullers. */
void serves_take_pull(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m);
void serves_take_more(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m);
void serves_take_cancel(struct transfers *t, uint32_t peer,
                        const struct stage_msg *m);
/* The puller is gone. */
void serves_lost(struct transfers *t, uint32_t rank);
/* All serves and sources, without a word. */
void serves_free_all(struct transfers *t);

/* ---- transfer_read.c: what is in memory of what is served ---- */

/* Bytes to send next, in memory: a pointer, and in *len how many; NULL: not
 * now (or the serve has ended). */
const char *serve_next_bytes(struct transfers *t, struct serve *s, size_t *len);
void serve_drop_chunk(struct transfers *t, struct serve *s);
/* Nobody waits for its read any more: a thread may still have it. */
void serve_drop_read(struct transfers *t, struct serve *s);

/* ---- transfer_pull.c: our own pulls ---- */

/* Messages of who serves. */
void pulls_take_piece(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m);
void pulls_take_end(struct transfers *t, uint32_t peer,
                    const struct stage_msg *m);
/* Who serves is gone. */
void pulls_lost(struct transfers *t, uint32_t rank);
/* All of them, without a word. */
void pulls_free_all(struct transfers *t);

#endif
