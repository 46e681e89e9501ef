/* Is a text a regular expression that a metric can use? PCRE2. */
#ifndef MPIBATCH_SPEC_CHECK_REGEX_H
#define MPIBATCH_SPEC_CHECK_REGEX_H

#include <stddef.h>

#include "base/err.h"

/* 0 if the pattern compiles as the worker will compile it and has at most one
 * capture group; else -1 with err (EINVAL, ENOMEM) and the byte in the pattern
 * where the error is. */
int regex_check(const char *pattern, size_t *error_at, struct err *err);

#endif
