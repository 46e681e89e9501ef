/* Merge keys: see merge.h. */
#include "config.h"
#include "spec/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "spec/errors.h"

void merge_fini(struct merge *m)
{
    mem_free(m->candidates);
}

void merge_start(struct merge *m)
{
    m->count = 0;
    m->rank = 0;
}

static int candidate_add(struct merge *m, const struct tree_pair *pair,
                         uint32_t rank)
{
    if (m->count > SPEC_MAX_BYTES / sizeof(*m->candidates))
        return -1;
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        void *p = mem_resize(m->candidates, cap, sizeof(*m->candidates));
        if (!p)
            return -1;
        m->candidates = p;
        m->cap = cap;
    }
    m->candidates[m->count] = (struct candidate){
        .pair = *pair, .rank = rank, .place = (uint32_t)m->count};
    m->count++;
    return 0;
}

int merge_own(struct merge *m, const struct tree_pair *pair)
{
    return candidate_add(m, pair, 0);
}

/* All pairs of one mapping that `<<` names. */
static int merge_one(struct merge *m, const struct tree_node *from,
                     struct spec_errors *errors)
{
    m->rank++;
    if (from->kind != TREE_MAPPING) {
        if (from->kind != TREE_BROKEN)
            spec_errors_add(errors, from->line, from->column,
                            "`<<` needs a mapping or a list of mappings");
        return 0;
    }
    for (uint32_t i = 0; i < from->count; i++)
        if (candidate_add(m, &from->u.pairs[i], m->rank) < 0)
            return -1;
    return 0;
}

int merge_from(struct merge *m, const struct tree_node *value,
               struct spec_errors *errors)
{
    if (value->kind != TREE_SEQUENCE)
        return merge_one(m, value, errors);
    for (uint32_t i = 0; i < value->count; i++)
        if (merge_one(m, &value->u.items[i], errors) < 0)
            return -1;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = strcmp(x->pair.key.u.text, y->pair.key.u.text);
    if (order)
        return order;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static int by_place(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->place < y->place ? -1 : x->place > y->place;
}

size_t merge_settle(struct merge *m, struct spec_errors *errors)
{
    struct candidate *c = m->candidates;
    size_t kept = 0, count = m->count;
    if (count > 1)
        qsort(c, count, sizeof(*c), by_key);
    for (size_t i = 0; i < count; i++) {
        const struct tree_node *key = &c[i].pair.key, *first = NULL;
        if (kept > 0 && strcmp(c[kept - 1].pair.key.u.text, key->u.text) == 0)
            first = &c[kept - 1].pair.key;
        if (!first)
            c[kept++] = c[i];
        else if (c[i].rank == 0)
            spec_errors_add(errors, key->line, key->column,
                            "`%s` is given twice; first in line %u",
                            excerpt_of(key->u.text).text, first->line);
    }
    if (kept > 1)
        qsort(c, kept, sizeof(*c), by_place);
    return kept;
}
