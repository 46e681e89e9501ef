/* When a task has succeeded, what is tried again, and what its end means:
 * success, retry, exit_conditions and what stands beside them. */
#include "config.h"
#include "spec/parse_policy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "model/expr.h"
#include "spec/check_regex.h"
#include "spec/errors.h"
#include "spec/parse_storage.h"
#include "spec/read.h"

enum { FACTOR_MAX = 1000 };

static void error_at(struct parse *p, const struct tree_node *n, const char *s)
{
    spec_errors_add(p->errors, n->line, n->column, "%s", s);
}

/* An error at what many tasks may inherit: said once. */
static void error_once(struct parse *p, const struct tree_node *n,
                       const char *s)
{
    const struct spec_errors *e = p->errors;
    for (size_t i = e->count; i-- > 0;)
        if (e->list[i].line == n->line && e->list[i].column == n->column &&
            strcmp(e->list[i].text, s) == 0)
            return;
    error_at(p, n, s);
}

/* The node that a task, or what it inherits from, has for the key. */
static const struct tree_node *node_of(const struct tree_node *at,
                                       const struct tree_node *base,
                                       const char *key)
{
    const struct tree_node *n = NULL;
    if (at && at->kind == TREE_MAPPING)
        n = tree_get(at, key);
    if (!n && base && base->kind == TREE_MAPPING)
        n = tree_get(base, key);
    return n;
}

/* A list of exit codes, each once. */
static int codes_build(struct parse *p, const struct field *f,
                       const int32_t **codes, uint32_t *count)
{
    const struct tree_node *list = f->node;
    int32_t *all;
    if (!list)
        return 0;
    all = arena_calloc(p->arena, list->count + 1, sizeof(*all));
    if (!all)
        return -1;
    *codes = all;
    *count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct field code = {0};
        if (value_read(p->errors, "an exit code", &list->u.items[i],
                       f->form->of, &code))
            all[(*count)++] = (int32_t)code.u.integer;
    }
    return 0;
}

/* ---- exit_conditions ---- */

/* What exit options mean for an end; good: for exit code 0. */
static struct exit_options options_build(struct parse *p,
                                         const struct tree_node *n,
                                         const struct job *job, bool good)
{
    struct exit_options_fields f;
    struct exit_options o = {good ? JOB_ACTION_NONE : JOB_ACTION_TERMINATE,
                             good ? DEPENDENCY_SATISFY : DEPENDENCY_BLOCK};
    fields_read(p->errors, "`exit_options`", n, &exit_options_keys, &f);
    if (f.job_action.node)
        o.job_action = (enum job_action)f.job_action.u.integer;
    if (f.dependency_action.node)
        o.dependency_action =
            (enum dependency_action)f.dependency_action.u.integer;
    if (f.job_action.key && job->on_task_failure != TASK_FAILURE_JOB_ACTION)
        error_at(p, f.job_action.key,
                 "`job_action` needs a job with on_task_failure: "
                 "perform_exit_options_job_action");
    return o;
}

static void code_build(struct parse *p, const struct tree_node *n,
                       const struct job *job, struct exit_conditions *c,
                       struct exit_code_options *all)
{
    struct exit_code_fields f;
    fields_read(p->errors, "an exit code", n, &exit_code_keys, &f);
    int32_t code = (int32_t)f.code.u.integer;
    for (uint32_t i = 0; f.code.node && i < c->code_count; i++)
        if (all[i].start == code)
            spec_errors_add(p->errors, f.code.node->line, f.code.node->column,
                            "exit code %" PRId32 " stands in this list already",
                            code);
    all[c->code_count++] = (struct exit_code_options){
        code, code, options_build(p, f.exit_options.node, job, code == 0)};
}

/* A range with 0 in it means other things for 0, where nothing is said. */
static void range_build(struct parse *p, const struct tree_node *n,
                        const struct job *job, struct exit_conditions *c,
                        struct exit_code_options *all)
{
    struct exit_code_range_fields f;
    fields_read(p->errors, "a range of exit codes", n, &exit_code_range_keys,
                &f);
    int32_t start = (int32_t)f.start.u.integer, end = (int32_t)f.end.u.integer;
    size_t before = p->errors->total;
    if (f.start.node && f.end.node && start > end)
        spec_errors_add(p->errors, f.end.node->line, f.end.node->column,
                        "the range is empty: it ends at %" PRId32
                        ", before its start, %" PRId32,
                        end, start);
    struct exit_options o = options_build(p, f.exit_options.node, job, false);
    if (start == 0 && p->errors->total == before)
        all[c->code_count++] = (struct exit_code_options){
            0, 0, options_build(p, f.exit_options.node, job, true)};
    if (end > 0)
        all[c->code_count++] =
            (struct exit_code_options){start > 0 ? start : 1, end, o};
}

static int exit_conditions_build(struct parse *p, const struct tree_node *n,
                                 const struct job *job,
                                 struct exit_conditions *c)
{
    struct exit_conditions_fields f;
    if (!n)
        return 0;
    fields_read(p->errors, "`exit_conditions`", n, &exit_conditions_keys, &f);
    const struct tree_node *codes = f.exit_codes.node,
                           *ranges = f.exit_code_ranges.node;
    size_t room = (size_t)(codes ? codes->count : 0) +
                  (size_t)2 * (ranges ? ranges->count : 0);
    struct exit_code_options *all =
        arena_calloc(p->arena, room + 1, sizeof(*all));
    if (!all)
        return -1;
    *c = (struct exit_conditions){.codes = all};
    for (uint32_t i = 0; codes && i < codes->count; i++)
        code_build(p, &codes->u.items[i], job, c, all);
    for (uint32_t i = 0; ranges && i < ranges->count; i++)
        range_build(p, &ranges->u.items[i], job, c, all);
    c->has_pre_processing_error = f.pre_processing_error.node;
    c->has_file_upload_error = f.file_upload_error.node;
    c->has_default = f.otherwise.node;
    c->pre_processing_error =
        options_build(p, f.pre_processing_error.node, job, false);
    c->file_upload_error =
        options_build(p, f.file_upload_error.node, job, false);
    c->otherwise = options_build(p, f.otherwise.node, job, false);
    return 0;
}

/* ---- success ---- */

static int files_build(struct parse *p, const struct field *f,
                       const struct taskset *set, struct success *s)
{
    const struct tree_node *list = f->node;
    struct err err;
    if (!list || list->count == 0)
        return 0;
    const struct template **all =
        arena_calloc(p->arena, list->count, sizeof(*all));
    if (!all)
        return -1;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct tree_node *n = &list->u.items[i];
        struct field text = {0};
        if (!value_read(p->errors, "a file of `files`", n, f->form->of, &text))
            continue;
        if (template_build(p, n, set, TEMPLATE_ALL, &all[i]) < 0)
            return -1;
        if (all[i] && template_is_constant(all[i]) &&
            text_form_check(TEXT_FILE_INSIDE, n->u.text, &err) < 0) {
            if (err.code == ENOMEM)
                return -1;
            text_error(p, n, 0, err.text);
        }
    }
    s->files = all;
    s->file_count = list->count;
    return 0;
}

/* Conditions over the metrics of the job; they are not looked at if those are
 * not known. */
static int metrics_conditions(struct parse *p, const struct field *f,
                              const struct job *job, struct success *s)
{
    const char *names[JOBSPEC_MAX_METRICS];
    struct err err;
    if (!f->node || !p->metrics_known)
        return 0;
    bool many = f->form->kind == KEY_LIST;
    uint32_t count = many ? f->node->count : 1;
    const struct expr **all = arena_calloc(p->arena, count, sizeof(*all));
    const char **texts = arena_calloc(p->arena, count, sizeof(*texts));
    if (!all || !texts)
        return -1;
    for (uint32_t i = 0; i < job->metric_count; i++)
        names[i] = job->metrics[i].name;
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_node *n = many ? &f->node->u.items[i] : f->node;
        struct field text = {0};
        size_t at = 0;
        if (many && !value_read(p->errors, "a condition of `metric`", n,
                                f->form->of, &text))
            continue;
        texts[i] = n->u.text;
        all[i] = expr_compile(p->arena, n->u.text, names, job->metric_count,
                              &at, &err);
        if (all[i])
            continue;
        if (err.code == ENOMEM)
            return -1;
        text_error(p, n, at, err.text);
    }
    s->metrics = all;
    s->metric_texts = texts;
    s->metric_count = count;
    return 0;
}

static int success_build(struct parse *p, const struct tree_node *n,
                         const struct job *job, const struct success **out)
{
    static const int32_t zero[] = {0};
    struct success_fields f;
    struct err err;
    size_t at = 0;
    if (!n)
        return 0;
    struct success *s = arena_calloc(p->arena, 1, sizeof(*s));
    if (!s)
        return -1;
    s->exit_codes = zero;
    s->exit_code_count = 1;
    fields_read(p->errors, "`success`", n, &success_keys, &f);
    const struct tree_node *regex = f.stdout_regex.node;
    if (regex) {
        s->stdout_regex = regex->u.text;
        if (regex_check_plain(regex->u.text, &at, &err) < 0) {
            if (err.code == ENOMEM)
                return -1;
            text_error(p, regex, at, err.text);
        }
    }
    if (codes_build(p, &f.exit_codes, &s->exit_codes, &s->exit_code_count) <
            0 ||
        files_build(p, &f.files, &job->tasks, s) < 0 ||
        metrics_conditions(p, &f.metric, job, s) < 0)
        return -1;
    *out = s;
    return 0;
}

/* ---- retry ---- */

static unsigned causes_build(struct parse *p, const struct field *f)
{
    unsigned on = 0;
    for (uint32_t i = 0; i < f->node->count; i++) {
        struct field cause = {0};
        if (value_read(p->errors, "an element of `on`", &f->node->u.items[i],
                       f->form->of, &cause))
            on |= 1U << cause.u.integer;
    }
    return on;
}

/* "2x", "1.5": at least 1. */
static double factor_read(struct parse *p, const struct field *f)
{
    char digits[40];
    struct value v;
    double factor = 0;
    if (!f->node)
        return 1;
    size_t len = strlen(f->node->u.text);
    if (len > 0 && len < sizeof(digits)) {
        memcpy(digits, f->node->u.text, len + 1);
        if (digits[len - 1] == 'x')
            digits[len - 1] = '\0';
        value_resolve(&v, digits);
        if ((v.type == VALUE_INT || v.type == VALUE_FLOAT) &&
            value_number(&v, &factor) && factor >= 1 && factor <= FACTOR_MAX)
            return factor;
    }
    text_error(p, f->node, 0,
               "a factor must be a number from 1 to 1000, such as 2x or 1.5x");
    return 1;
}

static int retry_build(struct parse *p, const struct tree_node *n,
                       struct retry_policy *r)
{
    struct retry_fields f;
    struct escalate_fields e;
    if (!n)
        return 0;
    *r = retry_policy_default;
    fields_read(p->errors, "`retry`", n, &retry_keys, &f);
    fields_read(p->errors, "`escalate`", f.escalate.node, &escalate_keys, &e);
    r->backoff_ns = f.backoff.u.integer;
    r->different_node = f.different_node.u.integer;
    r->memory_factor = factor_read(p, &e.memory);
    r->time_factor = factor_read(p, &e.max_wall_clock_time);
    unsigned more = (e.memory.node ? RETRY_ON_MEMORY : 0U) |
                    (e.max_wall_clock_time.node ? RETRY_ON_TIMEOUT : 0U);
    r->on = f.on.node ? causes_build(p, &f.on) : r->on | more;
    if (more & RETRY_ON_MEMORY & ~r->on)
        error_at(p, e.memory.key,
                 "what ends over its memory limit is not tried again; put "
                 "memory into `on`");
    if (more & RETRY_ON_TIMEOUT & ~r->on)
        error_at(p, e.max_wall_clock_time.key,
                 "what ends over its time limit is not tried again; put "
                 "timeout into `on`");
    return codes_build(p, &f.never, &r->never, &r->never_count);
}

/* ---- All of it ---- */

int policy_build(struct parse *p, const struct task_fields *f,
                 const struct job *job, struct task_template *t)
{
    if (f->checkpoint_exit_code.node)
        t->checkpoint_exit_code = (int32_t)f->checkpoint_exit_code.u.integer;
    if (f->keep_working_dir.node)
        t->keep_working_dir = f->keep_working_dir.u.integer;
    if (exit_conditions_build(p, f->exit_conditions.node, job,
                              &t->exit_conditions) < 0 ||
        success_build(p, f->success.node, job, &t->success) < 0)
        return -1;
    return retry_build(p, f->retry.node, &t->retry);
}

/* Is a code that asks for a new attempt success as well? */
static void checkpoint_check(struct parse *p, const struct tree_node *n,
                             const struct task_template *t)
{
    const struct success *s = t->success;
    for (uint32_t i = 0; s && i < s->exit_code_count; i++)
        if (s->exit_codes[i] == t->checkpoint_exit_code)
            spec_errors_add(p->errors, n->line, n->column,
                            "exit code %" PRId32 " is success already; a "
                            "checkpoint needs one of its own",
                            t->checkpoint_exit_code);
}

static void retry_check(struct parse *p, const struct tree_node *n,
                        const struct task_template *t)
{
    const struct tree_node *escalate =
        n->kind == TREE_MAPPING ? tree_get(n, "escalate") : NULL;
    const struct tree_node *time =
        escalate && escalate->kind == TREE_MAPPING
            ? tree_get(escalate, "max_wall_clock_time")
            : NULL;
    if (t->constraints.max_task_retry_count == 0 &&
        (t->retry.backoff_ns > 0 || t->retry.different_node || escalate))
        error_once(p, n,
                   "the task is never tried again: give "
                   "`max_task_retry_count` in its constraints or in those of "
                   "the job");
    if (time && t->constraints.max_wall_clock_ns == 0)
        error_once(p, time,
                   "the task has no time limit to begin with; give "
                   "`max_wall_clock_time` in its constraints");
}

void policy_check(struct parse *p, const struct tree_node *at,
                  const struct tree_node *base, const struct task_template *t)
{
    const struct tree_node *retry = node_of(at, base, "retry"),
                           *checkpoint =
                               node_of(at, base, "checkpoint_exit_code");
    if (retry)
        retry_check(p, retry, t);
    if (checkpoint && t->checkpoint_exit_code >= 0)
        checkpoint_check(p, checkpoint, t);
}
