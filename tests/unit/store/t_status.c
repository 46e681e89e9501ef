/* Tests of status.json. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <math.h>

#include "store/status.h"

static struct jobspec *make_spec(void)
{
    struct jobspec *spec = spec_make("na\xffme \"x\"", 2);
    job_of(spec, 1)->id = "second";
    return spec;
}

static struct job_snapshot jobs[2] = {
    {.state = JOB_ACTIVE, .tasks = {10, 1, 2, 3, 1, 1, 2, 5, 1}},
    {.state = JOB_COMPLETED,
     .end = JOB_END_ALL_TASKS_COMPLETE,
     .hidden = true,
     .why = "we \xc3\xa4re \"done\"",
     .tasks = {UINT32_MAX, UINT32_MAX, 0, 0, 0, 0, 0, 0, 0, 0}},
};

static struct snapshot full(void)
{
    return (struct snapshot){
        .state = RUN_STOPPING,
        .exit_code = -1,
        .session = 3,
        .start_ns = 1700000000123456789,
        .now_ns = 1700000001000000000,
        .node_count = 4,
        .node_states = {1, [NODE_IDLE] = 2, [NODE_UNUSABLE] = 1},
        .rank_count = 8,
        .ranks_lost = 1,
        .slot_count = 64,
        .slots_busy = 60,
        .tasks = {100, 10, 20, 3, 30, 7, 8, 22, 50, 6},
        .done_this_session = 7,
        .tasks_per_s = 12.25,
        .eta_ns = 90500000000,
        .pause_text = "cannot write \xff",
        .staged = {9, 1 << 30, 40000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                   INT64_MAX},
        .job_count = 2,
        .jobs = jobs};
}

static struct rundir *open_run(const char *dir)
{
    struct err err = {0};
    bool fresh;
    struct rundir *r = rundir_open(dir, "x", 1, "/x", NULL, &fresh, &err);
    assert_non_null(r);
    return r;
}

static void reads_what_was_written(void **state)
{
    struct jobspec *spec = make_spec();
    struct err err = {0};
    struct rundir *r = open_run(*state);
    struct status_origin from = {"node\x80-7", 4711, "abc"}, from2;
    struct snapshot snap = full(), s;
    assert_int_equal(status_read(*state, spec, &s, &from2, &err), -1);
    assert_int_equal(err.code, ENOENT);
    for (int i = 0; i <= RUN_FINISHED; i++) {
        snap.state = (enum run_state)i;
        snap.exit_code = i == RUN_FINISHED ? 3 : -1;
        snap.eta_ns = i == RUN_FINISHED ? -1 : 90500000000;
        assert_int_equal(status_write(r, spec, &snap, &from, &err), 0);
        assert_int_equal(status_read(*state, spec, &s, &from2, &err), 0);
        assert_int_equal(s.state, i);
        assert_int_equal(s.exit_code, snap.exit_code);
        assert_int_equal(s.session, 3);
        assert_in_range(s.start_ns, snap.start_ns - 1000, snap.start_ns + 1000);
        assert_int_equal(s.now_ns, snap.now_ns);
        assert_int_equal(s.node_count, 4);
        assert_memory_equal(s.node_states, snap.node_states,
                            sizeof(s.node_states));
        assert_int_equal(s.rank_count, 8);
        assert_int_equal(s.ranks_lost, 1);
        assert_int_equal(s.slot_count, 64);
        assert_int_equal(s.slots_busy, 60);
        assert_memory_equal(&s.tasks, &snap.tasks, sizeof(s.tasks));
        assert_int_equal(s.done_this_session, 7);
        assert_true(s.tasks_per_s == 12.25);
        assert_int_equal(s.eta_ns, snap.eta_ns);
        assert_string_equal(s.pause_text, "cannot write \\xff");
        assert_memory_equal(&s.staged, &snap.staged, sizeof(s.staged));
        assert_int_equal(s.job_count, 2);
        assert_memory_equal(s.jobs, jobs, sizeof(jobs));
        assert_string_equal(from2.host, "node\\x80-7");
        assert_int_equal(from2.pid, 4711);
        assert_string_equal(from2.launch_id, "abc");
        mem_free(s.jobs);
    }
    snap.tasks_per_s = INFINITY;
    assert_int_equal(status_write(r, spec, &snap, &from, &err), 0);
    assert_int_equal(status_read(*state, spec, &s, &from2, &err), 0);
    assert_true(s.tasks_per_s == 0);
    mem_free(s.jobs);
    rundir_close(r);
    jobspec_destroy(spec);
}

/* Whatever one byte of the file becomes, reading it ends well. */
static void refuses_what_is_not_a_status(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "{\"version\": 1}", "{\"version\": 3}", "null"};
    struct jobspec *spec = make_spec();
    struct err err = {0};
    struct rundir *r = open_run(*state);
    struct status_origin from = {"h", 1, ""};
    struct snapshot snap = full(), s = {.session = 42};
    char path[512];
    snprintf(path, sizeof(path), "%s/status.json", (char *)*state);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        file_make(path, texts[i], strlen(texts[i]));
        assert_int_equal(status_read(*state, spec, &s, &from, &err), -1);
        assert_int_equal(err.code, EPROTO);
        assert_int_equal(s.session, 42);
    }
    assert_int_equal(status_write(r, spec, &snap, &from, &err), 0);
    struct buf b = file_of(path);
    unsigned refused = 0;
    for (size_t i = 0; i < b.len; i++) {
        char was = b.data[i];
        b.data[i] = was == '-' ? '0' : '-';
        file_make(path, b.data, b.len);
        b.data[i] = was;
        if (status_read(*state, spec, &s, &from, &err) == 0)
            mem_free(s.jobs);
        else
            refused++;
    }
    assert_true(refused > b.len / 2);
    file_make(path, b.data, b.len);
    struct jobspec *other = spec_make("x", 1);
    assert_int_equal(status_read(*state, other, &s, &from, &err), -1);
    assert_int_equal(err.code, EPROTO);
    jobspec_destroy(other);
    buf_fini(&b);
    rundir_close(r);
    jobspec_destroy(spec);
}

static void survives_lack_of_memory(void **state)
{
    struct jobspec *spec = make_spec();
    struct err err = {0};
    struct rundir *r = open_run(*state);
    struct status_origin from = {"h\xff", 1, ""};
    struct snapshot snap = full(), s;
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        mem_fail_at(k);
        rc = status_write(r, spec, &snap, &from, &err);
        mem_fail_at(0);
        if (rc < 0)
            assert_int_equal(err.code, ENOMEM);
    }
    rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        mem_fail_at(k);
        rc = status_read(*state, spec, &s, &from, &err);
        mem_fail_at(0);
        if (rc < 0)
            assert_int_equal(err.code, ENOMEM);
    }
    mem_free(s.jobs);
    rundir_close(r);
    jobspec_destroy(spec);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_what_was_written),
        TEST(refuses_what_is_not_a_status),
        TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
