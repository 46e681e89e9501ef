/* Expressions from text: see expr.h for the language. Owns the grammar, by
 * recursive descent; tokens and literals, expr_scan.c knows. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/expr_parser.h"

static const struct {
    const char *name;
    uint8_t least, most; /* arguments */
} functions[FN_COUNT] = {
    [FN_ABS] = {"abs", 1, 1},           [FN_CEIL] = {"ceil", 1, 1},
    [FN_CONTAINS] = {"contains", 2, 2}, [FN_ENDSWITH] = {"endswith", 2, 2},
    [FN_EXP] = {"exp", 1, 1},           [FN_FLOOR] = {"floor", 1, 1},
    [FN_LEN] = {"len", 1, 1},           [FN_LOG] = {"log", 1, 1},
    [FN_LOG10] = {"log10", 1, 1},       [FN_LOG2] = {"log2", 1, 1},
    [FN_MATCHES] = {"matches", 2, 2},   [FN_MAX] = {"max", 2, 255},
    [FN_MIN] = {"min", 2, 255},         [FN_ROUND] = {"round", 1, 1},
    [FN_SQRT] = {"sqrt", 1, 1},         [FN_STARTSWITH] = {"startswith", 2, 2},
};

static struct node *parse_or(struct parser *p);
static struct node *parse_unary(struct parser *p);

/* ---- Conditions ---- */

/* Can it be a condition? */
static bool is_condition(const struct node *n)
{
    switch (n->kind) {
    case NODE_OR:
    case NODE_AND:
    case NODE_NOT:
    case NODE_CHAIN:
    case NODE_NAME:
        return true;
    case NODE_LITERAL:
        return n->literal.type == VALUE_BOOL || n->literal.type == VALUE_NULL;
    case NODE_CALL:
        return n->op == FN_CONTAINS || n->op == FN_ENDSWITH ||
               n->op == FN_MATCHES || n->op == FN_STARTSWITH;
    case NODE_LIST:
    case NODE_ARITHMETIC:
    case NODE_NEGATIVE:
        break;
    }
    return false;
}

static struct node *condition(struct parser *p, struct node *n)
{
    if (!n || is_condition(n))
        return n;
    FAIL(p, n->from,
         "\"%.*s\" is a value, not a condition; compare it with something",
         (int)(n->to - n->from), p->text + n->from);
    return NULL;
}

/* ---- Names and calls ---- */

static int unknown_name(struct parser *p, size_t at, size_t len)
{
    char word[64];
    int n = len < sizeof(word) ? (int)len : (int)sizeof(word) - 1;
    memcpy(word, p->text + at, (size_t)n);
    word[n] = '\0';
    const char *near = text_nearest(word, p->names, p->name_count);
    if (near)
        return FAIL(p, at, "no name \"%s\"; did you mean %s?", word, near);
    return FAIL(p, at, "no name \"%s\"; a text stands in quotes", word);
}

static struct node *parse_name(struct parser *p)
{
    size_t from = p->at, len = parser_word_len(p, from);
    uint32_t number = 0, slot = 0;
    while (number < p->name_count && !parser_word_is(p, from, p->names[number]))
        number++;
    if (number == p->name_count) {
        unknown_name(p, from, len);
        return NULL;
    }
    while (slot < p->used_count && p->used[slot] != number)
        slot++;
    if (slot == EXPR_MAX_NAMES) {
        parser_fail_at(p, from);
        err_set(p->err, E2BIG, "the expression uses more than %d names",
                EXPR_MAX_NAMES);
        return NULL;
    }
    if (slot == p->used_count)
        p->used[p->used_count++] = number;
    p->at += len;
    struct node *n = node_add(p, NODE_NAME, from);
    if (n)
        n->slot = slot;
    return n;
}

/* Expressions with commas between them up to close; NULL with *failed, or
 * without: there was none. */
static struct node *parse_items(struct parser *p, char close,
                                struct node **last, unsigned *count,
                                bool *failed)
{
    struct node *first = NULL;
    *failed = true;
    *count = 0;
    *last = NULL;
    while (!parser_take_char(p, close)) {
        if (*count > 0 && !parser_take_char(p, ',')) {
            FAIL(p, p->at, "expected \",\" or \"%c\"", close);
            return NULL;
        }
        if (*count > 0 && parser_take_char(p, close))
            break;
        struct node *n = parse_or(p);
        if (!n)
            return NULL;
        if (*last)
            (*last)->next = n;
        else
            first = n;
        *last = n;
        ++*count;
    }
    *failed = false;
    return first;
}

static int function_find(const struct parser *p, size_t at)
{
    for (int f = 0; f < FN_COUNT; f++)
        if (parser_word_is(p, at, functions[f].name))
            return f;
    return -1;
}

static int unknown_function(struct parser *p, size_t at, size_t len)
{
    const char *names[FN_COUNT];
    char word[64];
    int n = len < sizeof(word) ? (int)len : (int)sizeof(word) - 1;
    memcpy(word, p->text + at, (size_t)n);
    word[n] = '\0';
    for (int f = 0; f < FN_COUNT; f++)
        names[f] = functions[f].name;
    const char *near = text_nearest(word, names, FN_COUNT);
    if (near)
        return FAIL(p, at, "no function \"%s\"; did you mean %s?", word, near);
    return FAIL(p, at, "no function \"%s\"", word);
}

static struct node *parse_call(struct parser *p)
{
    size_t from = p->at, len = parser_word_len(p, from);
    int f = function_find(p, from);
    unsigned count;
    bool failed;
    struct node *last;
    if (f < 0) {
        unknown_function(p, from, len);
        return NULL;
    }
    p->at += len;
    if (!parser_take_char(p, '(') || !parser_deeper(p))
        return NULL;
    struct node *first = parse_items(p, ')', &last, &count, &failed);
    p->depth--;
    if (failed)
        return NULL;
    if (count < functions[f].least || count > functions[f].most) {
        FAIL(p, from, "%s() takes %s%u %s, not %u", functions[f].name,
             functions[f].least < functions[f].most ? "at least " : "",
             functions[f].least, functions[f].least > 1 ? "values" : "value",
             count);
        return NULL;
    }
    size_t to = p->at;
    struct node *n = node_over(p, NODE_CALL, first, last);
    if (n) {
        n->op = (uint8_t)f;
        n->from = (uint32_t)from;
        n->to = (uint32_t)to;
    }
    return n;
}

/* ---- The grammar, from the inside out ---- */

static struct node *unexpected(struct parser *p)
{
    const char *s = p->text + p->at;
    if (!*s)
        FAIL(p, p->at, "the expression ends where a value is expected");
    else if (*s == '[')
        FAIL(p, p->at, "a list can only stand behind \"in\"");
    else if (*s == '!')
        FAIL(p, p->at, "\"!\" is written \"not\"");
    else if (*s == '{')
        FAIL(p, p->at, "names stand without braces here");
    else if (parser_is_keyword(p, p->at))
        FAIL(p, p->at, "expected a value, not \"%.*s\"",
             (int)parser_word_len(p, p->at), s);
    else
        FAIL(p, p->at, "expected a value, not \"%c\"",
             isprint((unsigned char)*s) ? *s : '?');
    return NULL;
}

static struct node *parse_parentheses(struct parser *p)
{
    size_t from = p->at++;
    if (!parser_deeper(p))
        return NULL;
    struct node *n = parse_or(p);
    p->depth--;
    if (!n)
        return NULL;
    if (!parser_take_char(p, ')')) {
        FAIL(p, p->at,
             p->text[p->at] ? "expected \")\""
                            : "the expression ends where \")\" is expected");
        return NULL;
    }
    n->from = (uint32_t)from;
    n->to = (uint32_t)p->at;
    return n;
}

static struct node *parse_value(struct parser *p)
{
    parser_skip_blanks(p);
    const char *s = p->text + p->at;
    if (*s == '(')
        return parse_parentheses(p);
    if (*s == '"' || *s == '\'')
        return literal_text(p);
    if (isdigit((unsigned char)*s) ||
        (*s == '.' && isdigit((unsigned char)s[1])))
        return literal_number(p);
    size_t len = parser_word_len(p, p->at), behind = len;
    if (len == 0 || parser_is_keyword(p, p->at))
        return unexpected(p);
    while (s[behind] == ' ')
        behind++;
    if (s[behind] == '(')
        return parse_call(p);
    p->err->code = 0;
    struct node *n = literal_constant(p);
    return n || p->err->code ? n : parse_name(p);
}

static struct node *binary(struct parser *p, enum arithmetic op,
                           struct node *left, struct node *right)
{
    if (!left || !right)
        return NULL;
    left->next = right;
    struct node *n = node_over(p, NODE_ARITHMETIC, left, right);
    if (n)
        n->op = (uint8_t)op;
    return n;
}

/* a ** b, which binds to the right, and tighter than a sign on its left. */
static struct node *parse_power(struct parser *p)
{
    struct node *n = parse_value(p);
    if (!n)
        return NULL;
    parser_skip_blanks(p);
    if (p->text[p->at] != '*' || p->text[p->at + 1] != '*')
        return n;
    p->at += 2;
    return binary(p, OP_POWER, n, parse_unary(p));
}

static struct node *parse_unary(struct parser *p)
{
    parser_skip_blanks(p);
    size_t from = p->at;
    char c = p->text[p->at];
    if (c != '-' && c != '+')
        return parse_power(p);
    p->at++;
    if (!parser_deeper(p))
        return NULL;
    struct node *n = parse_unary(p);
    p->depth--;
    if (!n)
        return NULL;
    if (n->kind == NODE_LITERAL && n->literal.type == VALUE_STRING) {
        FAIL(p, from, "a text has no sign");
        return NULL;
    }
    if (c == '-')
        n = node_over(p, NODE_NEGATIVE, n, NULL);
    if (n)
        n->from = (uint32_t)from;
    return n;
}

/* Take the operator of a product. */
static bool take_product(struct parser *p, enum arithmetic *op)
{
    parser_skip_blanks(p);
    const char *s = p->text + p->at;
    bool two = s[0] && s[0] == s[1];
    if (*s == '*' && !two)
        *op = OP_MULTIPLY;
    else if (*s == '/')
        *op = two ? OP_FLOOR_DIVIDE : OP_DIVIDE;
    else if (*s == '%')
        *op = OP_MODULO;
    else
        return false;
    p->at += *op == OP_FLOOR_DIVIDE ? 2 : 1;
    return true;
}

static struct node *parse_product(struct parser *p)
{
    enum arithmetic op;
    struct node *n = parse_unary(p);
    while (n && take_product(p, &op))
        n = binary(p, op, n, parse_unary(p));
    return n;
}

static struct node *parse_sum(struct parser *p)
{
    struct node *n = parse_product(p);
    while (n) {
        if (parser_take_char(p, '+'))
            n = binary(p, OP_ADD, n, parse_product(p));
        else if (parser_take_char(p, '-'))
            n = binary(p, OP_SUBTRACT, n, parse_product(p));
        else
            break;
    }
    return n;
}

/* The relation at p->at, taken; REL_NONE: there is none; -1: an error. */
static int take_relation(struct parser *p)
{
    static const struct {
        const char *text;
        int relation;
    } signs[] = {{"===", -1},    {"==", REL_EQ}, {"!=", REL_NE}, {"<>", -1},
                 {"<=", REL_LE}, {"=<", -1},     {"=>", -1},     {">=", REL_GE},
                 {"<", REL_LT},  {">", REL_GT},  {"=", -1}};
    parser_skip_blanks(p);
    const char *s = p->text + p->at;
    size_t start = p->at;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (strncmp(s, signs[i].text, strlen(signs[i].text)) != 0)
            continue;
        if (signs[i].relation < 0) {
            const char *right = s[0] == '<'                  ? "!="
                                : s[0] == '=' && s[1] == '<' ? "<="
                                : s[0] == '=' && s[1] == '>' ? ">="
                                                             : "==";
            return FAIL(p, start, "\"%s\" is written \"%s\"", signs[i].text,
                        right);
        }
        p->at += strlen(signs[i].text);
        return signs[i].relation;
    }
    if (parser_word_is(p, p->at, "is"))
        return FAIL(p, start,
                    "\"is\" is written \"==\", and \"is not\" \"!=\"");
    if (parser_take_word(p, "in"))
        return REL_IN;
    if (parser_take_word(p, "not")) {
        if (parser_take_word(p, "in"))
            return REL_NOT_IN;
        p->at = start;
    }
    return REL_NONE;
}

/* What stands behind in: a list in brackets or parentheses, or a text. */
static struct node *parse_container(struct parser *p)
{
    unsigned count;
    bool failed;
    struct node *last;
    parser_skip_blanks(p);
    size_t from = p->at;
    if (!parser_take_char(p, '[')) {
        struct node *text = p->text[from] == '(' ? NULL : parse_sum(p);
        if (text || p->text[from] != '(')
            return text;
        p->at++;
    }
    bool round = p->text[from] == '(';
    if (!parser_deeper(p))
        return NULL;
    struct node *first =
        parse_items(p, round ? ')' : ']', &last, &count, &failed);
    p->depth--;
    if (failed)
        return NULL;
    if (round && count == 1 && p->text[p->at - 1] == ')' &&
        !memchr(p->text + last->to, ',', p->at - last->to))
        return first; /* in ("text") */
    struct node *n = first ? node_over(p, NODE_LIST, first, last)
                           : node_add(p, NODE_LIST, from);
    if (n) {
        n->from = (uint32_t)from;
        n->to = (uint32_t)p->at;
    }
    return n;
}

static struct node *parse_comparison(struct parser *p)
{
    int relation;
    struct node *first = parse_sum(p), *last = first;
    if (!first)
        return NULL;
    while ((relation = take_relation(p)) != REL_NONE) {
        bool in = relation == REL_IN || relation == REL_NOT_IN;
        struct node *n = relation < 0 ? NULL
                         : in         ? parse_container(p)
                                      : parse_sum(p);
        if (!n)
            return NULL;
        n->relation = (enum relation)relation;
        last->next = n;
        last = n;
    }
    return last == first ? first : node_over(p, NODE_CHAIN, first, last);
}

static struct node *parse_not(struct parser *p)
{
    parser_skip_blanks(p);
    size_t from = p->at;
    if (!parser_take_word(p, "not"))
        return parse_comparison(p);
    if (!parser_deeper(p))
        return NULL;
    struct node *n = condition(p, parse_not(p));
    p->depth--;
    if (n && (n = node_over(p, NODE_NOT, n, NULL)))
        n->from = (uint32_t)from;
    return n;
}

/* Items of sub with the word between them. */
static struct node *parse_joined(struct parser *p, enum node_kind kind,
                                 const char *word,
                                 struct node *(*sub)(struct parser *))
{
    struct node *first = sub(p), *last = first;
    while (last && parser_take_word(p, word)) {
        if (last == first && !condition(p, first))
            return NULL;
        struct node *n = condition(p, sub(p));
        if (!n)
            return NULL;
        last->next = n;
        last = n;
    }
    return last == first ? first : node_over(p, kind, first, last);
}

static struct node *parse_and(struct parser *p)
{
    return parse_joined(p, NODE_AND, "and", parse_not);
}

static struct node *parse_or(struct parser *p)
{
    return parse_joined(p, NODE_OR, "or", parse_and);
}

/* What stands behind the end of an expression. */
static void say_trailing(struct parser *p)
{
    const char *s = p->text + p->at;
    if (strncmp(s, "&&", 2) == 0 || *s == '&')
        FAIL(p, p->at, "\"%s\" is written \"and\"", s[1] == '&' ? "&&" : "&");
    else if (strncmp(s, "||", 2) == 0 || *s == '|')
        FAIL(p, p->at, "\"%s\" is written \"or\"", s[1] == '|' ? "||" : "|");
    else if (*s == '^')
        FAIL(p, p->at, "\"^\" is written \"**\"");
    else if (*s == '.')
        FAIL(p, p->at,
             "there are no methods, but functions: len(x), "
             "startswith(x, \"a\")");
    else if (parser_word_len(p, p->at) > 0)
        FAIL(p, p->at, "expected an operator in front of \"%.*s\"",
             (int)parser_word_len(p, p->at), s);
    else
        FAIL(p, p->at, "expected an operator, not \"%c\"",
             isprint((unsigned char)*s) ? *s : '?');
}

/* ---- The numbers of the names ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Slots are in the order of the text; make them that of the numbers. */
static void slots_sort(struct node *n, const uint32_t *old,
                       const uint32_t *sorted)
{
    for (; n; n = n->next) {
        if (n->kind == NODE_NAME) {
            uint32_t slot = 0;
            while (sorted[slot] != old[n->slot])
                slot++;
            n->slot = slot;
        }
        slots_sort((struct node *)n->first, old, sorted);
    }
}

static const struct expr *expr_finish(struct parser *p, struct node *root)
{
    struct expr *e = arena_calloc(p->arena, 1, sizeof(*e));
    uint32_t *numbers =
        arena_calloc(p->arena, p->used_count + 1, sizeof(*numbers));
    char *text = arena_strdup(p->arena, p->text);
    if (!e || !numbers || !text) {
        parser_no_memory(p);
        return NULL;
    }
    memcpy(numbers, p->used, p->used_count * sizeof(*numbers));
    qsort(numbers, p->used_count, sizeof(*numbers), by_number);
    slots_sort(root, p->used, numbers);
    *e = (struct expr){.text = text,
                       .root = root,
                       .numbers = numbers,
                       .number_count = p->used_count};
    return e;
}

const struct expr *expr_compile(struct arena *arena, const char *text,
                                const char *const *names, uint32_t name_count,
                                size_t *error_at, struct err *err)
{
    struct err own;
    struct parser p = {.arena = arena,
                       .text = text,
                       .names = names,
                       .name_count = name_count,
                       .err = err ? err : &own};
    const struct expr *e = NULL;
    size_t len = strnlen(text, EXPR_MAX_BYTES + 1);
    if (len > EXPR_MAX_BYTES) {
        err_set(p.err, E2BIG, "the expression is longer than %d bytes",
                EXPR_MAX_BYTES);
    } else if (!text_is_utf8(text, len)) {
        FAIL(&p, 0, "the expression is not UTF-8");
    } else if (len == strspn(text, " \t\r\n")) {
        FAIL(&p, 0, "the expression is empty");
    } else {
        struct node *root = condition(&p, parse_or(&p));
        parser_skip_blanks(&p);
        if (root && text[p.at])
            say_trailing(&p);
        else if (root)
            e = expr_finish(&p, root);
    }
    if (!e && error_at)
        *error_at = p.error_at;
    return e;
}
