/* What results_cubes.c and results_scales.c share: a job's group that is being
 * made. */
#ifndef MPIBATCH_STORE_RESULTS_CUBES_H
#define MPIBATCH_STORE_RESULTS_CUBES_H

#include "store/results_build.h"

enum {
    CUBE_VARS_MAX = 4 + 2 * JOBSPEC_MAX_METRICS,
    /* cubes, their inner dimensions; scales and coordinates; command or task
     * ids; "jobs" and "batch", which / has */
    CUBE_NAMES_MAX = CUBE_VARS_MAX + METRIC_MAX_RANK * JOBSPEC_MAX_METRICS +
                     TASKSET_MAX_DIMS + TASKSET_MAX_PARAMS + 3,
    CUBE_PATH_BYTES = JOBSPEC_MAX_ID + RESULTS_MAX_NAME + 16
};

/* One cube. */
struct cube_var {
    enum cell_kind kind;
    size_t bytes;        /* of a task's cell */
    unsigned char *fill; /* a cell's */
    struct hdf_cube *cube;
    unsigned char *cells; /* of the slab */
    char path[CUBE_PATH_BYTES];
};

struct cubes {
    struct build *build;
    uint32_t job_index;
    const struct job *job;
    const struct survey_job *survey;
    char group[JOBSPEC_MAX_ID + 8];
    char names[CUBE_NAMES_MAX][RESULTS_MAX_NAME + 1];
    size_t name_count, first_name; /* those before first_name are not ours */
    /* one a dimension, then those of the array that is made last */
    char scales[CUBE_MAX_RANK][CUBE_PATH_BYTES];
    const char *scale_paths[CUBE_MAX_RANK];
    struct buf coordinates; /* names of variables that are no dimensions */
    struct cube_var vars[CUBE_VARS_MAX];
    uint32_t var_count;
    uint32_t metric_vars[JOBSPEC_MAX_METRICS]; /* the value's */
    uint64_t slab_first;                       /* chunk */
    uint64_t cell_first, cell_end;             /* of the slab */
};

/* Choose a name in the group; its path. Borrowed from c. */
const char *cubes_take_name(struct cubes *c, const char *name,
                            char path[CUBE_PATH_BYTES]);

/* Make the dimension scales, and coordinates for what is none of them. */
int cubes_put_scales(struct cubes *c, struct err *err);

/* The dimensions of a metric's array, behind those of the cube. */
int cubes_put_inner_scales(struct cubes *c, const char *metric,
                           const struct cube_inner *inner, struct err *err);

#endif
