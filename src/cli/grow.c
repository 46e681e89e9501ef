/* Tasks that were added to a run: see grow.h. */
#include "config.h"
#include "cli/grow.h"

#include <errno.h>
#include <inttypes.h>

#include "spec/spec.h"
#include "store/added.h"

int spec_grow(struct jobspec *spec, const char *job_id, const char *text,
              size_t len, struct err *err)
{
    struct spec_errors errors = {0};
    uint32_t first, count;
    int job = jobspec_find_job(spec, job_id);
    if (job < 0)
        return err_set(err, EPROTO,
                       "tasks were added to job \"%s\", which the spec does "
                       "not have",
                       job_id);
    int rc = spec_add_tasks(spec, (uint32_t)job, text, len, NULL, &first,
                            &count, &errors);
    if (rc < 0)
        err_set(err, EPROTO,
                "tasks that were added to job \"%s\" do not suit the spec, "
                "line %u: %s",
                job_id, errors.count > 0 ? errors.list[0].line : 0,
                errors.count > 0 ? errors.list[0].text : "no memory");
    spec_errors_fini(&errors);
    return rc;
}

int spec_grow_run(struct jobspec *spec, const char *run_dir, struct err *err)
{
    char job_id[JOBSPEC_MAX_ID + 1];
    struct buf b;
    size_t text;
    int rc = 1;
    buf_init(&b, SPEC_MAX_BYTES);
    while (rc > 0) {
        uint32_t number = spec->fragment_count + 1;
        buf_reset(&b);
        rc = added_read(run_dir, number, &b, job_id, &text, err);
        if (rc > 0 &&
            spec_grow(spec, job_id, buf_text(&b) + text, b.len - text, err) < 0)
            rc = err_context(err, "%s/added/%06" PRIu32 ".yaml", run_dir,
                             number);
    }
    buf_fini(&b);
    return rc;
}

int spec_pack_run(const struct jobspec *spec, const char *run_dir,
                  struct buf *out, struct err *err)
{
    char job_id[JOBSPEC_MAX_ID + 1];
    struct buf b;
    size_t text;
    int rc = pack_put_u32(out, spec->fragment_count);
    buf_init(&b, SPEC_MAX_BYTES);
    for (uint32_t i = 1; rc == 0 && i <= spec->fragment_count; i++) {
        buf_reset(&b);
        rc = added_read(run_dir, i, &b, job_id, &text, err);
        if (rc == 0)
            rc = err_set(err, ENOENT, "%s/added/%06" PRIu32 ".yaml is gone",
                         run_dir, i);
        else if (rc > 0)
            rc = pack_put_str(out, job_id) < 0 ||
                         pack_put_bytes(out, buf_text(&b) + text,
                                        b.len - text) < 0
                     ? err_sys(err, errno, "cannot share the added tasks")
                     : 0;
    }
    buf_fini(&b);
    return rc;
}

int spec_unpack_run(struct jobspec *spec, struct unpack *u, struct err *err)
{
    char job_id[JOBSPEC_MAX_ID + 1];
    uint32_t count = unpack_u32(u);
    for (uint32_t i = 0; i < count && !u->bad; i++) {
        size_t len;
        unpack_str(u, job_id, sizeof(job_id));
        const char *text = unpack_bytes(u, SPEC_MAX_BYTES, &len);
        if (!u->bad && spec_grow(spec, job_id, text, len, err) < 0)
            return -1;
    }
    return u->bad ? err_set(err, EPROTO, "the added tasks are cut off") : 0;
}
