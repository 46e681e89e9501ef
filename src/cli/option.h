/* Options and arguments of commands, as tables.
 *
 * A command's options are rows: how an option is written, what its value is,
 * where the value goes, what it means. Parsing, the errors of wrong values,
 * --help, the man pages and the shells' completion are all made from the rows.
 * Texts may have `literal` parts in backticks. Pure data; parse.h acts on it.
 */
#ifndef MPIBATCH_CLI_OPTION_H
#define MPIBATCH_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a value is, and the type of the member that it goes to. */
enum opt_kind {
    OPT_FLAG,     /* bool: the option has no value */
    OPT_TEXT,     /* const char *: any text */
    OPT_TEXTS,    /* struct texts: the option may be given more than once */
    OPT_FILE,     /* const char *: a file; words: its usual extensions */
    OPT_DIR,      /* const char *: a folder */
    OPT_SPEC,     /* const char *: a job spec */
    OPT_RUN,      /* const char *: a run directory, or the spec of a run */
    OPT_COMMAND,  /* const char *: a command, or one of words */
    OPT_COUNT,    /* uint64_t: a whole number from min to max */
    OPT_DURATION, /* int64_t in ns, from min to max */
    OPT_CHOICE,   /* int: which of words */
    OPT_CUSTOM    /* whatever take makes of the text */
};

/* The values of an option that was given several times, or the arguments that
 * are left. Borrowed from argv. */
enum { OPT_TEXTS_MAX = 8192 };
struct texts {
    const char *list[OPT_TEXTS_MAX];
    unsigned count;
};

struct opt {
    const char *name; /* --name */
    char letter;      /* -x, or 0: it has none */
    enum opt_kind kind;
    size_t at;         /* of the value in its struct */
    const char *value; /* how people call the value: "N", "DIR" */
    const char *what;  /* what a right value is, for who gave a wrong one:
                          "a number of tasks"; NULL: as kind says */
    int64_t min, max;  /* of counts and durations */
    const char *joins; /* custom: this value takes the next word, too; it is
                          given to take by itself, behind this one */
    const char *const *words; /* choice: all; file: extensions; else what
                                 completion offers; NULL-terminated */
    const char *fallback;     /* the default, as one would write it */
    const char *otherwise;    /* in words, what holds without it and fallback */
    const char *excludes;     /* an option that may not stand beside it */
    const char *meaning;      /* what it does, without a full stop */
    /* custom: check text and store it at `value`; -1 with err, which says what
     * is wrong (the option's name is put in front) */
    int (*take)(const char *text, void *value, struct err *err);
};

/* Options that several commands have, in a struct of their own. */
struct opt_set {
    const struct opt *opts;
    size_t count;
    size_t at; /* of that struct in the command's */
    /* If not 0: a struct opt_given there notes which of the set's options were
     * given, so that they can be passed on to another command. */
    size_t given_at;
};
#define OPT_SET(rows, where)                                                   \
    {                                                                          \
        .opts = (rows), .count = sizeof(rows) / sizeof((rows)[0]),             \
        .at = (where)                                                          \
    }

enum { OPT_GIVEN_MAX = 64 };
struct opt_given {
    struct {
        const struct opt *opt;
        const char *value; /* NULL: a flag */
    } list[OPT_GIVEN_MAX];
    unsigned count;
};

/* An argument, by its place. */
struct arg {
    const char *name; /* how people call it: "SPEC" */
    const char *noun; /* "job spec", to ask for it */
    enum opt_kind kind;
    size_t at;
    bool optional;
    bool many; /* OPT_TEXTS, one or more: the last one, but for a run behind
                  it, which the last word is if it names one */
    const char *const *words; /* as those of an option */
    const char *meaning;      /* as that of an option */
};

#endif
