/* Tests of stage/scratch: where, what is in it, who may join, who removes it
 * when, what is kept, what is left over and whose, how much room there is. */
#include "config.h"

#include "folder.h"

#include <signal.h>
#include <sys/file.h>
#include <time.h>

#include "stage/cache.h"
#include "stage/scratch.h"

enum { RESERVE = 1 << 20 };
static const int64_t now_ns = 1700000000 * (int64_t)1000000000;
static const int64_t day_ns = 86400 * (int64_t)1000000000;

static struct scratch *made(const char *root, bool keep_cache)
{
    struct err err;
    struct scratch *s =
        scratch_create(root, "key", "/run/dir", keep_cache, RESERVE, &err);
    if (!s)
        print_message("# %s\n", err.text);
    assert_non_null(s);
    return s;
}

/* Entries of root that are ours by name. */
static int count(const char *root, const char *pattern)
{
    FILE *f = popen(
        path_of("cd '%s' && ls -d %s 2>/dev/null | wc -l", root, pattern), "r");
    int n = -1;
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

static struct scratch_cleaned cleaned(const char *root, int64_t when)
{
    struct err err;
    struct scratch_cleaned got;
    int rc = scratch_clean_stale(root, when, NULL, &got, &err);
    if (rc < 0)
        print_message("# %s\n", err.text);
    assert_int_equal(rc, 0);
    return got;
}

static char *lookup_slurm(const char *name)
{
    static char here[] = "/dev";
    return strcmp(name, "SLURM_TMPDIR") == 0 ? here : NULL;
}

static char *lookup_tmpdir(const char *name)
{
    static char gone[] = "/nonexistent", rel[] = "tmp", here[] = "/var";
    (void)rel;
    return strcmp(name, "SLURM_TMPDIR") == 0 ? gone : here;
}

static char *lookup_relative(const char *name)
{
    static char rel[] = ".";
    (void)name;
    return rel;
}

static void where(void **state)
{
    struct err err;
    (void)state;
    assert_string_equal(scratch_root("/given", lookup_slurm), "/given");
    assert_string_equal(scratch_root(NULL, lookup_slurm), "/dev");
    if (geteuid() == 0)
        assert_string_equal(scratch_root(NULL, lookup_tmpdir), "/var");
    assert_string_equal(scratch_root(NULL, lookup_relative), "/tmp");
    assert_null(scratch_create("rel", "k", "/r", false, 0, &err));
    assert_int_equal(err.code, EINVAL);
    assert_null(scratch_create("/nonexistent", "k", "/r", false, 0, &err));
    assert_int_equal(err.code, ENOENT);
    assert_non_null(strstr(err.text, "pool.scratch"));
}

static void life(void **state)
{
    const char *root = *state;
    struct err err;
    struct stat st;
    struct scratch *s = made(root, false), *other = made(root, false);
    const char *path = scratch_path(s);
    assert_string_not_equal(path, scratch_path(other));
    assert_int_equal(count(root, "mpibatch-*-??????"), 2);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(count(path, "*"), 7);
    assert_string_equal(scratch_cache_path(s), path_of("%s/cache", path));
    assert_int_equal(faccessat(scratch_fd(s), "workitems", F_OK, 0), 0);
    const char *owner = file_text(path_of("%s/.owner", path));
    assert_non_null(strstr(owner, "\nsession key\nrun /run/dir\n"));
    /* two more ranks; the last one removes it */
    struct scratch *a = scratch_join(path, scratch_cache_path(s), 0, &err);
    struct scratch *b = scratch_join(path, scratch_cache_path(s), 0, &err);
    assert_non_null(a);
    assert_non_null(b);
    char *copy = strdup(path);
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    assert_int_equal(scratch_leave(a, now_ns, &err), 0);
    assert_true(exists(copy));
    assert_int_equal(cleaned(root, now_ns).removed, 0);
    put_file(path_of("%s/shared/left", copy), "x", 0400);
    assert_int_equal(scratch_leave(b, now_ns, &err), 0);
    assert_false(exists(copy));
    assert_null(scratch_join(copy, "/c", 0, &err));
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(scratch_leave(other, now_ns, &err), 0);
    assert_int_equal(scratch_leave(NULL, now_ns, &err), 0);
    assert_int_equal(count(root, "mpibatch-*"), 0);
    free(copy);
}

/* What nobody may slip in: another's folder, a link, one that is open to
 * others. */
static void join_refused(void **state)
{
    const char *root = *state;
    struct err err;
    struct scratch *s = made(root, false);
    const char *link_path = path_of("%s/link", root);
    assert_int_equal(symlink(scratch_path(s), link_path), 0);
    assert_null(scratch_join(link_path, scratch_cache_path(s), 0, &err));
    assert_null(scratch_join(scratch_path(s), root, 0, &err));
    assert_int_equal(chmod(scratch_path(s), 0755), 0);
    assert_null(scratch_join(scratch_path(s), scratch_cache_path(s), 0, &err));
    assert_int_equal(chmod(scratch_path(s), 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(scratch_path(s), 65534, 0), 0);
        assert_null(
            scratch_join(scratch_path(s), scratch_cache_path(s), 0, &err));
        assert_int_equal(chown(scratch_path(s), 0, 0), 0);
    }
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    unlink(link_path);
}

static void task(struct scratch *s, const char *name)
{
    assert_int_equal(shell("mkdir -p '%s/workitems/%s/wd' && "
                           "touch '%s/workitems/%s/stdout.txt'",
                           scratch_path(s), name, scratch_path(s), name),
                     0);
}

static void kept(void **state)
{
    const char *root = *state;
    struct err err;
    struct scratch *s = made(root, false);
    task(s, "j/job-1/a");
    task(s, "j/job-1/b");
    task(s, "j/job-1/gone");
    task(s, "k/job-1/a");
    task(s, "k/job-1/c");
    assert_int_equal(
        scratch_keep(s, "workitems/j/job-1/a", now_ns + 7 * day_ns, &err), 0);
    assert_int_equal(scratch_keep(s, "workitems/k/job-1/c", now_ns, &err), 0);
    assert_int_equal(
        scratch_keep(s, "workitems/k/job-1/c", now_ns + day_ns, &err), 0);
    assert_int_equal(
        scratch_keep(s, "workitems/j/job-1/gone", now_ns + day_ns, &err), 0);
    /* a note does not keep it, and keeping it leaves the note */
    assert_int_equal(scratch_noted(s, "workitems/j/job-1/b"), 0);
    assert_int_equal(scratch_note(s, "workitems/j/job-1/b", 9, &err), 0);
    assert_int_equal(scratch_note(s, "workitems/j/job-1/b", 10, &err), 0);
    assert_int_equal(scratch_noted(s, "workitems/j/job-1/b"), 10);
    assert_int_equal(scratch_note(s, "workitems/j/job-1/a", UINT32_MAX, &err),
                     0);
    assert_int_equal(
        scratch_keep(s, "workitems/j/job-1/a", now_ns + 7 * day_ns, &err), 0);
    assert_int_equal(scratch_noted(s, "workitems/j/job-1/a"), UINT32_MAX);
    assert_int_equal(scratch_note(s, "workitems/k/job-1/a", 1, &err), 0);
    scratch_forget(s, "workitems/k/job-1/a");
    scratch_forget(s, "workitems/k/job-1/a");
    assert_int_equal(scratch_noted(s, "workitems/k/job-1/a"), 0);
    assert_int_equal(scratch_marker_number("0000000007", 10), 0);
    assert_int_equal(scratch_marker_number("00000 0007\n", 11), 0);
    assert_int_equal(scratch_marker_number("4294967296\n", 11), 0);
    assert_int_equal(scratch_marker_number("0000000007\n", 11), 7);
    assert_int_equal(
        shell("rm -r '%s/workitems/j/job-1/gone'", scratch_path(s)), 0);
    static const char *const wrong[] = {
        "workitems/j", "shared/a/b/c",           "workitems/../a/b",
        "/abs",        "workitems/j/job-1/a/wd", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(scratch_keep(s, wrong[i], now_ns, &err), -1);
        assert_int_equal(err.code, EINVAL);
    }
    assert_int_equal(scratch_keep(s, "workitems/no/job-1/a", now_ns, &err), -1);
    assert_int_equal(err.code, ENOENT);
    char *path = strdup(scratch_path(s));
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    assert_true(exists(path_of("%s/workitems/j/job-1/a/wd", path)));
    assert_true(exists(path_of("%s/workitems/k/job-1/c/stdout.txt", path)));
    assert_int_equal(count(path, "* workitems/* workitems/*/job-1/*"), 5);
    assert_int_equal(count(path, "workitems/*/job-1/.*.kept"), 2);
    /* one that is stopped leaves all to the next one */
    static const atomic_bool stop = true;
    struct scratch_cleaned none;
    assert_int_equal(
        scratch_clean_stale(root, now_ns + 8 * day_ns, &stop, &none, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    assert_true(exists(path_of("%s/workitems/k/job-1/c/stdout.txt", path)));
    /* later sessions: nothing else goes until it expires, one by one */
    struct scratch_cleaned c = cleaned(root, now_ns);
    assert_int_equal(c.kept, 1);
    c = cleaned(root, now_ns + 2 * day_ns);
    assert_int_equal(c.kept, 1);
    assert_int_equal(c.removed, 0);
    assert_true(exists(path_of("%s/workitems/j/job-1/a", path)));
    assert_false(exists(path_of("%s/workitems/k", path)));
    c = cleaned(root, now_ns + 8 * day_ns);
    assert_int_equal(c.removed, 1);
    assert_false(exists(path));
    free(path);
}

/* A session that is killed, with ranks, tasks and a partial file. */
static pid_t session(const char *root, char path[PATH_MAX])
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        struct scratch *s =
            scratch_create(root, "key", "/run/dir", false, 0, &err);
        MUST(s && shell("cd '%s' && mkdir -p workitems/j/job-1/t/wd/sub && "
                        "touch workitems/j/job-1/t/wd/sub/f && "
                        "chmod 500 workitems/j/job-1/t/wd/sub && "
                        "mkdir workitems/j/job-1/kept",
                        scratch_path(s)) == 0);
        MUST(scratch_keep(s, "workitems/j/job-1/kept", now_ns + day_ns, &err) ==
             0);
        const struct cache_config config = {.max_bytes = 1 << 20};
        struct cache *c = cache_open(scratch_cache_path(s), &config, &err);
        MUST(c && cache_begin(c, 10000, &err));
        MUST(scratch_join(scratch_path(s), scratch_cache_path(s), 0, &err));
        MUST(write(out[1], scratch_path(s), strlen(scratch_path(s)) + 1) > 0);
        pause();
    }
    assert_true(read(out[0], path, PATH_MAX) > 0);
    close(out[0]);
    close(out[1]);
    return pid;
}

static void crashed(void **state)
{
    const char *root = *state;
    char dead[PATH_MAX], alive[PATH_MAX];
    pid_t first = session(root, dead), second = session(root, alive);
    kill(first, SIGKILL);
    assert_int_equal(waitpid(first, NULL, 0), first);
    struct scratch_cleaned c = cleaned(root, now_ns);
    assert_int_equal(c.kept, 1);
    assert_int_equal(c.removed, 0);
    assert_int_equal(count(dead, "* workitems/*/job-1/*"), 2);
    assert_true(exists(path_of("%s/workitems/j/job-1/kept", dead)));
    assert_true(exists(path_of("%s/workitems/j/job-1/t/wd/sub/f", alive)));
    kill(second, SIGKILL);
    assert_int_equal(waitpid(second, NULL, 0), second);
    c = cleaned(root, now_ns + 2 * day_ns);
    assert_int_equal(c.removed, 2);
    assert_int_equal(count(root, "mpibatch-*"), 0);
}

/* What only looks like ours stays. */
static void not_ours(void **state)
{
    const char *root = *state;
    struct err err;
    char ours[64];
    snprintf(ours, sizeof(ours), "mpibatch-%lu-", (unsigned long)geteuid());
    assert_int_equal(
        shell("cd %s && for n in %sabcdef mpibatch-4242-abcdef %sabcdefg "
              "%sabcde- other %scache-abcdef %snaked1; do "
              "mkdir -m 700 $n && touch $n/x; done && "
              "for n in %sopened %slinked %sremote %sfile01; do "
              "mkdir -m 700 $n; done; "
              "chmod 755 %sopened && touch %sopened/.owner && "
              "ln -s /etc/passwd %slinked/.owner && "
              "printf 'mpibatch scratch 1\\nhost elsewhere\\nboot 0\\n' "
              ">%sremote/.owner && "
              "rmdir %sfile01 && touch %sfile01 && ln -s other %slink01",
              root, ours, ours, ours, ours, ours, ours, ours, ours, ours, ours,
              ours, ours, ours, ours, ours, ours),
        0);
    int before = count(root, "*");
    struct scratch_cleaned c = cleaned(root, INT64_MAX);
    assert_int_equal(c.removed + c.kept + c.failed, 0);
    assert_int_equal(count(root, "*"), before);
    /* a folder that was just being made: not at once */
    assert_int_equal(mkdir(path_of("%s/%snaked2", root, ours), 0700), 0);
    put_file(path_of("%s/%snaked2/.owner.new", root, ours), "", 0600);
    int64_t now = (int64_t)time(NULL) * 1000000000;
    assert_int_equal(cleaned(root, now).removed, 0);
    assert_int_equal(cleaned(root, now + 3600 * (int64_t)1000000000).removed,
                     1);
    assert_false(exists(path_of("%s/%snaked2", root, ours)));
    if (geteuid() == 0) { /* another user's, left over */
        struct scratch *s = made(root, false);
        char *path = strdup(scratch_path(s));
        scratch_abandon(s);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(cleaned(root, INT64_MAX).removed, 0);
        assert_true(exists(path));
        assert_int_equal(chown(path, 0, 0), 0);
        assert_int_equal(cleaned(root, INT64_MAX).removed, 1);
        free(path);
    }
    struct scratch_cleaned none;
    assert_int_equal(scratch_clean_stale("/nonexistent", 0, NULL, &none, &err),
                     -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(shell("rm -r %s/*", root), 0);
}

/* A cache that is kept is found again, by this user and machine alone. */
static void kept_cache(void **state)
{
    const char *root = *state;
    struct err err;
    struct scratch *s = made(root, true);
    char *cache = strdup(scratch_cache_path(s));
    assert_int_equal(count(root, "mpibatch-*-cache-??????"), 1);
    struct scratch *rank =
        scratch_join(scratch_path(s), scratch_cache_path(s), 0, &err);
    assert_non_null(rank);
    struct scratch *same_time = made(root, true);
    assert_string_equal(scratch_cache_path(same_time), cache);
    put_file(path_of("%s/x", cache), "x", 0600);
    assert_int_equal(scratch_leave(rank, now_ns, &err), 0);
    assert_int_equal(scratch_leave(same_time, now_ns, &err), 0);
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    assert_int_equal(count(root, "mpibatch-*"), 1);
    assert_int_equal(cleaned(root, INT64_MAX).removed, 0);
    assert_true(exists(path_of("%s/x", cache)));
    s = made(root, true);
    assert_string_equal(scratch_cache_path(s), cache);
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    /* a second one, made at the same time by another session, goes */
    assert_int_equal(shell("cp -rp %s %s/mpibatch-%lu-cache-zzzzzz", cache,
                           root, (unsigned long)geteuid()),
                     0);
    cleaned(root, now_ns);
    assert_int_equal(count(root, "mpibatch-*-cache-*"), 1);
    /* one that is not private is not used */
    assert_int_equal(chmod(path_of("%s/%s", root, "."), 0700), 0);
    assert_int_equal(shell("chmod 755 %s/mpibatch-*-cache-*", root), 0);
    s = made(root, true);
    assert_int_equal(count(root, "mpibatch-*-cache-*"), 2);
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    free(cache);
}

static void room(void **state)
{
    const char *dir = *state;
    struct err err;
    uint64_t bytes;
    struct scratch *s = made(dir, false);
    assert_int_equal(scratch_free_bytes(s, &bytes, &err), 0);
    assert_true(bytes > RESERVE);
    assert_int_equal(scratch_room(s, 1, &err), 0);
    assert_int_equal(scratch_room(s, bytes, &err), -1);
    assert_int_equal(err.code, ENOSPC);
    assert_non_null(strstr(err.text, "pool.scratch_reserve"));
    assert_int_equal(scratch_leave(s, now_ns, &err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (!own_mounts() ||
            shell("mkdir -p %s/m && mount -t tmpfs -o size=3m none %s/m", dir,
                  dir) != 0) {
            LEFT_OUT("mounting needs root");
            _exit(0);
        }
        s = scratch_create(path_of("%s/m", dir), "k", "/r", false, RESERVE,
                           &err);
        MUST(s && scratch_room(s, 1900 << 10, &err) == 0);
        MUST(scratch_room(s, 2100 << 10, &err) == -1);
        MUST(strstr(err.text, "2.1 MiB"));
        MUST(scratch_leave(s, now_ns, &err) == 0);
        _exit(0);
    }
    child_ended(pid);
}

/* A disk quota counts as well as the disk. */
static void quota(void **state)
{
    const char *dir = *state;
    struct err err;
    uint64_t bytes;
    pid_t pid = fork();
    if (pid == 0) {
        if (!own_mounts() ||
            shell("cd %s && PATH=$PATH:/usr/sbin:/sbin && mkdir -p m && "
                  "truncate -s 300M disk && mkfs.xfs -q disk >log 2>&1 && "
                  "mount -o loop,uquota disk m 2>>log && chmod 1777 m && "
                  "xfs_quota -x -c 'limit bhard=5m 65534' m 2>>log",
                  dir) != 0) {
            LEFT_OUT("no XFS with quotas here");
            _exit(0);
        }
        const char *m = path_of("%s/m", dir);
        MUST(chmod(dir, 0755) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
        struct scratch *s = scratch_create(m, "k", "/r", false, RESERVE, &err);
        MUST(s && scratch_free_bytes(s, &bytes, &err) == 0);
        MUST(bytes < 5 << 20 && bytes > 4 << 20);
        MUST(scratch_room(s, 3 << 20, &err) == 0);
        MUST(scratch_room(s, 5 << 20, &err) == -1);
        MUST(scratch_leave(s, now_ns, &err) == 0);
        _exit(0);
    }
    child_ended(pid);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(where),      IN_FOLDER(life),    IN_FOLDER(join_refused),
        IN_FOLDER(kept),       IN_FOLDER(crashed), IN_FOLDER(not_ours),
        IN_FOLDER(kept_cache), IN_FOLDER(room),    IN_FOLDER(quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
