/* Evaluating expressions: see expr.h for what they mean. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/expr_node.h"

/* A name's value, once it was asked for. */
struct slot {
    bool known;
    struct value v;
    struct buf room;
};

struct evaluation {
    const struct expr *e;
    int (*get)(void *arg, uint32_t number, struct buf *room, struct value *v,
               struct err *err);
    void *arg;
    struct slot *slots;
    struct err *err;
};

static int eval(struct evaluation *r, const struct node *n, struct value *v);

/* ---- Errors ---- */

static int fail(struct evaluation *r, const struct node *n, const char *why)
{
    enum { SHOWN = 200 };
    int len = (int)(n->to - n->from);
    return err_set(r->err, EINVAL, "%.*s%s: %s", len < SHOWN ? len : SHOWN,
                   r->e->text + n->from, len < SHOWN ? "" : "...", why);
}

/* Part from..to of the text says what two types cannot do. */
static int fail_types(struct evaluation *r, const struct node *a,
                      const struct node *b, const struct value *x,
                      const struct value *y)
{
    struct node both = {.from = a->from, .to = b->to};
    char why[96];
    snprintf(why, sizeof(why), "a %s and a %s do not go together",
             number_is(x) ? "number" : "text",
             number_is(y) ? "number" : "text");
    return fail(r, &both, why);
}

static void set_boolean(struct value *v, bool b)
{
    *v = (struct value){.type = VALUE_BOOL, .u.boolean = b};
}

static bool is_null_literal(const struct node *n)
{
    return n->kind == NODE_LITERAL && n->literal.type == VALUE_NULL;
}

/* ---- Comparisons ---- */

/* Two values that are not null; *o is ORDER_NONE for a text and a number. */
static void values_order(const struct value *x, const struct value *y,
                         enum order *o)
{
    if (number_is(x) && number_is(y)) {
        *o = number_order(x, y);
    } else if (x->type == VALUE_STRING && y->type == VALUE_STRING) {
        int c = strcmp(x->text, y->text);
        *o = c < 0 ? ORDER_LESS : c > 0 ? ORDER_GREATER : ORDER_EQUAL;
    } else {
        *o = ORDER_NONE;
    }
}

/* x == y, where null is equal to what is written null only. */
static bool values_equal(const struct node *a, const struct value *x,
                         const struct node *b, const struct value *y)
{
    enum order o;
    if (x->type == VALUE_NULL || y->type == VALUE_NULL)
        return x->type == y->type && (is_null_literal(a) || is_null_literal(b));
    values_order(x, y, &o);
    return o == ORDER_EQUAL;
}

static int compare(struct evaluation *r, enum relation relation,
                   const struct node *a, const struct value *x,
                   const struct node *b, const struct value *y, bool *holds)
{
    enum order o;
    bool null = x->type == VALUE_NULL || y->type == VALUE_NULL;
    if (relation == REL_EQ || relation == REL_NE) {
        *holds = values_equal(a, x, b, y) == (relation == REL_EQ) &&
                 (!null || is_null_literal(a) || is_null_literal(b));
        return 0;
    }
    *holds = false;
    if (null)
        return 0;
    if (number_is(x) != number_is(y))
        return fail_types(r, a, b, x, y);
    values_order(x, y, &o);
    *holds = o != ORDER_NONE && (relation == REL_LT   ? o == ORDER_LESS
                                 : relation == REL_LE ? o != ORDER_GREATER
                                 : relation == REL_GT ? o == ORDER_GREATER
                                                      : o != ORDER_LESS);
    return 0;
}

/* Is x in the list or text b? */
static int contained(struct evaluation *r, const struct node *a,
                     const struct value *x, const struct node *b, bool *in)
{
    struct value y;
    *in = false;
    if (b->kind == NODE_LIST) {
        for (const struct node *c = b->first; c && !*in; c = c->next) {
            if (eval(r, c, &y) < 0)
                return -1;
            *in = values_equal(a, x, c, &y);
        }
        return 0;
    }
    if (eval(r, b, &y) < 0)
        return -1;
    if (x->type == VALUE_NULL || y.type == VALUE_NULL)
        return 0;
    if (x->type != VALUE_STRING || y.type != VALUE_STRING)
        return fail(r, b, "\"in\" takes a list, or a text to find a text in");
    *in = strstr(y.text, x->text) != NULL;
    return 0;
}

static bool list_has_null(const struct node *list)
{
    for (const struct node *c = list->first; c; c = c->next)
        if (is_null_literal(c))
            return true;
    return false;
}

static int eval_chain(struct evaluation *r, const struct node *n,
                      struct value *v)
{
    const struct node *a = n->first;
    struct value x, y = {.type = VALUE_NULL};
    bool holds = true;
    if (eval(r, a, &x) < 0)
        return -1;
    for (const struct node *b = a->next; b && holds;
         a = b, x = y, b = b->next) {
        if (b->relation != REL_IN && b->relation != REL_NOT_IN) {
            if (eval(r, b, &y) < 0 ||
                compare(r, b->relation, a, &x, b, &y, &holds) < 0)
                return -1;
            continue;
        }
        if (contained(r, a, &x, b, &holds) < 0)
            return -1;
        if (b->relation == REL_NOT_IN)
            holds = !holds && (x.type != VALUE_NULL || list_has_null(b));
        if (b->next) {
            if (b->kind == NODE_LIST)
                return fail(r, b, "a list cannot be compared");
            if (eval(r, b, &y) < 0)
                return -1;
        }
    }
    set_boolean(v, holds);
    return 0;
}

/* ---- Functions ---- */

/* Does s match the pattern: * ? [a-z] [!a-z] and \ as in the shell? In time
 * that is at most the product of both lengths. */
static const char *class_match(const char *p, char c, bool *in)
{
    bool not = *p == '!' || *p == '^', first = true;
    *in = false;
    for (p += not ; *p && (*p != ']' || first); first = false) {
        unsigned char low = (unsigned char)*p++;
        unsigned char high = low;
        if (p[0] == '-' && p[1] && p[1] != ']') {
            high = (unsigned char)p[1];
            p += 2;
        }
        if ((unsigned char)c >= low && (unsigned char)c <= high)
            *in = true;
    }
    *in = *in != not ;
    return *p ? p + 1 : NULL;
}

/* One element of the pattern against one byte: behind the element, or NULL. */
static const char *element_match(const char *p, char c)
{
    bool in;
    if (*p == '?')
        return p + 1;
    if (*p == '[') {
        const char *behind = class_match(p + 1, c, &in);
        if (behind)
            return in ? behind : NULL;
    }
    if (*p == '\\' && p[1])
        p++;
    return *p == c ? p + 1 : NULL;
}

static bool glob_match(const char *p, const char *s)
{
    const char *star = NULL, *retry = s;
    while (*s) {
        const char *behind;
        if (*p == '*') {
            star = ++p;
            retry = s;
        } else if (*p && (behind = element_match(p, *s))) {
            p = behind;
            s++;
        } else if (star) {
            p = star;
            s = ++retry;
        } else {
            return false;
        }
    }
    while (*p == '*')
        p++;
    return !*p;
}

static bool texts_match(enum function f, const char *x, const char *y)
{
    size_t m = strlen(x), n = strlen(y);
    switch (f) {
    case FN_CONTAINS:
        return strstr(x, y) != NULL;
    case FN_STARTSWITH:
        return m >= n && memcmp(x, y, n) == 0;
    case FN_ENDSWITH:
        return m >= n && memcmp(x + m - n, y, n) == 0;
    default:
        return glob_match(y, x);
    }
}

/* Characters, not bytes. */
static int64_t text_characters(const char *s)
{
    int64_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static int eval_text_function(struct evaluation *r, const struct node *n,
                              struct value *v)
{
    struct value x, y;
    if (eval(r, n->first, &x) < 0 || eval(r, n->first->next, &y) < 0)
        return -1;
    if (x.type == VALUE_NULL || y.type == VALUE_NULL) {
        set_boolean(v, false);
        return 0;
    }
    if (x.type != VALUE_STRING || y.type != VALUE_STRING)
        return fail(r, n, "it takes texts");
    set_boolean(v, texts_match((enum function)n->op, x.text, y.text));
    return 0;
}

/* The least or largest of the arguments. */
static int eval_extreme(struct evaluation *r, const struct node *n,
                        struct value *v)
{
    struct value best, x;
    enum order o;
    if (eval(r, n->first, &best) < 0)
        return -1;
    for (const struct node *c = n->first->next; c; c = c->next) {
        if (eval(r, c, &x) < 0)
            return -1;
        if (best.type == VALUE_NULL || x.type == VALUE_NULL) {
            best.type = VALUE_NULL;
            continue;
        }
        if (number_is(&best) != number_is(&x))
            return fail_types(r, n->first, c, &best, &x);
        values_order(&x, &best, &o);
        if (o == (n->op == FN_MIN ? ORDER_LESS : ORDER_GREATER))
            best = x;
    }
    *v = best;
    return 0;
}

static int eval_call(struct evaluation *r, const struct node *n,
                     struct value *v)
{
    struct value x;
    if (n->op == FN_CONTAINS || n->op == FN_STARTSWITH ||
        n->op == FN_ENDSWITH || n->op == FN_MATCHES)
        return eval_text_function(r, n, v);
    if (n->op == FN_MIN || n->op == FN_MAX)
        return eval_extreme(r, n, v);
    if (eval(r, n->first, &x) < 0)
        return -1;
    if (x.type == VALUE_NULL) {
        *v = x;
        return 0;
    }
    if (n->op == FN_LEN) {
        if (x.type != VALUE_STRING)
            return fail(r, n, "it takes a text");
        *v = (struct value){.type = VALUE_INT,
                            .u.integer = text_characters(x.text)};
        return 0;
    }
    if (!number_is(&x))
        return fail(r, n, "it takes a number");
    const char *why = number_function((enum function)n->op, &x, v);
    return why ? fail(r, n, why) : 0;
}

/* ---- The rest ---- */

static int eval_arithmetic(struct evaluation *r, const struct node *n,
                           struct value *v)
{
    struct value x, y;
    const struct node *a = n->first, *b = a->next;
    if (eval(r, a, &x) < 0 || (b && eval(r, b, &y) < 0))
        return -1;
    if (x.type == VALUE_NULL || (b && y.type == VALUE_NULL)) {
        *v = (struct value){.type = VALUE_NULL};
        return 0;
    }
    if (!number_is(&x) || (b && !number_is(&y)))
        return fail(r, n, "there is no arithmetic on texts");
    if (!b) {
        number_negative(&x, v);
        return 0;
    }
    const char *why = number_arithmetic((enum arithmetic)n->op, &x, &y, v);
    return why ? fail(r, n, why) : 0;
}

static int eval_name(struct evaluation *r, const struct node *n,
                     struct value *v)
{
    struct slot *s = &r->slots[n->slot];
    if (!s->known) {
        if (r->get(r->arg, r->e->numbers[n->slot], &s->room, &s->v, r->err) < 0)
            return -1;
        s->known = true;
    }
    *v = s->v;
    return 0;
}

/* Null does not hold; a number or a text is no condition. */
static int eval_condition(struct evaluation *r, const struct node *n,
                          bool *holds)
{
    struct value v;
    if (eval(r, n, &v) < 0)
        return -1;
    if (v.type != VALUE_BOOL && v.type != VALUE_NULL)
        return fail(r, n,
                    number_is(&v) ? "a number is no condition; compare it"
                                  : "a text is no condition; compare it");
    *holds = v.type == VALUE_BOOL && v.u.boolean;
    return 0;
}

/* Holds until one of the children is `until`. */
static int eval_joined(struct evaluation *r, const struct node *n, bool until,
                       struct value *v)
{
    bool holds = !until;
    for (const struct node *c = n->first; c && holds != until; c = c->next)
        if (eval_condition(r, c, &holds) < 0)
            return -1;
    set_boolean(v, holds);
    return 0;
}

static int eval(struct evaluation *r, const struct node *n, struct value *v)
{
    bool holds;
    switch (n->kind) {
    case NODE_LITERAL:
        *v = n->literal;
        return 0;
    case NODE_NAME:
        return eval_name(r, n, v);
    case NODE_OR:
        return eval_joined(r, n, true, v);
    case NODE_AND:
        return eval_joined(r, n, false, v);
    case NODE_NOT:
        if (eval_condition(r, n->first, &holds) < 0)
            return -1;
        set_boolean(v, !holds);
        return 0;
    case NODE_CHAIN:
        return eval_chain(r, n, v);
    case NODE_ARITHMETIC:
    case NODE_NEGATIVE:
        return eval_arithmetic(r, n, v);
    case NODE_CALL:
        return eval_call(r, n, v);
    case NODE_LIST: /* stands behind `in` only, which takes its elements */
        break;
    }
    assert(n->kind != NODE_LIST);
    return -1;
}

static int node_holds(const struct expr *e, const struct node *n,
                      int (*get)(void *arg, uint32_t number, struct buf *room,
                                 struct value *v, struct err *err),
                      void *arg, bool *holds, struct err *err)
{
    struct slot slots[EXPR_MAX_NAMES];
    struct evaluation r = {
        .e = e, .get = get, .arg = arg, .slots = slots, .err = err};
    for (uint32_t i = 0; i < e->number_count; i++) {
        slots[i].known = false;
        buf_init(&slots[i].room, EXPR_MAX_TEXT);
    }
    int rc = eval_condition(&r, n, holds);
    for (uint32_t i = 0; i < e->number_count; i++)
        buf_fini(&slots[i].room);
    return rc;
}

int expr_holds(const struct expr *e,
               int (*get)(void *arg, uint32_t number, struct buf *room,
                          struct value *v, struct err *err),
               void *arg, bool *holds, struct err *err)
{
    return node_holds(e, e->root, get, arg, holds, err);
}

/* ---- Parts ---- */

uint32_t expr_part_count(const struct expr *e)
{
    uint32_t count = 0;
    if (e->root->kind != NODE_AND)
        return 1;
    for (const struct node *c = e->root->first; c; c = c->next)
        count++;
    return count;
}

static const struct node *part_get(const struct expr *e, uint32_t part)
{
    const struct node *n = e->root;
    if (n->kind == NODE_AND)
        for (n = n->first; part > 0; part--)
            n = n->next;
    return n;
}

static uint64_t names_of(const struct node *n)
{
    uint64_t names = n->kind == NODE_NAME ? UINT64_C(1) << n->slot : 0;
    for (const struct node *c = n->first; c; c = c->next)
        names |= names_of(c);
    return names;
}

_Static_assert((int)EXPR_MAX_NAMES <= 64, "a bit for each name");

uint64_t expr_part_names(const struct expr *e, uint32_t part)
{
    return names_of(part_get(e, part));
}

int expr_part_holds(const struct expr *e, uint32_t part,
                    int (*get)(void *arg, uint32_t number, struct buf *room,
                               struct value *v, struct err *err),
                    void *arg, bool *holds, struct err *err)
{
    return node_holds(e, part_get(e, part), get, arg, holds, err);
}

uint32_t expr_names(const struct expr *e, const uint32_t **numbers)
{
    *numbers = e->numbers;
    return e->number_count;
}

const char *expr_text(const struct expr *e)
{
    return e->text;
}
