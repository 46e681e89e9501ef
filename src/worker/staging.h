/* What the attempts of a rank share to be staged and stored. All borrowed. */
#ifndef MPIBATCH_WORKER_STAGING_H
#define MPIBATCH_WORKER_STAGING_H

#include "comm/loop.h"
#include "model/jobspec.h"
#include "model/stage_counts.h"
#include "stage/io.h"
#include "stage/scratch.h"

struct offers;
struct stager;

struct staging {
    struct loop *loop;
    const struct jobspec *spec;
    const char *run_dir;  /* absolute */
    const char *work_dir; /* the folder of the spec, absolute */
    struct io *io;
    struct scratch *scratch; /* of this node; NULL: no task has a directory */
    struct stager *stager;
    struct offers *offers;
    struct stage_counts *counts; /* of this rank */
};

#endif
