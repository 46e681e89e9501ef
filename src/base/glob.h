/* Files by pattern. */
#ifndef MPIBATCH_BASE_GLOB_H
#define MPIBATCH_BASE_GLOB_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Bounds of one search. */
enum { GLOB_MAX_DEPTH = 128, GLOB_MAX_FOLDERS = 1 << 20 };

/* Append the files that match pattern to out: a NUL behind each, sorted by
 * bytes, none twice. * ? [..] match within a name, and no name that begins
 * with a dot unless the pattern has the dot; "**" as a whole name matches any
 * number of folders, hidden ones and links left out. Folders match only a
 * pattern that ends with "/". A relative pattern begins in folder, and so do
 * the names. Nothing that matches is no error; -1 with err: the errno of a
 * folder that cannot be read, ERANGE (a bound), EMSGSIZE (out's maximum),
 * ENOMEM. */
int glob_find(const char *folder, const char *pattern, struct buf *out,
              struct err *err);

/* Does a relative pattern match the relative name of a file, by the same
 * rules? Nothing is looked up. */
bool glob_match(const char *pattern, const char *name);

#endif
