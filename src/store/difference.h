/* Where two texts differ first, for people. */
#ifndef MPIBATCH_STORE_DIFFERENCE_H
#define MPIBATCH_STORE_DIFFERENCE_H

#include <stddef.h>

struct difference {
    size_t line;            /* from 1 */
    char was[512], is[512]; /* "`TEXT`", shortened and printable, "(nothing)" */
};

/* The first line in which old and new are not the same; they differ. */
void difference_find(const char *old, size_t old_len, const char *new,
                     size_t new_len, struct difference *d);

#endif
