/* What expressions are made of: tokens, literals, nodes. See expr_parser.h. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "model/expr_parser.h"

/* ---- Errors ---- */

void parser_fail_at(struct parser *p, size_t at)
{
    p->error_at = at;
}

struct node *parser_no_memory(struct parser *p)
{
    parser_fail_at(p, p->at);
    err_set(p->err, ENOMEM, "no memory for the expression");
    return NULL;
}

/* One level deeper: false with an error if that is too deep. */
bool parser_deeper(struct parser *p)
{
    if (++p->depth <= EXPR_MAX_DEPTH)
        return true;
    parser_fail_at(p, p->at);
    err_set(p->err, E2BIG, "the expression nests more than %d levels deep",
            EXPR_MAX_DEPTH);
    return false;
}

/* ---- Tokens ---- */

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

void parser_skip_blanks(struct parser *p)
{
    while (strchr(" \t\r\n", p->text[p->at]) && p->text[p->at])
        p->at++;
}

/* Length of the word (a name or keyword) at byte at; 0: there is none. */
size_t parser_word_len(const struct parser *p, size_t at)
{
    size_t n = 0;
    if (isdigit((unsigned char)p->text[at]))
        return 0;
    while (is_word_byte(p->text[at + n]))
        n++;
    return n;
}

bool parser_word_is(const struct parser *p, size_t at, const char *word)
{
    size_t n = parser_word_len(p, at);
    return n == strlen(word) && memcmp(p->text + at, word, n) == 0;
}

bool parser_take_word(struct parser *p, const char *word)
{
    parser_skip_blanks(p);
    if (!parser_word_is(p, p->at, word))
        return false;
    p->at += strlen(word);
    return true;
}

bool parser_take_char(struct parser *p, char c)
{
    parser_skip_blanks(p);
    if (p->text[p->at] != c)
        return false;
    p->at++;
    return true;
}

static bool is_one_of(const struct parser *p, size_t at,
                      const char *const *words)
{
    for (; *words; words++)
        if (parser_word_is(p, at, *words))
            return true;
    return false;
}

bool parser_is_keyword(const struct parser *p, size_t at)
{
    static const char *const words[] = {"or", "and", "not",  "in",
                                        "is", "if",  "else", NULL};
    return is_one_of(p, at, words);
}

/* ---- Nodes ---- */

struct node *node_add(struct parser *p, enum node_kind kind, size_t from)
{
    struct node *n = arena_calloc(p->arena, 1, sizeof(*n));
    if (!n)
        return parser_no_memory(p);
    n->kind = kind;
    n->relation = REL_NONE;
    n->depth = 1;
    n->from = (uint32_t)from;
    n->to = (uint32_t)p->at;
    return n;
}

/* A node with these children; last may be NULL if there is but one. */
struct node *node_over(struct parser *p, enum node_kind kind,
                       struct node *first, struct node *last)
{
    struct node *n = node_add(p, kind, first->from);
    if (!n)
        return NULL;
    n->first = first;
    n->to = last ? last->to : first->to;
    for (const struct node *c = first; c; c = c->next)
        if (c->depth >= n->depth)
            n->depth = c->depth + 1;
    if (n->depth <= EXPR_MAX_DEPTH)
        return n;
    parser_fail_at(p, n->from);
    err_set(p->err, E2BIG, "the expression nests more than %d levels deep",
            EXPR_MAX_DEPTH);
    return NULL;
}

/* ---- Literals ---- */

/* The bytes from s up to the closing quote; false: there is none. */
static bool text_len(const char *s, char quote, size_t *len)
{
    size_t n = 0;
    while (s[n] && s[n] != quote)
        n += s[n] == '\\' && (s[n + 1] == '\\' || s[n + 1] == quote) ? 2 : 1;
    *len = n;
    return s[n] != '\0';
}

/* The text between quotes, which begins at p->at. */
struct node *literal_text(struct parser *p)
{
    size_t from = p->at, n = 0, len;
    char quote = p->text[p->at++];
    if (!text_len(p->text + p->at, quote, &len)) {
        FAIL(p, from, "the text that begins here is not closed: %c is missing",
             quote);
        return NULL;
    }
    char *s = arena_calloc(p->arena, len + 1, 1);
    if (!s)
        return parser_no_memory(p);
    for (char c; (c = p->text[p->at]) != quote; p->at++) {
        if (c == '\\' && p->text[p->at + 1]) {
            char e = p->text[p->at + 1];
            char plain = e == 'n' ? '\n' : e == 't' ? '\t' : e;
            if (strchr("\\\"'nt", e)) {
                s[n++] = plain;
                p->at++;
                continue;
            }
        }
        s[n++] = c;
    }
    p->at++;
    struct node *node = node_add(p, NODE_LITERAL, from);
    if (node)
        value_string(&node->literal, s);
    return node;
}

/* How long the number at s is: what could be one, well-formed or not. */
static size_t number_len(const char *s)
{
    size_t n = 0;
    bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    while (is_word_byte(s[n]) || s[n] == '.' ||
           ((s[n] == '+' || s[n] == '-') && n > 0 && !hex &&
            (s[n - 1] == 'e' || s[n - 1] == 'E') &&
            isdigit((unsigned char)s[n + 1])))
        n++;
    return n;
}

/* 1_000 is 1000: underscores between digits. */
static void number_copy(char *to, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] != '_' || i == 0 || !isxdigit((unsigned char)s[i - 1]) ||
            !isxdigit((unsigned char)s[i + 1]))
            *to++ = s[i];
    *to = '\0';
}

struct node *literal_number(struct parser *p)
{
    size_t from = p->at, len = number_len(p->text + from);
    char *s = arena_calloc(p->arena, len + 1, 1);
    if (!s)
        return parser_no_memory(p);
    number_copy(s, p->text + from, len);
    p->at += len;
    struct node *n = node_add(p, NODE_LITERAL, from);
    if (!n)
        return NULL;
    value_resolve(&n->literal, s);
    if (n->literal.type == VALUE_INT || n->literal.type == VALUE_FLOAT)
        return n;
    FAIL(p, from, "\"%.*s\" is no number", (int)len, p->text + from);
    return NULL;
}

/* true, false, null. NULL without an error: it is none of them. */
struct node *literal_constant(struct parser *p)
{
    static const char *const yes[] = {"true", "True", NULL};
    static const char *const no[] = {"false", "False", NULL};
    static const char *const none[] = {"null", "None", NULL};
    size_t from = p->at;
    bool is_yes = is_one_of(p, from, yes);
    if (!is_yes && !is_one_of(p, from, no) && !is_one_of(p, from, none))
        return NULL;
    bool is_null = is_one_of(p, from, none);
    p->at += parser_word_len(p, from);
    struct node *n = node_add(p, NODE_LITERAL, from);
    if (n && !is_null) {
        n->literal.type = VALUE_BOOL;
        n->literal.u.boolean = is_yes;
    }
    return n;
}
