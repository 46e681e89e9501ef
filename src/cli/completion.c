/* What completion for all shells shares: see completion.h. */
#include "config.h"
#include "cli/completion.h"

#include <string.h>

/* What is run: specs, and files of command lines or points. */
static const char *const spec_extensions[] = {"yaml", "yml", "txt",
                                              "csv",  "tsv", NULL};

struct completion completion_of(enum opt_kind kind, const char *const *words)
{
    struct completion c = {COMPLETE_NOTHING, words};
    switch (kind) {
    case OPT_FLAG:
        break;
    case OPT_COMMAND:
        c.kind = COMPLETE_COMMAND;
        break;
    case OPT_FILE:
        c.kind = COMPLETE_FILES;
        break;
    case OPT_SPEC:
        c.kind = COMPLETE_FILES;
        c.words = words ? words : spec_extensions;
        break;
    case OPT_DIR:
        c.kind = COMPLETE_DIRS;
        break;
    case OPT_RUN:
        c.kind = COMPLETE_RUNS;
        break;
    case OPT_TEXT:
    case OPT_TEXTS:
    case OPT_COUNT:
    case OPT_DURATION:
    case OPT_CHOICE:
    case OPT_CUSTOM:
        c.kind = words ? COMPLETE_WORDS : COMPLETE_NOTHING;
        break;
    }
    return c;
}

static bool takes_run(const struct cmd *command, size_t i)
{
    const struct arg *arg = &command->args[i];
    return arg->kind == OPT_TEXT && (arg->many || arg->optional) &&
           i + 1 < command->arg_count && command->args[i + 1].kind == OPT_RUN;
}

struct completion completion_of_arg(const struct cmd *command, size_t i)
{
    const struct arg *arg = &command->args[i];
    if (takes_run(command, i))
        return completion_of(OPT_RUN, NULL);
    if (i > 0 && command->args[i - 1].many)
        return completion_of(OPT_FLAG, NULL);
    return completion_of(arg->kind, arg->words);
}

int completion_put_words(const char *const *words, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && words && words[i]; i++)
        rc = buf_printf(out, "%s%s", i ? " " : "", words[i]);
    return rc;
}

const char *completion_name(const struct cmd *command)
{
    const char *space = strchr(command->name, ' ');
    return space ? space + 1 : command->name;
}

int completion_put_names(const struct cmd *const *list, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && list[i]; i++)
        rc = buf_printf(out, "%s%s", i ? " " : "", completion_name(list[i]));
    return rc;
}

int completion_put_quoted(const char *text, const char *special,
                          struct buf *out)
{
    int rc = 0;
    for (; rc == 0 && *text; text++) {
        if (*text == '`')
            continue;
        if (*text == '\'')
            rc = buf_puts(out, "'\\''");
        else if (strchr(special, *text))
            rc = buf_printf(out, "\\%c", *text);
        else
            rc = buf_putc(out, *text);
    }
    return rc;
}

static int each(const struct cmd *const *list,
                int (*put)(const struct cmd *command, struct buf *out),
                struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && list[i]; i++)
        rc = list[i]->topics ? each(list[i]->topics, put, out)
                             : put(list[i], out);
    return rc;
}

int completion_each(int (*put)(const struct cmd *command, struct buf *out),
                    struct buf *out)
{
    return each(cmds, put, out);
}
