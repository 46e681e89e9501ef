/* Files, wherever they are: see holder.h. Of the session, and of a folder; of
 * the run directory: holder_run.c. */
#include "config.h"
#include "cli/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/asking.h"
#include "stage/browse.h"

int holder_list(struct holder *s, const char *path, bool recursive,
                struct buf *out, bool *more, struct err *err)
{
    size_t start = out->len;
    *more = false;
    if (s->kind->list(s, path, recursive, out, more, err) < 0)
        return -1;
    return file_info_sort(out, start) < 0
               ? err_set(err, ENOMEM, "no memory for a list of files")
               : 0;
}

int holder_look(struct holder *s, const char *path, struct file_info *f,
                struct err *err)
{
    return s->kind->look(s, path, f, err);
}

int holder_read(struct holder *s, const char *path, uint64_t offset,
                uint32_t bytes, uint32_t wait_ms, struct buf *out,
                struct file_info *f, struct err *err)
{
    return s->kind->read(s, path, offset, bytes, wait_ms, out, f, err);
}

void holder_close(struct holder *s)
{
    if (s->folder >= 0)
        close(s->folder);
    s->folder = -1;
    returned_reader_close(s->reader);
    s->reader = NULL;
}

/* ---- Of the session ---- */

/* What the session says is wrong, and how to go on. */
static int refused(const struct answer *a, struct err *err)
{
    int code = strcmp(a->code, "FileNotFound") == 0   ? ENOENT
               : strcmp(a->code, "NodeNotReady") == 0 ? HOLDER_LOST
               : a->state == ASK_STATE_COMPLETED      ? HOLDER_ENDED
               : a->state == ASK_STATE_ACTIVE         ? HOLDER_WAITS
                                                      : EIO;
    return err_set(err, code, "%s (%s)", a->message, a->code);
}

static int ask(struct holder *s, enum ask_what what, const char *path,
               struct buf *data, struct err *err)
{
    s->ask.what = what;
    int n = snprintf(s->ask.path, sizeof(s->ask.path), "%s%s", s->below, path);
    if (n < 0 || (size_t)n >= sizeof(s->ask.path))
        return err_set(err, ENAMETOOLONG, "%s is too long", path);
    if (session_ask(s->run, &s->ask, &s->answer, data, err) < 0)
        return -1;
    return s->answer.code[0] ? refused(&s->answer, err) : 0;
}

static void info_of(const struct answer *a, struct file_info *f)
{
    f->type = a->type;
    f->mode = a->mode;
    f->bytes = a->size;
    f->modified_ns = a->modified_ns;
}

/* Names in a list begin below what was asked for: take that away. */
static int names_shorten(const char *below, struct buf *list, struct buf *out,
                         struct err *err)
{
    struct file_info f;
    size_t at = 0, len = strlen(below);
    int rc;
    while ((rc = file_info_next(list->data, list->len, &at, &f, err)) > 0) {
        if (strncmp(f.name, below, len) != 0)
            continue;
        f.name += len;
        if (file_info_put(out, &f) < 0)
            return err_set(err, ENOMEM, "no memory for a list of files");
    }
    return rc;
}

static int session_list(struct holder *s, const char *path, bool recursive,
                        struct buf *out, bool *more, struct err *err)
{
    struct buf list;
    buf_init(&list, HOLDER_LIST_BYTES);
    s->ask.recursive = recursive;
    int rc = ask(s, ASK_LIST, path, &list, err);
    if (rc == 0)
        rc = names_shorten(s->below, &list, out, err);
    *more = rc == 0 && s->answer.more;
    buf_fini(&list);
    return rc;
}

static int session_look(struct holder *s, const char *path, struct file_info *f,
                        struct err *err)
{
    if (ask(s, ASK_STAT, path, NULL, err) < 0)
        return -1;
    info_of(&s->answer, f);
    return 0;
}

static int session_read(struct holder *s, const char *path, uint64_t offset,
                        uint32_t bytes, uint32_t wait_ms, struct buf *out,
                        struct file_info *f, struct err *err)
{
    s->ask.offset = offset;
    s->ask.bytes = bytes;
    s->ask.wait_ms = wait_ms;
    int rc = ask(s, ASK_READ, path, out, err);
    s->ask.wait_ms = 0;
    if (rc == 0)
        info_of(&s->answer, f);
    return rc;
}

static const struct holder_kind of_session = {session_list, session_look,
                                              session_read};

void holder_of_task(struct holder *s, const struct run_arg *run, uint32_t job,
                    uint32_t index)
{
    *s = (struct holder){
        .kind = &of_session,
        .run = run,
        .below = "",
        .ask = {.scope = ASK_OF_TASK, .job = job, .task = index},
        .folder = -1};
    snprintf(s->ask.job_id, sizeof(s->ask.job_id), "%s",
             run->spec->jobs[job].id);
}

void holder_of_node(struct holder *s, const struct run_arg *run,
                    const char *node, const char *below)
{
    *s = (struct holder){.kind = &of_session,
                         .run = run,
                         .below = below,
                         .ask = {.scope = ASK_OF_NODE},
                         .folder = -1};
    snprintf(s->ask.node, sizeof(s->ask.node), "%s", node);
}

/* ---- Of a folder ---- */

static int folder_list(struct holder *s, const char *path, bool recursive,
                       struct buf *out, bool *more, struct err *err)
{
    return browse_list(s->folder, path, recursive, out, more, err);
}

static int folder_look(struct holder *s, const char *path, struct file_info *f,
                       struct err *err)
{
    return browse_at(s->folder, path, f, err);
}

static int folder_read(struct holder *s, const char *path, uint64_t offset,
                       uint32_t bytes, uint32_t wait_ms, struct buf *out,
                       struct file_info *f, struct err *err)
{
    (void)wait_ms;
    int fd = browse_open(s->folder, path, f, err), rc = 0;
    if (fd < 0)
        return -1;
    uint64_t left = f->bytes > offset ? f->bytes - offset : 0;
    size_t n = left < bytes ? (size_t)left : bytes;
    char *to = n > 0 ? buf_reserve(out, n) : NULL;
    if (n > 0 && !to)
        rc = err_sys(err, errno, "cannot read %zu bytes", n);
    else if (n > 0 && file_read_at(fd, to, n, offset) < 0)
        rc = err_sys(err, errno, "cannot read %s", path);
    else if (n > 0)
        buf_commit(out, n);
    close(fd);
    return rc;
}

static const struct holder_kind of_folder = {folder_list, folder_look,
                                             folder_read};

int holder_of_folder(struct holder *s, const char *path, struct err *err)
{
    struct stat st;
    *s = (struct holder){.kind = &of_folder, .below = ""};
    s->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (s->folder < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (fstat(s->folder, &st) == 0 &&
        (st.st_uid == geteuid() || geteuid() == 0))
        return 0;
    holder_close(s);
    return err_set(err, EPERM, "%s belongs to another user", path);
}
