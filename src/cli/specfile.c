/* A job spec in a file: see specfile.h. */
#include "config.h"
#include "cli/specfile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/look.h"
#include "spec/spec.h"
#include "store/rundir.h"

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

/* As specfile_parse. folder: where files are looked for; NULL: nowhere. */
static struct jobspec *text_parse(const char *path, const char *text,
                                  size_t len, struct inputs *inputs,
                                  const char *folder)
{
    struct spec_errors errors = {0};
    struct spec_files files = {.get = inputs_get,
                               .look = folder ? look_at : NULL,
                               .folder = folder,
                               .arg = inputs};
    struct buf out;
    char *stem = specfile_stem(path);
    struct jobspec *spec =
        spec_parse(text, len, stem ? stem : "", &files, &errors);

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
    if (spec) {
        spec->inputs = inputs;
        spec->inputs_destroy = inputs_destroy;
    } else {
        inputs_destroy(inputs);
    }
    return spec;
}

struct jobspec *specfile_parse(const char *path, const char *text, size_t len,
                               struct inputs *inputs)
{
    return text_parse(path, text, len, inputs, NULL);
}

static bool is_spec(const char *path)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    const char *dot = strrchr(path_base(path), '.');
    for (size_t i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* What is wrong with a path that is no file. */
static int irregular(const char *path, bool folder, struct err *err)
{
    struct err none;
    struct rundir *run = folder ? rundir_open_read(path, &none) : NULL;
    int rc = run ? err_set(err, EINVAL,
                           "%s is a run directory, not a job spec; it was made "
                           "from %s",
                           path, rundir_spec_path(run))
                 : err_set(err, EINVAL, "%s is %s, not a job spec", path,
                           folder ? "a folder" : "no regular file");
    rundir_close(run);
    return rc;
}

/* The spec that a file of commands stands for. */
static int commands_put(const char *path, const char *name, struct buf *text,
                        struct err *err)
{
    struct stat st;
    if (access(path, R_OK) < 0 || stat(path, &st) < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return irregular(path, S_ISDIR(st.st_mode), err);
    if (!text_is_utf8(name, strlen(name)))
        return err_set(err, EINVAL,
                       "the name of %s is not UTF-8; rename it first", path);
    if (buf_puts(text, "jobs:\n- commands: ") < 0 ||
        text_put_yaml(text, name) < 0 || buf_putc(text, '\n') < 0)
        return err_set(err, ENOMEM, "no memory for the name of %s", path);
    return 0;
}

/* The folder that a spec's tables and tasks begin in: that of the file itself
 * where path is a link. Heap; *name: its name there, in path. */
static char *folder_of(const char *path, char real[PATH_MAX], const char **name,
                       struct err *err)
{
    if (!realpath(path, real)) {
        err_sys(err, errno, "cannot open %s", path);
        return NULL;
    }
    *name = path_base(real);
    size_t len = (size_t)(*name - real); /* without the "/", but of the root */
    char *folder = mem_strndup(real, len > 1 ? len - 1 : len);
    if (!folder)
        err_set(err, ENOMEM, "no memory for %s", path);
    return folder;
}

char *specfile_folder(const char *path, struct err *err)
{
    char real[PATH_MAX];
    const char *name;
    return folder_of(path, real, &name, err);
}

struct jobspec *specfile_load(const char *path, bool look, struct buf *text)
{
    struct err err;
    char real[PATH_MAX];
    const char *name;
    char *folder = folder_of(path, real, &name, &err);
    struct inputs *inputs = folder ? inputs_create(folder, &err) : NULL;
    struct jobspec *spec = NULL;
    if (inputs && (is_spec(path) ? file_read(path, text, &err)
                                 : commands_put(path, name, text, &err)) == 0) {
        spec = text_parse(path, buf_text(text), text->len, inputs,
                          look ? folder : NULL);
    } else {
        inputs_destroy(inputs);
        log_error("%s", err.text);
    }
    mem_free(folder);
    return spec;
}
