/* The files of a task: who has them now, and the last chance of who had them.
 */
#ifndef MPIBATCH_CLI_TASK_FILES_H
#define MPIBATCH_CLI_TASK_FILES_H

#include "cli/holder.h"

struct task_files {
    const struct run_arg *run;
    uint32_t job, index;
    uint64_t attempt; /* 0: the one that runs, else the last that has ended */
    /* Use the holder; what it returns is returned. With -1 and HOLDER_ENDED or
     * HOLDER_WAITS it may be called again with another one, and must not have
     * done anything by then. */
    int (*use)(void *arg, struct holder *s, struct err *err);
    void *arg;
};

/* Call use with the files of the task: of the session if that has it, else of
 * the run directory and, if it was kept, its directory. -1 with err, which says
 * where they may be. */
int task_files_use(const struct task_files *t, struct err *err);

/* The same of what has ended alone. known: an attempt that must be there, and
 * is waited for a moment: who has it may not have written it yet; 0: none. */
int task_files_use_ended(const struct task_files *t, uint32_t known,
                         struct err *err);

#endif
