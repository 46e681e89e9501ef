/* CONTAINER[/PREFIX] on a command line: see container_arg.h. */
#include "config.h"
#include "cli/container_arg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/specfile.h"
#include "spec/spec.h"

int container_arg_load(struct container_arg *a, const char *spec)
{
    struct buf text;
    struct err err;
    *a = (struct container_arg){.fd = -1};
    buf_init(&text, SPEC_MAX_BYTES);
    a->spec = specfile_load(spec, false, &text);
    buf_fini(&text);
    if (!a->spec)
        return EXIT_BAD_USAGE;
    a->folder = specfile_folder(spec, &err);
    if (!a->folder) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    if (a->spec->storage.container_count > 0)
        return EXIT_OK;
    log_error("%s has no containers; it needs storage: {containers: {NAME: "
              "PATH}}",
              spec);
    return EXIT_BAD_USAGE;
}

void container_arg_fini(struct container_arg *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
    jobspec_destroy(a->spec);
    mem_free(a->folder);
    mem_free(a->path);
}

static int name_unknown(const struct storage *s, const char *command,
                        const char *name)
{
    const char *names[STORAGE_MAX_CONTAINERS];
    struct buf all;
    for (uint32_t i = 0; i < s->container_count; i++)
        names[i] = s->containers[i].name;
    const char *near = text_nearest(name, names, s->container_count);
    if (near)
        return usage_error(command, "no container \"%s\"; did you mean %s?",
                           name, near);
    buf_init(&all, 400);
    for (uint32_t i = 0; i < s->container_count; i++)
        if (buf_printf(&all, "%s%s", i ? ", " : "", names[i]) < 0)
            break;
    int rc = usage_error(command, "no container \"%s\"; there are %s", name,
                         buf_text(&all));
    buf_fini(&all);
    return rc;
}

int container_arg_find(struct container_arg *a, const char *command,
                       const char *text)
{
    const struct storage *s = &a->spec->storage;
    char name[STORAGE_MAX_NAME + 2];
    size_t len = strcspn(text, "/");
    struct err err;
    size_t kept = len < sizeof(name) - 1 ? len : sizeof(name) - 1;
    memcpy(name, text, kept);
    name[kept] = '\0';
    int found = storage_find_container(s, name);
    if (found < 0)
        return name_unknown(s, command, name);
    a->index = (uint32_t)found;
    a->name = s->containers[found].name;
    a->rest = text + len + strspn(text + len, "/");
    if (*a->rest && !path_stays_inside(a->rest))
        return usage_error(command,
                           "%s leads out of the container; names in it are "
                           "relative, without \"..\"",
                           text);
    mem_free(a->path);
    a->path = storage_container_path(s, a->index, a->folder, &err);
    if (a->path)
        return EXIT_OK;
    log_error("%s", err.text);
    return EXIT_FAILED;
}

int container_arg_open(struct container_arg *a, bool make)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    struct err err;
    if (a->fd >= 0)
        close(a->fd);
    a->fd = open(a->path, FLAGS);
    if (a->fd < 0 && errno == ENOENT && make) {
        if (file_make_dirs(a->path, 0777, &err) < 0) {
            log_error("%s", err.text);
            return EXIT_FAILED;
        }
        log_info("made container %s: %s", a->name, a->path);
        a->fd = open(a->path, FLAGS);
    }
    if (a->fd >= 0)
        return EXIT_OK;
    if (errno == ENOENT)
        log_error("container %s: there is no folder %s; mpibatch storage "
                  "upload makes it",
                  a->name, a->path);
    else
        log_error("container %s: cannot open %s: %s", a->name, a->path,
                  strerror(errno));
    return EXIT_FAILED;
}
