/* JSON for scripts: an object as text, or on stdout. */
#ifndef MPIBATCH_CLI_JSON_PUT_H
#define MPIBATCH_CLI_JSON_PUT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Append object, indented, with a newline behind it, and release it (also if
 * it is NULL or cannot be written). -1 with err ENOMEM. */
int json_put(json_t *object, struct buf *out, struct err *err);

/* The same to stdout, max_bytes at most. Returns the exit code: EXIT_OK, or
 * EXIT_FAILED, said why. */
int json_print(json_t *object, size_t max_bytes);

#endif
