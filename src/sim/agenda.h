/* What will happen, in order of time; of equal times, in order of planning.
 * Messages are events at the time when they arrive. */
#ifndef MPIBATCH_SIM_AGENDA_H
#define MPIBATCH_SIM_AGENDA_H

#include <stdint.h>

#include "base/heap.h"
#include "model/attempt.h"

enum event_kind {
    /* in a worker */
    EVENT_JOIN,    /* it is ready */
    EVENT_DEATH,   /* it falls silent */
    EVENT_END,     /* run ends */
    EVENT_LASTING, /* run has lasted for a while */
    EVENT_FLUSH,   /* ends are reported */
    EVENT_BEAT,
    /* messages to it */
    EVENT_ASSIGN, /* job, first, count, attempt */
    EVENT_RECALL, /* count */
    EVENT_CANCEL, /* job */
    EVENT_CUT,    /* job, first, attempt: end it, for that reason */
    EVENT_STOP,   /* count: 1 if now */
    EVENT_LAUNCH, /* job, first, attempt, instance of instances */
    EVENT_GO,     /* job, first */
    /* in the manager: messages from a worker */
    EVENT_READY, /* count: slots */
    EVENT_HEARD,
    EVENT_STARTED,  /* job, first, attempt */
    EVENT_RESULTS,  /* ends, count */
    EVENT_RETURNED, /* job, first, count, attempt */
    EVENT_INSTANCE, /* job, first, attempt: is ready */
    /* and what else comes to it */
    EVENT_GONE,    /* the transport says so */
    EVENT_HALT,    /* the session is stopped */
    EVENT_ASK,     /* somebody asks: first says what */
    EVENT_DEADLINE /* the scheduler's */
};

/* How an attempt ended, as a worker reports it. */
struct end {
    uint32_t job, index, attempt;
    enum attempt_result result;
    enum reason reason;
    int32_t exit_code, signal;
    int64_t start_ns, end_ns;
};

struct event {
    struct heap_node node;
    int64_t at_ns;
    uint64_t seq;
    enum event_kind kind;
    uint32_t worker;
    uint32_t job, first, count, attempt;
    uint32_t instance, instances;
    int64_t limit_ns; /* max_wall_clock_time of what is launched */
    enum reason reason;
    uint32_t run;     /* of the worker */
    struct end *ends; /* owned */
};

struct agenda {
    struct heap heap;
    uint64_t seq;
};

void agenda_init(struct agenda *q);
void agenda_fini(struct agenda *q);

/* Plan a copy of e (whose ends it takes over, even on failure). The event, or
 * NULL: no memory. It lives until it is taken or dropped. */
struct event *agenda_add(struct agenda *q, const struct event *e);
/* The next one, or NULL; free it with agenda_free. */
struct event *agenda_take(struct agenda *q);
/* The next one if its time has come, else NULL. */
struct event *agenda_due(struct agenda *q, int64_t now_ns);
/* Move an event to another time; it must not happen (NULL is fine). */
void agenda_move(struct agenda *q, struct event *e, int64_t at_ns);
void agenda_drop(struct agenda *q, struct event *e);
void agenda_free(struct event *e);

#endif
