/* How much memory processes take: see memory.h. */
#include "config.h"
#include "proc/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 8192 };

/* The file, as far as it fits into text. False: it cannot be read. */
static bool read_text(const char *path, char text[TEXT_BYTES])
{
    size_t len = 0;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (len < TEXT_BYTES - 1 &&
           (n = read(fd, text + len, TEXT_BYTES - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    text[len] = '\0';
    return n >= 0 || len > 0;
}

static bool read_of(pid_t pid, const char *file, char text[TEXT_BYTES])
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    return read_text(path, text);
}

/* The number behind name, which begins a line; false: there is none. */
static bool number_of(const char *text, const char *name, uint64_t *number)
{
    size_t len = strlen(name);
    for (const char *p = text; p && *p;) {
        if (strncmp(p, name, len) == 0) {
            *number = strtoull(p + len, NULL, 10);
            return true;
        }
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    return false;
}

static bool rough_of(pid_t pid, uint64_t *bytes)
{
    char text[TEXT_BYTES];
    uint64_t anonymous = 0, shared = 0, swapped = 0;
    if (!read_of(pid, "status", text) ||
        !number_of(text, "RssAnon:", &anonymous)) /* a zombie has none */
        return false;
    number_of(text, "RssShmem:", &shared);
    number_of(text, "VmSwap:", &swapped);
    *bytes = (anonymous + shared + swapped) * 1024;
    return true;
}

static bool exact_of(pid_t pid, uint64_t *bytes)
{
    char text[TEXT_BYTES];
    uint64_t anonymous = 0, shared = 0, swapped = 0;
    if (!read_of(pid, "smaps_rollup", text) ||
        !number_of(text, "Pss_Anon:", &anonymous) ||
        !number_of(text, "Pss_Shmem:", &shared))
        return rough_of(pid, bytes);
    number_of(text, "SwapPss:", &swapped);
    *bytes = (anonymous + shared + swapped) * 1024;
    return true;
}

static struct memory_use sum(const struct family *t,
                             bool (*of)(pid_t pid, uint64_t *bytes))
{
    struct memory_use use = {0};
    uint64_t bytes;
    for (size_t i = 0; i < t->count; i++)
        if (of(t->pids[i], &bytes)) {
            use.bytes += bytes;
            use.processes++;
        }
    return use;
}

struct memory_use memory_rough(const struct family *t)
{
    return sum(t, rough_of);
}

struct memory_use memory_exact(const struct family *t)
{
    return sum(t, exact_of);
}

/* ---- What the kernel has killed ---- */

/* The path in a line of /proc/self/cgroup such as "4:memory:/job" (version 1)
 * or "0::/job" (version 2), into path. */
static bool cgroup_path(const char *cgroups, const char *controller,
                        char path[PATH_MAX])
{
    size_t len = strlen(controller);
    for (const char *p = cgroups; p && *p;) {
        const char *name = strchr(p, ':');
        if (!name)
            return false;
        if (strncmp(++name, controller, len) == 0 && name[len] == ':') {
            const char *at = name + len + 1;
            snprintf(path, PATH_MAX, "%.*s", (int)strcspn(at, "\n"), at);
            return true;
        }
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    return false;
}

bool memory_kills_of(const char *cgroups, const char *folder, uint64_t *kills)
{
    static const struct {
        const char *controller, *below, *file;
    } kinds[] = {{"", "", "memory.events"},
                 {"", "/unified", "memory.events"},
                 {"memory", "/memory", "memory.oom_control"}};
    char path[PATH_MAX], file[2 * PATH_MAX], text[TEXT_BYTES];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!cgroup_path(cgroups, kinds[i].controller, path))
            continue;
        snprintf(file, sizeof(file), "%s%s%s/%s", folder, kinds[i].below, path,
                 kinds[i].file);
        if (read_text(file, text) && number_of(text, "oom_kill ", kills))
            return true;
    }
    return false;
}

uint64_t memory_kills(void)
{
    char text[TEXT_BYTES];
    uint64_t kills = 0;
    if (read_text("/proc/self/cgroup", text) &&
        memory_kills_of(text, "/sys/fs/cgroup", &kills))
        return kills;
    if (read_text("/proc/vmstat", text))
        number_of(text, "oom_kill ", &kills);
    return kills;
}
