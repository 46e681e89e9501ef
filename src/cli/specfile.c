/* A job spec in a file: see specfile.h. */
#include "config.h"
#include "cli/specfile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "spec/spec.h"

char *specfile_stem(const char *path)
{
    const char *base = path_base(path), *dot = strrchr(base, '.');
    size_t len = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    return mem_strndup(base, len);
}

char *specfile_run_dir(const char *path)
{
    char *stem = specfile_stem(path);
    char *dir = stem ? mem_alloc(strlen(stem) + sizeof(".run")) : NULL;
    if (dir)
        sprintf(dir, "%s.run", stem);
    mem_free(stem);
    return dir;
}

struct jobspec *specfile_parse(const char *path, const char *text, size_t len)
{
    struct spec_errors errors = {0};
    struct buf out;
    char *stem = specfile_stem(path);
    struct jobspec *spec =
        spec_parse(text, len, stem ? stem : "", NULL, &errors);

    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < errors.count; i++)
        if (spec_error_show(&errors.list[i], path, text, len, &out) < 0)
            break;
    (void)file_write_all(STDERR_FILENO, buf_text(&out), out.len);
    if (!spec)
        log_error("%s: %zu error%s, nothing was run", path, errors.count,
                  errors.count == 1 ? "" : "s");
    buf_fini(&out);
    spec_errors_fini(&errors);
    mem_free(stem);
    return spec;
}

struct jobspec *specfile_load(const char *path, struct buf *text)
{
    struct err err;
    if (file_read(path, text, &err) < 0) {
        log_error("%s", err.text);
        return NULL;
    }
    return specfile_parse(path, buf_text(text), text->len);
}
