/* Inside the reading of expressions: what the grammar (expr_parse.c) asks of
 * the text (expr_scan.c). The tree is as deep as EXPR_MAX_DEPTH, and so is the
 * recursion. Nobody else includes it. */
#ifndef MPIBATCH_MODEL_EXPR_PARSER_H
#define MPIBATCH_MODEL_EXPR_PARSER_H

#include "model/expr_node.h"

struct parser {
    struct arena *arena;
    const char *text;
    const char *const *names;
    uint32_t name_count;
    size_t at; /* the next token begins there */
    int depth;
    uint32_t used[EXPR_MAX_NAMES]; /* numbers of names, as they are met */
    uint32_t used_count;
    size_t error_at;
    struct err *err;
};

/* Say what is wrong at a byte of the text; -1. */
#define FAIL(p, at, ...)                                                       \
    (parser_fail_at(p, at), err_set((p)->err, EINVAL, __VA_ARGS__))

void parser_fail_at(struct parser *p, size_t at);
/* NULL with ENOMEM. */
struct node *parser_no_memory(struct parser *p);
/* One level deeper (p->depth-- goes back): false with an error if that is too
 * deep. */
bool parser_deeper(struct parser *p);

/* ---- Tokens ---- */

void parser_skip_blanks(struct parser *p);
/* Length of the word (a name or keyword) at byte at; 0: there is none. */
size_t parser_word_len(const struct parser *p, size_t at);
bool parser_word_is(const struct parser *p, size_t at, const char *word);
/* Is the word at byte at one of the language? */
bool parser_is_keyword(const struct parser *p, size_t at);
/* Go behind the word, or the character, that is next, blanks aside; false: it
 * is not next. */
bool parser_take_word(struct parser *p, const char *word);
bool parser_take_char(struct parser *p, char c);

/* ---- Nodes: NULL with an error ---- */

/* A leaf of the text from a byte up to p->at. */
struct node *node_add(struct parser *p, enum node_kind kind, size_t from);
/* A node with these children; last may be NULL if there is but one. */
struct node *node_over(struct parser *p, enum node_kind kind,
                       struct node *first, struct node *last);

/* The text in quotes, or the number, that begins at p->at. */
struct node *literal_text(struct parser *p);
struct node *literal_number(struct parser *p);
/* true, false, null. NULL without an error: it is none of them. */
struct node *literal_constant(struct parser *p);

#endif
