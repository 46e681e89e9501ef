/* The inbox, the session's side: see inbox.h. The other one: inbox_put.c. */
#include "config.h"
#include "store/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "store/inbox_name.h"

/* So long after the folder has changed it is read even if it says that it has
 * not: its time may be no finer than a second or two. */
#define SETTLE_NS (3 * NS_PER_SEC)
/* So long leftovers may stay: an ask that is being written, data without an
 * answer, an answer that nobody reads. */
#define LEFT_NS (120 * NS_PER_SEC)

/* A file that is to go one day. */
struct left {
    char name[INBOX_NAME_BYTES];
    int64_t since_ns;
    uint64_t seen; /* the scan that has last seen it */
    bool early;    /* it was there before us */
};

struct inbox {
    char *path;
    struct timespec changed; /* as the folder said when it was read */
    int64_t settled_ns, look_ns;
    bool read_all; /* when it was read last, all that was there was taken */
    uint64_t scan;
    struct left *left;
    uint32_t left_count;
};

/* ---- The folder ---- */

static int folder_check(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", path);
    if (st.st_uid != geteuid() && geteuid() != 0)
        return err_set(err, EPERM, "%s belongs to another user (uid %lu)", path,
                       (unsigned long)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(err, EPERM, "%s may be written by others", path);
    return 0;
}

/* Opening it, not only a stat, asks the server of a network file system. */
static int folder_open(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    return fd;
}

struct inbox *inbox_create(const char *run_dir, struct err *err)
{
    struct inbox *b = mem_calloc(1, sizeof(*b));
    if (b) {
        b->path = path_join(run_dir, "inbox");
        b->left = mem_calloc(INBOX_MAX_LEFT, sizeof(b->left[0]));
    }
    if (!b || !b->path || !b->left) {
        err_set(err, ENOMEM, "no memory for the inbox of %s", run_dir);
        goto fail;
    }
    int rc = -1, fd = -1;
    if (mkdir(b->path, 0700) < 0 && errno != EEXIST)
        err_sys(err, errno, "cannot make the folder %s", b->path);
    else if ((fd = folder_open(b->path, err)) >= 0)
        rc = folder_check(fd, b->path, err);
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        return b;
fail:
    inbox_destroy(b);
    return NULL;
}

static void left_remove(struct inbox *b, int dir, uint32_t i)
{
    (void)unlinkat(dir, b->left[i].name, 0);
    b->left[i] = b->left[--b->left_count];
}

void inbox_destroy(struct inbox *b)
{
    if (!b)
        return;
    int saved = errno, dir = -1;
    if (b->path && b->left_count > 0)
        dir = folder_open(b->path, NULL);
    for (uint32_t i = b->left_count; dir >= 0 && i-- > 0;)
        if (b->left[i].early)
            left_remove(b, dir, i);
    if (dir >= 0)
        close(dir);
    mem_free(b->left);
    mem_free(b->path);
    mem_free(b);
    errno = saved;
}

/* ---- Taking ---- */

/* A whole file of size bytes, with a NUL behind it. NULL with errno. */
static char *bytes_read(int fd, size_t size)
{
    char *bytes = mem_alloc(size + 1);
    if (bytes && file_read_at(fd, bytes, size, 0) < 0) {
        int saved = errno;
        mem_free(bytes);
        errno = saved;
        return NULL;
    }
    if (bytes)
        bytes[size] = '\0';
    return bytes;
}

/* Why a file is none that can be an ask; NULL: it may be one. */
static const char *refusal(const struct stat *st, off_t max)
{
    return !S_ISREG(st->st_mode) ? "it is not a regular file"
           : st->st_nlink > 1    ? "it has other names, too"
           : st->st_size > max   ? "it is too large"
           : st->st_uid != geteuid() && st->st_uid != 0
               ? "it belongs to another user"
               : NULL;
}

/* Read a file of at most max bytes. NULL: why says what is wrong, or *gone: it
 * is not there. */
static char *file_take(int dir, const char *name, off_t max, size_t *len,
                       bool *gone, char *why, size_t room)
{
    struct stat st;
    const char *no;
    char *bytes = NULL;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *gone = fd < 0 && errno == ENOENT;
    if (*gone)
        return NULL;
    if (fd < 0 || fstat(fd, &st) < 0)
        snprintf(why, room, "it cannot be opened: %s",
                 errno == ELOOP ? "it is a link" : strerrordesc_np(errno));
    else if ((no = refusal(&st, max)))
        snprintf(why, room, "%s", no);
    else if (!(bytes = bytes_read(fd, (size_t)st.st_size)))
        snprintf(why, room, "it cannot be read: %s", strerrordesc_np(errno));
    else
        *len = (size_t)st.st_size;
    if (fd >= 0)
        close(fd);
    return bytes;
}

/* What came with an ask, which is dropped if that cannot be read. */
static void data_take(int dir, struct inbox_ask *ask)
{
    char name[INBOX_NAME_BYTES], why[128] = "";
    bool gone;
    snprintf(name, sizeof(name), "%s.data", ask->id);
    ask->data = file_take(dir, name, INBOX_MAX_DATA_BYTES, &ask->data_len,
                          &gone, why, sizeof(why));
    if (gone)
        return;
    (void)unlinkat(dir, name, 0);
    if (ask->data)
        return;
    snprintf(ask->why, sizeof(ask->why), "what comes with it: %s", why);
    mem_free(ask->text);
    ask->text = NULL;
}

/* Read and remove an ask. Is there anything to answer? */
static bool ask_take(int dir, const char *name, struct inbox_ask *ask)
{
    bool gone;
    *ask = (struct inbox_ask){0};
    memcpy(ask->id, name, INBOX_ID_BYTES - 1);
    ask->text = file_take(dir, name, INBOX_MAX_ASK_BYTES, &ask->len, &gone,
                          ask->why, sizeof(ask->why));
    if (gone) /* taken back */
        return false;
    if (ask->text)
        data_take(dir, ask);
    if (unlinkat(dir, name, 0) == 0)
        return true;
    /* Who cannot be removed comes again and again: nothing is answered. A
     * folder of that name is such a thing. */
    mem_free(ask->text);
    mem_free(ask->data);
    return false;
}

static void left_note(struct inbox *b, const char *name, int64_t now_ns)
{
    uint32_t i = 0;
    while (i < b->left_count && strcmp(b->left[i].name, name) != 0)
        i++;
    if (i == b->left_count) {
        if (i == INBOX_MAX_LEFT)
            return; /* in time, when others have gone */
        b->left[i] = (struct left){.since_ns = now_ns, .early = b->scan == 1};
        memcpy(b->left[i].name, name, strlen(name) + 1); /* its kind is known */
        b->left_count++;
    }
    b->left[i].seen = b->scan;
}

/* Forget leftovers that are gone, remove old ones; when to look again. */
static void left_tidy(struct inbox *b, int dir, int64_t now_ns)
{
    b->look_ns = INT64_MAX;
    for (uint32_t i = b->left_count; i-- > 0;) {
        int64_t until_ns = b->left[i].since_ns + LEFT_NS;
        if (b->left[i].seen != b->scan)
            b->left[i] = b->left[--b->left_count];
        else if (until_ns <= now_ns)
            left_remove(b, dir, i);
        else if (until_ns < b->look_ns)
            b->look_ns = until_ns;
    }
}

/* Read the folder; how many asks were taken. -1 with err. */
static int folder_read(struct inbox *b, int fd, int64_t now_ns,
                       struct inbox_ask *asks, uint32_t max, struct err *err)
{
    uint32_t names = 0, count = 0;
    DIR *dir = file_names(fd);
    if (!dir)
        return err_sys(err, errno, "cannot read %s", b->path);
    b->scan++;
    b->read_all = true;
    for (struct dirent *e; (e = readdir(dir)) && names < INBOX_MAX_NAMES;
         names++) {
        switch (inbox_name_kind(e->d_name)) {
        case INBOX_NAME_ASK:
            if (count == max)
                b->read_all = false;
            else
                count += ask_take(fd, e->d_name, &asks[count]);
            break;
        case INBOX_NAME_OTHER:
            left_note(b, e->d_name, now_ns);
            break;
        case INBOX_NAME_FOREIGN:
            break;
        }
    }
    left_tidy(b, fd, now_ns);
    closedir(dir);
    return (int)count;
}

int inbox_take(struct inbox *b, int64_t now_ns, struct inbox_ask *asks,
               uint32_t max, struct err *err)
{
    struct stat st;
    int fd = folder_open(b->path, err);
    if (fd < 0)
        return -1;
    if (folder_check(fd, b->path, err) < 0 || fstat(fd, &st) < 0) {
        close(fd);
        return -1;
    }
    bool same = st.st_mtim.tv_sec == b->changed.tv_sec &&
                st.st_mtim.tv_nsec == b->changed.tv_nsec;
    if (same && b->read_all && now_ns > b->settled_ns && now_ns < b->look_ns) {
        close(fd);
        return 0;
    }
    if (!same)
        b->settled_ns = now_ns + SETTLE_NS;
    b->changed = st.st_mtim;
    return folder_read(b, fd, now_ns, asks, max, err);
}

/* ---- Answering ---- */

static char *name_of(const struct inbox *b, const char *id, const char *end)
{
    char name[INBOX_NAME_BYTES];
    snprintf(name, sizeof(name), "%s%s", id, end);
    return path_join(b->path, name);
}

int inbox_make_data(struct inbox *b, const char *id, struct err *err)
{
    char *path = name_of(b, id, ".data");
    if (!path)
        return err_set(err, ENOMEM, "no memory for an answer");
    (void)unlink(path);
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        err_sys(err, errno, "cannot make %s", path);
    mem_free(path);
    return fd;
}

void inbox_drop_data(struct inbox *b, const char *id)
{
    char *path = name_of(b, id, ".data");
    if (path)
        (void)unlink(path);
    mem_free(path);
}

int inbox_answer(struct inbox *b, const char *id, const void *text, size_t len,
                 struct err *err)
{
    char *tmp = name_of(b, id, ".tmp"), *path = name_of(b, id, ".answer");
    int rc = -1, fd = -1;
    if (!tmp || !path) {
        err_set(err, ENOMEM, "no memory for an answer");
        goto out;
    }
    (void)unlink(tmp);
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_sys(err, errno, "cannot make %s", tmp);
        goto out;
    }
    rc = file_write_all(fd, text, len);
    int saved = errno;
    if (close(fd) < 0 && rc == 0) {
        rc = -1;
        saved = errno;
    }
    if (rc == 0 && rename(tmp, path) < 0) {
        rc = -1;
        saved = errno;
    }
    if (rc < 0) {
        (void)unlink(tmp);
        err_sys(err, saved, "cannot write %s", path);
    }
out:
    mem_free(tmp);
    mem_free(path);
    return rc;
}
