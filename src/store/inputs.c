/* The bytes of tables: see inputs.h. Owns where they are; the copies in a run
 * directory, inputs_kept.c makes. */
#include "config.h"
#include "store/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/glob.h"
#include "base/mem.h"
#include "store/inputs_parts.h"

struct inputs_entry *inputs_append(struct inputs *t, enum table_kind kind,
                                   const char *path, struct err *err)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 8;
        struct inputs_entry *list = mem_resize(t->list, cap, sizeof(*list));
        if (!list)
            goto nomem;
        t->list = list;
        t->cap = cap;
    }
    struct inputs_entry *e = &t->list[t->count];
    *e = (struct inputs_entry){.kind = kind, .path = mem_strdup(path)};
    if (e->path) {
        t->count++;
        return e;
    }
nomem:
    err_set(err, ENOMEM, "no memory for a list of tables");
    return NULL;
}

static void entry_fini(struct inputs_entry *e)
{
    if (e->owner == BYTES_MAPPED)
        munmap(e->bytes, e->len);
    else
        mem_free(e->bytes);
    mem_free(e->path);
}

int inputs_map(struct inputs_entry *e, int fd, void *where, struct err *err)
{
    if (e->len == 0)
        return 0;
    void *p = mmap(where, e->len, PROT_READ,
                   MAP_PRIVATE | (where ? MAP_FIXED : 0), fd, 0);
    if (p == MAP_FAILED)
        return err_sys(err, errno, "cannot map %s", e->path);
    e->bytes = p;
    e->owner = BYTES_MAPPED;
    return 0;
}

static struct inputs *create(enum inputs_source source, const char *folder,
                             struct err *err)
{
    struct inputs *t = mem_calloc(1, sizeof(*t));
    if (t) {
        t->source = source;
        t->folder = mem_strdup(folder);
        if (t->folder)
            return t;
        mem_free(t);
    }
    err_set(err, ENOMEM, "no memory for tables");
    return NULL;
}

struct inputs *inputs_create(const char *folder, struct err *err)
{
    return create(INPUTS_FILES, folder, err);
}

struct inputs *inputs_create_told(struct err *err)
{
    return create(INPUTS_TOLD, "", err);
}

void inputs_destroy(struct inputs *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        entry_fini(&t->list[i]);
    mem_free(t->list);
    mem_free(t->folder);
    mem_free(t);
}

/* ---- Files ---- */

/* Open the file of an entry and map it. */
static int file_open(struct inputs *t, struct inputs_entry *e, struct err *err)
{
    char *path = path_join(t->folder, e->path);
    if (!path)
        return err_set(err, ENOMEM, "no memory for a path");
    int rc = -1;
    /* O_NONBLOCK: not to wait for the other end of a pipe */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &e->file) < 0) {
        err_sys(err, errno, "cannot open %s", path);
    } else if (!S_ISREG(e->file.st_mode)) {
        err_set(err, EINVAL, "%s is %s", path,
                S_ISDIR(e->file.st_mode) ? "a folder, not a file"
                                         : "no regular file");
    } else if ((uint64_t)e->file.st_size > TABLE_MAX_BYTES) {
        err_set(err, EFBIG, "%s has %llu bytes; at most %zu are allowed", path,
                (unsigned long long)e->file.st_size, TABLE_MAX_BYTES);
    } else {
        e->len = (size_t)e->file.st_size;
        rc = inputs_map(e, fd, NULL, err);
    }
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return rc;
}

static int pattern_find(struct inputs *t, struct inputs_entry *e,
                        struct err *err)
{
    struct buf names;
    buf_init(&names, TABLE_MAX_BYTES);
    if (glob_find(t->folder, e->path, &names, err) < 0) {
        buf_fini(&names);
        return -1;
    }
    e->owner = BYTES_HEAP;
    e->len = names.len;
    e->bytes = names.data; /* taken */
    return 0;
}

/* Map the copy of an entry. */
static int copy_open(struct inputs *t, struct inputs_entry *e, struct err *err)
{
    struct stat st;
    char *folder = path_join(t->folder, "tables");
    char *path = folder ? path_join(folder, e->name) : NULL;
    int rc = -1;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (!path)
        err_set(err, ENOMEM, "no memory for a path");
    else if (fd < 0 || fstat(fd, &st) < 0)
        err_sys(err, errno, "cannot open %s", path);
    else if ((uint64_t)st.st_size != e->len)
        err_set(err, EBADMSG, "%s is damaged: it has %llu bytes instead of %zu",
                path, (unsigned long long)st.st_size, e->len);
    else
        rc = inputs_map(e, fd, NULL, err);
    if (fd >= 0)
        close(fd);
    mem_free(path);
    mem_free(folder);
    return rc;
}

/* ---- Getting ---- */

static struct inputs_entry *entry_find(const struct inputs *t,
                                       enum table_kind kind, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].kind == kind && strcmp(t->list[i].path, path) == 0)
            return &t->list[i];
    return NULL;
}

/* A new entry with the bytes of a file, or the names that match. */
static struct inputs_entry *entry_read(struct inputs *t, enum table_kind kind,
                                       const char *path, struct err *err)
{
    struct inputs_entry *e = inputs_append(t, kind, path, err);
    if (!e)
        return NULL;
    if ((kind == TABLE_PATHS ? pattern_find : file_open)(t, e, err) == 0)
        return e;
    entry_fini(e);
    t->count--;
    return NULL;
}

int inputs_get(void *arg, enum table_kind kind, const char *path,
               const char **bytes, size_t *len, struct err *err)
{
    struct inputs *t = arg;
    struct inputs_entry *e = entry_find(t, kind, path);
    if (!e && t->source == INPUTS_FILES)
        e = entry_read(t, kind, path, err);
    else if (!e)
        err_set(err, ENOENT, "%s%sthere is no copy of %s", t->folder,
                *t->folder ? ": " : "", path);
    else if (e->owner == BYTES_NONE && e->len > 0 && copy_open(t, e, err) < 0)
        return -1;
    if (!e)
        return -1;
    *bytes = e->bytes ? e->bytes : "";
    *len = e->len;
    return 0;
}

size_t inputs_count(const struct inputs *t)
{
    return t->count;
}

void inputs_at(const struct inputs *t, size_t i, enum table_kind *kind,
               const char **path, const char **bytes, size_t *len)
{
    *kind = t->list[i].kind;
    *path = t->list[i].path;
    *bytes = t->list[i].bytes;
    *len = t->list[i].len;
}

char *inputs_add(struct inputs *t, enum table_kind kind, const char *path,
                 size_t len, struct err *err)
{
    struct inputs_entry *e = inputs_append(t, kind, path, err);
    if (!e)
        return NULL;
    e->bytes = mem_alloc(len ? len : 1);
    if (!e->bytes) {
        entry_fini(e);
        t->count--;
        err_set(err, ENOMEM, "no memory for the %zu bytes of %s", len, path);
        return NULL;
    }
    e->owner = BYTES_HEAP;
    e->len = len;
    return e->bytes;
}
