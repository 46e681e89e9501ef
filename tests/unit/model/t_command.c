/* Command lines: with or without a shell, the words of the direct path against
 * those of /bin/sh, and values that reach a program as data, byte for byte, in
 * whatever place of a shell line they stand.
 *
 * The program that shows its arguments is printf(1), run with '%s\0'.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/command.h"
#include "prng.h"
#include "sweeps.h"

/* Two parameters, x and y, each with one value. */
struct values {
    struct value v[2];
    struct taskset set;
};

static struct arena *kept; /* of the values last made */

static void values_init(struct values *s, const char *x, const char *y)
{
    struct swept params[2];
    struct err err;
    value_string(&s->v[0], x);
    value_string(&s->v[1], y);
    for (int i = 0; i < 2; i++)
        params[i] = (struct swept){
            .name = i ? "y" : "x", .values = &s->v[i], .count = 1};
    arena_destroy(kept);
    kept = arena_create(1 << 16);
    assert_non_null(kept);
    assert_int_equal(swept_init(&s->set, kept, false, params, 2, &err), 0);
}

static int values_fini(void **state)
{
    (void)state;
    arena_destroy(kept);
    return 0;
}

static const struct template_context context = {
    .index = 0, .task_id = "7", .job_id = "job", .run_dir = "/run dir"};

/* Run argv and return what it prints, which *len bytes long; free with
 * mem_free. stderr goes nowhere. */
static char *output_of(char *const argv[], size_t *len)
{
    int fds[2], status;
    struct buf out;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = vfork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
        dup2(STDERR_FILENO, STDIN_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(fds[1]);
    buf_init(&out, 1 << 22);
    for (;;) {
        char *to = buf_reserve(&out, 65536);
        assert_non_null(to);
        ssize_t n = read(fds[0], to, 65536);
        if (n <= 0)
            break;
        buf_commit(&out, (size_t)n);
    }
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *len = out.len;
    char *text = buf_take(&out);
    assert_non_null(text);
    return text;
}

/* A shell line, as argv of each shell that may be /bin/sh somewhere. */
enum { SHELLS = 2 };
static char *run_line(int shell, const char *line, size_t *len)
{
    char sh[] = "/bin/sh", bash[] = "bash", posix[] = "--posix", c[] = "-c";
    char *text = mem_strdup(line);
    assert_non_null(text);
    char *const dash[] = {sh, c, text, NULL};
    char *const other[] = {bash, posix, c, text, NULL};
    char *out = output_of(shell ? other : dash, len);
    mem_free(text);
    return out;
}

struct compiled {
    struct arena *arena;
    struct command command;
    size_t error_at;
    struct err err;
    int rc;
};

static void compile(struct compiled *c, const char *text,
                    const struct taskset *set)
{
    *c = (struct compiled){.arena = arena_create(1 << 24)};
    assert_non_null(c->arena);
    c->rc = command_compile(c->arena, text, set, NULL, &c->command,
                            &c->error_at, &c->err);
}

static const struct {
    const char *line;
    bool shell;
    const char *words[6]; /* of the direct path */
} decisions[] = {
    {"true", false, {"true"}},
    {"  a\tb  c ", false, {"a", "b", "c"}},
    {"a b\n", false, {"a", "b"}},
    {"a b \n\n", false, {"a", "b"}},
    {"a 'b c' d", false, {"a", "b c", "d"}},
    {"a ''", false, {"a", ""}},
    {"'' a", false, {"", "a"}},
    {"a b''c", false, {"a", "bc"}},
    {"a '$x;`y`\"z\"' w", false, {"a", "$x;`y`\"z\"", "w"}},
    {"a 'b\nc'", false, {"a", "b\nc"}},
    {"a b\\ c", false, {"a", "b c"}},
    {"a \\$x \\\\ \\'", false, {"a", "$x", "\\", "'"}},
    {"a '\\'", false, {"a", "\\"}},
    {"a b\\", false, {"a", "b\\"}},
    {"a b\\ ", false, {"a", "b "}}, /* the blank is quoted */
    {"a b\\\\ ", false, {"a", "b\\"}},
    {"a -x=1 b=2", false, {"a", "-x=1", "b=2"}},
    {"./a=b", true, {0}},
    {"A=b c", true, {0}},
    {"A= c", true, {0}},
    {"A={x} ./prog", true, {0}}, /* an assignment with a value */
    {"./prog{x:=>5}", false, {"./prog=VALX"}},
    {"./prog {x}={y}", false, {"./prog", "VALX=VALY"}},
    {"{x} {y}", false, {"VALX", "VALY"}},
    {"'{x} {y}' -{x}-", false, {"VALX VALY", "-VALX-"}},
    {"a {x: >6}", false, {"a", "  VALX"}},
    {"a '{x:'>6}'", false, {"a", "''VALX"}},
    {"a '{{x}}'", false, {"a", "{x}"}},
    {"a {task.id} {job.id} '{run.dir}'", false, {"a", "7", "job", "/run dir"}},
    {"a {{x}}", true, {0}},
    {"a \\{{", true, {0}},
    {"cd x", true, {0}},
    {"cdx", false, {"cdx"}},
    {"a cd", false, {"a", "cd"}},
    {"exit", true, {0}},
    {"exit 1", true, {0}},
    {"'exit' 1", true, {0}}, /* quotes do not make it a program */
    {"ex\\it 1", true, {0}},
    {": x", true, {0}},
    {". ./x", true, {0}},
    {"./x", false, {"./x"}},
    {"if true", true, {0}},
    {"exec a", true, {0}},
    {"time a", false, {"time", "a"}},
    {"a # b", true, {0}},
    {"a#b", true, {0}},
    {"a; b", true, {0}},
    {"a \"b\"", true, {0}},
    {"a *", true, {0}},
    {"a ?", true, {0}},
    {"a [b]", true, {0}},
    {"a & b", true, {0}},
    {"a | b", true, {0}},
    {"a > b", true, {0}},
    {"a < b", true, {0}},
    {"(a)", true, {0}},
    {"a $b", true, {0}},
    {"a `b`", true, {0}},
    {"a ^b", true, {0}},
    {"a ~", true, {0}},
    {"! a", true, {0}},
    {"a\nb", true, {0}},
    {"\na", true, {0}},
    {"a \\\n b", true, {0}},
    {"a \\\n", true, {0}},
};

static void decides_as_make_does(void **state)
{
    struct values s;
    (void)state;
    values_init(&s, "VALX", "VALY");
    for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
        struct compiled c;
        struct argv a;
        argv_init(&a);
        compile(&c, decisions[i].line, &s.set);
        if (c.rc < 0)
            fail_msg("%s: %s", decisions[i].line, c.err.text);
        if (c.command.shell != decisions[i].shell)
            fail_msg("%s: %s a shell", decisions[i].line,
                     c.command.shell ? "with" : "without");
        assert_int_equal(command_expand(&c.command, &context, &a, &c.err), 0);
        if (c.command.shell) {
            assert_int_equal(a.argc, 3);
            assert_string_equal(a.argv[0], "/bin/sh");
            assert_string_equal(a.argv[1], "-c");
        }
        for (uint32_t k = 0; !c.command.shell && k <= a.argc; k++) {
            if (!a.argv[k] || !decisions[i].words[k])
                assert_ptr_equal(a.argv[k], decisions[i].words[k]);
            else
                assert_string_equal(a.argv[k], decisions[i].words[k]);
        }
        assert_null(a.argv[a.argc]);
        argv_fini(&a);
        arena_destroy(c.arena);
    }
}

static const struct {
    const char *line;
    size_t at;
    const char *text; /* some of the message */
} errors[] = {
    {"", 0, "empty"},
    {" \t\n ", 0, "empty"},
    {"a {z}", 2, "\"z\""},
    {"  a b{zz}c", 5, "\"zz\""},
    {"a 'b c' \\ d{zz}", 11, "\"zz\""},
    {"a | b {zz}", 6, "\"zz\""},
    {"a {x:q}", 2, "format"},
    {"a '{'", 3, "brace"},
    {"a }", 2, "brace"},
    {"a 'b", 2, "not closed"},
    {"a; b \"c", 5, "not closed"},
    {"a; b \"c 'd", 5, "not closed"},
    {"a `b", 2, "not closed"},
    {"a \"$(b 'c)\"", 7, "not closed"},
    {"echo \\{x}", 6, "backslash"},
    {"echo \"\\{x}\"", 7, "backslash"},
    {"echo ${x}", 6, "${{NAME}}"},
    {"echo \"${x}\"", 7, "${{NAME}}"},
    {"echo \"$HOME{x}\"", 11, "${{NAME}}"},
    {"echo ${{v:-{x}}}", 11, "within ${ }"},
    {"cat <<'EOF'\n{x}\nEOF", 12, "here-document"},
    {"cat <<\\EOF\n{x}\nEOF", 11, "here-document"},
    {"cat <<{x}\na", 6, "here-document"},
    {"cat <<EOF{x}\na", 9, "here-document"},
    {"echo $'a' {x}", 10, "behind $'"},
    {"echo \"$(case a in a) echo {x};; esac)\"", 26, "case"},
    {"echo `echo \\`echo {x}\\``", 18, "backslash"},
    {"echo \"`echo \\\"{x}\\\"`\"", 14, "backslash"},
    {"echo `echo 'a` {x}", 15, "backticks"},
};

static void says_what_is_wrong_and_where(void **state)
{
    struct values s;
    (void)state;
    values_init(&s, "VALX", "VALY");
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct compiled c;
        compile(&c, errors[i].line, &s.set);
        if (c.rc != -1 || c.err.code != EINVAL || c.error_at != errors[i].at ||
            !strstr(c.err.text, errors[i].text))
            fail_msg("%s: %d, code %d at %zu: %s", errors[i].line, c.rc,
                     c.err.code, c.error_at, c.err.text);
        arena_destroy(c.arena);
    }
}

static void bounds_words_and_bytes(void **state)
{
    struct buf line;
    struct compiled c;
    struct values s;
    struct argv a;
    (void)state;
    values_init(&s, "x", "y");
    buf_init(&line, 1 << 20);
    for (int i = 0; i < COMMAND_MAX_WORDS; i++)
        assert_int_equal(buf_puts(&line, "a "), 0);
    compile(&c, buf_text(&line), &s.set);
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.command.word_count, COMMAND_MAX_WORDS);
    arena_destroy(c.arena);
    assert_int_equal(buf_puts(&line, "a "), 0);
    compile(&c, buf_text(&line), &s.set);
    assert_int_equal(c.rc, -1);
    assert_int_equal(c.err.code, E2BIG);
    arena_destroy(c.arena);

    for (int shell = 0; shell < 2; shell++) {
        buf_reset(&line);
        assert_int_equal(buf_puts(&line, shell ? "a;" : "a "), 0);
        while (line.len < COMMAND_MAX_BYTES - 100)
            assert_int_equal(buf_puts(&line, "bbbbbbbbbb"), 0);
        size_t fits = COMMAND_MAX_BYTES - line.len - 1 - (shell ? 11 : 0);
        for (size_t more = 0; more < 2; more++) {
            size_t len = line.len;
            for (size_t k = 0; k < fits + more; k++)
                assert_int_equal(buf_putc(&line, 'c'), 0);
            compile(&c, buf_text(&line), &s.set);
            assert_int_equal(c.rc, 0);
            argv_init(&a);
            assert_int_equal(command_expand(&c.command, &context, &a, &c.err),
                             more ? -1 : 0);
            if (more)
                assert_int_equal(c.err.code, EMSGSIZE);
            argv_fini(&a);
            arena_destroy(c.arena);
            buf_truncate(&line, len);
        }
    }
    buf_fini(&line);
}

/* Lines that need no shell: their words, and those that /bin/sh makes of them,
 * all of them in one shell, where p prints its arguments. */
static void direct_words_are_those_of_sh(void **state)
{
    static const char alphabet[] = "aab ''\\ \t=-,.$;{}\xc3\x81\n%@+:/";
    struct prng r = {53};
    struct buf script, want;
    int direct = 0;
    (void)state;
    buf_init(&script, 1 << 22);
    buf_init(&want, 1 << 22);
    assert_int_equal(buf_puts(&script, "p() { printf '%s\\0' $# \"$@\"; }\n"),
                     0);
    for (int i = 0; i < 40000; i++) {
        char line[24] = "p ";
        size_t n = 2 + prng_below(&r, sizeof(line) - 3);
        struct compiled c;
        struct argv a;
        for (size_t k = 2; k < n; k++)
            line[k] = alphabet[prng_below(&r, sizeof(alphabet) - 1)];
        if (line[n - 1] == '\\')
            line[n - 1] = 'a'; /* a script has a newline behind it */
        line[n] = '\0';
        compile(&c, line, NULL);
        if (c.rc == 0 && !c.command.shell) {
            /* a brace pair is one brace for the shell */
            argv_init(&a);
            assert_int_equal(command_expand(&c.command, &context, &a, &c.err),
                             0);
            assert_int_equal(buf_printf(&want, "%u", a.argc - 1), 0);
            for (uint32_t k = 1; k < a.argc; k++)
                assert_int_equal(
                    buf_put(&want, "", 1) | buf_puts(&want, a.argv[k]), 0);
            assert_int_equal(buf_put(&want, "", 1), 0);
            for (size_t k = 0; line[k]; k++) {
                assert_int_equal(buf_putc(&script, line[k]), 0);
                k += (line[k] == '{' || line[k] == '}') &&
                     line[k + 1] == line[k];
            }
            assert_int_equal(buf_putc(&script, '\n'), 0);
            argv_fini(&a);
            direct++;
        }
        arena_destroy(c.arena);
    }
    assert_true(direct > 1000);
    char path[] = "/tmp/t_command.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script.data, script.len), script.len);
    close(fd);
    size_t len;
    char sh[] = "/bin/sh";
    char *const argv[] = {sh, path, NULL};
    char *got = output_of(argv, &len);
    unlink(path);
    assert_int_equal(len, want.len);
    assert_memory_equal(got, want.data, len);
    mem_free(got);
    buf_fini(&script);
    buf_fini(&want);
}

/* Places in a shell line: the line, and what it prints, where X and Y stand for
 * the values, | for NUL, and @ for "printf %s\0". */
static const struct {
    const char *line, *prints;
} places[] = {
    {"@ {x};", "X|"},
    {"@ {x} {y};", "X|Y|"},
    {"@ a{x}b;", "aXb|"},
    {"@ {x}{y};", "XY|"},
    {"@ '{x}';", "X|"},
    {"@ 'a b{x} c' {y};", "a bX c|Y|"},
    {"@ \"{x}\";", "X|"},
    {"@ \"a '{x}' b\" {y};", "a 'X' b|Y|"},
    {"@ \"\\\"{x}\\\"\";", "\"X\"|"},
    {"@ \"\\\\{x}\";", "\\X|"},
    {"@ '\\'{x};", "\\X|"},
    {"@ \\'{x} {y};", "'X|Y|"},
    {"@ $(printf %s. {x} >/dev/null) {y};", "Y|"},
    {"@ \"$(printf %s. {x})\" {y};", "X.|Y|"},
    {"@ \"$(printf %s. \"{x}\")\" \"{y}\";", "X.|Y|"},
    {"@ \"$(printf %s. '{x}')\" '{y}';", "X.|Y|"},
    {"@ \"$( (printf %s. {x}) )\" {y};", "X.|Y|"},
    {"@ \"a $(printf %s. \"$(printf %s, {x})\") {y}\";", "a X,. Y|"},
    {"@ `printf %s. \"{x}\" >/dev/null` {y};", "Y|"},
    {"@ \"`printf %s. {x}`\" {y};", "X.|Y|"},
    {"@ \"`printf %s. '{x}'`\" {y};", "X.|Y|"},
    {"@ \"`printf %s. \"{x}\"`\" {y};", "X.|Y|"},
    {"@ a # {x}\n@ {y};", "a|Y|"},
    {"# it's {x}\n# \"{y}\n@ {x};", "X|"},
    {"@ a;# {x} `$(\n@ {y}", "a|Y|"},
    {"(#' {x}\n@ {y})", "Y|"},
    {"@ a#'{x}' {y};", "a#X|Y|"},
    {"@ $(:)#'{x}' {y};", "#X|Y|"},
    {"@ a \\\n# it's {x}\n@ {y};", "a|Y|"},
    {"@ \"$(# ) {x}\nprintf %s. {y})\" {x};", "Y.|X|"},
    {"v={x}; @ \"$v\" {y};", "X|Y|"},
    {"v='a '{x}\" b\"; @ \"$v\";", "a X b|"},
    {"V={x} sh -c '@ \"$V\"';", "X|"},
    {"sh -c '@ \"$1\"' sh {x};", "X|"},
    {"unset v; @ \"${{v:-a b}}\" {y};", "a b|Y|"},
    {"unset v; @ ${{v:-'a b'}} {y};", "a b|Y|"},
    {"unset v; @ ${{v:-\"a #b\"}} # {x}\n@ {y};", "a #b|Y|"},
    {"unset v; @ ${{v:- # }} {y};", "#|Y|"},
    {"set --; @ $#{x};", "0X|"},
    {"f() {{ @ \"$1\" {x}; }}; f {y};", "Y|X|"},
    {"set -- a b; @ \"$1\" {x};", "a|X|"},
    {"for v in {x} {y}; do @ \"$v\"; done", "X|Y|"},
    {"case {x} in {x}) @ {y};; *) @ no;; esac", "Y|"},
    {"case a in (a) @ '{x}';; esac; @ {y};", "X|Y|"},
    {"if [ a{x} = a{x} ]; then @ {y}; fi", "Y|"},
    {"@ {x}>&1 {y};", "X|Y|"},
    {"@ $((1+2)){x} {y};", "3X|Y|"},
    {"@ $(( (1+2)*$((2)) )) {x};", "6|X|"},
    {"v=$(cat <<END\n[{x}]\nEND\n); @ \"$v\";", "[X]|"},
    {"v=$(cat <<END\n[{x}]\nEND b\n END\nE\nEND\n); @ \"$v\" {y};",
     "[X]\nEND b\n END\nE|Y|"},
    {"v=$(cat <<END\n{x}.\nEND\n); @ \"$v\" {y};", "X.|Y|"},
    {"v=$(cat <<END\nE{x}\n.\nEND\n); @ \"$v\" {y};", "EX\n.|Y|"},
    {"v=$(cat <<END\n.{x}END\nEND\n); @ \"$v\" {y};", ".XEND|Y|"},
    {"v=$(cat <<-END\n\t[{x}]\n\tEND\n); @ \"$v\" {y};", "[X]|Y|"},
    {"v=$(cat << END\n'{x}'\"{y}\"\nEND\n); @ \"$v\";", "'X'\"Y\"|"},
    {"v=$(cat <<END\n[$(printf %s. {y})]\nEND\n); @ \"$v\" {x};", "[Y.]|X|"},
    {"v=$(cat <<END # {x}\n\\$({x}.\nEND\n); @ \"$v\";", "$(X.|"},
    {"v=$(cat <<'END'\n'\"$(\nEND\n); @ \"$v\" {x};", "'\"$(|X|"},
    {"cat >/dev/null <<END; @ {y}\n[{x}]\nEND\n@ {x};", "Y|X|"},
    {"(cat >/dev/null <<END\n[{x}]\nEND\n@ {y})", "Y|"},
};

static const char *const nasty[] = {
    "plain",
    "0.5",
    "-5",
    "",
    " ",
    "a b",
    "it's",
    "'",
    "''",
    "\"",
    "\\",
    "\\\\",
    "a\\",
    "\\n",
    "\\'",
    "a\n\nb\nEND\nc",
    "END",
    "ND",
    "END\n: >CANARY",
    "\nEND\n: >CANARY\n",
    "$HOME",
    "HOME",
    "${IFS}",
    "(: >CANARY)",
    "$(: >CANARY)",
    "'$(: >CANARY)'",
    "`: >CANARY`",
    "; : >CANARY;",
    "'; : >CANARY; '",
    "\"; : >CANARY; \"",
    "\\\"; : >CANARY; \\\"",
    ")\"; : >CANARY; (\"",
    "`; : >CANARY; `",
    "\n: >CANARY\n:",
    "*",
    "~",
    "#",
    "a#b",
    "-n",
    "if",
    "done",
    "esac",
    "in",
    "2",
    "1",
    "=x",
    "A=b",
    "{}",
    "}",
    "!",
    "|&<>()",
    "%s\\0",
    "\t",
    "\r\x0b\x01\x7f",
    "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89",
    "\xff'\x81\"\x88`",
    "\xc3\xa9",
};
enum {
    PLACES = sizeof(places) / sizeof(places[0]),
    NASTY = sizeof(nasty) / sizeof(nasty[0])
};

/* Append pattern with what X, Y, @ and | stand for. */
static void put_pattern(struct buf *b, const char *pattern, const char *x,
                        const char *y)
{
    for (; *pattern; pattern++) {
        int rc = x && *pattern == '|'   ? buf_put(b, "", 1)
                 : x && *pattern == 'X' ? buf_puts(b, x)
                 : x && *pattern == 'Y' ? buf_puts(b, y)
                 : *pattern == '@'      ? buf_puts(b, "printf %s\\\\0")
                                        : buf_putc(b, *pattern);
        assert_int_equal(rc, 0);
    }
}

/* Append the line for /bin/sh that pattern becomes with x and y. */
static void put_line(struct buf *b, const char *pattern, const char *x,
                     const char *y)
{
    struct values s;
    struct compiled c;
    struct argv a;
    struct buf text;
    values_init(&s, x, y);
    buf_init(&text, 4096);
    put_pattern(&text, pattern, NULL, NULL);
    compile(&c, buf_text(&text), &s.set);
    if (c.rc < 0)
        fail_msg("%s: %s", pattern, c.err.text);
    argv_init(&a);
    assert_int_equal(command_expand(&c.command, &context, &a, &c.err), 0);
    assert_int_equal(buf_puts(b, a.argv[c.command.shell ? 2 : 0]), 0);
    argv_fini(&a);
    arena_destroy(c.arena);
    buf_fini(&text);
}

/* A scratch folder to work in; the values try to make the file CANARY. */
static int scratch_enter(void **state)
{
    char path[] = "/tmp/t_command.XXXXXX";
    if (!mkdtemp(path) || chdir(path) < 0)
        return -1;
    *state = mem_strdup(path);
    return *state ? 0 : -1;
}

static int scratch_leave(void **state)
{
    char command[64];
    int rc = chdir("/");
    snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
    mem_free(*state);
    return rc < 0 ? rc : system(command);
}

static bool canary_lives(void)
{
    return access("CANARY", F_OK) < 0;
}

static void check_run(int shell, const char *line, const struct buf *want,
                      const char *pattern)
{
    size_t len;
    char *got = run_line(shell, line, &len);
    if (!canary_lives())
        fail_msg("shell %d ran a value in: %s", shell, pattern);
    if (len != want->len || memcmp(got, want->data, len) != 0)
        fail_msg("shell %d: %s: %zu bytes, not %zu:\n%.300s", shell, pattern,
                 len, want->len, line);
    mem_free(got);
}

/* Each nasty value in each place, of the second shell every third; one shell
 * for all values of a place. */
static void nasty_values_are_data_everywhere(void **state)
{
    struct buf line, want;
    (void)state;
    buf_init(&line, COMMAND_MAX_BYTES);
    buf_init(&want, 1 << 20);
    for (size_t p = 0; p < SHELLS * PLACES; p++) {
        int shell = p % SHELLS;
        buf_reset(&line);
        buf_reset(&want);
        for (size_t i = shell ? p % 3 : 0; i < NASTY; i += shell ? 3 : 1) {
            const char *x = nasty[i], *y = nasty[(i * 7 + p) % NASTY];
            put_line(&line, places[p / SHELLS].line, x, y);
            assert_int_equal(buf_putc(&line, '\n'), 0);
            put_pattern(&want, places[p / SHELLS].prints, x, y);
        }
        check_run(shell, buf_text(&line), &want, places[p / SHELLS].line);
    }
    buf_fini(&line);
    buf_fini(&want);
}

/* Random bytes, many of them special. */
static void random_value(struct prng *r, char value[24])
{
    static const char special[] = "'\"\\$`(){}#;&|<>*?[]~! \t\n=END";
    size_t n = prng_below(r, 23);
    for (size_t k = 0; k < n; k++)
        value[k] = (char)(prng_below(r, 3)
                              ? special[prng_below(r, sizeof(special) - 1)]
                              : 1 + (int)prng_below(r, 255));
    value[n] = '\0';
}

static void random_values_are_data_everywhere(void **state)
{
    struct prng r = {61};
    struct buf line, want;
    (void)state;
    buf_init(&line, COMMAND_MAX_BYTES);
    buf_init(&want, 1 << 20);
    for (int i = 0; i < PLACES; i++) {
        size_t p = (size_t)i % PLACES;
        buf_reset(&line);
        buf_reset(&want);
        for (int k = 0; k < 20; k++) {
            char x[24], y[24];
            random_value(&r, x);
            random_value(&r, y);
            put_line(&line, places[p].line, x, y);
            assert_int_equal(buf_putc(&line, '\n'), 0);
            put_pattern(&want, places[p].prints, x, y);
        }
        check_run(i % SHELLS, buf_text(&line), &want, places[p].line);
    }
    buf_fini(&line);
    buf_fini(&want);
}

/* The whole way, as a task goes: argv, /bin/sh, and a program that is not a
 * builtin. */
static void programs_get_values_byte_for_byte(void **state)
{
    static const char *const lines[] = {
        "/usr/bin/printf '%s\\0' {x} '{y}' a'{x}'{y}",
        "/usr/bin/printf '%s\\0' {x} '{y}' \"a{x}$(printf %s '{y}.')\"; true",
        "/usr/bin/printf '%s\\0' {x} '{y}' \"a{x}`printf %s '{y}.'`\"; true",
    };
    struct prng r = {67};
    (void)state;
    for (int i = 0; i < 90; i++) {
        char x[24], y[24];
        struct values s;
        struct compiled c;
        struct argv a;
        struct buf want;
        size_t len;
        random_value(&r, x);
        random_value(&r, y);
        values_init(&s, x, y);
        compile(&c, lines[i % 3], &s.set);
        assert_int_equal(c.rc, 0);
        assert_int_equal(c.command.shell, i % 3 > 0);
        argv_init(&a);
        assert_int_equal(command_expand(&c.command, &context, &a, &c.err), 0);
        buf_init(&want, 1000);
        put_pattern(&want, i % 3 ? "X|Y|aXY.|" : "X|Y|aXY|", x, y);
        char *got = output_of(a.argv, &len);
        assert_int_equal(len, want.len);
        assert_memory_equal(got, want.data, len);
        mem_free(got);
        buf_fini(&want);
        argv_fini(&a);
        arena_destroy(c.arena);
    }
}

/* Whatever a line is made of, it is refused, or the shell runs no value. */
static void random_lines_run_no_value(void **state)
{
    static const char *const tokens[] = {
        "'",      "\"", "`",         "$(",    "$((",   "(",   ")",   "))",
        "${{v:-", "}}", "\\",        "\n",    " ",     ";",   "#",   "<<E\n",
        "\nE\n",  "$v", "$",         "a",     "{x}",   "|",   "{y}", ":",
        "<<'E'",  "=",  "case a in", "esac;", "{x:s}", "{y}", "''",  "<<-E",
        "\t",     "$'", "[",         "]"};
    static const char *const values[] = {"$(: >CANARY)",
                                         "`: >CANARY`",
                                         "; : >CANARY;",
                                         "\n: >CANARY\n",
                                         "'; : >CANARY; '",
                                         "\"; : >CANARY; \"",
                                         "(: >CANARY)",
                                         "E\n: >CANARY",
                                         "E",
                                         "v",
                                         "a[$(: >CANARY)]",
                                         ") ; : >CANARY;",
                                         "1",
                                         "{v:-$(: >CANARY)}",
                                         "\\'; : >CANARY #"};
    enum {
        TOKENS = sizeof(tokens) / sizeof(tokens[0]),
        VALUES = sizeof(values) / sizeof(values[0])
    };
    const char *rounds = getenv("T_COMMAND_LINES"); /* for a longer search */
    struct prng r = {71};
    long want = rounds ? atol(rounds) : 400;
    (void)state;
    for (long runs = 0; runs < want;) {
        struct values s;
        struct compiled c;
        struct argv a;
        struct buf text;
        size_t len;
        buf_init(&text, 4096);
        for (uint32_t n = 3 + prng_below(&r, 12); n > 0; n--)
            assert_int_equal(buf_puts(&text, tokens[prng_below(&r, TOKENS)]),
                             0);
        values_init(&s, values[prng_below(&r, VALUES)],
                    values[prng_below(&r, VALUES)]);
        compile(&c, buf_text(&text), &s.set);
        argv_init(&a);
        if (c.rc == 0 && c.command.shell && strstr(buf_text(&text), "{") &&
            command_expand(&c.command, &context, &a, &c.err) == 0) {
            mem_free(run_line((int)(runs % SHELLS), a.argv[2], &len));
            if (!canary_lives())
                fail_msg("ran a value in: %s\nas: %s", buf_text(&text),
                         a.argv[2]);
            runs++;
        }
        argv_fini(&a);
        arena_destroy(c.arena);
        buf_fini(&text);
    }
}

static void arithmetic_takes_numbers_only(void **state)
{
    static const struct {
        const char *value;
        bool fine;
    } table[] = {{"21", true},    {"-21", true},       {"+1", true},
                 {"0x1f", true},  {"0.5", true},       {"", false},
                 {"x", false},    {"1+1", false},      {"1 ", false},
                 {"-", false},    {"a[$(id)]", false}, {"1/0", false},
                 {"$(id)", false}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct values s;
        struct compiled c;
        struct argv a;
        values_init(&s, table[i].value, "");
        compile(&c, "echo $(( 2 * {x} ))", &s.set);
        assert_int_equal(c.rc, 0);
        argv_init(&a);
        int rc = command_expand(&c.command, &context, &a, &c.err);
        if ((rc == 0) != table[i].fine)
            fail_msg("%s: %d", table[i].value, rc);
        if (rc < 0)
            assert_int_equal(c.err.code, EINVAL);
        argv_fini(&a);
        arena_destroy(c.arena);
    }
}

static void harmless_values_stay_readable(void **state)
{
    static const struct {
        const char *line, *x, *shown;
    } table[] = {
        {"a {x} | b", "0.10", "a 0.10 | b"},
        {"a {x} | b", "/dir/f-1.txt", "a /dir/f-1.txt | b"},
        {"a {x} | b", "wolff", "a 'wolff' | b"},
        {"a \"{x}\" '{x}'; b", "wolff", "a \"wolff\" 'wolff'; b"},
        {"a {x}>f", "2", "a '2'>f"},
        {"a {x} >f", "2", "a 2 >f"},
        {"a $(({x}+1))", "2", "a $((2+1))"},
        {"a {x} | b", "it's", "mpibatch_1='it'\\''s'; a \"${mpibatch_1}\" | b"},
        {"a {x}", "0.10", "a 0.10"},
        {"a {x} b=c", "x y", "a 'x y' 'b=c'"},
        {"'a b' {x}", "", "'a b' ''"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct values s;
        struct compiled c;
        struct buf out;
        values_init(&s, table[i].x, "");
        compile(&c, table[i].line, &s.set);
        assert_int_equal(c.rc, 0);
        buf_init(&out, 1000);
        assert_int_equal(buf_puts(&out, "> "), 0);
        assert_int_equal(command_show(&c.command, &context, &out, &c.err), 0);
        assert_string_equal(buf_text(&out) + 2, table[i].shown);
        /* too long: nothing is appended, and why is said */
        buf_truncate(&out, 2);
        out.max_bytes = 1 + strlen(table[i].shown);
        assert_int_equal(command_show(&c.command, &context, &out, &c.err), -1);
        assert_int_equal(c.err.code, EMSGSIZE);
        assert_string_equal(buf_text(&out), "> ");
        buf_fini(&out);
        arena_destroy(c.arena);
    }
}

static void argv_is_used_again(void **state)
{
    static const char *const lines[] = {"a b c d e f", "g", "h i; j", "k l m"};
    struct argv a;
    (void)state;
    argv_init(&a);
    for (int i = 0; i < 20; i++) {
        struct compiled c;
        compile(&c, lines[i * 3 % 4], NULL);
        assert_int_equal(c.rc, 0);
        assert_int_equal(command_expand(&c.command, &context, &a, &c.err), 0);
        uint32_t n = 0;
        while (a.argv[n])
            n++;
        assert_int_equal(n, a.argc);
        assert_int_equal(n, c.command.shell ? 3 : c.command.word_count);
        assert_int_equal(a.argv[0][0],
                         c.command.shell ? '/' : lines[i * 3 % 4][0]);
        arena_destroy(c.arena);
    }
    argv_fini(&a);
    assert_null(a.argv);
}

/* Each allocation fails once: an error, nothing leaks, nothing changes. */
static void no_memory_is_an_error(void **state)
{
    static const char *const lines[] = {"a {x} 'b c' {y}", "a {x} | b '{y}'"};
    struct values s;
    (void)state;
    values_init(&s, "it's", "a b");
    for (int i = 0; i < 2; i++) {
        struct compiled c = {.rc = -1};
        for (unsigned long k = 1; c.rc < 0; k++) {
            struct arena *arena = arena_create(1 << 20);
            arena_destroy(c.arena);
            assert_non_null(arena);
            memset(&c, 0, sizeof(c));
            c.arena = arena;
            mem_fail_at(k);
            c.rc = command_compile(arena, lines[i], &s.set, NULL, &c.command,
                                   &c.error_at, &c.err);
            mem_fail_at(0);
            assert_true(k < 50);
            assert_int_equal(c.err.code, c.rc < 0 ? ENOMEM : 0);
            assert_true(c.rc == 0 || !c.command.words);
        }
        int rc = -1;
        for (unsigned long k = 1; rc < 0; k++) {
            struct argv a;
            argv_init(&a);
            err_clear(&c.err);
            mem_fail_at(k);
            rc = command_expand(&c.command, &context, &a, &c.err);
            mem_fail_at(0);
            assert_true(k < 50);
            assert_int_equal(c.err.code, rc < 0 ? ENOMEM : 0);
            argv_fini(&a);
        }
        rc = -1;
        for (unsigned long k = 1; rc < 0; k++) {
            struct buf out;
            buf_init(&out, 1000);
            assert_int_equal(buf_puts(&out, "> "), 0);
            err_clear(&c.err);
            mem_fail_at(k);
            rc = command_show(&c.command, &context, &out, &c.err);
            mem_fail_at(0);
            assert_true(k < 50);
            assert_int_equal(c.err.code, rc < 0 ? ENOMEM : 0);
            if (rc < 0)
                assert_string_equal(buf_text(&out), "> ");
            buf_fini(&out);
        }
        arena_destroy(c.arena);
    }
    /* and when the arena is full */
    for (size_t bytes = 0; bytes < 600; bytes += 8) {
        struct arena *arena = arena_create(bytes);
        struct command out;
        struct err err = {0};
        size_t at;
        assert_non_null(arena);
        if (command_compile(arena, lines[1], &s.set, NULL, &out, &at, &err) < 0)
            assert_int_equal(err.code, ENOMEM);
        arena_destroy(arena);
    }
}

#define IN_SCRATCH(test)                                                       \
    cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_as_make_does),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(bounds_words_and_bytes),
        cmocka_unit_test(direct_words_are_those_of_sh),
        IN_SCRATCH(nasty_values_are_data_everywhere),
        IN_SCRATCH(random_values_are_data_everywhere),
        IN_SCRATCH(programs_get_values_byte_for_byte),
        IN_SCRATCH(random_lines_run_no_value),
        cmocka_unit_test(arithmetic_takes_numbers_only),
        cmocka_unit_test(harmless_values_stay_readable),
        cmocka_unit_test(argv_is_used_again),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, values_fini);
}
