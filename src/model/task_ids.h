/* The ids of a job's tasks, to find a task by its id at once: for listed jobs
 * of many tasks. Indices in a table by the hash of their ids; the ids
 * themselves are made anew when they are compared. */
#ifndef MPIBATCH_MODEL_TASK_IDS_H
#define MPIBATCH_MODEL_TASK_IDS_H

#include "base/arena.h"
#include "model/jobspec.h"

/* Those of all tasks of the job into job->ids, which had those of the first
 * `had` ones already. Tasks without a valid id are left out. -1: no memory;
 * job is as it was. */
int task_ids_make(struct job *job, uint32_t had, struct arena *arena);

/* As job_find_task, of a job with ids. */
int64_t task_ids_find(const struct job *job, const char *id);

#endif
