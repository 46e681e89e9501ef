/* Command lines: see command.h.
 *
 * The decision for or against a shell follows GNU make's construct_command_argv
 * (job.c): a character or a first word that only a shell understands. It is
 * taken once, from the template; placeholders count as plain word characters.
 */
#include "config.h"
#include "model/command.h"

#include <ctype.h>
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

static bool is_shell_word(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(shell_words) / sizeof(shell_words[0]); i++)
        if (strlen(shell_words[i]) == len &&
            strncmp(word, shell_words[i], len) == 0)
            return true;
    return false;
}

/* The end of the placeholder or brace pair at s ("{"), or s. */
static const char *braces_skip(const char *s)
{
    if (s[0] == '{' && s[1] != '{') {
        const char *end = strchr(s, '}');
        return end ? end + 1 : s;
    }
    return s;
}

/* Does the text of a command line need a shell? */
static bool needs_shell(const char *text)
{
    const char *s = text + strspn(text, " \t");
    size_t first = strcspn(s, " \t");
    const char *equals = memchr(s, '=', first);
    if (is_shell_word(s, first) || (equals && !memchr(s, '{', first)))
        return true;
    while (*s) {
        const char *behind = braces_skip(s);
        if (behind != s) {
            s = behind;
            continue;
        }
        if (*s == '\'') { /* nothing in single quotes needs a shell */
            const char *end = strchr(s + 1, '\'');
            if (!end)
                return true;
            s = end + 1;
            continue;
        }
        if (*s == '\\' && s[1] && s[1] != '\n') {
            s += 2;
            continue;
        }
        if (strchr(shell_characters, *s))
            return true;
        s++;
    }
    return false;
}

/* The next word of a line without shell characters, unquoted, into word; *at
 * moves behind it. *map: where in the line each byte of it comes from. */
static int word_scan(const char *line, size_t *at, struct buf *word,
                     size_t *map)
{
    const char *s = line + *at;
    bool quoted = false;
    int rc = 0;
    for (; rc == 0 && *s && (quoted || (*s != ' ' && *s != '\t')); s++) {
        const char *behind = quoted ? s : braces_skip(s);
        if (behind > s) { /* a placeholder may have blanks in its format */
            for (; rc == 0 && s < behind; s++) {
                map[word->len] = (size_t)(s - line);
                rc = buf_putc(word, *s);
            }
            s--;
            continue;
        }
        if (*s == '\'') {
            quoted = !quoted;
            continue;
        }
        if (*s == '\\' && !quoted && s[1])
            s++;
        map[word->len] = (size_t)(s - line);
        rc = buf_putc(word, *s);
    }
    *at = (size_t)(s - line);
    return rc;
}

/* Compile the words of a line that needs no shell. */
static int words_compile(struct arena *arena, const char *text,
                         const struct taskset *set, struct command *out,
                         size_t *error_at, struct err *err)
{
    size_t len = strlen(text), at = 0;
    const struct template **words =
        arena_calloc(arena, len / 2 + 1, sizeof(*words));
    size_t *map = mem_calloc(len + 1, sizeof(*map));
    struct buf word;
    uint32_t count = 0;
    int rc = -1;
    buf_init(&word, len);
    if (!words || !map) {
        err_set(err, ENOMEM, "no memory for a command line");
        goto out;
    }
    for (;;) {
        at += strspn(text + at, " \t");
        if (!text[at])
            break;
        size_t start = at;
        buf_reset(&word);
        if (word_scan(text, &at, &word, map) < 0) {
            err_set(err, ENOMEM, "no memory for a command line");
            goto out;
        }
        if (count == COMMAND_MAX_WORDS) {
            *error_at = start;
            err_set(err, E2BIG, "more than %d words", COMMAND_MAX_WORDS);
            goto out;
        }
        size_t inside = 0;
        words[count] = template_compile(arena, buf_text(&word), set,
                                        TEMPLATE_ALL, &inside, err);
        if (!words[count++]) {
            *error_at = word.len ? map[inside] : start;
            goto out;
        }
    }
    *out = (struct command){.words = words, .word_count = count};
    rc = 0;
out:
    buf_fini(&word);
    mem_free(map);
    return rc;
}

int command_compile(struct arena *arena, const char *text,
                    const struct taskset *set, struct command *out,
                    size_t *error_at, struct err *err)
{
    *error_at = 0;
    if (text[strspn(text, " \t\n")] == '\0')
        return err_set(err, EINVAL, "the command line is empty");
    size_t len = strlen(text); /* block scalars end with newlines */
    while (len > 0 && strchr(" \t\n", text[len - 1]))
        len--;
    char *line = arena_strndup(arena, text, len);
    const struct template **words = arena_calloc(arena, 1, sizeof(*words));
    if (!line || !words)
        return err_set(err, ENOMEM, "no memory for a command line");
    if (!needs_shell(line))
        return words_compile(arena, line, set, out, error_at, err);
    words[0] = template_compile(arena, line, set, TEMPLATE_ALL, error_at, err);
    if (!words[0])
        return -1;
    *out = (struct command){.shell = true, .words = words, .word_count = 1};
    return 0;
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

int command_expand(const struct command *cmd, const struct template_context *c,
                   struct argv *a, struct err *err)
{
    uint32_t prefix = cmd->shell ? 2 : 0, argc = cmd->word_count + prefix;
    if (argc > a->argc || !a->argv) {
        char **argv = mem_resize(a->argv, (size_t)argc + 1, sizeof(*argv));
        if (!argv)
            return err_set(err, ENOMEM, "no memory for a command line");
        a->argv = argv;
    }
    a->argc = argc;
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
    char *s = a->text.data; /* the buffer does not move any more */
    for (uint32_t i = 0; i < argc; i++, s += strlen(s) + 1)
        a->argv[i] = s;
    a->argv[argc] = NULL;
    return 0;
}

int command_show(const struct command *cmd, const struct template_context *c,
                 struct buf *out, struct err *err)
{
    struct buf word;
    int rc = 0;
    buf_init(&word, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < cmd->word_count; i++) {
        buf_reset(&word);
        rc = template_expand(cmd->words[i], c, cmd->shell, &word, err);
        if (rc == 0 && i > 0)
            rc = buf_putc(out, ' ');
        if (rc == 0)
            rc = cmd->shell ? buf_put(out, buf_text(&word), word.len)
                            : text_put_shell_word(out, buf_text(&word));
    }
    buf_fini(&word);
    return rc;
}
