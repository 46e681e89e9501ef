/* One metric while its source is read: candidates go in, a value comes out.
 *
 * A reader (regex, JSON, ...) begins a candidate for each match, line or
 * document and puts its cells: one for a scalar, several for an array. What
 * `select` makes of the candidates, what is a number, whether the shape and
 * the range fit, is decided here and nowhere else. Internal to metrics/.
 */
#ifndef MPIBATCH_METRICS_GATHER_H
#define MPIBATCH_METRICS_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"

enum { GATHER_WHY_BYTES = 200 };

struct gather {
    const struct metric *metric;
    uint64_t candidates; /* begun so far */
    uint64_t cells;      /* of this candidate; METRIC_ALL: of all */
    uint64_t numbers;    /* min, max, mean: of all */
    bool done;           /* no candidate can change it any more */
    bool bad;            /* why says why */
    bool no_memory;
    struct metric_value value; /* as far as it is known */
    long double sum;
    char why[GATHER_WHY_BYTES]; /* it is malformed, missing, out of range */
};

/* Start on a metric. -1: no memory (gather_fini is fine then). */
int gather_init(struct gather *g, const struct metric *m);
void gather_fini(struct gather *g);

/* A candidate begins. False: it is not wanted, g->done. */
bool gather_begin(struct gather *g);

/* Put a cell of the candidate: a text (trimmed and read as the metric's type;
 * of a string kept as it is), a number, an integer. */
void gather_text(struct gather *g, const char *s, size_t len);
void gather_number(struct gather *g, double number);
void gather_integer(struct gather *g, int64_t integer);

/* Put a text that holds as many cells as it likes, separated by blanks, commas,
 * semicolons; brackets around them do not count. */
void gather_list(struct gather *g, const char *s, size_t len);

/* The candidate is not what the metric needs. */
void gather_malformed(struct gather *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* If no candidate comes: say why. */
void gather_missing(struct gather *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* All candidates have been seen: *v gets the state and takes the value; g->why
 * is "" if the state is METRIC_OK. -1: no memory. */
int gather_end(struct gather *g, struct metric_value *v);

/* Append "[2, 3]" (open and close: the brackets). At most 96 bytes. */
void shape_show(char out[96], char open, char close, const uint64_t *dims,
                uint32_t rank);
/* The metric's own shape. */
void metric_shape_show(char out[96], const struct metric *m);

#endif
