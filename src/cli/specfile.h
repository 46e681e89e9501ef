/* A job spec in a file: read, parsed, its errors shown. */
#ifndef MPIBATCH_CLI_SPECFILE_H
#define MPIBATCH_CLI_SPECFILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"

/* Parse text that came from path; all errors go to stderr with their lines.
 * NULL: there were some. */
struct jobspec *specfile_parse(const char *path, const char *text, size_t len);

/* Read the file at path into text and parse it. NULL: errors were shown. */
struct jobspec *specfile_load(const char *path, struct buf *text);

/* The file's name without folder and extension, heap: "sweep". */
char *specfile_stem(const char *path);

/* Where a run of this spec goes by default, heap: "sweep.run". */
char *specfile_run_dir(const char *path);

#endif
