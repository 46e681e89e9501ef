/* The tasks that have needs of their own: not before a time, not on some
 * nodes, rather on one, with more memory or time than others; and job managers,
 * which come before the tasks of their job.
 *
 * Such a task has an entry from when it gets its first need until it is
 * completed. While it waits it stands in no bucket: until its time has come it
 * is delayed, then it is a claim (claim.h), or, if time was all it needed, in
 * its bucket, and has no entry any more.
 */
#ifndef MPIBATCH_SCHED_PICKIES_H
#define MPIBATCH_SCHED_PICKIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/map.h"
#include "model/policy.h"
#include "sched/claim.h"

struct attempt;
struct job_run;
enum task_past;

enum picky_state {
    PICKY_AWAY,    /* some worker has it, or it is blocked */
    PICKY_DELAYED, /* until at_ns */
    PICKY_WAITING  /* a claim while its job is open */
};

struct picky_task {
    struct picky needs;
    struct picky_task *next, **link; /* of its job */
    struct heap_node due;            /* always in the heap */
    int64_t at_ns;                   /* INT64_MAX: not delayed */
    enum picky_state state;
    uint32_t over_memory, over_time; /* attempts that were over their limit */
    uint32_t index;
    uint32_t home; /* the node that it names; UINT32_MAX: none */
};

struct pickies {
    struct map tasks; /* to struct picky_task * */
    struct heap due;
};

/* Entries for job managers. 0, or -1 (no memory). */
int pickies_init(struct sched *s);
void pickies_fini(struct sched *s);

/* The nodes are known, or tasks from `first` on of the job are new: those that
 * name a node would rather be there. 0, or -1 (no memory). */
int pickies_home(struct sched *s, uint32_t job, uint32_t first);
int pickies_home_all(struct sched *s);

/* The entry of a task, or NULL. */
struct picky_task *pickies_get(const struct sched *s, uint32_t job,
                               uint32_t index);

/* Make sure that there is an entry if the verdict on attempt a asks for one; 0,
 * or -1 (no memory). Then, when all else has been done, note what it asks for:
 * worker has ended it (UINT32_MAX: nobody knows which). */
int pickies_prepare(struct sched *s, const struct attempt *a,
                    const struct verdict *v);
void pickies_note(struct sched *s, int64_t now_ns, uint32_t worker,
                  const struct attempt *a, const struct verdict *v);
/* The task is completed. */
void pickies_forget(struct sched *s, uint32_t job, uint32_t index);

/* Let a task wait that has an entry and that no set holds. False: it has no
 * entry, or needs none any more: it belongs into its bucket. */
bool pickies_put(struct sched *s, uint32_t job, uint32_t index, bool tried);
/* Take it out of where it waits. Did it? */
bool pickies_take(struct sched *s, uint32_t job, uint32_t index);
/* The same of one whose time has come. *tried: it was attempted before. */
bool pickies_withdraw(struct sched *s, uint32_t job, uint32_t index,
                      bool *tried);
bool pickies_wait(const struct sched *s, uint32_t job, uint32_t index);
/* A worker has been given it. */
void pickies_given(struct sched *s, uint32_t job, uint32_t index);

/* The job's tasks are handed out from now on, or not any more. */
void pickies_gate(struct sched *s, struct job_run *j);

/* It is now_ns: what has waited for that does not any more. */
void pickies_tick(struct sched *s, int64_t now_ns);
/* When to say so next; INT64_MAX: no need. */
int64_t pickies_deadline_ns(const struct sched *s);

/* Does a task of an open job only wait for its time? */
bool pickies_delay(const struct sched *s);

#endif
