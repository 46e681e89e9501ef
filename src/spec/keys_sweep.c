/* The table of all keys: sweeps, their parameters and what gives their values.
 */
#include "config.h"
#include "model/expr.h"
#include "spec/keys_rows.h"

/* A name; a list of them. */
#define NAME  TEXT(1, KEY_NAME_MAX)
#define NAMES LIST(NAME, 1, TASKSET_MAX_PARAMS)
#define FILE_OR_FILES                                                          \
    RANGE(KEY_TEXT, 1, PATH_BYTES_MAX, .another = STRUCT(files_keys))
/* Values for some or all parameters. */
#define POINT(type) NAMED(type, 1, TASKSET_MAX_PARAMS)
#define EXPRESSION  TEXT(1, EXPR_MAX_BYTES)

static const struct key sweep_rows[] = {
    {KEY(sweep_fields, method),
     CHOICE("grid", "zip", "list", "combinations", "permutations", "random",
            "lhs", "sobol", "halton"),
     .otherwise = "list with points or from, else grid",
     .meaning =
         "grid: each combination of the parameters' values, the last parameter "
         "running fastest; zip: the first values of all parameters, the second "
         "ones, and so on; list: the given points; combinations, permutations: "
         "each way to choose the parameters from the items, without or with "
         "regard to their order; random: points drawn independently; lhs: a "
         "Latin hypercube; sobol, halton: sequences that fill the space evenly",
     .example = "lhs"},
    {KEY(sweep_fields, parameters),
     NAMED(LIST_OR(SCALAR, 1, TASKSET_MAX_COUNT,
                   RANGE(KEY_STRUCT, 0, 0, .set = &parameter_keys,
                         .another = SCALAR)),
           1, TASKSET_MAX_PARAMS, .another = NAMES),
     .otherwise = "nothing; required but with list",
     .meaning = "The parameters: a name, and its values or a mapping that says "
                "more. With list, only units and long names, or, to select "
                "columns of a file, a list of names; with combinations and "
                "permutations, the names",
     .example = "{L: [16, 32], T: {values: [2.2, 2.3], units: J/k}}"},
    {KEY(sweep_fields, points), LIST(POINT(SCALAR), 1, TASKSET_MAX_COUNT),
     .excludes = "from", .otherwise = "nothing; list needs them or from",
     .meaning = "The points of a list: a value for each parameter; all points "
                "have the same parameters",
     .example = "[{L: 16, T: 2.2}, {L: 32, T: 2.3}]"},
    {KEY(sweep_fields, from), FILE_OR_FILES, .excludes = "points",
     .otherwise = "nothing; list needs it or points",
     .meaning = "The points of a list are the rows of this file, CSV or TSV by "
                "its name, whose header names the parameters; or the files "
                "that match a pattern, each a value of the parameter file",
     .example = "points.csv"},
    {KEY(sweep_fields, items), LIST(SCALAR, 1, ITEMS_MAX),
     .otherwise = "nothing; required with combinations and permutations",
     .meaning = "What combinations and permutations are made of",
     .example = "[A, B, C, D]"},
    {KEY(sweep_fields, count), INTEGER(1, TASKSET_MAX_COUNT),
     .otherwise = "nothing; required with random, lhs, sobol and halton",
     .meaning = "How many points are drawn", .example = "1000"},
    {KEY(sweep_fields, seed), INTEGER(0, INT64_MAX),
     .otherwise = "0; sobol and halton are not scrambled",
     .meaning = "Which random points are drawn: the same seed gives the same "
                "points, on any machine; with sobol and halton, how the "
                "sequence is scrambled",
     .example = "7"},
    {KEY(sweep_fields, zip), LIST(NAMES, 1, TASKSET_MAX_PARAMS),
     .otherwise = "each parameter of a grid varies on its own",
     .meaning = "Parameters of a grid that vary together, in step; they have "
                "equally many values",
     .example = "[[n, ranks]]"},
    {KEY(sweep_fields, exclude),
     LIST(POINT(LIST_OR(SCALAR, 1, TASKSET_MAX_COUNT, SCALAR)), 1,
          EXCLUDES_MAX),
     .otherwise = "all points",
     .meaning = "Points that are left out: all that have these values of the "
                "named parameters, one or several each",
     .example = "[{T: 1, L: 8}, {L: [16, 32], solver: direct}]"},
    {KEY(sweep_fields, include), LIST(POINT(SCALAR), 1, TASKSET_MAX_COUNT),
     .otherwise = "none",
     .meaning = "Points that are added behind all others, after exclude and "
                "when; each has all parameters",
     .example = "[{T: 2.269, L: 64}]"},
    {KEY(sweep_fields, when),
     RANGE(KEY_TEXT, 1, EXPR_MAX_BYTES,
           .another = LIST(EXPRESSION, 1, WHEN_MAX)),
     .otherwise = "all points",
     .meaning = "A condition on the parameters, or several that must all hold: "
                "see EXPRESSIONS",
     .example = "n <= 64 or solver == \"gmres\""},
    {KEY(sweep_fields, repeat),
     RANGE(KEY_INTEGER, 1, TASKSET_MAX_COUNT, .another = STRUCT(repeat_keys)),
     .otherwise = "each point once",
     .meaning = "Repeats each point, and adds a last parameter that counts: "
                "how often, or a mapping that says more",
     .example = "{count: 10, seed: seed}"},
};
const struct key_set sweep_keys = {
    .name = "sweep",
    .noun = "a sweep",
    .plural = "sweeps",
    .path = "jobs[].sweep, alone or in a list",
    .meaning = "A sweep makes many tasks of one template; a value goes into "
               "the command line as it is written here: 0.10 stays 0.10. A "
               "list of sweeps is their union, one behind the other; all have "
               "the same parameters",
    .schema =
        "[{'if': {'required': ['method'],"
        "         'properties': {'method': {'enum':"
        "                        ['random', 'lhs', 'sobol', 'halton']}}},"
        "  'then': {'required': ['count', 'parameters']},"
        "  'else': {'properties': {'count': false, 'seed': false}}},"
        " {'if': {'required': ['method'],"
        "         'properties': {'method': {'enum':"
        "                        ['combinations', 'permutations']}}},"
        "  'then': {'required': ['items', 'parameters']},"
        "  'else': {'properties': {'items': false}}},"
        " {'if': {'anyOf': [{'required': ['points']}, {'required': ['from']}]},"
        "  'then': {'properties': {'method': {'const': 'list'}}},"
        "  'else': {'required': ['parameters'],"
        "           'properties': {'method': {'not': {'const': 'list'}}}}},"
        " {'if': {'required': ['zip']},"
        "  'then': {'properties': {'method': {'const': 'grid'},"
        "           'points': false, 'from': false}}}]",
    KEY_SET(sweep_rows)};

static const struct key parameter_rows[] = {
    {KEY(parameter_fields, values), LIST(SCALAR, 1, TASKSET_MAX_COUNT),
     .otherwise = "another key gives the values",
     .meaning = "The values, in their order; with distribution: choice, those "
                "that are drawn from",
     .example = "[0.5, 1.0, 2.0]"},
    {KEY(parameter_fields, range), STRUCT(range_keys),
     .otherwise = "another key gives the values",
     .meaning = "Values in equal steps, both ends included",
     .example = "{from: 1.5, to: 3.5, step: 0.1}"},
    {KEY(parameter_fields, linspace), STRUCT(spacing_keys),
     .otherwise = "another key gives the values",
     .meaning = "So many values in equal steps, both ends included",
     .example = "{from: 0, to: 1, num: 11}"},
    {KEY(parameter_fields, logspace), STRUCT(spacing_keys),
     .otherwise = "another key gives the values",
     .meaning = "So many values of which each is the same multiple of the one "
                "before, both ends included; the ends are values, not "
                "exponents",
     .example = "{from: 1e-4, to: 1, num: 5}"},
    {KEY(parameter_fields, from), FILE_OR_FILES,
     .otherwise = "another key gives the values",
     .meaning = "The values are a column of this file, CSV or TSV by its name; "
                "or the files that match a pattern",
     .example = "points.csv"},
    {KEY(parameter_fields, column), TEXT(1, LABEL_MAX),
     .otherwise = "the parameter's name; the only column, if there is but one",
     .meaning = "Which column of the file: its name in the header",
     .example = "'dx (m)'"},
    {KEY(parameter_fields, min), NUMBER, .otherwise = "nothing",
     .meaning = "The least value that is drawn", .example = "0.5"},
    {KEY(parameter_fields, max), NUMBER, .otherwise = "nothing",
     .meaning = "Up to which values are drawn; an integer may be max itself",
     .example = "2.5"},
    {KEY(parameter_fields, distribution),
     CHOICE("uniform", "log_uniform", "normal", "integer", "choice"),
     .fallback = "uniform",
     .meaning = "How a value is drawn (random, lhs, sobol, halton): uniform, "
                "log_uniform (uniform in its logarithm) and integer have min "
                "and max; normal has mean and stddev; choice has values"},
    {KEY(parameter_fields, mean), NUMBER, .otherwise = "nothing",
     .meaning = "The mean of a normal distribution", .example = "300"},
    {KEY(parameter_fields, stddev), NUMBER, .otherwise = "nothing",
     .meaning = "The standard deviation of a normal distribution",
     .example = "5"},
    {KEY(parameter_fields, units), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is measured in, for results.h5", .example = "K"},
    {KEY(parameter_fields, long_name), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is, for axes of plots", .example = "temperature"},
};
const struct key_set parameter_keys = {.name = "parameter",
                                       .noun = "a parameter",
                                       .plural = "parameters",
                                       .path = "jobs[].sweep.parameters.NAME",
                                       .meaning = "A parameter of a sweep",
                                       KEY_SET(parameter_rows)};

static const struct key range_rows[] = {
    {KEY(range_fields, from), NUMBER, .required = true,
     .meaning = "The first value", .example = "1.5"},
    {KEY(range_fields, to), NUMBER, .required = true,
     .meaning = "The last value; the steps must meet it", .example = "3.5"},
    {KEY(range_fields, step), NUMBER, .fallback = "1",
     .meaning = "From one value to the next; negative if to is below from"},
};
const struct key_set range_keys = {.name = "range",
                                   .noun = "a range",
                                   .plural = "ranges",
                                   .path = "jobs[].sweep.parameters.NAME.range",
                                   .meaning = "Values in equal steps; they are "
                                              "integers if all three are",
                                   KEY_SET(range_rows)};

static const struct key spacing_rows[] = {
    {KEY(spacing_fields, from), NUMBER, .required = true,
     .meaning = "The first value", .example = "0"},
    {KEY(spacing_fields, to), NUMBER, .required = true,
     .meaning = "The last value", .example = "1"},
    {KEY(spacing_fields, num), INTEGER(1, TASKSET_MAX_COUNT), .required = true,
     .meaning = "How many values; 1 if from and to are the same",
     .example = "11"},
};
const struct key_set spacing_keys = {
    .name = "spacing",
    .noun = "a spacing",
    .plural = "spacings",
    .path = "jobs[].sweep.parameters.NAME.linspace or logspace",
    .meaning = "Values from one to another; of a logspace both are above 0, or "
               "both below",
    KEY_SET(spacing_rows)};

static const struct key files_rows[] = {
    {KEY(files_fields, files), TEXT(1, PATH_BYTES_MAX), .required = true,
     .meaning = "Which files: *, ? and [...] as in a shell, ** for folders of "
                "any depth; relative to the folder of the job spec; they are "
                "sorted by name",
     .example = "'inputs/**/*.dat'"},
};
const struct key_set files_keys = {
    .name = "files",
    .noun = "a pattern of files",
    .plural = "patterns of files",
    .path = "from",
    .meaning = "The files that match a pattern; of such a parameter x, {x} is "
               "the path, {x.name} the name without folders, {x.stem} that "
               "without its suffix, {x.suffix} the suffix, {x.dir} the folder",
    KEY_SET(files_rows)};

static const struct key repeat_rows[] = {
    {KEY(repeat_fields, count), INTEGER(1, TASKSET_MAX_COUNT), .required = true,
     .meaning = "How often", .example = "10"},
    {KEY(repeat_fields, seed), NAME, .fallback = "repeat",
     .meaning = "The name of the parameter that counts"},
    {KEY(repeat_fields, first), INTEGER(INT32_MIN, INT32_MAX), .fallback = "0",
     .meaning = "From where it counts"},
};
const struct key_set repeat_keys = {.name = "repeat",
                                    .noun = "a repetition",
                                    .plural = "repetitions",
                                    .path = "jobs[].sweep.repeat",
                                    .meaning = "Each point several times",
                                    KEY_SET(repeat_rows)};
