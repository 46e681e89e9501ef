/* The workers of a simulation: queue, slots, reports. They know nothing of
 * the scheduler; they are given messages and send messages. */
#ifndef MPIBATCH_SIM_NODE_H
#define MPIBATCH_SIM_NODE_H

#include <stdint.h>

#include "sim/agenda.h"
#include "sim/sim.h"

/* Tasks first..first+count-1 that wait. */
struct wait {
    uint32_t job, first, count, attempt;
    int64_t limit_ns; /* launched: its max_wall_clock_time; -1: the spec's */
};

enum exec_state {
    EXEC_FREE,
    EXEC_BUSY,
    EXEC_READY /* an instance of several: it does nothing itself, or waits for
                  the others */
};

struct run {
    enum exec_state state;
    uint32_t job, index, attempt, slots;
    uint32_t instance;
    int64_t start_ns;
    int64_t limit_ns;            /* 0: none */
    bool over_time;              /* it ends at its limit */
    struct event *end, *lasting; /* NULL: happened, or not planned */
};

enum sim_node_state {
    SIM_NODE_STARTING,
    SIM_NODE_SERVING,
    SIM_NODE_STOPPING, /* starts nothing more */
    SIM_NODE_DEAD
};

struct node {
    enum sim_node_state state;
    uint32_t slots, busy;
    struct run *runs; /* one a slot, and some for special tasks */
    uint32_t run_count;
    struct wait *queue; /* waits at head..head+waiting-1 */
    uint32_t head, waiting, cap;
    struct end *ends; /* not yet reported */
    uint32_t end_count, end_cap;
    struct event *flush;        /* planned, or NULL */
    int64_t joined_ns, left_ns; /* in service; -1: not yet */
};

struct cluster {
    const struct sim_config *config; /* borrowed */
    struct agenda *agenda;           /* borrowed */
    struct node *nodes;
    int64_t busy_slot_ns;
};

/* The workers of the config, and their joins and deaths planned. 0, or -1 (no
 * memory; to be freed all the same). */
int cluster_init(struct cluster *c, const struct sim_config *config,
                 struct agenda *agenda);
void cluster_fini(struct cluster *c);

/* Something happens in a worker, or a message comes to it. 0, or -1 (no
 * memory). */
int cluster_event(struct cluster *c, const struct event *e);

/* Plan a message or an input of the manager's. 0, or -1 (no memory). */
int cluster_send(struct cluster *c, int64_t now_ns, const struct event *e);

/* Slots in service, times how long, until now. */
int64_t cluster_slot_ns(const struct cluster *c, int64_t now_ns);

#endif
