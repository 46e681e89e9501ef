/* Command lines: see command.h.
 *
 * The decision for or against a shell follows GNU make's construct_command_argv
 * (job.c): a character or a first word that only a shell understands. It is
 * taken once, from the template; placeholders count as plain word characters.
 */
#include "config.h"
#include "model/command.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char shell_characters[] = "#;\"*?[]&|<>(){}$`^~!\n";

/* Builtins and keywords of a POSIX shell that no program replaces. */
static const char *const shell_words[] = {
    ".",       ":",        "alias",    "bg",     "break",  "case",  "cd",
    "command", "continue", "do",       "done",   "elif",   "else",  "esac",
    "eval",    "exec",     "exit",     "export", "fc",     "fg",    "fi",
    "for",     "getopts",  "hash",     "if",     "jobs",   "local", "login",
    "logout",  "read",     "readonly", "return", "set",    "shift", "source",
    "then",    "times",    "trap",     "type",   "ulimit", "umask", "unalias",
    "unset",   "until",    "wait",     "while"};

static bool is_shell_word(const char *word)
{
    for (size_t i = 0; i < sizeof(shell_words) / sizeof(shell_words[0]); i++)
        if (strcmp(word, shell_words[i]) == 0)
            return true;
    return false;
}

/* How many bytes a template reads as one at s: those of a placeholder, of a
 * pair of braces, or one. */
static size_t unit_len(const char *s, bool *placeholder)
{
    const char *end = s[0] == '{' && s[1] != '{' ? strchr(s, '}') : NULL;
    *placeholder = end;
    if (end)
        return (size_t)(end - s) + 1;
    return (s[0] == '{' || s[0] == '}') && s[1] == s[0] ? 2 : 1;
}

enum scan { SCAN_END, SCAN_WORD, SCAN_SHELL, SCAN_FAILED };

/* A word of a line, with its placeholders, and without its quotes. */
struct word {
    struct buf text;
    size_t *from; /* where in the line each byte of it comes from; NULL: the
                     line has no placeholders, and braces are the shell's */
};

static int word_add(struct word *w, const char *line, size_t at, size_t len)
{
    for (size_t i = 0; w->from && i < len; i++)
        w->from[w->text.len + i] = at + i;
    return buf_put(&w->text, line + at, len);
}

/* The next word of a line; *at moves behind it. SCAN_SHELL: only a shell can
 * tell. */
static enum scan word_scan(const char *line, size_t *at, bool first,
                           struct word *w)
{
    *at += strspn(line + *at, " \t");
    if (!line[*at])
        return SCAN_END;
    buf_reset(&w->text);
    bool quoted = false, placeholder;
    for (size_t n; line[*at]; *at += n) {
        const char *s = line + *at;
        placeholder = false;
        n = w->from ? unit_len(s, &placeholder) : 1;
        if (*s == '\'') {
            quoted = !quoted;
            continue;
        }
        if (!placeholder && !quoted) {
            if (*s == ' ' || *s == '\t')
                break;
            if (strchr(shell_characters, *s) || (first && *s == '='))
                return SCAN_SHELL;
            if (*s == '\\' && s[1]) {
                if (strchr("\n{}", s[1]))
                    return SCAN_SHELL;
                (*at)++;
            }
        }
        if (word_add(w, line, *at, n) < 0)
            return SCAN_FAILED;
    }
    if (quoted || (first && is_shell_word(buf_text(&w->text))))
        return SCAN_SHELL;
    return SCAN_WORD;
}

/* Compile the words of a line. As word_scan: SCAN_END, SCAN_SHELL or
 * SCAN_FAILED with err. */
static enum scan words_compile(struct arena *arena, const char *line,
                               const struct taskset *set,
                               const struct storage *storage, struct word *w,
                               struct command *out, size_t *error_at,
                               struct err *err)
{
    size_t at = 0, inside = 0, max = strlen(line) / 2 + 1;
    const struct template **words = arena_calloc(arena, max, sizeof(*words));
    uint32_t count = 0;
    enum scan got = SCAN_FAILED;
    while (words && (got = word_scan(line, &at, count == 0, w)) == SCAN_WORD) {
        if (count == COMMAND_MAX_WORDS) {
            *error_at = at;
            err_set(err, E2BIG, "the command line has more than %d words",
                    COMMAND_MAX_WORDS);
            return SCAN_FAILED;
        }
        words[count] = template_compile(arena, buf_text(&w->text), set, storage,
                                        TEMPLATE_ALL, &inside, err);
        if (!words[count++]) {
            *error_at = w->text.len ? w->from[inside] : 0;
            return SCAN_FAILED;
        }
    }
    if (got == SCAN_FAILED)
        err_set(err, ENOMEM, "no memory for a command line");
    if (got == SCAN_END)
        *out = (struct command){.words = words, .word_count = count};
    return got;
}

/* Bytes of a line without the blanks and newlines at its end (block scalars
 * end with newlines), but with one that a backslash quotes. */
static size_t trimmed_len(const char *text)
{
    size_t len = strlen(text), end = len, slashes = 0;
    while (len > 0 && strchr(" \t\n", text[len - 1]))
        len--;
    while (slashes < len && text[len - 1 - slashes] == '\\')
        slashes++;
    return len + (slashes % 2 == 1 && len < end);
}

/* Compile a line that is left to the shell. */
static int shell_compile(struct arena *arena, const char *line,
                         const struct taskset *set,
                         const struct storage *storage, struct command *out,
                         size_t *error_at, struct err *err)
{
    const struct template **words = arena_calloc(arena, 1, sizeof(*words));
    if (!words)
        return err_set(err, ENOMEM, "no memory for a command line");
    words[0] = template_compile(arena, line, set, storage, TEMPLATE_ALL,
                                error_at, err);
    if (!words[0] || template_check_shell(words[0], error_at, err) < 0)
        return -1;
    *out = (struct command){.shell = true, .words = words, .word_count = 1};
    return 0;
}

int command_compile(struct arena *arena, const char *text,
                    const struct taskset *set, const struct storage *storage,
                    struct command *out, size_t *error_at, struct err *err)
{
    *error_at = 0;
    if (text[strspn(text, " \t\n")] == '\0')
        return err_set(err, EINVAL, "the command line is empty");
    size_t len = trimmed_len(text);
    char *line = arena_strndup(arena, text, len);
    struct word w = {.from = mem_calloc(len + 1, sizeof(*w.from))};
    buf_init(&w.text, len);
    enum scan got = SCAN_FAILED;
    if (line && w.from)
        got = words_compile(arena, line, set, storage, &w, out, error_at, err);
    else
        err_set(err, ENOMEM, "no memory for a command line");
    buf_fini(&w.text);
    mem_free(w.from);
    if (got == SCAN_SHELL)
        return shell_compile(arena, line, set, storage, out, error_at, err);
    return got == SCAN_FAILED ? -1 : 0;
}

void argv_init(struct argv *a)
{
    *a = (struct argv){0};
    buf_init(&a->text, COMMAND_MAX_BYTES);
}

void argv_fini(struct argv *a)
{
    mem_free(a->argv);
    buf_fini(&a->text);
    argv_init(a);
}

/* Room for argc words and the NULL behind them. */
static int argv_reserve(struct argv *a, uint32_t argc, struct err *err)
{
    if (argc > a->argc || !a->argv) {
        char **argv = mem_resize(a->argv, (size_t)argc + 1, sizeof(*argv));
        if (!argv)
            return err_set(err, ENOMEM, "no memory for a command line");
        a->argv = argv;
    }
    a->argc = argc;
    return 0;
}

/* Point to the words that lie in a->text, a NUL behind each. */
static void argv_point(struct argv *a)
{
    char *s = a->text.data; /* the buffer does not move any more */
    for (uint32_t i = 0; i < a->argc; i++, s += strlen(s) + 1)
        a->argv[i] = s;
    a->argv[a->argc] = NULL;
}

int argv_prepend(struct argv *a, const char *words, size_t len, uint32_t count,
                 struct err *err)
{
    uint32_t had = a->argc;
    size_t text_len = a->text.len;
    if (had + count > COMMAND_MAX_WORDS || text_len + len > a->text.max_bytes)
        return err_set(err, E2BIG, "the command line is too long");
    if (!buf_reserve(&a->text, len) || argv_reserve(a, had + count, err) < 0)
        return err_set(err, ENOMEM, "no memory for a command line");
    memmove(a->text.data + len, a->text.data, text_len);
    memcpy(a->text.data, words, len);
    buf_commit(&a->text, len);
    argv_point(a);
    return 0;
}

int command_expand(const struct command *cmd, const struct template_context *c,
                   struct argv *a, struct err *err)
{
    uint32_t prefix = cmd->shell ? 2 : 0, argc = cmd->word_count + prefix;
    if (argv_reserve(a, argc, err) < 0)
        return -1;
    buf_reset(&a->text);
    if (cmd->shell &&
        buf_put(&a->text, "/bin/sh\0-c", sizeof("/bin/sh\0-c")) < 0)
        return err_set(err, ENOMEM, "no memory for a command line");
    for (uint32_t i = 0; i < cmd->word_count; i++) {
        if (template_expand(cmd->words[i], c, cmd->shell, &a->text, err) < 0)
            return -1;
        if (buf_putc(&a->text, '\0') < 0)
            return err_sys(err, errno, "cannot expand the command line");
    }
    argv_point(a);
    return 0;
}

/* Append a word and its NUL. */
static int argv_put(struct argv *a, const char *word, size_t len)
{
    if (buf_put(&a->text, word, len) < 0)
        return -1;
    return buf_putc(&a->text, '\0');
}

int command_expand_line(const char *line, const char *const *shell,
                        struct argv *a, struct err *err)
{
    static const char *const sh[] = {"/bin/sh", NULL};
    struct word w = {.from = NULL};
    size_t at = 0;
    uint32_t argc = 0;
    enum scan got = SCAN_SHELL;
    int rc = 0;
    buf_reset(&a->text);
    buf_init(&w.text, COMMAND_MAX_BYTES);
    while (!shell && rc == 0 &&
           (got = word_scan(line, &at, argc == 0, &w)) == SCAN_WORD) {
        rc = argv_put(a, buf_text(&w.text), w.text.len);
        argc++;
    }
    buf_fini(&w.text);
    if (got == SCAN_SHELL) {
        buf_reset(&a->text);
        argc = 2;
        for (shell = shell ? shell : sh; rc == 0 && *shell; shell++, argc++)
            rc = argv_put(a, *shell, strlen(*shell));
        if (rc == 0)
            rc = argv_put(a, "-c", 2);
        if (rc == 0)
            rc = argv_put(a, line, strlen(line));
    }
    if (rc < 0 || got == SCAN_FAILED)
        return err_sys(err, rc < 0 ? errno : ENOMEM,
                       "cannot expand the command line");
    if (argv_reserve(a, argc, err) < 0)
        return -1;
    argv_point(a);
    return 0;
}

int command_show(const struct command *cmd, const struct template_context *c,
                 struct buf *out, struct err *err)
{
    struct buf word;
    size_t start = out->len;
    int rc = 0;
    buf_init(&word, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < cmd->word_count; i++) {
        buf_reset(&word);
        if (template_expand(cmd->words[i], c, cmd->shell, &word, err) < 0) {
            rc = -1;
        } else if ((i > 0 && buf_putc(out, ' ') < 0) ||
                   (cmd->shell
                        ? buf_put(out, buf_text(&word), word.len)
                        : text_put_shell_word(out, buf_text(&word))) < 0) {
            rc = err_sys(err, errno, "cannot show the command line");
        }
    }
    if (rc < 0)
        buf_truncate(out, start);
    buf_fini(&word);
    return rc;
}
