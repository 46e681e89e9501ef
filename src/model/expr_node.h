/* Inside expressions: the tree that expr_parse.c builds and expr_eval.c
 * walks, and the arithmetic in expr_number.c. Only expr_*.c include it. */
#ifndef MPIBATCH_MODEL_EXPR_NODE_H
#define MPIBATCH_MODEL_EXPR_NODE_H

#include "model/expr.h"
#include "model/order.h"

enum node_kind {
    NODE_LITERAL,
    NODE_NAME,
    NODE_OR,         /* of its children */
    NODE_AND,        /* of its children */
    NODE_NOT,        /* one child */
    NODE_CHAIN,      /* children, each with its relation to the one before */
    NODE_LIST,       /* in a chain, behind in */
    NODE_ARITHMETIC, /* two children */
    NODE_NEGATIVE,   /* one child */
    NODE_CALL        /* of a function, children are its arguments */
};

enum relation {
    REL_EQ,
    REL_NE,
    REL_LT,
    REL_LE,
    REL_GT,
    REL_GE,
    REL_IN,
    REL_NOT_IN,
    REL_NONE
};

enum arithmetic {
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_FLOOR_DIVIDE,
    OP_MODULO,
    OP_POWER
};

enum function {
    FN_ABS,
    FN_CEIL,
    FN_CONTAINS,
    FN_ENDSWITH,
    FN_EXP,
    FN_FLOOR,
    FN_LEN,
    FN_LOG,
    FN_LOG10,
    FN_LOG2,
    FN_MATCHES,
    FN_MAX,
    FN_MIN,
    FN_ROUND,
    FN_SQRT,
    FN_STARTSWITH,
    FN_COUNT
};

struct node {
    enum node_kind kind;
    enum relation relation; /* to the sibling before, in a chain */
    uint8_t op;             /* enum arithmetic, enum function */
    uint16_t depth;         /* 1 for a leaf */
    uint32_t from, to;      /* bytes of the text */
    uint32_t slot;          /* of a name: its place in expr->numbers */
    struct value literal;
    const struct node *first; /* child */
    struct node *next;        /* sibling */
};

struct expr {
    const char *text;
    const struct node *root;
    const uint32_t *numbers;
    uint32_t number_count;
};

/* a op b, both numbers, into *v. NULL, or why it has no value. */
const char *number_arithmetic(enum arithmetic op, const struct value *a,
                              const struct value *b, struct value *v);

/* -a. */
void number_negative(const struct value *a, struct value *v);

/* A function of one number. NULL, or why it has no value. */
const char *number_function(enum function f, const struct value *a,
                            struct value *v);

#endif
