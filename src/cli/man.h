/* The man pages mpibatch(1) and mpibatch-COMMAND(1), made from the table of
 * commands, in mdoc. */
#ifndef MPIBATCH_CLI_MAN_H
#define MPIBATCH_CLI_MAN_H

#include "base/buf.h"
#include "cli/command.h"

/* Append the page of a command (with its topics), or of the program (NULL). 0,
 * or -1 as buf_put. */
int man_put(const struct cmd *command, struct buf *out);

#endif
