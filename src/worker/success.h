/* What makes success of an attempt, besides that its program ended: a listed
 * exit code, files that must be there, what stdout must say, what must hold of
 * its metrics. The user's `success` of its template; without it, exit code 0.
 */
#ifndef MPIBATCH_WORKER_SUCCESS_H
#define MPIBATCH_WORKER_SUCCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/attempt.h"
#include "model/jobspec.h"

struct regex;

/* The expression that was needed last, compiled. */
struct success_regex {
    struct regex *regex;
    char *pattern;
};
void success_regex_fini(struct success_regex *r);

/* Is this exit code success, as far as that goes? */
bool success_has_code(const struct task_template *t, int32_t exit_code);

/* What an attempt has left, borrowed. */
struct success_evidence {
    const char *output; /* stdout; NULL: it cannot be read */
    size_t output_len;
    const char *work_dir; /* absolute; NULL: it was never entered */
    const struct template_context *names;
    const struct job *job; /* whose metrics the attempt has */
    int64_t search_ns;     /* CPU time for the expression; 0: the default */
};

/* Judge the rest of an attempt that has succeeded by its exit code: if a
 * condition is not met it is not successful, and its message names the first
 * one. */
void success_judge(const struct task_template *t,
                   const struct success_evidence *from,
                   struct success_regex *cache, struct attempt *a);

#endif
