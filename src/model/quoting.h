/* Where in a shell line a placeholder stands: in quotes, in a here-document,
 * in arithmetic, in a comment, or in none of them.
 *
 * A reader follows literal text as a POSIX shell would. It is no parser: what
 * it cannot follow with certainty it refuses, and so places where no value
 * could stand as data. It decides how a value is referred to, never whether
 * it is run: values reach the shell as variables (see template.c).
 */
#ifndef MPIBATCH_MODEL_QUOTING_H
#define MPIBATCH_MODEL_QUOTING_H

#include <stdbool.h>
#include <stddef.h>

enum place {
    PLACE_LINE,     /* unquoted, outermost */
    PLACE_GROUP,    /* unquoted, in ( ) */
    PLACE_COMMAND,  /* unquoted, in $( ) */
    PLACE_BACKTICK, /* unquoted, in ` ` */
    PLACE_SINGLE,
    PLACE_DOUBLE,
    PLACE_COMMENT,
    PLACE_ARITHMETIC, /* in $(( )) or (( )) */
    PLACE_PARAMETER,  /* in ${ } */
    PLACE_HERE,       /* the text behind <<END */
    PLACE_HERE_RAW    /* the text behind <<'END' */
};

enum { QUOTING_MAX_DEPTH = 32, QUOTING_MAX_DELIMITER = 64 };

struct quoting {
    struct {
        enum place place;
        const char *from; /* where it was opened */
    } stack[QUOTING_MAX_DEPTH];
    int depth;
    bool token_start;   /* a # here starts a comment */
    const char *lost;   /* why nothing behind here is certain, or NULL */
    const char *behind; /* why no value can stand here and now, or NULL */
    bool here_pending;  /* a here-document starts at the next newline */
    bool here_raw, here_tabs;
    char here_end[QUOTING_MAX_DELIMITER + 1];
    int here_matched; /* of the current line; -1: it does not end it */
};

void quoting_init(struct quoting *q);

/* Follow literal text. A placeholder stands at its end. */
void quoting_follow(struct quoting *q, const char *s, size_t len);

/* Follow a placeholder. */
void quoting_follow_value(struct quoting *q);

/* Where a placeholder would stand now. */
enum place quoting_place(const struct quoting *q);

/* Why no placeholder can stand there, as the end of a sentence, or NULL. */
const char *quoting_refusal(const struct quoting *q);

/* At the end of the line: the innermost quote still open, or NULL. */
const char *quoting_open(const struct quoting *q);

#endif
