/* Tests of the packs of outputs. */
#include "config.h"

#include "fixture.h"

#include <errno.h>

#include "base/quantity.h"
#include "store/output.h"

struct session {
    struct rundir *rundir;
    struct writer *writer;
    struct output_pack *pack;
};

static struct session begin(const char *dir)
{
    struct session s;
    struct err err = {0};
    bool fresh;
    s.rundir = rundir_open(dir, "x", 1, "/x", NULL, &fresh, &err);
    s.writer = writer_create(&err);
    s.pack = output_pack_create(s.rundir, s.writer, &err);
    assert_non_null(s.pack);
    return s;
}

static void end(struct session *s)
{
    struct err err = {0};
    output_pack_destroy(s->pack);
    assert_int_equal(writer_destroy(s->writer, NS_PER_SEC, &err), 0);
    rundir_close(s->rundir);
}

static void assert_reads(const struct rundir *r, const struct attempt *a,
                         int stream, uint64_t from, uint64_t len,
                         const char *expected)
{
    struct buf b;
    struct err err = {0};
    buf_init(&b, 1000);
    assert_int_equal(output_read(r, a, "job", "7", stream, from, len, &b, &err),
                     0);
    assert_string_equal(buf_text(&b), expected);
    buf_fini(&b);
}

static void reads_what_was_packed(void **state)
{
    struct err err = {0};
    struct attempt a[2][3];
    for (int n = 0; n < 2; n++) {
        struct session s = begin(*state);
        for (int i = 0; i < 3; i++) {
            char text[64];
            attempt_init(&a[n][i]);
            snprintf(text, sizeof(text), "session %d task %d", n + 1, i);
            assert_int_equal(output_pack_put(s.pack, 0, text, strlen(text),
                                             &a[n][i].output[0], &err),
                             0);
            assert_int_equal(output_pack_put(s.pack, 1, "!!", (size_t)i,
                                             &a[n][i].output[1], &err),
                             0);
        }
        end(&s);
    }
    struct rundir *r = rundir_open_read(*state, &err);
    assert_reads(r, &a[0][0], 0, 0, UINT64_MAX, "session 1 task 0");
    assert_reads(r, &a[1][2], 0, 0, 16, "session 2 task 2");
    assert_reads(r, &a[1][2], 0, 8, 4, "2 ta");
    assert_reads(r, &a[1][1], 0, 15, 100, "1");
    assert_reads(r, &a[1][1], 0, 16, 100, "");
    assert_reads(r, &a[1][1], 0, UINT64_MAX, UINT64_MAX, "");
    assert_reads(r, &a[1][1], 0, 0, 0, "");
    assert_int_equal(a[0][0].output[1].place, OUTPUT_EMPTY);
    assert_reads(r, &a[0][0], 1, 0, 100, "");
    assert_reads(r, &a[0][1], 1, 0, 100, "!");
    assert_reads(r, &a[0][2], 1, 0, 100, "!!");
    rundir_close(r);
}

static void reads_large_files(void **state)
{
    struct err err = {0};
    struct session s = begin(*state);
    struct attempt a;
    struct buf b;
    attempt_init(&a);
    a.attempt = 2;
    a.output[1] = (struct output){.place = OUTPUT_FILE, .bytes = 5};
    buf_init(&b, 4);
    assert_int_equal(output_read(s.rundir, &a, "job", "7", 1, 0, 4, &b, &err),
                     -1);
    assert_int_equal(err.code, ENOENT);
    char *path = rundir_large_output(*state, "job", "7", &a, 1, true, &err);
    file_make(path_of("%s/%s", (char *)*state, path), "large", 5);
    mem_free(path);
    assert_reads(s.rundir, &a, 1, 1, 3, "arg");
    /* what does not fit, is lost, was never kept */
    assert_int_equal(output_read(s.rundir, &a, "job", "7", 1, 0, 5, &b, &err),
                     -1);
    assert_int_equal(err.code, EMSGSIZE);
    a.output[1].bytes = 9;
    assert_int_equal(output_read(s.rundir, &a, "job", "7", 1, 5, 4, &b, &err),
                     -1);
    assert_int_equal(err.code, ENODATA);
    a.output[1].place = OUTPUT_INLINE;
    assert_int_equal(output_read(s.rundir, &a, "job", "7", 1, 5, 4, &b, &err),
                     -1);
    assert_int_equal(err.code, EINVAL);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
    end(&s);
}

static void survives_lack_of_memory(void **state)
{
    struct err err = {0};
    bool fresh, done = false;
    struct attempt a;
    attempt_init(&a);
    for (unsigned long k = 1; !done; k++) {
        /* each try leaves a pack behind: each is another session */
        struct rundir *r =
            rundir_open(*state, "x", 1, "/x", NULL, &fresh, &err);
        struct writer *w = writer_create(&err);
        mem_fail_at(k);
        struct output_pack *p = output_pack_create(r, w, &err);
        done = p && output_pack_put(p, 0, "a", 1, &a.output[0], &err) == 0;
        mem_fail_at(0);
        if (!done)
            assert_int_equal(err.code, ENOMEM);
        output_pack_destroy(p);
        assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
        rundir_close(r);
    }
    struct rundir *r = rundir_open_read(*state, &err);
    struct buf b;
    buf_init(&b, 100);
    done = false;
    for (unsigned long k = 1; !done; k++) {
        mem_fail_at(k);
        done = output_read(r, &a, "j", "t", 0, 0, 1, &b, &err) == 0;
        mem_fail_at(0);
        if (!done)
            assert_int_equal(err.code, ENOMEM);
    }
    assert_string_equal(buf_text(&b), "a");
    buf_fini(&b);
    rundir_close(r);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_what_was_packed),
        TEST(reads_large_files),
        TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
