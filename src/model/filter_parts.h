/* Building filters: what filter_*.c share. Internal to them.
 *
 * Each condition, or each part of one that must hold, first becomes a diagram
 * of its own, over the axes that it asks for. Then the product is walked from
 * the first axis to the last, one state at a time: a state is what must be
 * known of the first positions to tell what is allowed behind them, which is
 * the excludes that they match so far, and the node that each condition has
 * come to. Each state gives one node; nodes that turn out the same are one.
 */
#ifndef MPIBATCH_MODEL_FILTER_PARTS_H
#define MPIBATCH_MODEL_FILTER_PARTS_H

#include "base/map.h"
#include "model/filter.h"

/* What follows a run, beside the number of a node. */
enum {
    FILTER_DEAD = -2,   /* nothing; there is no such run */
    FILTER_END = -3,    /* all that remains */
    FILTER_FAILED = -4, /* a condition could not be evaluated */
};

/* A growing array of words; a stack too. */
struct words {
    uint32_t *data;
    size_t len, cap;
};

enum { FILTER_RECORD = 4 }; /* words of a run, node or state */
enum { RUN_FIRST, RUN_LAST, RUN_BEFORE, RUN_NODE };
enum { NODE_AXIS, NODE_RUNS, NODE_RUN_COUNT, NODE_NEXT };

/* Nodes and their runs, each once. */
struct diagram {
    struct words nodes, runs;
    struct map node_of; /* by hash: the last node with it */
};

/* Where an exclude matches on one axis: ranges of positions. */
struct match {
    uint8_t axis;
    uint32_t first_range, range_count;
};

struct range {
    uint32_t first, last;
};

struct exclude {
    uint32_t first_match, match_count; /* in the order of the axes */
};

struct matches {
    struct exclude *excludes;
    uint32_t exclude_count;
    struct match *list;
    size_t count;
    struct range *ranges;
    size_t range_count, range_cap;
};

/* A condition, or a part of one. */
struct condition {
    const struct expr *e;
    uint32_t when, part;                         /* part: its number, or -1 */
    uint32_t axes[TASKSET_MAX_AXES], axis_count; /* that it asks for */
    uint32_t root;                               /* in b->decided */
};

struct filter_builder {
    const struct filter_plan *plan;
    struct taskset_fault *fault;
    struct err *err;
    uint64_t tries;
    struct matches matches;
    struct condition *conditions;
    uint32_t condition_count;
    struct diagram decided;                    /* the conditions' diagrams */
    struct value *numbers[TASKSET_MAX_PARAMS]; /* by position; or NULL */
    uint32_t positions[TASKSET_MAX_AXES];      /* on the way */
    uint32_t *marks;    /* a word an exclude, a bit an axis: it matches there */
    uint32_t *current;  /* axis by axis, condition by condition: what follows
                           the position there */
    struct words stack; /* the states on the way */
    struct words pending; /* runs of the nodes on the way */
    struct words events;  /* where positions of the states are cut */
    struct words keys, states;
    struct map state_of; /* by hash: the last state with it */
    struct diagram result;
    struct amount *counts; /* points of the result's nodes */
    size_t counts_cap;
};

/* ---- filter_diagram.c ---- */

/* Room for n words, at most 256, behind the others. -1 with err ENOMEM. */
int words_reserve(struct filter_builder *b, struct words *w, size_t n);

/* One word, or four, behind the others. -1 with err ENOMEM or E2BIG. */
int words_push(struct filter_builder *b, struct words *w, uint32_t v);
int words_push_record(struct filter_builder *b, struct words *w, uint32_t v0,
                      uint32_t v1, uint32_t v2, uint32_t v3);
uint64_t words_hash(const uint32_t *words, size_t n);

/* Add a run to those pending from `from` on; it may make the last one longer.
 */
int run_push(struct filter_builder *b, size_t from, uint32_t first,
             uint32_t last, uint32_t node);

/* The node of an axis with the runs pending from `from` on, of which there is
 * one at least; they are no more. *fresh: there was none. */
int diagram_add(struct filter_builder *b, struct diagram *d, uint32_t axis,
                size_t from, uint32_t *node, bool *fresh);
void diagram_fini(struct diagram *d);

/* Count tries; -1 with err E2BIG if they become too many. */
int tries_add(struct filter_builder *b, uint64_t n);
int too_ragged(struct filter_builder *b);
int no_filter_memory(struct err *err);

/* ---- filter_match.c ---- */

/* Find out where each exclude matches. */
int matches_init(struct filter_builder *b);
void matches_fini(struct filter_builder *b);

/* The match of an exclude on an axis, or NULL: it does not say. */
const struct match *match_get(const struct matches *m, uint32_t exclude,
                              uint32_t axis);

/* Is the axis the last one that an exclude speaks of? */
bool match_is_last(const struct matches *m, uint32_t exclude, uint32_t axis);

/* ---- filter_when.c ---- */

/* Make the conditions' diagrams. */
int conditions_init(struct filter_builder *b);
void conditions_fini(struct filter_builder *b);

/* Evaluate the whole condition that condition number c is of at b->positions;
 * the error says for which values. */
int condition_try(struct filter_builder *b, uint32_t c, bool *holds);

#endif
