/* The options that `run` and `launch` share. */
#ifndef MPIBATCH_CLI_RUN_OPTIONS_H
#define MPIBATCH_CLI_RUN_OPTIONS_H

#include <stdbool.h>

#include "cli/session.h"

#define RUN_OPTIONS_HELP                                                       \
    "  -o, --output DIR      the run directory (default: SPEC's name with\n"   \
    "                        .run behind it, in this folder)\n"                \
    "      --fresh           start anew; an old run is moved aside\n"          \
    "      --rerun failed    run the tasks that failed again\n"                \
    "      --limit N         start at most N tasks, then stop (exit code 3)\n" \
    "      --lost-after TIME a rank silent for so long is lost (30s)\n"        \
    "      --dedicated-manager\n"                                              \
    "                        rank 0 runs no tasks\n"                           \
    "  -q, --quiet           only failures and the summary\n"                  \
    "      --plain           plain lines, no live progress line\n"             \
    "  -h, --help            show this\n"

enum run_options_outcome {
    RUN_OPTIONS_OK,
    RUN_OPTIONS_BAD, /* said on stderr */
    RUN_OPTIONS_HELP_WANTED
};

/* Parse the options of command into o; strings are borrowed from argv. An
 * option that is not shared goes to own (may be NULL; letters: its short
 * options, names: how they are called in long, as "n:ranks" for one with an
 * argument, ended by NULL), which returns false if the argument is wrong. */
enum run_options_outcome run_options_parse(
    int argc, char **argv, const char *command, const char *const *names,
    struct session_options *o,
    bool (*own)(void *arg, int letter, const char *value), void *arg);

/* A positive integer. */
bool number_parse(const char *text, unsigned long long max,
                  unsigned long long *value);

#endif
