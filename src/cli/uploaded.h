/* Where the output files of a task went, as its spec says. */
#ifndef MPIBATCH_CLI_UPLOADED_H
#define MPIBATCH_CLI_UPLOADED_H

#include <jansson.h>

#include "cli/rundir_arg.h"
#include "view/query.h"

/* Say where what the last attempt has stored went, and where there is nothing;
 * nothing is said if task is NULL (it has not ended), or the upload failed. */
void uploaded_say(const struct run_arg *run, const struct query_task *task);
/* The same as an array of {"file_pattern", "destination",
 * "exists"}. */
json_t *uploaded_json(const struct run_arg *run, const struct query_task *task);

#endif
