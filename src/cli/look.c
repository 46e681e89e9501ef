/* Looking at what a job spec says that there is: see look.h. */
#include "config.h"
#include "cli/look.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Is there something in folder whose name begins so? */
static int name_look(const char *folder, const char *start, struct err *err)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    bool found = false;
    if (!d)
        return err_sys(err, errno, "cannot read %s", folder);
    while (!found && (e = readdir(d)))
        found = strncmp(e->d_name, start, strlen(start)) == 0 &&
                strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return found ? 0
                 : err_set(err, ENOENT, "nothing in %s begins with %s", folder,
                           start);
}

int look_at(void *arg, enum spec_look want, const char *path, struct err *err)
{
    struct stat st;
    (void)arg;
    if (want == SPEC_LOOK_PREFIX) {
        char *folder = mem_strndup(path, (size_t)(path_base(path) - path));
        int rc = folder ? name_look(folder, path_base(path), err)
                        : err_set(err, ENOMEM, "no memory for %s", path);
        mem_free(folder);
        return rc;
    }
    if (stat(path, &st) < 0 || access(path, R_OK) < 0)
        return err_sys(err, errno, "cannot read %s", path);
    if (want == SPEC_LOOK_FILE && S_ISDIR(st.st_mode))
        return err_set(err, EISDIR, "%s is a folder", path);
    if (want == SPEC_LOOK_FOLDER && !S_ISDIR(st.st_mode))
        return err_set(err, ENOTDIR, "%s is no folder", path);
    return 0;
}
