/* Tasks and values as JSON: what commands print with --json. */
#ifndef MPIBATCH_VIEW_QUERY_JSON_H
#define MPIBATCH_VIEW_QUERY_JSON_H

#include <jansson.h>

#include "view/query.h"

/* A value; numbers that JSON does not have are "nan", "inf" and "-inf". NULL:
 * no memory. */
json_t *query_value_json(const struct value *v);
/* A text that need not be UTF-8: what is not becomes "\xNN". */
json_t *query_text_json(const char *text);
/* A metric's value: a number, a text, an array (of arrays); null: none. */
json_t *query_metric_json(const struct metric *m, const struct metric_value *v);

/* A task: ids, state, and of its last attempt how it ended, what it used,
 * parameters, metrics; as README and `mpibatch tasks --help` have it. NULL with
 * err. */
json_t *query_task_json(const struct query *q, const struct query_task *t,
                        struct err *err);

/* Columns of a task by their names. NULL with err. */
json_t *query_columns_json(const struct query *q, const struct query_task *t,
                           const uint32_t *columns, uint32_t count,
                           struct err *err);

#endif
