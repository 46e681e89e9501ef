/* The parts of the stager: items (what this rank wants), fetches (what it gets
 * for its node), holdings (what it can serve). */
#ifndef MPIBATCH_WORKER_STAGER_PARTS_H
#define MPIBATCH_WORKER_STAGER_PARTS_H

#include "worker/stager.h"

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "stage/origin.h"
#include "wire/stage_msg.h"

enum {
    STAGER_MAX_ITEMS = 16384,    /* that nobody waits for */
    STAGER_MAX_HOLDINGS = 65536, /* that can be served without being told */
    STAGER_CHUNK_BYTES = 256 * 1024,
    STAGER_MAX_AGAIN = 5 /* so often is what was evicted fetched again */
};
/* So long a path is believed without a look. */
#define STAGER_LOOKED_NS INT64_C(5000000000)

struct stager {
    struct stager_config config;
    enum { STAGER_SERVING, STAGER_BROKEN, STAGER_STOPPED } state;
    struct buf out;
    int64_t now_ns;
    uint64_t last_id;        /* of wants and streams */
    struct map items_by_key; /* hash: the first of a chain */
    struct map items_by_want;
    struct list items, idle; /* idle: the longest unused first */
    uint32_t idle_count;
    struct map streams;
    struct map fetches; /* object: the one that is not ending */
    struct list all_fetches;
    struct map holdings; /* object */
    struct list old_holdings;
    uint32_t holding_count;
    struct map asked; /* objects that others want to pull, and we do not know */
    struct stage_counts reported;
    struct cache_counts cache_seen; /* what of the cache is counted already */
    int64_t reported_ns;
};

/* Send to the director; what cannot be sent breaks the stager. */
void stager_tell(struct stager *s, const struct stage_msg *m);

/* ---- stager_fetch.c ---- */

struct fetch;

/* The director says so. */
void fetch_told(struct stager *s, const struct stage_msg *m);
/* Nobody wants the object any more. */
void fetch_give_up(struct stager *s, uint64_t object, enum failure failure,
                   const char *text);
/* How far the threads have read: is there more of anything? */
bool fetch_turn(struct stager *s);
/* Serve what there is of the object, or will be; false: it is not fetched. */
bool fetch_serve(struct stager *s, uint64_t object);
/* All of them, as the stager stops; and when no job is under way. */
void fetch_stop_all(struct stager *s);
void fetch_free_all(struct stager *s);

/* ---- stager_serve.c ---- */

/* This node has the object in its cache. */
void holding_add(struct stager *s, uint64_t object,
                 const struct object_meta *meta);
void holding_remove(struct stager *s, uint64_t object);
/* Serve a file that has available bytes, of total in the end; fd is
 * duplicated. */
void serve_file(struct stager *s, uint64_t object, int fd, uint64_t available,
                uint64_t total);
/* Somebody asks for what we do not have yet. */
void serve_note_asked(struct stager *s, uint64_t object);
/* Has somebody asked for it already? */
bool serve_was_asked(struct stager *s, uint64_t object);
void serve_free_all(struct stager *s);
/* transfers_on_unknown. */
bool serve_unknown(void *arg, uint64_t handle);

/* ---- stager_package.c ---- */

/* The folder of the pool's package that key names, or -1 with err. */
int package_folder(const struct stager *s, const char *key, char path[PATH_MAX],
                   struct err *err);

struct unpacking;

/* Get the package's archive and unpack it. done is called once, unless
 * package_stop comes first: rc 0, or -1 with what is wrong. NULL: no memory. */
struct unpacking *package_start(struct stager *s, const char *key,
                                void (*done)(void *arg, int rc,
                                             enum failure failure,
                                             const char *text),
                                void *arg);
void package_stop(struct unpacking *u);

#endif
