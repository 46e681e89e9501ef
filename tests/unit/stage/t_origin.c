/* Tests of stage/origin and stage/listing: files that are what they should be
 * and those that are not, change under us, holes, names with any bytes,
 * listings and their links. The linker puts the __wrap_ function in the place
 * of its namesake. */
#include "config.h"

#include "folder.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/buf.h"
#include "stage/listing.h"
#include "stage/origin.h"

static unsigned fstatat_calls;

int __real_fstatat(int dir, const char *name, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags);

int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
    fstatat_calls++;
    return __real_fstatat(dir, name, st, flags);
}

static struct origin *opened(enum object_kind kind, const char *key)
{
    struct err err;
    struct origin *o = origin_open(kind, key, NULL, &err);
    if (!o)
        print_message("# %s\n", err.text);
    assert_non_null(o);
    return o;
}

static void refused(enum object_kind kind, const char *key, int code,
                    const char *text)
{
    struct err err;
    assert_null(origin_open(kind, key, NULL, &err));
    if (err.code != code || !strstr(err.text, text))
        print_message("# %d %s\n", err.code, err.text);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, text));
}

/* All of it in pieces, NUL-terminated; -1 with err. */
static ssize_t all(struct origin *o, char *data, size_t size, size_t step,
                   struct err *err)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = origin_read(o, data + len, step, err);
        if (n < 0)
            return -1;
        len += (size_t)n;
        assert_true(len + step <= size);
        if (n == 0)
            break;
    }
    data[len] = '\0';
    return (ssize_t)len;
}

static void file(void **state)
{
    const char *dir = *state;
    static char data[100000], want[70000];
    struct err err;
    struct origin_counts counts = {0};
    for (size_t i = 0; i < sizeof(want); i++)
        want[i] = (char)('a' + i % 23);
    const char *path = path_of("%s/a \n\377 b", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0750);
    assert_int_equal(fchmod(fd, 0751), 0);
    assert_int_equal(write(fd, want, sizeof(want)), sizeof(want));
    close(fd);
    struct origin *o = opened(OBJECT_FILE, path);
    assert_int_equal(origin_bytes(o), sizeof(want));
    assert_int_equal(all(o, data, sizeof(data), 4099, &err), sizeof(want));
    assert_memory_equal(data, want, sizeof(want));
    assert_int_equal(origin_read(o, data, 1, &err), 0);
    assert_int_equal(origin_close(o, &counts, &err), 0);
    assert_int_equal(counts.opens, 1);
    assert_int_equal(counts.bytes, sizeof(want));
    put_file(path_of("%s/empty", dir), "", 0400);
    o = opened(OBJECT_FILE, path_of("%s/empty", dir));
    assert_int_equal(all(o, data, sizeof(data), 10, &err), 0);
    assert_int_equal(origin_close(o, &counts, &err), 0);
    assert_int_equal(symlink("empty", path_of("%s/link", dir)), 0);
    o = opened(OBJECT_FILE, path_of("%s/link", dir));
    assert_int_equal(origin_close(o, &counts, &err), 0); /* not read */
    assert_int_equal(counts.opens, 3);
    assert_int_equal(origin_close(NULL, NULL, NULL), 0);
}

static void no_file(void **state)
{
    const char *dir = *state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    refused(OBJECT_FILE, path_of("%s/none", dir), ENOENT, "/none");
    refused(OBJECT_FILE, dir, EISDIR, "is a folder");
    assert_int_equal(mkfifo(path_of("%s/fifo", dir), 0600), 0);
    refused(OBJECT_FILE, path_of("%s/fifo", dir), EINVAL, "is a named pipe");
    refused(OBJECT_FILE, "/dev/zero", EINVAL, "is a device");
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/sock", dir);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
    refused(OBJECT_FILE, a.sun_path, EINVAL, "is a socket");
    close(s);
    assert_int_equal(symlink("loop", path_of("%s/loop", dir)), 0);
    refused(OBJECT_FILE, path_of("%s/loop", dir), ELOOP, "loop");
    put_file(path_of("%s/file", dir), "x", 0600);
    refused(OBJECT_FILE, path_of("%s/file/x", dir), ENOTDIR, "file/x");
    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        if (geteuid() == 0)
            MUST(chmod(dir, 0755) == 0 && setuid(65534) == 0);
        else
            MUST(chmod(path_of("%s/file", dir), 0) == 0);
        MUST(!origin_open(OBJECT_FILE, path_of("%s/file", dir), NULL, &err));
        MUST(err.code == EACCES);
        _exit(0);
    }
    child_ended(pid);
    refused(OBJECT_PACKAGE, "1", EINVAL, "kind");
}

/* What happens to the file after its first bytes were read. */
static void change(const char *dir, const char *how, bool at_read)
{
    static char data[300000];
    struct err err;
    const char *path = path_of("%s/file", dir);
    unlink(path);
    assert_int_equal(shell("head -c 200000 /dev/zero >%s; "
                           "touch -d '2020-01-01' %s",
                           path, path),
                     0);
    struct origin *o = opened(OBJECT_FILE, path);
    assert_int_equal(origin_read(o, data, 1000, &err), 1000);
    setenv("F", path, 1);
    assert_int_equal(system(how), 0);
    ssize_t n = all(o, data, sizeof(data), 4096, &err);
    if (at_read) {
        assert_int_equal(n, -1);
        assert_int_equal(err.code, ESTALE);
        origin_close(o, NULL, &err);
        return;
    }
    assert_int_equal(n, 199000);
    assert_int_equal(origin_close(o, NULL, &err), -1);
    assert_int_equal(err.code, ESTALE);
    assert_non_null(strstr(err.text, "changed while it was read"));
}

static void changes(void **state)
{
    const char *dir = *state;
    struct err err;
    char c;
    change(dir, "truncate -s 5000 $F", true);
    change(dir, ": >$F", true);
    change(dir, "echo more >>$F", false);
    change(dir, "printf x 1<>$F", false);
    change(dir, "touch $F", false);
    /* replaced by another file: what was opened is whole */
    put_file(path_of("%s/f", dir), "old", 0600);
    struct origin *o = opened(OBJECT_FILE, path_of("%s/f", dir));
    assert_int_equal(shell("echo new >%s/g && mv %s/g %s/f", dir, dir, dir), 0);
    char text[16];
    assert_int_equal(all(o, text, sizeof(text), 8, &err), 3);
    assert_int_equal(origin_close(o, NULL, &err), 0);
    assert_string_equal(text, "old");
    /* empty, and then not */
    put_file(path_of("%s/e", dir), "", 0600);
    o = opened(OBJECT_FILE, path_of("%s/e", dir));
    put_file(path_of("%s/e", dir), "x", 0600);
    assert_int_equal(origin_read(o, &c, 1, &err), -1);
    assert_int_equal(err.code, ESTALE);
    origin_close(o, NULL, NULL);
}

/* Answers count requests, each by one that says this. */
static pid_t server(const char *answer, int count, char url[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s, 5), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
    snprintf(url, 64, "http://127.0.0.1:%d/x?secret", ntohs(a.sin_port));
    pid_t pid = fork();
    if (pid == 0) {
        char request[4096];
        for (; count > 0; count--) {
            int c = accept(s, NULL, NULL);
            MUST(read(c, request, sizeof(request)) > 0);
            MUST(write(c, answer, strlen(answer)) > 0);
            close(c);
        }
        _exit(0);
    }
    close(s);
    return pid;
}

static void urls(void **state)
{
    char url[64], a[ORIGIN_IDENTITY_BYTES], data[64];
    struct err err;
    struct origin_counts counts = {0};
    (void)state;
    setenv("no_proxy", "*", 1);
    pid_t pid = server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                       "ETag: \"v1\"\r\nConnection: close\r\n\r\nhello",
                       2, url);
    assert_int_equal(origin_identity(OBJECT_URL, url, a, &counts, &err), 1);
    assert_non_null(strstr(a, "v1"));
    struct origin *o = opened(OBJECT_URL, url);
    assert_int_equal(origin_bytes(o), 5);
    assert_int_equal(all(o, data, sizeof(data), 3, &err), 5);
    assert_string_equal(data, "hello");
    assert_int_equal(origin_close(o, &counts, &err), 0);
    assert_int_equal(counts.http_requests, 2);
    assert_int_equal(counts.opens, 0);
    child_ended(pid);
    pid = server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                 "Connection: close\r\n\r\n",
                 2, url);
    assert_int_equal(origin_identity(OBJECT_URL, url, a, &counts, &err), -1);
    assert_int_equal(err.code, ENOENT);
    refused(OBJECT_URL, url, ENOENT, "/x");
    child_ended(pid);
    refused(OBJECT_URL, "ftp://127.0.0.1/x", EINVAL, "ftp");
}

/* A folder is read as one archive, the same each time. */
static void trees(void **state)
{
    const char *dir = *state;
    static char a[1 << 16], b[1 << 16];
    struct err err;
    struct origin_counts counts = {0};
    assert_int_equal(shell("cd %s && mkdir -p t/bin && echo hi >t/bin/x && "
                           "echo ho >t/y && ln -s y t/l",
                           dir),
                     0);
    const char *t = path_of("%s/t", dir);
    struct origin *o = opened(OBJECT_TREE, t);
    assert_true(origin_bytes(o) == UINT64_MAX);
    ssize_t n = all(o, a, sizeof(a), 1000, &err);
    assert_true(n > 1000);
    assert_int_equal(origin_close(o, &counts, &err), 0);
    assert_true(counts.opens >= 2);
    assert_int_equal(counts.bytes, 6);
    o = opened(OBJECT_TREE, t);
    assert_int_equal(all(o, b, sizeof(b), 7777, &err), n);
    assert_memory_equal(a, b, n);
    assert_int_equal(origin_close(o, NULL, &err), 0);
    FILE *tar = popen("tar tf - | sort | tr '\\n' ' ' | "
                      "grep -q 'bin/ bin/x l y'",
                      "w");
    assert_int_equal(fwrite(a, 1, (size_t)n, tar), n);
    assert_int_equal(pclose(tar), 0);
    refused(OBJECT_TREE, path_of("%s/none", dir), ENOENT, "none");
    assert_int_equal(mkfifo(path_of("%s/t/fifo", dir), 0600), 0);
    o = origin_open(OBJECT_TREE, t, NULL, &err);
    if (o) {
        assert_int_equal(all(o, b, sizeof(b), 7777, &err), -1);
        origin_close(o, NULL, NULL);
    }
    assert_int_equal(err.code, EPROTO);
    assert_int_equal(origin_identity(OBJECT_TREE, t, a, NULL, &err), 0);
}

/* Whoever gives up is told so at the next read. */
static void stopped(void **state)
{
    struct err err;
    char c;
    atomic_bool stop = false;
    const char *path = path_of("%s/f", (const char *)*state);
    put_file(path, "text", 0600);
    struct origin *o = origin_open(OBJECT_FILE, path, &stop, &err);
    assert_int_equal(origin_read(o, &c, 1, &err), 1);
    atomic_store(&stop, true);
    assert_int_equal(origin_read(o, &c, 1, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    origin_close(o, NULL, NULL);
}

/* Sparse and huge: sizes are 64 bits. */
static void huge(void **state)
{
    static char data[1 << 16];
    struct err err;
    struct origin_counts counts = {0};
    const char *path = path_of("%s/huge", (const char *)*state);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    const off_t size = (off_t)5 << 40;
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
    struct origin *o = opened(OBJECT_FILE, path);
    assert_int_equal(origin_bytes(o), size);
    assert_int_equal(origin_read(o, data, sizeof(data), &err), sizeof(data));
    assert_int_equal(origin_close(o, &counts, &err), 0);
    assert_int_equal(counts.bytes, sizeof(data));
}

static void identity(void **state)
{
    const char *dir = *state;
    char a[ORIGIN_IDENTITY_BYTES], b[ORIGIN_IDENTITY_BYTES];
    struct err err;
    const char *path = path_of("%s/f", dir);
    put_file(path, "one", 0600);
    assert_int_equal(origin_identity(OBJECT_FILE, path, a, NULL, &err), 1);
    assert_int_equal(origin_identity(OBJECT_FILE, path, b, NULL, &err), 1);
    assert_string_equal(a, b);
    assert_int_equal(shell("touch -d '1 minute ago' %s", path), 0);
    assert_int_equal(origin_identity(OBJECT_FILE, path, b, NULL, &err), 1);
    assert_string_not_equal(a, b);
    assert_int_equal(
        shell("cp -p %s %s.2 && mv %s.2 %s", path, path, path, path), 0);
    assert_int_equal(origin_identity(OBJECT_FILE, path, a, NULL, &err), 1);
    assert_string_not_equal(a, b);
    assert_int_equal(origin_identity(OBJECT_LIST, dir, a, NULL, &err), 0);
    assert_int_equal(
        origin_identity(OBJECT_FILE, path_of("%s/no", dir), a, NULL, &err), -1);
    assert_int_equal(err.code, ENOENT);
}

/* The listing with | between entries. */
static const char *listed(const char *dir, const char *prefix)
{
    static char text[1 << 16];
    char key[PATH_MAX + 256];
    struct err err;
    struct listed f;
    size_t at = 0;
    int rc;
    static char data[1 << 16];
    snprintf(key, sizeof(key), "%s\n%s", dir, prefix);
    struct origin *o = opened(OBJECT_LIST, key);
    ssize_t len = all(o, data, sizeof(data), 1000, &err);
    assert_int_equal(len, origin_bytes(o));
    assert_int_equal(origin_close(o, NULL, &err), 0);
    text[0] = '\0';
    while ((rc = listing_next(data, (size_t)len, &at, &f, &err)) == 1)
        sprintf(text + strlen(text), "%llu %o %s|", (unsigned long long)f.bytes,
                f.mode, f.name);
    assert_int_equal(rc, 0);
    return text;
}

static void listings(void **state)
{
    const char *dir = *state;
    struct err err;
    assert_int_equal(
        shell("cd %s && mkdir -p c/a/b c/dir c/ab c/.hid outside && "
              "printf 12345 >c/a/five && printf 1 >c/a/b/one && "
              "touch c/a.txt c/z c/ab/x c/.hid/h \"c/$(printf 'n\\n\\377 l')\" "
              "outside/secret && chmod 640 c/a/five && chmod 711 c/z && "
              "chmod 600 c/a.txt c/ab/x c/a/b/one c/.hid/h c/n* && "
              "mkfifo c/fifo && ln -s ../outside/secret c/out && "
              "ln -s ../outside c/outdir && ln -s /etc/passwd c/abs && "
              "ln -s a/five c/in && ln -s ../a c/dir/link && "
              "ln -s .. c/dir/up && ln -s nothing c/dangling && "
              "ln -s self c/self",
              dir),
        0);
    const char *c = path_of("%s/c", dir);
    assert_string_equal(
        listed(c, ""),
        "0 600 .hid/h|0 600 a.txt|1 600 a/b/one|5 640 a/five|0 600 ab/x|"
        "1 600 dir/link/b/one|5 640 dir/link/five|5 640 in|"
        "0 600 n\n\377 l|0 711 z|");
    assert_string_equal(listed(c, "a/"), "1 600 a/b/one|5 640 a/five|");
    assert_string_equal(listed(c, "a"),
                        "0 600 a.txt|1 600 a/b/one|5 640 a/five|0 600 ab/x|");
    assert_string_equal(listed(c, "a/b/o"), "1 600 a/b/one|");
    assert_string_equal(listed(c, "dir/link/f"), "5 640 dir/link/five|");
    assert_string_equal(listed(c, "z"), "0 711 z|");
    assert_string_equal(listed(c, "nope/x"), "");
    assert_string_equal(listed(c, "../"), "");
    refused(OBJECT_LIST, path_of("%s/none\n", dir), ENOENT, "none");
    refused(OBJECT_LIST, path_of("%s/c/z\n", dir), ENOTDIR, "c/z");
    /* the container may be a link itself */
    assert_int_equal(symlink("c", path_of("%s/clink", dir)), 0);
    assert_string_equal(listed(path_of("%s/clink", dir), "z"), "0 711 z|");
    /* only folders that can have the prefix are opened */
    struct buf b;
    struct listing_seen seen = {0};
    buf_init(&b, 1 << 20);
    assert_int_equal(listing_make(c, "a/b/o", NULL, &b, &seen, &err), 0);
    assert_int_equal(seen.opens, 3);
    atomic_bool stop = true;
    assert_int_equal(listing_make(c, NULL, &stop, &b, NULL, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    buf_fini(&b);
    /* very deep */
    assert_int_equal(shell("cd %s && mkdir deep && cd deep && "
                           "for i in $(seq 140); do mkdir d && cd d; done && "
                           "touch f",
                           dir),
                     0);
    refused(OBJECT_LIST, path_of("%s/deep\n", dir), E2BIG, "128");
}

/* What does not begin with the prefix is not looked at: on shared storage, each
 * look is an answer of its servers, and each task of a sweep may have a listing
 * of its own. */
static void looks(void **state)
{
    struct err err;
    struct buf b;
    const char *dir = *state;
    assert_int_equal(shell("cd '%s' && mkdir a ab b && touch a/x a/y ab/x b/x "
                           "ax $(seq -f 'c%%.0f' 200)",
                           dir),
                     0);
    buf_init(&b, 1 << 20);
    fstatat_calls = 0;
    assert_int_equal(listing_make(dir, "c17", NULL, &b, NULL, &err), 0);
    assert_int_equal(fstatat_calls, 11); /* c17, c170 to c179 */
    fstatat_calls = 0;
    buf_reset(&b);
    assert_int_equal(listing_make(dir, "a/x", NULL, &b, NULL, &err), 0);
    assert_int_equal(fstatat_calls, 2); /* a, a/x */
    assert_int_equal(b.len, strlen("0 644 a/x") + 1);
    buf_fini(&b);
}

static void damaged(void **state)
{
    struct err err;
    struct listed f;
    (void)state;
#define LINE(text)                                                             \
    {                                                                          \
        text, sizeof(text)                                                     \
    }
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {LINE(""),
               LINE("1"),
               LINE("1 2"),
               LINE("1 644 "),
               LINE("1 644 /abs"),
               LINE("1 644 ../x"),
               LINE("1 644 a/../x"),
               LINE("1 644 a//x"),
               LINE("1 644 a/"),
               LINE("1 644 ."),
               LINE("-1 644 a"),
               LINE("1 4755 a"),
               LINE("1 698 a"),
               LINE("99999999999999999999 644 a"),
               {"1 644 a", 7}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t at = 0;
        assert_int_equal(listing_next(bad[i].text, bad[i].len, &at, &f, &err),
                         -1);
        assert_int_equal(err.code, EPROTO);
    }
    size_t at = 0;
    assert_int_equal(
        listing_next("9223372036854775807 777 a b", 28, &at, &f, &err), 1);
    assert_int_equal(f.bytes, INT64_MAX);
    assert_string_equal(f.name, "a b");
    assert_int_equal(listing_next("x", at, &at, &f, &err), 0);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(file),           IN_FOLDER(no_file),  IN_FOLDER(changes),
        IN_FOLDER(huge),           IN_FOLDER(identity), IN_FOLDER(listings),
        cmocka_unit_test(urls),    IN_FOLDER(trees),    IN_FOLDER(stopped),
        cmocka_unit_test(damaged), IN_FOLDER(looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
