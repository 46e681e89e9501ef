/* The signals by which people and batch systems tell a session to end. */
#ifndef MPIBATCH_CLI_SIGNALS_H
#define MPIBATCH_CLI_SIGNALS_H

#include "base/err.h"

/* Block TERM, INT, QUIT, HUP, USR1 and USR2; the signalfd (non-blocking) that
 * they are read from, or -1 with err. HUP is left alone if it is ignored:
 * nohup. */
int signals_open(struct err *err);

/* From here on, a file that somebody makes shorter while it is read (a table,
 * which is mapped) ends the program with a message. */
void signals_guard_files(void);

#endif
