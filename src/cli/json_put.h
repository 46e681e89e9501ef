/* JSON for scripts: an object as text. */
#ifndef MPIBATCH_CLI_JSON_PUT_H
#define MPIBATCH_CLI_JSON_PUT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Append object, indented, with a newline behind it, and release it (also if
 * it is NULL or cannot be written). -1 with err ENOMEM. */
int json_put(json_t *object, struct buf *out, struct err *err);

#endif
