/* The table of all keys: metrics. */
#include "config.h"
#include "spec/keys_rows.h"

#define METRIC_SHAPE                                                           \
    LIST_OR(INTEGER(1, METRIC_MAX_CELLS), 1, METRIC_MAX_RANK,                  \
            INTEGER(1, METRIC_MAX_CELLS))
#define METRIC_RANGE  LIST_OR(NUMBER, 1, 2, STRUCT(metric_range_keys))
#define METRIC_SELECT CHOICE("first", "last", "all", "min", "max", "mean")
#define METRIC_TYPE   CHOICE("float64", "int64", "string")

static const struct key metric_rows[] = {
    {KEY(metric_fields, from),
     TYPE(.kind = KEY_CHOICE,
          .words = (const char *const[]){"stdout", "stderr", NULL},
          .another = STRUCT(metric_file_keys)),
     .fallback = "stdout",
     .meaning = "What it is in: an output of the task, or a file that the task "
                "leaves",
     .example = "{file: out/energy.json}"},
    {KEY(metric_fields, regex), REGEX,
     .otherwise = "another of json, csv, npy, hdf5",
     .meaning = "A Perl-compatible regular expression; the metric is its first "
                "group, or the whole match if it has no group; ^ and $ match "
                "at the ends of lines; with named groups there is a metric for "
                "each, called as the group is",
     .example = "'^E = (\\S+)'"},
    {KEY(metric_fields, json), TEXT_LIKE(0, LABEL_MAX, "^(/|$)"),
     .otherwise = "another of regex, csv, npy, hdf5",
     .meaning = "Where it is in JSON, as a pointer (RFC 6901); other lines may "
                "stand around a document and between lines of JSON",
     .example = "/result/energy"},
    {KEY(metric_fields, csv), TEXT(1, LABEL_MAX),
     .otherwise = "another of regex, json, npy, hdf5",
     .meaning = "The column of a table that it is in: the first line that has "
                "that name among its fields is the header; commas, tabs or "
                "semicolons separate",
     .example = "energy"},
    {KEY(metric_fields, npy), ONLY_TRUE,
     .otherwise = "another of regex, json, csv, hdf5",
     .meaning = "The file is one of NumPy's, an array in .npy format",
     .example = "true"},
    {KEY(metric_fields, hdf5), TEXT_LIKE(1, LABEL_MAX, "^/"),
     .otherwise = "another of regex, json, csv, npy",
     .meaning = "The path of a dataset in the file, which is one of HDF5",
     .example = "/results/energy"},
    {KEY(metric_fields, select), METRIC_SELECT,
     .otherwise = "first; all of a csv column with a shape; of npy and hdf5 "
                  "the whole array",
     .meaning =
         "Which of several matches, lines or rows it is, or what is made "
         "of all; of npy and hdf5: of the elements of an array",
     .example = "last"},
    {KEY(metric_fields, groups),
     NAMED(STRUCT(metric_group_keys), 1, JOBSPEC_MAX_METRICS),
     .otherwise = "all as here",
     .meaning = "With named groups: what differs from group to group",
     .example = "{m: {units: emu}}"},
    {KEY(metric_fields, type), METRIC_TYPE, .fallback = "float64",
     .meaning = "What it is kept as"},
    {KEY(metric_fields, units), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is measured in, for results.h5", .example = "J"},
    {KEY(metric_fields, long_name), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is, for axes of plots", .example = "energy per site"},
    {KEY(metric_fields, shape), METRIC_SHAPE, .otherwise = "it is one value",
     .meaning = "It is an array of numbers of exactly this shape",
     .example = "[3, 3]"},
    {KEY(metric_fields, range), METRIC_RANGE, .otherwise = "any value will do",
     .meaning =
         "The least and the greatest value that it may have; one outside "
         "of them is kept, but marked as out of range",
     .example = "[0, 1]"},
};
static const char *const metric_hows[] = {"regex", "json", "csv",
                                          "npy",   "hdf5", NULL};
const struct key_set metric_keys = {
    .name = "metric",
    .noun = "a metric",
    .plural = "metrics",
    .path = "jobs[].metrics.NAME",
    .meaning = "A metric is a value, or a small array, that is found in what "
               "each task leaves: one of regex, json, csv, npy and hdf5 says "
               "how",
    .one_of = metric_hows,
    .schema =
        "[{'dependentRequired': {'groups': ['regex']}},"
        " {'if': {'anyOf': [{'required': ['npy']}, {'required': ['hdf5']}]},"
        "  'then': {'required': ['from'],"
        "           'properties': {'from': {'type': 'object'}}}},"
        " {'if': {'properties': {'type': {'const': 'string'}},"
        "         'required': ['type']},"
        "  'then': {'properties': {'shape': false, 'range': false,"
        "           'select': {'enum': ['first', 'last']}}}}]",
    KEY_SET(metric_rows)};

static const struct key metric_file_rows[] = {
    {KEY(metric_file_fields, file), TEMPLATE_OF(1, PATH_BYTES_MAX),
     .required = true,
     .meaning = "The path of the file, relative to the folder that the task "
                "runs in",
     .example = "'out/{task.id}.json'"},
};
const struct key_set metric_file_keys = {.name = "metric_file",
                                         .noun = "the source of a metric",
                                         .plural = "sources of metrics",
                                         .path = "jobs[].metrics.NAME.from",
                                         .meaning = "A file that a task leaves",
                                         KEY_SET(metric_file_rows)};

static const struct key metric_group_rows[] = {
    {KEY(metric_group_fields, select), METRIC_SELECT,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, type), METRIC_TYPE,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, units), TEXT(0, LABEL_MAX),
     .otherwise = "those of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, long_name), TEXT(0, LABEL_MAX),
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, shape), METRIC_SHAPE,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, range), METRIC_RANGE,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
};
const struct key_set metric_group_keys = {
    .name = "metric_group",
    .noun = "a group of a metric",
    .plural = "groups of metrics",
    .path = "jobs[].metrics.NAME.groups.NAME",
    .meaning = "What is said of the metric that a named group is",
    KEY_SET(metric_group_rows)};

static const struct key metric_range_rows[] = {
    {KEY(metric_range_fields, min), NUMBER, .otherwise = "no limit",
     .meaning = "The least value", .example = "0"},
    {KEY(metric_range_fields, max), NUMBER, .otherwise = "no limit",
     .meaning = "The greatest value", .example = "1"},
};
const struct key_set metric_range_keys = {
    .name = "metric_range",
    .noun = "the range of a metric",
    .plural = "ranges of metrics",
    .path = "jobs[].metrics.NAME.range",
    .meaning = "Limits of a metric's values, both allowed themselves",
    .schema = "[{'minProperties': 1}]",
    KEY_SET(metric_range_rows)};
