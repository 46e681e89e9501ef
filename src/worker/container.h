/* Tasks that run in a container: the command line behind that of a runtime.
 *
 *   RUNTIME... OPTION... [binds] [working directory] IMAGE COMMAND...
 *
 * Of apptainer and singularity, and of Charliecloud's ch-run, we know how they
 * are told which folders to show and where to start; any other runtime gets
 * just its words, options and the image, and is started in the task's working
 * directory. The environment is the task's.
 */
#ifndef MPIBATCH_WORKER_CONTAINER_H
#define MPIBATCH_WORKER_CONTAINER_H

#include "base/err.h"
#include "model/command.h"
#include "model/failure.h"
#include "model/jobspec.h"

/* Where the task is. All absolute, borrowed. */
struct container_place {
    const char *work_dir; /* it starts there */
    const char *root;     /* the node's scratch; NULL: there is none */
    const char *spec_dir; /* images are looked for there */
};

/* Put what starts the container before the command in a. -1 with err and
 * *failure: how Azure calls it. */
int container_wrap(const struct container_settings *c,
                   const struct template_context *names,
                   const struct container_place *where, struct argv *a,
                   enum failure *failure, struct err *err);

#endif
