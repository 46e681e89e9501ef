/* What makes success of an attempt: see success.h. */
#include "config.h"
#include "worker/success.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "metrics/extract.h"
#include "metrics/regex.h"
#include "model/expr.h"

enum { WHY_BYTES = 1024 };

void success_regex_fini(struct success_regex *r)
{
    regex_destroy(r->regex);
    mem_free(r->pattern);
    *r = (struct success_regex){0};
}

bool success_has_code(const struct task_template *t, int32_t exit_code)
{
    const struct success *s = t->success;
    if (!s || s->exit_code_count == 0)
        return exit_code == 0;
    for (uint32_t i = 0; i < s->exit_code_count; i++)
        if (s->exit_codes[i] == exit_code)
            return true;
    return false;
}

/* ---- Files ---- */

static bool has_file(const struct template *name,
                     const struct success_evidence *from, char why[WHY_BYTES])
{
    struct buf text;
    struct err err;
    struct stat st;
    char *path = NULL;
    bool there = false;
    buf_init(&text, PATH_MAX);
    if (template_expand(name, from->names, false, &text, &err) < 0)
        snprintf(why, WHY_BYTES, "%s", err.text);
    else if (!from->work_dir ||
             !(path = path_join(from->work_dir, buf_text(&text))))
        snprintf(why, WHY_BYTES, "%.500s cannot be looked for",
                 buf_text(&text));
    else if (stat(path, &st) == 0)
        there = true;
    else
        snprintf(why, WHY_BYTES, "the file %.500s is not there%s%.200s",
                 buf_text(&text), errno == ENOENT ? "" : ": ",
                 errno == ENOENT ? "" : strerror(errno));
    mem_free(path);
    buf_fini(&text);
    return there;
}

/* ---- stdout ---- */

static struct regex *regex_of(struct success_regex *cache, const char *pattern,
                              struct err *err)
{
    if (cache->regex && strcmp(cache->pattern, pattern) == 0)
        return cache->regex;
    success_regex_fini(cache);
    cache->regex = regex_create(pattern, err);
    if (!cache->regex)
        return NULL;
    cache->pattern = mem_strdup(pattern);
    if (cache->pattern)
        return cache->regex;
    success_regex_fini(cache);
    err_set(err, ENOMEM, "no memory for a regular expression");
    return NULL;
}

static bool has_output(const char *pattern, const struct success_evidence *from,
                       struct success_regex *cache, char why[WHY_BYTES])
{
    struct err err;
    if (!from->output) {
        snprintf(why, WHY_BYTES, "its stdout cannot be read");
        return false;
    }
    struct regex *r = regex_of(cache, pattern, &err);
    int rc = r ? regex_matches(r, from->output, from->output_len,
                               from->search_ns > 0 ? from->search_ns
                                                   : EXTRACT_SEARCH_NS,
                               &err)
               : -1;
    if (rc < 0)
        snprintf(why, WHY_BYTES, "stdout_regex: %.500s", err.text);
    else if (rc == 0)
        snprintf(why, WHY_BYTES, "stdout does not match %s", pattern);
    return rc > 0;
}

/* ---- Metrics ---- */

struct metrics {
    const struct attempt *a;
    const struct job *job;
};

static int get_metric(void *arg, uint32_t number, struct buf *room,
                      struct value *v, struct err *err)
{
    const struct metrics *all = arg;
    const struct metric *m = &all->job->metrics[number];
    const struct metric_value *value = &all->a->metrics[number];
    (void)room;
    *v = (struct value){.type = VALUE_NULL, .text = ""};
    if (number >= all->a->metric_count || !metric_has_value(value->state))
        return 0;
    if (m->rank > 0)
        return err_set(err, EINVAL, "%s is an array", m->name);
    if (m->type == METRIC_STRING) {
        v->type = VALUE_STRING;
        v->text = value->string;
    } else if (m->type == METRIC_INT64) {
        v->type = VALUE_INT;
        v->u.integer = value->u.integer;
    } else {
        v->type = VALUE_FLOAT;
        v->u.number = value->u.number;
    }
    return 0;
}

/* Append "; residual is 0.5" for each metric that the expression uses. */
static void say_metrics(const struct expr *e, struct metrics *all, char *to,
                        size_t size)
{
    const uint32_t *numbers;
    uint32_t count = expr_names(e, &numbers);
    struct value v;
    struct err err;
    for (uint32_t i = 0; i < count; i++) {
        size_t len = strlen(to);
        const char *name = all->job->metrics[numbers[i]].name;
        if (get_metric(all, numbers[i], NULL, &v, &err) < 0)
            continue;
        if (v.type == VALUE_STRING)
            snprintf(to + len, size - len, "; %s is \"%.80s\"", name, v.text);
        else if (v.type == VALUE_INT)
            snprintf(to + len, size - len, "; %s is %" PRId64, name,
                     v.u.integer);
        else if (v.type == VALUE_FLOAT)
            snprintf(to + len, size - len, "; %s is %.10g", name, v.u.number);
        else
            snprintf(to + len, size - len, "; %s is not known", name);
    }
}

static bool has_metric(const struct expr *e, struct metrics *all,
                       char why[WHY_BYTES])
{
    struct err err;
    bool holds = false;
    if (expr_holds(e, get_metric, all, &holds, &err) < 0) {
        snprintf(why, WHY_BYTES, "the condition %.200s: %.500s", expr_text(e),
                 err.text);
        return false;
    }
    if (holds)
        return true;
    snprintf(why, WHY_BYTES, "%.200s does not hold", expr_text(e));
    say_metrics(e, all, why, WHY_BYTES);
    return false;
}

void success_judge(const struct task_template *t,
                   const struct success_evidence *from,
                   struct success_regex *cache, struct attempt *a)
{
    const struct success *s = t->success;
    struct metrics all = {.a = a, .job = from->job};
    char why[WHY_BYTES];
    bool good = true;
    if (!s || a->result != RESULT_SUCCESS)
        return;
    for (uint32_t i = 0; good && i < s->file_count; i++)
        good = has_file(s->files[i], from, why);
    if (good && s->stdout_regex)
        good = has_output(s->stdout_regex, from, cache, why);
    for (uint32_t i = 0; good && i < s->metric_count; i++)
        good = has_metric(s->metrics[i], &all, why);
    if (good)
        return;
    a->result = RESULT_FAILURE;
    a->reason = REASON_UNSUCCESSFUL;
    attempt_set_message(a, why);
}
