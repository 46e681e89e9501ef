/* What a task prints, while it runs: asked of its session again and again, to
 * its end; the rest is in the run directory then. */
#ifndef MPIBATCH_CLI_FOLLOW_H
#define MPIBATCH_CLI_FOLLOW_H

#include "cli/holder.h"

struct follow {
    const struct run_arg *run;
    uint32_t job, index;
    int stream;    /* 0 stdout, 1 stderr */
    uint64_t tail; /* of what is there at first only the last lines; 0: all */
    /* A piece; not 0: nobody wants more. */
    int (*put)(void *arg, const struct buf *piece);
    void *arg;
    /* its own */
    uint64_t at;
    uint32_t attempt; /* whose output that is; 0: of none yet */
    bool over, begun;
};

/* Follow it until the task ends, through all of its attempts; one that has not
 * started is waited for. -1 with err: it cannot be seen any more, and is not in
 * the run directory either. */
int follow_run(struct follow *f, struct err *err);

/* What it has printed by now, if it runs. As follow_run; HOLDER_ENDED and
 * HOLDER_WAITS: it does not. begin (may be NULL) is told how much there is. */
int follow_now(struct follow *f,
               void (*begin)(void *arg, int stream, uint64_t bytes),
               struct err *err);

/* Where the last lines of size bytes begin, that read appends pieces of. -1
 * with err. */
int tail_find(int (*read)(void *arg, uint64_t from, uint64_t len,
                          struct buf *out, struct err *err),
              void *arg, uint64_t size, uint64_t lines, uint64_t *from,
              struct err *err);

#endif
