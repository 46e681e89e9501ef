/* What a task asks for: slots, on how many nodes, and how much of each
 * resource. Plain data; the spec holds each different request once, and tasks
 * name theirs by index.
 *
 * A plain request (slots on one node, nothing else) costs the scheduler least:
 * its tasks are given ahead.
 */
#ifndef MPIBATCH_MODEL_REQUEST_H
#define MPIBATCH_MODEL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of a resource besides its name. */
enum resource_kind {
    RESOURCE_MEMORY, /* bytes; enforced */
    RESOURCE_GPUS,   /* devices: thousandths of one; told to the task */
    RESOURCE_NAMED   /* thousandths of whatever it is; counted */
};
enum { RESOURCE_ONE = 1000 }; /* of what is counted in thousandths */
enum resource_scope { RESOURCE_OF_NODE, RESOURCE_OF_POOL };

enum {
    REQUEST_MAX_AMOUNTS = 16,  /* of one request */
    JOBSPEC_MAX_RESOURCES = 64 /* of all pools together, each name once */
};

struct resource {
    const char *name; /* "memory", "gpus", or the user's */
    enum resource_kind kind;
    enum resource_scope scope;
};

/* So much of the resource with that index in the spec. */
struct amount {
    uint32_t resource;
    uint64_t units; /* bytes, or thousandths */
};

struct request {
    uint32_t slots;               /* at least 1, on each node */
    uint32_t instances;           /* at least 1: so many different nodes */
    bool exclusive;               /* nothing else runs on the nodes meanwhile */
    const struct amount *amounts; /* on each node, or once of the pool's;
                                     ascending by resource */
    uint32_t amount_count;
};

/* Slots on one node and nothing else? */
bool request_is_plain(const struct request *r);
bool request_is_same(const struct request *a, const struct request *b);
/* How much of a resource; 0: none is asked for. */
uint64_t request_amount(const struct request *r, uint32_t resource);

#endif
