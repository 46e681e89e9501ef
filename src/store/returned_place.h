/* Where files of their own come to lie: files/ of a run directory, on the side
 * that writes. It waits for disks: for a thread that may. Internal to store/.
 *
 *   files/.part/<session>/<number>    what comes in
 *   files/<job>/<task>/<attempt>/...  what is whole
 */
#ifndef MPIBATCH_STORE_RETURNED_PLACE_H
#define MPIBATCH_STORE_RETURNED_PLACE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "store/returned.h"

struct returned_place {
    int files_fd;       /* files/ */
    int part_fd;        /* files/.part/<session>/ */
    int64_t since_ns;   /* when that was made, by the file system's clock: what
                           is older is of earlier sessions */
    char session[16];   /* the folder's name */
    uint64_t old_count; /* folders that were moved out of the way */
};

/* The name of a part. */
enum { RETURNED_PART_NAME = 24 };
void returned_part_name(uint64_t number, char name[RETURNED_PART_NAME]);

/* Have the folders, and remove what earlier sessions left half done. -1 with
 * err; fini it in any case. */
int returned_place_init(struct returned_place *p, const struct rundir *r,
                        struct err *err);
void returned_place_fini(struct returned_place *p);

/* Make part number, empty. Its fd; -1 with errno. */
int returned_part_make(struct returned_place *p, uint64_t number, mode_t mode);
/* Give it, which is synced, its name. -1 with errno; it stays then. */
int returned_part_keep(struct returned_place *p, uint64_t number,
                       const struct returned_of *of, const char *name);
void returned_part_remove(struct returned_place *p, uint64_t number);

/* Remove all that an attempt returned. */
void returned_attempt_remove(struct returned_place *p,
                             const struct returned_of *of);

#endif
