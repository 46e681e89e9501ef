/* The table of all keys: dependencies. */
#include "config.h"
#include "spec/keys_rows.h"

static const struct key id_range_rows[] = {
    {KEY(id_range_fields, start), INTEGER(0, INT32_MAX), .required = true,
     .meaning = "The first integer", .example = "1"},
    {KEY(id_range_fields, end), INTEGER(0, INT32_MAX), .required = true,
     .meaning = "The last one", .example = "10"},
};
const struct key_set id_range_keys = {
    .name = "task_id_range",
    .noun = "a range of task ids",
    .plural = "ranges of task ids",
    .path = "depends_on.task_id_ranges[]",
    .meaning = "Tasks whose ids are integers, zeros in front or not; of tasks "
               "with the same integer, such as 4 and 04, the first one to end "
               "well is enough",
    KEY_SET(id_range_rows)};

static const struct key depends_rows[] = {
    {KEY(depends_fields, job), ID,
     .otherwise = "the job itself, with task_ids and task_id_ranges; else it "
                  "is required",
     .meaning = "The job whose tasks are meant", .example = "prepare"},
    {KEY(depends_fields, point), CHOICE("all", "same"), .fallback = "all",
     .excludes = "where task_ids task_id_ranges",
     .meaning = "all: every task of the job; same: those whose parameters, as "
                "far as both jobs have them, have the same values as the "
                "task's own",
     .example = "same"},
    {KEY(depends_fields, where), TEXT(1, EXPR_MAX_BYTES),
     .excludes = "point task_ids task_id_ranges", .otherwise = "no condition",
     .meaning = "The tasks of the job whose parameters fulfil a condition",
     .example = "T > 2"},
    {KEY(depends_fields, task_ids), LIST(ID, 1, DEPENDS_MAX),
     .excludes = "point where", .otherwise = "none",
     .meaning = "The tasks with these ids", .example = "[mesh, initial]"},
    {KEY(depends_fields, task_id_ranges),
     LIST(STRUCT(id_range_keys), 1, DEPENDS_MAX), .excludes = "point where",
     .otherwise = "none",
     .meaning = "The tasks whose ids are integers in these",
     .example = "[{start: 1, end: 10}]"},
};
const struct key_set depends_keys = {
    .name = "depends_on",
    .noun = "a dependency",
    .plural = "dependencies",
    .path = "jobs[].task.depends_on",
    .meaning = "Tasks that must have ended well before others start",
    .schema = "[{'anyOf': [{'required': ['job']}, {'required': ['task_ids']},"
              " {'required': ['task_id_ranges']}]}]",
    KEY_SET(depends_rows)};
