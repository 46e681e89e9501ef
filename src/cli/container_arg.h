/* CONTAINER[/PREFIX] on a command line: a container of a job spec. */
#ifndef MPIBATCH_CLI_CONTAINER_ARG_H
#define MPIBATCH_CLI_CONTAINER_ARG_H

#include "base/err.h"
#include "model/jobspec.h"

struct container_arg {
    struct jobspec *spec;
    char *folder;     /* of the spec */
    uint32_t index;   /* of the container */
    const char *name; /* its */
    char *path;       /* of its folder, absolute */
    const char *rest; /* behind the first "/" of the argument; "" */
    int fd;           /* the folder; -1 */
};

/* Load the spec. Returns the exit code: EXIT_OK, or another, said why. */
int container_arg_load(struct container_arg *a, const char *spec);
void container_arg_fini(struct container_arg *a);

/* Which container the argument names. As above; it may be called again. */
int container_arg_find(struct container_arg *a, const char *command,
                       const char *text);

/* Open its folder. make: it is made, and that is said, if it is not there. */
int container_arg_open(struct container_arg *a, bool make);

#endif
