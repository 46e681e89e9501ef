/* Lists of numbers as the kernel writes CPU sets: "0-3,8". */
#ifndef MPIBATCH_TOPO_TOPO_LIST_H
#define MPIBATCH_TOPO_TOPO_LIST_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Numbers above this are malformed. */
enum { LIST_MAX_NUMBER = (1 << 20) - 1 };

/* Add the CPUs of a list to a set of `bytes`; those beyond the set are left
 * out. "" is the empty list; a final newline is fine. -1 with err EINVAL; the
 * set may hold a part of the list then. */
int list_parse(const char *text, cpu_set_t *set, size_t bytes, struct err *err);

/* Writes a list, number by number, in ascending order. */
struct list_writer {
    struct buf *out;
    uint32_t first, last; /* the run that is not written yet */
    bool open;            /* is there one? */
    bool started;         /* is anything written? */
    bool failed;          /* out is full, or no memory; errno as buf_put */
};

void list_begin(struct list_writer *w, struct buf *out);
/* number must be above the one before; one that is the same is left out. */
void list_add(struct list_writer *w, uint32_t number);
/* 0, or -1 with errno as buf_put. */
int list_end(struct list_writer *w);

/* Append the list of a set. 0, or -1 with errno as buf_put. */
int list_put_set(struct buf *out, const cpu_set_t *set, size_t bytes);

#endif
