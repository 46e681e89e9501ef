/* Text: nearest names, safe display, shell quoting. */
#ifndef MPIBATCH_BASE_TEXT_H
#define MPIBATCH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Which of count names is nearest to word by edit distance (insert, delete,
 * replace, swap of neighbours, each 1), or NULL if none is near enough to be
 * meant: more than a third of the word's length, at least 1, away, or without
 * one letter in common. One that differs in case alone is nearest. The names
 * are borrowed. */
const char *text_nearest(const char *word, const char *const *names,
                         size_t count);

/* Is it well-formed UTF-8 without NUL? */
bool text_is_utf8(const char *s, size_t len);

/* Append s for a terminal or a log: control bytes (C0 but tab, DEL, C1) and
 * malformed UTF-8 become "\xNN"; newlines stay if keep_lines. 0 or -1 as
 * buf_put. */
int text_put_printable(struct buf *b, const char *s, size_t len,
                       bool keep_lines);

/* Does s need no quoting as one word of a POSIX shell, wherever it stands
 * alone: no special character, no assignment, no reserved word? */
bool text_is_shell_safe(const char *s);

/* Append s as one word of a POSIX shell, in single quotes where needed. 0 or
 * -1 as buf_put. */
int text_put_shell_word(struct buf *b, const char *s);

/* Append UTF-8 as a double-quoted scalar of YAML. 0, or -1 with errno ENOMEM or
 * EMSGSIZE. */
int text_put_yaml(struct buf *b, const char *s);

#endif
