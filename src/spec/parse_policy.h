/* What becomes of a task behind an attempt, and what it needs beside slots:
 * what parse_task.c has from parse_policy.c and parse_multi.c. Internal to
 * spec/. */
#ifndef MPIBATCH_SPEC_PARSE_POLICY_H
#define MPIBATCH_SPEC_PARSE_POLICY_H

#include "spec/parse.h"

/* exit_conditions, success, retry, checkpoint_exit_code and keep_working_dir of
 * a task of the job, whose metrics and on_task_failure are there already. What
 * is given takes the place of what t has. */
int policy_build(struct parse *p, const struct task_fields *f,
                 const struct job *job, struct task_template *t);

/* Of a task with all that it inherits: do these fit each other? at: the task,
 * base: what it inherits from; either may be NULL. */
void policy_check(struct parse *p, const struct tree_node *at,
                  const struct tree_node *base, const struct task_template *t);

/* multi_instance_settings, affinity_info and container_settings. */
int multi_build(struct parse *p, const struct task_fields *f,
                const struct taskset *set, struct task_template *t);

#endif
