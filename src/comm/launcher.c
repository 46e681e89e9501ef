/* Who has started this process: see launcher.h. */
#include "config.h"
#include "comm/launcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Variables that a launcher sets for those who will call MPI_Init: Open MPI's
 * mpirun, any PMIx server, PMI 1 and 2 (MPICH, Slurm), MPICH's mpiexec. */
static const char *const mpi_variables[] = {"OMPI_COMM_WORLD_SIZE",
                                            "PMIX_RANK",
                                            "PMI_RANK",
                                            "PMI_SIZE",
                                            "PMI_FD",
                                            "PMI_PORT",
                                            "MPI_LOCALNRANKS"};

/* The number in a variable; -1: there is none. */
static long number(const char *text)
{
    char *end;
    if (!text || !*text)
        return -1;
    long v = strtol(text, &end, 10);
    return *end || v < 0 ? -1 : v;
}

/* Is it one of several tasks of a Slurm step? Batch shells and the shells of
 * salloc have SLURM_PROCID and SLURM_NTASKS too: what counts is the step, and
 * theirs, if they have one, are the numbers from 0xfffffff0 on. */
static bool is_step_task(const char *(*get)(void *arg, const char *name),
                         void *arg)
{
    long step = number(get(arg, "SLURM_STEP_ID"));
    if (step < 0 || step >= 0xfffffff0L || !get(arg, "SLURM_PROCID"))
        return false;
    long tasks = number(get(arg, "SLURM_STEP_NUM_TASKS"));
    if (tasks < 0)
        tasks = number(get(arg, "SLURM_NTASKS"));
    return tasks > 1;
}

enum launcher launcher_detect(const char *(*get)(void *arg, const char *name),
                              void *arg)
{
    for (size_t i = 0; i < sizeof(mpi_variables) / sizeof(char *); i++)
        if (get(arg, mpi_variables[i]))
            return LAUNCHER_MPI;
    return is_step_task(get, arg) ? LAUNCHER_SRUN : LAUNCHER_NONE;
}
