/* The environment of tasks: ours, without what the outer MPI or batch step
 * has put in, so that a task may itself be an MPI program. */
#ifndef MPIBATCH_PROC_ENVIRONMENT_H
#define MPIBATCH_PROC_ENVIRONMENT_H

#include <stddef.h>

#include "base/err.h"

struct environment;

/* The base: environ of this process less PMI_* IPATH_* MPIR_* HYDI_* HYDRA_*,
 * and OMPI_* PMIX_* OPAL_* ORTE_* PRTE_* if an MPI launcher has started us
 * (else they are the user's), less what belongs to the outer step of Slurm
 * (SLURM_PROCID, SLURM_LOCALID, SLURM_NODEID, SLURM_STEP_*, SLURM_TASK_PID,
 * ...), and with the variables that mpirun overwrote (HFI_NO_BACKTRACE,
 * PSM2_DEVICES) removed. Variables that the user had set before mpirun and that
 * `mpibatch launch` passed on in MPIBATCH_USER_ENV_* are put back. NULL with
 * err. */
struct environment *environment_create(char *const *from, struct err *err);
void environment_destroy(struct environment *e);

/* Set, for the next environment_envp, a variable of one task (copied). A later
 * one wins. -1 with err ENOMEM, EINVAL (a name with = or empty). */
int environment_set(struct environment *e, const char *name, const char *value,
                    struct err *err);

/* A NULL-terminated envp of base and set variables; borrowed until the next
 * change. environment_reset forgets the set ones. NULL with err ENOMEM. */
char *const *environment_envp(struct environment *e, struct err *err);
void environment_reset(struct environment *e);

/* The value of a variable as a task would see it, or NULL. */
const char *environment_get(const struct environment *e, const char *name);

#endif
