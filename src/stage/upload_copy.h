/* One file into a container, under a temporary name. Private to upload*.c. */
#ifndef MPIBATCH_STAGE_UPLOAD_COPY_H
#define MPIBATCH_STAGE_UPLOAD_COPY_H

#include "base/err.h"
#include "stage/upload_plan.h"

/* Copy it->source, below task_dir, to it->temp, below the folder container,
 * and sync it; says in *it what the copy is. Passing errors are tried again.
 * -1 with err, and nothing is left: ECANCELED, ENOSPC, EDQUOT, EACCES ... */
int upload_copy(const struct upload *u, int task_dir, int container,
                struct upload_item *it, struct upload_counts *counts,
                struct err *err);

/* Open the folder of a plain name below container, making it if make; links
 * in the container are followed if they stay in it. *base: as beneath_parent.
 * -1 with errno. */
int upload_folder(int container, const char *name, bool make,
                  const char **base);

/* Does the errno pass? Then wait for the try-th time, tries counted from 0;
 * false: it does not, or that was the last, or stopped. */
bool upload_again(const struct upload *u, int code, unsigned try,
                  struct upload_counts *counts);

#endif
