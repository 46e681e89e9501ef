/* Which files an upload or a download copies: see storage_items.h. */
#include "config.h"
#include "cli/storage_items.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "stage/beneath.h"

enum { ITEMS_BYTES = 1 << 30 };

int storage_items_init(struct storage_items *s, struct err *err)
{
    *s = (struct storage_items){.arena = arena_create(ITEMS_BYTES)};
    return s->arena ? 0 : err_set(err, ENOMEM, "no memory");
}

void storage_items_fini(struct storage_items *s)
{
    mem_free(s->list);
    arena_destroy(s->arena);
}

/* "A/B", or B if A is "". In the arena. */
static char *joined(struct storage_items *s, const char *a, const char *b)
{
    size_t len = strlen(a), slash = len > 0 && a[len - 1] != '/';
    char *out = arena_calloc(s->arena, len + slash + strlen(b) + 1, 1);
    if (out)
        sprintf(out, "%s%s%s", a, slash ? "/" : "", b);
    return out;
}

static int item_add(struct storage_items *s, const char *from, const char *to,
                    uint64_t bytes, struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    struct err why;
    if (!from || !to)
        return err_set(err, ENOMEM, "no memory for the names of files");
    if (beneath_plain(to, plain, &why) < 0)
        return err_set(err, EINVAL, "the name %s %s", to, why.text);
    if (s->count == ITEMS_MAX)
        return err_set(err, E2BIG, "more than %d files at once", ITEMS_MAX);
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        struct container_item *list =
            mem_resize(s->list, cap, sizeof(*s->list));
        if (!list)
            return err_set(err, ENOMEM, "no memory for the names of files");
        s->list = list;
        s->cap = cap;
    }
    to = arena_strdup(s->arena, plain);
    if (!to)
        return err_set(err, ENOMEM, "no memory for the names of files");
    s->list[s->count++] =
        (struct container_item){.from = from, .to = to, .bytes = bytes};
    s->bytes += bytes;
    return 0;
}

/* Is it a file that an upload has begun? */
static bool is_part(const char *name)
{
    return strncmp(path_base(name), CONTAINER_PART, strlen(CONTAINER_PART)) ==
           0;
}

int storage_listing_next(const struct buf *listing, size_t *at,
                         struct listed *f, struct err *err)
{
    int more;
    do
        more = listing_next(buf_text(listing), listing->len, at, f, err);
    while (more == 1 && is_part(f->name));
    return more;
}

void storage_links_say(const char *folder, const struct listing_seen *seen)
{
    if (seen->links > 0)
        log_warning("%s: %" PRIu64 " link%s out of it, or nowhere, and %s left "
                    "out: %s%s",
                    folder, seen->links, seen->links == 1 ? " leads" : "s lead",
                    seen->links == 1 ? "is" : "are", seen->link,
                    seen->links == 1 ? "" : ", ...");
}

/* All files of a folder whose names begin with prefix. in_folder: from is their
 * name there. cut: bytes of the name that are left out of to. */
static int folder_add(struct storage_items *s, const char *folder,
                      const char *prefix, const char *below, bool in_folder,
                      size_t cut, struct err *err)
{
    struct buf listing;
    struct listed f;
    struct listing_seen seen;
    size_t at = 0;
    int rc = -1, more = 0;
    buf_init(&listing, LISTING_MAX_BYTES);
    if (listing_make(folder, prefix, NULL, &listing, &seen, err) < 0)
        goto end;
    storage_links_say(folder, &seen);
    while ((more = storage_listing_next(&listing, &at, &f, err)) == 1) {
        const char *from = in_folder ? arena_strdup(s->arena, f.name)
                                     : joined(s, folder, f.name);
        if (item_add(s, from, joined(s, below, f.name + cut), f.bytes, err) < 0)
            goto end;
    }
    rc = more;
end:
    buf_fini(&listing);
    return rc;
}

/* The last part of a path, without "/" behind it: "." and ".." have none. */
static int name_of(const char *path, char name[256], struct err *err)
{
    char *real = NULL;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    snprintf(name, 256, "%.*s", (int)(len - start), path + start);
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return 0;
    real = realpath(path, NULL);
    if (!real)
        return err_sys(err, errno, "cannot open %s", path);
    snprintf(name, 256, "%s", path_base(real));
    free(real);
    return 0;
}

int storage_items_upload(struct storage_items *s, const char *path,
                         const char *prefix, bool one, struct err *err)
{
    char name[256];
    struct stat st;
    size_t len = strlen(path);
    if (len == 0)
        return err_set(err, EINVAL, "a path is empty");
    if (stat(path, &st) < 0)
        return err_sys(err, errno, "cannot find %s", path);
    if (name_of(path, name, err) < 0)
        return -1;
    bool whole = *prefix && prefix[strlen(prefix) - 1] != '/';
    if (S_ISREG(st.st_mode))
        return item_add(s, path,
                        one && whole ? prefix : joined(s, prefix, name),
                        (uint64_t)st.st_size, err);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, EINVAL, "%s is neither a file nor a folder", path);
    const char *below = path[len - 1] == '/' ? prefix : joined(s, prefix, name);
    if (!below)
        return err_set(err, ENOMEM, "no memory for the names of files");
    return folder_add(s, path, NULL, below, false, 0, err);
}

int storage_items_download(struct storage_items *s, const char *folder,
                           const char *prefix, struct err *err)
{
    size_t cut = (size_t)(path_base(prefix) - prefix);
    return folder_add(s, folder, prefix, "", true, cut, err);
}

static int item_compare(const void *a, const void *b)
{
    const struct container_item *x = a, *y = b;
    return strcmp(x->to, y->to);
}

int storage_items_sort(struct storage_items *s, struct err *err)
{
    if (s->count > 1)
        qsort(s->list, s->count, sizeof(*s->list), item_compare);
    for (size_t i = 1; i < s->count; i++)
        if (strcmp(s->list[i - 1].to, s->list[i].to) == 0)
            return err_set(err, EEXIST, "%s and %s would both become %s",
                           s->list[i - 1].from, s->list[i].from, s->list[i].to);
    return 0;
}
