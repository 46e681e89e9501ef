/* Which shared libraries a program loads when it starts.
 *
 * Found by reading the files, as the dynamic linker of glibc would look for
 * them (DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, ld.so.cache, the usual folders,
 * and there the variants for this processor); nothing is executed. Libraries
 * that a program opens later, by dlopen, are not known before.
 */
#ifndef MPIBATCH_STORE_LINKED_H
#define MPIBATCH_STORE_LINKED_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Objects of one program, and bytes of strings, at most. */
enum { LINKED_MAX = 512 };

struct linked {
    const char *name; /* as it is asked for */
    const char *path; /* NULL: not found */
};

/* What the program at path loads, in the order in which the linker does; the
 * linker itself first. library_path, preload: of its environment, or NULL.
 * *list lies in arena; *count is 0 if it is no dynamic program. -1 with err:
 * ENOMEM, E2BIG (more than LINKED_MAX). */
int linked_list(struct arena *arena, const char *path, const char *library_path,
                const char *preload, const struct linked **list,
                uint32_t *count, struct err *err);

#endif
