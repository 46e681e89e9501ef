/* `mpibatch remote HOST COMMAND...`: what mpirun inside a task on several nodes
 * calls in place of ssh. */
#ifndef MPIBATCH_CLI_CMD_REMOTE_H
#define MPIBATCH_CLI_CMD_REMOTE_H

/* What is behind `remote`; the exit code: the command's, or as ssh 255 if it
 * could not be run. */
int remote_main(int argc, char **argv);

#endif
