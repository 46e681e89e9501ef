/* Returned files: see returned.h. Owns their names in the run directory; ids
 * and names are checked before they become a path. */
#include "config.h"
#include "store/returned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

char *returned_pack_path(const struct rundir *r, uint32_t session,
                         struct err *err)
{
    char *path = rundir_file(r, "output/%04u.files", session);
    if (!path)
        err_set(err, ENOMEM, "no memory for a file's path");
    return path;
}

char *returned_own_place(const struct returned_of *of, const char *name,
                         char path[RETURNED_PATH_BYTES])
{
    snprintf(path, RETURNED_PATH_BYTES, "files/%s/%s/%u/%s", of->job_id,
             of->task_id, of->attempt, name);
    return path;
}

char *returned_own_path(const struct rundir *r, const struct returned_of *of,
                        const char *name, struct err *err)
{
    if (!id_is_valid(of->job_id) || !id_is_valid(of->task_id)) {
        err_set(err, EINVAL, "job or task id cannot be a folder's name");
        return NULL;
    }
    if (!attempt_file_name_is_valid(name)) {
        err_set(err, EINVAL, "this cannot be the name of a returned file");
        return NULL;
    }
    char place[RETURNED_PATH_BYTES];
    char *path = rundir_file(r, "%s", returned_own_place(of, name, place));
    if (!path)
        err_set(err, ENOMEM, "no memory for a file's path");
    return path;
}

const struct attempt_file *returned_find(const struct attempt *a,
                                         const char *name)
{
    for (uint32_t i = 0; i < a->file_count; i++)
        if (strcmp(a->files[i].name, name) == 0)
            return &a->files[i];
    return NULL;
}

/* Is all of the file there? */
static int check_size(int fd, const char *path, const struct attempt_file *f,
                      struct err *err)
{
    struct stat st;
    uint64_t offset = f->place == FILE_PACKED ? f->offset : 0;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", path);
    uint64_t size = (uint64_t)st.st_size;
    if (!S_ISREG(st.st_mode) || offset > size || f->bytes > size - offset)
        return err_set(err, ENODATA, "%s is cut off", path);
    return 0;
}

int returned_open(const struct rundir *r, const struct returned_of *of,
                  const struct attempt_file *f, uint64_t *offset,
                  struct err *err)
{
    bool packed = f->place == FILE_PACKED;
    char *path = packed ? returned_pack_path(r, f->session, err)
                        : returned_own_path(r, of, f->name, err);
    if (!path)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        err_sys(err, errno, "cannot open %s", path);
    else if (check_size(fd, path, f, err) < 0) {
        close(fd);
        fd = -1;
    }
    *offset = packed ? f->offset : 0;
    mem_free(path);
    return fd;
}
