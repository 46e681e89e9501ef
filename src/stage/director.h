/* Who reads what from where: each object once from shared storage, and from
 * there through a tree to all nodes that want it.
 *
 * A pure machine at rank 0: no clock, no I/O, no MPI. Its inputs are the calls
 * below; its outputs are the actions that director_next hands out. The same
 * inputs give the same outputs.
 *
 * It knows for each object which nodes have it and which fetch it. A rank that
 * wants one for its node is told HAVE (its node's cache has it), FETCH (get
 * it, from the origin or from a peer that has it or fetches it itself, then
 * say so), or ERROR. Who wants it on the same node meanwhile waits for that
 * fetch. A server has few children (the fan-out), the shallowest with room is
 * taken, so that n nodes make a tree of about log2(n) levels through which the
 * bytes flow while they are still being read.
 *
 * It also hands out the streams: how many ranks may read from, or write to,
 * shared storage at once. A fetch from the origin holds one without asking.
 *
 * Invariants (each checked by the property tests): an object is fetched from
 * its origin by one rank at a time, and by none while a node has it; no more
 * streams are out than there may be; no pull from a lost rank, or from one
 * that neither has the object nor fetches it; no cycle; no server with more
 * children than the fan-out; when all behave, each want is answered.
 */
#ifndef MPIBATCH_STAGE_DIRECTOR_H
#define MPIBATCH_STAGE_DIRECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/failure.h"
#include "model/object.h"

/* Instead of a rank: the object's own place. */
#define DIRECTOR_ORIGIN UINT32_MAX
/* A HAVE that answers no want: be ready to serve the object. */
#define DIRECTOR_NO_WANT UINT64_MAX

enum {
    DIRECTOR_FANOUT = 2,
    DIRECTOR_MAX_KEY = 16 * 1024,
    DIRECTOR_MAX_TRIES = 8,   /* of one node, after others' failures */
    DIRECTOR_MAX_TEXT = 1024, /* of a failure, with its NUL */
    DIRECTOR_MAX_ASKED = 4096 /* wants, and streams, of one rank at once */
};
#define DIRECTOR_MAX_BYTES ((size_t)64 << 20)

struct director;

struct director_config {
    uint32_t rank_count;
    const uint32_t *rank_nodes; /* node of each rank, < rank_count; copied */
    uint32_t max_streams;       /* at least 1 */
    uint32_t fanout;            /* at least 1; 0: DIRECTOR_FANOUT */
    size_t max_bytes; /* of memory; 0: DIRECTOR_MAX_BYTES. What nobody fetches
                         is forgotten first, and read anew when it is wanted */
};

/* Nobody has anything. NULL with err: EINVAL, ENOMEM. */
struct director *director_create(const struct director_config *config,
                                 struct err *err);
void director_destroy(struct director *d);

/* ---- Inputs. What is stale, of a lost rank or unknown is ignored. ---- */

/* rank wants the object for its node, and calls this want by a number of its
 * own (not DIRECTOR_NO_WANT). One HAVE or ERROR answers it. -1 with err:
 * ENOMEM, EINVAL (kind, or length of key), EMFILE (the rank has too many open),
 * ENOBUFS (over max_bytes). */
int director_want(struct director *d, uint32_t rank, uint64_t want,
                  enum object_kind kind, const char *key, struct err *err);

/* The rank that was told to fetch has it, all of it: it is in its node's cache
 * under this meta (of OBJECT_PACKAGE: unpacked; meta does not matter). */
void director_got(struct director *d, uint32_t rank, uint64_t object,
                  const struct object_meta *meta);

/* It could not fetch it. parent: where it tried to get it from (a rank, or
 * DIRECTOR_ORIGIN); if it has been told another meanwhile, the failure is
 * stale. failure and text are for who waits: the director does not read them.
 * Blame of the source by who pulls from a peer is blame of that peer. */
void director_failed(struct director *d, uint32_t rank, uint64_t object,
                     enum object_blame blame, uint32_t parent,
                     enum failure failure, const char *text);

/* The node's cache has it no more. */
void director_missing(struct director *d, uint32_t rank, uint64_t object);

/* rank would like a stream, under a number of its own; a GRANT answers. -1
 * with err: ENOMEM, EMFILE, ENOBUFS. director_stream_done gives it back, or
 * says that it is not needed any more. */
int director_stream_ask(struct director *d, uint32_t rank, uint64_t id,
                        struct err *err);
void director_stream_done(struct director *d, uint32_t rank, uint64_t id);

/* The rank is dead. What it fetched, others take over. */
void director_lost(struct director *d, uint32_t rank);

/* ---- Outputs ---- */

enum director_action_kind {
    DIRECTOR_HAVE,  /* id: the want, or DIRECTOR_NO_WANT; object, meta */
    DIRECTOR_FETCH, /* object, kind, key, from, has_meta, meta. If the rank
                       fetches it already: go on from there, at the offset
                       where you are */
    DIRECTOR_ERROR, /* id: the want; object, failure, text. A rank that
                       fetches the object gives up */
    DIRECTOR_GRANT  /* id: the stream */
};

struct director_action {
    enum director_action_kind kind;
    uint32_t rank; /* to be told */
    uint64_t id;
    uint64_t object;
    enum object_kind object_kind;
    const char *key; /* borrowed until the next call of anything here */
    uint32_t from;   /* a rank, or DIRECTOR_ORIGIN */
    bool has_meta;   /* what it must turn out to be is known */
    struct object_meta meta;
    enum failure failure;
    const char *text; /* borrowed as key */
};

/* The next thing to do, in order; false: nothing more now. To be called until
 * it says so after each turn's inputs. Memory that lacks never loses an
 * action. */
bool director_next(struct director *d, struct director_action *action);

/* ---- Questions ---- */

struct director_stats {
    uint32_t objects, fetching; /* known; nodes that fetch, or wait to */
    uint32_t streams, streams_waiting;
    uint64_t origin_fetches, pulls; /* FETCH actions so far, of each kind */
    size_t bytes;                   /* of memory */
};
void director_stats(const struct director *d, struct director_stats *stats);

#endif
