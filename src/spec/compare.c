/* Comparing two job specs: see spec.h. Their trees are compared, so that
 * comments, quotes and anchors do not matter; the order of keys matters only
 * where it means something. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "spec/errors.h"
#include "spec/spec.h"
#include "spec/yaml_tree.h"

struct compare {
    const char *file_b, *old;
    struct err *err;
};

/* Say that the value of key in b is another one, or there is none in a or b
 * (NULL). */
static int differs(const struct compare *c, const char *key,
                   const struct tree_node *a, const struct tree_node *b)
{
    const char *name = excerpt_of(key).text;
    if (a && b)
        return err_set(
            c->err, EINVAL,
            "%s:%u:%u: `%s` is not what it is in line %u of %s; only "
            "metrics may differ",
            c->file_b, b->line, b->column, name, a->line, c->old);
    if (b)
        return err_set(c->err, EINVAL,
                       "%s:%u:%u: `%s` is not in %s; only metrics may differ",
                       c->file_b, b->line, b->column, name, c->old);
    return err_set(c->err, EINVAL,
                   "%s: there is no `%s`, which is in line %u of %s; only "
                   "metrics may differ",
                   c->file_b, name, a->line, c->old);
}

static bool same_scalar(const struct tree_node *a, const struct tree_node *b)
{
    struct value x, y;
    tree_value(a, &x);
    tree_value(b, &y);
    return x.type == y.type && strcmp(a->u.text, b->u.text) == 0;
}

static int nodes_compare(const struct compare *c, const char *key,
                         const struct tree_node *a, const struct tree_node *b,
                         int depth);

static int lists_compare(const struct compare *c, const char *key,
                         const struct tree_node *a, const struct tree_node *b,
                         int depth)
{
    if (a->count != b->count)
        return differs(c, key, a, b);
    for (uint32_t i = 0; i < a->count; i++)
        if (nodes_compare(c, key, &a->u.items[i], &b->u.items[i], depth + 1) <
            0)
            return -1;
    return 0;
}

/* The pair of that key, or NULL. */
static const struct tree_pair *pair_find(const struct tree_node *map,
                                         const char *key)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (strcmp(map->u.pairs[i].key.u.text, key) == 0)
            return &map->u.pairs[i];
    return NULL;
}

/* May it be another one? Metrics, and what is nobody's but the user's. */
static bool is_free(const char *key, bool of_job)
{
    return strncmp(key, "x-", 2) == 0 || strcmp(key, "metadata") == 0 ||
           strcmp(key, "display_name") == 0 ||
           (of_job && strcmp(key, "metrics") == 0);
}

static int maps_compare(const struct compare *c, const char *key,
                        const struct tree_node *a, const struct tree_node *b,
                        int depth)
{
    /* jobs: [{...}]: a job is the third */
    bool is_job = (depth == 2 && strcmp(key, "jobs") == 0) ||
                  (depth == 3 && strcmp(key, "job_specification") == 0);
    bool ordered = strcmp(key, "parameters") == 0;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct tree_pair *p = &b->u.pairs[i];
        const char *name = p->key.u.text;
        const struct tree_pair *q = pair_find(a, name);
        if (is_free(name, is_job))
            continue;
        if (!q || (ordered && q != &a->u.pairs[i]))
            return differs(c, name, q ? &q->key : NULL, &p->key);
        if (nodes_compare(c, name, &q->value, &p->value, depth + 1) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const char *name = a->u.pairs[i].key.u.text;
        if (!pair_find(b, name) && !is_free(name, is_job))
            return differs(c, name, &a->u.pairs[i].key, NULL);
    }
    return 0;
}

static int nodes_compare(const struct compare *c, const char *key,
                         const struct tree_node *a, const struct tree_node *b,
                         int depth)
{
    if (a->kind != b->kind)
        return differs(c, key, a, b);
    switch (a->kind) {
    case TREE_SCALAR:
        return same_scalar(a, b) ? 0 : differs(c, key, a, b);
    case TREE_SEQUENCE:
        return lists_compare(c, key, a, b, depth);
    case TREE_MAPPING:
        return maps_compare(c, key, a, b, depth);
    default:
        return differs(c, key, a, b);
    }
}

int spec_same_but_metrics(const char *a, size_t a_len, const char *b,
                          size_t b_len, const char *file_b, const char *old,
                          struct err *err)
{
    struct compare c = {.file_b = file_b, .old = old, .err = err};
    struct arena *arena = arena_create(2 * (size_t)SPEC_MAX_BYTES);
    struct spec_errors errors = {0};
    struct tree_node x, y;
    int rc = -1;
    if (!arena || spec_errors_init(&errors) < 0)
        err_set(err, ENOMEM, "no memory to compare the job specs");
    else if (tree_parse(a, a_len, arena, arena, &errors, &x) < 0 ||
             tree_parse(b, b_len, arena, arena, &errors, &y) < 0)
        err_set(err, EINVAL, "the job specs cannot be compared: %s",
                errors.count ? errors.list[0].text : "no memory");
    else
        rc = nodes_compare(&c, "the job spec", &x, &y, 0);
    spec_errors_fini(&errors);
    arena_destroy(arena);
    return rc;
}
