/* Marks: what has been received may be acknowledged once what it led to is
 * written. Pure: a ring of (mark of comm, ticket of the writer) pairs. */
#ifndef MPIBATCH_MANAGER_MARKS_H
#define MPIBATCH_MANAGER_MARKS_H

#include <stdint.h>

enum { MARKS_MAX = 1024 };

struct marks {
    struct {
        uint64_t mark, ticket;
    } ring[MARKS_MAX];
    uint32_t first, count;
};

/* All up to mark led to records up to ticket. Both grow from call to call; if
 * the ring is full, the newest pair takes this one in. */
void marks_put(struct marks *m, uint64_t mark, uint64_t ticket);

/* The last mark whose ticket is at most written, and forget those up to it;
 * 0: none. */
uint64_t marks_take(struct marks *m, uint64_t written);

#endif
