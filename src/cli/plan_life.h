/* What a job spec asks for beside tasks, for plan and validate: pools, what
 * tasks ask for, dependencies, special tasks, schedules. */
#ifndef MPIBATCH_CLI_PLAN_LIFE_H
#define MPIBATCH_CLI_PLAN_LIFE_H

#include <jansson.h>

#include "base/buf.h"
#include "model/jobspec.h"
#include "view/depends.h"

struct plan_life {
    const struct jobspec *spec;
    struct depends_sum *sums; /* one a job */
    uint32_t longest;
    struct depends chain;
};

/* -1 with err ENOMEM. plan_life_fini it, also then. */
int plan_life_init(struct plan_life *l, const struct jobspec *spec,
                   struct err *err);
void plan_life_fini(struct plan_life *l);

/* Append lines, each with two blanks in front: pools if there are several or
 * they say more than slots; the dependencies of all jobs. */
void plan_life_put(const struct plan_life *l, struct buf *out);
/* The same with four, of a job. */
void plan_life_put_job(const struct plan_life *l, uint32_t j, struct buf *out);
/* pools, tasks_with_dependencies, longest_chain into o. */
void plan_life_json(const struct plan_life *l, json_t *o);
/* pool_id, tasks_with_dependencies, dependencies, requests, special_tasks. */
void plan_life_json_job(const struct plan_life *l, uint32_t j, json_t *o);

#endif
