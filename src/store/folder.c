/* What is in a folder: see folder.h. */
#include "config.h"
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

bool folder_is_temporary(const char *name)
{
    return ends_with(name, ".tmp") && (strncmp(name, "run.yaml.", 9) == 0 ||
                                       strncmp(name, "status.json.", 12) == 0 ||
                                       strncmp(name, "results.h5.", 11) == 0);
}

/* May it be there before run.yaml is? */
static bool is_early(const char *name)
{
    return strcmp(name, "journal") == 0 || strcmp(name, "output") == 0 ||
           strcmp(name, "files") == 0 || strcmp(name, "tables") == 0 ||
           strcmp(name, "lock") == 0 ||
           (strncmp(name, "run.yaml.", 9) == 0 && ends_with(name, ".tmp"));
}

int folder_each_name(int dir_fd, const char *path,
                     int (*visit)(void *arg, const char *name), void *arg)
{
    int fd =
        openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = file_names(fd);
    if (!dir)
        return -1;
    int rc = 0;
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(dir)); errno = 0)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = visit(arg, e->d_name);
    if (rc == 0 && errno != 0)
        rc = -1;
    int saved = errno;
    closedir(dir);
    errno = saved;
    return rc;
}

static int look_at(void *arg, const char *name)
{
    struct folder_look *l = arg;
    l->any = true;
    if (strcmp(name, "run.yaml") == 0)
        l->marker = true;
    else if (!is_early(name)) {
        l->foreign = true;
        snprintf(l->name, sizeof(l->name), "%s", name);
    }
    return 0;
}

static int found_one(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return 1;
}

int folder_classify(int dir_fd, const char *path, enum folder_content *out,
                    struct folder_look *l, struct err *err)
{
    *l = (struct folder_look){0};
    if (folder_each_name(dir_fd, ".", look_at, l) < 0)
        return err_sys(err, errno, "cannot read the folder %s", path);
    int journals = folder_each_name(dir_fd, "journal", found_one, NULL);
    if (!l->marker && journals == 1) {
        l->foreign = true;
        snprintf(l->name, sizeof(l->name), "a journal and no run.yaml");
    }
    *out = l->marker    ? FOLDER_RUN
           : l->foreign ? FOLDER_FOREIGN
           : l->any     ? FOLDER_PARTIAL
                        : FOLDER_EMPTY;
    return 0;
}

int folder_refuse_foreign(const char *path, const struct folder_look *l,
                          struct err *err)
{
    struct buf name;
    buf_init(&name, 8 * NAME_MAX);
    (void)text_put_printable(&name, l->name, strlen(l->name), false);
    err_set(err, EEXIST,
            "%s is not a run directory (it has %s); use -o for another folder",
            path, buf_text(&name));
    buf_fini(&name);
    return -1;
}
