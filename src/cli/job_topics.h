/* The topics of mpibatch job. */
#ifndef MPIBATCH_CLI_JOB_TOPICS_H
#define MPIBATCH_CLI_JOB_TOPICS_H

#include "cli/command.h"

extern const struct cmd cmd_job_list, cmd_job_show, cmd_job_disable,
    cmd_job_enable, cmd_job_terminate;

#endif
