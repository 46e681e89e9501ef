/* Completion for zsh: _arguments with a specification an option. */
#include "config.h"

#include "cli/completion.h"

/* What stands for something else in a specification of _arguments. */
#define SPECIAL "[]:\\"

static const char head[] =
    "#compdef mpibatch\n"
    "# Completion of mpibatch for zsh, made by `mpibatch show completion "
    "zsh`.\n"
    "\n"
    "_mpibatch_runs() {\n"
    "    _alternative 'runs:run directory:_files -/' \\\n"
    "        'specs:job spec:_files -g \"*.(yaml|yml)\"'\n"
    "}\n";

static const char middle[] =
    "_mpibatch() {\n"
    "    local curcontext=$curcontext state line\n"
    "    typeset -A opt_args\n"
    "    _arguments -C '(- *)'{-h,--help}'[show help]' \\\n"
    "        '(- *)--version[show the version]' \\\n"
    "        '1:command:_mpibatch_commands' '*::: :->command'\n"
    "    [[ $state = command ]] || return\n"
    "    words=($line[1] $words)\n"
    "    (( CURRENT += 1 ))\n"
    "    curcontext=${curcontext%:*:*}:mpibatch-$line[1]:\n"
    "    case $line[1] in\n";

static int action_put(struct completion c, struct buf *out)
{
    switch (c.kind) {
    case COMPLETE_NOTHING:
        return buf_putc(out, ' ');
    case COMPLETE_WORDS:
        if (buf_putc(out, '(') < 0 || completion_put_words(c.words, out) < 0)
            return -1;
        return buf_putc(out, ')');
    case COMPLETE_COMMAND:
        if (buf_putc(out, '(') < 0 || completion_put_names(cmds, out) < 0 ||
            buf_putc(out, ' ') < 0 || completion_put_words(c.words, out) < 0)
            return -1;
        return buf_putc(out, ')');
    case COMPLETE_FILES:
        if (!c.words)
            return buf_puts(out, "_files");
        if (buf_puts(out, "_files -g \"*.(") < 0)
            return -1;
        for (size_t i = 0; c.words[i]; i++)
            if (buf_printf(out, "%s%s", i ? "|" : "", c.words[i]) < 0)
                return -1;
        return buf_puts(out, ")\"");
    case COMPLETE_DIRS:
        return buf_puts(out, "_files -/");
    case COMPLETE_RUNS:
        return buf_puts(out, "_mpibatch_runs");
    }
    return 0;
}

/* '(-o --output)'{-o,--output=}'[the run directory]:DIR:_files -/' */
static int option_put(const struct opt *opt, struct buf *out)
{
    const char *equals = opt->kind == OPT_FLAG ? "" : "=";
    const char *many = opt->kind == OPT_TEXTS ? "*" : "";
    int rc;
    if (opt->letter && *many)
        rc = buf_printf(out, " \\\n            '*'{-%c,--%s%s}'[", opt->letter,
                        opt->name, equals);
    else if (opt->letter)
        rc = buf_printf(out, " \\\n            '(-%c --%s)'{-%c,--%s%s}'[",
                        opt->letter, opt->name, opt->letter, opt->name, equals);
    else
        rc = buf_printf(out, " \\\n            '%s--%s%s[", many, opt->name,
                        equals);
    if (rc == 0)
        rc = completion_put_quoted(opt->meaning, SPECIAL, out);
    if (rc == 0)
        rc = buf_putc(out, ']');
    if (rc == 0 && *equals)
        rc = buf_printf(out, ":%s:", opt->value ? opt->value : "VALUE");
    if (rc == 0 && *equals)
        rc = action_put(completion_of(opt->kind, opt->words), out);
    return rc < 0 ? rc : buf_putc(out, '\'');
}

static int arg_put(const struct cmd *command, size_t i, struct buf *out)
{
    const struct arg *arg = &command->args[i];
    if (i > 0 && command->args[i - 1].many)
        return 0;
    const char *place = arg->many ? "*:" : arg->optional ? "::" : ":";
    int rc = buf_printf(out, " \\\n            '%s%s:", place, arg->noun);
    if (rc == 0)
        rc = action_put(completion_of_arg(command, i), out);
    return rc < 0 ? rc : buf_putc(out, '\'');
}

static int cmd_put(const struct cmd *command, struct buf *out)
{
    int rc = buf_printf(out,
                        "    %s)\n        _arguments -s "
                        "'(- *)'{-h,--help}'[show help]'",
                        completion_name(command));
    for (size_t s = 0; s < command->set_count; s++)
        for (size_t i = 0; rc == 0 && i < command->sets[s].count; i++)
            rc = option_put(&command->sets[s].opts[i], out);
    for (size_t i = 0; rc == 0 && i < command->arg_count; i++)
        rc = arg_put(command, i, out);
    return rc < 0 ? rc : buf_puts(out, " ;;\n");
}

/* " 'run:run a job spec'", for _describe. */
static int described_put(const struct cmd *const *list, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && list[i]; i++) {
        rc = buf_printf(out, "\n        '%s:", completion_name(list[i]));
        if (rc == 0)
            rc = completion_put_quoted(list[i]->summary, SPECIAL, out);
        if (rc == 0)
            rc = buf_putc(out, '\'');
    }
    return rc;
}

/* A command with topics: its own function, which picks among them. */
static int topics_put(const struct cmd *command, struct buf *out)
{
    int rc = buf_printf(out,
                        "_mpibatch_%s() {\n"
                        "    local line state\n"
                        "    local -a topics=(",
                        command->name);
    if (rc == 0)
        rc = described_put(command->topics, out);
    if (rc == 0)
        rc = buf_puts(out, ")\n    if (( CURRENT == 2 )); then\n"
                           "        _describe topic topics\n        return\n"
                           "    fi\n    shift words\n    (( CURRENT -= 1 ))\n"
                           "    case $words[1] in\n");
    for (size_t i = 0; rc == 0 && command->topics[i]; i++)
        rc = cmd_put(command->topics[i], out);
    return rc < 0 ? rc : buf_puts(out, "    esac\n}\n");
}

int completion_put_zsh(struct buf *out)
{
    int rc = buf_puts(out, head);
    if (rc == 0)
        rc = buf_puts(out, "_mpibatch_commands() {\n"
                           "    local -a commands=(");
    if (rc == 0)
        rc = described_put(cmds, out);
    if (rc == 0)
        rc = buf_puts(out, "\n        'help:show help')\n"
                           "    _describe command commands\n}\n");
    for (size_t i = 0; rc == 0 && cmds[i]; i++)
        if (cmds[i]->topics)
            rc = topics_put(cmds[i], out);
    if (rc == 0)
        rc = buf_puts(out, middle);
    for (size_t i = 0; rc == 0 && cmds[i]; i++)
        rc = cmds[i]->topics ? buf_printf(out, "    %s) _mpibatch_%s ;;\n",
                                          cmds[i]->name, cmds[i]->name)
                             : cmd_put(cmds[i], out);
    if (rc == 0)
        rc = buf_puts(out, "    help) _arguments '1:command:_mpibatch_commands'"
                           " ;;\n    esac\n}\n_mpibatch \"$@\"\n");
    return rc;
}
