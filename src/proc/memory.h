/* How much memory processes take: what they have of their own (anonymous and
 * shared pages, and what of it is swapped out), without the pages of files,
 * which the kernel takes back when it needs them. */
#ifndef MPIBATCH_PROC_MEMORY_H
#define MPIBATCH_PROC_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "proc/family.h"

struct memory_use {
    uint64_t bytes;
    uint32_t processes; /* that there still are */
};

/* Quickly: pages that several of them share count once for each, so that it is
 * never less than what is true. */
struct memory_use memory_rough(const struct family *t);

/* Exactly: a page that n processes share counts an nth for each of them
 * (PSS). It takes time that grows with the memory. A process that cannot be
 * looked at so counts as in memory_rough. */
struct memory_use memory_exact(const struct family *t);

/* How often the kernel has killed a process in our cgroup (or, where that is
 * not known, on this machine) because memory was short, since it began to
 * count; 0: it does not say. */
uint64_t memory_kills(void);
/* The same, of the cgroups that this text (as /proc/self/cgroup has it) names,
 * below that folder. False: it is not said there. */
bool memory_kills_of(const char *cgroups, const char *folder, uint64_t *kills);

#endif
