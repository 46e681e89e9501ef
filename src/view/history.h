/* What the sessions of a run say of themselves: when each was, by which command
 * line, on which hosts, with which programs. From the journal alone. */
#ifndef MPIBATCH_VIEW_HISTORY_H
#define MPIBATCH_VIEW_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "store/programs.h"
#include "store/rundir.h"

enum { HISTORY_MAX_BYTES = 256 << 20, HISTORY_MAX_CHANGES = 1024 };

enum session_state {
    SESSION_ENDED,   /* in good order, with an exit code */
    SESSION_RUNNING, /* as far as one can tell */
    SESSION_KILLED   /* it did not say why it ended */
};

/* Texts are "" if they are not known. */
struct history_session {
    uint32_t number;
    enum session_state state;
    int exit_code;            /* ended */
    int64_t start_ns, end_ns; /* end: the last that was heard of it */
    uint32_t ranks, nodes, ranks_lost;
    const char *version, *mpi, *hwloc, *hdf5; /* of mpibatch, of libraries */
    const char *folder, *command;
    const char *environment; /* NAME=VALUE lines */
};

struct history_host {
    const char *name;
    uint32_t sessions; /* how many it was in */
    uint32_t session;  /* the last one; and in that: */
    uint32_t ranks, slots;
    uint32_t cores, hwthreads;
    uint64_t memory_bytes;
};

/* A file that was another one in a later session. */
struct history_change {
    uint32_t session;
    const char *name, *path, *was, *is; /* was, is: SHA-256 */
};

struct history {
    struct arena *arena; /* of all texts */
    struct history_session *sessions;
    uint32_t session_count, session_cap;
    struct history_host *hosts; /* as they came */
    uint32_t host_count, host_cap;
    struct programs *programs;                          /* as they are now */
    struct history_change changes[HISTORY_MAX_CHANGES]; /* the first ones */
    uint32_t change_count;
};

/* Read the history of a run as of now_ns (since 1970 UTC). NULL with err. Free
 * with history_destroy. */
struct history *history_read(const struct rundir *dir,
                             const struct jobspec *spec, int64_t now_ns,
                             struct err *err);
void history_destroy(struct history *h);

#endif
