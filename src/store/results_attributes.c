/* The attributes of results.h5, and the texts that go with them: where the
 * results come from. See results_build.h. */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/digest.h"

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
    buf_init(&text, RESULTS_ATTR_BYTES);
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

/* Is the same file in the list before? */
static bool is_repeated(const struct programs *p, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (p->files[k].kind != PROGRAM_LIBRARY &&
            strcmp(p->files[k].path, p->files[i].path) == 0)
            return true;
    return false;
}

/* A line a program: "sha256  path", as sha256sum writes it, so that
 * sha256sum -c can compare. Libraries are in /batch/programs. */
static int put_programs(struct build *b, struct err *err)
{
    const struct programs *p = b->survey.programs;
    struct buf text;
    int rc = 0;
    buf_init(&text, RESULTS_ATTR_BYTES);
    for (uint32_t i = 0; rc == 0 && i < p->count; i++) {
        const struct program_file *f = &p->files[i];
        if (f->kind != PROGRAM_LIBRARY && f->sha256[0] && !is_repeated(p, i))
            rc = buf_printf(&text, "%s  %s\n", f->sha256, f->path);
    }
    if (rc < 0 && errno == EMSGSIZE)
        rc = 0;
    rc = rc < 0 ? err_set(err, ENOMEM, "no memory for the list of programs")
                : hdf_attr_text(b->file, "/", "programs", buf_text(&text), err);
    buf_fini(&text);
    if (rc == 0 && b->survey.changed.len > 0)
        rc = hdf_attr_text(b->file, "/", "programs_changed",
                           buf_text(&b->survey.changed), err);
    return rc;
}

static int put_spec(struct build *b, struct err *err)
{
    size_t len;
    char digest[DIGEST_TEXT_BYTES];
    const char *text = rundir_spec(b->rundir, &len);
    digest_bytes(text, len, digest);
    if (hdf_text(b->file, "/batch/spec", text, len, err) < 0 ||
        hdf_attr_text(b->file, "/", "spec_sha256", digest, err) < 0)
        return -1;
    if (len > RESULTS_ATTR_BYTES || memchr(text, '\0', len))
        return 0;
    char *copy = mem_strndup(text, len);
    if (!copy)
        return err_set(err, ENOMEM, "no memory for the job spec");
    int rc = hdf_attr_text(b->file, "/", "spec", copy, err);
    mem_free(copy);
    return rc;
}

static int put_time(struct build *b, const char *name, int64_t ns,
                    struct err *err)
{
    struct tm tm;
    char when[32] = "";
    time_t s = (time_t)(ns / NS_PER_SEC);
    if (ns > 0)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &tm));
    return hdf_attr_text(b->file, "/", name, when, err);
}

static int put_origin(struct build *b, struct err *err)
{
    const struct survey_origin *o = &b->survey.origin;
    struct hdf_file *f = b->file;
    char hdf5[32];
    const char *environment = buf_text(&o->environment);
    hdf_version(hdf5);
    if (hdf_attr_text(f, "/", "command", buf_text(&o->command), err) < 0 ||
        hdf_attr_text(f, "/", "folder", buf_text(&o->folder), err) < 0 ||
        hdf_attr_text(f, "/", "mpibatch_version",
                      o->version[0] ? o->version : PACKAGE_VERSION, err) < 0 ||
        hdf_attr_text(f, "/", "mpi_library", o->mpi, err) < 0 ||
        hdf_attr_text(f, "/", "hdf5_version", hdf5, err) < 0 ||
        hdf_attr_text(f, "/", "hwloc_version", o->hwloc, err) < 0)
        return -1;
    return hdf_attr_text(f, "/", "environment", environment, err);
}

/* What staging came to, if there was any: on /batch, "staging_links" and so
 * on. */
static int put_staged(struct build *b, struct err *err)
{
    const struct stage_counts *c = &b->survey.staged;
    char name[64];
    if (!stage_counts_any(c))
        return 0;
    for (int i = 0; i < STAGE_COUNTS; i++) {
        snprintf(name, sizeof(name), "staging_%s", stage_count_name(i));
        if (hdf_attr_int(b->file, "/batch", name,
                         (int64_t)stage_count_get(c, i), err) < 0)
            return -1;
    }
    return 0;
}

int build_attributes(struct build *b, struct err *err)
{
    struct hdf_file *f = b->file;
    size_t len;
    const char *text = rundir_spec(b->rundir, &len);
    if (hdf_attr_text(f, "/", "Conventions", "CF-1.8", err) < 0 ||
        hdf_attr_text(f, "/", "title", b->spec->name, err) < 0 ||
        hdf_attr_text(f, "/", "name", b->spec->name, err) < 0 ||
        put_origin(b, err) < 0 ||
        put_time(b, "created", clock_wall_ns(), err) < 0 ||
        put_time(b, "start_time", b->survey.start_ns, err) < 0 ||
        put_time(b, "end_time", b->survey.end_ns, err) < 0 ||
        hdf_attr_int(f, "/", "sessions", b->survey.session_count, err) < 0 ||
        put_hosts(b, err) < 0 || put_programs(b, err) < 0 ||
        put_staged(b, err) < 0)
        return -1;
    if (hdf_attr_int(f, "/batch", RESULTS_JOURNAL_BYTES,
                     (int64_t)journal_bytes(b->journal), err) < 0 ||
        hdf_attr_int(f, "/batch", RESULTS_SPEC_CRC, crc32c(0, text, len), err) <
            0)
        return -1;
    return put_spec(b, err);
}
