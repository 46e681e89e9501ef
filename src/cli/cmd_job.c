/* mpibatch job: the jobs of a run. */
#include "config.h"

#include "cli/job_topics.h"

static const struct cmd *const topics[] = {&job_list, &job_show, NULL};

const struct cmd cmd_job = {.name = "job",
                            .summary = "the jobs: list, show",
                            .description = "The jobs of a run: how they stand.",
                            .topics = topics,
                            .noun = "action"};
