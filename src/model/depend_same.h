/* Points of two sweeps that have the same values of the parameters that both
 * have: what depends_on with point: same means.
 *
 * Numbers are the same by value, booleans too, texts by their bytes.
 */
#ifndef MPIBATCH_MODEL_DEPEND_SAME_H
#define MPIBATCH_MODEL_DEPEND_SAME_H

#include "base/arena.h"
#include "model/depend.h"
#include "model/jobspec.h"

/* The most tasks of each of the two jobs. */
#define DEPEND_SAME_MAX (UINT32_C(1) << 24)

/* Make rule a DEPEND_SAME of all tasks of job child on those of job parent; its
 * arrays lie in arena. -1 with err: EINVAL (no parameter is shared; a child has
 * no parent), E2BIG (over DEPEND_SAME_MAX), ENOMEM. */
int depend_same(const struct jobspec *spec, uint32_t child, uint32_t parent,
                struct arena *arena, struct depend_rule *rule, struct err *err);

#endif
