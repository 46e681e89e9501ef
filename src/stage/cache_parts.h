/* What the files of the cache share.
 *
 * DIR/objects/HH/HEX    entries: HEX is the digest, HH its first two digits
 * DIR/tmp/p-BYTES-N     partials: BYTES are reserved for it, N is random
 * DIR/sources/HEX       what a source had, by the digest of its identity
 * DIR/state             eight bytes: how much all entries and partials take
 *
 * A partial is locked by whoever makes it: one that is not is a leftover. The
 * lock of state guards all changes, between processes; a mutex does between
 * threads. The number in it may be too high after a SIGKILL, never too low; it
 * is found anew before anything is evicted.
 */
#ifndef MPIBATCH_STAGE_CACHE_PARTS_H
#define MPIBATCH_STAGE_CACHE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/err.h"
#include "stage/cache.h"

/* When all entries were modified, in seconds since the epoch (2001-09-09): who
 * writes to one gives it another time. */
enum { CACHE_SEAL_S = 1000000000 };

/* An entry as it was made, of so many bytes? */
static inline bool cache_is_sealed(const struct stat *st, uint64_t bytes)
{
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == bytes &&
           st->st_mtim.tv_sec == CACHE_SEAL_S;
}

struct cache {
    char *dir;
    int fd, objects, tmp, sources, state; /* open */
    struct cache_config config;
    uint64_t max_bytes;
    pthread_mutex_t lock;
    atomic_uint_least64_t hits, misses, evictions, evicted_bytes, poisoned;
};

/* "HH/HEX" of a digest, within objects. */
enum { CACHE_NAME_BYTES = CHECKSUM_TEXT_BYTES + 3 };
void cache_name(const struct digest *digest, char name[CACHE_NAME_BYTES]);

/* Lock the state, for at most a minute. -1 with err ETIMEDOUT, or its errno. */
int cache_lock(struct cache *c, struct err *err);
void cache_unlock(struct cache *c);

/* What an entry of so many bytes counts as: whole blocks of a disk. */
uint64_t cache_cost(uint64_t bytes);

/* With the lock held: */

/* How much entries and partials take, and set it. */
int cache_get_used(struct cache *c, uint64_t *used, struct err *err);
int cache_set_used(struct cache *c, uint64_t used, struct err *err);
/* Less, or more; never below nothing. */
int cache_change_used(struct cache *c, uint64_t less, uint64_t more,
                      struct err *err);
/* Make room for so much more (a cost), evicting if need be, and count it as
 * used. -1 with err ENOSPC. patient: what was used just now stays, and 1 means
 * that there will be room later. */
int cache_reserve(struct cache *c, uint64_t bytes, bool patient,
                  struct err *err);
/* Remove the leftovers of killed processes in tmp; *live: what the partials of
 * others have reserved. */
int cache_sweep_tmp(struct cache *c, uint64_t *live, struct err *err);

#endif
