/* Dependencies as counters: of which rules have how many parents ended, and
 * how.
 *
 * Memory goes to what the rules ask for: a rule for tasks has one tally,
 * whatever the number of its children and parents; a rule for points one a
 * group, and where each parent and child belongs. What states tasks are in is
 * the caller's knowledge: it says which outcome of a parent has become which,
 * and is told for which children a rule says something else now.
 */
#ifndef MPIBATCH_SCHED_NEEDS_H
#define MPIBATCH_SCHED_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/jobspec.h"

/* What a parent has come to: it has not ended; it satisfies; it never will. */
enum outcome { OUTCOME_OPEN, OUTCOME_GOOD, OUTCOME_BAD };

/* What a rule, or all rules of a task together, come to. */
enum need { NEED_MET, NEED_OPEN, NEED_FAILED };

struct needs {
    const struct jobspec *spec;
    struct need_rule *rules; /* beside spec->depends */
    uint32_t rule_count;
    struct need_job *jobs; /* beside spec->jobs; NULL: there are no rules */
    uint32_t job_count;
};

/* Counters for the rules that the spec has now; no parent has ended. 0, or -1
 * (no memory; to be freed all the same). n is zeroed before. */
int needs_init(struct needs *n, const struct jobspec *spec);
void needs_fini(struct needs *n);

/* Do rules hold for tasks of the job; does it have parents? */
bool needs_has_children(const struct needs *n, uint32_t job);
bool needs_has_parents(const struct needs *n, uint32_t job);
/* Has the job one rule only as far as its tasks are children? */
bool needs_is_single(const struct needs *n, uint32_t job);

/* All that the task needs. */
enum need needs_state(const struct needs *n, uint32_t job, uint32_t index);

/* A rule, and of one for points a group, says something else now. */
typedef void needs_changed(void *arg, uint32_t rule, uint32_t group);

/* A parent's outcome was one and is another now. */
void needs_parent(struct needs *n, uint32_t job, uint32_t index,
                  enum outcome was, enum outcome is, needs_changed *changed,
                  void *arg);
/* Will no task of the job end any more: those that are open are as good as
 * bad? */
void needs_job(struct needs *n, uint32_t job, bool over, needs_changed *changed,
               void *arg);

/* What the rule (its group) says. */
enum need needs_rule_state(const struct needs *n, uint32_t rule,
                           uint32_t group);
/* Call visit for the children of the rule (its group), by ranges. */
void needs_children(const struct needs *n, uint32_t rule, uint32_t group,
                    void (*visit)(void *arg, uint32_t job, uint32_t first,
                                  uint32_t count),
                    void *arg);

/* The first rule for the task that is in that state, and its group; false: none
 * is. *end: for the tasks index..end-1 the same rule and group is. */
bool needs_find(const struct needs *n, uint32_t job, uint32_t index,
                enum need state, uint32_t *rule, uint32_t *group,
                uint32_t *end);
/* The first parent of the rule (its group) for which want is true; false: there
 * is none. *count: how many there are (NULL: not asked). */
bool needs_find_parent(const struct needs *n, uint32_t rule, uint32_t group,
                       bool (*want)(const void *arg, uint32_t job,
                                    uint32_t index),
                       const void *arg, uint32_t *parent, uint32_t *count);

#endif
