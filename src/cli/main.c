/* mpibatch: the program. It picks the command; each command is a file. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"run", cmd_run, "run a job spec on the ranks that mpirun started"},
    {"launch", cmd_launch, "start mpirun and run a job spec: for scripts"},
    {"validate", cmd_validate, "check a job spec, run nothing"},
    {"status", cmd_status, "how a run is doing, or how it ended"},
    {"tasks", cmd_tasks, "list the tasks of a run"},
    {"show", cmd_show, "show the binding of this node, or the spec's keys"},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

int usage_error(const char *command, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_error("%s", text);
    fprintf(stderr, "See: mpibatch %s%s--help\n", command, *command ? " " : "");
    return EXIT_BAD_USAGE;
}

int usage_bad_option(const char *command, const struct option *options,
                     char **argv, int letter)
{
    enum { OPTIONS_MAX = 32 };
    const char *names[OPTIONS_MAX], *word = argv[optind - 1];
    char short_option[] = {'-', (char)optopt, '\0'};
    size_t count = 0, len = strcspn(word, "=");
    bool is_long = strncmp(word, "--", 2) == 0;

    if (letter == ':')
        return usage_error(command, "%s needs a value",
                           is_long ? word : short_option);
    if (is_long && optopt != 0)
        return usage_error(command, "%.*s takes no value", (int)len, word);
    if (optopt != 0)
        return usage_error(command, "no option \"%s\"", short_option);
    for (; count < OPTIONS_MAX && options[count].name; count++)
        names[count] = options[count].name;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)len - 2, word + 2);
    const char *near = text_nearest(name, names, count);
    if (near)
        return usage_error(command, "no option \"%.*s\"; did you mean --%s?",
                           (int)len, word, near);
    return usage_error(command, "no option \"%.*s\"", (int)len, word);
}

int stdout_put(const char *data, unsigned long len)
{
    if (file_write_all(STDOUT_FILENO, data, len) == 0)
        return EXIT_OK;
    if (errno != EPIPE)
        log_error("cannot write to stdout: %s", strerror(errno));
    return EXIT_FAILED;
}

int stdout_show(const char *text, unsigned long len)
{
    struct buf shown;
    int rc = EXIT_FAILED;
    buf_init(&shown, 4 * len + 1);
    if (text_put_printable(&shown, text, len, true) < 0)
        log_error("no memory to show this");
    else
        rc = stdout_put(buf_text(&shown), shown.len);
    buf_fini(&shown);
    return rc;
}

int usage_show(const char *text)
{
    return stdout_put(text, strlen(text));
}

static int help(void)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    buf_puts(&out,
             "Usage: mpibatch COMMAND [OPTION]... [ARGUMENT]...\n"
             "Run many tasks inside one MPI allocation; results in one HDF5 "
             "file.\n\n"
             "  mpibatch launch sweep.yaml             here, or in a Slurm "
             "allocation\n"
             "  mpirun -n 4 mpibatch run sweep.yaml    the same by hand\n\n"
             "Commands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        buf_printf(&out, "  %-10s %s\n", commands[i].name, commands[i].what);
    buf_puts(&out, "\nmpibatch COMMAND --help tells more of each.\n");
    int rc = usage_show(buf_text(&out));
    buf_fini(&out);
    return rc;
}

int main(int argc, char **argv)
{
    const char *names[COMMANDS];
    char called[64];

    opterr = 0; /* usage_bad_option says it */
    if (argc < 2)
        return usage_error("", "which command?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return help();
    if (strcmp(argv[1], "--version") == 0)
        return usage_show("mpibatch " PACKAGE_VERSION "\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], names[i]) != 0)
            continue;
        snprintf(called, sizeof(called), "mpibatch %s", names[i]);
        argv[1] = called;
        return commands[i].main(argc - 1, argv + 1);
    }
    const char *near = text_nearest(argv[1], names, COMMANDS);
    if (near)
        return usage_error("", "no command \"%s\"; did you mean %s?", argv[1],
                           near);
    return usage_error("", "no command \"%s\"", argv[1]);
}
