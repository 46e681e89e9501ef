/* What `run` and `launch` share: options, the argument, exit codes. */
#ifndef MPIBATCH_CLI_RUN_OPTIONS_H
#define MPIBATCH_CLI_RUN_OPTIONS_H

#include "cli/command.h"
#include "cli/session.h"

/* Rows into a struct session_options. A new option of `run` is a row there:
 * `launch` has it, too, and passes it on. */
enum { RUN_OPTS = 10 };
extern const struct opt run_opts[RUN_OPTS];
extern const struct arg run_args[1];
enum { RUN_EXITS = 5 };
extern const struct cmd_exit run_exits[RUN_EXITS];

/* --dry-run: show the plan, on rank 0 alone. The exit code. */
int run_dry(const struct session_options *options);

/* Are there colours on stderr? --plain has none, unless they are asked for. */
bool run_colors(const struct session_options *o);

#endif
