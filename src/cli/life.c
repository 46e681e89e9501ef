/* The life of pools, nodes and jobs: see life.h. */
#include "config.h"
#include "cli/life.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/quantity.h"
#include "store/output.h"
#include "view/describe.h"
#include "view/moment.h"
#include "view/query_json.h"

enum { TAIL_BYTES = 4000, TAIL_LINES = 10, TEXT_BYTES = 1 << 16 };

const char *life_state_name(bool of_job, int state)
{
    return of_job ? job_state_name((enum job_state)state)
                  : node_state_name((enum node_state)state);
}

json_t *life_time_json(int64_t ns)
{
    return ns > 0 ? json_real((double)ns / (double)NS_PER_SEC) : json_null();
}

/* ---- Changes ---- */

void life_changes_put(struct display *d, const struct scene_changes *c,
                      bool of_job)
{
    char when[MOMENT_BYTES], count[64];
    uint32_t from =
        c->count > LIFE_SHOWN_CHANGES ? c->count - LIFE_SHOWN_CHANGES : 0;
    if (from > 0)
        display_printf(d, "  %s before that\n",
                       describe_count(from, "change", count));
    for (uint32_t i = from; i < c->count; i++) {
        const struct scene_change *x = &c->list[i];
        const char *end = of_job ? job_end_name(x->end) : "";
        display_printf(d, "  %s  %s%s%s%s%s\n", moment_format(x->time_ns, when),
                       life_state_name(of_job, x->state), *end ? ", " : "", end,
                       *x->why ? ": " : "", x->why);
    }
}

json_t *life_changes_json(const struct scene_changes *c, bool of_job)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < c->count; i++) {
        const struct scene_change *x = &c->list[i];
        json_t *o = json_object();
        json_object_set_new(o, "time", life_time_json(x->time_ns));
        json_object_set_new(o, "session", json_integer(x->session));
        json_object_set_new(o, "state",
                            json_string(life_state_name(of_job, x->state)));
        if (of_job)
            json_object_set_new(o, "end", json_string(job_end_name(x->end)));
        json_object_set_new(o, "why", query_text_json(x->why));
        json_array_append_new(list, o);
    }
    return list;
}

/* ---- Special tasks ---- */

static void tail_read(const struct run_arg *run, const struct attempt *a,
                      struct buf *out)
{
    const struct special_task *t = jobspec_special(run->spec, a->job, a->index);
    uint64_t bytes = a->output[1].bytes;
    uint64_t from = bytes > TAIL_BYTES ? bytes - TAIL_BYTES : 0;
    struct err err;
    if (output_read(run->dir, a, jobspec_job_id(run->spec, a->job), t->id, 1,
                    from, TAIL_BYTES, out, &err) < 0)
        log_warning("%s", err.text);
}

void life_special_put(struct display *d, const struct run_arg *run,
                      const struct scene_special *x)
{
    const struct attempt *a = x->attempt;
    char how[384], name[DESCRIBE_TASK_BYTES], when[MOMENT_BYTES], took[16] = "";
    struct buf tail, text;
    bool bad = a->result != RESULT_SUCCESS;
    attempt_describe(a, how);
    if (attempt_has_run(a))
        duration_format(a->end_ns - a->start_ns, took);
    display_printf(d, "  %s  %s%s%s, attempt %" PRIu32 "%s%s: ",
                   moment_format(a->start_ns, when), x->node,
                   *x->node ? ": " : "",
                   describe_task(run->spec, a->job, a->index, name), a->attempt,
                   *took ? ", " : "", took);
    display_styled(d, bad ? STYLE_BAD : STYLE_GOOD, how);
    display_puts(d, a->disposition == TASK_RETRIES ? "; it is tried again\n"
                                                   : "\n");
    if (!bad)
        return;
    buf_init(&tail, TAIL_BYTES);
    buf_init(&text, TEXT_BYTES);
    tail_read(run, a, &tail);
    if (tail.len > 0 && describe_tail(buf_text(&tail), tail.len, TAIL_LINES,
                                      "    | ", &text) == 0)
        display_put(d, buf_text(&text), text.len);
    buf_fini(&text);
    buf_fini(&tail);
}

json_t *life_special_json(const struct run_arg *run,
                          const struct scene_special *x)
{
    const struct attempt *a = x->attempt;
    const struct special_task *t = jobspec_special(run->spec, a->job, a->index);
    enum failure failure = attempt_failure(a);
    json_t *o = json_object();
    struct buf tail;
    json_object_set_new(o, "task_id", json_string(t->id));
    if (a->job < run->spec->job_count)
        json_object_set_new(o, "job_id",
                            json_string(jobspec_job_id(run->spec, a->job)));
    json_object_set_new(o, "node", query_text_json(x->node));
    json_object_set_new(o, "session", json_integer(x->session));
    json_object_set_new(o, "attempt", json_integer(a->attempt));
    json_object_set_new(o, "result",
                        json_string(attempt_result_name(a->result)));
    json_object_set_new(o, "reason",
                        json_string(attempt_reason_name(a->reason)));
    json_object_set_new(o, "failure_code",
                        failure ? json_string(failure_code(failure))
                                : json_null());
    json_object_set_new(o, "exit_code",
                        a->exit_code >= 0 ? json_integer(a->exit_code)
                                          : json_null());
    json_object_set_new(o, "start_time", life_time_json(a->start_ns));
    json_object_set_new(o, "end_time", life_time_json(a->end_ns));
    json_object_set_new(o, "message", query_text_json(a->message));
    json_object_set_new(o, "again",
                        json_boolean(a->disposition == TASK_RETRIES));
    buf_init(&tail, TAIL_BYTES);
    tail_read(run, a, &tail);
    json_object_set_new(o, "stderr_tail", query_text_json(buf_text(&tail)));
    buf_fini(&tail);
    return o;
}

json_t *life_specials_json(const struct run_arg *run, const struct scene *s,
                           uint32_t job, uint32_t index, const char *node,
                           uint32_t session)
{
    json_t *list = json_array();
    const struct scene_special *x;
    for (uint32_t at = 0;
         (x = scene_special(s, &at, job, index, node, session));)
        json_array_append_new(list, life_special_json(run, x));
    return list;
}

/* ---- Resources and metadata ---- */

void life_amounts_put(struct display *d, const struct jobspec *spec,
                      const struct amount *amounts, uint32_t count)
{
    char size[16];
    for (uint32_t i = 0; i < count; i++) {
        const struct resource *r = &spec->resources[amounts[i].resource];
        display_printf(d, "%s%s ", i ? ", " : "", r->name);
        if (r->kind == RESOURCE_MEMORY)
            display_puts(d, size_format(amounts[i].units, size));
        else
            display_printf(d, "%g", (double)amounts[i].units / RESOURCE_ONE);
    }
}

json_t *life_amounts_json(const struct jobspec *spec,
                          const struct amount *amounts, uint32_t count)
{
    json_t *o = json_object();
    for (uint32_t i = 0; i < count; i++) {
        const struct resource *r = &spec->resources[amounts[i].resource];
        uint64_t units = amounts[i].units;
        json_object_set_new(
            o, r->name,
            r->kind == RESOURCE_MEMORY ? json_integer((json_int_t)units)
            : units % RESOURCE_ONE == 0
                ? json_integer((json_int_t)(units / RESOURCE_ONE))
                : json_real((double)units / RESOURCE_ONE));
    }
    return o;
}

void life_metadata_put(struct display *d, const struct metadata *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        display_printf(d, "  %-20s %s=%s\n", i ? "" : "metadata",
                       m->items[i].name, m->items[i].value);
}

json_t *life_metadata_json(const struct metadata *m)
{
    json_t *o = json_object();
    for (uint32_t i = 0; i < m->count; i++)
        json_object_set_new(o, m->items[i].name,
                            query_text_json(m->items[i].value));
    return o;
}
