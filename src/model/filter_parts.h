/* Building filters: what filter_*.c share. Internal to them.
 *
 * A state is what must be known of the first positions to tell what is allowed
 * behind them: the excludes that those positions match so far, and the
 * positions that a condition will ask for which is not decided yet. Each
 * state gives one node; nodes that turn out the same are one.
 */
#ifndef MPIBATCH_MODEL_FILTER_PARTS_H
#define MPIBATCH_MODEL_FILTER_PARTS_H

#include "base/map.h"
#include "model/filter.h"

/* A growing array of words; a stack too. */
struct words {
    uint32_t *data;
    size_t len, cap;
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
    uint32_t when, part; /* part: its number, or -1 */
    uint32_t last;       /* the axis that decides it */
};

struct filter_builder {
    const struct filter_plan *plan;
    struct taskset_fault *fault;
    struct err *err;
    uint64_t tries;
    struct matches matches;
    bool in_parts; /* take conditions apart */
    struct condition *conditions;
    uint32_t condition_count;
    struct value *numbers[TASKSET_MAX_PARAMS]; /* by position; or NULL */
    bool asked[TASKSET_MAX_AXES];              /* by a condition */
    uint32_t needed[TASKSET_MAX_AXES];    /* axes (bits) whose positions a state
                                             in front of this axis has */
    uint32_t positions[TASKSET_MAX_AXES]; /* on the way to the state */
    uint32_t *marks;    /* a word an exclude, a bit an axis: it matches there */
    struct words stack; /* the states on the way */
    struct words pending; /* their runs; 4 words each */
    struct words events;  /* where ranges of excludes begin and end */
    /* states, whose words are in `keys`, and the nodes made of them */
    struct words keys, states; /* states: 4 words each */
    struct map state_of;       /* by hash: the last state */
    struct words nodes, runs;  /* 4 words each */
    struct map node_of;
    struct amount *counts; /* of the nodes */
    size_t counts_cap;
};

/* More of an array: 0 or -1 with err. */
int words_push(struct filter_builder *b, struct words *w, uint32_t v);

/* Count tries; -1 with err E2BIG if they become too many. */
int tries_add(struct filter_builder *b, uint64_t n);

/* Find out where each exclude matches. */
int matches_init(struct filter_builder *b);
void matches_fini(struct filter_builder *b);

/* The match of an exclude on an axis, or NULL: it does not say. */
const struct match *match_get(const struct matches *m, uint32_t exclude,
                              uint32_t axis);

/* Is the axis the last one that an exclude speaks of? */
bool match_is_last(const struct matches *m, uint32_t exclude, uint32_t axis);

/* Which axes do conditions ask for, and when is each decided? */
int conditions_init(struct filter_builder *b);
void conditions_fini(struct filter_builder *b);

/* Do all conditions hold that this axis decides, at b->positions? Counts as a
 * try. */
int conditions_hold(struct filter_builder *b, uint32_t axis, bool *hold);

#endif
