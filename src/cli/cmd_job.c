/* mpibatch job: the jobs of a run. */
#include "config.h"

#include "cli/job_topics.h"

static const struct cmd *const topics[] = {&cmd_job_list,      &cmd_job_show,
                                           &cmd_job_disable,   &cmd_job_enable,
                                           &cmd_job_terminate, NULL};

const struct cmd cmd_job = {
    .name = "job",
    .summary = "the jobs: states; disable, enable, terminate",
    .description = "The jobs of a run: how they stand, and what is to become "
                   "of them.",
    .topics = topics,
    .noun = "action"};
