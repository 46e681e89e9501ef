/* Tests of returned files: how they come in, where they lie, what is left. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "base/checksum.h"
#include "base/quantity.h"
#include "store/incoming.h"
#include "store/returned_read.h"

struct session {
    struct rundir *rundir;
    struct writer *writer;
    struct incoming *in;
};

/* What was called back of one file. */
struct heard {
    uint64_t consumed;
    int done; /* 1: well, -1: not */
    struct attempt_file where;
    struct err err;
};

static const struct returned_of of = {"job", "7", 2};

static struct session begin(const char *dir)
{
    struct session s;
    struct err err = {0};
    bool fresh;
    s.rundir = rundir_open(dir, "x", 1, "/x", NULL, &fresh, &err);
    assert_non_null(s.rundir);
    s.writer = writer_create(&err);
    s.in = incoming_create(s.rundir, s.writer, &err);
    if (!s.in)
        fail_msg("%s", err.text);
    return s;
}

static void end(struct session *s)
{
    struct err err = {0};
    incoming_destroy(s->in, NS_PER_SEC);
    assert_int_equal(writer_destroy(s->writer, NS_PER_SEC, &err), 0);
    rundir_close(s->rundir);
}

static void on_consumed(void *arg, uint64_t bytes)
{
    struct heard *h = arg;
    assert_int_equal(h->done, 0);
    h->consumed += bytes;
}

static void on_done(void *arg, const struct attempt_file *where,
                    const struct err *err)
{
    struct heard *h = arg;
    assert_int_equal(h->done, 0);
    h->done = where ? 1 : -1;
    if (where)
        h->where = *where;
    else
        h->err = *err;
}

static struct incoming_file *file_begin(struct session *s, const char *name,
                                        struct heard *h)
{
    struct err err = {0};
    const struct incoming_events events = {on_consumed, on_done, h};
    *h = (struct heard){0};
    struct incoming_file *f =
        incoming_begin(s->in, &of, name, 0750, &events, &err);
    if (!f)
        fail_msg("%s", err.text);
    return f;
}

static void until_done(struct session *s, struct heard *h)
{
    for (int i = 0; i < 100 && !h->done; i++) {
        struct pollfd fd = {.fd = incoming_fd(s->in), .events = POLLIN};
        assert_return_code(poll(&fd, 1, 100), errno);
        incoming_turn(s->in);
    }
    assert_int_not_equal(h->done, 0);
}

/* Bytes that are not the same anywhere. */
static char *bytes_make(size_t len, unsigned seed)
{
    char *data = mem_alloc(len + 1);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)((i * 2654435761u + seed) >> 13);
    return data;
}

/* Bring a file in, in pieces. */
static void bring(struct session *s, const char *name, const char *data,
                  size_t len, size_t piece, struct heard *h)
{
    struct err err = {0};
    struct incoming_file *f = file_begin(s, name, h);
    for (size_t at = 0; at < len; at += piece)
        assert_int_equal(incoming_put(f, data + at,
                                      len - at < piece ? len - at : piece,
                                      &err),
                         0);
    incoming_end(f);
    until_done(s, h);
    if (h->done < 0)
        fail_msg("%s", h->err.text);
    assert_int_equal(h->consumed, len);
    assert_int_equal(h->where.bytes, len);
    assert_int_equal(h->where.mode, 0750);
}

/* All of it, and parts of it, read back; -1 with err if that fails. */
static int read_back(const char *dir, const char *name, const struct heard *h,
                     uint64_t from, uint64_t len, struct buf *out,
                     struct err *err)
{
    struct rundir *r = rundir_open_read(dir, err);
    struct attempt_file f = h->where;
    assert_non_null(r);
    f.name = (char *)name;
    buf_init(out, 8 << 20);
    struct returned_reader *reader = returned_reader_open(r, &of, &f, err);
    int rc = reader ? returned_reader_read(reader, from, len, out, err) : -1;
    returned_reader_close(reader);
    if (rc < 0)
        buf_fini(out);
    rundir_close(r);
    return rc;
}

static void assert_reads(const char *dir, const char *name,
                         const struct heard *h, const char *data, size_t len)
{
    struct err err = {0};
    struct buf b;
    if (read_back(dir, name, h, 0, UINT64_MAX, &b, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(b.len, len);
    assert_memory_equal(buf_text(&b), data, len);
    buf_fini(&b);
    assert_int_equal(read_back(dir, name, h, len / 2, 10, &b, &err), 0);
    assert_memory_equal(buf_text(&b), data + len / 2, b.len);
    assert_int_equal(b.len, len - len / 2 < 10 ? len - len / 2 : 10);
    buf_fini(&b);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void small_and_large(void **state)
{
    static const struct {
        const char *name;
        size_t len, piece;
        bool packed;
    } files[] = {
        {"empty", 0, 1, true},
        {"one", 1, 1, true},
        {"d/e/largest packed", RETURNED_MAX_PACKED, 1000, true},
        {"smallest of its own", RETURNED_MAX_PACKED + 1, 1000, false},
        {"at once", RETURNED_MAX_PACKED + 1, RETURNED_MAX_PACKED + 1, false},
        {"d/e/f/large", 5000001, 48 * 1024, false},
        {"last", 100, 7, true},
    };
    enum { COUNT = sizeof(files) / sizeof(files[0]) };
    struct heard heard[COUNT];
    char *data[COUNT];
    struct session s = begin(*state);
    for (unsigned i = 0; i < COUNT; i++) {
        data[i] = bytes_make(files[i].len, i);
        bring(&s, files[i].name, data[i], files[i].len, files[i].piece,
              &heard[i]);
        assert_int_equal(heard[i].where.place,
                         files[i].packed ? FILE_PACKED : FILE_OWN);
    }
    assert_int_equal(heard[6].where.offset, 1 + RETURNED_MAX_PACKED);
    end(&s);
    for (unsigned i = 0; i < COUNT; i++) {
        struct digest digest;
        checksum_of(data[i], files[i].len, digest.bytes);
        assert_memory_equal(&digest, &heard[i].where.digest, sizeof(digest));
        assert_reads(*state, files[i].name, &heard[i], data[i], files[i].len);
        mem_free(data[i]);
    }
    assert_true(
        is_there(path_of("%s/files/job/7/2/d/e/f/large", (char *)*state)));
    assert_false(is_there(path_of("%s/files/.part", (char *)*state)));
}

static void no_pack_without_files(void **state)
{
    struct session s = begin(*state);
    end(&s);
    assert_false(is_there(path_of("%s/output/0001.files", (char *)*state)));
}

static void bad_names(void **state)
{
    static const char *const bad[] = {"../x", "/x", "", "a/../../x", "a//b"};
    const struct incoming_events events = {0};
    struct session s = begin(*state);
    struct err err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(incoming_begin(s.in, &of, bad[i], 0, &events, &err));
        assert_int_equal(err.code, EINVAL);
        assert_null(returned_own_path(s.rundir, &of, bad[i], &err));
        assert_int_equal(err.code, EINVAL);
    }
    const struct returned_of bad_ids[] = {{"..", "7", 1}, {"job", "a/b", 1}};
    for (int i = 0; i < 2; i++) {
        assert_null(incoming_begin(s.in, &bad_ids[i], "x", 0, &events, &err));
        assert_null(returned_own_path(s.rundir, &bad_ids[i], "x", &err));
    }
    end(&s);
}

/* Who reads on to the end from the start is told, also a second time; who reads
 * here and there is not. */
static void damaged_in_pieces(const char *dir, const struct heard *h)
{
    struct err err = {0};
    struct attempt_file f = h->where;
    struct buf b;
    struct rundir *r = rundir_open_read(dir, &err);
    f.name = (char *)"large";
    struct returned_reader *reader = returned_reader_open(r, &of, &f, &err);
    assert_non_null(reader);
    buf_init(&b, 200000);
    for (int i = 0; i < 2; i++) {
        buf_reset(&b);
        assert_int_equal(returned_reader_read(reader, 0, 60000, &b, &err), 0);
        assert_int_equal(returned_reader_read(reader, 60000, 60000, &b, &err),
                         -1);
        assert_int_equal(err.code, EBADMSG);
        assert_int_equal(b.len, 60000);
    }
    assert_int_equal(returned_reader_read(reader, 0, 10, &b, &err), 0);
    assert_int_equal(returned_reader_read(reader, 70000, 40000, &b, &err), 0);
    assert_int_equal(b.len, 60000 + 10 + 30000);
    returned_reader_close(reader);
    buf_fini(&b);
    int fd = open("/dev/null", O_WRONLY);
    assert_int_equal(returned_copy(r, &of, &f, fd, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    close(fd);
    rundir_close(r);
}

/* Damage is found, and what is cut off. */
static void damaged(void **state)
{
    char *data = bytes_make(100000, 3);
    struct heard small, large;
    struct err err = {0};
    struct buf b;
    struct session s = begin(*state);
    bring(&s, "small", data, 100, 100, &small);
    bring(&s, "large", data, 100000, 100000, &large);
    end(&s);
    const char *path = path_of("%s/files/job/7/2/large", (char *)*state);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 50000), 1);
    assert_int_equal(read_back(*state, "large", &large, 0, 100000, &b, &err),
                     -1);
    assert_int_equal(err.code, EBADMSG);
    damaged_in_pieces(*state, &large);
    assert_int_equal(ftruncate(fd, 99999), 0);
    close(fd);
    assert_int_equal(read_back(*state, "large", &large, 0, 5, &b, &err), -1);
    assert_int_equal(err.code, ENODATA);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_back(*state, "large", &large, 0, 5, &b, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(read_back(*state, "large", &large, 0, 5, &b, &err), -1);
    assert_int_equal(err.code, ELOOP);
    path = path_of("%s/output/0001.files", (char *)*state);
    assert_int_equal(truncate(path, 99), 0);
    assert_int_equal(read_back(*state, "small", &small, 0, 5, &b, &err), -1);
    assert_int_equal(err.code, ENODATA);
    mem_free(data);
}

/* Aborted before and after it became large, or when the session ends. */
static void given_up(void **state)
{
    char *data = bytes_make(200000, 3);
    struct heard h[4];
    struct err err = {0};
    struct session s = begin(*state);
    for (int i = 0; i < 4; i++) {
        struct incoming_file *f = file_begin(&s, "x", &h[i]);
        size_t len = i == 0 ? 100 : 200000;
        assert_int_equal(incoming_put(f, data, len, &err), 0);
        if (i < 2)
            incoming_abort(f);
    }
    end(&s);
    for (int i = 0; i < 4; i++)
        assert_int_equal(h[i].done, 0);
    assert_false(is_there(path_of("%s/files/.part", (char *)*state)));
    assert_false(is_there(path_of("%s/files/job", (char *)*state)));
    mem_free(data);
}

/* A session that was killed leaves a part, and files of an attempt that is not
 * in the journal: its number comes again. */
static void leftovers(void **state)
{
    char *data = bytes_make(200000, 3);
    const char *dir = *state;
    struct heard h;
    struct session s = begin(dir);
    bring(&s, "old/x", data, 200000, 200000, &h);
    end(&s);
    assert_int_equal(mkdir(path_of("%s/files/.part", dir), 0700), 0);
    assert_int_equal(mkdir(path_of("%s/files/.part/0001", dir), 0700), 0);
    file_make(path_of("%s/files/.part/0001/9", dir), "half", 4);
    assert_int_equal(mkdir(path_of("%s/files/.part/0001/old-1", dir), 0700), 0);
    file_make(path_of("%s/files/.part/0001/old-1/y", dir), "half", 4);
    usleep(20000); /* the file system's clock goes in steps */
    s = begin(dir);
    assert_false(is_there(path_of("%s/files/.part/0001/9", dir)));
    assert_false(is_there(path_of("%s/files/.part/0001/old-1", dir)));
    assert_true(is_there(path_of("%s/files/job/7/2/old/x", dir)));
    bring(&s, "new/x", data, 200000, 200000, &h);
    assert_false(is_there(path_of("%s/files/job/7/2/old", dir)));
    usleep(20000);
    bring(&s, "new/y", data, 200000, 200000, &h);
    assert_true(is_there(path_of("%s/files/job/7/2/new/x", dir)));
    /* lost in this session */
    const struct returned_of other = {"job", "8", 1};
    incoming_forget(s.in, &other); /* which has returned nothing */
    incoming_forget(s.in, &of);
    bring(&s, "z", data, 200000, 200000, &h);
    assert_false(is_there(path_of("%s/files/job/7/2/new", dir)));
    assert_true(is_there(path_of("%s/files/job/7/2/z", dir)));
    end(&s);
    mem_free(data);
}

/* What passes is waited for; what does not is an error. */
static void failing_disk(void **state)
{
    char *data = bytes_make(200000, 3), why[256];
    const char *dir = *state;
    struct rlimit was, none;
    struct heard h;
    struct err err = {0};
    struct session s = begin(dir);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct incoming_file *f = file_begin(&s, "x", &h);
    assert_int_equal(incoming_put(f, data, 200000, &err), 0);
    for (int i = 0; i < 1000 && !incoming_stalled(s.in, why); i++)
        usleep(1000);
    assert_true(incoming_stalled(s.in, why));
    assert_non_null(strstr(why, "cannot write files/job/7/2/x: "));
    assert_false(incoming_turn(s.in));
    assert_int_equal(incoming_backlog_bytes(s.in), 200000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    incoming_end(f);
    until_done(&s, &h);
    assert_int_equal(h.done, 1);
    assert_int_equal(h.consumed, 200000);
    assert_false(incoming_stalled(s.in, why));
    assert_int_equal(incoming_backlog_bytes(s.in), 0);
    /* a file is where a folder must be */
    file_make(path_of("%s/files/job/7/2/y", dir), "", 0);
    f = file_begin(&s, "y/z", &h);
    assert_int_equal(incoming_put(f, data, 200000, &err), 0);
    incoming_end(f);
    until_done(&s, &h);
    assert_int_equal(h.done, -1);
    assert_int_equal(h.err.code, ENOTDIR);
    assert_non_null(strstr(h.err.text, "the returned file y/z"));
    end(&s);
    assert_false(is_there(path_of("%s/files/.part", dir)));
    mem_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_and_large, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(no_pack_without_files, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(bad_names, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(damaged, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(given_up, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(leftovers, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(failing_disk, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests_name("incoming", tests, NULL, NULL);
}
