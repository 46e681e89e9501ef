/* The commands of the program: one file each, one table in main.c. */
#ifndef MPIBATCH_CLI_COMMAND_H
#define MPIBATCH_CLI_COMMAND_H

/* Exit codes that commands share with a run (see manager.h): 0 and 2; a
 * command that could not do its work for another reason exits with 1. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_BAD_USAGE = 2 };

/* Each gets its own arguments, argv[0] being "mpibatch COMMAND", and returns
 * the exit code. */
int cmd_run(int argc, char **argv);
int cmd_launch(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_tasks(int argc, char **argv);
int cmd_show(int argc, char **argv);

/* Say how the command is used (text: its --help) after a wrong option or
 * argument; returns EXIT_BAD_USAGE. */
int usage_error(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct option;

/* The same for what getopt_long (letter: it returned that, '?' or ':') did not
 * take, with the option that was probably meant. */
int usage_bad_option(const char *command, const struct option *options,
                     char **argv, int letter);

/* Print a --help text; returns EXIT_OK. */
int usage_show(const char *text);

/* Write all of data to stdout; returns EXIT_OK, or EXIT_FAILED with a word on
 * stderr (disk full, closed pipe). */
int stdout_put(const char *data, unsigned long len);

/* The same of a text for people: control bytes become "\xNN", as names and
 * commands of a job spec may contain anything. */
int stdout_show(const char *text, unsigned long len);

#endif
