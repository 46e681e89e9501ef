/* Who has started this process, as its environment tells. Pure. */
#ifndef MPIBATCH_COMM_LAUNCHER_H
#define MPIBATCH_COMM_LAUNCHER_H

enum launcher {
    LAUNCHER_NONE, /* a shell: this process is alone */
    LAUNCHER_MPI,  /* mpirun, or srun with a PMI: MPI_Init finds the others */
    LAUNCHER_SRUN  /* srun without a PMI started several that cannot */
};

/* get looks up a variable as getenv does. */
enum launcher launcher_detect(const char *(*get)(void *arg, const char *name),
                              void *arg);

#endif
