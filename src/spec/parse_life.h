/* Pools, resources, special tasks, what jobs do in their lives, schedules: what
 * parse_pool.c, parse_resource.c, parse_special.c, parse_job.c and
 * parse_schedule.c share. Internal to spec/. */
#ifndef MPIBATCH_SPEC_PARSE_LIFE_H
#define MPIBATCH_SPEC_PARSE_LIFE_H

#include "model/request.h"
#include "spec/parse.h"

/* The pools of the spec, without their start tasks. start_tasks: where those
 * are, for start_tasks_build; JOBSPEC_MAX_POOLS of them. */
int pools_build(struct parse *p, const struct spec_fields *f,
                struct field *start_tasks);
/* They need packages and storage, which come between. */
int start_tasks_build(struct parse *p, const struct field *start_tasks);

/* An item {name, value} each, or a mapping of names to values. */
int metadata_build(struct parse *p, const struct field *f,
                   struct metadata *out);

/* The resources of a pool: node_resources, or pool_resources. */
int pool_amounts_build(struct parse *p, const struct field *f,
                       enum resource_scope scope, struct pool *pool);

/* What a task asks for besides slots; starts as zeros. */
struct needs {
    struct amount amounts[REQUEST_MAX_AMOUNTS];
    uint32_t count;
};

/* Those of a request. */
void needs_of(const struct request *r, struct needs *needs);

/* The key required_resources over what *needs has already; cores go to *slots.
 * slots_given: the field required_slots beside it. */
int needs_build(struct parse *p, const struct field *f,
                const struct field *slots_given, uint32_t pool,
                struct needs *needs, uint32_t *slots);

/* What a task has before it says something itself. */
struct inherited {
    struct task_template task;
    struct needs needs;
    bool exclusive;    /* it has its node for itself */
    bool has_command;  /* even if it is wrong */
    bool no_directory; /* task_directory: false */
};

/* What all tasks of a pool have if nothing is said. */
void inherited_init(struct parse *p, uint32_t pool, int32_t retries,
                    struct inherited *in);
/* A task of a list, over what it inherits (from base, which may be NULL). */
int listed_task_build(struct parse *p, const struct tree_node *node,
                      const struct tree_node *base, const struct job *job,
                      struct inherited *in);
/* Put what the fields say over what is inherited: a task of a job whose task
 * set and pool are known. */
int task_fields_build(struct parse *p, const struct task_fields *f,
                      const struct constraints_fields *c, const struct job *job,
                      struct inherited *in);
/* The settings of f behind those that are in *env already. */
int env_build(struct parse *p, const struct field *f, const struct taskset *set,
              const struct env_setting **env, uint32_t *env_count);
/* A task starts in its own directory or where it wants, and has one if
 * something needs it. at: the task, base: what it inherits from; either may be
 * NULL. */
void directory_check(struct parse *p, const struct tree_node *at,
                     const struct tree_node *base, const struct inherited *in);

/* Make t->request of its slots, its instances and these needs. */
int request_build(struct parse *p, const struct needs *needs, bool exclusive,
                  struct task_template *t);

/* The index in the spec's requests of one that is the same; it is copied if it
 * is new. */
int request_intern(struct parse *p, const struct request *r, uint32_t *index);

/* The pool that a job names, or UINT32_MAX: an error is added. job: the
 * mapping, for the place of the error. */
uint32_t job_pool_find(struct parse *p, const struct tree_node *job,
                       const struct field *pool_info);

/* What a job is and does besides its tasks: all but its id, its task set, its
 * templates and metrics. Its pool is known. */
int job_life_build(struct parse *p, const struct job_fields *f,
                   struct job *job);
/* The special tasks of a job, of which the rest is built. retries: of its
 * tasks, if they do not say. */
int job_specials_build(struct parse *p, const struct job_fields *f,
                       int32_t retries, struct job *job);
/* Of a job: can tasks come to an empty list? Is the manager's id its own? */
void job_life_check(struct parse *p, const struct job_fields *f,
                    const struct job *job);

/* The jobs of schedules: read before, so that there is room for them. */
struct schedule_read {
    const struct tree_node *node, *job;
    struct job_schedule_fields fields;
    struct job_fields job_fields;
    struct job_schedule schedule;
    const char *id;
};
/* Read the list; *all is one a schedule, with what is known of its jobs but
 * first_job. jobs: how many there are besides. */
int schedules_read(struct parse *p, const struct field *f, uint32_t jobs,
                   struct schedule_read **all, uint32_t *count);
/* Errors for those of count other jobs that have an id of its jobs. */
void schedule_names_check(struct parse *p, const struct schedule_read *r,
                          const struct job *jobs, uint32_t count);
/* Copy the first job of a schedule, which is built, to all of them. */
int schedule_fill(struct parse *p, const struct schedule_read *r,
                  struct job *jobs);
/* The id of its job number i, in the arena; NULL: no memory. */
const char *schedule_job_id(struct parse *p, const struct schedule_read *r,
                            uint32_t i);

#endif
