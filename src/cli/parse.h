/* Command lines by the table: options and arguments into a command's struct. */
#ifndef MPIBATCH_CLI_PARSE_H
#define MPIBATCH_CLI_PARSE_H

#include "base/buf.h"
#include "cli/command.h"

enum parse_outcome { PARSE_OK, PARSE_BAD, PARSE_HELP };

/* Fill values (of command->values_size) with the defaults and what argv says;
 * argv[0] is the command. PARSE_BAD: it was said on stderr what is wrong;
 * PARSE_HELP: --help was asked for. Texts are borrowed from argv. */
enum parse_outcome parse_command(const struct cmd *command, int argc,
                                 char **argv, void *values);

/* Append what a right value of the option is: "a time from 3s to 1d". 0, or -1
 * as buf_put. */
int parse_describe(const struct opt *opt, struct buf *out);

#endif
