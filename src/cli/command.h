/* The commands of the program: one file each, one table of them.
 *
 * To add a command: in a file cmd_NAME.c define a struct for the values of its
 * options and arguments, its rows of struct opt and struct arg (option.h) with
 * offsetof() into that struct, and `const struct cmd cmd_NAME`; declare
 * it below; add it to the list in commands.c and to Makefile.inc (its file, and
 * mpibatch-NAME.1 to the man pages). Nothing else: it then has parsing, --help,
 * a man page, completion, and tests that hold its texts to their form.
 *
 * struct tail_values { const char *run; uint64_t lines; };
 * static const struct opt opts[] = {
 *     {.name = "lines", .letter = 'n', .kind = OPT_COUNT, .value = "N",
 *      .at = offsetof(struct tail_values, lines), .what = "a number of lines",
 *      .min = 1, .max = UINT32_MAX, .fallback = "10",
 *      .meaning = "show the last N lines"}};
 * static const struct opt_set sets[] = {OPT_SET(opts, 0)};
 * static const struct arg args[] = {
 *     {.name = "RUN", .noun = "run directory", .kind = OPT_RUN,
 *      .at = offsetof(struct tail_values, run), .meaning = "..."}};
 * static int tail(void *values) { struct tail_values *v = values; ... }
 * const struct cmd cmd_tail = {
 *     .name = "tail", .summary = "show the end of the log of a run",
 *     .description = "One paragraph.\n\nAnother.",
 *     .sets = sets, .set_count = 1, .args = args, .arg_count = 1,
 *     .values_size = sizeof(struct tail_values), .main = tail};
 */
#ifndef MPIBATCH_CLI_COMMAND_H
#define MPIBATCH_CLI_COMMAND_H

#include <stddef.h>

#include "cli/option.h"

/* Exit codes that commands share with a run (see manager.h): 0 and 2; a
 * command that could not do its work for another reason exits with 1. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2 };

struct cmd_example {
    const char *line; /* "mpibatch tail sweep.run" */
    const char *what; /* "The last ten lines" */
};

struct cmd_exit {
    int code;
    const char *meaning;
};

struct cmd {
    const char *name;        /* "run"; of a topic both words: "show man" */
    const char *summary;     /* "list the tasks of a run": of 50 bytes at most,
                                no capital, no full stop */
    const char *description; /* paragraphs, a line each ("\n\n" between them); a
                                line that begins with a space stands as it is */
    const struct opt_set *sets;
    size_t set_count; /* --help need not be there */
    const struct arg *args;
    size_t arg_count;
    const struct cmd_example *examples;
    size_t example_count;
    const struct cmd_exit *exits; /* NULL: exits_usual */
    size_t exit_count;
    size_t values_size;
    /* values: zeroed, with the defaults and what was given. Returns the exit
     * code. */
    int (*main)(void *values);
    /* Instead of main: its topics, NULL-terminated, as commands; and what they
     * are called, if it is not "topic". */
    const struct cmd *const *topics;
    const char *noun;
    /* with topics: the one that is meant where none is named; or NULL */
    const struct cmd *otherwise;
};

/* 0 shown, 1 cannot be read, 2 wrong usage. */
enum { EXITS_USUAL = 3 };
extern const struct cmd_exit exits_usual[EXITS_USUAL];

/* All commands, NULL-terminated, as --help lists them. */
extern const struct cmd *const cmds[];
extern const struct cmd cmd_init, cmd_example, cmd_run, cmd_launch,
    cmd_validate, cmd_plan, cmd_status, cmd_tasks, cmd_task, cmd_explain,
    cmd_logs, cmd_failures, cmd_events, cmd_files, cmd_pool, cmd_node, cmd_job,
    cmd_export, cmd_collect, cmd_storage, cmd_show;

/* The command (or topic of one) called name; NULL: there is none. */
const struct cmd *cmd_find(const char *name);

/* Say what is wrong with the command line (of command, or "" for the program)
 * and where help is; returns EXIT_BAD_USAGE. */
int usage_error(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Write all of data to stdout; returns EXIT_OK, or EXIT_FAILED with a word on
 * stderr (disk full, closed pipe). For people: display.h. */
int stdout_put(const char *data, unsigned long len);

#endif
