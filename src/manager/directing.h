/* Binds the director to the ranks: at rank 0, on the bulk channel. */
#ifndef MPIBATCH_MANAGER_DIRECTING_H
#define MPIBATCH_MANAGER_DIRECTING_H

#include <stdint.h>

#include "base/err.h"
#include "comm/comm.h"
#include "model/stage_counts.h"
#include "stage/director.h"

struct directing;

struct directing_config {
    struct comm *bulk;               /* borrowed */
    struct director_config director; /* as it is for director_create */
    /* A rank says what it has counted so far. May be NULL. */
    void (*counts)(void *arg, uint32_t rank, const struct stage_counts *counts);
    void *arg;
};

/* Listen on COMM_TO_DIRECTOR. NULL with err. */
struct directing *directing_create(const struct directing_config *config,
                                   struct err *err);
void directing_destroy(struct directing *d);

/* The rank is dead. */
void directing_lost(struct directing *d, uint32_t rank);

/* Questions to the director. Borrowed. */
const struct director *directing_director(const struct directing *d);

#endif
