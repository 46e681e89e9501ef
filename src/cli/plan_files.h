/* What a plan says of files: which ones tasks are given and leave, and the
 * packages that they need. */
#ifndef MPIBATCH_CLI_PLAN_FILES_H
#define MPIBATCH_CLI_PLAN_FILES_H

#include <jansson.h>

#include "cli/display.h"
#include "model/jobspec.h"

/* Of a job: nothing if its tasks have no directories. folder: that of the spec,
 * absolute. */
void plan_files_put(struct display *d, const struct jobspec *spec,
                    const struct job *job, const char *folder);

/* The same as members of a job's object: "resource_files", "output_files",
 * "application_packages", each a list. */
void plan_files_json(json_t *o, const struct jobspec *spec,
                     const struct job *job, const char *folder);

#endif
