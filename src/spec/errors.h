/* Collecting the errors of one job spec. Internal to spec/; what others see is
 * in spec.h.
 *
 * The list is allocated once, before anything is looked at, so that adding an
 * error cannot fail. Texts are made printable when they are added.
 */
#ifndef MPIBATCH_SPEC_ERRORS_H
#define MPIBATCH_SPEC_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "spec/spec.h"

/* Room for SPEC_MAX_ERRORS errors. -1: no memory; errors says so then. */
int spec_errors_init(struct spec_errors *errors);

/* Add an error at line and column (from 1; 0: not known). Nothing happens
 * when SPEC_MAX_ERRORS are there. */
void spec_errors_add(struct spec_errors *errors, unsigned line, unsigned column,
                     const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Add an error in a table that the spec names, at a line of it (0: none), which
 * is among its bytes. */
void spec_errors_add_in(struct spec_errors *errors, const char *file,
                        unsigned line, const char *bytes, size_t len,
                        const char *text);

/* The search ended for want of memory, of which used_bytes are in use: add
 * that, even if the list is full (instead of the last one). */
void spec_errors_no_memory(struct spec_errors *errors, size_t used_bytes);

/* Is there no room for more? Then there is no sense in looking on. */
bool spec_errors_full(const struct spec_errors *errors);

/* Sort by line, then column; equal places keep their order. */
void spec_errors_sort(struct spec_errors *errors);

/* The start of a text that may be long, for a message: at most 40 bytes, cut
 * between characters, with "..." behind if it was cut. */
struct excerpt {
    char text[48];
};
struct excerpt excerpt_of(const char *text);

/* Line number `line` (from 1) of a text, without its end; lines end where
 * libyaml sees them end. NULL: there is none. */
const char *source_line(const char *text, size_t len, unsigned line,
                        size_t *line_len);

/* The bytes of the character at s, of which room are there; 1 for a byte that
 * starts none. */
size_t source_char_len(const char *s, size_t room);

/* The bytes of the line end at s, or 0 if there is none. */
size_t source_break_len(const char *s, size_t room);

#endif
