/* Fragments of a run: see added.h. */
#include "config.h"
#include "store/added.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Before the id of its job. */
static const char head[] = "# job: ";

static int path_make(char path[PATH_MAX], const char *run_dir, uint32_t number,
                     struct err *err)
{
    int n = number > 0 ? snprintf(path, PATH_MAX, "%s/added/%06" PRIu32 ".yaml",
                                  run_dir, number)
                       : snprintf(path, PATH_MAX, "%s/added", run_dir);
    return n < PATH_MAX
               ? 0
               : err_set(err, ENAMETOOLONG, "%s/added is too long", run_dir);
}

/* Have names in the folder on disk, too. */
static int folder_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    int rc = fsync(fd) < 0 && errno != EINVAL
                 ? err_sys(err, errno, "cannot sync %s", path)
                 : 0;
    close(fd);
    return rc;
}

int added_write(const char *run_dir, uint32_t number, const char *job_id,
                const char *text, size_t len, struct err *err)
{
    char path[PATH_MAX], folder[PATH_MAX];
    struct buf b;
    int rc = -1;
    if (number == 0 || number > ADDED_MAX)
        return err_set(err, E2BIG,
                       "tasks were added %d times, and that is the most",
                       ADDED_MAX);
    if (path_make(path, run_dir, number, err) < 0 ||
        path_make(folder, run_dir, 0, err) < 0)
        return -1;
    buf_init(&b, len + sizeof(head) + JOBSPEC_MAX_ID + 1);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        err_sys(err, errno, "cannot make %s", folder);
    else if (buf_printf(&b, "%s%s\n", head, job_id) < 0 ||
             buf_put(&b, text, len) < 0)
        err_set(err, ENOMEM, "no memory to add tasks");
    else if (file_replace(path, buf_text(&b), b.len, 0600, 1, err) == 0)
        rc = folder_sync(folder, err);
    buf_fini(&b);
    return rc;
}

int added_read(const char *run_dir, uint32_t number, struct buf *b,
               char job_id[JOBSPEC_MAX_ID + 1], size_t *text, struct err *err)
{
    char path[PATH_MAX];
    size_t before = b->len;
    if (number > ADDED_MAX)
        return 0;
    if (path_make(path, run_dir, number, err) < 0)
        return -1;
    if (file_read(path, b, err) < 0)
        return err->code == ENOENT ? 0 : -1;
    const char *line = buf_text(b) + before;
    const char *end = memchr(line, '\n', b->len - before);
    size_t id = sizeof(head) - 1;
    if (!end || strncmp(line, head, id) != 0 ||
        (size_t)(end - line) > id + JOBSPEC_MAX_ID)
        return err_set(err, EPROTO, "%s does not begin with \"%s\" and an id",
                       path, head);
    snprintf(job_id, JOBSPEC_MAX_ID + 1, "%.*s", (int)(end - line - (int)id),
             line + id);
    *text = before + (size_t)(end - line) + 1;
    return 1;
}
