/* Reading mappings by the table of keys: see read.h. */
#include "config.h"
#include "spec/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "model/jobspec.h"
#include "spec/errors.h"

enum { WORDS_MAX = 512 };

/* What stands there, for "must be ..., not ...". */
static void node_describe(const struct tree_node *n, char out[WORDS_MAX])
{
    struct value v;
    if (n->kind == TREE_SEQUENCE) {
        snprintf(out, WORDS_MAX, "a list");
    } else if (n->kind == TREE_MAPPING) {
        snprintf(out, WORDS_MAX, "a mapping");
    } else {
        tree_value(n, &v);
        snprintf(out, WORDS_MAX, v.type == VALUE_STRING ? "\"%s\"" : "%s",
                 n->count || n->tag == TREE_STR ? excerpt_of(n->u.text).text
                                                : "nothing");
    }
}

static bool is_null(const struct tree_node *n)
{
    struct value v;
    if (n->kind != TREE_SCALAR)
        return false;
    tree_value(n, &v);
    return v.type == VALUE_NULL;
}

static bool is_text(enum key_kind kind)
{
    return kind == KEY_TEXT || kind == KEY_TEMPLATE || kind == KEY_REGEX;
}

/* Would a plain value of the type be what the kind wants? */
static bool is_bare(enum key_kind kind, enum value_type type)
{
    return kind == KEY_BOOLEAN   ? type == VALUE_BOOL
           : kind == KEY_INTEGER ? type == VALUE_INT
           : kind == KEY_NUMBER  ? type == VALUE_INT || type == VALUE_FLOAT
                                 : false;
}

/* "`priority` must be an integer from 0 to 9, not "high"". */
static bool wrong(struct spec_errors *errors, const char *what,
                  const struct tree_node *n, const struct key_type *type)
{
    char have[WORDS_MAX];
    struct buf want;
    struct value v = {0};
    const char *hint = "";
    buf_init(&want, WORDS_MAX);
    node_describe(n, have);
    if (n->kind == TREE_SCALAR && n->tag == TREE_STR) {
        value_resolve(&v, n->u.text);
        if (is_bare(type->kind, v.type))
            hint = "; remove the quotes";
    } else if (n->kind == TREE_MAPPING && is_text(type->kind)) {
        hint = "; quote a text that starts with {";
    }
    if (key_type_describe(type, &want) < 0)
        buf_reset(&want); /* a message without what is better than none */
    spec_errors_add(errors, n->line, n->column, "%s must be %s, not %s%s", what,
                    want.len ? buf_text(&want) : "something else", have, hint);
    buf_fini(&want);
    return false;
}

/* The kind of node that a type is written as. */
static enum tree_kind node_kind(enum key_kind kind)
{
    return kind == KEY_LIST                        ? TREE_SEQUENCE
           : kind == KEY_MAP || kind == KEY_STRUCT ? TREE_MAPPING
                                                   : TREE_SCALAR;
}

/* The number of the word in a NULL-terminated list, or -1. */
static int word_index(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static bool length_check(struct spec_errors *errors, const char *what,
                         const struct tree_node *n, const struct key_type *type)
{
    if (n->count <= type->max && n->count >= type->min)
        return true;
    if (n->count < type->min)
        spec_errors_add(errors, n->line, n->column, "%s is empty", what);
    else if (n->kind == TREE_SCALAR)
        spec_errors_add(errors, n->line, n->column,
                        "%s has %" PRIu32 " bytes; at most %" PRId64
                        " are allowed",
                        what, n->count, type->max);
    else
        spec_errors_add(errors, n->line, n->column,
                        "%s has %" PRIu32 " elements; at most %" PRId64
                        " are allowed",
                        what, n->count, type->max);
    return false;
}

static bool duration_check(struct spec_errors *errors, const char *what,
                           const struct tree_node *n, struct field *f)
{
    struct err err;
    if (duration_parse(n->u.text, &f->u.integer, &err) < 0) {
        spec_errors_add(errors, n->line, n->column, "%s: %s", what, err.text);
        return false;
    }
    if (f->u.integer > 0)
        return true;
    spec_errors_add(errors, n->line, n->column, "%s cannot be 0", what);
    return false;
}

static bool size_check(struct spec_errors *errors, const char *what,
                       const struct tree_node *n, struct field *f)
{
    struct err err;
    uint64_t bytes;
    if (size_parse(n->u.text, &bytes, &err) == 0) {
        f->u.integer = (int64_t)bytes; /* at most 2^63 - 1 */
        return true;
    }
    spec_errors_add(errors, n->line, n->column, "%s: %s", what, err.text);
    return false;
}

/* Three octal digits, with or without a 0 in front: a number has no other
 * meaning here, quoted or not. */
static bool mode_check(struct spec_errors *errors, const char *what,
                       const struct tree_node *n, const struct key_type *type,
                       struct field *f)
{
    size_t digits = strspn(n->u.text, "01234567");
    if (n->u.text[digits] || digits < 3 || digits > 4)
        return wrong(errors, what, n, type);
    f->u.integer = strtol(n->u.text, NULL, 8);
    if (f->u.integer <= type->max)
        return true;
    spec_errors_add(errors, n->line, n->column,
                    "%s cannot have the set-user-id, set-group-id and sticky "
                    "bits: %s",
                    what, n->u.text);
    return false;
}

static bool scalar_check(struct spec_errors *errors, const char *what,
                         const struct tree_node *n, const struct key_type *type,
                         struct field *f)
{
    struct value v;
    tree_value(n, &v);
    switch (type->kind) {
    case KEY_INTEGER:
        f->u.integer = v.u.integer;
        return (v.type == VALUE_INT && v.u.integer >= type->min &&
                v.u.integer <= type->max) ||
               wrong(errors, what, n, type);
    case KEY_NUMBER:
        return ((v.type == VALUE_INT || v.type == VALUE_FLOAT) &&
                value_number(&v, &f->u.number)) ||
               wrong(errors, what, n, type);
    case KEY_BOOLEAN:
        f->u.integer = v.u.boolean;
        return v.type == VALUE_BOOL || wrong(errors, what, n, type);
    case KEY_CHOICE:
        f->u.integer = word_index(type->words, n->u.text);
        return f->u.integer >= 0 || wrong(errors, what, n, type);
    case KEY_ID:
        return id_is_valid(n->u.text) || wrong(errors, what, n, type);
    case KEY_DURATION:
        return duration_check(errors, what, n, f);
    case KEY_SIZE:
        return size_check(errors, what, n, f);
    case KEY_MODE:
        return mode_check(errors, what, n, type, f);
    default:
        return length_check(errors, what, n, type);
    }
}

bool value_read(struct spec_errors *errors, const char *what,
                const struct tree_node *node, const struct key_type *type,
                struct field *f)
{
    const struct key_type *form = type;
    struct field read = {.key = f->key, .node = node};
    if (node->kind == TREE_BROKEN)
        return false;
    if (is_null(node)) {
        spec_errors_add(errors, node->line, node->column, "%s has no value",
                        what);
        return false;
    }
    while (form && node_kind(form->kind) != node->kind)
        form = form->another;
    if (!form)
        return wrong(errors, what, node, type);
    if (!(node->kind == TREE_SCALAR
              ? scalar_check(errors, what, node, form, &read)
              : form->kind == KEY_STRUCT ||
                    length_check(errors, what, node, form)))
        return false;
    read.form = form;
    *f = read;
    return true;
}

static struct field *field_of(void *fields, const struct key *key)
{
    return (struct field *)((char *)fields + key->at);
}

/* Defaults are read as if they stood in the file. */
static void defaults_set(const struct key_set *set, void *fields)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct key *key = &set->keys[i];
        struct field *f = field_of(fields, key);
        *f = (struct field){0};
        if (!key->fallback)
            continue;
        struct tree_node n = {.kind = TREE_SCALAR,
                              .tag = TREE_PLAIN,
                              .count = (uint32_t)strlen(key->fallback),
                              .u.text = key->fallback};
        struct spec_errors none = {.count = SPEC_MAX_ERRORS};
        value_read(&none, key->name, &n, key->type, f);
        f->node = NULL;
    }
}

static void unknown_key(struct spec_errors *errors, const struct key_set *set,
                        const struct tree_node *key)
{
    struct buf hint;
    buf_init(&hint, WORDS_MAX);
    if (key_suggest(set, key->u.text, &hint) < 0)
        buf_reset(&hint);
    spec_errors_add(errors, key->line, key->column,
                    "unknown key `%s` in %s%s%s", excerpt_of(key->u.text).text,
                    set->noun, hint.len ? "; " : "", buf_text(&hint));
    buf_fini(&hint);
}

/* Required keys that are missing, and keys that exclude each other. */
static void relations_check(struct spec_errors *errors,
                            const struct tree_node *node,
                            const struct key_set *set, void *fields)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct key *key = &set->keys[i];
        const struct field *f = field_of(fields, key);
        if (key->required && !f->key)
            spec_errors_add(errors, node->line, node->column,
                            "%s needs `%s`%s%s", set->noun, key->name,
                            key->example ? ", such as " : "",
                            key->example ? key->example : "");
        const struct key *other;
        for (size_t n = 0; (other = key_excluded(set, key, n)); n++) {
            const struct field *o = field_of(fields, other);
            /* the row of the key that comes later in the file reports it */
            if (o->key && f->key && f->key > o->key)
                spec_errors_add(errors, f->key->line, f->key->column,
                                "%s has either `%s` or `%s` (line %u), not "
                                "both",
                                set->noun, key->name, other->name,
                                o->key->line);
        }
    }
}

/* One of the keys that say the same in several ways. */
static void one_of_check(struct spec_errors *errors,
                         const struct tree_node *node,
                         const struct key_set *set, void *fields)
{
    char words[WORDS_MAX] = "";
    const struct key *have = NULL, *first = key_find(set, set->one_of[0]);
    for (size_t i = 0; set->one_of[i]; i++) {
        const struct key *key = key_find(set, set->one_of[i]);
        const struct field *f = field_of(fields, key);
        size_t n = strlen(words);
        snprintf(words + n, sizeof(words) - n, "%s`%s`",
                 i == 0               ? ""
                 : set->one_of[i + 1] ? ", "
                                      : " or ",
                 key->name);
        if (!f->key)
            continue;
        const struct field *o = have ? field_of(fields, have) : f;
        if (have) /* the later one in the file is too much */
            spec_errors_add(errors, (f->key > o->key ? f : o)->key->line,
                            (f->key > o->key ? f : o)->key->column,
                            "%s has either `%s` or `%s`, not both", set->noun,
                            have->name, key->name);
        have = key;
    }
    if (!have)
        spec_errors_add(errors, node->line, node->column,
                        "%s needs %s, such as %s: %s", set->noun, words,
                        first->name, first->example);
}

void fields_read(struct spec_errors *errors, const char *what,
                 const struct tree_node *node, const struct key_set *set,
                 void *fields)
{
    defaults_set(set, fields);
    if (!node || node->kind == TREE_BROKEN)
        return;
    if (node->kind != TREE_MAPPING) {
        wrong(errors, what, node,
              &(struct key_type){.kind = KEY_STRUCT, .set = set});
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct tree_pair *p = &node->u.pairs[i];
        const struct key *key = key_find(set, p->key.u.text);
        char quoted[80];
        if (!key) {
            if (!set->ignored ||
                strncmp(p->key.u.text, set->ignored, strlen(set->ignored)) != 0)
                unknown_key(errors, set, &p->key);
            continue;
        }
        struct field *f = field_of(fields, key);
        f->key = &p->key;
        snprintf(quoted, sizeof(quoted), "`%s`", key->name);
        value_read(errors, quoted, &p->value, key->type, f);
    }
    relations_check(errors, node, set, fields);
    if (set->one_of)
        one_of_check(errors, node, set, fields);
}
