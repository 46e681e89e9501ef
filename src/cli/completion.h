/* Completion for shells, made from the table of commands: words, choices,
 * options, files by their extensions, run directories. */
#ifndef MPIBATCH_CLI_COMPLETION_H
#define MPIBATCH_CLI_COMPLETION_H

#include "base/buf.h"
#include "cli/command.h"

/* Append the script for a shell. 0, or -1 as buf_put. */
int completion_put_bash(struct buf *out);
int completion_put_zsh(struct buf *out);
int completion_put_fish(struct buf *out);

/* What these share: what can be completed of a value or an argument. */
enum completion_kind {
    COMPLETE_NOTHING,
    COMPLETE_WORDS,   /* words */
    COMPLETE_COMMAND, /* a command, or one of words */
    COMPLETE_FILES,   /* with the extensions words; NULL: all */
    COMPLETE_DIRS,
    COMPLETE_RUNS
};
struct completion {
    enum completion_kind kind;
    const char *const *words; /* NULL: none */
};
struct completion completion_of(enum opt_kind kind, const char *const *words);

/* The same for argument i of a command. In place of a text that may be left out
 * there may be the run behind it; behind one of many nothing is to be said any
 * more. */
struct completion completion_of_arg(const struct cmd *command, size_t i);

/* Append words with a space between them; NULL: nothing. */
int completion_put_words(const char *const *words, struct buf *out);

/* Append the names of a list of commands in the same way, of topics the second
 * word. */
int completion_put_names(const struct cmd *const *list, struct buf *out);

/* Append text without backticks, as it stands in single quotes of a shell, with
 * a backslash before each of the characters `special`. */
int completion_put_quoted(const char *text, const char *special,
                          struct buf *out);

/* The name by which people call it: of a topic the second word. */
const char *completion_name(const struct cmd *command);

/* Call put for each command that has options or arguments of its own: topics,
 * not the commands that have topics. */
int completion_each(int (*put)(const struct cmd *command, struct buf *out),
                    struct buf *out);

#endif
