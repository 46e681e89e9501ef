/* The progress of a run, as people see it while it goes on.
 *
 * On a terminal one line that is redrawn; elsewhere a plain line every 30 s
 * or 5 %. Each failure is shown as it happens, the first ones in full; at the
 * end a summary that fits a screen.
 */
#ifndef MPIBATCH_VIEW_PROGRESS_H
#define MPIBATCH_VIEW_PROGRESS_H

#include <stdbool.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "model/snapshot.h"
#include "view/terminal.h"

struct progress;

struct progress_config {
    struct terminal terminal;
    bool quiet; /* nothing but failures and the summary */
    const struct jobspec *spec;
    const char *run_dir;  /* as people should see it */
    const char *run_path; /* absolute */
    const char *work_dir; /* where tasks run, absolute */
    const char *rerun;    /* the command that runs failed tasks again */
};

/* NULL with err ENOMEM. What config points to is borrowed. */
struct progress *progress_create(const struct progress_config *config,
                                 struct err *err);
void progress_destroy(struct progress *p);

/* Once a second. */
void progress_update(struct progress *p, const struct snapshot *snap);

/* An attempt failed; hostname: of its node. */
void progress_failure(struct progress *p, const struct attempt *a,
                      const char *hostname, const char *stderr_tail,
                      size_t len);

/* Take the live line off the terminal, so that something else can be said; it
 * comes back with the next update. */
void progress_clear(void *progress);

/* The end of the run. results: there is a results.h5, or will be. */
void progress_summary(struct progress *p, const struct snapshot *snap,
                      bool results);

#endif
