/* The man pages of the program and its commands: see man.h. */
#include "config.h"
#include "cli/man.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/help.h"

enum { TEXT_BYTES = 1 << 16, NAME_BYTES = 128, LINE_BYTES = 68 };

static const char program_description[] =
    "Run many independent programs, such as all points of a parameter sweep, "
    "inside one MPI job or Slurm allocation, or on one machine. A YAML file, "
    "the job spec, describes them: mpibatch-jobspec(5). All that a run knows "
    "is in its run directory; what its tasks give comes back as one HDF5 file "
    "there, results.h5, with the sweep as an N-dimensional array.";

static const struct {
    const char *name, *meaning;
} variables[] = {
    {"NO_COLOR", "If it is set, and not empty, there are no colours"},
    {"CLICOLOR_FORCE", "If it is not 0, there are colours without a terminal, "
                       "too"},
    {"TERM", "On a terminal that is dumb nothing is drawn over, and there are "
             "no colours"},
    {"PAGER", "Shows what does not fit on the screen; less, if it is not set"},
    {"MPIBATCH_CGROUP",
     "A folder of control groups (version 2) that is ours to "
     "divide: memory limits of tasks are kept there. If it "
     "is not set, the one that we are in, if systemd has "
     "delegated it"},
    {"MPIBATCH_JOB_ID", "The job of a task: set for tasks, as all that follow"},
    {"MPIBATCH_TASK_ID", "The id of a task"},
    {"MPIBATCH_TASK_INDEX", "Its number in its job, from 0"},
    {"MPIBATCH_TASK_ATTEMPT", "1, 2, ...: more than one after a retry"},
    {"MPIBATCH_RUN_DIR", "The run directory"},
    {"MPIBATCH_SLOT", "The task's first slot"},
    {"MPIBATCH_SLOTS", "How many slots it has"},
    {"MPIBATCH_GPUS", "The numbers of its GPUs on its node, if its job spec "
                      "speaks of GPUs"},
    {"MPIBATCH_GPU_SHARE", "Of a part of a GPU: how much it is, such as 0.5"},
    {"MPIBATCH_MEMORY_BYTES", "Its memory limit, if it has one"},
    {"MPIBATCH_LINE", "Of a file of command lines: the number of its line"},
};

static const struct {
    const char *name, *meaning;
} files[] = {
    {"run.yaml", "The spec as it was, versions, where it came from"},
    {"tables/", "Copies of the files that the spec reads"},
    {"journal/", "What has happened: the truth, a file a session"},
    {"output/",
     "What the tasks printed, and small files that they returned, packed"},
    {"files/", "Outputs and returned files that are too large for that"},
    {"inbox/", "What is asked of the session while it runs"},
    {"status.json", "A snapshot, once a second"},
    {"results.h5", "The results, made from the journal: mpibatch-results(5)"},
};

/* Append one character, what is special to roff escaped. */
static int char_put(char c, bool first, struct buf *out)
{
    if (c == '\\')
        return buf_puts(out, "\\e");
    if (c == '-')
        return buf_puts(out, "\\-");
    if (first && (c == '.' || c == '\''))
        return buf_printf(out, "\\&%c", c);
    return buf_putc(out, c);
}

/* Append text: `literal` parts in bold; a new line for each sentence, and
 * where one gets long. */
static int text_put(const char *s, struct buf *out)
{
    bool bold = false;
    size_t column = 0;
    char last = ' ';
    int rc = 0;
    for (; rc == 0 && *s; last = *s++) {
        bool ends = *s == ' ' &&
                    (last == '.' || column + strcspn(s + 1, " ") > LINE_BYTES);
        if (ends)
            rc = buf_putc(out, '\n');
        else if (*s == '`')
            rc = buf_puts(out, (bold = !bold) ? "\\fB" : "\\fR");
        else
            rc = char_put(*s, column == 0, out);
        column = ends ? 0 : column + 1;
    }
    return rc;
}

/* A sentence that lacks its capital and its full stop, as lines of its own. */
static int sentence_put(const char *text, struct buf *out)
{
    char *copy = mem_strdup(text);
    if (!copy)
        return -1;
    copy[0] = (char)toupper((unsigned char)copy[0]);
    int rc = text_put(copy, out) < 0 ? -1 : buf_puts(out, ".\n");
    mem_free(copy);
    return rc;
}

/* Paragraphs, with lines that stand as they are. */
static int paragraphs_put(const char *text, struct buf *out)
{
    char line[4096];
    bool literal = false;
    int rc = 0;
    while (rc == 0 && *text) {
        size_t len = strcspn(text, "\n");
        bool as_is = *text == ' ';
        size_t skip = as_is ? strspn(text, " ") : 0;
        snprintf(line, sizeof(line), "%.*s", (int)(len - skip), text + skip);
        if (as_is != literal)
            rc = buf_puts(out,
                          as_is ? ".Bd -literal -offset indent\n" : ".Ed\n");
        literal = as_is;
        if (rc == 0 && len == 0)
            rc = buf_puts(out, ".Pp\n");
        else if (rc == 0)
            rc = text_put(line, out) < 0 ? -1 : buf_putc(out, '\n');
        text += len + (text[len] == '\n');
    }
    return rc == 0 && literal ? buf_puts(out, ".Ed\n") : rc;
}

static int head_put(const char *title, const char *name, const char *summary,
                    struct buf *out)
{
    char upper[NAME_BYTES];
    size_t i = 0;
    for (; title[i] && i + 1 < sizeof(upper); i++)
        upper[i] = (char)toupper((unsigned char)title[i]);
    upper[i] = '\0';
    if (buf_printf(out,
                   ".Dd November 23, 2026\n.Dt %s 1\n.Os mpibatch\n"
                   ".Sh NAME\n.Nm %s\n.Nd ",
                   upper, name) < 0 ||
        text_put(summary, out) < 0)
        return -1;
    return buf_puts(out, "\n.Sh SYNOPSIS\n");
}

static int synopsis_put(const struct cmd *c, struct buf *out)
{
    int rc = buf_printf(out, ".Nm mpibatch %s\n.Op Ar option ...\n", c->name);
    for (size_t i = 0; rc == 0 && i < c->arg_count; i++)
        rc =
            buf_printf(out, ".%s%s%s\n", c->args[i].optional ? "Op Ar " : "Ar ",
                       c->args[i].name, c->args[i].many ? " ..." : "");
    return rc;
}

static int option_put(const struct opt *opt, struct buf *out)
{
    struct buf text;
    int rc = buf_puts(out, ".It ");
    if (rc == 0 && opt->letter)
        rc = buf_printf(out, "Fl %c%s%s , ", opt->letter,
                        opt->value ? " Ar " : "", opt->value ? opt->value : "");
    if (rc == 0)
        rc = buf_printf(out, "Fl -%s%s%s\n", opt->name,
                        opt->value ? " Ar " : "", opt->value ? opt->value : "");
    buf_init(&text, TEXT_BYTES);
    if (rc == 0)
        rc = help_put_option(opt, &text);
    if (rc == 0)
        rc = sentence_put(buf_text(&text), out);
    buf_fini(&text);
    return rc;
}

/* Arguments and options, as one list. */
static int options_put(const struct cmd *c, struct buf *out)
{
    static const struct opt help = {
        .name = "help", .letter = 'h', .meaning = "show a summary of this"};
    int rc = buf_puts(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; rc == 0 && i < c->arg_count; i++) {
        rc = buf_printf(out, ".It Ar %s\n", c->args[i].name);
        if (rc == 0)
            rc = sentence_put(c->args[i].meaning, out);
    }
    for (size_t s = 0; s < c->set_count; s++)
        for (size_t i = 0; rc == 0 && i < c->sets[s].count; i++)
            rc = option_put(&c->sets[s].opts[i], out);
    if (rc == 0)
        rc = option_put(&help, out);
    return rc < 0 ? rc : buf_puts(out, ".El\n");
}

static int exits_put(const struct cmd *c, struct buf *out)
{
    const struct cmd_exit *exits = c->exits ? c->exits : exits_usual;
    size_t count = c->exits ? c->exit_count : EXITS_USUAL;
    int rc = buf_puts(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = buf_printf(out, ".It %d\n", exits[i].code);
        if (rc == 0)
            rc = sentence_put(exits[i].meaning, out);
    }
    return rc < 0 ? rc : buf_puts(out, ".El\n");
}

/* Append the arguments of a macro, which would lose their quotes. */
static int arguments_put(const char *s, struct buf *out)
{
    int rc = 0;
    for (bool first = true; rc == 0 && *s; s++, first = false)
        rc = *s == '"' ? buf_puts(out, "\\(dq") : char_put(*s, first, out);
    return rc;
}

static int example_put(const char *line, const char *what, struct buf *out)
{
    return sentence_put(what, out) < 0 || buf_puts(out, ".Dl ") < 0 ||
                   arguments_put(line, out) < 0
               ? -1
               : buf_puts(out, "\n.Pp\n");
}

static int examples_put(const struct cmd *c, struct buf *out)
{
    int rc = c->example_count ? buf_puts(out, ".Sh EXAMPLES\n") : 0;
    for (size_t i = 0; rc == 0 && i < c->example_count; i++)
        rc = example_put(c->examples[i].line, c->examples[i].what, out);
    if (rc == 0 && c->example_count)
        buf_truncate(out, out->len - strlen(".Pp\n"));
    return rc;
}

static int see_also_put(struct buf *out)
{
    return buf_puts(out, ".Sh SEE ALSO\n.Xr mpibatch 1 ,\n"
                         ".Xr mpibatch-jobspec 5 ,\n.Xr mpibatch-results 5\n");
}

static int cmd_put(const struct cmd *c, struct buf *out)
{
    if (synopsis_put(c, out) < 0 || buf_puts(out, ".Sh DESCRIPTION\n") < 0 ||
        paragraphs_put(c->description, out) < 0 ||
        buf_puts(out, ".Sh OPTIONS\n") < 0 || options_put(c, out) < 0 ||
        exits_put(c, out) < 0 || examples_put(c, out) < 0)
        return -1;
    return see_also_put(out);
}

static int topics_put(const struct cmd *c, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && c->topics[i]; i++)
        rc = synopsis_put(c->topics[i], out);
    if (rc == 0)
        rc = buf_puts(out, ".Sh DESCRIPTION\n");
    if (rc == 0)
        rc = paragraphs_put(c->description, out);
    for (size_t i = 0; rc == 0 && c->topics[i]; i++) {
        rc = buf_printf(out, ".Ss mpibatch %s\n", c->topics[i]->name);
        if (rc == 0)
            rc = paragraphs_put(c->topics[i]->description, out);
        if (rc == 0)
            rc = options_put(c->topics[i], out);
    }
    if (rc == 0)
        rc = exits_put(c, out);
    return rc < 0 ? rc : see_also_put(out);
}

static int program_put(struct buf *out)
{
    int rc = buf_puts(out, ".Nm mpibatch\n.Ar command\n.Op Ar option ...\n"
                           ".Op Ar argument ...\n.Sh DESCRIPTION\n");
    if (rc == 0)
        rc = paragraphs_put(program_description, out);
    if (rc == 0)
        rc = buf_puts(out, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; rc == 0 && cmds[i]; i++) {
        rc = buf_printf(out, ".It Xr mpibatch-%s 1\n", cmds[i]->name);
        if (rc == 0)
            rc = sentence_put(cmds[i]->summary, out);
    }
    if (rc == 0)
        rc = buf_puts(out, ".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n");
    for (size_t i = 0; rc == 0 && i < sizeof(variables) / sizeof(variables[0]);
         i++) {
        rc = buf_printf(out, ".It Ev %s\n", variables[i].name);
        if (rc == 0)
            rc = sentence_put(variables[i].meaning, out);
    }
    if (rc == 0)
        rc = buf_puts(out, ".El\n.Sh FILES\nOf a run directory:\n"
                           ".Bl -tag -width Ds\n");
    for (size_t i = 0; rc == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
        rc = buf_printf(out, ".It Pa %s\n", files[i].name);
        if (rc == 0)
            rc = sentence_put(files[i].meaning, out);
    }
    if (rc == 0)
        rc = buf_puts(out, ".El\n");
    if (rc == 0)
        rc = exits_put(&cmd_run, out);
    if (rc == 0)
        rc = examples_put(&cmd_launch, out);
    return rc < 0
               ? rc
               : buf_puts(out,
                          ".Sh SEE ALSO\n.Xr mpirun 1 ,\n"
                          ".Xr mpibatch-jobspec 5 ,\n.Xr mpibatch-results 5\n");
}

int man_put(const struct cmd *c, struct buf *out)
{
    char name[NAME_BYTES];
    if (!c)
        return head_put("mpibatch", "mpibatch",
                        "run many tasks inside one MPI job", out) < 0
                   ? -1
                   : program_put(out);
    snprintf(name, sizeof(name), "mpibatch-%s", c->name);
    if (head_put(name, name, c->summary, out) < 0)
        return -1;
    return c->topics ? topics_put(c, out) : cmd_put(c, out);
}
