/* Job specs: from YAML text to the checked model.
 *
 * All errors of a text are found and reported at once, each with line and
 * column, what is wrong, and what would be right.
 */
#ifndef MPIBATCH_SPEC_SPEC_H
#define MPIBATCH_SPEC_SPEC_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"

/* Bounds of a job spec. */
enum {
    SPEC_MAX_BYTES = 256 << 20, /* text, and memory of the model */
    SPEC_MAX_DEPTH = 32,
    SPEC_MAX_ALIAS_NODES = 1 << 20, /* nodes that aliases expand to */
    SPEC_MAX_ERRORS = 50            /* reported; then it stops looking */
};

struct spec_error {
    unsigned line, column; /* from 1; 0: not known */
    char text[ERR_TEXT_MAX];
};

struct spec_errors {
    struct spec_error *list;
    size_t count;
};

/* Parse and check. The spec (free with jobspec_destroy), or NULL with at least
 * one error in errors (from zero; spec_errors_fini it), sorted by place.
 * file_name_stem: the default of `name`. */
struct jobspec *spec_parse(const char *text, size_t len,
                           const char *file_name_stem,
                           struct spec_errors *errors);
void spec_errors_fini(struct spec_errors *errors);

/* "FILE:LINE:COLUMN: error: TEXT", with the source line and a caret below. */
int spec_error_show(const struct spec_error *e, const char *file,
                    const char *text, size_t len, struct buf *out);

/* From the same table as the parser: the JSON Schema (2020-12), and the man
 * page mpibatch-jobspec(5) in roff. */
int spec_put_schema(struct buf *out, struct err *err);
int spec_put_man(struct buf *out, struct err *err);

#endif
