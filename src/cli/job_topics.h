/* The topics of mpibatch job. */
#ifndef MPIBATCH_CLI_JOB_TOPICS_H
#define MPIBATCH_CLI_JOB_TOPICS_H

#include "cli/command.h"

extern const struct cmd job_list, job_show, job_disable, job_enable,
    job_terminate;

#endif
