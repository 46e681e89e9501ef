/* Looking at what a job spec says that there is. */
#ifndef MPIBATCH_CLI_LOOK_H
#define MPIBATCH_CLI_LOOK_H

#include "spec/spec.h"

/* As spec_files wants it; arg is not used. */
int look_at(void *arg, enum spec_look want, const char *path, struct err *err);

#endif
