/* What a task on several nodes is told of them: variables, and files in its
 * directory. */
#ifndef MPIBATCH_WORKER_GANG_H
#define MPIBATCH_WORKER_GANG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "proc/environment.h"
#include "worker/launch.h"
#include "worker/peers.h"
#include "worker/taskdir.h"

/* An attempt with several instances; all borrowed. */
struct gang {
    const struct peers *peers;
    const struct launch *launch;
    uint32_t slots;            /* of each instance */
    uint32_t port;             /* see gang_port */
    const struct taskdir *dir; /* on this node */
};

/* A port for what the task likes, the same for all instances; nobody has
 * reserved it. */
uint32_t gang_port(const char *key, uint32_t job, uint32_t index,
                   uint32_t attempt);

/* Set AZ_BATCH_NODE_LIST and the like, and what makes an mpirun use just these
 * nodes and cores, though we are an MPI program ourselves. -1 with err. */
int gang_variables_put(struct environment *env, const struct gang *g,
                       struct err *err);

enum gang_file {
    GANG_HOSTFILE,    /* "h1 slots=4": Open MPI */
    GANG_MACHINEFILE, /* "h1:4": MPICH, Intel MPI */
    GANG_REMOTE,      /* a script in place of ssh: `mpibatch remote` */
    GANG_FILES
};
/* What it is called in the task's directory. */
const char *gang_file_name(enum gang_file f);
/* Append its text. -1 with errno as buf_put. */
int gang_file_put(struct buf *b, enum gang_file f, const struct gang *g);

#endif
