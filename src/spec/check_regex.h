/* Is a text a regular expression that a metric can use? PCRE2. */
#ifndef MPIBATCH_SPEC_CHECK_REGEX_H
#define MPIBATCH_SPEC_CHECK_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* 0 if the pattern compiles as it will be compiled for use, and has at most
 * one capture group, or only named ones: *names are count of them, in their
 * order (in arena). Else -1 with err (EINVAL, ENOMEM) and the byte in the
 * pattern where the error is. */
int regex_check(const char *pattern, struct arena *arena,
                const char *const **names, uint32_t *count, size_t *error_at,
                struct err *err);

/* The same for a pattern of which only counts whether it matches: groups do
 * not matter. */
int regex_check_plain(const char *pattern, size_t *error_at, struct err *err);

#endif
