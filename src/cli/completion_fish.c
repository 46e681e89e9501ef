/* Completion for fish: a complete command an option. */
#include "config.h"

#include "cli/completion.h"

/* What stands for something else in single quotes. */
#define SPECIAL "\\"

static const char head[] =
    "# Completion of mpibatch for fish, made by `mpibatch show completion "
    "fish`.\n"
    "\n"
    "function __mpibatch_at # WORD...: the line goes on behind them\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    for word in $argv\n"
    "        test \"$words[1]\" = $word; or return 1\n"
    "        set -e words[1]\n"
    "    end\n"
    "end\n"
    "function __mpibatch_next # WORD...: the next word comes right behind them\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) = (math (count $argv) + 1); and __mpibatch_at "
    "$argv\n"
    "end\n"
    "function __mpibatch_files # EXTENSION...: all files, if there is none\n"
    "    set -l word (commandline -ct)\n"
    "    for file in $word*\n"
    "        if test -d $file\n"
    "            echo $file/\n"
    "        else if test (count $argv) = 0\n"
    "            echo $file\n"
    "        else if contains (string replace -r '.*\\.' '' $file) $argv\n"
    "            echo $file\n"
    "        end\n"
    "    end\n"
    "end\n"
    "function __mpibatch_runs # run directories; else what leads to them\n"
    "    set -l word (commandline -ct)\n"
    "    set -l runs $word*/run.yaml\n"
    "    if test (count $runs) = 0\n"
    "        __mpibatch_files yaml yml\n"
    "    else\n"
    "        string replace -r 'run\\.yaml$' '' $runs\n"
    "    end\n"
    "end\n"
    "complete -c mpibatch -f\n"
    "complete -c mpibatch -s h -l help -d 'show help'\n"
    "complete -c mpibatch -n __mpibatch_next -l version -d 'show the "
    "version'\n"
    "complete -c mpibatch -n __mpibatch_next -a help -d 'show help'\n";

/* What stands behind -a. */
static int action_put(struct completion c, struct buf *out)
{
    int rc = 0;
    switch (c.kind) {
    case COMPLETE_NOTHING:
        break;
    case COMPLETE_WORDS:
        rc = buf_puts(out, " -a '");
        if (rc == 0)
            rc = completion_put_words(c.words, out);
        return rc < 0 ? rc : buf_putc(out, '\'');
    case COMPLETE_COMMAND:
        rc = buf_puts(out, " -a '");
        if (rc == 0)
            rc = completion_put_names(cmds, out);
        if (rc == 0)
            rc = buf_putc(out, ' ');
        if (rc == 0)
            rc = completion_put_words(c.words, out);
        return rc < 0 ? rc : buf_putc(out, '\'');
    case COMPLETE_FILES:
        rc = buf_puts(out, " -a '(__mpibatch_files ");
        if (rc == 0)
            rc = completion_put_words(c.words, out);
        return rc < 0 ? rc : buf_puts(out, ")'");
    case COMPLETE_DIRS:
        return buf_puts(out, " -a '(__fish_complete_directories)'");
    case COMPLETE_RUNS:
        return buf_puts(out, " -a '(__mpibatch_runs)'");
    }
    return rc;
}

static int begin_put(const char *condition, const char *words, struct buf *out)
{
    return buf_printf(out, "complete -c mpibatch -n '%s%s%s'", condition,
                      *words ? " " : "", words);
}

static int described_put(const char *meaning, struct buf *out)
{
    if (buf_puts(out, " -d '") < 0 ||
        completion_put_quoted(meaning, SPECIAL, out) < 0)
        return -1;
    return buf_puts(out, "'\n");
}

static int option_put(const struct cmd *command, const struct opt *opt,
                      struct buf *out)
{
    int rc = begin_put("__mpibatch_at", command->name, out);
    if (rc == 0 && opt->letter)
        rc = buf_printf(out, " -s %c", opt->letter);
    if (rc == 0)
        rc = buf_printf(out, " -l %s%s", opt->name,
                        opt->kind == OPT_FLAG ? "" : " -x");
    if (rc == 0)
        rc = action_put(completion_of(opt->kind, opt->words), out);
    return rc < 0 ? rc : described_put(opt->meaning, out);
}

static int cmd_put(const struct cmd *command, struct buf *out)
{
    int rc = 0;
    for (size_t s = 0; s < command->set_count; s++)
        for (size_t i = 0; rc == 0 && i < command->sets[s].count; i++)
            rc = option_put(command, &command->sets[s].opts[i], out);
    for (size_t i = 0; rc == 0 && i < command->arg_count; i++) {
        const struct arg *arg = &command->args[i];
        struct completion c = completion_of_arg(command, i);
        if (c.kind == COMPLETE_NOTHING ||
            (c.kind == COMPLETE_RUNS && arg->kind != OPT_RUN && !arg->many))
            continue; /* the run behind it says so */
        rc = begin_put("__mpibatch_at", command->name, out);
        if (rc == 0)
            rc = action_put(c, out);
        if (rc == 0)
            rc = described_put(
                c.kind == COMPLETE_RUNS ? "run directory" : arg->noun, out);
    }
    return rc;
}

/* The names of commands behind word ("": the program). */
static int names_put(const struct cmd *const *list, const char *word,
                     struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && list[i]; i++) {
        rc = begin_put("__mpibatch_next", word, out);
        if (rc == 0)
            rc = buf_printf(out, " -a %s", completion_name(list[i]));
        if (rc == 0)
            rc = described_put(list[i]->summary, out);
    }
    return rc;
}

int completion_put_fish(struct buf *out)
{
    int rc = buf_puts(out, head);
    if (rc == 0)
        rc = names_put(cmds, "", out);
    if (rc == 0)
        rc = names_put(cmds, "help", out);
    for (size_t i = 0; rc == 0 && cmds[i]; i++)
        if (cmds[i]->topics)
            rc = names_put(cmds[i]->topics, cmds[i]->name, out);
    return rc < 0 ? rc : completion_each(cmd_put, out);
}
