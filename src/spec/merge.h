/* The pairs of a mapping, with those that its merge key `<<` brings in.
 *
 * Of pairs with the same key the mapping's own wins, then the mapping that
 * `<<` names first. Pure; knows nothing of YAML's syntax. Internal to spec/.
 */
#ifndef MPIBATCH_SPEC_MERGE_H
#define MPIBATCH_SPEC_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "spec/yaml_tree.h"

/* A pair that wants to be in a mapping: the lowest rank of a key wins. */
struct candidate {
    struct tree_pair pair;
    uint32_t rank; /* 0: the mapping's own; else the number of the merge */
    uint32_t place;
};

/* Starts as zeros; serves one mapping after the other. */
struct merge {
    struct candidate *candidates;
    size_t count, cap;
    uint32_t rank; /* of the last mapping merged */
};

void merge_fini(struct merge *m);

/* The next mapping: no candidates. */
void merge_start(struct merge *m);

/* A pair of the mapping itself. -1: no memory. */
int merge_own(struct merge *m, const struct tree_pair *pair);

/* All pairs of the mapping, or the mappings in the list, that `<<` has as its
 * value; errors if it has something else. -1: no memory. */
int merge_from(struct merge *m, const struct tree_node *value,
               struct spec_errors *errors);

/* Of candidates with the same key the first one stays; two of the mapping's
 * own are an error. Returns how many stay, in the order of the text. */
size_t merge_settle(struct merge *m, struct spec_errors *errors);

#endif
