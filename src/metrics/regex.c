/* Metrics by regular expression: see regex.h. A match limit bounds what a bad
 * expression can cost at any one place. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "config.h"
#include "metrics/regex.h"

#include <errno.h>
#include <pcre2.h>

#include "base/mem.h"

enum {
    MATCH_LIMIT = 50000000,
    STACK_BYTES_MIN = 32 << 10,
    STACK_BYTES_MAX = 4 << 20
};

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL: there is no JIT */
};

void regex_destroy(struct regex *r)
{
    if (!r)
        return;
    pcre2_code_free(r->code);
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->context);
    pcre2_jit_stack_free(r->stack);
    mem_free(r);
}

struct regex *regex_create(const char *pattern, struct err *err)
{
    int code;
    PCRE2_SIZE at;
    struct regex *r = mem_calloc(1, sizeof(*r));
    if (!r)
        goto nomem;
    r->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_MULTILINE, &code, &at, NULL);
    if (!r->code) {
        char why[128] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
        err_set(err, code == PCRE2_ERROR_NOMEMORY ? ENOMEM : EINVAL, "%s", why);
        regex_destroy(r);
        return NULL;
    }
    r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->context = pcre2_match_context_create(NULL);
    if (!r->match || !r->context)
        goto nomem;
    pcre2_set_match_limit(r->context, MATCH_LIMIT);
    if (pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0)
        r->stack =
            pcre2_jit_stack_create(STACK_BYTES_MIN, STACK_BYTES_MAX, NULL);
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
        int n = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)name);
        return n > 0 ? (uint32_t)n : 0;
    }
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
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

static void give_up(struct gather *const *gathers, uint32_t count, int code)
{
    char why[128] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
    for (uint32_t i = 0; i < count; i++) {
        if (gathers[i]->done)
            continue;
        gathers[i]->bad = false;
        gather_malformed(gathers[i], "its regex cannot be matched: %s", why);
        gathers[i]->done = true;
    }
}

void regex_scan(struct regex *r, const char *text, size_t len,
                struct gather *const *gathers, const uint32_t *groups,
                uint32_t count)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
    uint32_t options = 0;
    size_t from = 0;
    while (from <= len) {
        int n = pcre2_match(r->code, (PCRE2_SPTR)text, len, from, options,
                            r->match, r->context);
        if (n == PCRE2_ERROR_NOMATCH && options != 0) {
            from++; /* an empty match was here, and nothing else is */
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
