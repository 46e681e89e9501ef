/* Whose a scratch is, and whether somebody uses it: see scratch_parts.h. */
#include "config.h"
#include "stage/scratch_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { OWNER_MAX_BYTES = 16 << 10 };
static const char owner_name[] = ".owner", new_name[] = ".owner.new";

/* Every name begins so; behind it are the user's number and, perhaps, the word
 * cache, then six characters of mkdtemp. */
static const char name_start[] = "mpibatch-";
enum { RANDOM_CHARS = 6 };

static bool is_random(const char *s)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789";
    return strlen(s) == RANDOM_CHARS && strspn(s, chars) == RANDOM_CHARS;
}

enum scratch_name scratch_name_of(const char *name)
{
    char start[64];
    int n = snprintf(start, sizeof(start), "%s%lu-", name_start,
                     (unsigned long)geteuid());
    if (strncmp(name, start, (size_t)n) != 0)
        return SCRATCH_NAME_OTHER;
    name += n;
    if (is_random(name))
        return SCRATCH_NAME_OWN;
    if (strncmp(name, "cache-", 6) == 0 && is_random(name + 6))
        return SCRATCH_NAME_CACHE;
    return SCRATCH_NAME_OTHER;
}

/* This boot of this machine, or "". */
static void boot_id(char *text, size_t size)
{
    struct buf b;
    buf_init(&b, size - 1);
    if (file_read("/proc/sys/kernel/random/boot_id", &b, NULL) < 0)
        buf_reset(&b);
    snprintf(text, size, "%s", buf_text(&b));
    text[strcspn(text, "\n")] = '\0';
    buf_fini(&b);
}

static int put_owner(struct buf *b, const char *key, const char *run_dir)
{
    char boot[64];
    struct utsname host;
    boot_id(boot, sizeof(boot));
    return buf_printf(b,
                      "mpibatch scratch 1\nhost %s\nboot %s\nsession %s\n"
                      "run %s\n",
                      uname(&host) == 0 ? host.nodename : "", boot, key,
                      run_dir);
}

/* The value of a line in an owner's text is value. */
static bool has_line(const char *text, const char *name, const char *value)
{
    size_t n = strlen(name), len = strlen(value);
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
        if (strncmp(p, name, n) == 0 && p[n] == ' ')
            return strncmp(p + n + 1, value, len) == 0 &&
                   p[n + 1 + len] == '\n';
    return false;
}

/* Was it made on this machine: in this boot, or under this name? */
static bool is_here(int owner)
{
    char boot[64];
    struct utsname host;
    struct buf b;
    buf_init(&b, OWNER_MAX_BYTES);
    ssize_t n = -1;
    char *room = buf_reserve(&b, OWNER_MAX_BYTES - 1);
    if (room)
        n = pread(owner, room, OWNER_MAX_BYTES - 1, 0);
    if (n > 0)
        buf_commit(&b, (size_t)n);
    boot_id(boot, sizeof(boot));
    bool here =
        n > 0 &&
        (has_line(buf_text(&b), "boot", boot) ||
         (uname(&host) == 0 && has_line(buf_text(&b), "host", host.nodename)));
    buf_fini(&b);
    return here;
}

/* Make .owner in the folder fd, locked. Returns its fd, or -1 with errno. */
static int make_owner(int fd, const char *key, const char *run_dir)
{
    struct buf b;
    buf_init(&b, OWNER_MAX_BYTES);
    int lock = -1;
    if (put_owner(&b, key, run_dir) == 0)
        lock = openat(fd, new_name,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock >= 0 &&
        (file_write_all(lock, b.data, b.len) < 0 ||
         /* where locks do not work nobody takes it for left over either */
         (flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) ||
         renameat(fd, new_name, fd, owner_name) < 0)) {
        int code = errno;
        unlinkat(fd, new_name, 0);
        close(lock);
        errno = code;
        lock = -1;
    }
    buf_fini(&b);
    return lock;
}

int scratch_make(const char *root, bool cache, const char *key,
                 const char *run_dir, char **path, int *fd, int *lock,
                 struct err *err)
{
    struct buf name;
    buf_init(&name, 1 << 16);
    if (buf_printf(&name, "%s/%s%lu-%sXXXXXX", root, name_start,
                   (unsigned long)geteuid(), cache ? "cache-" : "") < 0) {
        buf_fini(&name);
        return err_set(err, ENOMEM, "no memory for the name of the scratch");
    }
    char *made = buf_take(&name);
    if (!mkdtemp(made)) {
        err_sys(err, errno,
                "cannot make a scratch folder in \"%s\" (it goes to "
                "pool.scratch, or SLURM_TMPDIR, TMPDIR, /tmp)",
                root);
        mem_free(made);
        return -1;
    }
    int dir = open(made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int owner = dir < 0 ? -1 : make_owner(dir, key, run_dir);
    if (owner < 0) {
        err_sys(err, errno, "cannot make \"%s/%s\"", made, owner_name);
        if (dir >= 0)
            close(dir);
        rmdir(made);
        mem_free(made);
        return -1;
    }
    *path = made;
    *fd = dir;
    *lock = owner;
    return 0;
}

enum scratch_state scratch_look(int root_fd, const char *name, bool shared,
                                int *fd, int *lock)
{
    struct stat st;
    int dir =
        openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return errno == ENOENT ? SCRATCH_GONE : SCRATCH_FOREIGN;
    if (fstat(dir, &st) < 0 || st.st_uid != geteuid() ||
        (st.st_mode & 07777) != 0700) {
        close(dir);
        return SCRATCH_FOREIGN;
    }
    int owner =
        openat(dir, owner_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (owner < 0 && errno == ENOENT) {
        *fd = dir;
        return SCRATCH_NAKED;
    }
    enum scratch_state state = SCRATCH_FOREIGN;
    if (owner >= 0 && fstat(owner, &st) == 0 && S_ISREG(st.st_mode) &&
        st.st_uid == geteuid()) {
        /* where locks do not work each rank may join, and nobody cleans */
        if (flock(owner, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 &&
            (errno == EWOULDBLOCK || !shared))
            state = SCRATCH_IN_USE;
        else if (fstat(owner, &st) < 0 || st.st_nlink == 0)
            state = SCRATCH_GONE;
        else
            state = is_here(owner) ? SCRATCH_LOCKED : SCRATCH_REMOTE;
    }
    if (state == SCRATCH_LOCKED) {
        *fd = dir;
        *lock = owner;
        return state;
    }
    if (owner >= 0)
        close(owner);
    close(dir);
    return state;
}

int scratch_finish(int root_fd, const char *name, int fd, const char *root,
                   struct err *err)
{
    unlinkat(fd, new_name, 0);
    unlinkat(fd, owner_name, 0);
    if (unlinkat(root_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot remove \"%s/%s\"", root, name);
    return 0;
}
