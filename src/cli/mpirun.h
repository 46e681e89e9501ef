/* How mpirun must be called: its kind, and the options under which the deaths
 * of ranks are survived. Pure but for mpirun_detect. */
#ifndef MPIBATCH_CLI_MPIRUN_H
#define MPIBATCH_CLI_MPIRUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum mpirun_kind { MPIRUN_OPEN_MPI_4, MPIRUN_OPEN_MPI_5, MPIRUN_HYDRA };

/* Ask program for its version. -1 with err: it cannot be started, or is
 * nothing we know. */
int mpirun_detect(const char *program, enum mpirun_kind *kind, struct err *err);

/* The same, from what `mpirun --version` printed. -1: nothing we know. */
int mpirun_recognise(const char *version_text, enum mpirun_kind *kind);

struct mpirun_wish {
    enum mpirun_kind kind;
    uint32_t ranks;          /* in all; 0: by nodes */
    uint32_t ranks_per_node; /* 0: not said */
    uint32_t nodes;          /* of the allocation; 0: not known */
    bool root;               /* we are root */
};

enum { MPIRUN_MAX_WORDS = 64 };

/* The options of mpirun, in front of the program; words are static or lie in
 * scratch. Returns how many were written to words (MPIRUN_MAX_WORDS). */
unsigned mpirun_options(const struct mpirun_wish *wish, const char **words,
                        char scratch[256]);

#endif
