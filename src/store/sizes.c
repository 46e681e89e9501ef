/* The sizes of a run directory's parts: see sizes.h. */
#include "config.h"
#include "store/sizes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { DEPTH_MAX = 64 }; /* files/JOB/TASK/ATTEMPT/FOLDERS/NAME */

const char *run_part_name(enum run_part part)
{
    static const char *const names[] = {"spec",  "tables",  "journal", "output",
                                        "files", "results", "other"};
    return names[part];
}

/* Is it the name, or that of a former generation: NAME.<N>END? */
static bool is_of(const char *name, const char *start, const char *end)
{
    size_t n = strlen(start);
    if (strncmp(name, start, n) != 0)
        return false;
    name += n;
    if (name[0] == '.' && name[1] >= '1' && name[1] <= '9')
        name += 1 + strspn(name + 1, "0123456789");
    return strcmp(name, end) == 0;
}

static enum run_part part_of(const char *name)
{
    if (is_of(name, "run", ".yaml"))
        return PART_SPEC;
    if (is_of(name, "journal", ""))
        return PART_JOURNAL;
    if (strcmp(name, "results.h5") == 0)
        return PART_RESULTS;
    for (int p = PART_TABLES; p <= PART_FILES; p++)
        if (strcmp(name, run_part_name(p)) == 0)
            return p;
    return PART_OTHER;
}

/* Add up a folder, which is open as fd (and closed here); parts: its names
 * are parts, else all of it counts as *bytes. -1 with errno. */
static int folder_add(int fd, int depth, bool parts, uint64_t *bytes)
{
    DIR *dir = file_names(fd);
    struct stat st;
    int rc = 0;
    if (!dir)
        return -1;
    for (struct dirent *e; rc == 0 && (errno = 0, e = readdir(dir));) {
        uint64_t *to = parts ? bytes + part_of(e->d_name) : bytes;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            rc = errno == ENOENT ? 0 : -1;
        } else if (S_ISREG(st.st_mode)) {
            *to += (uint64_t)st.st_size;
        } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            int sub = openat(dirfd(dir), e->d_name,
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            rc = sub >= 0          ? folder_add(sub, depth + 1, false, to)
                 : errno == ENOENT ? 0
                                   : -1;
        }
    }
    int saved = errno;
    closedir(dir);
    errno = saved;
    return rc < 0 || errno != 0 ? -1 : 0;
}

int sizes_measure(const struct rundir *r, uint64_t bytes[PART_COUNT],
                  struct err *err)
{
    uint64_t found[PART_COUNT] = {0};
    int fd = open(rundir_path(r), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || folder_add(fd, 0, true, found) < 0)
        return err_sys(err, errno, "cannot look at all of %s", rundir_path(r));
    memcpy(bytes, found, sizeof(found));
    return 0;
}
