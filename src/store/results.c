/* Making results.h5: see results.h, and results_build.h for the steps. */
#include "config.h"
#include "store/results.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "store/results_build.h"

enum { CANCEL_EVERY = 1024 };

int build_next(struct build *b, struct journal_record *r, struct err *err)
{
    if (b->steps++ % CANCEL_EVERY == 0 && b->cancel && *b->cancel)
        return err_set(err, ECANCELED, "given up");
    return journal_next(b->journal, r, err);
}

/* ---- The whole ---- */

/* The job that is to be seen in / as well, or -1. */
static int64_t root_job(const struct jobspec *spec)
{
    int64_t root = -1;
    for (uint32_t i = 0; i < spec->job_count; i++) {
        if (spec->jobs[i].tasks.kind == TASKS_LISTED && spec->job_count > 1)
            continue;
        if (root >= 0)
            return -1;
        root = i;
    }
    return root;
}

static int fill(struct build *b, struct err *err)
{
    int64_t root = root_job(b->spec);
    if (survey_make(b, err) < 0 || hdf_group(b->file, "/jobs", err) < 0 ||
        hdf_group(b->file, "/batch", err) < 0 || build_attributes(b, err) < 0 ||
        build_tables(b, err) < 0)
        return -1;
    for (uint32_t i = 0; i < b->spec->job_count; i++)
        if ((b->spec->jobs[i].schedule == 0 || b->survey.jobs[i].begun) &&
            build_cubes(b, i, root == i, err) < 0)
            return -1;
    return hdf_file_finish(b->file, err);
}

int results_build(const struct rundir *r, const struct jobspec *spec,
                  const volatile bool *cancel, struct err *err)
{
    struct build b = {.rundir = r, .spec = spec, .cancel = cancel};
    int rc = -1;
    char *path = rundir_file(r, "results.h5");
    char *tmp = rundir_file(r, "results.h5.%ld.tmp", (long)getpid());
    if (!path || !tmp) {
        err_set(err, ENOMEM, "no memory to make results.h5");
        goto out;
    }
    b.journal = journal_read(r, spec, err);
    if (!b.journal)
        goto out;
    b.file = hdf_file_create(tmp, err);
    if (b.file)
        rc = fill(&b, err);
    hdf_file_destroy(b.file);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = err_sys(err, errno, "cannot write %s", path);
    if (rc < 0)
        unlink(tmp);
out:
    survey_fini(&b);
    journal_reader_destroy(b.journal);
    mem_free(tmp);
    mem_free(path);
    return rc;
}

bool results_are_current(const struct rundir *r, const struct jobspec *spec)
{
    struct err err;
    int64_t bytes, crc;
    size_t len;
    const char *text = rundir_spec(r, &len);
    char *path = rundir_file(r, "results.h5");
    struct journal_reader *jr = path ? journal_read(r, spec, &err) : NULL;
    bool current =
        jr && access(path, F_OK) == 0 &&
        hdf_attr_read_int(path, "/batch", RESULTS_JOURNAL_BYTES, &bytes) &&
        (uint64_t)bytes == journal_bytes(jr) &&
        hdf_attr_read_int(path, "/batch", RESULTS_SPEC_CRC, &crc) &&
        crc == crc32c(0, text, len);
    journal_reader_destroy(jr);
    mem_free(path);
    return current;
}
