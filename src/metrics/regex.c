/* Metrics by regular expression: see regex.h.
 *
 * An expression may need years for a text, at one place of it or over all
 * places together, and PCRE2 cannot be interrupted but from callouts. The
 * quick way to match has one at each place where a match may begin, and a
 * match limit for the place that is the lower the longer the text is. Where
 * that does not suffice the careful way goes on: it has callouts at each step
 * and is some ten times slower.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "config.h"
#include "metrics/regex.h"

#include <errno.h>
#include <pcre2.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
    MATCH_LIMIT = 50000000,
    QUICK_LIMIT_MIN = 1000,
    QUICK_LIMIT_MAX = 1000000,
    QUICK_WORK = 1 << 30, /* the length of the text times the limit */
    LOOK_EVERY = 256,     /* callouts between looks at the clock */
    STACK_BYTES_MIN = 32 << 10,
    STACK_BYTES_MAX = 4 << 20
};

enum way { WAY_QUICK, WAY_CAREFUL, WAYS };

struct regex {
    char *pattern;
    pcre2_code *code[WAYS]; /* the careful one: NULL until it is needed */
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL: there is no JIT */
    bool utf;
    int64_t end_ns; /* of CPU time */
    uint32_t callouts;
};

void regex_destroy(struct regex *r)
{
    if (!r)
        return;
    for (int w = 0; w < WAYS; w++)
        pcre2_code_free(r->code[w]);
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->context);
    pcre2_jit_stack_free(r->stack);
    mem_free(r->pattern);
    mem_free(r);
}

static int on_callout(pcre2_callout_block *block, void *arg)
{
    struct regex *r = arg;
    (void)block;
    if (++r->callouts % LOOK_EVERY != 0 || clock_cpu_ns() < r->end_ns)
        return 0;
    return PCRE2_ERROR_CALLOUT;
}

/* The bytes of (*UTF), (*ANYCRLF) and the like, which must come first. */
static size_t verbs_len(const char *pattern)
{
    const char *p = pattern;
    while (p[0] == '(' && p[1] == '*' && p[2] >= 'A' && p[2] <= 'Z') {
        size_t n = 2 + strspn(p + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789=");
        if (p[n] != ')')
            break;
        p += n + 1;
    }
    return (size_t)(p - pattern);
}

static int way_compile(struct regex *r, enum way w, struct err *err)
{
    int code = PCRE2_ERROR_NOMEMORY;
    PCRE2_SIZE at;
    struct buf text;
    size_t verbs = verbs_len(r->pattern);
    uint32_t options =
        PCRE2_MULTILINE | (w == WAY_CAREFUL ? PCRE2_AUTO_CALLOUT : 0);
    buf_init(&text, strlen(r->pattern) + 16);
    /* all begins with the first alternative: one callout a place is enough */
    if (buf_put(&text, r->pattern, verbs) == 0 &&
        buf_puts(&text, "(?C)") == 0 &&
        buf_puts(&text, r->pattern + verbs) == 0)
        r->code[w] = pcre2_compile((PCRE2_SPTR)buf_text(&text), text.len,
                                   options, &code, &at, NULL);
    buf_fini(&text);
    if (r->code[w]) {
        pcre2_jit_compile(r->code[w], PCRE2_JIT_COMPLETE);
        return 0;
    }
    char why[128] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
    return err_set(err, code == PCRE2_ERROR_NOMEMORY ? ENOMEM : EINVAL, "%s",
                   why);
}

struct regex *regex_create(const char *pattern, struct err *err)
{
    uint32_t options = 0;
    struct regex *r = mem_calloc(1, sizeof(*r));
    if (!r || !(r->pattern = mem_strdup(pattern)))
        goto nomem;
    if (way_compile(r, WAY_QUICK, err) < 0) {
        regex_destroy(r);
        return NULL;
    }
    r->match = pcre2_match_data_create_from_pattern(r->code[WAY_QUICK], NULL);
    r->context = pcre2_match_context_create(NULL);
    if (!r->match || !r->context)
        goto nomem;
    pcre2_pattern_info(r->code[WAY_QUICK], PCRE2_INFO_ALLOPTIONS, &options);
    r->utf = options & PCRE2_UTF;
    pcre2_set_callout(r->context, on_callout, r);
    r->stack = pcre2_jit_stack_create(STACK_BYTES_MIN, STACK_BYTES_MAX, NULL);
    if (r->stack)
        pcre2_jit_stack_assign(r->context, NULL, r->stack);
    return r;
nomem:
    err_set(err, ENOMEM, "no memory for a regular expression");
    regex_destroy(r);
    return NULL;
}

uint32_t regex_group(const struct regex *r, const char *name)
{
    uint32_t groups = 0;
    if (name) {
        int n = pcre2_substring_number_from_name(r->code[WAY_QUICK],
                                                 (PCRE2_SPTR)name);
        return n > 0 ? (uint32_t)n : 0;
    }
    pcre2_pattern_info(r->code[WAY_QUICK], PCRE2_INFO_CAPTURECOUNT, &groups);
    return groups > 0 ? 1 : 0;
}

/* A match is there: offer it. Are all done? */
static bool offer(const struct regex *r, const char *text, int pairs,
                  struct gather *const *gathers, const uint32_t *groups,
                  uint32_t count)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
    bool done = true;
    for (uint32_t i = 0; i < count; i++) {
        struct gather *g = gathers[i];
        uint32_t k = groups[i];
        if (k < (uint32_t)pairs && at[2 * k] != PCRE2_UNSET &&
            at[2 * k] <= at[2 * k + 1] && gather_begin(g)) {
            const char *s = text + at[2 * k];
            size_t len = at[2 * k + 1] - at[2 * k];
            if (g->metric->rank > 0)
                gather_list(g, s, len);
            else
                gather_text(g, s, len);
            if (g->metric->select == METRIC_FIRST)
                g->done = true;
        }
        done = done && g->done;
    }
    return done;
}

static void explain(int code, char why[128])
{
    why[0] = '\0';
    if (code == PCRE2_ERROR_CALLOUT)
        strcpy(why, "it takes too long");
    else
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, 128);
}

static void give_up(struct gather *const *gathers, uint32_t count, int code)
{
    char why[128];
    explain(code, why);
    for (uint32_t i = 0; i < count; i++) {
        if (gathers[i]->done)
            continue;
        gathers[i]->bad = false;
        gather_malformed(gathers[i], "its regex cannot be matched: %s", why);
        gathers[i]->done = true;
    }
}

static int match(struct regex *r, const char *text, size_t len, size_t from,
                 uint32_t options)
{
    uint64_t limit = QUICK_WORK / (len + 1);
    struct err err;
    if (limit < QUICK_LIMIT_MIN)
        limit = QUICK_LIMIT_MIN;
    if (limit > QUICK_LIMIT_MAX)
        limit = QUICK_LIMIT_MAX;
    pcre2_set_match_limit(r->context, (uint32_t)limit);
    int n = pcre2_match(r->code[WAY_QUICK], (PCRE2_SPTR)text, len, from,
                        options, r->match, r->context);
    if (n != PCRE2_ERROR_MATCHLIMIT)
        return n;
    if (!r->code[WAY_CAREFUL] && way_compile(r, WAY_CAREFUL, &err) < 0)
        return PCRE2_ERROR_NOMEMORY;
    pcre2_set_match_limit(r->context, MATCH_LIMIT);
    return pcre2_match(r->code[WAY_CAREFUL], (PCRE2_SPTR)text, len, from,
                       options, r->match, r->context);
}

/* The place behind that of an empty match. */
static size_t next_place(const struct regex *r, const char *text, size_t len,
                         size_t from)
{
    from++;
    while (r->utf && from < len && ((unsigned char)text[from] & 0xc0) == 0x80)
        from++;
    return from;
}

void regex_scan(struct regex *r, const char *text, size_t len, int64_t limit_ns,
                struct gather *const *gathers, const uint32_t *groups,
                uint32_t count)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
    uint32_t options = 0, checked = 0;
    size_t from = 0;
    r->end_ns = clock_cpu_ns() + limit_ns;
    r->callouts = 0;
    while (from <= len) {
        int n = match(r, text, len, from, options | checked);
        checked = PCRE2_NO_UTF_CHECK; /* once is enough */
        if (n == PCRE2_ERROR_NOMATCH && options != 0) {
            /* an empty match was here, and nothing else is */
            from = next_place(r, text, len, from);
            options = 0;
            continue;
        }
        if (n == PCRE2_ERROR_NOMATCH)
            return;
        if (n < 0) {
            give_up(gathers, count, n);
            return;
        }
        if (offer(r, text, n, gathers, groups, count) || at[1] < from)
            return;
        options = at[1] == from || at[0] >= at[1]
                      ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED
                      : 0;
        from = at[1];
    }
}

int regex_matches(struct regex *r, const char *text, size_t len,
                  int64_t limit_ns, struct err *err)
{
    char why[128];
    r->end_ns = clock_cpu_ns() + limit_ns;
    r->callouts = 0;
    int n = match(r, text, len, 0, 0);
    if (n >= 0)
        return 1;
    if (n == PCRE2_ERROR_NOMATCH)
        return 0;
    explain(n, why);
    return err_set(err, EINVAL, "it cannot be matched: %s", why);
}
