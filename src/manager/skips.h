/* What is skipped, for people: one line a cause and second, however many tasks
 * wait for it. Pure. */
#ifndef MPIBATCH_MANAGER_SKIPS_H
#define MPIBATCH_MANAGER_SKIPS_H

#include <stddef.h>
#include <stdint.h>

#include "model/jobspec.h"
#include "model/range.h"

enum { SKIPS_MAX = 8 };

struct skips {
    struct {
        uint32_t job, index; /* that has not ended well */
        uint64_t tasks;      /* that are skipped for it */
    } causes[SKIPS_MAX];
    uint32_t count;
    uint64_t others; /* tasks, for more causes */
};

/* These are skipped for task index of job. */
void skips_add(struct skips *s, uint32_t job, uint32_t index, uint64_t tasks);

/* The next line to say, which is forgotten then. Returns text, or NULL: there
 * is none (any more). */
char *skips_say(struct skips *s, const struct jobspec *spec, char *text,
                size_t room);

#endif
