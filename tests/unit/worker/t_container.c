/* The command line of a task in a container. */
#include "config.h"
#include "worker/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"

enum { WORDS_MAX = 16 };

static struct arena *arena;
static struct taskset set;
static const struct template_context names = {
    .index = 7, .task_id = "7", .job_id = "j", .spec_dir = "/spec"};

/* The words of a line, compiled. */
static uint32_t compile(const char *line, const struct template **words)
{
    char *text = arena_strdup(arena, line), *save = NULL;
    uint32_t count = 0;
    for (char *p = strtok_r(text, " ", &save); p;
         p = strtok_r(NULL, " ", &save)) {
        size_t at;
        struct err err;
        assert_true(count < WORDS_MAX);
        words[count] =
            template_compile(arena, p, &set, NULL, TEMPLATE_ALL, &at, &err);
        if (!words[count++])
            fail_msg("%s", err.text);
    }
    return count;
}

/* The line that becomes of `echo "a b" c`, blanks between the words; or NULL
 * with err and *failure. */
static char *wrap(const char *runtime, const char *options, const char *image,
                  bool image_working_dir, const struct container_place *where,
                  enum failure *failure, struct err *err)
{
    const struct template *words[3][WORDS_MAX], *command[WORDS_MAX];
    struct container_settings c = {.runtime = words[0],
                                   .options = words[1],
                                   .image_working_dir = image_working_dir};
    struct command echo = {.words = command};
    struct argv a;
    struct buf line;
    c.runtime_count = compile(runtime, words[0]);
    c.option_count = compile(options, words[1]);
    assert_int_equal(compile(image, words[2]), 1);
    c.image = words[2][0];
    echo.word_count = compile("echo a_b c", command);
    argv_init(&a);
    buf_init(&line, 65536);
    assert_int_equal(command_expand(&echo, &names, &a, err), 0);
    int rc = container_wrap(&c, &names, where, &a, failure, err);
    for (uint32_t i = 0; rc == 0 && i < a.argc; i++)
        assert_true(buf_printf(&line, "%s%s", i > 0 ? " " : "", a.argv[i]) ==
                    0);
    if (rc == 0)
        assert_null(a.argv[a.argc]);
    argv_fini(&a);
    char *text = rc == 0 ? buf_take(&line) : NULL;
    buf_fini(&line);
    return text;
}

static void test_lines(void **state)
{
    (void)state;
    char dir[] = "/tmp/t_container.XXXXXX", path[64], image[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/py.sif", dir);
    fclose(fopen(path, "w"));
    snprintf(image, sizeof(image), "%s", path);
    const struct {
        const char *runtime, *options, *image, *root, *work_dir;
        bool image_working_dir;
        const char *line; /* @: the image's path */
    } cases[] = {
        {"apptainer exec", "", "py.sif", NULL, "/spec", false,
         "apptainer exec --bind /spec --pwd /spec @ echo a_b c"},
        {"/opt/bin/singularity -q exec", "--nv --bind /data", "py.sif",
         "/scratch/x", "/scratch/x/workitems/j/job-1/7/wd", false,
         "/opt/bin/singularity -q exec --nv --bind /data --bind /scratch/x "
         "--pwd /scratch/x/workitems/j/job-1/7/wd @ echo a_b c"},
        /* /scratch/xy is not below /scratch/x */
        {"apptainer exec", "", image, "/scratch/x", "/scratch/xy", false,
         "apptainer exec --bind /scratch/x --bind /scratch/xy --pwd "
         "/scratch/xy @ echo a_b c"},
        {"apptainer exec", "--env N={task.id}", "docker://ubuntu:22.04", NULL,
         "/spec", true,
         "apptainer exec --env N=7 --bind /spec docker://ubuntu:22.04 echo "
         "a_b c"},
        {"ch-run", "--write", "py.sif", NULL, "/spec", false,
         "ch-run --write --bind /spec --cd /spec @ -- echo a_b c"},
        {"podman run", "--rm --env-host -v /spec:/spec", "ubuntu:22.04", NULL,
         "/spec", false,
         "podman run --rm --env-host -v /spec:/spec ubuntu:22.04 echo a_b c"},
        {"run-in", "", "py.sif", NULL, "/spec", false, "run-in @ echo a_b c"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct container_place where = {.work_dir = cases[i].work_dir,
                                              .root = cases[i].root,
                                              .spec_dir = dir};
        enum failure failure = FAILURE_UNKNOWN;
        struct err err = {0};
        char want[512] = "";
        for (const char *p = cases[i].line; *p; p++)
            snprintf(want + strlen(want), sizeof(want) - strlen(want), "%.*s",
                     *p == '@' ? (int)strlen(path) : 1, *p == '@' ? path : p);
        char *line = wrap(cases[i].runtime, cases[i].options, cases[i].image,
                          cases[i].image_working_dir, &where, &failure, &err);
        if (!line)
            fail_msg("case %zu: %s", i, err.text);
        assert_string_equal(line, want);
        assert_int_equal(failure, FAILURE_NONE);
        mem_free(line);
    }
    unlink(path);
    rmdir(dir);
}

static void test_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *runtime, *image, *work_dir, *root;
        enum failure failure;
        const char *text;
    } cases[] = {
        {"apptainer exec", "none.sif", "/spec", NULL,
         FAILURE_CONTAINER_INVALID_IMAGE,
         "the container's image /spec/none.sif: No such file or directory"},
        {"apptainer exec", "/none/x.sif", "/spec", NULL,
         FAILURE_CONTAINER_INVALID_IMAGE,
         "the container's image /none/x.sif: No such file or directory"},
        {"apptainer exec", "docker://u", "/a:b", NULL,
         FAILURE_CONTAINER_INVALID_SETTINGS,
         "/a:b cannot be shown to a container: its name has a colon or a "
         "comma"},
        {"apptainer exec", "docker://u", "/a", "/scratch,1",
         FAILURE_CONTAINER_INVALID_SETTINGS,
         "/scratch,1 cannot be shown to a container: its name has a colon or "
         "a comma"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct container_place where = {.work_dir = cases[i].work_dir,
                                              .root = cases[i].root,
                                              .spec_dir = "/spec"};
        enum failure failure = FAILURE_NONE;
        struct err err = {0};
        assert_null(wrap(cases[i].runtime, "", cases[i].image, false, &where,
                         &failure, &err));
        assert_int_equal(failure, cases[i].failure);
        assert_string_equal(err.text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines),
                                       cmocka_unit_test(test_wrong)};
    arena = arena_create(1 << 20);
    int rc = arena ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    arena_destroy(arena);
    return rc;
}
