/* How the rows of the table of keys are written: for the files keys*.c, which
 * share it out among themselves. Internal to them. */
#ifndef MPIBATCH_SPEC_KEYS_ROWS_H
#define MPIBATCH_SPEC_KEYS_ROWS_H

#include <stddef.h>

#include "model/command.h"
#include "model/expr.h"
#include "model/gpu.h"
#include "model/jobspec.h"
#include "spec/keys.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define TYPE(...) (&(const struct key_type){__VA_ARGS__})

#define RANGE(of_kind, low, high, ...)                                         \
    TYPE(.kind = (of_kind), .min = (low), .max = (high), __VA_ARGS__)

#define TEXT(low, bytes)        RANGE(KEY_TEXT, low, bytes, .of = NULL)
#define TEMPLATE(bytes)         RANGE(KEY_TEMPLATE, 0, bytes, .of = NULL)
#define TEMPLATE_OF(low, bytes) RANGE(KEY_TEMPLATE, low, bytes, .of = NULL)
#define TEXT_LIKE(low, bytes, regex)                                           \
    RANGE(KEY_TEXT, low, bytes, .pattern = (regex))
#define TEMPLATE_LIKE(low, bytes, regex)                                       \
    RANGE(KEY_TEMPLATE, low, bytes, .pattern = (regex))
#define NUMBER             RANGE(KEY_NUMBER, 0, 0, .of = NULL)
#define BOOLEAN            RANGE(KEY_BOOLEAN, 0, 1, .of = NULL)
#define ONLY_TRUE          RANGE(KEY_BOOLEAN, 1, 1, .of = NULL)
#define INTEGER(low, high) RANGE(KEY_INTEGER, low, high, .of = NULL)
#define ID                 RANGE(KEY_ID, 1, JOBSPEC_MAX_ID, .of = NULL)
#define DURATION           TYPE(.kind = KEY_DURATION)
#define SIZE(low)          RANGE(KEY_SIZE, low, INT64_MAX, .of = NULL)
#define MODE               RANGE(KEY_MODE, 0, 0777, .of = NULL)
#define REGEX              RANGE(KEY_REGEX, 1, 4096, .of = NULL)
#define SCALAR             RANGE(KEY_SCALAR, 0, COMMAND_MAX_BYTES, .of = NULL)
#define CHOICE(...)                                                            \
    TYPE(.kind = KEY_CHOICE, .words = (const char *const[]){__VA_ARGS__, NULL})
#define STRUCT(keys)          TYPE(.kind = KEY_STRUCT, .set = &(keys))
#define LIST(type, low, high) RANGE(KEY_LIST, low, high, .of = (type))
/* A map whose names match a regular expression. */
#define MAP(type, low, high, regex)                                            \
    RANGE(KEY_MAP, low, high, .of = (type), .pattern = (regex))
/* A map of parameters or metrics. */
#define NAMED(type, low, high, ...)                                            \
    RANGE(KEY_MAP, low, high, .of = (type), .pattern = KEY_NAME_PATTERN,       \
          __VA_ARGS__)
/* A list, or what else. */
#define LIST_OR(type, low, high, other)                                        \
    RANGE(KEY_LIST, low, high, .of = (type), .another = (other))

#define COMMAND                                                                \
    RANGE(KEY_TEMPLATE, 0, COMMAND_MAX_BYTES, .pattern = "[^ \\t\\n]",         \
          .another = LIST(TEMPLATE(COMMAND_MAX_BYTES), 1, COMMAND_MAX_WORDS))
#define ENVIRONMENT                                                            \
    LIST_OR(                                                                   \
        STRUCT(setting_keys), 0, JOBSPEC_MAX_ENV,                              \
        MAP(TEMPLATE(COMMAND_MAX_BYTES), 0, JOBSPEC_MAX_ENV, LIKE_VARIABLE))

#define METADATA                                                               \
    LIST_OR(STRUCT(metadata_keys), 0, JOBSPEC_MAX_METADATA,                    \
            MAP(TEXT(0, PATH_BYTES_MAX), 0, JOBSPEC_MAX_METADATA, "^.+$"))
/* So much of each resource. */
#define AMOUNTS(most) MAP(SCALAR, 0, most, LIKE_RESOURCE)
/* Of the name of a resource. */
#define LIKE_RESOURCE "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
/* Ids of tasks, or a mapping that names others, or a list of both. */
enum { DEPENDS_MAX = 1000000 };
#define DEPENDS_ON                                                             \
    RANGE(KEY_STRUCT, 0, 0, .set = &depends_keys,                              \
          .another = LIST(RANGE(KEY_ID, 1, JOBSPEC_MAX_ID,                     \
                                .another = STRUCT(depends_keys)),              \
                          0, DEPENDS_MAX))

/* Of the name of an environment variable. */
#define LIKE_VARIABLE "^[^\\u0000- =\\u007f]+$"
/* Of a path on the cluster: neither a URL nor for a shell. */
#define LIKE_LOCATION "^(?!~)(?![^/]*://)[^$]*$"
/* Of a path that stays in the folder that it is relative to. */
#define LIKE_INSIDE "^(?!/)(?!(.*/)?\\.\\.(/|$))"

enum {
    LABEL_MAX = 255,
    DISPLAY_NAME_MAX = 1024,
    PATH_BYTES_MAX = 4095,
    TARGET_MAX = 1000000,
    RETRIES_MAX = 1000000,
    ITEMS_MAX = 1000000,
    EXCLUDES_MAX = 1000000,
    WHEN_MAX = 64
};

/* The name of a member of the set's fields, and where it is. */
#define KEY(fields, member)                                                    \
    .name = #member, .at = offsetof(struct fields, member)

#define KEY_SET(rows) .keys = (rows), .count = LENGTH(rows)

#endif
