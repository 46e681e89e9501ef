/* Job preparation and job release: what a job does to the nodes on which its
 * tasks run.
 *
 * Before a job's first task starts on a node, its preparation task runs there;
 * until it has succeeded (if it is waited for), the tasks that were given to
 * the node are held: their worker does not know of them. A node where it fails
 * is closed to the job. When a job terminates and nothing of it is left, its
 * release task runs on each node where preparation ran, however that ended;
 * the job is completed when all of them have ended, or their time is over.
 */
#ifndef MPIBATCH_SCHED_PREP_H
#define MPIBATCH_SCHED_PREP_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/machine.h"

enum prep_state {
    PREP_NONE,
    PREP_WANTED, /* again: an attempt of it did not do */
    PREP_GIVEN,
    PREP_DONE,
    PREP_FAILED,
    RELEASE_WANTED,
    RELEASE_GIVEN,
    RELEASE_ENDING, /* its time is over; it has been told so */
    RELEASE_DONE
};

/* A job on a node. */
struct prep {
    enum prep_state state;
    uint32_t attempts, retries; /* of the preparation */
    uint32_t release_attempts, release_retries;
    uint32_t worker; /* GIVEN, ENDING: who has it */
    uint32_t held;   /* tasks */
    int64_t at_ns;   /* WANTED: not before; RELEASE_GIVEN: until */
};

void preps_fini(struct job_run *j);

/* May a task of the job be given to a worker of that node? */
enum prep_gate {
    GATE_OPEN,
    GATE_HOLD,  /* it is held */
    GATE_BEGIN, /* the preparation must be given first */
    GATE_CLOSED /* not there */
};
enum prep_gate prep_gate(const struct job_run *j, uint32_t node);

/* Give the node's leader the preparation (GATE_BEGIN). 0 and the action, or -1
 * (no memory). */
int prep_begin(struct sched *s, int64_t now_ns, struct job_run *j,
               uint32_t node, struct sched_action *act);

/* A range of held tasks was given to w, or is gone. */
void prep_hold(struct sched *s, struct worker *w, const struct range *r,
               int64_t more);
/* All tasks that are held are ready again: of a job, of all. */
void prep_unhold(struct sched *s, struct job_run *j);
void prep_unhold_all(struct sched *s);
/* And on one node. */
void prep_unhold_node(struct sched *s, const struct node_run *n);

/* What there is to do for the job: preparation again, what was held; release.
 */
enum step prep_step(struct sched *s, struct job_run *j, int64_t now_ns,
                    struct sched_action *act);

/* An attempt of either on that node has ended (sets the disposition), or has
 * not been started and will not be. */
void prep_ended(struct sched *s, uint32_t node, int64_t now_ns,
                struct attempt *a);
void prep_back(struct sched *s, uint32_t node, uint32_t job, uint32_t index);

#endif
