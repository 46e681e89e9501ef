/* The inbox, the side of who asks: see inbox.h. And the names in it. */
#include "config.h"
#include "store/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/inbox_name.h"

enum inbox_name inbox_name_kind(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    const char *end = name + digits;
    if (digits != INBOX_ID_BYTES - 1)
        return INBOX_NAME_FOREIGN;
    if (strcmp(end, ".ask") == 0)
        return INBOX_NAME_ASK;
    return strcmp(end, ".tmp") == 0 || strcmp(end, ".data") == 0 ||
                   strcmp(end, ".answer") == 0
               ? INBOX_NAME_OTHER
               : INBOX_NAME_FOREIGN;
}

static int id_make(char id[INBOX_ID_BYTES], struct err *err)
{
    unsigned char noise[(INBOX_ID_BYTES - 1) / 2];
    if (getrandom(noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
        return err_sys(err, errno, "no random numbers");
    for (size_t i = 0; i < sizeof(noise); i++)
        snprintf(id + 2 * i, 3, "%02x", noise[i]);
    return 0;
}

/* Opened anew each time: that asks the server of a network file system what is
 * in it by now. */
static int folder_open(const char *run_dir, struct err *err)
{
    char *path = path_join(run_dir, "inbox");
    if (!path)
        return err_set(err, ENOMEM, "no memory to ask the run");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        err_sys(err, errno, "cannot open %s", path);
    mem_free(path);
    return fd;
}

/* root may ask about anybody's run: the session must be able to read it. */
static int owner_give(int dir, int fd)
{
    struct stat st;
    if (geteuid() != 0 || fstat(dir, &st) < 0 || st.st_uid == 0)
        return 0;
    return fchown(fd, st.st_uid, st.st_gid);
}

/* Make a file of the folder; errno on failure. */
static int file_put(int dir, const char *name, const void *bytes, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = file_write_all(fd, bytes, len);
    if (rc == 0)
        rc = owner_give(dir, fd);
    int saved = errno;
    if (close(fd) < 0 && rc == 0) {
        rc = -1;
        saved = errno;
    }
    errno = saved;
    return rc;
}

int inbox_put_with(const char *run_dir, const void *text, size_t len,
                   const void *data, size_t data_len, char id[INBOX_ID_BYTES],
                   struct err *err)
{
    char tmp[INBOX_NAME_BYTES], name[INBOX_NAME_BYTES], with[INBOX_NAME_BYTES];
    if (data_len > INBOX_MAX_DATA_BYTES)
        return err_set(err, EMSGSIZE,
                       "%zu bytes are more than the %d that a "
                       "session takes at once",
                       data_len, INBOX_MAX_DATA_BYTES);
    int dir = folder_open(run_dir, err), rc = -1;
    if (dir < 0)
        return -1;
    if (id_make(id, err) < 0)
        goto out;
    snprintf(tmp, sizeof(tmp), "%s.tmp", id);
    snprintf(name, sizeof(name), "%s.ask", id);
    snprintf(with, sizeof(with), "%s.data", id);
    rc = data_len > 0 ? file_put(dir, with, data, data_len) : 0;
    if (rc == 0)
        rc = file_put(dir, tmp, text, len);
    if (rc == 0)
        rc = renameat(dir, tmp, dir, name);
    if (rc < 0) {
        err_sys(err, errno, "cannot ask the run in %s/inbox", run_dir);
        (void)unlinkat(dir, tmp, 0);
        (void)unlinkat(dir, with, 0);
    }
out:
    close(dir);
    return rc;
}

int inbox_put(const char *run_dir, const void *text, size_t len,
              char id[INBOX_ID_BYTES], struct err *err)
{
    return inbox_put_with(run_dir, text, len, NULL, 0, id, err);
}

static int answer_read(int dir, const char *name, struct buf *answer,
                       struct err *err)
{
    struct stat st;
    int rc = -1, fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the answer");
    char *to = NULL;
    if (fstat(fd, &st) < 0)
        err_sys(err, errno, "cannot look at the answer");
    else if (st.st_size > INBOX_MAX_ANSWER_BYTES ||
             !(to = buf_reserve(answer, (size_t)st.st_size)))
        err_set(err, EMSGSIZE, "the answer is too large");
    else if (file_read_at(fd, to, (size_t)st.st_size, 0) < 0)
        err_sys(err, errno, "cannot read the answer");
    else
        rc = 0;
    if (rc == 0)
        buf_commit(answer, (size_t)st.st_size);
    close(fd);
    (void)unlinkat(dir, name, 0);
    return rc;
}

enum inbox_state inbox_get(const char *run_dir, const char *id,
                           struct buf *answer, struct err *err)
{
    char name[INBOX_NAME_BYTES];
    enum inbox_state state = INBOX_TAKEN;
    int dir = folder_open(run_dir, err);
    if (dir < 0)
        return INBOX_FAILED;
    snprintf(name, sizeof(name), "%s.answer", id);
    if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        state = answer_read(dir, name, answer, err) < 0 ? INBOX_FAILED
                                                        : INBOX_ANSWERED;
    else {
        snprintf(name, sizeof(name), "%s.ask", id);
        if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            state = INBOX_WAITING;
    }
    close(dir);
    return state;
}

int inbox_open_data(const char *run_dir, const char *id, struct err *err)
{
    char name[INBOX_NAME_BYTES];
    int dir = folder_open(run_dir, err);
    if (dir < 0)
        return -1;
    snprintf(name, sizeof(name), "%s.data", id);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        err_sys(err, errno, "what came with the answer is gone");
    else
        (void)unlinkat(dir, name, 0);
    close(dir);
    return fd;
}

void inbox_forget(const char *run_dir, const char *id)
{
    static const char *const ends[] = {".ask", ".tmp", ".answer", ".data"};
    char name[INBOX_NAME_BYTES];
    int dir = folder_open(run_dir, NULL);
    for (unsigned i = 0; dir >= 0 && i < 4; i++) {
        snprintf(name, sizeof(name), "%s%s", id, ends[i]);
        (void)unlinkat(dir, name, 0);
    }
    if (dir >= 0)
        close(dir);
}
