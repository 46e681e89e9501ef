/* The texts of --help: see help.h. */
#include "config.h"
#include "cli/help.h"

#include <stdarg.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/parse.h"

/* Where meanings stand, on a screen of the usual width and on a narrow one. */
enum {
    COLUMN = 24,
    COLUMN_NARROW = 8,
    NARROW = 60,
    OPTION_BYTES = 4096,
    LEFT_BYTES = 256
};

static const struct opt help_opt = {
    .name = "help", .letter = 'h', .kind = OPT_FLAG, .meaning = "show this"};

const struct cmd_exit exits_usual[EXITS_USUAL] = {
    {0, "shown"},
    {1, "it cannot be read or written"},
    {2, "wrong usage, or no such run"},
};

/* One line of a text, wrapped. */
static int line_put(const char *text, size_t len, unsigned at, unsigned indent,
                    unsigned width, struct buf *out)
{
    const char *end = text + len;
    bool begins = true;
    int rc = 0;
    if (*text == ' ')
        return buf_put(out, text, len);
    while (rc == 0 && text < end) {
        size_t word = strcspn(text, " \n");
        if (!begins && at + 1 + word > width) {
            rc = buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!begins) {
            rc = buf_putc(out, ' ');
            at++;
        }
        if (rc == 0)
            rc = buf_put(out, text, word);
        at += (unsigned)word;
        begins = false;
        text += word + (text + word < end);
    }
    return rc;
}

int help_put_wrapped(const char *text, unsigned at, unsigned indent,
                     unsigned width, struct buf *out)
{
    for (;;) {
        size_t len = strcspn(text, "\n");
        if (line_put(text, len, at, indent, width, out) < 0 ||
            buf_putc(out, '\n') < 0)
            return -1;
        text += len;
        if (!*text || !*++text)
            return 0;
        if (*text != '\n' && buf_printf(out, "%*s", (int)indent, "") < 0)
            return -1;
        at = indent;
    }
}

/* left, and its meaning in the right column. */
static int row_put(const char *left, const char *meaning, unsigned column,
                   unsigned width, struct buf *out)
{
    size_t len = strlen(left);
    if (width < NARROW && column > COLUMN_NARROW)
        column = COLUMN_NARROW;
    int rc = len + 2 <= column
                 ? buf_printf(out, "%-*s", (int)column, left)
                 : buf_printf(out, "%s\n%*s", left, (int)column, "");
    return rc < 0 ? rc : help_put_wrapped(meaning, column, column, width, out);
}

/* Append another note on an option: " (this; that". */
__attribute__((format(printf, 3, 4))) static int note_put(struct buf *out,
                                                          unsigned *notes,
                                                          const char *fmt, ...)
{
    va_list ap;
    int rc = buf_puts(out, (*notes)++ ? "; " : " (");
    va_start(ap, fmt);
    if (rc == 0)
        rc = buf_vprintf(out, fmt, ap);
    va_end(ap);
    return rc;
}

int help_put_option(const struct opt *opt, struct buf *out)
{
    unsigned notes = 0;
    struct buf words;
    int rc = buf_puts(out, opt->meaning);
    buf_init(&words, OPTION_BYTES);
    if (opt->kind == OPT_CHOICE || opt->kind == OPT_DURATION) {
        if (rc == 0)
            rc = parse_describe(opt, &words);
        if (rc == 0)
            rc = note_put(out, &notes, "%s", buf_text(&words));
    }
    if (rc == 0 && (opt->fallback || opt->otherwise))
        rc = note_put(out, &notes, "default: %s",
                      opt->fallback ? opt->fallback : opt->otherwise);
    if (rc == 0 && opt->excludes)
        rc = note_put(out, &notes, "not with --%s", opt->excludes);
    if (rc == 0 && opt->kind == OPT_TEXTS)
        rc = note_put(out, &notes, "may be given more than once");
    buf_fini(&words);
    return rc == 0 && notes ? buf_putc(out, ')') : rc;
}

static int option_put(const struct opt *opt, unsigned width, struct buf *out)
{
    char left[LEFT_BYTES], letter[] = {'-', opt->letter, ',', '\0'};
    struct buf text;
    snprintf(left, sizeof(left), "  %3s --%s%s%s", opt->letter ? letter : "",
             opt->name, opt->value ? " " : "", opt->value ? opt->value : "");
    buf_init(&text, OPTION_BYTES);
    int rc = help_put_option(opt, &text);
    if (rc == 0)
        rc = row_put(left, buf_text(&text), COLUMN, width, out);
    buf_fini(&text);
    return rc;
}

static int options_put(const struct cmd *c, unsigned width, struct buf *out)
{
    int rc = buf_puts(out, "\nOptions:\n");
    for (size_t s = 0; s < c->set_count; s++)
        for (size_t i = 0; rc == 0 && i < c->sets[s].count; i++)
            rc = option_put(&c->sets[s].opts[i], width, out);
    return rc < 0 ? rc : option_put(&help_opt, width, out);
}

static int args_put(const struct cmd *c, unsigned width, struct buf *out)
{
    char left[LEFT_BYTES];
    int rc = c->arg_count ? buf_puts(out, "\nArguments:\n") : 0;
    for (size_t i = 0; rc == 0 && i < c->arg_count; i++) {
        snprintf(left, sizeof(left), "  %s", c->args[i].name);
        rc = row_put(left, c->args[i].meaning, COLUMN, width, out);
    }
    return rc;
}

static int ends_put(const struct cmd *c, unsigned width, struct buf *out)
{
    const struct cmd_exit *exits = c->exits ? c->exits : exits_usual;
    size_t count = c->exits ? c->exit_count : EXITS_USUAL;
    char left[LEFT_BYTES];
    int rc = c->example_count ? buf_puts(out, "\nExamples:\n") : 0;
    for (size_t i = 0; rc == 0 && i < c->example_count; i++) {
        rc = buf_printf(out, "  %s\n        ", c->examples[i].line);
        if (rc == 0)
            rc = help_put_wrapped(c->examples[i].what, 8, 8, width, out);
    }
    if (rc == 0)
        rc = buf_puts(out, "\nExit codes:\n");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        snprintf(left, sizeof(left), "  %d", exits[i].code);
        rc = row_put(left, exits[i].meaning, 5, width, out);
    }
    return rc;
}

int help_put_synopsis(const struct cmd *c, struct buf *out)
{
    int rc = buf_puts(out, "[OPTION]...");
    for (size_t i = 0; rc == 0 && i < c->arg_count; i++)
        rc = buf_printf(out, " %s%s%s%s", c->args[i].optional ? "[" : "",
                        c->args[i].name, c->args[i].optional ? "]" : "",
                        c->args[i].many ? "..." : "");
    return rc;
}

static int list_put(const struct cmd *const *list, unsigned width,
                    struct buf *out)
{
    char left[LEFT_BYTES];
    int rc = 0;
    for (size_t i = 0; rc == 0 && list[i]; i++) {
        snprintf(left, sizeof(left), "  %s", list[i]->name);
        rc = row_put(left, list[i]->summary, 20, width, out);
    }
    return rc;
}

static int topics_put(const struct cmd *c, unsigned width, struct buf *out)
{
    char noun[16], more[96];
    snprintf(noun, sizeof(noun), "%s", c->noun ? c->noun : "topic");
    for (char *s = noun; *s; s++)
        *s = (char)toupper((unsigned char)*s);
    if (buf_printf(out, "Usage: mpibatch %s %s [OPTION]... [ARGUMENT]...\n",
                   c->name, noun) < 0 ||
        help_put_wrapped(c->description, 0, 0, width, out) < 0 ||
        buf_printf(out, "\n%c%ss:\n", noun[0], c->noun ? c->noun + 1 : "opic") <
            0 ||
        list_put(c->topics, width, out) < 0)
        return -1;
    snprintf(more, sizeof(more), "`mpibatch %s %s --help` tells more.", c->name,
             noun);
    if (buf_putc(out, '\n') < 0)
        return -1;
    return help_put_wrapped(more, 0, 0, width, out);
}

static int program_put(unsigned width, struct buf *out)
{
    if (buf_puts(out, "Usage: mpibatch COMMAND [OPTION]... [ARGUMENT]...\n") <
            0 ||
        help_put_wrapped("Run many tasks inside one MPI job or Slurm "
                         "allocation, or on this machine; results in one "
                         "HDF5 file.",
                         0, 0, width, out) < 0 ||
        buf_puts(out, "\nCommands:\n") < 0 || list_put(cmds, width, out) < 0)
        return -1;
    return buf_puts(out, "\n`mpibatch COMMAND --help` tells more.\n");
}

int help_put(const struct cmd *c, unsigned width, struct buf *out)
{
    if (!c)
        return program_put(width, out);
    if (c->topics)
        return topics_put(c, width, out);
    int rc = buf_printf(out, "Usage: mpibatch %s ", c->name);
    if (rc == 0)
        rc = help_put_synopsis(c, out);
    if (rc == 0)
        rc = buf_putc(out, '\n');
    if (rc == 0)
        rc = help_put_wrapped(c->description, 0, 0, width, out);
    if (rc == 0)
        rc = args_put(c, width, out);
    if (rc == 0)
        rc = options_put(c, width, out);
    return rc < 0 ? rc : ends_put(c, width, out);
}
