/* Regions of failures: see regions.h. */
#include "config.h"
#include "view/regions.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/order.h"
#include "view/query.h"

enum {
    VALUES_MAX = 256, /* of a column, each with a number of its own */
    CUTS_MAX = 48,    /* of a column: thresholds, and values */
    BEST_MAX = 32,    /* conditions that are tried in pairs */
    SMALL_PART = 20,  /* one in so many failures is few */
    TERMS_MAX = REGIONS_MAX_COLUMNS * CUTS_MAX * 3
};

/* A value of a column that was seen. */
struct seen {
    struct value v; /* its text: heap */
    uint64_t failures;
};

struct seen_column {
    struct seen *seen; /* VALUES_MAX of them */
    uint32_t count;
    bool many; /* more values than that: only as numbers */
};

/* A cell of the sample: which value, and its number (NaN: none). */
struct cell {
    double number;
    uint32_t value; /* UINT32_MAX: one of too many */
};

struct sample {
    struct cell *cells; /* rows of columns */
    uint32_t rows;
    uint64_t total;
};

/* A condition tried: which rows of the sample it covers. */
struct term {
    struct region_term what;
    uint64_t *failures, *successes; /* bits */
    double score;
};

struct regions {
    uint32_t columns;
    struct seen_column column[REGIONS_MAX_COLUMNS];
    struct sample failed, succeeded;
    uint64_t random;
    struct region found[REGIONS_MAX];
};

static int sample_init(struct sample *s, uint32_t columns)
{
    s->cells = mem_calloc((size_t)REGIONS_MAX_SAMPLE * columns + 1,
                          sizeof(s->cells[0]));
    return s->cells ? 0 : -1;
}

struct regions *regions_create(uint32_t columns)
{
    struct regions *r = mem_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->columns = columns < REGIONS_MAX_COLUMNS ? columns : REGIONS_MAX_COLUMNS;
    r->random = 1;
    bool ok = sample_init(&r->failed, r->columns) == 0 &&
              sample_init(&r->succeeded, r->columns) == 0;
    for (uint32_t c = 0; ok && c < r->columns; c++) {
        r->column[c].seen =
            mem_calloc(VALUES_MAX, sizeof(r->column[c].seen[0]));
        ok = r->column[c].seen != NULL;
    }
    if (ok)
        return r;
    regions_destroy(r);
    return NULL;
}

void regions_destroy(struct regions *r)
{
    if (!r)
        return;
    for (uint32_t c = 0; c < r->columns; c++) {
        for (uint32_t i = 0; i < r->column[c].count; i++)
            mem_free((char *)r->column[c].seen[i].v.text);
        mem_free(r->column[c].seen);
    }
    mem_free(r->failed.cells);
    mem_free(r->succeeded.cells);
    mem_free(r);
}

uint64_t regions_failures(const struct regions *r)
{
    return r->failed.total;
}

uint64_t regions_successes(const struct regions *r)
{
    return r->succeeded.total;
}

bool regions_exact(const struct regions *r)
{
    return r->failed.total == r->failed.rows &&
           r->succeeded.total == r->succeeded.rows;
}

/* ---- The sample ---- */

static bool same_value(const struct value *a, const struct value *b)
{
    if (number_is(a) && number_is(b))
        return number_order(a, b) == ORDER_EQUAL;
    return a->type == VALUE_STRING && b->type == VALUE_STRING &&
           strcmp(a->text, b->text) == 0;
}

/* The number of a value; UINT32_MAX: one of too many. -1: no memory. */
static int value_note(struct seen_column *c, const struct value *v,
                      uint32_t *number)
{
    struct buf text;
    uint32_t i = 0;
    while (i < c->count && !same_value(&c->seen[i].v, v))
        i++;
    *number = i;
    if (i < c->count)
        return 0;
    if (i == VALUES_MAX) {
        c->many = true;
        *number = UINT32_MAX;
        return 0;
    }
    buf_init(&text, 1 << 20);
    char *copy = query_value_put(v, &text) == 0 ? buf_take(&text) : NULL;
    buf_fini(&text);
    if (!copy)
        return -1;
    c->seen[i] = (struct seen){.v = *v};
    c->seen[i].v.text = copy;
    c->count++;
    return 0;
}

/* The row of the sample that a further one takes; -1: none. */
static int64_t row_take(struct regions *r, struct sample *s)
{
    uint64_t n = s->total++;
    if (n < REGIONS_MAX_SAMPLE)
        return s->rows++;
    r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    uint64_t at = (r->random >> 11) % (n + 1);
    return at < REGIONS_MAX_SAMPLE ? (int64_t)at : -1;
}

int regions_add(struct regions *r, const struct value *values, bool failed)
{
    struct sample *s = failed ? &r->failed : &r->succeeded;
    int64_t row = row_take(r, s);
    if (row < 0)
        return 0;
    struct cell *cells = &s->cells[(size_t)row * r->columns];
    for (uint32_t c = 0; c < r->columns; c++) {
        cells[c] = (struct cell){.number = NAN, .value = UINT32_MAX};
        if (values[c].type == VALUE_NULL)
            continue;
        if (number_is(&values[c]))
            (void)value_number(&values[c], &cells[c].number);
        if (value_note(&r->column[c], &values[c], &cells[c].value) < 0)
            return -1;
    }
    return 0;
}

/* ---- Conditions ---- */

struct search {
    const struct regions *r;
    struct term *terms;
    uint32_t count;
    size_t fail_words, succeed_words;
    uint64_t *left; /* failures that no region covers yet */
    uint64_t left_count;
};

static uint64_t bits_count(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (uint64_t)__builtin_popcountll(a[i] & b[i]);
    return n;
}

static bool cell_holds(const struct cell *c, const struct region_term *t,
                       uint32_t value, double number)
{
    if (t->relation == REGION_EQ)
        return c->value != UINT32_MAX && c->value == value;
    return t->relation == REGION_GE ? c->number >= number : c->number <= number;
}

static void bits_fill(const struct regions *r, const struct sample *s,
                      const struct region_term *t, uint32_t value,
                      uint64_t *bits)
{
    double number = NAN;
    (void)value_number(&t->v, &number);
    for (uint32_t i = 0; i < s->rows; i++)
        if (cell_holds(&s->cells[(size_t)i * r->columns + t->column], t, value,
                       number))
            bits[i / 64] |= UINT64_C(1) << i % 64;
}

static int term_add(struct search *s, uint32_t column,
                    enum region_relation relation, const struct value *v,
                    uint32_t value)
{
    if (s->count == TERMS_MAX)
        return 0;
    struct term *t = &s->terms[s->count];
    t->what = (struct region_term){column, relation, *v};
    t->failures = mem_calloc(s->fail_words + s->succeed_words + 1, 8);
    if (!t->failures)
        return -1;
    t->successes = t->failures + s->fail_words;
    bits_fill(s->r, &s->r->failed, &t->what, value, t->failures);
    bits_fill(s->r, &s->r->succeeded, &t->what, value, t->successes);
    s->count++;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The numbers of a column in the failed rows: where thresholds can lie. */
static uint32_t cuts_find(const struct search *s, uint32_t column,
                          double cuts[CUTS_MAX])
{
    const struct sample *f = &s->r->failed;
    double *all = mem_calloc(f->rows + 1, sizeof(*all));
    uint32_t n = 0, distinct = 0, count = 0;
    for (uint32_t i = 0; all && i < f->rows; i++) {
        double x = f->cells[(size_t)i * s->r->columns + column].number;
        if (!isnan(x))
            all[n++] = x;
    }
    if (n > 1)
        qsort(all, n, sizeof(*all), by_number);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || all[i] != all[distinct - 1])
            all[distinct++] = all[i];
    for (uint32_t k = 0; k < CUTS_MAX && k < distinct; k++) {
        uint32_t at =
            distinct <= CUTS_MAX
                ? k
                : (uint32_t)((uint64_t)k * (distinct - 1) / (CUTS_MAX - 1));
        cuts[count++] = all[at];
    }
    mem_free(all);
    return count;
}

/* The value that has this number, with its spelling if that is known. */
static struct value value_of(const struct seen_column *c, double number)
{
    struct value v = {.type = VALUE_FLOAT, .u.number = number};
    for (uint32_t i = 0; i < c->count; i++)
        if (number_is(&c->seen[i].v) &&
            number_order(&c->seen[i].v, &v) == ORDER_EQUAL)
            return c->seen[i].v;
    return v;
}

static int column_terms(struct search *s, uint32_t column)
{
    const struct seen_column *c = &s->r->column[column];
    double cuts[CUTS_MAX];
    if (c->count < 2 && !c->many)
        return 0; /* it is the same for all */
    for (uint32_t i = 0; !c->many && i < c->count && i < CUTS_MAX; i++)
        if (term_add(s, column, REGION_EQ, &c->seen[i].v, i) < 0)
            return -1;
    uint32_t count = cuts_find(s, column, cuts);
    for (uint32_t i = 0; i < count; i++) {
        struct value v = value_of(c, cuts[i]);
        if (term_add(s, column, REGION_GE, &v, 0) < 0 ||
            term_add(s, column, REGION_LE, &v, 0) < 0)
            return -1;
    }
    return 0;
}

/* ---- The search ---- */

/* How many times the failures are over- or under-represented in the samples.
 * Successes weigh by what their sample stands for. */
static double weight_of(const struct sample *s)
{
    return s->rows ? (double)s->total / (double)s->rows : 1;
}

/* F measure of "it fails if and only if it lies there". */
static double score_of(const struct search *s, uint64_t hits, uint64_t wrong)
{
    double h = (double)hits * weight_of(&s->r->failed);
    double w = (double)wrong * weight_of(&s->r->succeeded);
    double missed = (double)(s->left_count - hits) * weight_of(&s->r->failed);
    return hits > 0 ? 2 * h / (2 * h + w + missed) : 0;
}

static int by_score(const void *a, const void *b)
{
    const struct term *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->what.relation != y->what.relation)
        return x->what.relation < y->what.relation ? -1 : 1;
    if (x->what.column != y->what.column)
        return x->what.column < y->what.column ? -1 : 1;
    enum order o = value_order(&x->what.v, &y->what.v);
    return o == ORDER_EQUAL ? 0 : o == ORDER_LESS ? -1 : 1;
}

static void terms_score(struct search *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct term *t = &s->terms[i];
        uint64_t hits = bits_count(t->failures, s->left, s->fail_words);
        uint64_t wrong =
            bits_count(t->successes, t->successes, s->succeed_words);
        t->score = score_of(s, hits, wrong);
    }
    qsort(s->terms, s->count, sizeof(s->terms[0]), by_score);
}

/* Two conditions together: is that more than the best so far? A further one
 * must be worth it. */
static void pair_try(const struct search *s, const struct term *a,
                     const struct term *b, double *best,
                     const struct term *chosen[REGION_MAX_TERMS])
{
    uint64_t hits = 0, wrong = 0;
    for (size_t i = 0; i < s->fail_words; i++)
        hits += (uint64_t)__builtin_popcountll(a->failures[i] & b->failures[i] &
                                               s->left[i]);
    if (score_of(s, hits, 0) <= *best)
        return;
    wrong = bits_count(a->successes, b->successes, s->succeed_words);
    double score = score_of(s, hits, wrong);
    if (score > *best + (chosen[1] ? 1e-9 : 0.02)) {
        *best = score;
        chosen[0] = a;
        chosen[1] = b;
    }
}

/* Is it beyond chance that so many of the failures that are left lie there,
 * although very many conditions were tried? By Chernoff's bound on the tail of
 * the binomial distribution, in the sample. */
static bool is_beyond_chance(const struct search *s, uint64_t hits,
                             uint64_t wrong)
{
    double n = (double)(hits + wrong), q = (double)hits / n;
    double p =
        (double)s->left_count / (double)(s->left_count + s->r->succeeded.rows);
    if (q <= p)
        return false;
    double divergence = q * log(q / p);
    if (q < 1)
        divergence += (1 - q) * log((1 - q) / (1 - p));
    return n * divergence > log((double)BEST_MAX * s->count / 0.001);
}

/* Does it say anything: is it mostly failures, or many times as often as
 * elsewhere, and more than chance would have among so many conditions? */
static bool is_telling(const struct search *s, uint64_t hits, uint64_t wrong)
{
    double failed = (double)s->r->failed.total;
    double rate = failed / (failed + (double)s->r->succeeded.total);
    double h = (double)hits * weight_of(&s->r->failed);
    double w = (double)wrong * weight_of(&s->r->succeeded);
    double precision = h / (h + w), by_chance = rate * (h + w);
    if (hits < 2 || precision < 1.2 * rate)
        return false;
    if (s->left_count * SMALL_PART < s->r->failed.rows)
        return precision >= 0.5 && is_beyond_chance(s, hits, wrong);
    return precision >= 0.5 ||
           (precision >= 2 * rate && h > by_chance + 5 * sqrt(by_chance));
}

/* The number of a column in the sample that is next to x: below it, or above
 * it. NaN: there is none. */
static double number_beside(const struct regions *r, uint32_t column, double x,
                            bool below)
{
    double found = NAN;
    for (int k = 0; k < 2; k++) {
        const struct sample *s = k ? &r->succeeded : &r->failed;
        for (uint32_t i = 0; i < s->rows; i++) {
            double y = s->cells[(size_t)i * r->columns + column].number;
            if (below ? y < x && !(y <= found) : y > x && !(y >= found))
                found = y;
        }
    }
    return found;
}

/* A threshold with as few digits as tell the same tasks of the sample apart:
 * x >= 0.804 for x >= 0.8041979433085389. */
static void threshold_shorten(const struct regions *r, struct region_term *t)
{
    char text[32];
    double x = t->v.u.number;
    bool below = t->relation == REGION_GE;
    if (t->relation == REGION_EQ || t->v.type != VALUE_FLOAT)
        return;
    double beside = number_beside(r, t->column, x, below);
    for (int digits = 1; digits < 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, x);
        double y = strtod(text, NULL);
        if (below ? y <= x && y > beside : y >= x && y < beside) {
            t->v = (struct value){.type = VALUE_FLOAT, .u.number = y};
            return;
        }
    }
}

/* 1: found, 0: nothing. */
static int region_find(struct search *s, struct region *out)
{
    const struct term *chosen[REGION_MAX_TERMS] = {NULL, NULL};
    terms_score(s);
    if (s->count == 0)
        return 0;
    double best = s->terms[0].score;
    chosen[0] = &s->terms[0];
    for (uint32_t a = 0; a < BEST_MAX && a < s->count; a++)
        for (uint32_t b = a + 1; b < s->count; b++)
            if (s->terms[a].what.column != s->terms[b].what.column ||
                s->terms[a].what.relation + s->terms[b].what.relation ==
                    REGION_GE + REGION_LE)
                pair_try(s, &s->terms[a], &s->terms[b], &best, chosen);
    const struct term *a = chosen[0], *b = chosen[1] ? chosen[1] : a;
    uint64_t hits = 0;
    for (size_t i = 0; i < s->fail_words; i++)
        hits += (uint64_t)__builtin_popcountll(a->failures[i] & b->failures[i] &
                                               s->left[i]);
    uint64_t wrong = bits_count(a->successes, b->successes, s->succeed_words);
    if (!is_telling(s, hits, wrong))
        return 0;
    *out = (struct region){.term_count = chosen[1] ? 2 : 1, .successes = wrong};
    out->failures = bits_count(a->failures, b->failures, s->fail_words);
    /* x=1 in front of y>=2, that in front of y<=3 */
    bool swap = a->what.relation > b->what.relation ||
                (a->what.relation == b->what.relation &&
                 a->what.column > b->what.column);
    out->terms[swap && chosen[1]] = a->what;
    if (chosen[1])
        out->terms[!swap] = b->what;
    for (uint32_t i = 0; i < out->term_count; i++)
        if (s->r->column[out->terms[i].column].many)
            threshold_shorten(s->r, &out->terms[i]);
    for (size_t i = 0; i < s->fail_words; i++)
        s->left[i] &= ~(a->failures[i] & b->failures[i]);
    s->left_count -= hits;
    return 1;
}

static int search_init(struct search *s, const struct regions *r)
{
    *s = (struct search){.r = r,
                         .fail_words = (r->failed.rows + 63) / 64,
                         .succeed_words = (r->succeeded.rows + 63) / 64,
                         .left_count = r->failed.rows};
    s->terms = mem_calloc(TERMS_MAX, sizeof(s->terms[0]));
    s->left = mem_calloc(s->fail_words + 1, sizeof(s->left[0]));
    if (!s->terms || !s->left)
        return -1;
    for (uint32_t i = 0; i < r->failed.rows; i++)
        s->left[i / 64] |= UINT64_C(1) << i % 64;
    for (uint32_t c = 0; c < r->columns; c++)
        if (column_terms(s, c) < 0)
            return -1;
    return 0;
}

static void search_fini(struct search *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        mem_free(s->terms[i].failures);
    mem_free(s->terms);
    mem_free(s->left);
}

int regions_find(struct regions *r, const struct region **found)
{
    struct search s;
    int count = 0;
    *found = r->found;
    if (r->failed.rows == 0 || r->succeeded.rows == 0)
        return 0;
    int rc = search_init(&s, r);
    while (rc == 0 && count < REGIONS_MAX && s.left_count > 1 &&
           region_find(&s, &r->found[count]))
        count++;
    search_fini(&s);
    return rc < 0 ? -1 : count;
}

/* ---- A region ---- */

static bool term_holds(const struct region_term *t, const struct value *v)
{
    if (v->type == VALUE_NULL)
        return false;
    if (t->relation == REGION_EQ)
        return same_value(&t->v, v);
    if (!number_is(v))
        return false;
    enum order o = number_order(v, &t->v);
    return o == ORDER_EQUAL ||
           o == (t->relation == REGION_GE ? ORDER_GREATER : ORDER_LESS);
}

bool region_covers(const struct region *r, const struct value *values)
{
    for (uint32_t i = 0; i < r->term_count; i++)
        if (!term_holds(&r->terms[i], &values[r->terms[i].column]))
            return false;
    return true;
}

/* A text as one of an expression. */
static int quoted_put(const char *s, struct buf *out)
{
    int rc = buf_putc(out, '"');
    for (; rc == 0 && *s; s++) {
        if (*s == '"' || *s == '\\')
            rc = buf_putc(out, '\\');
        if (rc == 0)
            rc = *s == '\n'   ? buf_puts(out, "\\n")
                 : *s == '\t' ? buf_puts(out, "\\t")
                              : buf_putc(out, *s);
    }
    return rc == 0 ? buf_putc(out, '"') : rc;
}

int region_put(const struct region *r, const char *const *names, bool as_expr,
               struct buf *out)
{
    static const char *const plain[] = {"=", ">=", "<="}, *const expr[] = {
                                                              " == ", " >= ",
                                                              " <= "};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->term_count; i++) {
        const struct region_term *t = &r->terms[i];
        rc = buf_printf(out, "%s%s%s", i ? " and " : "", names[t->column],
                        (as_expr ? expr : plain)[t->relation]);
        if (rc == 0)
            rc = as_expr && t->v.type == VALUE_STRING
                     ? quoted_put(t->v.text, out)
                     : query_value_put(&t->v, out);
    }
    return rc;
}
