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

/* What the maps and a heap need for one more. */
enum { DIRECTOR_INDEX_BYTES = 3 * sizeof(struct map_entry) };
/* Instead of a slot: none. */
#define DIRECTOR_NO_SLOT UINT32_MAX

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
    uint32_t slot_count, slot_cap, free_slot; /* DIRECTOR_NO_SLOT */
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

/* ---- director_object.c: objects, their copies, and memory for all ---- */

/* Memory that counts, all 0; NULL: none. It is given back with its size. */
void *director_take(struct director *d, size_t size);
void director_give(struct director *d, void *p, size_t size);

/* A note with one holder (director.spare where there is no memory). */
struct note *note_create(struct director *d, enum failure failure,
                         const char *text);
void note_release(struct director *d, struct note *n);

struct object *object_find(const struct director *d, enum object_kind kind,
                           const char *key);
struct object *object_by_id(const struct director *d, uint64_t id);
/* Put in a new one; NULL: no memory. */
struct object *object_add(struct director *d, enum object_kind kind,
                          const char *key);
void object_free(struct director *d, struct object *o);
/* While an object is worked on it stays. Without copies it goes then; without
 * one that fetches it is idle. */
void object_enter(struct object *o);
void object_leave(struct director *d, struct object *o);

struct copy *copy_find(const struct director *d, const struct object *o,
                       uint32_t node);
/* Put in one, COPY_NEW, for the rank's node; NULL: no memory. */
struct copy *copy_add(struct director *d, struct object *o, uint32_t rank);
void copy_set_rank(struct director *d, struct copy *c, uint32_t rank);
/* It hangs nowhere, nothing hangs below it, nobody waits for it. */
void copy_free(struct director *d, struct copy *c);

/* ---- director_fate.c: what becomes of copies ---- */

/* Out of the tree and away; what hung below it finds other parents. */
void copy_remove(struct director *d, struct copy *c);
/* From the start, by one who waits for it: what fails is told to who waits, so
 * that whoever fetches hears of it. */
void copy_restart(struct director *d, struct copy *c);

/* ---- director_want.c: what ranks want ---- */

/* It waits no more: the object is there. */
void want_answer(struct director *d, struct want *w, const struct object *o);
/* All who wait for the copy are told that it failed, and why. */
void copy_fail_waiters(struct director *d, struct copy *c, struct note *note);
void want_free(struct director *d, struct want *w);
/* May the rank ask for one thing more, that takes so much memory? 0, or -1 with
 * err: EMFILE, ENOBUFS. */
int director_may_ask(struct director *d, uint32_t rank, size_t size,
                     struct err *err);

/* ---- director_stream.c: who reads and writes shared storage ---- */

/* Give out streams while there are any. */
void streams_grant(struct director *d);
/* A root has no use for its stream any more, if it had one: others get it. */
void streams_release(struct director *d, bool has_stream);
void stream_free(struct director *d, struct stream *s);

/* ---- director_next.c: what is told ---- */

/* Say it, behind all that is to be said already. */
void director_emit(struct director *d, struct out *out);
/* The text that the last action has borrowed is free to go. */
void director_hush(struct director *d);

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
/* The root, which has a stream, or needs none, reads the origin. */
void tree_start_root(struct director *d, struct copy *c);

int copy_compare(const struct heap_node *a, const struct heap_node *b);

#endif
