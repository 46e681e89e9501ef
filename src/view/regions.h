/* Where among the parameters tasks fail: small conditions that most failures
 * have in common and few successes.
 *
 * A sample of each kind is kept, of bounded size, drawn by a fixed rule; on it
 * all conditions p == v, p >= v, p <= v are tried, and the best ones in pairs.
 * The counts are of the sample until whoever has all tasks counts them again.
 */
#ifndef MPIBATCH_VIEW_REGIONS_H
#define MPIBATCH_VIEW_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/value.h"

enum {
    REGIONS_MAX_COLUMNS = 40,
    REGIONS_MAX_SAMPLE = 8192, /* of each kind */
    REGIONS_MAX = 4,
    REGION_MAX_TERMS = 2
};

enum region_relation { REGION_EQ, REGION_GE, REGION_LE };

struct region_term {
    uint32_t column;
    enum region_relation relation;
    struct value v; /* its text is the regions' */
};

struct region {
    struct region_term terms[REGION_MAX_TERMS];
    uint32_t term_count;
    uint64_t failures, successes; /* that it covers */
};

struct regions;

/* For tasks with so many columns. NULL: no memory. */
struct regions *regions_create(uint32_t columns);
void regions_destroy(struct regions *r);

/* A task and its values, one a column; null: it has none. 0, or -1 (no
 * memory). */
int regions_add(struct regions *r, const struct value *values, bool failed);

/* How many were added. */
uint64_t regions_failures(const struct regions *r);
uint64_t regions_successes(const struct regions *r);
/* Is the sample all there is, so that the counts of regions_find are exact? */
bool regions_exact(const struct regions *r);

/* Find regions, the one that says most first; each further one is of failures
 * that those before do not cover. *found: borrowed. Returns how many (0:
 * nothing sets them apart), or -1 (no memory). */
int regions_find(struct regions *r, const struct region **found);

/* Does a task lie in the region? Its values are as in regions_add. */
bool region_covers(const struct region *r, const struct value *values);

/* Append 'solver=gmres and n>=4096', or as a condition of --where: 'solver ==
 * "gmres" and n >= 4096'. 0, or -1 as buf_put. */
int region_put(const struct region *r, const char *const *names, bool as_expr,
               struct buf *out);

#endif
