/* Following a shell's quotes: see quoting.h.
 *
 * The functions that read one construct return how many bytes it has; a
 * stack holds what is open.
 */
#include "config.h"
#include "model/quoting.h"

#include <ctype.h>
#include <string.h>

void quoting_init(struct quoting *q)
{
    *q = (struct quoting){.token_start = true};
}

enum place quoting_place(const struct quoting *q)
{
    return q->stack[q->depth].place;
}

static void push(struct quoting *q, enum place place, const char *from)
{
    if (q->depth + 1 == QUOTING_MAX_DEPTH) {
        q->lost = "this deep in quotes and brackets";
        return;
    }
    q->depth++;
    q->stack[q->depth].place = place;
    q->stack[q->depth].from = from;
    q->token_start = false;
}

static void pop(struct quoting *q)
{
    q->depth -= q->depth > 0;
    q->token_start = false;
}

/* How deep the innermost of these places is, or 0. */
static int innermost(const struct quoting *q, enum place place)
{
    int depth = q->depth;
    while (depth > 0 && q->stack[depth].place != place)
        depth--;
    return depth;
}

/* Is a ${ } inside double quotes or the like? */
static bool is_quoted_parameter(const struct quoting *q)
{
    int depth = q->depth;
    while (q->stack[depth].place == PLACE_PARAMETER)
        depth--;
    enum place below = q->stack[depth].place;
    return below == PLACE_DOUBLE || below == PLACE_HERE ||
           below == PLACE_ARITHMETIC;
}

/* ` opens; or closes the one that is open, whatever else is. */
static size_t backtick(struct quoting *q, const char *s)
{
    int open = innermost(q, PLACE_BACKTICK);
    if (open == 0) {
        push(q, PLACE_BACKTICK, s);
        q->token_start = true;
        return 1;
    }
    if (quoting_place(q) != PLACE_BACKTICK && quoting_place(q) != PLACE_COMMENT)
        q->lost = "behind backticks that cross quotes; use $( )";
    q->depth = open;
    pop(q);
    return 1;
}

/* A backslash and what it quotes. */
static size_t backslash(struct quoting *q, const char *s, size_t len)
{
    if (len == 1) {
        q->behind = "behind a backslash";
        return 1;
    }
    if (s[1] == '\n')
        return 2;
    if (innermost(q, PLACE_BACKTICK) && strchr("\\`$\"", s[1]))
        q->lost = "behind a backslash within backticks; use $( )";
    q->token_start = false;
    return 2;
}

/* $ and what belongs to it. */
static size_t dollar(struct quoting *q, const char *s, size_t len)
{
    bool quoted =
        quoting_place(q) == PLACE_DOUBLE || quoting_place(q) == PLACE_HERE;
    char next = len > 1 ? s[1] : '\0';
    q->token_start = false;
    if (next == '(' && len > 2 && s[2] == '(') {
        push(q, PLACE_ARITHMETIC, s);
        push(q, PLACE_ARITHMETIC, s);
        return 3;
    }
    if (next == '(') {
        push(q, PLACE_COMMAND, s);
        q->token_start = true;
        return 2;
    }
    if (next == '{') {
        push(q, PLACE_PARAMETER, s);
        return 2;
    }
    if ((next == '\'' && !quoted) || next == '[' || next == '\\')
        q->lost = next == '\\' ? "behind $\\" : "behind $' or $[";
    size_t n = 1;
    if (isdigit((unsigned char)next) || (next && strchr("@*#?$!-", next)))
        n = 2;
    while (n < len && (isalnum((unsigned char)s[n]) || s[n] == '_') &&
           !(n == 2 && strchr("@*#?$!-", next)))
        n++;
    if (n == len && !(n == 2 && strchr("@*#?$!-", next)))
        q->behind = "behind a shell variable; write ${{NAME}}";
    return n;
}

/* The operator << and its delimiter. */
static size_t here(struct quoting *q, const char *s, size_t len)
{
    size_t n = 2, end = 0;
    bool tabs = n < len && s[n] == '-';
    char quote = '\0';
    n += tabs;
    while (n < len && (s[n] == ' ' || s[n] == '\t'))
        n++;
    bool raw = n < len && strchr("'\"\\", s[n]);
    if (raw)
        quote = s[n++];
    size_t start = n;
    while (n < len && (isalnum((unsigned char)s[n]) || strchr("_-.+!%@", s[n])))
        n++;
    end = n;
    bool closed = quote != '\'' && quote != '"';
    if (!closed && n < len && s[n] == quote) {
        closed = true;
        n++;
    }
    if (end == start || end - start > QUOTING_MAX_DELIMITER || !closed ||
        n == len || !strchr(" \t\n;&|()<>", s[n]) || q->here_pending ||
        innermost(q, PLACE_BACKTICK)) {
        q->lost = "behind this here-document";
        return n;
    }
    memcpy(q->here_end, s + start, end - start);
    q->here_end[end - start] = '\0';
    q->here_pending = true;
    q->here_raw = raw;
    q->here_tabs = tabs;
    return n;
}

/* The end of a line of commands: is a here-document due? */
static size_t newline(struct quoting *q, const char *s)
{
    if (q->here_pending) {
        push(q, q->here_raw ? PLACE_HERE_RAW : PLACE_HERE, s);
        q->here_pending = false;
        q->here_matched = 0;
    }
    q->token_start = true;
    return 1;
}

/* One character of a here-document's lines: does it end with this one? */
static void here_match(struct quoting *q, char c)
{
    if (c == '\n') {
        if (q->here_matched == (int)strlen(q->here_end)) {
            pop(q);
            q->token_start = true;
        }
        q->here_matched = 0;
    } else if (c == '\t' && q->here_tabs && q->here_matched == 0) {
        return;
    } else if (q->here_matched >= 0 && q->here_end[q->here_matched] == c) {
        q->here_matched++;
    } else {
        q->here_matched = -1;
    }
}

/* Unquoted text. */
static size_t unquoted(struct quoting *q, const char *s, size_t len)
{
    bool start = q->token_start;
    char next = len > 1 ? s[1] : '\0';
    q->token_start = strchr(" \t;&|<>", s[0]);
    switch (s[0]) {
    case '\\':
        q->token_start = start;
        return backslash(q, s, len);
    case '$':
        return dollar(q, s, len);
    case '`':
        return backtick(q, s);
    case '\'':
        push(q, PLACE_SINGLE, s);
        return 1;
    case '"':
        push(q, PLACE_DOUBLE, s);
        return 1;
    case '\n':
        return newline(q, s);
    case '#':
        if (start)
            push(q, PLACE_COMMENT, s);
        return 1;
    case '(':
        push(q, next == '(' ? PLACE_ARITHMETIC : PLACE_GROUP, s);
        if (next == '(')
            push(q, PLACE_ARITHMETIC, s);
        q->token_start = true;
        return next == '(' ? 2 : 1;
    case ')': {
        enum place place = quoting_place(q);
        if (place == PLACE_GROUP || place == PLACE_COMMAND)
            pop(q);
        q->token_start = place != PLACE_COMMAND;
        return 1;
    }
    case '<':
        if (next == '<' && len > 2 && s[2] == '<')
            return 3;
        return next == '<' ? here(q, s, len) : 1;
    case 'c': /* the patterns of a case have a ) without a ( */
        if (start && len > 4 && strncmp(s, "case", 4) == 0 &&
            strchr(" \t\n\\", s[4]) && innermost(q, PLACE_COMMAND))
            q->lost = "behind \"case\" within $( )";
        return 1;
    default:
        return 1;
    }
}

/* Text in which only a few characters mean something. */
static size_t quoted(struct quoting *q, const char *s, size_t len)
{
    enum place place = quoting_place(q);
    q->token_start = false;
    switch (s[0]) {
    case '\\':
        return backslash(q, s, len);
    case '$':
        return dollar(q, s, len);
    case '`':
        return backtick(q, s);
    case '"':
        if (place == PLACE_DOUBLE)
            pop(q);
        /* fall through */
    case '\'':
        if (place == PLACE_PARAMETER && !is_quoted_parameter(q))
            push(q, s[0] == '"' ? PLACE_DOUBLE : PLACE_SINGLE, s);
        else if (place == PLACE_PARAMETER || place == PLACE_ARITHMETIC)
            q->lost = "behind quotes within ${ } or (( ))";
        return 1;
    case '(':
        if (place == PLACE_ARITHMETIC)
            push(q, place, s);
        return 1;
    case ')':
        if (place == PLACE_ARITHMETIC)
            pop(q);
        return 1;
    case '}':
        if (place == PLACE_PARAMETER)
            pop(q);
        return 1;
    default:
        return 1;
    }
}

static size_t step(struct quoting *q, const char *s, size_t len)
{
    switch (quoting_place(q)) {
    case PLACE_LINE:
    case PLACE_GROUP:
    case PLACE_COMMAND:
    case PLACE_BACKTICK:
        return unquoted(q, s, len);
    case PLACE_DOUBLE:
    case PLACE_ARITHMETIC:
    case PLACE_PARAMETER:
        return quoted(q, s, len);
    case PLACE_SINGLE:
        if (*s == '`' && innermost(q, PLACE_BACKTICK))
            return backtick(q, s);
        if (*s == '\'')
            pop(q);
        return 1;
    case PLACE_COMMENT:
        if (*s == '`' && innermost(q, PLACE_BACKTICK))
            return backtick(q, s);
        if (*s != '\n')
            return 1;
        pop(q);
        return newline(q, s);
    case PLACE_HERE:
        if (strchr("\\$`", *s)) {
            q->here_matched = -1;
            return quoted(q, s, len);
        }
        /* fall through */
    case PLACE_HERE_RAW:
        here_match(q, *s);
        return 1;
    }
    return 1;
}

void quoting_follow(struct quoting *q, const char *s, size_t len)
{
    q->behind = NULL;
    while (len > 0) {
        size_t n = step(q, s, len);
        s += n;
        len -= n;
    }
}

void quoting_follow_value(struct quoting *q)
{
    q->behind = NULL;
    q->token_start = false;
    q->here_matched = -1;
}

const char *quoting_refusal(const struct quoting *q)
{
    if (q->lost)
        return q->lost;
    if (quoting_place(q) == PLACE_PARAMETER)
        return "within ${ }";
    if (quoting_place(q) == PLACE_HERE_RAW)
        return "in a here-document whose delimiter is quoted";
    /* in single quotes and comments a backslash or a $ means nothing */
    return q->behind;
}

const char *quoting_open(const struct quoting *q)
{
    if (q->lost)
        return NULL;
    for (int k = q->depth; k > 0; k--) {
        enum place place = q->stack[k].place;
        if (place == PLACE_SINGLE || place == PLACE_DOUBLE ||
            place == PLACE_BACKTICK)
            return q->stack[k].from;
    }
    return NULL;
}
