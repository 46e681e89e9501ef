/* Where things are in a run directory. See rundir.h. */
#include "config.h"
#include "store/rundir_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "model/jobspec.h"

/* Where the large outputs of start tasks are, as if it were a job. */
#define POOLS_FOLDER ".pools"

const char *rundir_path(const struct rundir *r)
{
    return r->path;
}

const char *rundir_journal(const struct rundir *r)
{
    return r->journal;
}

char *rundir_file(const struct rundir *r, const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    buf_init(&b, 4 * PATH_MAX);
    va_start(ap, fmt);
    int rc = buf_printf(&b, "%s/", r->path);
    if (rc == 0)
        rc = buf_vprintf(&b, fmt, ap);
    va_end(ap);
    char *path = rc == 0 ? buf_take(&b) : NULL;
    buf_fini(&b);
    return path;
}

/* Make files/, files/JOB/ and files/JOB/TASK/ below dir. */
static int make_output_folders(const char *dir, const char *job_id,
                               const char *task_id, struct err *err)
{
    const char *parts[] = {"files", job_id, task_id};
    struct buf path;
    buf_init(&path, PATH_MAX);
    int rc = buf_puts(&path, dir);
    for (int i = 0; rc == 0 && i < 3; i++) {
        rc = buf_printf(&path, "/%s", parts[i]);
        if (rc == 0 && mkdir(path.data, 0700) < 0 && errno != EEXIST)
            rc = -1;
    }
    if (rc < 0)
        err_sys(err, errno, "cannot make the folder %s", buf_text(&path));
    buf_fini(&path);
    return rc;
}

char *rundir_large_output(const char *dir, const char *job_id,
                          const char *task_id, const struct attempt *a,
                          int stream, bool make, struct err *err)
{
    if (!job_id[0]) /* no job is called that */
        job_id = POOLS_FOLDER;
    else if (!id_is_valid(job_id))
        task_id = "";
    if (!id_is_valid(task_id)) {
        err_set(err, EINVAL, "job or task id cannot be a folder's name");
        return NULL;
    }
    if (make && make_output_folders(dir, job_id, task_id, err) < 0)
        return NULL;
    struct buf b;
    buf_init(&b, PATH_MAX);
    int rc = buf_printf(&b, "files/%s/%s/%s.%u", job_id, task_id,
                        stream == 0 ? "stdout" : "stderr", a->attempt);
    if (rc == 0 && special_is_of_node(a->index))
        rc = buf_printf(&b, ".node%u", a->node);
    char *path = rc == 0 ? buf_take(&b) : NULL;
    buf_fini(&b);
    if (!path)
        err_set(err, ENOMEM, "no memory for an output's path");
    return path;
}
