/* What a task runs: lines as /bin/sh would run them, with the shell only where
 * it is needed; their variables. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/jobcommand.h"
#include "prng.h"

static const struct {
    const char *line;
    bool shell;
    const char *words[8];
} lines[] = {
    {"a", false, {"a"}},
    {"  a\tb  ", false, {"a", "b"}},
    {"a 'b c' d\\ e", false, {"a", "b c", "d e"}},
    {"a '' 'x''y' '{}'", false, {"a", "", "xy", "{}"}},
    {"./a --x=1 @f %d +1 -o:2,3",
     false,
     {"./a", "--x=1", "@f", "%d", "+1", "-o:2,3"}},
    {"a {x}", true, {0}},
    {"a {{x}}", true, {0}},
    {"a }", true, {0}},
    {"a \"b\"", true, {0}},
    {"a $b", true, {0}},
    {"a # b", true, {0}},
    {"a; b", true, {0}},
    {"X=1 a", true, {0}},
    {"cd x", true, {0}},
    {"exit 1", true, {0}},
    {"a 'b", true, {0}}, /* the shell says what is wrong */
};

static void splits(void **state)
{
    (void)state;
    struct argv a;
    struct err err;
    argv_init(&a);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *line = lines[i].line;
        assert_int_equal(command_expand_line(line, NULL, &a, &err), 0);
        if (lines[i].shell) {
            assert_int_equal(a.argc, 3);
            assert_string_equal(a.argv[0], "/bin/sh");
            assert_string_equal(a.argv[1], "-c");
            assert_string_equal(a.argv[2], line);
            continue;
        }
        for (uint32_t k = 0; k < a.argc; k++)
            assert_string_equal(a.argv[k], lines[i].words[k]);
        assert_null(lines[i].words[a.argc]);
        assert_null(a.argv[a.argc]);
    }
    static const char *const bash[] = {"/bin/bash", "-l", NULL};
    assert_int_equal(command_expand_line("a b", bash, &a, &err), 0);
    assert_int_equal(a.argc, 4);
    assert_string_equal(a.argv[1], "-l");
    assert_string_equal(a.argv[2], "-c");
    assert_string_equal(a.argv[3], "a b");
    argv_fini(&a);
}

/* What a program prints, of at most size - 1 bytes; without its errors. */
static size_t output_of(char *const *argv, char *out, size_t size)
{
    int fds[2], status;
    size_t len = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        close(2);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    close(fds[0]);
    waitpid(pid, &status, 0);
    out[len] = '\0';
    return len;
}

/* Random lines give what /bin/sh -c gives. */
static void as_the_shell(void **state)
{
    (void)state;
    static const char *const parts[] = {" ",  "a",  "'",   "'b c'", "\\",
                                        "{",  "}",  "{x}", "x=",    "\\ ",
                                        "%s", "-n", "\t",  "''",    "{1,2}"};
    struct prng r = {2026};
    struct argv a;
    struct err err;
    char mine[4096], theirs[4096];
    unsigned direct = 0;
    argv_init(&a);
    for (int i = 0; i < 150; i++) {
        char line[256] = "printf '<%s>' ";
        for (uint32_t n = prng_below(&r, 8); n > 0; n--)
            strcat(line,
                   parts[prng_below(&r, sizeof(parts) / sizeof(parts[0]))]);
        char *sh[] = {(char *)"/bin/sh", (char *)"-c", line, NULL};
        assert_int_equal(command_expand_line(line, NULL, &a, &err), 0);
        direct += a.argc != 3 || strcmp(a.argv[0], "/bin/sh") != 0;
        output_of(sh, theirs, sizeof(theirs));
        output_of(a.argv, mine, sizeof(mine));
        if (strcmp(mine, theirs) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", line, mine, theirs);
    }
    assert_true(direct > 20);
    argv_fini(&a);
}

static struct arena *arena;

static struct job job_of(const char *text)
{
    static struct task_template none;
    struct err err;
    unsigned line;
    struct job job = {.id = "lines", .templates = &none};
    const struct table *t = table_create(arena, TABLE_COMMANDS, "in/c.txt",
                                         text, strlen(text), &line, &err);
    if (!t)
        fail_msg("%s", err.text);
    taskset_init_commands(&job.tasks, t);
    return job;
}

static void assert_variables(const struct job *job, uint32_t index,
                             const char *expected)
{
    struct line_variable vars[LINE_VARIABLES_MAX];
    struct err err;
    uint32_t count;
    char text[1024] = "";
    assert_int_equal(job_line_variables(job, index, vars, &count, &err), 0);
    for (uint32_t i = 0; i < count; i++) {
        strcat(strcat(strcat(text, vars[i].name), "="), vars[i].value);
        strcat(text, " ");
    }
    assert_string_equal(text, expected);
}

static void assert_shows(const struct job *job, uint32_t index,
                         const char *expected)
{
    struct template_context c = {.index = index};
    struct buf out;
    struct err err;
    bool line = false;
    buf_init(&out, 1000);
    assert_int_equal(job_command_show(job, &c, &out, &line, &err), 0);
    assert_string_equal(buf_text(&out), expected);
    assert_true(line);
    buf_fini(&out);
}

static void of_jobs(void **state)
{
    (void)state;
    arena = arena_create(1 << 20);
    struct job job = job_of("# c\na 'b' {x}\nc d\n");
    assert_shows(&job, 0, "a 'b' {x}");
    assert_shows(&job, 1, "c d");
    assert_variables(&job, 1, "MPIBATCH_LINE=3 LAUNCHER_JID=3 PARALLEL_SEQ=2 ");
    struct template_context c = {.index = 1};
    struct argv a;
    struct err err;
    argv_init(&a);
    assert_int_equal(job_command_expand(&job, &c, &a, &err), 0);
    assert_int_equal(a.argc, 2);
    assert_string_equal(a.argv[1], "d");
    job = job_of("x 'y'\n#DISBATCH REPEAT 2 start 7 z\n");
    assert_shows(&job, 0, "/bin/bash -c 'x '\\''y'\\'''");
    assert_variables(&job, 0,
                     "MPIBATCH_LINE=1 LAUNCHER_JID=1 PARALLEL_SEQ=1 "
                     "DISBATCH_JOBID=lines DISBATCH_NAMETASKS=c.txt "
                     "DISBATCH_REPEAT_INDEX=-1 DISBATCH_STREAM_INDEX=1 "
                     "DISBATCH_TASKID=0 ");
    assert_variables(&job, 2,
                     "MPIBATCH_LINE=2 LAUNCHER_JID=2 PARALLEL_SEQ=3 "
                     "DISBATCH_JOBID=lines DISBATCH_NAMETASKS=c.txt "
                     "DISBATCH_REPEAT_INDEX=8 DISBATCH_STREAM_INDEX=2 "
                     "DISBATCH_TASKID=2 ");
    c.index = 2;
    assert_int_equal(job_command_expand(&job, &c, &a, &err), 0);
    assert_int_equal(a.argc, 3);
    assert_string_equal(a.argv[0], "/bin/bash");
    assert_string_equal(a.argv[2], "z");
    for (unsigned long k = 1;; k++) { /* each allocation fails once */
        argv_fini(&a);
        mem_fail_at(k);
        int rc = job_command_expand(&job, &c, &a, &err);
        unsigned long used = mem_fail_at(0);
        assert_true(rc == 0 || err.code == ENOMEM);
        if (used < k)
            break;
    }
    argv_fini(&a);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(splits),
                                       cmocka_unit_test(as_the_shell),
                                       cmocka_unit_test(of_jobs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
