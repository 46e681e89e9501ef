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
    const char *did, *way; /* "uploaded", "to" */
    const char *container; /* its name */
};

/* Returns the exit code. */
int storage_move(const struct storage_move *m);

#endif
