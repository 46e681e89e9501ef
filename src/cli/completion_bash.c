/* Completion for bash: fixed functions, and a case a command with its options
 * and its arguments. */
#include "config.h"

#include "cli/completion.h"

static const char head[] =
    "# Completion of mpibatch for bash, made by `mpibatch show completion "
    "bash`.\n"
    "\n"
    "_mpibatch_words() { # WORDS\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
    "}\n"
    "_mpibatch_dirs() {\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "}\n"
    "_mpibatch_files() { # EXTENSION...: all files, if there is none\n"
    "    local extension\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(\n"
    "        if [ $# = 0 ]; then compgen -f -- \"$cur\"; return; fi\n"
    "        compgen -d -- \"$cur\"\n"
    "        for extension; do compgen -f -X \"!*.$extension\" -- \"$cur\"; done "
    "| sort -u)\n"
    "}\n"
    "_mpibatch_runs() { # run directories; where there are none, what leads to "
    "them\n"
    "    local dir runs=()\n"
    "    _mpibatch_files yaml yml\n"
    "    for dir in \"${COMPREPLY[@]}\"; do\n"
    "        if [ -e \"$dir/run.yaml\" ]; then runs+=(\"$dir\"); fi\n"
    "    done\n"
    "    if [ ${#runs[@]} != 0 ]; then COMPREPLY=(\"${runs[@]}\"); fi\n"
    "}\n";

static const char tail[] =
    "_mpibatch() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - "
    "1]}\n"
    "    local command='' at=0 word i options='' valued='' topics=''\n"
    "    COMPREPLY=()\n"
    "    if [ \"$cur\" = = ]; then cur=''\n"
    "    elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ \" $valued \" == *\" $word \"* ]]; then\n"
    "            if [ \"${COMP_WORDS[i + 1]-}\" = = ]; then i=$((i + 1)); fi\n"
    "            i=$((i + 1))\n"
    "        elif [[ $word == -* ]]; then :\n"
    "        elif [ -z \"$command\" ]; then\n"
    "            command=$word\n"
    "            _mpibatch_table \"$command\"\n"
    "        elif [ -n \"$topics\" ]; then\n"
    "            command=\"$command $word\" topics=''\n"
    "            _mpibatch_table \"$command\"\n"
    "        else at=$((at + 1))\n"
    "        fi\n"
    "    done\n"
    "    if [ -z \"$command\" ]; then\n"
    "        _mpibatch_words \"$_mpibatch_commands help --help --version\"\n"
    "    elif [[ \" $valued \" == *\" $prev \"* ]]; then\n"
    "        _mpibatch_value \"$command $prev\"\n"
    "    elif [[ $cur == -* ]]; then _mpibatch_words \"$options --help\"\n"
    "    elif [ -n \"$topics\" ]; then _mpibatch_words \"$topics\"\n"
    "    else _mpibatch_argument \"$command\" \"$at\"\n"
    "    fi\n"
    "}\n"
    "complete -F _mpibatch mpibatch\n";

static int action_put(struct completion c, struct buf *out)
{
    switch (c.kind) {
    case COMPLETE_NOTHING:
        return buf_puts(out, ":");
    case COMPLETE_WORDS:
        if (buf_puts(out, "_mpibatch_words '") < 0 ||
            completion_put_words(c.words, out) < 0)
            return -1;
        return buf_putc(out, '\'');
    case COMPLETE_COMMAND:
        if (buf_puts(out, "_mpibatch_words \"$_mpibatch_commands ") < 0 ||
            completion_put_words(c.words, out) < 0)
            return -1;
        return buf_putc(out, '"');
    case COMPLETE_FILES:
        if (buf_puts(out, "_mpibatch_files ") < 0)
            return -1;
        return completion_put_words(c.words, out);
    case COMPLETE_DIRS:
        return buf_puts(out, "_mpibatch_dirs");
    case COMPLETE_RUNS:
        return buf_puts(out, "_mpibatch_runs");
    }
    return 0;
}

/* "-o --output ", of all options or those with a value. */
static int options_put(const struct cmd *command, bool valued, struct buf *out)
{
    int rc = 0;
    for (size_t s = 0; s < command->set_count; s++)
        for (size_t i = 0; rc == 0 && i < command->sets[s].count; i++) {
            const struct opt *opt = &command->sets[s].opts[i];
            if (valued && opt->kind == OPT_FLAG)
                continue;
            if (opt->letter && valued)
                rc = buf_printf(out, "-%c ", opt->letter);
            if (rc == 0)
                rc = buf_printf(out, "--%s ", opt->name);
        }
    return rc;
}

static int table_put(const struct cmd *command, struct buf *out)
{
    if (buf_printf(out, "    '%s')\n        options='", command->name) < 0 ||
        options_put(command, false, out) < 0 ||
        buf_puts(out, "'\n        valued='") < 0 ||
        options_put(command, true, out) < 0)
        return -1;
    return buf_puts(out, "' ;;\n");
}

static int topics_put(const struct cmd *command, struct buf *out)
{
    if (buf_printf(out, "    '%s')\n        topics='", command->name) < 0 ||
        completion_put_names(command->topics, out) < 0)
        return -1;
    return buf_puts(out, "' ;;\n");
}

static int values_put(const struct cmd *command, struct buf *out)
{
    int rc = 0;
    for (size_t s = 0; s < command->set_count; s++)
        for (size_t i = 0; rc == 0 && i < command->sets[s].count; i++) {
            const struct opt *opt = &command->sets[s].opts[i];
            struct completion c = completion_of(opt->kind, opt->words);
            if (c.kind == COMPLETE_NOTHING)
                continue;
            rc = buf_puts(out, "    ");
            if (rc == 0 && opt->letter)
                rc = buf_printf(out, "'%s -%c' | ", command->name, opt->letter);
            if (rc == 0)
                rc = buf_printf(out, "'%s --%s') ", command->name, opt->name);
            if (rc == 0)
                rc = action_put(c, out);
            if (rc == 0)
                rc = buf_puts(out, " ;;\n");
        }
    return rc;
}

static int args_put(const struct cmd *command, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < command->arg_count; i++) {
        const struct arg *arg = &command->args[i];
        struct completion c = completion_of_arg(command, i);
        if (c.kind == COMPLETE_NOTHING)
            continue;
        rc = arg->many ? buf_printf(out, "    '%s '*) ", command->name)
                       : buf_printf(out, "    '%s %zu') ", command->name, i);
        if (rc == 0)
            rc = action_put(c, out);
        if (rc == 0)
            rc = buf_puts(out, " ;;\n");
    }
    return rc;
}

int completion_put_bash(struct buf *out)
{
    if (buf_puts(out, head) < 0 || buf_puts(out, "_mpibatch_commands='") < 0 ||
        completion_put_names(cmds, out) < 0 ||
        buf_puts(out, "'\n_mpibatch_table() { # COMMAND\n"
                      "    case $1 in\n") < 0 ||
        completion_each(table_put, out) < 0)
        return -1;
    for (size_t i = 0; cmds[i]; i++)
        if (cmds[i]->topics && topics_put(cmds[i], out) < 0)
            return -1;
    if (buf_puts(out, "    esac\n}\n_mpibatch_value() { # COMMAND OPTION\n"
                      "    case $1 in\n") < 0 ||
        completion_each(values_put, out) < 0 ||
        buf_puts(out, "    esac\n}\n_mpibatch_argument() { # COMMAND PLACE\n"
                      "    case \"$1 $2\" in\n"
                      "    'help 0') _mpibatch_words \"$_mpibatch_commands\" "
                      ";;\n") < 0 ||
        completion_each(args_put, out) < 0)
        return -1;
    return buf_puts(out, "    esac\n}\n") < 0 ? -1 : buf_puts(out, tail);
}
