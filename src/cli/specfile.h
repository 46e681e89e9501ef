/* A job spec in a file, or a file of command lines, which stands for a job spec
 * that names it: read, parsed, its errors shown. */
#ifndef MPIBATCH_CLI_SPECFILE_H
#define MPIBATCH_CLI_SPECFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"
#include "store/inputs.h"

/* Parse text that came from path; all errors go to stderr with their lines.
 * inputs: its tables, taken. NULL: there were errors. */
struct jobspec *specfile_parse(const char *path, const char *text, size_t len,
                               struct inputs *inputs);

/* Read the file at path into text and parse it; its tables are the files
 * themselves. Of a file of commands, text is a spec that names it. look: see
 * that what tasks are to be given is there. NULL: errors were shown. */
struct jobspec *specfile_load(const char *path, bool look, struct buf *text);

/* The folder of the file, absolute, that of the file itself where path is a
 * link: heap. NULL with err. */
char *specfile_folder(const char *path, struct err *err);

/* The file's name without folder and extension, heap: "sweep". */
char *specfile_stem(const char *path);

/* Where a run of this spec goes by default, heap: "sweep.run". */
char *specfile_run_dir(const char *path);

#endif
