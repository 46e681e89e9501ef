/* Which of a task's output files an attempt stores, with all templates filled
 * in, and what the patterns of returned files match. */
#ifndef MPIBATCH_WORKER_STORING_H
#define MPIBATCH_WORKER_STORING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "stage/upload.h"

/* Does an attempt that ended so store this one? One that was stopped stores
 * nothing: it runs again. */
bool storing_applies(const struct output_file *o, const struct attempt *a);

/* Does any that applies, or its being kept, ask for stdout.txt, stderr.txt? */
bool storing_wants_outputs(const struct task_template *t,
                           const struct attempt *a, bool kept);

/* Does any apply that is to be returned? */
bool storing_returns(const struct task_template *t, const struct attempt *a);

/* The sets of an upload; the strings lie in text. */
struct storing_sets {
    struct upload_set *sets;
    uint32_t count;
    struct arena *texts;
};

/* Those that apply and are to be uploaded. -1 with err: a template that cannot
 * be expanded, ENOMEM. To be freed in any case. */
int storing_sets_fill(const struct jobspec *spec, const struct task_template *t,
                      const struct attempt *a,
                      const struct template_context *names,
                      struct storing_sets *out, struct err *err);
void storing_sets_fini(struct storing_sets *s);

/* The patterns of those that apply and are to be returned, a NUL behind each.
 * -1 with err. */
int storing_patterns(const struct task_template *t, const struct attempt *a,
                     const struct template_context *names, struct buf *out,
                     struct err *err);

/* A file to be returned: below the task's directory, no link. */
struct storing_file {
    char *path; /* absolute */
    char *name; /* below wd, or below the task's directory */
};
struct storing_files {
    struct storing_file *files;
    uint32_t count;
    uint32_t links_left; /* links that lead out of the directory ... */
    char link_left[UPLOAD_LINK_SHOWN_MAX]; /* ... the first of them */
};

/* What the patterns match, none twice; blocks. At most ATTEMPT_MAX_FILES. -1
 * with err. To be freed in any case. */
int storing_find(const char *task_dir, const char *patterns, size_t len,
                 struct storing_files *out, struct err *err);
void storing_files_fini(struct storing_files *f);

#endif
