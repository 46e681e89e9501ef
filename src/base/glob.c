/* Files by pattern: see glob.h.
 *
 * The pattern is walked name by name with open folders. Links are followed
 * where a name of the pattern stands for them, of which there are finitely
 * many, and never by "**": so no loop of links is walked.
 */
#include "config.h"
#include "base/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

struct walk {
    struct buf *out;
    struct buf path; /* of what is looked at, as it will be reported */
    const char *folder;
    unsigned folders, depth;
    bool want_folders; /* the pattern ends with "/" */
    struct err *err;
};

static int walk_fail(struct walk *w, int code, const char *what)
{
    return err_sys(w->err, code, "%s %s%s%s", what,
                   w->path.len && w->path.data[0] == '/' ? "" : w->folder,
                   w->path.len && w->path.data[0] == '/' ? "" : "/",
                   buf_text(&w->path));
}

/* Append a name to the path; the length to go back to. */
static int path_push(struct walk *w, const char *name, size_t len, size_t *back)
{
    *back = w->path.len;
    if ((w->path.len > 0 && w->path.data[w->path.len - 1] != '/' &&
         buf_putc(&w->path, '/') < 0) ||
        buf_put(&w->path, name, len) < 0)
        return err_sys(w->err, errno, "a path is too long");
    return 0;
}

/* What is at name: 1 a folder, 0 something else, -1 nothing. A link counts as
 * itself if it must not be followed. */
static int look(int dir, const char *name, bool follow)
{
    struct stat st;
    if (fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    return S_ISDIR(st.st_mode);
}

static int match(struct walk *w, int dir, const char *pattern);

/* The rest of the pattern is empty: is name, whose path is pushed, a match? */
static int arrive(struct walk *w, int dir, const char *name)
{
    int is = look(dir, name, true);
    if (is != (w->want_folders ? 1 : 0))
        return 0;
    if (buf_put(w->out, buf_text(&w->path), w->path.len + 1) < 0)
        return err_sys(w->err, errno, "too many files match");
    return 0;
}

/* Go into a folder, whose path is pushed, with the rest of the pattern. */
static int enter(struct walk *w, int dir, const char *name, bool follow,
                 const char *rest)
{
    if (w->depth == GLOB_MAX_DEPTH || w->folders == GLOB_MAX_FOLDERS)
        return walk_fail(w, ERANGE,
                         "the pattern leads through too many folders:");
    int fd =
        openat(dir, name,
               O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : walk_fail(w, errno, "cannot read the folder");
    w->depth++;
    w->folders++;
    int rc = match(w, fd, rest);
    w->depth--;
    close(fd);
    return rc;
}

/* One name of a folder against the first name of the pattern, which is len
 * bytes long. */
static int match_name(struct walk *w, int dir, const char *name,
                      const char *pattern, size_t len, bool deep)
{
    const char *rest = pattern + len + (pattern[len] == '/');
    char part[NAME_MAX + 1];
    size_t back;
    int rc = 0;
    if (deep) { /* any folder, with the same pattern again */
        if (name[0] == '.' || look(dir, name, false) != 1)
            return 0;
    } else {
        memcpy(part, pattern, len);
        part[len] = '\0';
        if (fnmatch(part, name, FNM_PERIOD) != 0)
            return 0;
    }
    if (path_push(w, name, strlen(name), &back) < 0)
        return -1;
    if (deep)
        rc = enter(w, dir, name, false, pattern);
    else if (*rest)
        rc = enter(w, dir, name, true, rest);
    else
        rc = arrive(w, dir, name);
    buf_truncate(&w->path, back);
    return rc;
}

/* Each name of a folder against the first name of the pattern. */
static int match_each(struct walk *w, int dir, const char *pattern, size_t len,
                      bool deep)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = file_names(copy);
    if (!d)
        return walk_fail(w, errno, "cannot read the folder");
    int rc = 0;
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)); errno = 0)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = match_name(w, dir, e->d_name, pattern, len, deep);
    if (rc == 0 && errno != 0)
        rc = walk_fail(w, errno, "cannot read the folder");
    closedir(d);
    return rc;
}

/* A first name without *, ? or [: it is there or not. */
static int match_plain(struct walk *w, int dir, const char *pattern, size_t len)
{
    const char *rest = pattern + len + (pattern[len] == '/');
    char name[NAME_MAX + 1];
    size_t back, n = 0;
    int rc = 0;
    for (size_t i = 0; i < len; i++) /* a backslash quotes */
        name[n++] =
            pattern[i] == '\\' && i + 1 < len ? pattern[++i] : pattern[i];
    name[n] = '\0';
    if (path_push(w, name, n, &back) < 0)
        return -1;
    if (*rest)
        rc = enter(w, dir, name, true, rest);
    else
        rc = arrive(w, dir, name);
    buf_truncate(&w->path, back);
    return rc;
}

/* Match in a folder whose path is pushed. */
static int match(struct walk *w, int dir, const char *pattern)
{
    pattern += strspn(pattern, "/"); /* "a//b" */
    size_t len = strcspn(pattern, "/");
    if (len == 0 || len > NAME_MAX)
        return 0;
    if (len == 2 && memcmp(pattern, "**", 2) == 0) {
        const char *rest = pattern + 2 + (pattern[2] == '/');
        while (strncmp(rest, "**/", 3) == 0) /* as one */
            rest += 3;
        if (match(w, dir, *rest ? rest : "*") < 0)
            return -1;
        return match_each(w, dir, pattern, len, true);
    }
    if (strcspn(pattern, "*?[") < len)
        return match_each(w, dir, pattern, len, false);
    return match_plain(w, dir, pattern, len);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sort the names behind the first `start` bytes of out; equal ones once. */
static int sort_names(struct buf *out, size_t start, struct err *err)
{
    size_t count = 0, len = out->len - start, n = 0, at = 0;
    if (len == 0)
        return 0;
    char *names = mem_alloc(len);
    for (size_t i = start; i < out->len; i++)
        count += out->data[i] == '\0';
    const char **list = mem_calloc(count, sizeof(*list));
    if (!names || !list) {
        mem_free(names);
        mem_free(list);
        return err_set(err, ENOMEM, "no memory for a list of files");
    }
    memcpy(names, out->data + start, len);
    for (; n < count; at += strlen(names + at) + 1)
        list[n++] = names + at;
    qsort(list, count, sizeof(*list), by_bytes);
    char *to = out->data + start;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(list[i], list[i - 1]) == 0)
            continue;
        size_t size = strlen(list[i]) + 1;
        memcpy(to, list[i], size);
        to += size;
    }
    buf_truncate(out, (size_t)(to - out->data));
    mem_free(list);
    mem_free(names);
    return 0;
}

int glob_find(const char *folder, const char *pattern, struct buf *out,
              struct err *err)
{
    size_t start = out->len, len = strlen(pattern);
    struct walk w = {.out = out,
                     .folder = folder,
                     .want_folders = len > 0 && pattern[len - 1] == '/',
                     .err = err};
    int rc = -1;
    buf_init(&w.path, PATH_MAX);
    const char *root = pattern[0] == '/' ? "/" : folder;
    int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        err_sys(err, errno, "cannot read the folder %s", root);
        return -1;
    }
    if (pattern[0] == '/' && buf_putc(&w.path, '/') < 0)
        err_sys(err, errno, "no memory for a path");
    else if (match(&w, dir, pattern) == 0 && sort_names(out, start, err) == 0)
        rc = 0;
    if (rc < 0)
        buf_truncate(out, start);
    close(dir);
    buf_fini(&w.path);
    return rc;
}

/* Does the first name of the pattern, len bytes of it, match the n bytes of a
 * name? */
static bool part_matches(const char *pattern, size_t len, const char *name,
                         size_t n)
{
    char part[NAME_MAX + 1], text[NAME_MAX + 1];
    if (len > NAME_MAX || n > NAME_MAX)
        return false;
    memcpy(part, pattern, len);
    part[len] = '\0';
    memcpy(text, name, n);
    text[n] = '\0';
    return fnmatch(part, text, FNM_PERIOD) == 0;
}

bool glob_match(const char *pattern, const char *name)
{
    for (;;) {
        pattern += strspn(pattern, "/");
        size_t len = strcspn(pattern, "/"), n = strcspn(name, "/");
        const char *rest = pattern + len + strspn(pattern + len, "/");
        bool last = name[n] == '\0';
        if (len == 2 && memcmp(pattern, "**", 2) == 0) {
            while (strncmp(rest, "**/", 3) == 0) /* as one */
                rest += 3;
            if (glob_match(*rest ? rest : "*", name))
                return true;
            if (last || name[0] == '.')
                return false;
        } else {
            if (len == 0 || !part_matches(pattern, len, name, n))
                return false;
            if (last || *rest == '\0')
                return last && *rest == '\0';
            pattern = rest;
        }
        name += n + 1;
    }
}
