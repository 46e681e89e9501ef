/* Tables of command lines: see table.h.
 *
 * A line is a command unless it is blank, a comment, or a directive of
 * disBatch, which are obeyed as disBatch does: PREFIX and SUFFIX hold for all
 * lines below, textually; REPEAT is so many commands. GREASY's [@ FOLDER @]
 * before a command is where it runs. What other tools mean
 * by a line that would not be a command, and what /bin/sh would take for
 * something else than its writer, is refused.
 */
#include "config.h"
#include "model/table_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum line_kind {
    LINE_NOTHING, /* blank, or a comment */
    LINE_COMMAND,
    LINE_PREFIX,
    LINE_SUFFIX,
    LINE_REPEAT,
    LINE_DIRECTIVE /* one that cannot be obeyed */
};

struct line {
    enum line_kind kind;
    const char *text; /* the command, or what a directive says */
    uint32_t len;
    uint64_t count, start, step; /* REPEAT */
    const char *folder;          /* of [@ FOLDER @], or NULL */
    uint32_t folder_len;
};

#define DIRECTIVE "#DISBATCH"

/* Does the text begin with that word, in upper or lower case, and a blank or
 * nothing behind it? Then *s moves behind it and one blank. */
static bool word_take(const char **s, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - *s) < n || strncasecmp(*s, word, n) != 0 ||
        (*s + n < end && (*s)[n] != ' ' && (*s)[n] != '\t'))
        return false;
    *s += n;
    *s += *s < end;
    return true;
}

static const char *blanks_skip(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    return s;
}

/* Decimal digits, of a number of at most 18. */
static bool number_take(const char **s, const char *end, uint64_t *n)
{
    const char *p = blanks_skip(*s, end), *start = p;
    *n = 0;
    for (; p < end && *p >= '0' && *p <= '9' && p - start < 18; p++)
        *n = *n * 10 + (uint64_t)(*p - '0');
    if (p == start || (p < end && *p != ' ' && *p != '\t'))
        return false;
    *s = p + (p < end);
    return true;
}

/* "5 [start 100] [step 50] [command]" */
static void repeat_read(const char *s, const char *end, struct line *l)
{
    l->kind = LINE_DIRECTIVE;
    l->step = 1;
    if (!number_take(&s, end, &l->count))
        return;
    const char *p = blanks_skip(s, end);
    if (word_take(&p, end, "start")) {
        if (!number_take(&p, end, &l->start))
            return;
        s = p;
    }
    p = blanks_skip(s, end);
    if (word_take(&p, end, "step")) {
        if (!number_take(&p, end, &l->step))
            return;
        s = p;
    }
    l->kind = LINE_REPEAT;
    l->text = s;
    l->len = (uint32_t)(end - s);
}

/* A line that begins with #DISBATCH. */
static void directive_read(const char *s, const char *end, struct line *l)
{
    const char *p = blanks_skip(s + strlen(DIRECTIVE), end);
    l->kind = LINE_DIRECTIVE;
    l->text = p;
    l->len = (uint32_t)(end - p);
    if (word_take(&p, end, "REPEAT")) {
        repeat_read(p, end, l);
    } else if (word_take(&p, end, "PREFIX") || word_take(&p, end, "SUFFIX")) {
        l->kind =
            strncasecmp(l->text, "PREFIX", 6) == 0 ? LINE_PREFIX : LINE_SUFFIX;
        l->text = p;
        l->len = (uint32_t)(end - p);
    }
}

/* "[@ FOLDER @] COMMAND"; left as it is where it is not so. */
static void folder_read(struct line *l)
{
    const char *end = l->text + l->len, *s = blanks_skip(l->text, end), *to;
    if (end - s < 2 || s[0] != '[' || s[1] != '@')
        return;
    s = blanks_skip(s + 2, end);
    to = memmem(s, (size_t)(end - s), "@]", 2);
    if (!to)
        return;
    l->text = blanks_skip(to + 2, end);
    l->len = (uint32_t)(end - l->text);
    while (to > s && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    l->folder = s;
    l->folder_len = (uint32_t)(to - s);
}

/* The line at byte `at`; returns where the next one begins. */
static uint32_t line_read(const struct table *t, uint32_t at, struct line *l)
{
    const char *s = t->bytes + at, *all = t->bytes + t->len;
    const char *end = memchr(s, '\n', (size_t)(all - s));
    uint32_t next = end ? (uint32_t)(end - t->bytes) + 1 : t->len;
    if (!end)
        end = all;
    if (end > s && end[-1] == '\r')
        end--;
    *l = (struct line){.text = s, .len = (uint32_t)(end - s)};
    const char *p = blanks_skip(s, end);
    if (p == end || *p == '#') {
        size_t n = strlen(DIRECTIVE);
        if (p == s && (size_t)(end - s) >= n && memcmp(s, DIRECTIVE, n) == 0 &&
            ((size_t)(end - s) == n || s[n] == ' ' || s[n] == '\t'))
            directive_read(s, end, l);
        return next;
    }
    l->kind = LINE_COMMAND;
    if (*p == '[')
        folder_read(l);
    return next;
}

/* What a PREFIX or SUFFIX at byte `at` says. */
static struct line part_at(const struct table *t, uint32_t at)
{
    struct line l = {.text = "", .len = 0};
    if (at != TABLE_NOWHERE)
        line_read(t, at, &l);
    return l;
}

/* ---- Folders ---- */

#define FOLDER_BEFORE "cd -- \""
#define FOLDER_BEHIND "\" || exit; "

/* The bytes that go before the command of a line to get into its folder. */
static uint64_t folder_len(const struct line *l)
{
    return l->folder
               ? strlen(FOLDER_BEFORE) + l->folder_len + strlen(FOLDER_BEHIND)
               : 0;
}

static int folder_put(const struct line *l, struct buf *out)
{
    return buf_puts(out, FOLDER_BEFORE) < 0 ||
                   buf_put(out, l->folder, l->folder_len) < 0 ||
                   buf_puts(out, FOLDER_BEHIND) < 0
               ? -1
               : 0;
}

/* ---- What is refused ---- */

/* The first `&>` outside of quotes. */
static bool has_bash_redirection(const char *s, uint32_t len)
{
    char quote = '\0';
    for (uint32_t i = 0; i + 1 < len; i++) {
        if (s[i] == '\\' && quote != '\'')
            i++;
        else if (quote)
            quote = s[i] == quote ? '\0' : quote;
        else if (s[i] == '\'' || s[i] == '"')
            quote = s[i];
        else if (s[i] == '&' && s[i + 1] == '>')
            return true;
    }
    return false;
}

static int directive_refuse(const struct line *l, struct err *err)
{
    const char *s = l->text, *end = s + l->len;
    if (word_take(&s, end, "BARRIER"))
        return err_set(err, EINVAL,
                       "#DISBATCH BARRIER: the tasks of a command file run in "
                       "any order; put what follows into a second file, and "
                       "both into a job spec, as jobs of which the second has "
                       "`depends_on: {job: ...}`");
    if (word_take(&s, end, "PERENGINE") || word_take(&s, end, "PERNODE"))
        return err_set(err, EINVAL,
                       "#DISBATCH PERENGINE: a command file has nothing that "
                       "is run once an engine; a job spec has it once a node, "
                       "as `start_task` of its pool");
    if (word_take(&s, end, "REPEAT"))
        return err_set(err, EINVAL,
                       "#DISBATCH REPEAT needs a number, as #DISBATCH REPEAT "
                       "COUNT [start N] [step N] [COMMAND]");
    return err_set(err, EINVAL,
                   "#DISBATCH: PREFIX, SUFFIX and REPEAT mean something here, "
                   "nothing else");
}

/* May the lines be the shell's, which knows cd? */
static bool is_shell(const struct table *t)
{
    size_t n = t->shell ? strlen(t->shell[0]) : 0;
    return !t->shell || (n >= 2 && strcmp(t->shell[0] + n - 2, "sh") == 0);
}

static int folder_check(const struct table *t, const struct line *l,
                        struct err *err)
{
    const char *end = l->text + l->len, *s = blanks_skip(l->text, end);
    if (end - s >= 2 && s[0] == '[' && s[1] == '@')
        return err_set(err, EINVAL,
                       "[@ is GREASY's folder of a command, which is written "
                       "[@ FOLDER @] COMMAND");
    if (!l->folder)
        return 0;
    if (!is_shell(t))
        return err_set(err, EINVAL,
                       "[@ FOLDER @] goes with shells, and the lines of this "
                       "file are run by %s",
                       t->shell[0]);
    if (l->folder_len == 0 || s == end)
        return err_set(err, EINVAL, "[@ FOLDER @] has no %s",
                       l->folder_len == 0 ? "folder" : "command behind it");
    if (memchr(l->folder, '"', l->folder_len))
        return err_set(err, EINVAL,
                       "the folder of [@ FOLDER @] has a quote (\") in it");
    return 0;
}

static int command_check(const struct table *t, const struct table_mark *m,
                         const struct line *l, struct err *err)
{
    const struct line parts[] = {part_at(t, m->prefix), *l,
                                 part_at(t, m->suffix)};
    const char *end = l->text + l->len, *s = blanks_skip(l->text, end);
    uint64_t len = folder_len(l);
    uint32_t slashes = 0;
    bool blank = true;
    if (end - s >= 2 && s[0] == '[' && s[1] == '#')
        return err_set(err, EINVAL,
                       "[# #] is a dependency of GREASY; the tasks of a "
                       "command file run in any order here: list them in a job "
                       "spec, where `depends_on` says what they need, or join "
                       "them by && in one line");
    if (folder_check(t, l, err) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        const char *e = parts[i].text + parts[i].len;
        len += parts[i].len;
        blank = blank && blanks_skip(parts[i].text, e) == e;
        if (t->redirects && has_bash_redirection(parts[i].text, parts[i].len))
            return err_set(err, EINVAL,
                           "&> is bash's; /bin/sh would start the command in "
                           "the background: write > FILE 2>&1, or #!/bin/bash "
                           "as the first line of the file");
    }
    if (blank)
        return err_set(err, EINVAL, "there is no command to repeat");
    if (len > TABLE_MAX_COMMAND)
        return err_set(err, EINVAL,
                       "the command has %llu bytes, at most %d are allowed",
                       (unsigned long long)len, TABLE_MAX_COMMAND);
    while (slashes < l->len && end[-1 - (int64_t)slashes] == '\\')
        slashes++;
    if (slashes % 2 == 1 && parts[2].len == 0)
        return err_set(err, EINVAL,
                       "the line ends with a backslash: a command is one line "
                       "here, it does not go on in the next one");
    return 0;
}

/* A file that is a job spec, most likely: its first line is a key, or --- */
static int spec_check(const struct line *l, struct err *err)
{
    const char *s = l->text, *end = s + l->len;
    bool dashes = l->len >= 3 && memcmp(s, "---", 3) == 0;
    if (dashes)
        s += 3;
    while (!dashes && s < end && ((*s >= 'a' && *s <= 'z') || *s == '_'))
        s++;
    if (!dashes && (s == l->text || s == end || *s++ != ':'))
        return 0;
    if (s < end && *s != ' ' && *s != '\t')
        return 0;
    return err_set(err, EINVAL,
                   "this looks like a job spec; the name of one ends in .yaml "
                   "or .yml, other files are lists of commands");
}

/* ---- The index ---- */

/* The words of a first line such as #!/bin/bash -l. */
static int shell_read(struct table *t, struct arena *arena, uint32_t at,
                      struct err *err)
{
    enum { WORDS_MAX = 8, BYTES_MAX = 1000 };
    const char *s = t->bytes + at, *all = t->bytes + t->len;
    if (all - s < 2 || s[0] != '#' || s[1] != '!')
        return 0;
    const char *end = memchr(s, '\n', (size_t)(all - s));
    end = end ? end : all;
    if (end > s && end[-1] == '\r')
        end--;
    const char **words = arena_calloc(arena, WORDS_MAX + 1, sizeof(*words));
    const char *start = s;
    uint32_t count = 0;
    for (s = blanks_skip(s + 2, end); words && s < end && count < WORDS_MAX;
         s = blanks_skip(s, end)) {
        const char *word = s;
        while (s < end && *s != ' ' && *s != '\t')
            s++;
        words[count] = arena_strndup(arena, word, (size_t)(s - word));
        if (!words[count++])
            words = NULL;
    }
    if (!words)
        return err_set(err, ENOMEM, "no memory for a command file");
    if (count == 0 || words[0][0] != '/' || s < end || end - start > BYTES_MAX)
        return err_set(err, EINVAL,
                       "#! needs the path of a program, as #!/bin/bash, and "
                       "takes a few options");
    t->shell = words;
    return 0;
}

static const char *const bash[] = {"/bin/bash", NULL};

/* Is there a directive in it? Then all lines are bash's, as in disBatch. */
static void disbatch_find(struct table *t, uint32_t at)
{
    const char *s = t->bytes + at, *end = t->bytes + t->len, *found;
    while (
        (found = memmem(s, (size_t)(end - s), DIRECTIVE, strlen(DIRECTIVE)))) {
        struct line l;
        if (found == t->bytes + at || found[-1] == '\n') {
            line_read(t, (uint32_t)(found - t->bytes), &l);
            if (l.kind != LINE_NOTHING) {
                t->disbatch = true;
                if (!t->shell)
                    t->shell = bash;
                return;
            }
        }
        s = found + 1;
    }
}

static int line_add(struct table *t, struct table_index *x,
                    const struct table_mark *m, const struct line *l,
                    struct err *err)
{
    uint64_t count = l->kind == LINE_REPEAT ? l->count : 1;
    uint64_t longest = folder_len(l) + l->len + part_at(t, m->prefix).len +
                       part_at(t, m->suffix).len;
    if (l->kind == LINE_DIRECTIVE)
        return directive_refuse(l, err);
    if ((x->rows == 0 && spec_check(l, err) < 0) ||
        command_check(t, m, l, err) < 0)
        return -1;
    if (longest > t->columns[0].longest)
        t->columns[0].longest = (uint32_t)longest;
    if (count > TABLE_MAX_ROWS)
        return err_set(err, ERANGE, "it makes more than %u tasks",
                       TABLE_MAX_ROWS);
    return table_index_add(x, m, count, err);
}

int table_lines_index(struct table *t, struct arena *arena,
                      struct table_index *x, unsigned *line, struct err *err)
{
    struct table_mark m = {
        .line = 1, .prefix = TABLE_NOWHERE, .suffix = TABLE_NOWHERE};
    struct line l;
    if (t->len >= 3 && memcmp(t->bytes, "\xef\xbb\xbf", 3) == 0)
        m.at = 3;
    *line = 1;
    if (shell_read(t, arena, m.at, err) < 0)
        return -1;
    disbatch_find(t, m.at);
    t->redirects = !t->shell && memmem(t->bytes, t->len, "&>", 2);
    for (uint32_t next; m.at < t->len; m.at = next, m.line++) {
        next = line_read(t, m.at, &l);
        *line = m.line;
        if (l.kind == LINE_PREFIX)
            m.prefix = m.at;
        else if (l.kind == LINE_SUFFIX)
            m.suffix = m.at;
        else if (l.kind != LINE_NOTHING && line_add(t, x, &m, &l, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Finding rows ---- */

void table_lines_seek(const struct table *t, struct table_mark *m,
                      uint32_t rows)
{
    struct line l;
    for (uint32_t next;; m->at = next, m->line++, m->repeat = 0) {
        next = line_read(t, m->at, &l);
        uint64_t here = l.kind == LINE_COMMAND  ? 1
                        : l.kind == LINE_REPEAT ? l.count - m->repeat
                                                : 0;
        if (rows < here)
            break;
        rows -= (uint32_t)here;
        if (l.kind == LINE_PREFIX)
            m->prefix = m->at;
        else if (l.kind == LINE_SUFFIX)
            m->suffix = m->at;
    }
    m->repeat += rows;
}

int table_line_command(const struct table *t, const struct table_mark *m,
                       struct buf *room, struct table_command *out,
                       struct err *err)
{
    struct line l, prefix = part_at(t, m->prefix), suffix;
    suffix = part_at(t, m->suffix);
    line_read(t, m->at, &l);
    buf_reset(room);
    if (buf_put(room, prefix.text, prefix.len) < 0 ||
        (l.folder && folder_put(&l, room) < 0) ||
        buf_put(room, l.text, l.len) < 0 ||
        buf_put(room, suffix.text, suffix.len) < 0)
        return err_sys(err, errno, "%s: cannot read line %u", t->name, m->line);
    *out = (struct table_command){.text = buf_text(room),
                                  .len = room->len,
                                  .line = m->line,
                                  .repeated = l.kind == LINE_REPEAT,
                                  .repeat = l.start + m->repeat * l.step};
    return 0;
}
