/* Where the files are that come with the program: see datadir.h. */
#include "config.h"
#include "cli/datadir.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

enum { MAKEFILE_BYTES = 64 << 20 };

/* The folder that the program lies in. */
static int program_dir(char dir[PATH_MAX], struct err *err)
{
    ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
    if (n < 0)
        return err_sys(err, errno, "cannot find our own program");
    dir[n] = '\0';
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    return 0;
}

/* The source folder of the build folder dir, as its Makefile has it, heap;
 * NULL: it is no build folder. */
static char *source_dir(const char *dir)
{
    static const char line[] = "\nabs_top_srcdir = ";
    char *found = NULL, *makefile = path_join(dir, "Makefile");
    struct buf text;
    struct err err;
    buf_init(&text, MAKEFILE_BYTES);
    if (makefile && file_read(makefile, &text, &err) == 0) {
        const char *at = strstr(buf_text(&text), line);
        if (at) {
            at += strlen(line);
            found = mem_strndup(at, strcspn(at, "\n"));
        }
    }
    buf_fini(&text);
    mem_free(makefile);
    return found;
}

static int fill(struct datadir *d, const char *schema_dir, const char *data,
                const char *programs, struct err *err)
{
    *d =
        (struct datadir){.schema = path_join(schema_dir, "jobspec.schema.json"),
                         .examples = path_join(data, "examples"),
                         .jobspecs = path_join(data, "jobspecs"),
                         .programs = path_join(programs, "examples")};
    if (d->schema && d->examples && d->jobspecs && d->programs)
        return 0;
    datadir_fini(d);
    return err_set(err, ENOMEM, "no memory");
}

int datadir_find(struct datadir *d, struct err *err)
{
    char dir[PATH_MAX], share[PATH_MAX + 32], libexec[PATH_MAX + 32];
    int rc;
    if (program_dir(dir, err) < 0)
        return -1;
    char *source = source_dir(dir);
    snprintf(share, sizeof(share), "%s/../share/mpibatch", dir);
    snprintf(libexec, sizeof(libexec), "%s/../libexec/mpibatch", dir);
    if (source)
        rc = fill(d, dir, source, dir, err);
    else if (access(share, R_OK) == 0)
        rc = fill(d, share, share, libexec, err);
    else
        rc = fill(d, PKGDATADIR, PKGDATADIR, PKGLIBEXECDIR, err);
    mem_free(source);
    return rc;
}

void datadir_fini(struct datadir *d)
{
    mem_free(d->schema);
    mem_free(d->examples);
    mem_free(d->jobspecs);
    mem_free(d->programs);
    *d = (struct datadir){0};
}
