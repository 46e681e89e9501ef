/* Metrics from outputs: see extract.h. PCRE2, compiled once a job, by its JIT
 * where there is one; a match limit bounds what a bad expression can cost. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "config.h"
#include "worker/extract.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { MATCH_LIMIT = 50000000, NUMBER_MAX_BYTES = 512 };

struct extractor {
    const struct job *job;
    pcre2_code **codes; /* one a metric */
    pcre2_match_data *match;
    pcre2_match_context *context;
};

void extractor_destroy(struct extractor *x)
{
    if (!x)
        return;
    for (uint32_t k = 0; x->codes && k < x->job->metric_count; k++)
        pcre2_code_free(x->codes[k]);
    pcre2_match_data_free(x->match);
    pcre2_match_context_free(x->context);
    mem_free(x->codes);
    mem_free(x);
}

struct extractor *extractor_create(const struct job *job, struct err *err)
{
    struct extractor *x = mem_calloc(1, sizeof(*x));
    if (!x)
        goto nomem;
    x->job = job;
    x->codes = mem_calloc(job->metric_count, sizeof(pcre2_code *));
    x->match = pcre2_match_data_create(2, NULL);
    x->context = pcre2_match_context_create(NULL);
    if (!x->codes || !x->match || !x->context)
        goto nomem;
    pcre2_set_match_limit(x->context, MATCH_LIMIT);
    for (uint32_t k = 0; k < job->metric_count; k++) {
        int code;
        PCRE2_SIZE at;
        x->codes[k] = pcre2_compile((PCRE2_SPTR)job->metrics[k].pattern,
                                    PCRE2_ZERO_TERMINATED, PCRE2_MULTILINE,
                                    &code, &at, NULL);
        if (!x->codes[k]) {
            char why[128] = "";
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
            err_set(err, EINVAL, "metric \"%s\": %s", job->metrics[k].name,
                    why);
            extractor_destroy(x);
            return NULL;
        }
        pcre2_jit_compile(x->codes[k], PCRE2_JIT_COMPLETE); /* if it can */
    }
    return x;
nomem:
    err_set(err, ENOMEM, "no memory for the metrics of job %s", job->id);
    extractor_destroy(x);
    return NULL;
}

/* All of text is a number of the metric's type. */
static enum metric_state number_read(enum metric_type type, const char *text,
                                     struct metric_value *v)
{
    char *end;
    errno = 0;
    if (type == METRIC_INT64) {
        v->u.integer = strtoll(text, &end, 10);
        if (errno)
            return METRIC_MALFORMED;
    } else {
        v->u.number = strtod(text, &end); /* inf and nan are values, too */
        if (errno == ERANGE && isinf(v->u.number))
            return METRIC_MALFORMED; /* 1e400 is neither */
    }
    while (isspace((unsigned char)*end))
        end++;
    return end == text || *end ? METRIC_MALFORMED : METRIC_OK;
}

/* The matched bytes as the metric's value. */
static int value_read(const struct metric *m, const char *s, size_t len,
                      struct metric_value *v, struct err *err)
{
    char text[NUMBER_MAX_BYTES];
    v->state = METRIC_MALFORMED;
    if (m->type == METRIC_STRING) {
        if (len > METRIC_MAX_STRING || !text_is_utf8(s, len))
            return 0;
        v->string = mem_strndup(s, len);
        if (!v->string)
            return err_set(err, ENOMEM, "no memory for a metric");
        v->state = METRIC_OK;
        return 0;
    }
    while (len > 0 && isspace((unsigned char)*s)) {
        s++;
        len--;
    }
    if (len == 0 || len >= sizeof(text) || memchr(s, '\0', len))
        return 0;
    memcpy(text, s, len);
    text[len] = '\0';
    v->state = number_read(m->type, text, v);
    return 0;
}

/* The first match of metric k. */
static int metric_find(struct extractor *x, uint32_t k, const char *text,
                       size_t len, struct metric_value *v, struct err *err)
{
    *v = (struct metric_value){.state = METRIC_MISSING};
    int n = pcre2_match(x->codes[k], (PCRE2_SPTR)text, len, 0, 0, x->match,
                        x->context);
    if (n == PCRE2_ERROR_NOMATCH)
        return 0;
    if (n < 0) { /* over the match limit: there, but not to be had */
        v->state = METRIC_MALFORMED;
        return 0;
    }
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(x->match);
    uint32_t groups = 0;
    pcre2_pattern_info(x->codes[k], PCRE2_INFO_CAPTURECOUNT, &groups);
    uint32_t g = groups > 0 ? 1 : 0;
    if (g == 1 && (n == 1 || at[2] == PCRE2_UNSET))
        return 0; /* the match has no such group */
    return value_read(&x->job->metrics[k], text + at[2 * g],
                      at[2 * g + 1] - at[2 * g], v, err);
}

int extractor_run(struct extractor *x, const char *const output[2],
                  const size_t output_len[2], struct attempt *a,
                  struct err *err)
{
    a->metric_count = x->job->metric_count;
    for (uint32_t k = 0; k < a->metric_count; k++) {
        int from = x->job->metrics[k].from == METRIC_STDERR;
        if (metric_find(x, k, output[from], output_len[from], &a->metrics[k],
                        err) < 0)
            return -1;
    }
    return 0;
}
