/* Job specs: from YAML text to the checked model.
 *
 * All errors of a text are found and reported at once, each with line and
 * column, what is wrong, and what would be right.
 */
#ifndef MPIBATCH_SPEC_SPEC_H
#define MPIBATCH_SPEC_SPEC_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"
#include "model/table.h"

/* Bounds of a job spec. */
enum {
    SPEC_MAX_BYTES = 256 << 20, /* text, and memory of the model */
    SPEC_MAX_DEPTH = 32,
    SPEC_MAX_ALIAS_NODES = 1 << 20, /* nodes that aliases expand to */
    SPEC_MAX_ERRORS = 50,           /* reported; then it stops looking */
    SPEC_MAX_TABLES = 1024,         /* files and patterns that it names */
    SPEC_FILE_SHOWN = 512,
    SPEC_SOURCE_SHOWN = 160
};

struct spec_error {
    unsigned line, column; /* from 1; 0: not known */
    char text[ERR_TEXT_MAX];
    char file[SPEC_FILE_SHOWN]; /* "": it is in the spec itself; else a table
                                   that it names, as it is named there */
    char source[SPEC_SOURCE_SHOWN]; /* the line of the table, or its start */
};

struct spec_errors {
    struct spec_error *list;
    size_t count;
    size_t total; /* found so far, with those that had no room */
};

enum spec_look {
    SPEC_LOOK_FILE,
    SPEC_LOOK_FOLDER,
    SPEC_LOOK_ANY,
    SPEC_LOOK_PREFIX
};

/* How a spec gets at the tables that it names: it does no I/O itself, and what
 * one rank has opened, others are told. */
struct spec_files {
    /* The bytes of the file at path, or (TABLE_PATHS) the files that match a
     * pattern: a NUL behind each, sorted. path is relative to the folder of
     * the spec. What is asked for twice is the same. The bytes stay for the
     * life of the spec. 0, or -1 with err, which names the path. */
    int (*get)(void *arg, enum table_kind kind, const char *path,
               const char **bytes, size_t *len, struct err *err);
    /* Is there something at path, an absolute one? SPEC_LOOK_PREFIX: something
     * whose path begins so. 0, or -1 with the errno in err (EISDIR: it is a
     * folder and no file, ENOTDIR: the other way round). NULL: nobody looks. */
    int (*look)(void *arg, enum spec_look want, const char *path,
                struct err *err);
    const char *folder; /* that of the spec, absolute; needed to look */
    void *arg;
};

/* Parse and check. The spec (free with jobspec_destroy), or NULL with at least
 * one error in errors (from zero; spec_errors_fini it), sorted by place.
 * file_name_stem: the default of `name`. files: NULL if it can name none. */
struct jobspec *spec_parse(const char *text, size_t len,
                           const char *file_name_stem,
                           const struct spec_files *files,
                           struct spec_errors *errors);
void spec_errors_fini(struct spec_errors *errors);

/* What the parser cannot know: is there room for the tasks of the job from
 * number first on? -1 with err, and which one has none in *index. */
struct spec_room {
    int (*check)(void *arg, const struct jobspec *grown, uint32_t job,
                 uint32_t first, uint32_t *index, struct err *err);
    void *arg;
};

/* Add tasks to a job of listed tasks: a list as under `tasks:`, or a mapping
 * with that one key. All of them, or none: on an error nothing has changed.
 * They become tasks *first to *first + *count - 1, one fragment more; task
 * sets, templates, rules and requests that were there stay where they are, but
 * for the arrays spec->depends, requests and fragments, which may move. 0, or
 * -1 with at least one error in errors (from zero; spec_errors_fini it), sorted
 * by place in text. room: NULL if there is for all. */
int spec_add_tasks(struct jobspec *spec, uint32_t job, const char *text,
                   size_t len, const struct spec_room *room, uint32_t *first,
                   uint32_t *count, struct spec_errors *errors);

/* "FILE:LINE:COLUMN: error: TEXT", with the source line and a caret below.
 * FILE is file, or the table beside it that the error is in. */
int spec_error_show(const struct spec_error *e, const char *file,
                    const char *text, size_t len, struct buf *out);

/* Do two specs, of which both parse, differ in nothing but the metrics of their
 * jobs? 0; or -1 with err EINVAL: where and how (file_b: the second one in the
 * message, old: what the first one is called there), or ENOMEM. */
int spec_same_but_metrics(const char *a, size_t a_len, const char *b,
                          size_t b_len, const char *file_b, const char *old,
                          struct err *err);

/* From the same table as the parser: the JSON Schema (2020-12), and the man
 * page mpibatch-jobspec(5) in roff. */
int spec_put_schema(struct buf *out, struct err *err);
int spec_put_man(struct buf *out, struct err *err);

#endif
