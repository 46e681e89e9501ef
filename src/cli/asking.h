/* Asking the session that has a run, through the inbox of its run directory. */
#ifndef MPIBATCH_CLI_ASKING_H
#define MPIBATCH_CLI_ASKING_H

#include "cli/rundir_arg.h"
#include "store/ask.h"

/* Is there a session that could answer? As far as its lock and its status say:
 * at once, without asking it. */
bool session_is_there(const struct run_arg *run);

/* Ask, and wait for the answer (which may say that it cannot be). data: where
 * what comes with it is appended, or NULL. -1 with err: ENOTCONN (no session
 * has the run, or it has ended meanwhile), ETIMEDOUT (it does not answer), or
 * the errno of a file. SIGINT and its like remove what was asked, then do what
 * they do. */
int session_ask(const struct run_arg *run, const struct ask *ask,
                struct answer *answer, struct buf *data, struct err *err);

#endif
