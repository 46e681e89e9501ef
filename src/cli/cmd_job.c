/* mpibatch job: the jobs of a run. */
#include "config.h"

#include "cli/job_topics.h"

static const struct cmd *const topics[] = {
    &job_list, &job_show, &job_disable, &job_enable, &job_terminate, NULL};

const struct cmd cmd_job = {
    .name = "job",
    .summary = "the jobs: states; disable, enable, terminate",
    .description = "The jobs of a run: how they stand, and what is to become "
                   "of them.",
    .topics = topics,
    .noun = "action"};
