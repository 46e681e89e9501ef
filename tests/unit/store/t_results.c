/* Tests of results.h5: shapes of cubes, names, failures. What is in the file
 * is checked by results.sh, with the readers that people use. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/quantity.h"
#include "model/columns.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/results.h"
#include "store/results_build.h"
#include "../sweeps.h"

/* Each cell is in one chunk, chunks are ranges, and none is over target. */
static void shapes_divide_cells_into_ranges(void **state)
{
    static const struct {
        uint64_t dims[4];
        int rank;
        uint64_t target;
    } cases[] = {
        {{1}, 1, 1},          {{1, 1, 1}, 3, 100},   {{7}, 1, 3},
        {{10}, 1, 10},        {{11}, 1, 10},         {{3, 5, 7}, 3, 1},
        {{3, 5, 7}, 3, 6},    {{3, 5, 7}, 3, 7},     {{3, 5, 7}, 3, 14},
        {{3, 5, 7}, 3, 34},   {{3, 5, 7}, 3, 35},    {{3, 5, 7}, 3, 69},
        {{3, 5, 7}, 3, 105},  {{3, 5, 7}, 3, 1000},  {{2, 101, 3, 2}, 4, 50},
        {{9, 1, 1, 2}, 4, 4}, {{100, 1, 40}, 3, 33},
    };
    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct cube_shape s;
        cube_shape_init(&s, cases[c].dims, cases[c].rank, cases[c].target);
        uint64_t cells = 1, box = 1, next = 0, count;
        for (int i = 0; i < s.rank; i++) {
            cells *= cases[c].dims[i];
            box *= s.chunk[i];
        }
        assert_int_equal(s.cells, cells);
        assert_int_equal(s.chunk_cells, box);
        assert_true(box <= cases[c].target);
        for (uint64_t k = 0; k < s.chunks; k++) {
            assert_int_equal(cube_chunk_start(&s, k, &count), next);
            assert_in_range(count, 1, s.chunk_cells);
            for (uint64_t i = 0; i < count; i++)
                assert_int_equal(cube_chunk_of(&s, next + i), k);
            next += count;
        }
        assert_int_equal(next, cells);
    }
    /* the largest of all */
    struct cube_shape s;
    uint64_t count, huge[] = {TASKSET_MAX_COUNT};
    cube_shape_init(&s, huge, 1, 1 << 14);
    assert_int_equal(cube_chunk_of(&s, TASKSET_MAX_COUNT - 1), s.chunks - 1);
    assert_int_equal(cube_chunk_start(&s, s.chunks - 1, &count) + count,
                     TASKSET_MAX_COUNT);
}

static void names_are_unique(void **state)
{
    static char used[4][RESULTS_MAX_NAME + 1] = {"a", "b", "b_", "c_d"};
    char out[RESULTS_MAX_NAME + 1], longest[600];
    (void)state;
    name_unique(out, "x", used, 4);
    assert_string_equal(out, "x");
    name_unique(out, "a", used, 4);
    assert_string_equal(out, "a_");
    name_unique(out, "b", used, 4);
    assert_string_equal(out, "b__");
    name_unique(out, "c/d", used, 4);
    assert_string_equal(out, "c_d_");
    name_unique(out, ".", used, 4);
    assert_string_equal(out, "_");
    name_unique(out, "", used, 4);
    assert_string_equal(out, "_");
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    name_unique(out, longest, used, 4);
    assert_in_range(strlen(out), 1, RESULTS_MAX_NAME);
}

/* ---- Runs ---- */

static const struct metric metrics[] = {
    {.name = "energy", .type = METRIC_FLOAT64},
    {.name = "word", .type = METRIC_STRING},
    {.name = "state", .type = METRIC_INT64}, /* a name that is taken */
};

static struct jobspec *make_spec(void)
{
    static const char *const xs[] = {"1", "2.5", "1e3"};
    static const char *const mixed[] = {"true", "x", "~"};
    static const char *const flags[] = {"true", "false"};
    struct err err = {0};
    struct jobspec *spec = spec_make("test", 1);
    struct job *job = job_of(spec, 0);
    struct swept p[4];
    p[0] = (struct swept){
        .name = "x", .values = values_make(spec, xs, 3), .count = 3};
    p[1] = (struct swept){
        .name = "jobs", .values = values_make(spec, mixed, 3), .count = 3};
    p[2] = (struct swept){
        .name = "rank", .values = values_make(spec, flags, 2), .count = 2};
    p[3] = (struct swept){
        .name = "one", .values = values_make(spec, xs, 1), .count = 1};
    assert_int_equal(swept_init(&job->tasks, spec->arena, true, p, 4, &err), 0);
    const struct param *params = job->tasks.params;
    assert_int_equal(param_kind(&params[0]), CELL_FLOAT64);
    assert_int_equal(param_kind(&params[1]), CELL_STRING);
    assert_int_equal(param_kind(&params[2]), CELL_INT8);
    assert_int_equal(param_kind(&params[3]), CELL_INT64);
    job->metrics = metrics;
    job->metric_count = 3;
    return spec;
}

/* A run of all 18 tasks, each with output_bytes of output. */
static void make_run(const char *dir, const struct jobspec *spec,
                     size_t output_bytes)
{
    struct err err = {0};
    bool fresh;
    char *text = mem_calloc(1, output_bytes + 1);
    struct rundir *r = rundir_open(dir, "x", 1, "/x", NULL, &fresh, &err);
    struct writer *w = writer_create(&err);
    struct journal *j = journal_create(r, spec, w, &err);
    struct output_pack *o = output_pack_create(r, w, &err);
    assert_non_null(o);
    for (uint32_t i = 0; i < spec->jobs[0].tasks.count; i++) {
        struct attempt a;
        char word[] = "word";
        attempt_init(&a);
        a.index = i;
        a.attempt = 1;
        a.result = RESULT_SUCCESS;
        a.metric_count = 3;
        a.metrics[1].string = word;
        assert_int_equal(
            output_pack_put(o, 0, text, output_bytes, &a.output[0], &err), 0);
        struct journal_record rec = {.type = JOURNAL_ATTEMPT, .u.attempt = &a};
        assert_int_equal(journal_append(j, &rec, NULL, &err), 0);
    }
    assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
    journal_destroy(j);
    output_pack_destroy(o);
    rundir_close(r);
    mem_free(text);
}

static int count_entries(const char *dir)
{
    int n = 0;
    char command[600];
    snprintf(command, sizeof(command), "ls -A '%s'", dir);
    FILE *f = popen(command, "r");
    for (int c; (c = getc(f)) != EOF;)
        n += c == '\n';
    pclose(f);
    return n;
}

static void keeps_the_old_file_if_it_fails(void **state)
{
    const char *dir = *state;
    struct err err = {0};
    struct jobspec *spec = make_spec();
    volatile bool cancel = true;
    make_run(dir, spec, 10);
    struct rundir *r = rundir_open_read(dir, &err);
    int before = count_entries(dir);
    assert_false(results_are_current(r, spec));
    assert_int_equal(results_build(r, spec, &cancel, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    assert_int_equal(count_entries(dir), before);
    cancel = false;
    assert_int_equal(results_build(r, spec, &cancel, &err), 0);
    assert_int_equal(count_entries(dir), before + 1);
    assert_true(results_are_current(r, spec));
    struct stat st, now;
    assert_int_equal(stat(path_of("%s/results.h5", dir), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    /* a damaged journal */
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", dir);
    struct buf b = file_of(path);
    b.data[40] ^= 1;
    file_make(path, b.data, b.len);
    assert_int_equal(results_build(r, spec, NULL, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    b.data[40] ^= 1;
    file_make(path, b.data, b.len);
    buf_fini(&b);
    assert_int_equal(stat(path_of("%s/results.h5", dir), &now), 0);
    assert_int_equal(now.st_ino, st.st_ino);
    assert_int_equal(count_entries(dir), before + 1);

    /* outputs that were lost are said to be elsewhere; the rest is there */
    assert_int_equal(truncate(path_of("%s/output/0001.stdout", dir), 55), 0);
    assert_int_equal(results_build(r, spec, NULL, &err), 0);
    assert_int_equal(unlink(path_of("%s/output/0001.stdout", dir)), 0);
    assert_int_equal(results_build(r, spec, NULL, &err), 0);

    /* a session that ended before it could make results.h5 again */
    make_run(dir, spec, 10);
    assert_false(results_are_current(r, spec));
    assert_int_equal(results_build(r, spec, NULL, &err), 0);
    assert_true(results_are_current(r, spec));
    rundir_close(r);
    jobspec_destroy(spec);
}

static void survives_lack_of_memory(void **state)
{
    struct err err = {0};
    struct jobspec *spec = make_spec();
    make_run(*state, spec, 10);
    struct rundir *r = rundir_open_read(*state, &err);
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        mem_fail_at(k);
        rc = results_build(r, spec, NULL, &err);
        mem_fail_at(0);
        if (rc < 0) {
            assert_int_equal(err.code, ENOMEM);
            assert_int_equal(
                access(path_of("%s/results.h5", (char *)*state), F_OK), -1);
        }
    }
    rundir_close(r);
    jobspec_destroy(spec);
}

/* On a file system with more and more room: an error until it is enough, and
 * an exit as ever. */
static void on_full_disk(const char *dir)
{
    struct err err = {0};
    struct jobspec *spec = make_spec();
    if (unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tiny", dir, "tmpfs", 0, "size=2m") < 0)
        exit(77);
    make_run(dir, spec, 20000);
    struct rundir *r = rundir_open_read(dir, &err);
    int fd = open(path_of("%s/lock", dir), O_WRONLY), failed = 0;
    off_t ballast = 0;
    while (fallocate(fd, 0, ballast, 4096) == 0)
        ballast += 4096;
    int before = count_entries(dir);
    while (results_build(r, spec, NULL, &err) < 0) {
        failed++;
        if (!strstr(err.text, "No space left"))
            exit(2);
        if (count_entries(dir) != before)
            exit(3);
        ballast -= 4096;
        if (ballast < 0 || ftruncate(fd, ballast) < 0)
            exit(4);
    }
    exit(failed > 50 ? 0 : 5);
}

static void survives_a_full_disk(void **state)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        on_full_disk(*state);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        print_message("# no private mount here: the full disk is left out\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

/* More columns than a table may have. */
static void leaves_out_columns_over_the_limit(void **state)
{
    struct err err = {0};
    bool fresh;
    struct jobspec *spec = spec_make("test", 20);
    static const char *const xs[] = {"1", "2"};
    char name[32];
    for (uint32_t j = 0; j < 20; j++) {
        struct job *job = job_of(spec, j);
        struct swept p[32];
        snprintf(name, sizeof(name), "job%u", j);
        job->id = arena_strdup(spec->arena, name);
        for (uint32_t i = 0; i < 32; i++) {
            snprintf(name, sizeof(name), "p%u_%u", j, i);
            p[i] =
                (struct swept){.name = arena_strdup(spec->arena, name),
                               .values = values_make(spec, xs, i == 0 ? 2 : 1),
                               .count = i == 0 ? 2 : 1};
        }
        assert_int_equal(
            swept_init(&job->tasks, spec->arena, true, p, 32, &err), 0);
    }
    struct rundir *r = rundir_open(*state, "x", 1, "/x", NULL, &fresh, &err);
    if (results_build(r, spec, NULL, &err) < 0)
        fail_msg("%s", err.text);
    int64_t left_out = 0;
    assert_true(hdf_attr_read_int(path_of("%s/results.h5", (char *)*state),
                                  "/batch/tasks", "columns_left_out",
                                  &left_out));
    assert_int_equal(left_out, 20 * 32 - (512 - COL_COUNT));
    rundir_close(r);
    jobspec_destroy(spec);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(shapes_divide_cells_into_ranges),
        TEST(names_are_unique),
        TEST(keeps_the_old_file_if_it_fails),
        TEST(survives_lack_of_memory),
        TEST(survives_a_full_disk),
        TEST(leaves_out_columns_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
