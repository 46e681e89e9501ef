/* The parts of the director. An object has a copy for each node that has it
 * or is to have it; the copies that fetch are a forest: under the one that
 * reads the origin (the root), and under those that have all of it. */
#ifndef MPIBATCH_STAGE_DIRECTOR_PARTS_H
#define MPIBATCH_STAGE_DIRECTOR_PARTS_H

#include "stage/director.h"

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"

/* So often must a server have been blamed that nobody is sent to it. */
enum { DIRECTOR_MAX_BLAMED = 3 };
/* So many nodes must find fault with a source that all believe it: one node
 * may have lost its mount. */
enum { DIRECTOR_OPINIONS = 2 };

/* What is to be told; queued in director.outs, in order. */
enum out_kind { OUT_WANT, OUT_STREAM, OUT_COPY };
struct out {
    struct list link;
    enum out_kind kind;
};

/* Why, for all who are told so. */
struct note {
    uint32_t holders;
    enum failure failure;
    char text[DIRECTOR_MAX_TEXT];
};

struct want {
    struct out out;      /* it is answered */
    struct list of_copy; /* it waits */
    struct list of_rank;
    uint32_t rank;
    uint64_t id;
    uint64_t object;
    struct object_meta meta; /* answered: HAVE */
    struct note *note;       /* answered: ERROR; else NULL */
};

enum stream_state { STREAM_WAITING, STREAM_GRANTED };
struct stream {
    struct out out;
    struct list queue; /* director.asks, while it waits */
    struct list of_rank;
    enum stream_state state;
    uint32_t rank;
    uint64_t id;
};

enum copy_state {
    COPY_NEW,      /* to be planned, in this very call */
    COPY_PENDING,  /* nobody can serve it yet: the root has not begun */
    COPY_QUEUED,   /* the root, without a stream */
    COPY_FETCHING, /* from its parent; the root: from the origin */
    COPY_CLAIMED,  /* all of it is there, but the root has not said yet what
                      it must be */
    COPY_HAVE
};

struct copy {
    struct heap_node server; /* in object.servers: it has room for a child */
    struct out out;          /* fetching: FETCH; claimed, have: HAVE */
    struct list of_object, of_rank;
    struct list tree; /* in parent.children, object.pending, director.roots */
    struct list children;
    struct list waiters; /* wants */
    struct object *object;
    struct copy *parent; /* NULL: the root, or it does not fetch */
    uint32_t node;
    uint32_t rank; /* who fetches, then who serves */
    uint32_t child_count;
    uint16_t depth;  /* under who has it all, or the root: a guess after
                        changes above */
    uint8_t tries;   /* failures of parents */
    uint8_t blamed;  /* failures of children */
    uint8_t state;   /* enum copy_state */
    bool has_stream; /* a root's */
    bool told;       /* rank knows that it has it */
    struct object_meta claim;
};

struct object {
    struct list idle; /* in director.idle: nobody fetches it */
    struct object *same_hash;
    uint64_t hash;
    uint64_t id; /* slot, and above it how often that was used */
    enum object_kind kind;
    uint32_t copy_count, busy_count; /* busy: not COPY_HAVE */
    uint32_t opinions;               /* nodes that blamed the source */
    uint32_t users;                  /* it is worked on: it must not go */
    struct list copies;
    struct list pending;
    struct heap servers; /* copies with room, the shallowest on top */
    struct copy *root;   /* not of OBJECT_PACKAGE: there each is one */
    bool known;
    struct object_meta meta;
    char key[];
};

struct rank {
    uint32_t node;
    bool lost;
    uint32_t asked;     /* wants and streams */
    struct list copies; /* that it fetches or serves */
    struct list wants;
    struct list streams;
};

struct slot {
    struct object *object; /* NULL: free */
    uint32_t uses;
    uint32_t next_free;
};

struct director {
    uint32_t rank_count, max_streams, fanout;
    size_t max_bytes, bytes;
    struct rank *ranks;
    struct slot *slots;
    uint32_t slot_count, slot_cap, free_slot; /* UINT32_MAX: none */
    struct map by_key;                        /* hash of kind and key: object */
    struct map by_node;                       /* slot and node: copy */
    struct list outs;
    struct list idle;        /* the longest unused first */
    struct list asks, roots; /* who waits for a stream */
    bool asks_turn;
    uint32_t streams;
    uint32_t asks_waiting, roots_waiting, object_count, fetching;
    uint64_t origin_fetches, pulls;
    struct note *said; /* its text is borrowed by the last action */
    struct note spare; /* where there is no memory for one */
};

/* ---- director_tree.c: who fetches from whom ---- */

/* Find a source for a copy that has none; prefer another than avoid (NULL:
 * no matter). */
void tree_plan(struct director *d, struct copy *c, const struct copy *avoid);
/* Those that had to wait, after something has changed. */
void tree_replan(struct director *d, struct object *o);
/* Take a copy out of the tree; what hangs below it stays below it. It is
 * COPY_NEW then, and the stream that it had, if any, goes to others. */
void tree_take(struct director *d, struct copy *c);
/* The same, and what hangs below it finds other parents. */
void tree_cut(struct director *d, struct copy *c);
/* The same, and the copies below hang nowhere: the caller sees to them. */
void tree_scatter(struct director *d, struct copy *c);
/* It has all of it: it serves, and is served no more. */
void tree_complete(struct director *d, struct copy *c, enum copy_state state);
/* Somebody else speaks for the copy: the children are told. */
void tree_speaker(struct director *d, struct copy *c);
/* It can serve again, or less well. */
void tree_offer(struct director *d, struct copy *c);
void tree_set_state(struct director *d, struct copy *c, enum copy_state state);
/* Give out streams while there are any. */
void streams_grant(struct director *d);
/* Say it, behind all that is to be said already. */
void director_emit(struct director *d, struct out *out);

int copy_compare(const struct heap_node *a, const struct heap_node *b);

#endif
