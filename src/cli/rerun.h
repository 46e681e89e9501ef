/* --rerun: which tasks that have ended run again. */
#ifndef MPIBATCH_CLI_RERUN_H
#define MPIBATCH_CLI_RERUN_H

#include <stddef.h>

#include "cli/option.h"
#include "model/jobspec.h"
#include "model/range.h"
#include "store/rundir.h"

enum rerun_which {
    RERUN_NONE,
    RERUN_FAILED,
    RERUN_TIMEOUT, /* failed by their time limit */
    RERUN_INVALID, /* succeeded, with a metric missing or wrong */
    RERUN_WHERE    /* ended, and a condition holds */
};

/* What was asked for. */
struct rerun {
    enum rerun_which which;
    const char *where; /* borrowed; NULL: it is still to be said */
};

/* Take a word of --rerun: failed, timeout, invalid, "where EXPR"; or where,
 * and the next time EXPR. The form of an option's `take`. */
int rerun_take(const char *text, void *value, struct err *err);

/* How they are called, by enum rerun_which; NULL-terminated. */
extern const char *const rerun_words[RERUN_WHERE + 2];

/* Rows of the option tables of `run` and `plan`: -o and --rerun, of members
 * run_dir and rerun of a struct. */
#define RUN_DIR_OPT(values)                                                    \
    {                                                                          \
        .name = "output", .letter = 'o', .kind = OPT_DIR,                      \
        .at = offsetof(values, run_dir), .value = "DIR",                       \
        .otherwise = "SPEC's name with .run behind it, in this folder",        \
        .meaning = "the run directory"                                         \
    }
#define RERUN_OPT(values, what)                                                \
    {                                                                          \
        .name = "rerun", .kind = OPT_CUSTOM, .at = offsetof(values, rerun),    \
        .value = "WHICH", .words = rerun_words + RERUN_FAILED,                 \
        .joins = "where", .take = rerun_take, .otherwise = "none",             \
        .meaning = (what)                                                      \
    }

/* Find these tasks in a run that nobody else has. *ranges (mem_free):
 * ascending. -1 with err (EINVAL: the condition is wrong). */
int rerun_find(const struct rerun *what, const struct rundir *dir,
               const struct jobspec *spec, struct task_range **ranges,
               size_t *count, struct err *err);

#endif
