/* Grants: what a task has that was placed as a claim: its slots on one or
 * several nodes, and amounts of resources, from when it is given until its
 * process has ended.
 *
 * A task on several nodes has an instance on each: a range at each of their
 * workers, in the same attempt. The first result ends the attempt, whichever
 * instance says it; then all others are ended, and what becomes of the task
 * (to be attempted again) is done when the last of them is gone.
 */
#ifndef MPIBATCH_SCHED_GRANT_H
#define MPIBATCH_SCHED_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/machine.h"

enum part_state {
    PART_NEW, /* to be launched */
    PART_GIVEN,
    PART_READY, /* coordinated */
    PART_TOLD,  /* to end */
    PART_GONE
};

/* One instance. */
struct part {
    enum part_state state;
    enum { PART_HOLDS, PART_FREED } amounts;
    uint32_t gpu_count;
    struct gpu_share *gpus; /* in the grant's */
};

enum grant_state {
    GRANT_NEW,   /* not all are launched */
    GRANT_WAITS, /* for the instances to be ready */
    GRANT_RUNS,
    GRANT_BROKEN, /* an instance was given back: the first one will say how it
                     ends */
    GRANT_ENDED
};

struct grant {
    struct grant *next; /* of those with something to say */
    enum { GRANT_SILENT, GRANT_QUEUED } news;
    enum grant_state state;
    enum { AFTER_NOTHING, AFTER_FRESH, AFTER_TRIED } after; /* put it back */
    uint32_t job, index, attempt, pool;
    enum reason reason; /* ENDED: why the others are ended */
    uint32_t slots;
    bool exclusive;
    enum { LAUNCH_PLAIN, LAUNCH_DETAILED } launch;
    uint64_t memory_bytes;
    int64_t max_wall_clock_ns;
    bool keep_directory;
    struct amount amounts[REQUEST_MAX_AMOUNTS];
    uint32_t amount_count;
    uint32_t part_count, left; /* left: not gone */
    uint32_t *workers;         /* of the parts */
    struct part *parts;
};

/* What a claim asks for now. */
struct want {
    uint32_t job, index, attempt, pool;
    uint32_t slots, instances;
    bool exclusive;
    struct amount amounts[REQUEST_MAX_AMOUNTS];
    uint32_t amount_count;
    uint64_t memory_bytes;
    int64_t max_wall_clock_ns;
    bool keep_directory;
    const struct picky *picky; /* NULL: none */
};

/* Give the workers an instance each. The task is in no set. 0, or -1 (no
 * memory). What is to be said follows by grants_step. */
int grant_make(struct sched *s, int64_t now_ns, const struct want *want,
               const uint32_t *workers);

/* The next thing to say about grants. */
enum step grants_step(struct sched *s, struct sched_action *act);

/* The grant of a task, or NULL. */
struct grant *grant_find(const struct sched *s, uint32_t job, uint32_t index);

/* Range r of w, a part, does not run any more (its slots are free), or is gone.
 */
void grant_part_stored(struct sched *s, struct worker *w,
                       const struct range *r);
void grant_part_gone(struct sched *s, struct worker *w, const struct range *r);

/* The worker of range r, a part, says that it has ended: is that nothing new of
 * the attempt? Then the part is gone. */
bool grant_takes_end(struct sched *s, struct worker *w, struct range *r,
                     const struct attempt *a);
/* It gives the part back: is that another matter than with plain tasks? Then it
 * is done: the attempt will not be, and the part is gone. */
bool grant_takes_return(struct sched *s, struct worker *w, struct range *r);

/* The attempt has ended, and one of its parts is gone: if there are others,
 * they are ended, for that reason. */
void grant_settled(struct sched *s, const struct attempt *a,
                   enum reason reason);

/* The task is to be put back, but parts of its last attempt are left: then it
 * is when they are gone. */
bool grant_delays(struct sched *s, uint32_t job, uint32_t index,
                  enum task_past past);

/* Has the attempt of the task ended, though parts of it are left? Will there be
 * another? */
bool grant_has_ended(const struct sched *s, uint32_t job, uint32_t index);
bool grant_comes_back(const struct sched *s, uint32_t job, uint32_t index);

void grants_fini(struct sched *s);

#endif
