/* Command lines by the table: see parse.h. */
#include "config.h"
#include "cli/parse.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "cli/rundir_arg.h"

enum {
    OPTS_MAX = 64,
    HELP_VALUE = 1,  /* what getopt_long returns for --help */
    OPT_VALUE = 256, /* and for the first of the rows */
    WHAT_BYTES = 1024
};

/* The rows of a command, flat, and what was given. */
struct parse {
    const struct cmd *command;
    unsigned char *values;
    struct {
        const struct opt *opt;
        const struct opt_set *set;
        bool given;
    } rows[OPTS_MAX];
    unsigned count;
    struct option options[OPTS_MAX + 2];
    char letters[2 * OPTS_MAX + 3];
};

static bool has_value(const struct opt *opt)
{
    return opt->kind != OPT_FLAG;
}

static void rows_collect(struct parse *p)
{
    size_t at = 0;
    p->letters[at++] = ':';
    p->letters[at++] = 'h';
    for (size_t s = 0; s < p->command->set_count; s++) {
        const struct opt_set *set = &p->command->sets[s];
        for (size_t i = 0; i < set->count && p->count < OPTS_MAX; i++) {
            const struct opt *opt = &set->opts[i];
            p->rows[p->count].opt = opt;
            p->rows[p->count].set = set;
            p->options[p->count] = (struct option){
                opt->name, has_value(opt) ? required_argument : no_argument,
                NULL, OPT_VALUE + (int)p->count};
            if (opt->letter)
                p->letters[at++] = opt->letter;
            if (opt->letter && has_value(opt))
                p->letters[at++] = ':';
            p->count++;
        }
    }
    p->options[p->count] =
        (struct option){"help", no_argument, NULL, HELP_VALUE};
}

static int row_of_letter(const struct parse *p, int letter)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->rows[i].opt->letter == letter)
            return (int)i;
    return -1;
}

/* ---- Values ---- */

static bool count_take(const struct opt *opt, const char *text, void *at)
{
    char *end;
    uint64_t n;
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || *end || n < (uint64_t)opt->min || n > (uint64_t)opt->max)
        return false;
    *(uint64_t *)at = n;
    return true;
}

static bool duration_take(const struct opt *opt, const char *text, void *at)
{
    int64_t ns;
    if (duration_parse(text, &ns, NULL) < 0 || ns < opt->min || ns > opt->max)
        return false;
    *(int64_t *)at = ns;
    return true;
}

static bool choice_take(const char *const *words, const char *text, void *at)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *(int *)at = i;
            return true;
        }
    return false;
}

static bool texts_take(const char *text, struct texts *texts)
{
    if (texts->count == OPT_TEXTS_MAX)
        return false;
    texts->list[texts->count++] = text;
    return true;
}

static bool value_take(const struct opt *opt, const char *text, void *at,
                       struct err *err)
{
    err_clear(err);
    switch (opt->kind) {
    case OPT_FLAG:
        *(bool *)at = true;
        return true;
    case OPT_TEXT:
    case OPT_FILE:
    case OPT_DIR:
    case OPT_SPEC:
    case OPT_RUN:
    case OPT_COMMAND:
        *(const char **)at = text;
        return true;
    case OPT_TEXTS:
        return texts_take(text, at);
    case OPT_COUNT:
        return count_take(opt, text, at);
    case OPT_DURATION:
        return duration_take(opt, text, at);
    case OPT_CHOICE:
        return choice_take(opt->words, text, at);
    case OPT_CUSTOM:
        return opt->take(text, at, err) == 0;
    }
    return false;
}

/* "a, b or c" */
static int words_put(const char *const *words, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && words[i]; i++)
        rc = buf_printf(out, "%s%s",
                        i == 0         ? ""
                        : words[i + 1] ? ", "
                                       : " or ",
                        words[i]);
    return rc;
}

/* A duration in the largest unit that fits it: "3s", "1d". */
static void limit_format(int64_t ns, char text[32])
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"d", 86400 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC},
                 {"m", 60 * NS_PER_SEC},    {"s", NS_PER_SEC},
                 {"ms", NS_PER_MS},         {"ns", 1}};
    size_t i = 0;
    while (ns % units[i].ns != 0)
        i++;
    snprintf(text, 32, "%" PRId64 "%s", ns / units[i].ns, units[i].unit);
}

int parse_describe(const struct opt *opt, struct buf *out)
{
    char from[32], to[32];
    if (opt->kind == OPT_CHOICE)
        return words_put(opt->words, out);
    if (opt->kind == OPT_DURATION) {
        limit_format(opt->min, from);
        limit_format(opt->max, to);
        return buf_printf(out, "%s from %s to %s",
                          opt->what ? opt->what : "a time", from, to);
    }
    if (opt->kind != OPT_COUNT)
        return buf_puts(out, opt->what ? opt->what : "another value");
    int rc = buf_puts(out, opt->what ? opt->what : "a number");
    if (rc == 0 && opt->max < UINT32_MAX)
        rc = buf_printf(out, " from %" PRId64 " to %" PRId64, opt->min,
                        opt->max);
    return rc;
}

static enum parse_outcome value_bad(const struct parse *p,
                                    const struct opt *opt, const char *text,
                                    const struct err *err)
{
    struct buf what;
    buf_init(&what, WHAT_BYTES);
    if (err->code)
        usage_error(p->command->name, "--%s: %s", opt->name, err->text);
    else if (opt->kind == OPT_TEXTS)
        usage_error(p->command->name, "--%s is given more than %d times",
                    opt->name, OPT_TEXTS_MAX);
    else if (parse_describe(opt, &what) == 0)
        usage_error(p->command->name, "--%s takes %s, not \"%s\"", opt->name,
                    buf_text(&what), text);
    buf_fini(&what);
    return PARSE_BAD;
}

static enum parse_outcome row_take(struct parse *p, unsigned row,
                                   const char *text)
{
    const struct opt *opt = p->rows[row].opt;
    const struct opt_set *set = p->rows[row].set;
    struct err err;
    if (!value_take(opt, text, p->values + set->at + opt->at, &err))
        return value_bad(p, opt, text, &err);
    p->rows[row].given = true;
    if (set->given_at) {
        struct opt_given *given = (void *)(p->values + set->given_at);
        if (given->count < OPT_GIVEN_MAX) {
            given->list[given->count].opt = opt;
            given->list[given->count++].value = has_value(opt) ? text : NULL;
        }
    }
    return PARSE_OK;
}

static void defaults_take(struct parse *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct opt *opt = p->rows[i].opt;
        struct err err;
        if (opt->fallback)
            (void)value_take(opt, opt->fallback,
                             p->values + p->rows[i].set->at + opt->at, &err);
    }
}

/* ---- What is wrong ---- */

static bool has_option(const struct cmd *command, const char *name, int letter)
{
    for (size_t s = 0; s < command->set_count; s++)
        for (size_t i = 0; i < command->sets[s].count; i++) {
            const struct opt *opt = &command->sets[s].opts[i];
            if (name ? strcmp(opt->name, name) == 0 : opt->letter == letter)
                return true;
        }
    return false;
}

/* Another command that has the option; NULL: none. */
static const struct cmd *who_has(const struct cmd *const *list,
                                 const char *name, int letter)
{
    const struct cmd *found = NULL;
    for (size_t i = 0; !found && list[i]; i++)
        found = list[i]->topics ? who_has(list[i]->topics, name, letter)
                : has_option(list[i], name, letter) ? list[i]
                                                    : NULL;
    return found;
}

/* Options that begin with name, as "--limit, --lost-after"; how many. */
static unsigned beginnings_put(const struct parse *p, const char *name,
                               struct buf *out)
{
    unsigned found = 0;
    for (unsigned i = 0; i <= p->count; i++) {
        if (strncmp(p->options[i].name, name, strlen(name)) != 0)
            continue;
        (void)buf_printf(out, "%s--%s", found ? ", " : "", p->options[i].name);
        found++;
    }
    return found;
}

/* `shown`, as it was given, is no option: what may have been meant? */
static void option_unknown(const struct parse *p, const char *shown,
                           const char *name, int letter)
{
    const char *command = p->command->name, *names[OPTS_MAX + 1];
    const struct cmd *other = who_has(cmds, name, letter);
    struct buf several;
    buf_init(&several, WHAT_BYTES);
    for (unsigned i = 0; i <= p->count; i++)
        names[i] = p->options[i].name;
    const char *near = name ? text_nearest(name, names, p->count + 1) : NULL;
    if (name && *name && beginnings_put(p, name, &several) > 1)
        usage_error(command, "\"%s\" may be %s", shown, buf_text(&several));
    else if (other)
        usage_error(command, "no option \"%s\"; mpibatch %s has it", shown,
                    other->name);
    else if (near)
        usage_error(command, "no option \"%s\"; did you mean --%s?", shown,
                    near);
    else
        usage_error(command, "no option \"%s\"", shown);
    buf_fini(&several);
}

/* For what getopt_long (letter: it returned that, '?' or ':') did not take. */
static enum parse_outcome option_bad(const struct parse *p, char **argv,
                                     int letter)
{
    const char *command = p->command->name, *word = argv[optind - 1];
    char short_option[] = {'-', (char)optopt, '\0'}, shown[64];
    size_t len = strcspn(word, "=");
    bool is_long = strncmp(word, "--", 2) == 0;

    snprintf(shown, sizeof(shown), "%.*s", (int)len, word);
    if (letter == ':')
        usage_error(command, "%s needs a value", is_long ? word : short_option);
    else if (is_long && optopt != 0)
        usage_error(command, "%s takes no value", shown);
    else if (is_long)
        option_unknown(p, shown, shown + 2, 0);
    else
        option_unknown(p, short_option, NULL, optopt);
    return PARSE_BAD;
}

static enum parse_outcome excludes_check(const struct parse *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct opt *opt = p->rows[i].opt;
        for (unsigned k = 0; opt->excludes && k < p->count; k++)
            if (p->rows[i].given && p->rows[k].given &&
                strcmp(p->rows[k].opt->name, opt->excludes) == 0) {
                usage_error(p->command->name,
                            "--%s and --%s exclude each other", opt->name,
                            opt->excludes);
                return PARSE_BAD;
            }
    }
    return PARSE_OK;
}

/* ---- Arguments ---- */

static enum parse_outcome arg_take(const struct parse *p, const struct arg *arg,
                                   const char *text)
{
    const struct opt as_opt = {.kind = arg->many ? OPT_TEXTS : arg->kind,
                               .words = arg->words};
    struct buf what;
    struct err err;
    if (value_take(&as_opt, text, p->values + arg->at, &err))
        return PARSE_OK;
    buf_init(&what, WHAT_BYTES);
    if (arg->many)
        usage_error(p->command->name, "more than %d arguments", OPT_TEXTS_MAX);
    else if (parse_describe(&as_opt, &what) == 0)
        usage_error(p->command->name, "%s is %s, not \"%s\"", arg->name,
                    buf_text(&what), text);
    buf_fini(&what);
    return PARSE_BAD;
}

/* Behind a text comes an optional run: is the word that? */
static bool is_run_behind(const struct cmd *c, size_t i, const char *word)
{
    return i + 1 < c->arg_count && c->args[i].kind == OPT_TEXT &&
           c->args[i + 1].kind == OPT_RUN && run_arg_is(word);
}

static enum parse_outcome args_take(const struct parse *p, int count,
                                    char **words)
{
    const struct cmd *c = p->command;
    int at = 0;
    for (size_t i = 0; i < c->arg_count; i++) {
        const struct arg *arg = &c->args[i];
        int end = count;
        if (at < count && (arg->many || arg->optional) &&
            (arg->many || at + 1 == count) &&
            is_run_behind(c, i, words[count - 1]))
            end--;
        if (at == end && !arg->optional) {
            usage_error(c->name, "which %s?", arg->noun);
            return PARSE_BAD;
        }
        do
            if (at < end && arg_take(p, arg, words[at++]) != PARSE_OK)
                return PARSE_BAD;
        while (arg->many && at < end);
    }
    if (at == count)
        return PARSE_OK;
    if (c->arg_count == 0)
        usage_error(c->name, "no argument is taken: \"%s\"", words[at]);
    else
        usage_error(c->name, "one %s at a time",
                    c->args[c->arg_count - 1].noun);
    return PARSE_BAD;
}

enum parse_outcome parse_command(const struct cmd *command, int argc,
                                 char **argv, void *values)
{
    struct parse p = {.command = command, .values = values};
    int letter, long_row;

    rows_collect(&p);
    defaults_take(&p);
    opterr = 0; /* option_bad says it */
    while ((letter = getopt_long(argc, argv, p.letters, p.options,
                                 &long_row)) >= 0) {
        if (letter == 'h' || letter == HELP_VALUE)
            return PARSE_HELP;
        if (letter == '?' || letter == ':')
            return option_bad(&p, argv, letter);
        int row = letter >= OPT_VALUE ? letter - OPT_VALUE
                                      : row_of_letter(&p, letter);
        if (row_take(&p, (unsigned)row, optarg) != PARSE_OK)
            return PARSE_BAD;
        const char *joins = p.rows[row].opt->joins;
        if (!joins || strcmp(optarg, joins) != 0)
            continue;
        if (optind >= argc) {
            usage_error(command->name, "--%s %s needs a condition",
                        p.rows[row].opt->name, joins);
            return PARSE_BAD;
        }
        if (row_take(&p, (unsigned)row, argv[optind++]) != PARSE_OK)
            return PARSE_BAD;
    }
    if (excludes_check(&p) != PARSE_OK)
        return PARSE_BAD;
    return args_take(&p, argc - optind, argv + optind);
}
