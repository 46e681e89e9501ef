/* Commands that ask the session of a run to do something: to its jobs, tasks
 * and nodes. */
#ifndef MPIBATCH_CLI_COMMAND_ASK_H
#define MPIBATCH_CLI_COMMAND_ASK_H

#include "cli/command.h"
#include "cli/rundir_arg.h"
#include "store/ask.h"

/* The run that was named, or of a task that asks without naming one (in its
 * environment, MPIBATCH_RUN_DIR): as run_arg_open. */
int command_ask_open(const char *path, struct run_arg *run);

/* Which of --requeue, --terminate and --wait was said: *how. 0, or
 * EXIT_BAD_USAGE having said so: more than one was. */
int command_ask_how(const char *command, bool requeue, bool terminate,
                    const char *wait_name, bool wait, enum ask_how *how);

/* Ask, and show the answer. otherwise: what to do if no session has the run; or
 * NULL. ids: what comes with the answer are task ids of ask->job_id, one a
 * line. Returns the exit code. */
int command_ask(const struct run_arg *run, const struct ask *ask, bool json,
                bool ids, const char *otherwise);

/* What they exit with. */
enum { COMMAND_ASK_EXITS = 3 };
extern const struct cmd_exit command_ask_exits[COMMAND_ASK_EXITS];

#endif
