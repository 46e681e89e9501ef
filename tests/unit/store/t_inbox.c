/* Tests of the inbox: asks, answers, what is malformed, what is left behind. */
#include "config.h"

#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/quantity.h"
#include "store/ask.h"
#include "store/inbox.h"

enum { MANY = 100 };

static struct inbox *open_inbox(const char *dir)
{
    struct err err = {0};
    struct inbox *b = inbox_create(dir, &err);
    assert_non_null(b);
    return b;
}

/* A file of an id whose digits are all c. */
static const char *named(const char *dir, char c, const char *end)
{
    char id[INBOX_ID_BYTES] = "";
    memset(id, c, INBOX_ID_BYTES - 1);
    return path_of("%s/inbox/%s%s", dir, id, end);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static unsigned files_in(const char *dir)
{
    unsigned n = 0;
    DIR *d = opendir(path_of("%s/inbox", dir));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int take(struct inbox *b, int64_t now_ns, struct inbox_ask *asks,
                uint32_t max)
{
    struct err err = {0};
    int n = inbox_take(b, now_ns, asks, max, &err);
    if (n < 0)
        fail_msg("%s", err.text);
    return n;
}

static enum inbox_state get(const char *dir, const char *id, struct buf *answer)
{
    struct err err = {0};
    return inbox_get(dir, id, answer, &err);
}

static void asks_and_answers(void **state)
{
    const char *dir = *state;
    char id[INBOX_ID_BYTES], data[8] = "";
    struct inbox_ask ask;
    struct buf answer;
    struct err err = {0};
    buf_init(&answer, 1000);
    assert_int_equal(inbox_put(dir, "x", 1, id, &err), -1);
    assert_int_equal(err.code, ENOENT); /* no session has made one */
    struct inbox *b = open_inbox(dir);
    assert_int_equal(take(b, 0, &ask, 1), 0);
    assert_int_equal(inbox_put(dir, "what?", 5, id, &err), 0);
    assert_int_equal(get(dir, id, &answer), INBOX_WAITING);
    assert_int_equal(take(b, 1, &ask, 1), 1);
    assert_string_equal(ask.id, id);
    assert_string_equal(ask.text, "what?");
    mem_free(ask.text);
    assert_int_equal(get(dir, id, &answer), INBOX_TAKEN);
    int fd = inbox_make_data(b, id, &err);
    assert_int_equal(write(fd, "data", 4), 4);
    close(fd);
    assert_int_equal(get(dir, id, &answer), INBOX_TAKEN);
    assert_int_equal(inbox_answer(b, id, "this", 4, &err), 0);
    assert_int_equal(get(dir, id, &answer), INBOX_ANSWERED);
    assert_string_equal(buf_text(&answer), "this");
    fd = inbox_open_data(dir, id, &err);
    assert_int_equal(read(fd, data, sizeof(data)), 4);
    assert_string_equal(data, "data");
    close(fd);
    assert_int_equal(files_in(dir), 0);
    assert_int_equal(take(b, 2, &ask, 1), 0);
    buf_fini(&answer);
    inbox_destroy(b);
}

/* More than are taken at once, and some that are taken back. */
static void many_at_once(void **state)
{
    const char *dir = *state;
    static char ids[MANY][INBOX_ID_BYTES];
    struct inbox_ask asks[8];
    struct err err = {0};
    struct inbox *b = open_inbox(dir);
    unsigned got = 0;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(inbox_put(dir, "?", 1, ids[i], &err), 0);
    inbox_forget(dir, ids[17]);
    for (int n; (n = take(b, 0, asks, 8)) > 0; got += (unsigned)n)
        for (int i = 0; i < n; i++) {
            assert_string_not_equal(asks[i].id, ids[17]);
            mem_free(asks[i].text);
        }
    assert_int_equal(got, MANY - 1);
    assert_int_equal(files_in(dir), 0);
    inbox_destroy(b);
}

/* Nothing but a small file of our own is read; the rest is told what is wrong,
 * once, or left alone. */
static void what_is_no_ask(void **state)
{
    const char *dir = *state;
    struct inbox_ask asks[8];
    struct inbox *b = open_inbox(dir);
    write_file(path_of("%s/secret", dir), "secret");
    assert_int_equal(symlink("../secret", named(dir, 'a', ".ask")), 0);
    char *secret = strdup(path_of("%s/secret", dir));
    assert_int_equal(link(secret, named(dir, 'b', ".ask")), 0);
    free(secret);
    assert_int_equal(mkfifo(named(dir, 'c', ".ask"), 0600), 0);
    write_file(named(dir, 'd', ".ask"), "");
    assert_int_equal(truncate(named(dir, 'd', ".ask"), INBOX_MAX_ASK_BYTES + 1),
                     0);
    assert_int_equal(mkdir(named(dir, 'e', ".ask"), 0700), 0);
    write_file(path_of("%s/inbox/x.ask", dir), "no id");
    write_file(path_of("%s/inbox/ABCDEF0123456789ABCDEF0123456789.ask", dir),
               "no id");
    int n = take(b, 0, asks, 8);
    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++) {
        static const char *const why[] = {"it is a link", "other names",
                                          "not a regular file", "too large"};
        const char *wanted = why[asks[i].id[0] - 'a'];
        assert_null(asks[i].text);
        if (!strstr(asks[i].why, wanted))
            fail_msg("%c: %s", asks[i].id[0], asks[i].why);
    }
    assert_int_equal(take(b, 1, asks, 8), 0);
    assert_int_equal(files_in(dir), 3);
    inbox_destroy(b);
}

static void others_may_not_write(void **state)
{
    const char *dir = *state;
    struct err err = {0};
    struct inbox_ask ask;
    struct inbox *b = open_inbox(dir);
    struct stat st;
    assert_int_equal(stat(path_of("%s/inbox", dir), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(chmod(path_of("%s/inbox", dir), 0777), 0);
    assert_int_equal(inbox_take(b, 0, &ask, 1, &err), -1);
    assert_int_equal(err.code, EPERM);
    inbox_destroy(b);
    assert_null(inbox_create(dir, &err));
    assert_int_equal(err.code, EPERM);
    assert_int_equal(rmdir(path_of("%s/inbox", dir)), 0);
    assert_int_equal(symlink("/tmp", path_of("%s/inbox", dir)), 0);
    assert_null(inbox_create(dir, &err));
    assert_true(err.code == ELOOP || err.code == ENOTDIR);
}

/* What was there before goes with us, what nobody reads in two minutes. */
static void leftovers_go(void **state)
{
    const char *dir = *state;
    struct inbox_ask ask;
    struct inbox *b = open_inbox(dir);
    write_file(named(dir, '1', ".answer"), "early");
    assert_int_equal(take(b, 0, &ask, 1), 0);
    write_file(named(dir, '2', ".data"), "late");
    write_file(path_of("%s/inbox/notes.txt", dir), "not ours");
    assert_int_equal(take(b, 60 * NS_PER_SEC, &ask, 1), 0);
    assert_int_equal(files_in(dir), 3);
    assert_int_equal(take(b, 121 * NS_PER_SEC, &ask, 1), 0);
    assert_int_equal(files_in(dir), 2);
    write_file(named(dir, '1', ".answer"), "early");
    assert_int_equal(take(b, 181 * NS_PER_SEC, &ask, 1), 0);
    assert_int_equal(files_in(dir), 2);
    inbox_destroy(b);
    b = open_inbox(dir);
    assert_int_equal(take(b, 0, &ask, 1), 0);
    assert_int_equal(files_in(dir), 2);
    inbox_destroy(b);
    assert_int_equal(files_in(dir), 1);
    assert_int_equal(access(path_of("%s/inbox/notes.txt", dir), F_OK), 0);
}

/* ---- Asks and answers as JSON ---- */

static void json_round_trip(void **state)
{
    struct ask a = {.what = ASK_READ,
                    .job = 3,
                    .task = UINT32_MAX,
                    .job_id = "scan",
                    .path = "wd/\x01\xff\xc3\xa9\"\\\n",
                    .offset = INT64_MAX,
                    .bytes = ASK_MAX_BYTES,
                    .wait_ms = ASK_MAX_WAIT_MS,
                    .recursive = true};
    struct ask a2;
    struct answer w = {.code = "FileNotFound",
                       .message = "no \x80 file \xc3\xa9",
                       .state = ASK_STATE_RUNNING,
                       .node = "n17",
                       .rank = 3,
                       .attempt = 2,
                       .type = FILE_LINK,
                       .size = INT64_MAX,
                       .mode = 07777,
                       .modified_ns = 1700000000123456789,
                       .more = true,
                       .data_bytes = 12,
                       .text = "it waits\nfor \xff slots",
                       .wait = "slots",
                       .count = 7};
    struct answer w2;
    struct err err = {0};
    struct buf b;
    (void)state;
    buf_init(&b, INBOX_MAX_ASK_BYTES);
    for (int scope = 0; scope < 2; scope++) {
        a.scope = (enum ask_scope)scope;
        if (scope) {
            a.job = a.task = 0;
            a.job_id[0] = '\0';
            memset(a.job_id, 0, sizeof(a.job_id));
            strcpy(a.node, "n\xfe");
        }
        buf_reset(&b);
        assert_int_equal(ask_put(&b, &a, &err), 0);
        if (ask_parse(b.data, b.len, &a2, &err) < 0)
            fail_msg("%s: %s", b.data, err.text);
        assert_memory_equal(&a, &a2, sizeof(a));
    }
    for (int failed = 1; failed >= 0; failed--) {
        if (!failed) {
            memset(w.code, 0, sizeof(w.code));
            memset(w.message, 0, sizeof(w.message));
        }
        buf_reset(&b);
        assert_int_equal(answer_put(&b, &w, &err), 0);
        if (answer_parse(b.data, b.len, &w2, &err) < 0)
            fail_msg("%s: %s", b.data, err.text);
        assert_memory_equal(&w, &w2, sizeof(w));
    }
    /* the longest that there can be fit an ask, whatever their bytes */
    memset(a.path, 0xff, ASK_MAX_PATH);
    memset(a.node, 0xff, ASK_MAX_NODE);
    buf_reset(&b);
    assert_int_equal(ask_put(&b, &a, &err), 0);
    assert_int_equal(ask_parse(b.data, b.len, &a2, &err), 0);
    assert_memory_equal(&a, &a2, sizeof(a));
    buf_fini(&b);
}

static void commands_round_trip(void **state)
{
    static const struct {
        struct ask ask;
        const char *line;
    } cases[] = {
        {{.what = ASK_JOB, .act = ASK_DISABLE, .job_id = "a", .how = ASK_WAIT},
         "job disable a --wait"},
        {{.what = ASK_JOB, .act = ASK_TERMINATE, .job_id = "a", .why = "x y"},
         "job terminate a --reason 'x y'"},
        {{.what = ASK_JOB, .act = ASK_ENABLE, .job_id = "a"}, "job enable a"},
        {{.what = ASK_TASK, .act = ASK_DELETE, .job_id = "a", .task_id = "7"},
         "task delete a/7"},
        {{.what = ASK_NODE, .act = ASK_OFFLINE, .node = "n1", .how = ASK_END},
         "node offline n1 --terminate"},
        {{.what = ASK_NODE, .act = ASK_ONLINE, .node = "n1"}, "node online n1"},
        {{.what = ASK_ADD, .job_id = "a"}, "task add a"},
        {{.what = ASK_EXPLAIN, .job_id = "a", .task_id = "t"}, "explain a/t"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ask a;
        struct err err = {0};
        struct buf b;
        char line[ASK_LINE_BYTES];
        buf_init(&b, INBOX_MAX_ASK_BYTES);
        assert_int_equal(ask_put(&b, &cases[i].ask, &err), 0);
        if (ask_parse(b.data, b.len, &a, &err) < 0)
            fail_msg("%s: %s", b.data, err.text);
        assert_memory_equal(&a, &cases[i].ask, sizeof(a));
        assert_string_equal(ask_line(&a, line), cases[i].line);
        buf_fini(&b);
    }
}

/* Too large for an ask itself. */
static void data_come_with_an_ask(void **state)
{
    const char *dir = *state;
    char id[INBOX_ID_BYTES];
    static char data[INBOX_MAX_DATA_BYTES + 1];
    struct inbox_ask ask;
    struct err err = {0};
    struct inbox *b = open_inbox(dir);
    memset(data, 'x', sizeof(data));
    assert_int_equal(
        inbox_put_with(dir, "add", 3, data, sizeof(data), id, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);
    assert_int_equal(
        inbox_put_with(dir, "add", 3, data, sizeof(data) - 1, id, &err), 0);
    assert_int_equal(files_in(dir), 2);
    assert_int_equal(take(b, 0, &ask, 1), 1);
    assert_string_equal(ask.text, "add");
    assert_int_equal(ask.data_len, INBOX_MAX_DATA_BYTES);
    assert_memory_equal(ask.data, data, ask.data_len);
    assert_int_equal(ask.data[ask.data_len], 0);
    mem_free(ask.text);
    mem_free(ask.data);
    assert_int_equal(files_in(dir), 0);
    /* what it cannot read is no reason not to answer */
    assert_int_equal(inbox_put_with(dir, "add", 3, "y", 1, id, &err), 0);
    assert_int_equal(unlink(path_of("%s/inbox/%s.data", dir, id)), 0);
    assert_int_equal(
        symlink("/etc/passwd", path_of("%s/inbox/%s.data", dir, id)), 0);
    assert_int_equal(take(b, 1, &ask, 1), 1);
    assert_null(ask.text);
    assert_null(ask.data);
    assert_non_null(strstr(ask.why, "it is a link"));
    assert_int_equal(files_in(dir), 0);
    inbox_destroy(b);
}

static void malformed_asks(void **state)
{
    static const struct {
        const char *text, *why;
        int code;
    } cases[] = {
        {"", "no JSON", EINVAL},
        {"{", "no JSON", EINVAL},
        {"[[[[[[", "no JSON", EINVAL},
        {"3", "no JSON", EINVAL},
        {"[]", "no JSON object", EINVAL},
        {"{}", "no version", EINVAL},
        {"{\"version\": 1}", "of version 1", EPROTO},
        {"{\"version\": 2, \"version\": 2}", "duplicate", EINVAL},
        {"{\"version\": 2}", "ask is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"dance\", \"scope\": \"task\"}",
         "ask is missing, or none", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\"}", "scope is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\", \"scope\": \"task\"}",
         "job_id is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\", \"scope\": \"node\"}",
         "node is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\", \"scope\": \"task\", "
         "\"job_id\": \"a\", \"task\": -1}",
         "task is no number", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\", \"scope\": \"task\", "
         "\"job_id\": \"a\", \"task\": 4294967296}",
         "task is no number", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\", \"scope\": \"task\", "
         "\"job_id\": 7}",
         "job_id is no text", EINVAL},
        {"{\"version\": 2, \"ask\": \"read\", \"scope\": \"task\", "
         "\"job_id\": \"a\", \"bytes\": 1e9}",
         "bytes is no number", EINVAL},
        {"{\"version\": 2, \"ask\": \"read\", \"scope\": \"task\", "
         "\"job_id\": \"a\", \"path\": \"a\\u0000b\"}",
         "NUL in it", EINVAL},
        {"{\"version\": 2, \"ask\": \"read\", \"scope\": \"task\", "
         "\"job_id\": \"a\", \"path\": \"\\u0000\\u1234\"}",
         "no text of bytes", EINVAL},
        {"{\"version\": 2, \"ask\": \"list\", \"scope\": \"task\", "
         "\"job_id\": \"a\", \"recursive\": 1}",
         "true or false", EINVAL},
        {"{\"version\": 2, \"ask\": \"job\"}", "do is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"job\", \"do\": \"delete\"}",
         "a job cannot be asked to delete", EINVAL},
        {"{\"version\": 2, \"ask\": \"node\", \"do\": \"remove\"}",
         "node is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"task\", \"do\": \"delete\", "
         "\"job_id\": \"a\"}",
         "task_id is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"add\"}", "job_id is missing", EINVAL},
        {"{\"version\": 2, \"ask\": \"job\", \"do\": \"disable\", "
         "\"job_id\": \"a\", \"how\": \"gently\"}",
         "how is missing, or none", EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ask a;
        struct err err = {0};
        assert_int_equal(
            ask_parse(cases[i].text, strlen(cases[i].text), &a, &err), -1);
        if (err.code != cases[i].code || !strstr(err.text, cases[i].why))
            fail_msg("%s: %d %s", cases[i].text, err.code, err.text);
    }
    /* a path over its bound */
    struct buf b;
    struct ask a;
    struct err err = {0};
    buf_init(&b, 2 * ASK_MAX_PATH);
    buf_puts(&b, "{\"version\": 2, \"ask\": \"list\", \"scope\": \"task\", "
                 "\"job_id\": \"a\", \"path\": \"");
    for (int i = 0; i <= ASK_MAX_PATH; i++)
        buf_putc(&b, 'x');
    buf_puts(&b, "\"}");
    assert_int_equal(ask_parse(b.data, b.len, &a, &err), -1);
    assert_non_null(strstr(err.text, "path is longer than 4000 bytes"));
    buf_fini(&b);
}

int main(void)
{
#define CASE(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CASE(asks_and_answers),
        CASE(many_at_once),
        CASE(what_is_no_ask),
        CASE(others_may_not_write),
        CASE(leftovers_go),
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(commands_round_trip),
        CASE(data_come_with_an_ask),
        cmocka_unit_test(malformed_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
