/* Ranks as the director sees them, for tests of it: they believe what they are
 * told, and what the director has promised is checked after each step. Steps
 * are drawn from numbers, random ones or a fuzzer's. */
#ifndef MPIBATCH_TESTS_DIRECTOR_WORLD_H
#define MPIBATCH_TESTS_DIRECTOR_WORLD_H

#include "base/mem.h"
#include "stage/director.h"

#include <stdio.h>
#include <string.h>

enum {
    WORLD_MAX_RANKS = 48,
    WORLD_MAX_OBJECTS = 6,
    WORLD_MAX_WANTS = 4000,
    WORLD_MAX_TEXT = 200
};

struct world_fetch {
    bool on;
    bool waits;   /* its parent failed it: it keeps what it has, serves that,
                     and waits for another */
    bool fresh;   /* told since the last check */
    bool stalled; /* who it pulls from has ended: it will be told another */
    uint64_t object;
    uint32_t from;
};

struct world {
    struct director *d;
    uint32_t ranks, nodes, objects, max_streams, fanout;
    uint32_t rank_nodes[WORLD_MAX_RANKS];
    bool lost[WORLD_MAX_RANKS];
    /* Who fetches, who has what: by rank, and by node, and key. */
    struct world_fetch fetch[WORLD_MAX_RANKS][WORLD_MAX_OBJECTS];
    bool have[WORLD_MAX_RANKS][WORLD_MAX_OBJECTS];
    uint64_t ids[WORLD_MAX_OBJECTS]; /* the latest */
    bool blamed[WORLD_MAX_OBJECTS];  /* some server did not deliver */
    bool changed[WORLD_MAX_OBJECTS]; /* the source did: the director may take
                                        the old away from who has it */
    unsigned char version[WORLD_MAX_OBJECTS]; /* its content */
    struct {
        uint32_t rank, key;
        bool open;
    } wants[WORLD_MAX_WANTS];
    uint64_t want_count;
    struct {
        uint32_t rank;
        bool granted, done;
    } asks[WORLD_MAX_WANTS];
    uint64_t ask_count;
    uint32_t answered, errors;
    char wrong[WORLD_MAX_TEXT]; /* "": all is as promised */
};

#define WORLD_WRONG(w, ...)                                                    \
    do {                                                                       \
        if (!(w)->wrong[0])                                                    \
            snprintf((w)->wrong, sizeof((w)->wrong), __VA_ARGS__);             \
    } while (0)

static inline enum object_kind world_kind(uint32_t key)
{
    return key == 1   ? OBJECT_PACKAGE
           : key == 2 ? OBJECT_LIST
           : key == 3 ? OBJECT_URL
                      : OBJECT_FILE;
}

static inline struct object_meta world_meta(const struct world *w, uint32_t key)
{
    struct object_meta m = {.bytes = 1000 + key};
    m.digest.bytes[0] = (unsigned char)key;
    m.digest.bytes[1] = w->version[key];
    return m;
}

static inline int world_init(struct world *w, uint32_t ranks, uint32_t a_node,
                             uint32_t objects, uint32_t streams,
                             uint32_t fanout, size_t max_bytes)
{
    struct director_config config = {.rank_count = ranks,
                                     .rank_nodes = w->rank_nodes,
                                     .max_streams = streams,
                                     .fanout = fanout,
                                     .max_bytes = max_bytes};
    struct err err;
    memset(w, 0, sizeof(*w));
    for (uint32_t r = 0; r < ranks; r++)
        w->rank_nodes[r] = r / a_node;
    w->ranks = ranks;
    w->nodes = (ranks + a_node - 1) / a_node;
    w->objects = objects;
    w->max_streams = streams;
    w->fanout = fanout;
    w->d = director_create(&config, &err);
    return w->d ? 0 : -1;
}

static inline void world_fini(struct world *w)
{
    director_destroy(w->d);
}

static inline uint32_t world_key(const char *key)
{
    return (uint32_t)(key[0] - 'a');
}

/* ---- What the director says ---- */

static inline void world_told_have(struct world *w,
                                   const struct director_action *a)
{
    if (a->id == DIRECTOR_NO_WANT) {
        if (a->meta.bytes == 0)
            WORLD_WRONG(w, "told to serve nothing");
        return;
    }
    if (a->id >= w->want_count || !w->wants[a->id].open ||
        w->wants[a->id].rank != a->rank) {
        WORLD_WRONG(w, "HAVE for no open want");
        return;
    }
    w->wants[a->id].open = false;
    w->answered++;
    uint32_t key = w->wants[a->id].key;
    if (world_kind(key) != OBJECT_PACKAGE && a->meta.bytes != 1000 + key)
        WORLD_WRONG(w, "HAVE of something else");
}

static inline void world_told_error(struct world *w,
                                    const struct director_action *a)
{
    if (a->id >= w->want_count || !w->wants[a->id].open ||
        w->wants[a->id].rank != a->rank || !a->text[0] ||
        a->failure == FAILURE_NONE) {
        WORLD_WRONG(w, "ERROR for no open want, or without a reason");
        return;
    }
    w->wants[a->id].open = false;
    w->answered++;
    w->errors++;
    struct world_fetch *f = &w->fetch[a->rank][w->wants[a->id].key];
    if (f->object == a->object)
        f->on = f->waits = false;
}

static inline bool world_serves(const struct world *w, uint32_t rank,
                                uint32_t key)
{
    return rank < w->ranks && !w->lost[rank] &&
           (w->have[w->rank_nodes[rank]][key] || w->fetch[rank][key].on ||
            w->fetch[rank][key].waits);
}

static inline void world_told_fetch(struct world *w,
                                    const struct director_action *a)
{
    uint32_t key = world_key(a->key);
    if (key >= w->objects || a->object_kind != world_kind(key)) {
        WORLD_WRONG(w, "FETCH of an unknown key");
        return;
    }
    if (a->object >> 63)
        WORLD_WRONG(w, "the highest bit of a handle is others'");
    if (a->from != DIRECTOR_ORIGIN && world_kind(key) == OBJECT_PACKAGE)
        WORLD_WRONG(w, "a package is pulled");
    w->ids[key] = a->object;
    w->fetch[a->rank][key] = (struct world_fetch){
        .on = true, .fresh = true, .object = a->object, .from = a->from};
}

static inline void world_told_grant(struct world *w,
                                    const struct director_action *a)
{
    if (a->id >= w->ask_count || w->asks[a->id].granted ||
        w->asks[a->id].done || w->asks[a->id].rank != a->rank)
        WORLD_WRONG(w, "GRANT that nobody waits for");
    else
        w->asks[a->id].granted = true;
}

/* ---- What it has promised ---- */

static inline bool world_node_fetches(const struct world *w, uint32_t node,
                                      uint32_t key)
{
    for (uint32_t r = 0; r < w->ranks; r++)
        if (w->rank_nodes[r] == node && !w->lost[r] && w->fetch[r][key].on)
            return true;
    return false;
}

static inline void world_check_key(struct world *w, uint32_t key)
{
    uint32_t origins = 0, haves = 0, children[WORLD_MAX_RANKS] = {0};
    bool package = world_kind(key) == OBJECT_PACKAGE;
    for (uint32_t n = 0; n < w->nodes; n++)
        haves += w->have[n][key];
    for (uint32_t r = 0; r < w->ranks; r++) {
        struct world_fetch *f = &w->fetch[r][key];
        bool fresh = f->fresh;
        f->fresh = false;
        if (!f->on || w->lost[r])
            continue;
        if (f->from == DIRECTOR_ORIGIN) {
            origins++;
            continue;
        }
        if (!world_serves(w, f->from, key)) {
            if (fresh)
                WORLD_WRONG(w, "rank %u pulls from %u, which has nothing", r,
                            f->from);
            f->stalled = true;
        }
        if (f->stalled)
            continue;
        if (++children[f->from] > w->fanout && !w->changed[key])
            WORLD_WRONG(w,
                        "rank %u has more children than the fan-out (rank %u)",
                        f->from, r);
        uint32_t at = r;
        for (uint32_t steps = 0;; steps++) {
            if (steps > w->ranks && !w->changed[key])
                WORLD_WRONG(w, "a cycle");
            if (steps > w->ranks)
                break;
            if (at == DIRECTOR_ORIGIN || w->have[w->rank_nodes[at]][key] ||
                !w->fetch[at][key].on || w->fetch[at][key].stalled)
                break;
            at = w->fetch[at][key].from;
        }
    }
    if (!package && origins > 1)
        WORLD_WRONG(w, "%u ranks read the origin of one object", origins);
    if (!package && origins > 0 && haves > 0 && !w->blamed[key] &&
        !w->changed[key])
        WORLD_WRONG(w, "the origin is read though a node has it");
    for (uint32_t n = 0; n < w->nodes; n++) {
        uint32_t at_once = 0;
        for (uint32_t r = 0; r < w->ranks; r++)
            at_once +=
                w->rank_nodes[r] == n && !w->lost[r] && w->fetch[r][key].on;
        if (at_once > 1)
            WORLD_WRONG(w, "two ranks of a node fetch the same");
    }
}

static inline void world_check(struct world *w)
{
    uint32_t streams = 0;
    struct director_stats stats;
    for (uint64_t i = 0; i < w->ask_count; i++)
        streams +=
            w->asks[i].granted && !w->asks[i].done && !w->lost[w->asks[i].rank];
    for (uint32_t k = 0; k < w->objects; k++) {
        world_check_key(w, k);
        for (uint32_t r = 0; r < w->ranks; r++)
            streams += world_kind(k) != OBJECT_PACKAGE && !w->lost[r] &&
                       w->fetch[r][k].on &&
                       w->fetch[r][k].from == DIRECTOR_ORIGIN;
    }
    director_stats(w->d, &stats);
    if (streams > w->max_streams || stats.streams > w->max_streams)
        WORLD_WRONG(w, "%u streams, of at most %u", streams, w->max_streams);
    if (stats.streams < streams)
        WORLD_WRONG(w, "%u streams are out, the director knows of %u", streams,
                    stats.streams);
}

static inline void world_drain(struct world *w)
{
    struct director_action a;
    while (director_next(w->d, &a)) {
        if (a.rank >= w->ranks || w->lost[a.rank]) {
            WORLD_WRONG(w, "a message to a lost rank");
            continue;
        }
        switch (a.kind) {
        case DIRECTOR_HAVE:
            world_told_have(w, &a);
            break;
        case DIRECTOR_ERROR:
            world_told_error(w, &a);
            break;
        case DIRECTOR_FETCH:
            world_told_fetch(w, &a);
            break;
        case DIRECTOR_GRANT:
            world_told_grant(w, &a);
            break;
        }
    }
    world_check(w);
}

/* ---- What ranks do ---- */

static inline void world_want(struct world *w, uint32_t rank, uint32_t key)
{
    struct err err;
    char text[2] = {(char)('a' + key), 0};
    if (w->lost[rank] || w->want_count == WORLD_MAX_WANTS)
        return;
    w->wants[w->want_count].rank = rank;
    w->wants[w->want_count].key = key;
    w->wants[w->want_count].open = true;
    uint64_t id = w->want_count++;
    if (director_want(w->d, rank, id, world_kind(key), text, &err) < 0)
        w->wants[id].open = false;
}

/* Could it have all of it by now, from where it was told? */
static inline bool world_ready(const struct world *w, uint32_t rank,
                               uint32_t key)
{
    const struct world_fetch *f = &w->fetch[rank][key];
    return f->on && !w->lost[rank] &&
           (f->from == DIRECTOR_ORIGIN ||
            (!w->lost[f->from] && w->have[w->rank_nodes[f->from]][key]));
}

/* What was pulled from this node has no source until others are told. */
static inline void world_stall(struct world *w, uint32_t node, uint32_t key)
{
    for (uint32_t r = 0; r < w->ranks; r++) {
        struct world_fetch *f = &w->fetch[r][key];
        if (f->on && f->from < w->ranks && w->rank_nodes[f->from] == node)
            f->stalled = true;
    }
}

static inline void world_got(struct world *w, uint32_t rank, uint32_t key,
                             bool right)
{
    struct world_fetch *f = &w->fetch[rank][key];
    struct object_meta m = world_meta(w, key);
    if (!f->on || w->lost[rank])
        return;
    if (!right)
        m.digest.bytes[5] = 1;
    if (!right || !world_ready(w, rank, key))
        w->blamed[key] = true;
    f->on = false;
    w->have[w->rank_nodes[rank]][key] = true;
    director_got(w->d, rank, f->object, &m);
}

static inline void world_failed(struct world *w, uint32_t rank, uint32_t key,
                                enum object_blame blame)
{
    struct world_fetch *f = &w->fetch[rank][key];
    if (!f->on || w->lost[rank])
        return;
    if (f->from != DIRECTOR_ORIGIN)
        w->blamed[key] = true;
    f->on = false;
    f->waits = f->from != DIRECTOR_ORIGIN && blame != OBJECT_BLAME_NODE;
    world_stall(w, w->rank_nodes[rank], key);
    director_failed(w->d, rank, f->object, blame, f->from,
                    FAILURE_BLOB_NOT_FOUND, "it is not there");
}

static inline void world_missing(struct world *w, uint32_t rank, uint32_t key)
{
    uint32_t node = w->rank_nodes[rank];
    if (w->lost[rank] || !w->have[node][key] ||
        world_node_fetches(w, node, key))
        return;
    w->have[node][key] = false;
    world_stall(w, node, key);
    director_missing(w->d, rank, w->ids[key]);
}

static inline void world_ask(struct world *w, uint32_t rank)
{
    struct err err;
    if (w->lost[rank] || w->ask_count == WORLD_MAX_WANTS)
        return;
    w->asks[w->ask_count].rank = rank;
    uint64_t id = w->ask_count++;
    if (director_stream_ask(w->d, rank, id, &err) < 0)
        w->asks[id].done = true;
}

static inline void world_stream_done(struct world *w, uint64_t id)
{
    if (w->ask_count == 0)
        return;
    id %= w->ask_count;
    if (w->asks[id].done || w->lost[w->asks[id].rank])
        return;
    w->asks[id].done = true;
    director_stream_done(w->d, w->asks[id].rank, id);
}

static inline void world_lose(struct world *w, uint32_t rank)
{
    uint32_t node = w->rank_nodes[rank];
    bool others = false;
    w->lost[rank] = true;
    for (uint32_t k = 0; k < w->objects; k++)
        w->fetch[rank][k].on = false;
    for (uint64_t i = 0; i < w->want_count; i++)
        if (w->wants[i].rank == rank)
            w->wants[i].open = false;
    for (uint32_t r = 0; r < w->ranks; r++)
        others = others || (!w->lost[r] && w->rank_nodes[r] == node);
    if (!others)
        for (uint32_t k = 0; k < w->objects; k++)
            w->have[node][k] = false;
    director_lost(w->d, rank);
}

/* One step: what, who and of what are any numbers. */
static inline void world_step(struct world *w, uint32_t what, uint32_t who,
                              uint32_t which)
{
    uint32_t rank = who % w->ranks, key = which % w->objects;
    what %= 64;
    if (what < 24)
        world_want(w, rank, key);
    else if (what < 44)
        world_got(w, rank, key, true);
    else if (what < 45)
        world_got(w, rank, key, false);
    else if (what < 47)
        world_failed(w, rank, key, OBJECT_BLAME_SOURCE);
    else if (what < 49)
        world_failed(w, rank, key, OBJECT_BLAME_NODE);
    else if (what < 52)
        world_failed(w, rank, key, OBJECT_BLAME_PARENT);
    else if (what < 55)
        world_missing(w, rank, key);
    else if (what < 58)
        world_ask(w, rank);
    else if (what < 62)
        world_stream_done(w, which);
    else if (what < 63 && which % 4 == 0)
        world_lose(w, rank);
    else if (what == 63)
        w->version[key] = (unsigned char)which, w->changed[key] = true;
}

/* All behave from now on: is each want answered in the end? */
static inline void world_finish(struct world *w)
{
    world_drain(w);
    for (uint64_t i = 0; i < w->ask_count; i++)
        world_stream_done(w, i);
    for (uint32_t round = 0; round < 40 * w->ranks; round++) {
        bool busy = false;
        world_drain(w);
        for (uint32_t r = 0; r < w->ranks; r++)
            for (uint32_t k = 0; k < w->objects; k++) {
                bool ready = world_ready(w, r, k);
                busy = busy || ready;
                if (ready)
                    world_got(w, r, k, true);
            }
        if (!busy)
            break;
    }
    world_drain(w);
    for (uint64_t i = 0; i < w->want_count; i++)
        if (w->wants[i].open && !w->lost[w->wants[i].rank])
            WORLD_WRONG(w, "a want is never answered");
}

#endif
