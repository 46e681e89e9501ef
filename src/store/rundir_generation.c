/* Another generation of a run: a journal of its own, and run.yaml with another
 * spec. See rundir_parts.h. */
#include "config.h"
#include "store/rundir_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/folder.h"

struct remove {
    int dir_fd;
    const char *folder;
};

static int remove_file(void *arg, const char *name)
{
    const struct remove *rm = arg;
    char path[NAME_MAX + 40];
    snprintf(path, sizeof(path), "%s/%s", rm->folder, name);
    return unlinkat(rm->dir_fd, path, 0);
}

char *rundir_prepare_generation(struct rundir *r, struct err *err)
{
    char name[32];
    rundir_name_journal(name, r->generation + 1);
    struct remove rm = {.dir_fd = r->dir_fd, .folder = name};
    if (folder_each_name(r->dir_fd, name, remove_file, &rm) < 0 &&
        errno != ENOENT) {
        err_sys(err, errno, "cannot empty %s/%s", r->path, name);
        return NULL;
    }
    if (rundir_make_folder(r, name, err) < 0)
        return NULL;
    char *copy = mem_strdup(name);
    if (!copy)
        err_set(err, ENOMEM, "no memory for %s", r->path);
    return copy;
}

/* run.yaml with another spec and the next generation: the lines of the header
 * with these two as they are now, then what is new. */
static int put_generation(const struct rundir *r, struct buf *b,
                          const char *text, size_t len)
{
    const char *line = buf_text(&r->text), *end = line + r->header_len;
    char digest[DIGEST_TEXT_BYTES];
    int rc = 0;
    digest_bytes(text, len, digest);
    while (rc == 0 && line < end) {
        const char *next = strchr(line, '\n') + 1;
        if (strncmp(line, RUNDIR_HEADER_END, strlen(RUNDIR_HEADER_END)) == 0)
            rc = buf_printf(b, RUNDIR_GENERATION "%u\n", r->generation + 1);
        if (rc == 0 &&
            strncmp(line, RUNDIR_DIGEST_KEY, strlen(RUNDIR_DIGEST_KEY)) == 0)
            rc = buf_printf(b, RUNDIR_DIGEST_KEY "%s\n", digest);
        else if (rc == 0 && strncmp(line, RUNDIR_GENERATION,
                                    strlen(RUNDIR_GENERATION)) != 0)
            rc = buf_put(b, line, (size_t)(next - line));
        line = next;
    }
    return rc == 0 ? buf_put(b, text, len) : -1;
}

int rundir_begin_generation(struct rundir *r, const char *spec_text,
                            size_t spec_len, struct err *err)
{
    char old[32];
    struct buf text;
    buf_init(&text, r->text.max_bytes);
    snprintf(old, sizeof(old), "run.%u.yaml", r->generation);
    char *path = rundir_file(r, "run.yaml");
    int rc = -1;
    if (!path || put_generation(r, &text, spec_text, spec_len) < 0) {
        err_set(err, ENOMEM, "no memory for %s", r->path);
        goto out;
    }
    (void)unlinkat(r->dir_fd, old, 0); /* of one that was never begun */
    if (linkat(r->dir_fd, "run.yaml", r->dir_fd, old, 0) < 0) {
        err_sys(err, errno, "cannot make %s/%s", r->path, old);
        goto out;
    }
    if (file_replace(path, text.data, text.len, 0600, 1, err) < 0)
        goto out;
    if (fsync(r->dir_fd) < 0 && errno != EINVAL) {
        err_sys(err, errno, "cannot write %s", r->path);
        goto out;
    }
    struct buf was = r->text;
    r->text = text;
    text = was;
    rc = rundir_parse_header(r, err);
out:
    buf_fini(&text);
    mem_free(path);
    return rc;
}
