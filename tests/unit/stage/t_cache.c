/* Tests of stage/cache: find, commit, holes, sources, room and eviction,
 * entries that were written to, and several processes that are killed at
 * random. */
#include "config.h"

#include "folder.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/cache.h"
#include "stage/cache_parts.h"
#include "stage/place.h"

static struct cache *opened(const char *dir, uint64_t max_bytes, bool keep)
{
    struct err err;
    const struct cache_config config = {.max_bytes = max_bytes, .keep = keep};
    struct cache *c = cache_open(dir, &config, &err);
    if (!c)
        print_message("# %s\n", err.text);
    assert_non_null(c);
    return c;
}

/* The content of number n: bytes of it. */
static void content(unsigned n, unsigned char *data, size_t bytes)
{
    unsigned x = n + 1;
    for (size_t i = 0; i < bytes; i++) {
        x = x * 1664525u + 1013904223u;
        data[i] = (unsigned char)(i < 4 ? n >> 8 * i : x >> 24);
    }
}

static struct digest digest_of(unsigned n, size_t bytes)
{
    struct digest d;
    unsigned char *data = mem_alloc(bytes + 1);
    content(n, data, bytes);
    checksum_of(data, bytes, d.bytes);
    mem_free(data);
    return d;
}

/* Add content n. 0, or -1 with err. */
static int add(struct cache *c, unsigned n, size_t bytes, bool size_known,
               char path[PATH_MAX], struct err *err)
{
    struct digest want = digest_of(n, bytes), got;
    unsigned char *data = mem_alloc(bytes + 1);
    content(n, data, bytes);
    struct partial *p = cache_begin(c, size_known ? bytes : UINT64_MAX, err);
    int rc = p ? 0 : -1;
    for (size_t at = 0, step; rc == 0 && at < bytes; at += step) {
        step = bytes - at < 48000 ? bytes - at : 48000;
        rc = cache_append(p, data + at, step, err);
    }
    if (rc < 0)
        cache_abort(p);
    else
        rc = cache_commit(p, &want, &got, path, err);
    mem_free(data);
    return rc;
}

static void added(struct cache *c, unsigned n, size_t bytes)
{
    struct err err;
    int rc = add(c, n, bytes, n % 2, NULL, &err);
    if (rc < 0)
        print_message("# %s\n", err.text);
    assert_int_equal(rc, 0);
}

static bool has(struct cache *c, unsigned n, size_t bytes)
{
    struct err err;
    char path[PATH_MAX];
    struct digest d = digest_of(n, bytes);
    int rc = cache_find(c, &d, bytes, path, &err);
    assert_true(rc >= 0);
    return rc;
}

static uint64_t used(struct cache *c)
{
    uint64_t bytes;
    struct err err;
    assert_int_equal(cache_get_used(c, &bytes, &err), 0);
    return bytes;
}

static unsigned in_tmp(const char *dir)
{
    FILE *f = popen(path_of("ls -A '%s/tmp' | wc -l", dir), "r");
    unsigned n = 99;
    assert_int_equal(fscanf(f, "%u", &n), 1);
    pclose(f);
    return n;
}

static void basic(void **state)
{
    const char *dir = *state;
    struct err err;
    struct stat st;
    char path[PATH_MAX], found[PATH_MAX];
    unsigned char data[1000];
    struct cache_counts counts;
    struct cache *c = opened(dir, 1 << 20, false);
    assert_int_equal(cache_max_bytes(c), 1 << 20);
    assert_false(has(c, 1, 1000));
    assert_int_equal(add(c, 1, 1000, true, path, &err), 0);
    struct digest d = digest_of(1, 1000);
    assert_int_equal(cache_find(c, &d, 1000, found, &err), 1);
    assert_string_equal(found, path);
    content(1, data, sizeof(data));
    assert_memory_equal(file_text(path), data, sizeof(data));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_mtim.tv_sec, CACHE_SEAL_S);
    added(c, 0, 0); /* an empty file, twice */
    added(c, 0, 0);
    assert_true(has(c, 0, 0));
    added(c, 1, 1000);
    assert_int_equal(used(c), 4096);
    assert_int_equal(in_tmp(dir), 0);
    cache_get_counts(c, &counts);
    assert_int_equal(counts.hits, 2);
    assert_int_equal(counts.misses, 1);
    assert_int_equal(counts.evictions, 0);
    /* another process sees it */
    struct cache *other = opened(dir, 0, false);
    assert_true(cache_max_bytes(other) > 1 << 20);
    assert_true(has(other, 1, 1000));
    cache_close(other);
    cache_close(c);
    cache_close(NULL);
    const struct cache_config config = {0};
    assert_null(cache_open(path_of("%s/nothing", dir), &config, &err));
    assert_int_equal(err.code, ENOENT);
}

/* What must not become an entry. */
static void refused(void **state)
{
    const char *dir = *state;
    struct err err;
    struct digest d = digest_of(3, 10), got;
    struct cache *c = opened(dir, 1 << 20, false);
    struct partial *p = cache_begin(c, 10, &err);
    assert_int_equal(cache_append(p, "0123456789", 10, &err), 0);
    assert_int_equal(cache_append(p, "0", 1, &err), -1);
    assert_int_equal(err.code, ESTALE);
    cache_abort(p);
    p = cache_begin(c, 10, &err);
    assert_int_equal(cache_append(p, "012345678", 9, &err), 0);
    assert_int_equal(cache_commit(p, NULL, &got, NULL, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    assert_non_null(strstr(err.text, "9 bytes, but should have 10"));
    p = cache_begin(c, 10, &err);
    assert_int_equal(cache_append(p, "0123456789", 10, &err), 0);
    assert_int_equal(cache_commit(p, &d, &got, NULL, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    assert_null(cache_begin(c, (1 << 20) + 1, &err));
    assert_int_equal(err.code, ENOSPC);
    assert_non_null(strstr(err.text, "pool.cache.max_size"));
    cache_abort(NULL);
    assert_int_equal(in_tmp(dir), 0);
    assert_int_equal(used(c), 0);
    assert_int_equal(shell("test -z \"$(find %s/objects -type f)\"", dir), 0);
    cache_close(c);
}

/* Zeros become holes, and are read as zeros, also while it grows. */
static void holes(void **state)
{
    enum { BYTES = 1 << 20 };
    static unsigned char data[BYTES], got[BYTES];
    struct err err;
    struct stat st;
    char path[PATH_MAX];
    struct digest d;
    (void)state;
    data[0] = 1;
    data[8191] = 2;
    data[500000] = 3;
    struct cache *c = opened(*state, 0, false);
    const size_t steps[] = {1, 4095, 4096, 48 << 10, BYTES};
    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        struct partial *p = cache_begin(c, UINT64_MAX, &err);
        assert_non_null(p);
        size_t step = steps[s] == 1 ? 9973 : steps[s];
        for (size_t at = 0; at < BYTES; at += step) {
            size_t n = BYTES - at < step ? BYTES - at : step;
            assert_int_equal(cache_append(p, data + at, n, &err), 0);
            assert_int_equal(cache_appended(p), at + n);
            assert_int_equal(pread(cache_partial_fd(p), got, n, (off_t)at), n);
            assert_memory_equal(got, data + at, n);
        }
        assert_int_equal(cache_commit(p, NULL, &d, path, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, BYTES);
        if (step % 4096 == 0)
            assert_true(st.st_blocks * 512 < BYTES / 4);
    }
    cache_close(c);
}

static void unused_since(const char *path, int seconds)
{
    const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
                                      {.tv_nsec = UTIME_OMIT}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The longest unused go first, and only as many as it takes. */
static void eviction(void **state)
{
    enum { BLOCK = 4096, COUNT = 8 };
    const char *dir = *state;
    struct err err;
    char paths[COUNT][PATH_MAX];
    struct cache_counts counts;
    struct cache *c = opened(dir, COUNT * BLOCK, false);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(add(c, i, BLOCK, true, paths[i], &err), 0);
        unused_since(paths[i], 1000 - (int)(i * 7 % COUNT));
    }
    assert_int_equal(used(c), COUNT * BLOCK);
    assert_true(has(c, 0, BLOCK)); /* was the first to go */
    added(c, 100, 100);
    /* i * 7 % 8: 0 7 6 5 4 3 2 1 */
    assert_false(exists(paths[7]));
    assert_true(has(c, 6, BLOCK) && has(c, 0, BLOCK) && has(c, 100, 100));
    added(c, 101, 2 * BLOCK);
    assert_false(exists(paths[5]) || exists(paths[4]));
    assert_true(has(c, 3, BLOCK));
    cache_get_counts(c, &counts);
    assert_int_equal(counts.evictions, 3);
    assert_int_equal(counts.evicted_bytes, 3 * BLOCK);
    assert_int_equal(used(c), COUNT * BLOCK);
    /* what is being made is no entry that could go */
    struct partial *p = cache_begin(c, 5 * BLOCK, &err);
    assert_non_null(p);
    assert_null(cache_begin(c, 4 * BLOCK, &err));
    assert_int_equal(err.code, ENOSPC);
    assert_non_null(strstr(err.text, "being staged"));
    /* one whose size is not known takes what there is, and no more */
    struct partial *q = cache_begin(c, UINT64_MAX, &err);
    static char data[4 * BLOCK];
    memset(data, 'x', sizeof(data));
    assert_int_equal(cache_append(q, data, 3 * BLOCK, &err), 0);
    assert_int_equal(cache_append(q, data, 1, &err), -1);
    assert_int_equal(err.code, ENOSPC);
    cache_abort(q);
    cache_abort(p);
    assert_int_equal(used(c), 0);
    /* the number in state is repaired when it matters */
    assert_int_equal(cache_set_used(c, 1 << 30, &err), 0);
    added(c, 7, BLOCK);
    assert_int_equal(used(c), BLOCK);
    assert_int_equal(truncate(path_of("%s/state", dir), 3), 0);
    cache_close(c);
    c = opened(dir, COUNT * BLOCK, false);
    added(c, 8, BLOCK);
    cache_close(c);
}

struct patient {
    struct cache *cache;
    struct partial *got;
    atomic_bool stop;
    struct err err;
    int64_t waited_ns;
};

static void *patient_main(void *arg)
{
    struct patient *p = arg;
    int64_t start = clock_mono_ns();
    p->got = cache_begin_patiently(p->cache, 6 * 4096, &p->stop, &p->err);
    p->waited_ns = clock_mono_ns() - start;
    return NULL;
}

/* Room that others will give is waited for, and what was just used may be put
 * into its place before it goes. */
static void patience(void **state)
{
    const char *dir = *state;
    struct err err;
    pthread_t t;
    char path[PATH_MAX];
    static char data[6 * 4096];
    struct cache *c = opened(dir, 8 * 4096, false);
    struct partial *p = cache_begin(c, sizeof(data), &err);
    struct patient w = {.cache = c};
    /* given up */
    assert_int_equal(pthread_create(&t, NULL, patient_main, &w), 0);
    usleep(50000);
    atomic_store(&w.stop, true);
    pthread_join(t, NULL);
    assert_null(w.got);
    assert_int_equal(w.err.code, ECANCELED);
    /* while another one is made, and then while it is fresh */
    atomic_store(&w.stop, false);
    assert_int_equal(pthread_create(&t, NULL, patient_main, &w), 0);
    usleep(100000);
    assert_int_equal(cache_append(p, data, sizeof(data), &err), 0);
    assert_int_equal(cache_commit(p, NULL, NULL, path, &err), 0);
    usleep(300000);
    assert_true(exists(path));
    pthread_join(t, NULL);
    assert_non_null(w.got);
    assert_false(exists(path));
    assert_true(w.waited_ns > 1000 * NS_PER_MS);
    /* what can never be is told at once */
    assert_null(cache_begin_patiently(c, 9 * 4096, &w.stop, &err));
    assert_int_equal(err.code, ENOSPC);
    cache_abort(w.got);
    cache_close(c);
}

/* More entries than one survey takes. */
static void many_evicted(void **state)
{
    enum { COUNT = 1200 };
    struct err err;
    char path[PATH_MAX];
    struct cache *c = opened(*state, COUNT * 4096, false);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(add(c, i, 10, true, path, &err), 0);
        unused_since(path, (int)(COUNT - i));
    }
    added(c, 9999, (COUNT - 100) * 4096);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(has(c, i, 10), i >= COUNT - 100);
    cache_close(c);
}

static void sources(void **state)
{
    const char *dir = *state;
    struct err err;
    char path[PATH_MAX];
    struct object_meta meta = {.bytes = 100, .mode = 0750}, got;
    struct cache *c = opened(dir, 1 << 20, true);
    meta.digest = digest_of(5, 100);
    assert_int_equal(cache_find_source(c, "file 1 2 3", &got, &err), 0);
    assert_int_equal(cache_add_source(c, "file 1 2 3", &meta, &err), 0);
    /* its content is not there: it is as if it were not known */
    assert_int_equal(cache_find_source(c, "file 1 2 3", &got, &err), 0);
    assert_int_equal(add(c, 5, 100, true, path, &err), 0);
    assert_int_equal(cache_find_source(c, "file 1 2 3", &got, &err), 1);
    assert_int_equal(got.bytes, 100);
    assert_int_equal(got.mode, 0750);
    assert_memory_equal(&got.digest, &meta.digest, sizeof(got.digest));
    assert_int_equal(cache_find_source(c, "file 1 2 4", &got, &err), 0);
    cache_close(c);
    /* kept across sessions; what has no content goes then, and so does what
     * is damaged */
    c = opened(dir, 1 << 20, true);
    assert_int_equal(cache_find_source(c, "file 1 2 3", &got, &err), 1);
    meta.digest = digest_of(6, 100);
    assert_int_equal(cache_add_source(c, "gone", &meta, &err), 0);
    assert_int_equal(shell("for f in short - 'x 3 4' "
                           "'99aa06d3014798d86001c324468d497f 0 0 0'; do "
                           "printf '%%s' \"$f\" >\"%s/sources/$f\"; done",
                           dir),
                     0);
    cache_close(c);
    c = opened(dir, 1 << 20, true);
    assert_int_equal(cache_find_source(c, "file 1 2 3", &got, &err), 1);
    assert_int_equal(shell("test $(ls %s/sources | wc -l) = 1", dir), 0);
    assert_int_equal(shell("echo nonsense >$(ls %s/sources/*)", dir), 0);
    assert_int_equal(cache_find_source(c, "file 1 2 3", &got, &err), 0);
    cache_close(c);
}

/* Leftovers of a killed process go; those of one that lives stay. */
static void leftovers(void **state)
{
    const char *dir = *state;
    struct err err;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct cache_config config = {.max_bytes = 1 << 20};
        struct cache *c = cache_open(dir, &config, &err);
        MUST(c && cache_begin(c, 5000, &err) && cache_begin(c, 600000, &err));
        MUST(write(ready[1], "x", 1) == 1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct cache *c = opened(dir, 1 << 20, false);
    assert_int_equal(in_tmp(dir), 2);
    assert_null(cache_begin(c, 600000, &err)); /* his are counted */
    assert_int_equal(err.code, ENOSPC);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    added(c, 1, 600000); /* and are found to be gone when room is needed */
    assert_int_equal(in_tmp(dir), 0);
    cache_close(c);
    close(ready[0]);
    close(ready[1]);
}

/* A task that writes to a file that it shares with the cache: the entry is
 * known to be another, dropped, and made anew. */
static void poisoned(void **state)
{
    const char *dir = *state;
    struct err err;
    char path[PATH_MAX];
    struct cache_counts counts;
    struct digest d = digest_of(1, 1000);
    struct cache *c = opened(dir, 1 << 20, false);
    const char *const writes[] = {"chmod u+w \"$F\" && printf x 1<>\"$F\"",
                                  "chmod u+w \"$F\" && echo more >>\"$F\"",
                                  "chmod u+w \"$F\" && : >\"$F\"",
                                  "chmod u+w \"$F\" && touch \"$F\"",
                                  "rm -f \"$F\" && mkfifo \"$F\"",
                                  "rm -f \"$F\" && ln -s /etc/passwd \"$F\""};
    size_t count = sizeof(writes) / sizeof(writes[0]);
    for (size_t i = 0; i < count; i++) {
        const char *task = path_of("%s/task", dir);
        assert_int_equal(add(c, 1, 1000, true, path, &err), 0);
        if (i < 4) /* through the task's link */
            assert_int_equal(link(path, task), 0);
        setenv("F", i < 4 ? task : path, 1);
        assert_int_equal(system(writes[i]), 0);
        assert_int_equal(cache_find(c, &d, 1000, path, &err), 0);
        assert_false(exists(path));
        unlink(task);
    }
    cache_get_counts(c, &counts);
    assert_int_equal(counts.poisoned, count);
    assert_int_equal(used(c), 0);
    /* also when it is staged again without being looked for */
    assert_int_equal(add(c, 1, 1000, true, path, &err), 0);
    assert_int_equal(shell("chmod u+w '%s' && echo >>'%s'", path, path), 0);
    added(c, 1, 1000);
    cache_get_counts(c, &counts);
    assert_int_equal(counts.poisoned, count + 1);
    assert_true(has(c, 1, 1000));
    cache_close(c);
}

/* Threads of one process. */
static void *thread_main(void *arg)
{
    struct cache *c = arg;
    struct err err;
    for (unsigned i = 0; i < 200; i++)
        if (add(c, i % 20, 3000, i % 2, NULL, &err) < 0)
            return strdup(err.text);
    return NULL;
}

static void threads(void **state)
{
    enum { THREADS = 4 };
    pthread_t t[THREADS];
    void *text;
    struct cache *c = opened(*state, 15 * 4096, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, thread_main, c), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], &text);
        if (text)
            print_message("# %s\n", (char *)text);
        assert_null(text);
    }
    assert_true(used(c) <= 15 * 4096);
    assert_int_equal(in_tmp(*state), 0);
    cache_close(c);
}

/* What one of the processes does until it is killed. */
static void torture_child(const char *dir, unsigned seed)
{
    const struct cache_config config = {.max_bytes = 1 << 20};
    struct err err;
    char path[PATH_MAX];
    unsigned char data[200000], want[sizeof(data)];
    struct cache *c = cache_open(dir, &config, &err);
    int task = open(dir, O_RDONLY | O_DIRECTORY);
    MUST(c && task >= 0);
    for (unsigned i = 0;; i++) {
        seed = seed * 1103515245u + 12345u;
        unsigned n = seed >> 16 & 31;
        size_t bytes = (n * 7919) % sizeof(data);
        struct digest d = digest_of(n, bytes);
        int rc = cache_find(c, &d, bytes, path, &err);
        MUST(rc >= 0);
        if (rc == 0) {
            MUST(add(c, n, bytes, seed >> 24 & 1, path, &err) == 0 ||
                 err.code == ENOSPC);
            continue;
        }
        int fd = open(path, O_RDONLY); /* may be evicted just now */
        MUST(fd >= 0 || errno == ENOENT);
        if (fd < 0)
            continue;
        MUST(read(fd, data, sizeof(data)) == (ssize_t)bytes);
        close(fd);
        content(n, want, bytes);
        MUST(memcmp(data, want, bytes) == 0);
    }
}

/* Processes that add, find and evict, and are killed at any time: each entry is
 * whole and has the content that its name says; nothing is left over. */
static void torture(void **state)
{
    enum { CHILDREN = 4, KILLS = 120 };
    const char *dir = *state;
    pid_t pids[CHILDREN];
    int status;
    unsigned seed = (unsigned)time(NULL), ended = 0;
    print_message("# seed %u\n", seed);
    for (unsigned i = 0; i < KILLS + CHILDREN; i++) {
        unsigned at = i % CHILDREN;
        if (i >= CHILDREN) {
            usleep(1000 + seed / 7919 % 20000);
            kill(pids[at], SIGKILL);
            assert_int_equal(waitpid(pids[at], &status, 0), pids[at]);
            ended += !WIFSIGNALED(status);
        }
        seed = seed * 1103515245u + 12345u;
        if (i < KILLS && (pids[at] = fork()) == 0)
            torture_child(dir, seed);
    }
    assert_int_equal(ended, 0);
    struct cache *c = opened(dir, 1 << 20, false);
    assert_int_equal(in_tmp(dir), 0);
    assert_int_equal(shell("cd %s/objects && find . -type f | while read -r f; "
                           "do s=$(stat -c '%%Y %%a' $f); "
                           "[ \"$s\" = '1000000000 400' ] || exit 1; done",
                           dir),
                     0);
    /* the last ones may have evicted all for files of unknown size */
    added(c, 3, 3 * 7919);
    unsigned entries = 0;
    uint64_t sum = 0;
    for (unsigned n = 0; n < 32; n++) {
        static unsigned char want[200000];
        struct err err;
        char path[PATH_MAX];
        size_t bytes = (n * 7919) % sizeof(want);
        struct digest d = digest_of(n, bytes);
        if (cache_find(c, &d, bytes, path, &err) != 1)
            continue;
        content(n, want, bytes);
        static unsigned char data[sizeof(want)];
        int fd = open(path, O_RDONLY);
        assert_int_equal(read(fd, data, sizeof(data)), bytes);
        close(fd);
        assert_memory_equal(data, want, bytes);
        entries++;
        sum += cache_cost(bytes);
    }
    assert_true(entries > 0);
    assert_int_equal(
        shell("test $(find %s/objects -type f | wc -l) = %u", dir, entries), 0);
    assert_true(sum <= 1 << 20);
    assert_true(used(c) >= sum);
    cache_close(c);
}

/* Each allocation fails once. */
static void no_memory(void **state)
{
    const char *dir = *state;
    struct err err;
    const struct cache_config config = {.max_bytes = 8192};
    bool done = false;
    for (unsigned k = 1; !done; k++) {
        assert_true(k < 100);
        struct cache *c = cache_open(dir, &config, &err);
        assert_non_null(c);
        assert_int_equal(add(c, 1, 8192, true, NULL, &err), 0);
        cache_close(c);
        mem_fail_at(k);
        c = cache_open(dir, &config, &err);
        struct partial *p = c ? cache_begin(c, 4096, &err) : NULL;
        done = p && mem_fail_at(0) < k;
        mem_fail_at(0);
        if (!p)
            assert_int_equal(err.code, ENOMEM);
        cache_abort(p);
        cache_close(c);
        assert_int_equal(in_tmp(dir), 0);
    }
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(basic),    IN_FOLDER(refused),   IN_FOLDER(holes),
        IN_FOLDER(eviction), IN_FOLDER(patience),  IN_FOLDER(many_evicted),
        IN_FOLDER(sources),  IN_FOLDER(leftovers), IN_FOLDER(poisoned),
        IN_FOLDER(threads),  IN_FOLDER(torture),   IN_FOLDER(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
