/* Dependencies: which tasks must have ended well before others may start.
 *
 * A rule says of some tasks of one job, its children, what they wait for in one
 * job (which may be their own). A child may start when every rule that holds
 * for it is satisfied; a parent satisfies by the dependency_action of its end.
 * A rule that can no longer be satisfied makes its children skipped.
 *
 * The rules of a spec are ascending by job; of a job those for several tasks
 * come first, which are few, then those for one task each, ascending. Those of
 * tasks that were added stand behind all others, by fragments, in the same
 * order there; so numbers of rules stay what they are.
 *
 *   DEPEND_TASKS  all of the parents (or, any: the first of them to satisfy:
 *                 several ids that are the same integer)
 *   DEPEND_SAME   the parents that have the same values of the parameters that
 *                 both jobs have; see depend_point
 */
#ifndef MPIBATCH_MODEL_DEPEND_H
#define MPIBATCH_MODEL_DEPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/range.h"

struct jobspec;

enum depend_kind { DEPEND_TASKS, DEPEND_SAME };

struct depend_rule {
    enum depend_kind kind;
    uint32_t job, first, count; /* the children */
    uint32_t parent_job;
    bool any;                         /* TASKS */
    const struct task_range *parents; /* TASKS: of parent_job, ascending, at
                                         least one; SAME: NULL */
    uint32_t parent_range_count;
    /* SAME: which parents a child has: those of group child_group[child -
     * first]; group g's are members[starts[g] .. starts[g+1]-1], ascending.
     * Each child has some. */
    const uint32_t *child_group, *starts, *members;
    uint32_t group_count;
};

/* Rules for children that are still to come. */
struct depend_rules {
    const struct depend_rule *rules;
    uint32_t count;
};

/* Of tasks first to first+count-1 of a job, which were added together: their
 * rules. */
struct fragment {
    uint32_t job, first, count;
    uint32_t first_rule, rule_count;
};

/* The rules that hold for a task, one after the other: begin, then next until
 * it is NULL. */
struct depend_cursor {
    uint32_t job, index, at, single, end;
};
void depend_begin(const struct jobspec *spec, uint32_t job, uint32_t index,
                  struct depend_cursor *c);
const struct depend_rule *depend_next(const struct jobspec *spec,
                                      struct depend_cursor *c);

/* Call visit for each range of parents that the task waits for by a rule;
 * stops when it returns false. Does a rule hold for the task at all? */
bool depend_visit(const struct jobspec *spec, uint32_t job, uint32_t index,
                  bool (*visit)(void *arg, const struct depend_rule *rule,
                                uint32_t first, uint32_t count),
                  void *arg);

/* The order of rules in a spec: for qsort. */
int depend_compare(const void *a, const void *b);

/* Is there a circle of tasks that wait for each other? -1 with err EINVAL: its
 * text names the tasks on it in order, *job and *index one of them; ENOMEM. */
int depend_check(const struct jobspec *spec, uint32_t *job, uint32_t *index,
                 struct err *err);

/* The same of the tasks that were added last, in fragment number `fragment`:
 * only they can wait for each other. */
int depend_check_added(const struct jobspec *spec, uint32_t fragment,
                       uint32_t *index, struct err *err);

#endif
