/* Metrics by regular expression. Internal to metrics/. */
#ifndef MPIBATCH_METRICS_REGEX_H
#define MPIBATCH_METRICS_REGEX_H

#include "base/err.h"
#include "metrics/gather.h"

struct regex;

/* Compile it, by PCRE2's JIT where there is one. NULL with err: EINVAL (with
 * PCRE2's words), ENOMEM. */
struct regex *regex_create(const char *pattern, struct err *err);
void regex_destroy(struct regex *r);

/* The number of the group of that name; of NULL, the first group's, or 0 if
 * there is none. */
uint32_t regex_group(const struct regex *r, const char *name);

/* Each match in text is a candidate of those of the count gathers whose group
 * (number groups[i]) takes part in it; until all are done. After about
 * limit_ns of CPU time it is given up, and those that are not done are
 * malformed. */
void regex_scan(struct regex *r, const char *text, size_t len, int64_t limit_ns,
                struct gather *const *gathers, const uint32_t *groups,
                uint32_t count);

/* Does it match anywhere in the text? 1, 0, or -1 with err: it was given up
 * after about limit_ns of CPU time, or PCRE2 says why not. */
int regex_matches(struct regex *r, const char *text, size_t len,
                  int64_t limit_ns, struct err *err);

#endif
