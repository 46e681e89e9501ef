/* Tasks and values as JSON: see query_json.h. */
#include "config.h"
#include "view/query_json.h"
#include "view/describe.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "view/query_internal.h"

static json_t *number_json(double d)
{
    if (isfinite(d))
        return json_real(d);
    return json_string(isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
}

json_t *query_text_json(const char *text)
{
    struct buf b;
    size_t len = strlen(text);
    if (text_is_utf8(text, len))
        return json_string(text);
    buf_init(&b, 4 * len + 1);
    json_t *string = NULL;
    if (text_put_printable(&b, text, len, true) == 0)
        string = json_string(buf_text(&b));
    buf_fini(&b);
    return string;
}

json_t *query_value_json(const struct value *v)
{
    switch (v->type) {
    case VALUE_BOOL:
        return json_boolean(v->u.boolean);
    case VALUE_INT:
        return json_integer(v->u.integer);
    case VALUE_FLOAT:
        return number_json(v->u.number);
    case VALUE_NULL:
        return json_null();
    case VALUE_STRING:
        break;
    }
    return query_text_json(v->text);
}

/* Dimension dim of an array, from its cell *at on. */
static json_t *array_json(const struct metric *m, const struct metric_value *v,
                          uint32_t dim, uint32_t *at)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < m->shape[dim]; i++) {
        json_t *item;
        if (dim + 1 < m->rank)
            item = array_json(m, v, dim + 1, at);
        else if (m->type == METRIC_INT64)
            item = json_integer(v->u.integers[(*at)++]);
        else
            item = number_json(v->u.numbers[(*at)++]);
        if (json_array_append_new(list, item) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *query_metric_json(const struct metric *m, const struct metric_value *v)
{
    uint32_t at = 0;
    if (!metric_has_value(v->state))
        return json_null();
    if (m->rank > 0 && v->cells > 0)
        return array_json(m, v, 0, &at);
    if (m->type == METRIC_STRING)
        return query_text_json(v->string ? v->string : "");
    return m->type == METRIC_INT64 ? json_integer(v->u.integer)
                                   : number_json(v->u.number);
}

/* Set a column of the task; -1 with err. */
static int set_column(json_t *o, const char *key, const struct query *q,
                      const struct query_task *t, uint32_t column,
                      struct err *err)
{
    struct value v;
    struct buf room;
    buf_init(&room, EXPR_MAX_TEXT);
    int rc = query_value(q, t, column, &room, &v, err);
    if (rc == 0 && json_object_set_new(o, key, query_value_json(&v)) < 0)
        rc = err_set(err, ENOMEM, "no memory for JSON");
    buf_fini(&room);
    return rc;
}

static int set_parameters(json_t *o, const struct query *q,
                          const struct query_task *t, struct err *err)
{
    json_t *params = json_object();
    bool special = special_of(t->index) != SPECIAL_NONE;
    const struct taskset *set = special ? NULL : &q->spec->jobs[t->job].tasks;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && set && i < set->param_count; i++)
        if (q->jobs[t->job].params[i] != UINT32_MAX)
            rc = set_column(params, set->params[i].name, q, t,
                            q->jobs[t->job].params[i], err);
    if (json_object_set_new(o, "parameters", params) < 0 && rc == 0)
        rc = err_set(err, ENOMEM, "no memory for JSON");
    return rc;
}

/* Metrics, and the states of those that are not ok. */
static int set_metrics(json_t *o, const struct query *q,
                       const struct query_task *t)
{
    json_t *values = json_object(), *states = json_object();
    bool special = special_of(t->index) != SPECIAL_NONE;
    const struct job *job = special ? NULL : &q->spec->jobs[t->job];
    int rc = 0;
    for (uint32_t i = 0; job && i < job->metric_count; i++) {
        const struct metric_value *v = &t->last->metrics[i];
        rc |= json_object_set_new(values, job->metrics[i].name,
                                  query_metric_json(&job->metrics[i], v));
        if (v->state != METRIC_OK)
            rc |= json_object_set_new(states, job->metrics[i].name,
                                      json_string(metric_state_name(v->state)));
    }
    rc |= json_object_set_new(o, "metrics", values);
    if (json_object_size(states) > 0)
        rc |= json_object_set(o, "metric_states", states);
    json_decref(states);
    return rc;
}

json_t *query_task_json(const struct query *q, const struct query_task *t,
                        struct err *err)
{
    static const uint32_t ended[] = {
        COL_RESULT,    COL_REASON, COL_FAILURE_CODE, COL_FAILURE_CATEGORY,
        COL_EXIT_CODE, COL_SIGNAL, COL_NODE,         COL_RANK,
        COL_SLOT,      COL_START,  COL_END,          COL_DURATION,
        COL_PREPARE,   COL_STORE,  COL_USER,         COL_SYSTEM,
        COL_MAX_RSS,   COL_STDOUT, COL_STDERR,       COL_FILES,
        COL_FILE_BYTES};
    json_t *o = json_object();
    int rc = json_object_set_new(o, "job_id",
                                 json_string(jobspec_job_id(q->spec, t->job)));
    rc |= json_object_set_new(o, "task_id", json_string(t->id));
    rc |= json_object_set_new(o, "task_index", json_integer(t->index));
    rc |= json_object_set_new(o, "state",
                              json_string(query_state_name(t->state)));
    rc |= json_object_set_new(o, "attempts",
                              json_integer(t->last ? t->last->attempt : 0));
    if (rc < 0)
        goto nomem;
    if (t->state == QUERY_RUNNING) {
        rc |= json_object_set_new(o, "running_rank",
                                  json_integer(t->running_rank));
        rc |= json_object_set_new(
            o, "running_since",
            json_real((double)t->running_since_ns / (double)NS_PER_SEC));
    }
    if (set_parameters(o, q, t, err) < 0)
        goto fail;
    for (size_t i = 0; t->last && i < sizeof(ended) / sizeof(ended[0]); i++)
        if (set_column(o, q->names[ended[i]], q, t, ended[i], err) < 0)
            goto fail;
    if (t->state == QUERY_SKIPPED) {
        char name[DESCRIBE_TASK_BYTES];
        describe_task(q->spec, t->for_job, t->for_index, name);
        rc |= json_object_set_new(o, "result", json_string("skipped"));
        rc |= json_object_set_new(o, "skipped_for", json_string(name));
    } else if (t->last && t->last->message[0])
        rc |= json_object_set_new(o, "message",
                                  query_text_json(t->last->message));
    if (t->last)
        rc |= set_metrics(o, q, t);
    if (rc == 0)
        return o;
nomem:
    err_set(err, ENOMEM, "no memory for JSON");
fail:
    json_decref(o);
    return NULL;
}

json_t *query_columns_json(const struct query *q, const struct query_task *t,
                           const uint32_t *columns, uint32_t count,
                           struct err *err)
{
    json_t *o = json_object();
    for (uint32_t i = 0; i < count; i++)
        if (set_column(o, q->names[columns[i]], q, t, columns[i], err) < 0) {
            json_decref(o);
            return NULL;
        }
    return o;
}
