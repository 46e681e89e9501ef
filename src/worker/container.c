/* Tasks that run in a container: see container.h. */
#include "config.h"
#include "worker/container.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

/* What a runtime calls it. */
struct dialect {
    const char *program;
    const char *bind;     /* before a folder */
    const char *work_dir; /* before a folder */
    bool is_file;         /* its images are files, but where they are URIs */
};

static const struct dialect dialects[] = {
    {"apptainer", "--bind", "--pwd", true},
    {"singularity", "--bind", "--pwd", true},
    {"ch-run", "--bind", "--cd", true},
};

/* The words before the command. */
struct words {
    struct buf text; /* a NUL behind each */
    uint32_t count;
};

static int put_word(struct words *w, const char *word)
{
    if (buf_put(&w->text, word, strlen(word) + 1) < 0)
        return -1;
    w->count++;
    return 0;
}

static const struct dialect *dialect_of(const char *program)
{
    const char *name = path_base(program);
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
        if (strcmp(name, dialects[i].program) == 0)
            return &dialects[i];
    return NULL;
}

static int put_templates(struct words *w, const struct template *const *words,
                         uint32_t count, const struct template_context *names,
                         struct err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (template_expand(words[i], names, false, &w->text, err) < 0)
            return -1;
        if (buf_putc(&w->text, '\0') < 0)
            return err_sys(err, errno, "the container's command line");
        w->count++;
    }
    return 0;
}

/* Of apptainer's --bind a colon or a comma ends the folder. */
static int put_bind(struct words *w, const struct dialect *d,
                    const char *folder, struct err *err)
{
    if (strpbrk(folder, ":,"))
        return err_set(err, EINVAL,
                       "%s cannot be shown to a container: its name has a "
                       "colon or a comma",
                       folder);
    if (put_word(w, d->bind) < 0 || put_word(w, folder) < 0)
        return err_sys(err, errno, "the container's command line");
    return 0;
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 &&
           (path[len] == '/' || path[len] == '\0');
}

/* The folders that the task sees, and where it starts. */
static int put_place(struct words *w, const struct dialect *d,
                     const struct container_settings *c,
                     const struct container_place *where, struct err *err)
{
    if (where->root && put_bind(w, d, where->root, err) < 0)
        return -1;
    if ((!where->root || !is_below(where->work_dir, where->root)) &&
        put_bind(w, d, where->work_dir, err) < 0)
        return -1;
    if (c->image_working_dir)
        return 0;
    if (put_word(w, d->work_dir) < 0 || put_word(w, where->work_dir) < 0)
        return err_sys(err, errno, "the container's command line");
    return 0;
}

/* A relative one that is a file is the spec's. */
static int put_image(struct words *w, const struct dialect *d,
                     const struct container_settings *c,
                     const struct template_context *names,
                     const struct container_place *where, enum failure *failure,
                     struct err *err)
{
    struct buf image;
    char *path = NULL;
    int rc = -1;
    buf_init(&image, COMMAND_MAX_BYTES);
    if (template_expand(c->image, names, false, &image, err) < 0)
        goto out;
    bool is_uri = strstr(buf_text(&image), "://") != NULL;
    if (!is_uri) {
        path = path_join(where->spec_dir, buf_text(&image));
        if (!path) {
            err_set(err, ENOMEM, "no memory for the name of an image");
            goto out;
        }
    }
    bool is_there = path && access(path, F_OK) == 0;
    if (!is_uri && !is_there && d && d->is_file) {
        *failure = FAILURE_CONTAINER_INVALID_IMAGE;
        err_sys(err, errno, "the container's image %s", path);
        goto out;
    }
    rc = put_word(w, is_there ? path : buf_text(&image));
    if (rc < 0)
        err_sys(err, errno, "the container's command line");
out:
    mem_free(path);
    buf_fini(&image);
    return rc;
}

int container_wrap(const struct container_settings *c,
                   const struct template_context *names,
                   const struct container_place *where, struct argv *a,
                   enum failure *failure, struct err *err)
{
    struct words w = {.count = 0};
    int rc = -1;
    buf_init(&w.text, COMMAND_MAX_BYTES);
    *failure = FAILURE_CONTAINER_INVALID_SETTINGS;
    if (put_templates(&w, c->runtime, c->runtime_count, names, err) < 0)
        goto out;
    const struct dialect *d = dialect_of(buf_text(&w.text));
    if (put_templates(&w, c->options, c->option_count, names, err) < 0 ||
        (d && put_place(&w, d, c, where, err) < 0) ||
        put_image(&w, d, c, names, where, failure, err) < 0)
        goto out;
    /* of ch-run the command begins behind a -- */
    if (d && strcmp(d->program, "ch-run") == 0 && put_word(&w, "--") < 0) {
        err_sys(err, errno, "the container's command line");
        goto out;
    }
    rc = argv_prepend(a, w.text.data, w.text.len, w.count, err);
out:
    if (rc == 0)
        *failure = FAILURE_NONE;
    buf_fini(&w.text);
    return rc;
}
