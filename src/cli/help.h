/* The texts of --help, made from the table of commands. */
#ifndef MPIBATCH_CLI_HELP_H
#define MPIBATCH_CLI_HELP_H

#include "base/buf.h"
#include "cli/command.h"

/* Append the help of a command (NULL: of the program), in lines of at most
 * width columns. 0, or -1 as buf_put. */
int help_put(const struct cmd *command, unsigned width, struct buf *out);

/* Append "[OPTION]... RUN [ID]...": what stands behind the command's name. */
int help_put_synopsis(const struct cmd *command, struct buf *out);

/* Append what there is to say of an option, as sentences: its meaning, its
 * choices, its default. */
int help_put_option(const struct opt *opt, struct buf *out);

/* Append text in lines of at most width columns, the last one with a newline,
 * too: the first goes on at column `at`, the others are indented by `indent`
 * spaces. A newline in text is one; a line that begins with a space stands as
 * it is. */
int help_put_wrapped(const char *text, unsigned at, unsigned indent,
                     unsigned width, struct buf *out);

#endif
