/* A task's own directory on its node, laid out as Azure Batch does:
 *
 *   SCRATCH/workitems/JOB/job-1/TASK/wd    where its command line runs
 *   SCRATCH/workitems/JOB/job-1/TASK/stdout.txt, stderr.txt
 *
 * A start task's is SCRATCH/startup, in the same manner.
 *
 * Each attempt gets a fresh one: what an earlier attempt has left there is
 * moved aside, to TASK.ATTEMPT (no id has a dot) if it is kept, else away.
 * Whoever ends an attempt takes its directory from its place before he says
 * that it has ended, so that the next attempt, perhaps by another rank of the
 * node, never meets it.
 *
 * All but the names waits for the disk: for a thread of io.
 */
#ifndef MPIBATCH_WORKER_TASKDIR_H
#define MPIBATCH_WORKER_TASKDIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "stage/scratch.h"

struct taskdir {
    char *path;      /* absolute */
    char *wd;        /* the same, "/wd" behind it */
    size_t root_len; /* of the scratch's path and the "/" behind it */
};

/* The names alone; job_id "": of a start task. -1 with err ENOMEM. */
int taskdir_init(struct taskdir *d, const char *scratch_path,
                 const char *job_id, const char *task_id, struct err *err);
void taskdir_fini(struct taskdir *d);

/* Make it and its wd, 0700, for this attempt. What is there is moved aside, and
 * kept until expires_ns (since 1970 UTC) from now on; 0: it is removed. -1 with
 * err. */
int taskdir_make(const struct taskdir *d, struct scratch *s, uint32_t attempt,
                 int64_t expires_ns, struct err *err);

/* Take over, for this attempt, the one that an earlier attempt has left in its
 * place. 1; 0: there is none; -1 with err. */
int taskdir_go_on(const struct taskdir *d, struct scratch *s, uint32_t attempt,
                  int64_t expires_ns, struct err *err);

/* Write a file of ours, which may be run, beside its wd. -1 with err. */
int taskdir_put_file(const struct taskdir *d, const char *name,
                     const char *bytes, size_t len, struct err *err);

/* Write an output of the task beside its wd: the bytes, or (bytes NULL) what
 * the file has. -1 with err. */
int taskdir_put_output(const struct taskdir *d, int stream, const char *bytes,
                       size_t len, const char *file, struct err *err);

/* It stays until expires_ns, whoever cleans up. -1 with err. */
int taskdir_keep(const struct taskdir *d, struct scratch *s, int64_t expires_ns,
                 struct err *err);

enum { TASKDIR_AWAY_BYTES = 64 };
/* Take it from its place, to one of which nobody else knows: away, for
 * taskdir_remove. 0: there is none. 1: it is there. -1 with err: it still is
 * where it was. */
int taskdir_take_away(const struct taskdir *d, struct scratch *s,
                      char away[TASKDIR_AWAY_BYTES], struct err *err);
/* Remove what was taken away. -1 with err. */
int taskdir_remove(struct scratch *s, const char *away, struct err *err);

#endif
