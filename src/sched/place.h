/* Which worker is next to be given a task: a pure table of loads.
 *
 * Workers with the same number of slots form a class; a class has them in two
 * heaps, by slots in use and by work ahead. So the answer costs a look at each
 * class (there are few), and a change of load costs O(log workers).
 */
#ifndef MPIBATCH_SCHED_PLACE_H
#define MPIBATCH_SCHED_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "sched/load.h"

/* A worker in the table; its owner keeps it and calls place_moved when its
 * load has changed. */
struct seat {
    struct heap_node by_used, by_ahead, by_pack;
    bool seated; /* in the table */
    uint32_t id; /* breaks ties: the lower one first */
    struct load load;
};

struct place_class {
    uint32_t slots;
    struct heap by_used, by_ahead, by_pack;
};

struct place {
    bool pack;                   /* fill one seat after the other */
    struct place_class *classes; /* by slots, ascending */
    uint32_t class_count;
    uint64_t slots;   /* of all seats */
    uint64_t busy;    /* of them, those in use */
    uint64_t waiting; /* slots asked for beyond those */
};

void place_fini(struct place *p);

/* Add a seat with load.slots > 0 that is not in it. 0, or -1 (no memory; the
 * table is as it was). Remove one; fine if it is not in it. */
int place_add(struct place *p, struct seat *s);
void place_remove(struct place *p, struct seat *s);

/* Change the load of a seat, in the table or not: as load_add. */
void place_load(struct place *p, struct seat *s, int sign, uint32_t tasks,
                uint32_t slots, int64_t task_ns, int64_t prefetch_ns);

/* The seat with the least slots in use of those that have so many free (pack:
 * the first one of them); NULL: none has. */
struct seat *place_free(const struct place *p, uint32_t slots);

/* The seat with the least work ahead of those that have so many slots at all;
 * NULL: none has. */
struct seat *place_least(const struct place *p, uint32_t slots);

/* The most slots that are free at one seat; that any seat has. */
uint32_t place_most_free(const struct place *p);
uint32_t place_most_slots(const struct place *p);

#endif
