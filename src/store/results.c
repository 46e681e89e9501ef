/* Making results.h5: see results.h, and results_build.h for the steps. */
#include "config.h"
#include "store/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "store/results_build.h"

#define JOURNAL_BYTES "journal_bytes" /* how much of the journal is in it */
enum { CANCEL_EVERY = 1024, ATTR_BYTES = 30000, HOSTS_BYTES = 30000 };

int build_next(struct build *b, struct journal_record *r, struct err *err)
{
    if (b->steps++ % CANCEL_EVERY == 0 && b->cancel && *b->cancel)
        return err_set(err, ECANCELED, "given up");
    return journal_next(b->journal, r, err);
}

/* ---- Attributes of the file ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The hosts' names, each once, as many as an attribute holds. */
static int put_hosts(struct build *b, struct err *err)
{
    const struct survey *s = &b->survey;
    struct buf text;
    int rc = 0;
    char **names = mem_calloc(s->host_count, sizeof(*names));
    if (!names)
        return err_set(err, ENOMEM, "no memory for the hosts' names");
    for (uint32_t i = 0; i < s->host_count; i++)
        names[i] = s->hosts[i];
    qsort(names, s->host_count, sizeof(*names), by_name);
    buf_init(&text, HOSTS_BYTES);
    for (uint32_t i = 0; rc == 0 && i < s->host_count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            rc = buf_printf(&text, "%s%s", text.len ? " " : "", names[i]);
    if (rc < 0 && errno == EMSGSIZE) /* /batch/nodes has them all */
        rc = 0;
    rc = rc < 0 ? err_set(err, ENOMEM, "no memory for the hosts' names")
                : hdf_attr_text(b->file, "/", "hosts", buf_text(&text), err);
    buf_fini(&text);
    mem_free(names);
    return rc;
}

static int put_spec(struct build *b, struct err *err)
{
    size_t len;
    const char *text = rundir_spec(b->rundir, &len);
    if (hdf_text(b->file, "/batch/spec", text, len, err) < 0)
        return -1;
    if (len > ATTR_BYTES || memchr(text, '\0', len))
        return 0;
    char *copy = mem_strndup(text, len);
    if (!copy)
        return err_set(err, ENOMEM, "no memory for the job spec");
    int rc = hdf_attr_text(b->file, "/", "spec", copy, err);
    mem_free(copy);
    return rc;
}

static int put_attributes(struct build *b, struct err *err)
{
    struct hdf_file *f = b->file;
    struct tm tm;
    char when[32];
    time_t now = (time_t)(clock_wall_ns() / NS_PER_SEC);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    if (hdf_attr_text(f, "/", "Conventions", "CF-1.8", err) < 0 ||
        hdf_attr_text(f, "/", "title", b->spec->name, err) < 0 ||
        hdf_attr_text(f, "/", "name", b->spec->name, err) < 0 ||
        hdf_attr_text(f, "/", "mpibatch_version", PACKAGE_VERSION, err) < 0 ||
        hdf_attr_text(f, "/", "created", when, err) < 0 ||
        hdf_attr_int(f, "/", "sessions", b->survey.session_count, err) < 0 ||
        put_hosts(b, err) < 0)
        return -1;
    if (hdf_attr_int(f, "/batch", JOURNAL_BYTES,
                     (int64_t)journal_bytes(b->journal), err) < 0)
        return -1;
    return put_spec(b, err);
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
        hdf_group(b->file, "/batch", err) < 0 || put_attributes(b, err) < 0 ||
        build_tables(b, err) < 0)
        return -1;
    for (uint32_t i = 0; i < b->spec->job_count; i++)
        if (build_cubes(b, i, root == i, err) < 0)
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
    int64_t bytes;
    char *path = rundir_file(r, "results.h5");
    struct journal_reader *jr = path ? journal_read(r, spec, &err) : NULL;
    bool current = jr && access(path, F_OK) == 0 &&
                   hdf_attr_read_int(path, "/batch", JOURNAL_BYTES, &bytes) &&
                   (uint64_t)bytes == journal_bytes(jr);
    journal_reader_destroy(jr);
    mem_free(path);
    return current;
}
