/* mpibatch: the program. It picks the command; each command is a file. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cmd_remote.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/signals.h"
#include "view/terminal.h"

enum { NAMES_MAX = 64, HELP_BYTES = 1 << 20, HELP_WIDTH = 80 };

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

int stdout_put(const char *data, unsigned long len)
{
    if (file_write_all(STDOUT_FILENO, data, len) == 0)
        return EXIT_OK;
    if (errno != EPIPE)
        log_error("cannot write to stdout: %s", strerror(errno));
    return EXIT_FAILED;
}

/* The help of a command, or of the program (NULL), as wide as the terminal is,
 * but not wider than people read. */
static int help_show(const struct cmd *command)
{
    struct terminal terminal;
    struct buf out;
    int rc = EXIT_FAILED;
    terminal_detect(&terminal, STDOUT_FILENO);
    buf_init(&out, HELP_BYTES);
    if (help_put(command,
                 terminal.width < HELP_WIDTH ? terminal.width : HELP_WIDTH,
                 &out) < 0)
        log_error("no memory for the help");
    else
        rc = stdout_put(buf_text(&out), out.len);
    buf_fini(&out);
    return rc;
}

/* Say that `called` is no command of the list, but what may have been meant. */
static int no_command(const struct cmd *const *list, const char *of,
                      const char *noun, const char *called)
{
    const char *names[NAMES_MAX];
    size_t count = 0, skip = *of ? strlen(of) + 1 : 0;
    for (; list[count] && count < NAMES_MAX; count++)
        names[count] = list[count]->name + skip;
    const char *near = text_nearest(called, names, count);
    if (near)
        return usage_error(of, "no %s \"%s\"; did you mean %s?", noun, called,
                           near);
    return usage_error(of, "no %s \"%s\"", noun, called);
}

/* As the command's --color says, what is said on stderr has colours, too. */
static void colors_take(const struct cmd *command, const void *values)
{
    for (size_t i = 0; i < command->set_count; i++) {
        const struct opt_set *set = &command->sets[i];
        const struct display_options *o =
            (const void *)((const char *)values + set->at);
        if (set->opts == display_opts || set->opts == color_opts)
            log_set_colors(terminal_colors(o->color, STDERR_FILENO));
    }
}

static int cmd_call(const struct cmd *command, int argc, char **argv)
{
    void *values = mem_calloc(1, command->values_size + 1);
    int rc = EXIT_FAILED;
    if (!values) {
        log_error("no memory");
        return rc;
    }
    switch (parse_command(command, argc, argv, values)) {
    case PARSE_OK:
        colors_take(command, values);
        rc = command->main(values);
        break;
    case PARSE_BAD:
        rc = EXIT_BAD_USAGE;
        break;
    case PARSE_HELP:
        rc = help_show(command);
        break;
    }
    mem_free(values);
    return rc;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Which there are. */
static int no_topic(const struct cmd *command)
{
    size_t skip = strlen(command->name) + 1;
    char known[512] = "";
    size_t len = 0;
    for (size_t i = 0; command->topics[i] && len < sizeof(known); i++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
                                i == 0                   ? ""
                                : command->topics[i + 1] ? ", "
                                                         : " or ",
                                command->topics[i]->name + skip);
    return usage_error(command->name, "%s what? There is %s", command->name,
                       known);
}

/* "mpibatch show man": argv[0] is the topic. */
static int topic_call(const struct cmd *command, int argc, char **argv)
{
    size_t skip = strlen(command->name) + 1;
    if (argc < 1)
        return no_topic(command);
    if (is_help(argv[0]))
        return help_show(command);
    for (size_t i = 0; command->topics[i]; i++)
        if (strcmp(command->topics[i]->name + skip, argv[0]) == 0)
            return cmd_call(command->topics[i], argc, argv);
    if (command->otherwise)
        return cmd_call(command->otherwise, argc + 1, argv - 1);
    return no_command(command->topics, command->name,
                      command->noun ? command->noun : "topic", argv[0]);
}

/* "mpibatch help show man" */
static int help_call(int argc, char **argv)
{
    char name[128];
    if (argc == 0)
        return help_show(NULL);
    snprintf(name, sizeof(name), "%s%s%s", argv[0], argc > 1 ? " " : "",
             argc > 1 ? argv[1] : "");
    const struct cmd *command = cmd_find(name);
    return command ? help_show(command) : no_command(cmds, "", "command", name);
}

int main(int argc, char **argv)
{
    log_set_colors(terminal_colors(COLOR_AUTO, STDERR_FILENO));
    signals_guard_files();
    if (argc < 2)
        return usage_error("", "which command?");
    if (is_help(argv[1]))
        return help_show(NULL);
    if (strcmp(argv[1], "help") == 0)
        return help_call(argc - 2, argv + 2);
    if (strcmp(argv[1], "remote") == 0) /* for mpirun, not for people */
        return remote_main(argc - 2, argv + 2);
    if (strcmp(argv[1], "--version") == 0)
        return stdout_put("mpibatch " PACKAGE_VERSION "\n",
                          strlen("mpibatch " PACKAGE_VERSION "\n"));
    for (size_t i = 0; cmds[i]; i++)
        if (strcmp(argv[1], cmds[i]->name) == 0)
            return cmds[i]->topics ? topic_call(cmds[i], argc - 2, argv + 2)
                                   : cmd_call(cmds[i], argc - 1, argv + 1);
    return no_command(cmds, "", "command", argv[1]);
}
