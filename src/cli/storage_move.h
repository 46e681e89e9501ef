/* Copying files to or from a container, as people see it: progress on the
 * terminal, errors, what was done. */
#ifndef MPIBATCH_CLI_STORAGE_MOVE_H
#define MPIBATCH_CLI_STORAGE_MOVE_H

#include <stdbool.h>

#include "cli/storage_items.h"

struct storage_move {
    const struct storage_items *items;
    int from, to; /* as struct container_copy has them */
    uint32_t streams;
    bool all, json;
    const char *did;       /* "uploaded" */
    const char *container; /* its name */
    const char *place;     /* where they went: "to inputs" */
};

/* Returns the exit code. */
int storage_move(const struct storage_move *m);

#endif
