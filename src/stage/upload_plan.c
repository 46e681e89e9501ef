/* Which file goes where: see upload_plan.h.
 *
 * A pattern is matched in wd, or with "../" in front in the folder above, the
 * task's directory. What a link stands for is looked up by hand, so that
 * whatever a task has put there, nothing outside of its directory is read.
 */
#include "config.h"
#include "stage/upload_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/glob.h"
#include "base/mem.h"
#include "stage/beneath.h"

enum { PLAN_BYTES_MAX = 256 << 20 };

struct plan {
    struct upload_plan *out;
    const struct upload *upload;
    int task_dir;
    char *real; /* path of the task's directory without links; or NULL */
    uint64_t token;
    struct upload_counts *counts;
    size_t cap;
    struct err *err;
};

static int nomem(struct plan *p)
{
    return err_set(p->err, ENOMEM, "no memory for a list of files");
}

static bool is_wild(const char *pattern)
{
    return pattern[strcspn(pattern, "*?[")] != '\0';
}

/* Is there a ".." in the pattern? */
static bool has_dots(const char *pattern)
{
    for (const char *p = pattern; *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0)
            return true;
        p += n;
    }
    return false;
}

static int check_pattern(struct plan *p, const char *pattern, bool *above)
{
    size_t len = strlen(pattern);
    *above = strncmp(pattern, "../", 3) == 0;
    if (pattern[0] == '/' || has_dots(pattern + (*above ? 3 : 0)))
        return err_set(p->err, EINVAL,
                       "the pattern \"%s\" leads out of the task's directory: "
                       "it may only begin with one \"../\"",
                       pattern);
    if (len == 0 || pattern[len - 1] == '/')
        return err_set(p->err, EINVAL,
                       "the pattern \"%s\" names no files; \"%s**\" are those "
                       "of a folder",
                       pattern, pattern);
    return 0;
}

/* Where name, below the task's directory, really is. As beneath_resolve; a
 * task may write a link with the path that it was told, or with the one that
 * it finds itself in. */
static int resolve(struct plan *p, const char *name, char *out)
{
    int rc = beneath_resolve(p->task_dir, p->upload->task_dir, name, out);
    if (rc < 0 && errno == EXDEV && p->real)
        rc = beneath_resolve(p->task_dir, p->real, name, out);
    return rc;
}

/* The name of a file below the container; rel is its name below wd. */
static int destination(struct plan *p, const struct upload_set *set,
                       const char *rel, char *out)
{
    char path[2 * BENEATH_NAME_MAX];
    const char *at = set->path ? set->path : "";
    size_t len = strlen(at);
    bool folder = len == 0 || at[len - 1] == '/' || is_wild(set->pattern);
    int n = snprintf(path, sizeof(path), "%s%s%s", at,
                     folder && len > 0 ? "/" : "", folder ? rel : "");
    if (n >= (int)sizeof(path))
        return err_set(p->err, ENAMETOOLONG,
                       "the path \"%.100s...\" is too long", at);
    if (beneath_plain(path, out, p->err) < 0)
        return err_context(p->err, "the path \"%s\" in the container %s", path,
                           set->shown);
    return 0;
}

static int add(struct plan *p, const struct upload_set *set, const char *source,
               const char *name)
{
    struct upload_plan *out = p->out;
    char temp[BENEATH_NAME_MAX + 64];
    if (out->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        void *items = mem_resize(out->items, cap, sizeof(*out->items));
        if (!items)
            return nomem(p);
        out->items = items;
        p->cap = cap;
    }
    snprintf(temp, sizeof(temp), "%.*s.mpibatch-%016" PRIx64 "-%zu",
             (int)(path_base(name) - name), name, p->token, out->count);
    struct upload_item *it = &out->items[out->count];
    *it = (struct upload_item){.set = set, .order = out->count};
    it->source = arena_strdup(out->arena, source);
    it->name = arena_strdup(out->arena, name);
    it->temp = arena_strdup(out->arena, temp);
    if (!it->source || !it->name || !it->temp)
        return nomem(p);
    out->count++;
    return 0;
}

/* A name that matched, below wd or above it. */
static int match(struct plan *p, const struct upload_set *set, bool above,
                 const char *rel)
{
    char name[PATH_MAX], source[BENEATH_NAME_MAX], to[BENEATH_NAME_MAX];
    struct stat st;
    snprintf(name, sizeof(name), "%s%s", above ? "" : "wd/", rel);
    int rc = resolve(p, name, source);
    if (rc < 0 && errno == EXDEV) {
        if (p->counts->links_left++ == 0)
            snprintf(p->counts->link_left, sizeof(p->counts->link_left), "%s",
                     rel);
        return 0;
    }
    /* gone, a link in a circle: nothing that could be stored */
    if (rc <= 0 || fstatat(p->task_dir, source, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return 0;
    if (destination(p, set, rel, to) < 0)
        return -1;
    return add(p, set, source, to);
}

static int match_set(struct plan *p, const struct upload_set *set)
{
    bool above;
    char folder[BENEATH_NAME_MAX];
    struct buf names;
    if (check_pattern(p, set->pattern, &above) < 0)
        return -1;
    int rc = resolve(p, above ? "" : "wd", folder);
    if (rc <= 0)
        return 0; /* the task has removed its wd, or put a link there */
    char *path = path_join(p->upload->task_dir, folder);
    if (!path)
        return nomem(p);
    buf_init(&names, UPLOAD_MAX_NAMES_BYTES);
    rc = glob_find(path, set->pattern + (above ? 3 : 0), &names, p->err);
    for (size_t at = 0; rc == 0 && at < names.len;
         at += strlen(names.data + at) + 1)
        rc = match(p, set, above, names.data + at);
    buf_fini(&names);
    mem_free(path);
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct upload_item *x = a, *y = b;
    int c = strcmp(x->set->container, y->set->container);
    return c ? c : strcmp(x->name, y->name);
}

static int by_place_and_order(const void *a, const void *b)
{
    const struct upload_item *x = a, *y = b;
    int c = by_place(a, b);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* Sort; of those for one place the last stays. */
static void tidy(struct upload_plan *p)
{
    size_t n = 0;
    if (p->count > 1)
        qsort(p->items, p->count, sizeof(*p->items), by_place_and_order);
    for (size_t i = 0; i < p->count; i++) {
        if (i + 1 == p->count || by_place(&p->items[i], &p->items[i + 1]) != 0)
            p->items[n++] = p->items[i];
    }
    p->count = n;
}

int upload_plan_make(struct upload_plan *out, const struct upload *u,
                     int task_dir, uint64_t token, struct upload_counts *counts,
                     struct err *err)
{
    struct plan p = {.out = out,
                     .upload = u,
                     .task_dir = task_dir,
                     .token = token,
                     .counts = counts,
                     .err = err};
    int rc = 0;
    *out = (struct upload_plan){.arena = arena_create(PLAN_BYTES_MAX)};
    if (!out->arena)
        return nomem(&p);
    p.real = realpath(u->task_dir, NULL);
    for (uint32_t i = 0; rc == 0 && i < u->set_count; i++)
        rc = match_set(&p, &u->sets[i]);
    free(p.real);
    if (rc == 0)
        tidy(out);
    else
        upload_plan_fini(out);
    return rc;
}

bool upload_plan_has(const struct upload_plan *p, const char *container,
                     const char *name)
{
    const struct upload_set set = {.container = container};
    const struct upload_item at = {.set = &set, .name = name};
    return p->count > 0 &&
           bsearch(&at, p->items, p->count, sizeof(*p->items), by_place);
}

void upload_plan_fini(struct upload_plan *p)
{
    arena_destroy(p->arena);
    mem_free(p->items);
    *p = (struct upload_plan){0};
}
