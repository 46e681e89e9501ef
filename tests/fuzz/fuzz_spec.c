/* Fuzzing the parser of job specs: any bytes give a spec or errors with
 * places, never a crash, and errors can be shown. */
#include "config.h"
#include "fuzz.h"

#include <errno.h>

#include "spec/spec.h"

/* Any table is this one, any pattern matches two files. */
static int table_get(void *arg, enum table_kind kind, const char *path,
                     const char **bytes, size_t *len, struct err *err)
{
    static const char cells[] = "x,y\n1,a\n2,\"b\nc\"\n", paths[] = "a.d\0b.d";
    (void)arg;
    *bytes = kind == TABLE_PATHS ? paths : cells;
    *len = kind == TABLE_PATHS ? sizeof(paths) : sizeof(cells) - 1;
    return path[0] == 'z' ? err_set(err, ENOENT, "no file %s", path) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct spec_files files = {.get = table_get};
    struct spec_errors errors;
    struct jobspec *spec =
        spec_parse((const char *)data, size, "x", &files, &errors);
    if ((spec != NULL) == (errors.count > 0))
        __builtin_trap();
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < errors.count; i++) {
        buf_reset(&out);
        if (spec_error_show(&errors.list[i], "f", (const char *)data, size,
                            &out) < 0)
            __builtin_trap();
    }
    buf_fini(&out);
    for (uint32_t j = 0; spec && j < spec->job_count; j++) {
        char id[JOBSPEC_MAX_ID + 1];
        const struct job *job = &spec->jobs[j];
        if (job_task_id(job, 0, id, NULL) < 0 ||
            job_task_id(job, job->tasks.count - 1, id, NULL) < 0)
            __builtin_trap();
    }
    spec_errors_fini(&errors);
    jobspec_destroy(spec);
    return 0;
}
