/* The cache of a node: the content of staged files, by its XXH3-128.
 *
 * A folder that all ranks of the node, and sessions that keep it, share without
 * talking to each other. An entry is complete and verified when it appears
 * under its name, and is never changed afterwards: SIGKILL at any time leaves
 * only what nobody finds, and the next who opens the cache removes that. An
 * entry that somebody has written to all the same (through a hard link) is
 * known by its time of modification and dropped. The sum of all entries is
 * bounded: what was not used for longest goes first.
 *
 * All of this waits for the disk: call it in a thread of io. The functions may
 * be called from several threads at a time, but each partial is one thread's at
 * a time.
 */
#ifndef MPIBATCH_STAGE_CACHE_H
#define MPIBATCH_STAGE_CACHE_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/object.h"

struct cache;

struct cache_config {
    uint64_t max_bytes;     /* of all entries; 0: half of what is free */
    uint64_t reserve_bytes; /* of the disk, that the cache never takes */
    bool keep;              /* other sessions will use it: survive power loss */
};

/* Open the cache in the folder dir (absolute, there), or begin it. Leftovers of
 * killed processes are removed. NULL with err. */
struct cache *cache_open(const char *dir, const struct cache_config *config,
                         struct err *err);
void cache_close(struct cache *c);

/* Will other sessions use it? */
bool cache_is_kept(const struct cache *c);

/* The bound that max_bytes or the disk has given. */
uint64_t cache_max_bytes(const struct cache *c);

/* The path of the entry with this content, which counts as a use of it. 1: it
 * is there. 0: it is not (one that was written to is dropped, and counted as
 * poisoned: warn of it). -1 with err. The entry may be evicted at any time:
 * open it, and if it is gone, get it again. */
int cache_find(struct cache *c, const struct digest *digest, uint64_t bytes,
               char path[PATH_MAX], struct err *err);

/* Which content a source (origin_identity's text) had when it was last read,
 * and still is in the cache: 1 with *meta, 0, or -1 with err. */
int cache_find_source(struct cache *c, const char *identity,
                      struct object_meta *meta, struct err *err);
/* Remember it. */
int cache_add_source(struct cache *c, const char *identity,
                     const struct object_meta *meta, struct err *err);

/* An entry that is being made. */
struct partial;

/* Begin one of so many bytes (UINT64_MAX: not known). Room is made by evicting
 * what was not used for longest. NULL with err: ENOSPC (with the limit that was
 * hit), or the errno. */
struct partial *cache_begin(struct cache *c, uint64_t bytes, struct err *err);

/* The same, but when room will come by itself it waits, up to ten minutes: for
 * what others are putting into the cache, and a little before it evicts what
 * was used just now. *stop: give up with ECANCELED once it is true. For a long
 * job of io. */
struct partial *cache_begin_patiently(struct cache *c, uint64_t bytes,
                                      const atomic_bool *stop, struct err *err);

/* Append data: it is hashed and written; long runs of zeros become holes. -1
 * with err; only cache_abort is possible then. */
int cache_append(struct partial *p, const void *data, size_t len,
                 struct err *err);
/* How much was appended. */
uint64_t cache_appended(const struct partial *p);
/* The file, open for reading, too: what was appended may be read from it while
 * more comes. Borrowed until the partial ends; dup it to read on. */
int cache_partial_fd(const struct partial *p);

/* It is complete: the entry is there afterwards, under its digest (*digest),
 * which must be *expected if that is not NULL, as must its size be what
 * cache_begin was told; EBADMSG otherwise. path: of the entry; may be NULL.
 * The partial is freed, also on failure, of which nothing remains. */
int cache_commit(struct partial *p, const struct digest *expected,
                 struct digest *digest, char path[PATH_MAX], struct err *err);
/* Give it up and free it. NULL is fine. */
void cache_abort(struct partial *p);

/* What this process did. */
struct cache_counts {
    uint64_t hits, misses; /* of cache_find */
    uint64_t evictions;    /* entries removed for room */
    uint64_t evicted_bytes;
    uint64_t poisoned; /* entries dropped because somebody wrote to them */
};
void cache_get_counts(struct cache *c, struct cache_counts *counts);

#endif
