/* A run directory named on the command line: see rundir_arg.h. */
#include "config.h"
#include "cli/rundir_arg.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/grow.h"
#include "cli/specfile.h"

struct jobspec *run_spec_load(const struct rundir *dir)
{
    struct err err;
    size_t len;
    const char *text = rundir_spec(dir, &len);
    struct inputs *inputs = inputs_open(rundir_path(dir), &err);
    struct jobspec *spec = NULL;
    if (inputs) {
        spec = specfile_parse(rundir_spec_path(dir), text, len, inputs);
        if (!spec || spec_grow_run(spec, rundir_path(dir), &err) == 0)
            return spec;
    }
    log_error("%s", err.text);
    jobspec_destroy(spec);
    return NULL;
}

static bool is_run(const char *folder, const char *name)
{
    struct buf path;
    struct stat st;
    buf_init(&path, PATH_MAX);
    bool is = buf_printf(&path, "%s/%s/run.yaml", folder, name) == 0 &&
              stat(buf_text(&path), &st) == 0;
    buf_fini(&path);
    return is;
}

/* Was it moved aside: sweep.run.1? */
static bool is_aside(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

/* The run directory that this folder is, or the only one in it. NULL: it was
 * said why, or there is no memory. */
static char *run_here(void)
{
    char *found = NULL;
    bool more = false;
    if (is_run(".", "."))
        return mem_strdup(".");
    DIR *dir = opendir(".");
    for (struct dirent *e; dir && !more && (e = readdir(dir));) {
        if (e->d_name[0] == '.' || is_aside(e->d_name) ||
            !is_run(".", e->d_name))
            continue;
        if (found) {
            log_error("which run? There are %s, %s and perhaps more in this "
                      "folder",
                      found, e->d_name);
            more = true;
        } else {
            found = mem_strdup(e->d_name);
        }
    }
    if (dir)
        closedir(dir);
    if (!found)
        log_error("which run? There is none in this folder");
    if (!more)
        return found;
    mem_free(found);
    return NULL;
}

bool run_arg_is(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    if (S_ISDIR(st.st_mode))
        return is_run(path, ".");
    char *dir = specfile_run_dir(path);
    bool is = dir && is_run(dir, ".");
    mem_free(dir);
    return is;
}

int run_dir_open(const char *path, struct rundir **out)
{
    struct err err;
    struct stat st;
    char *dir = !path ? run_here()
                : stat(path, &st) == 0 && !S_ISDIR(st.st_mode)
                    ? specfile_run_dir(path)
                    : mem_strdup(path);
    if (!dir && !path)
        return EXIT_BAD_USAGE;
    if (!dir) {
        log_error("no memory");
        return EXIT_FAILED;
    }
    *out = rundir_open_read(dir, &err);
    mem_free(dir);
    if (*out)
        return EXIT_OK;
    log_error("%s", err.text);
    return EXIT_BAD_USAGE;
}

int run_arg_open(const char *path, struct run_arg *run)
{
    *run = (struct run_arg){0};
    int rc = run_dir_open(path, &run->dir);
    if (rc != EXIT_OK)
        return rc;
    run->spec = run_spec_load(run->dir);
    if (run->spec)
        return 0;
    run_arg_close(run);
    return EXIT_FAILED;
}

void run_arg_close(struct run_arg *run)
{
    jobspec_destroy(run->spec);
    rundir_close(run->dir);
    *run = (struct run_arg){0};
}
