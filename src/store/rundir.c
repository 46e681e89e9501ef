/* The run directory: see rundir.h.
 *
 * Owns the layout and run.yaml; who may write, rundir_lock.c knows. run.yaml is
 * renamed into place as the last step of making the directory, so one without
 * it is unfinished and is completed, if there is nothing in it but what belongs
 * to us; a journal without it is damage and refused.
 */
#include "config.h"
#include "store/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "model/jobspec.h"
#include "base/digest.h"
#include "store/difference.h"
#include "store/folder.h"
#include "store/line_path.h"
#include "store/rundir_lock.h"

#define MARKER     "# mpibatch run "
#define SPEC_KEY   "# spec: "
#define DIGEST_KEY "# sha256: "
#define GENERATION "# generation: "
#define HEADER_END "# ---- the job spec, as given ----\n"

enum {
    FORMAT_VERSION = 1,
    SPEC_MAX_BYTES = 256 << 20, /* as spec/ allows */
    HEADER_MAX_BYTES = 4 * PATH_MAX + 4096,
    OPEN_TRIES = 16,           /* against one who moves it aside meanwhile */
    TEMPORARY_MAX_AGE_S = 600, /* of what a crash left behind */
    ASIDE_MAX = 100000
};

struct rundir {
    char *path; /* absolute */
    int dir_fd;
    int lock_fd; /* -1: a reader */
    uint32_t session;
    uint32_t generation; /* from 1 */
    char journal[32];    /* the folder's name */
    struct buf text;     /* run.yaml */
    size_t header_len;
    char *spec_path;
};

/* ---- Opening ---- */

static void journal_name(char name[32], uint32_t generation)
{
    if (generation == 1)
        snprintf(name, 32, "journal");
    else
        snprintf(name, 32, "journal.%u", generation);
}

static struct rundir *rundir_create(const char *path, struct err *err)
{
    struct rundir *r = mem_calloc(1, sizeof(*r));
    if (!r)
        goto nomem;
    r->dir_fd = r->lock_fd = -1;
    r->generation = 1;
    journal_name(r->journal, 1);
    buf_init(&r->text, SPEC_MAX_BYTES + HEADER_MAX_BYTES);
    char cwd[PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
        err_sys(err, errno, "cannot find the current folder");
        rundir_close(r);
        return NULL;
    }
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    char *name = mem_strndup(path, len);
    r->path = name ? path_join(cwd, name) : NULL;
    mem_free(name);
    if (r->path)
        return r;
nomem:
    err_set(err, ENOMEM, "no memory to open %s", path);
    rundir_close(r);
    return NULL;
}

void rundir_close(struct rundir *r)
{
    if (!r)
        return;
    int saved = errno;
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    errno = saved;
    buf_fini(&r->text);
    mem_free(r->spec_path);
    mem_free(r->path);
    mem_free(r);
}

static int open_dir(struct rundir *r)
{
    r->dir_fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return r->dir_fd < 0 ? -1 : 0;
}

/* May we write here, and nobody else? made: it is new. */
static int check_owner(const struct rundir *r, bool made, struct err *err)
{
    struct stat st;
    if (fstat(r->dir_fd, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", r->path);
    if (st.st_uid != geteuid() && geteuid() != 0)
        return err_set(err, EPERM, "%s belongs to another user (uid %lu)",
                       r->path, (unsigned long)st.st_uid);
    if (made && fchmod(r->dir_fd, 0700) < 0)
        return err_sys(err, errno, "cannot set the mode of %s", r->path);
    if (!made && (st.st_mode & S_IWOTH))
        return err_set(err, EPERM,
                       "%s may be written by anybody; chmod o-w it first",
                       r->path);
    return 0;
}

/* Is the locked folder still the one at its path? */
static bool still_there(const struct rundir *r)
{
    struct stat a, b;
    return fstat(r->dir_fd, &a) == 0 && stat(r->path, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Open and lock the folder at r->path, making it if make. 0; 1: it was moved
 * away in between; -1 with err. */
static int open_locked(struct rundir *r, bool make,
                       enum folder_content *content, struct err *err)
{
    struct folder_look l;
    if (make && file_make_dirs(r->path, 0700, err) < 0)
        return -1;
    if (open_dir(r) < 0)
        return err_sys(err, errno, "cannot open %s", r->path);
    if (folder_classify(r->dir_fd, r->path, content, &l, err) < 0)
        return -1;
    if (*content == FOLDER_FOREIGN)
        return folder_refuse_foreign(r->path, &l, err);
    if (check_owner(r, make && *content == FOLDER_EMPTY, err) < 0)
        return -1;
    if (rundir_lock_take(r->dir_fd, r->path, &r->lock_fd, err) < 0)
        return -1;
    if (!still_there(r)) {
        close(r->lock_fd);
        close(r->dir_fd);
        r->lock_fd = r->dir_fd = -1;
        return 1;
    }
    /* what it was before the lock may have changed meanwhile */
    if (folder_classify(r->dir_fd, r->path, content, &l, err) < 0)
        return -1;
    return *content == FOLDER_FOREIGN ? folder_refuse_foreign(r->path, &l, err)
                                      : 0;
}

static int lock_folder(struct rundir *r, bool make,
                       enum folder_content *content, struct err *err)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        int rc = open_locked(r, make, content, err);
        if (rc <= 0)
            return rc;
    }
    return err_set(err, EBUSY, "others keep moving %s away", r->path);
}

/* ---- run.yaml ---- */

static int put_header(struct buf *b, const char *spec_path, const char *text,
                      size_t len)
{
    char digest[DIGEST_TEXT_BYTES];
    char host[256] = "?", when[32];
    struct tm tm;
    time_t now = (time_t)(clock_wall_ns() / NS_PER_SEC);
    digest_bytes(text, len, digest);
    (void)gethostname(host, sizeof(host) - 1);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    int rc = buf_printf(b, MARKER "%d\n" SPEC_KEY, FORMAT_VERSION);
    rc |= line_path_put(b, spec_path);
    rc |= buf_printf(b,
                     "\n" DIGEST_KEY "%s\n# mpibatch: %s\n# host: %s\n"
                     "# created: %s\n",
                     digest, PACKAGE_VERSION, host, when);
    rc |= buf_puts(b, HEADER_END);
    return rc;
}

/* The generation that the header says, which ends at end. 0: damaged. */
static uint32_t header_generation(const char *text, const char *end)
{
    const char *key = strstr(text, "\n" GENERATION);
    if (!key || key > end)
        return 1;
    char *behind;
    unsigned long n = strtoul(key + 1 + strlen(GENERATION), &behind, 10);
    return *behind == '\n' && n > 1 && n < UINT32_MAX ? (uint32_t)n : 0;
}

/* Find the header's parts in r->text. */
static int parse_header(struct rundir *r, struct err *err)
{
    const char *text = buf_text(&r->text);
    if (strncmp(text, MARKER, strlen(MARKER)) != 0)
        return err_set(err, EEXIST,
                       "%s is not a run directory (its run.yaml is not ours)",
                       r->path);
    char *end;
    unsigned long version = strtoul(text + strlen(MARKER), &end, 10);
    if (*end == '\n' && version > FORMAT_VERSION)
        return err_set(err, EPROTO,
                       "%s was made by a newer mpibatch (format %lu, this one "
                       "knows %d)",
                       r->path, version, FORMAT_VERSION);
    const char *spec = strstr(text, "\n" HEADER_END);
    const char *key = strstr(text, "\n" SPEC_KEY);
    uint32_t generation = spec ? header_generation(text, spec) : 0;
    if (*end != '\n' || version == 0 || !spec || !key || key > spec ||
        generation == 0)
        return err_set(err, EBADMSG, "%s/run.yaml is damaged in its header",
                       r->path);
    r->generation = generation;
    journal_name(r->journal, generation);
    r->header_len = (size_t)(spec - text) + 1 + strlen(HEADER_END);
    key += 1 + strlen(SPEC_KEY);
    if (!r->spec_path)
        r->spec_path = line_path_get(key, strcspn(key, "\n"));
    return r->spec_path ? 0 : err_set(err, ENOMEM, "no memory for %s", r->path);
}

static int load_spec(struct rundir *r, struct err *err)
{
    char *path = rundir_file(r, "run.yaml");
    if (!path)
        return err_set(err, ENOMEM, "no memory for %s", r->path);
    buf_reset(&r->text);
    int rc = file_read(path, &r->text, err);
    mem_free(path);
    return rc < 0 ? -1 : parse_header(r, err);
}

/* Say in which line the two texts differ first. */
static int refuse_changed(const struct rundir *r, const char *text, size_t len,
                          struct err *err)
{
    size_t old_len;
    const char *old = rundir_spec(r, &old_len);
    struct difference d;
    difference_find(old, old_len, text, len, &d);
    return err_set(err, EINVAL,
                   "%s belongs to another job spec: line %zu was %s and is now "
                   "%s (use -o DIR for another run, or --fresh to start anew)",
                   r->path, d.line, d.was, d.is);
}

static int check_spec(struct rundir *r, const char *text, size_t len,
                      struct err *err)
{
    size_t old_len;
    const char *old = rundir_spec(r, &old_len);
    if (old_len == len && (len == 0 || memcmp(old, text, len) == 0))
        return 0;
    return refuse_changed(r, text, len, err);
}

static int make_folder(const struct rundir *r, const char *name,
                       struct err *err)
{
    if (mkdirat(r->dir_fd, name, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make the folder %s/%s", r->path,
                       name);
    int fd = openat(r->dir_fd, name,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fchmod(fd, 0700) < 0) {
        err_sys(err, errno, "cannot use the folder %s/%s", r->path, name);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

/* Make, or complete, what a run directory has; run.yaml last. */
static int complete(struct rundir *r, const char *text, size_t len,
                    struct inputs *inputs, struct err *err)
{
    if (len > SPEC_MAX_BYTES)
        return err_set(err, EFBIG, "the job spec is larger than %d bytes",
                       SPEC_MAX_BYTES);
    if (make_folder(r, "journal", err) < 0 ||
        make_folder(r, "output", err) < 0 || make_folder(r, "files", err) < 0 ||
        (inputs && inputs_keep(inputs, r->dir_fd, r->path, err) < 0))
        return -1;
    char *path = rundir_file(r, "run.yaml");
    if (!path || put_header(&r->text, r->spec_path, text, len) < 0 ||
        buf_put(&r->text, text, len) < 0) {
        mem_free(path);
        return err_set(err, ENOMEM, "no memory for %s", r->path);
    }
    int rc = file_replace(path, r->text.data, r->text.len, 0600, 1, err);
    mem_free(path);
    if (rc < 0)
        return -1;
    if (fsync(r->dir_fd) < 0 && errno != EINVAL)
        return err_sys(err, errno, "cannot write %s", r->path);
    return parse_header(r, err);
}

/* ---- Sessions ---- */

static int session_of(void *arg, const char *name)
{
    uint32_t *last = arg;
    char *end;
    unsigned long n = strtoul(name, &end, 10);
    if (end != name && *end == '.' && n <= UINT32_MAX - 1 && n > *last)
        *last = (uint32_t)n;
    return 0;
}

static int find_sessions(struct rundir *r, bool packs, struct err *err)
{
    if (folder_each_name(r->dir_fd, r->journal, session_of, &r->session) < 0)
        return err_sys(err, errno, "cannot read %s/%s", r->path, r->journal);
    if (packs &&
        folder_each_name(r->dir_fd, "output", session_of, &r->session) < 0)
        return err_sys(err, errno, "cannot read %s/output", r->path);
    return 0;
}

static int remove_stale(void *arg, const char *name)
{
    const struct rundir *r = arg;
    struct stat st;
    if (folder_is_temporary(name) &&
        fstatat(r->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_mtime < clock_wall_ns() / NS_PER_SEC - TEMPORARY_MAX_AGE_S)
        (void)unlinkat(r->dir_fd, name, 0); /* they only take room */
    return 0;
}

struct rundir *rundir_open(const char *path, const char *spec_text,
                           size_t spec_len, const char *spec_path,
                           struct inputs *inputs, bool *fresh, struct err *err)
{
    enum folder_content content;
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return NULL;
    r->spec_path = mem_strdup(spec_path ? spec_path : "");
    if (!r->spec_path) {
        err_set(err, ENOMEM, "no memory to open %s", path);
        goto fail;
    }
    if (lock_folder(r, true, &content, err) < 0)
        goto fail;
    if (content == FOLDER_RUN) {
        if (load_spec(r, err) < 0 ||
            check_spec(r, spec_text, spec_len, err) < 0 ||
            (inputs && inputs_compare(inputs, r->dir_fd, r->path, err) < 0))
            goto fail;
    } else if (complete(r, spec_text, spec_len, inputs, err) < 0) {
        goto fail;
    }
    if (find_sessions(r, true, err) < 0)
        goto fail;
    (void)folder_each_name(r->dir_fd, ".", remove_stale, r);
    r->session++;
    *fresh = content != FOLDER_RUN;
    return r;
fail:
    rundir_close(r);
    return NULL;
}

struct rundir *rundir_open_read(const char *path, struct err *err)
{
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return NULL;
    if (open_dir(r) < 0) {
        err_sys(err, errno, "cannot open the run directory %s", path);
        goto fail;
    }
    if (faccessat(r->dir_fd, "run.yaml", F_OK, 0) < 0) {
        err_set(err, ENOENT, "%s is not a run directory (it has no run.yaml)",
                path);
        goto fail;
    }
    if (load_spec(r, err) < 0 || find_sessions(r, false, err) < 0)
        goto fail;
    return r;
fail:
    rundir_close(r);
    return NULL;
}

/* ---- Generations ---- */

struct rundir *rundir_open_locked(const char *path, struct err *err)
{
    enum folder_content content = FOLDER_EMPTY;
    struct stat st;
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return NULL;
    if (stat(r->path, &st) < 0) {
        err_sys(err, errno, "cannot open the run directory %s", path);
        goto fail;
    }
    char *spec = rundir_file(r, "run.yaml");
    bool is_run = spec && access(spec, F_OK) == 0;
    mem_free(spec);
    if (!is_run) {
        err_set(err, ENOENT, "%s is not a run directory (it has no run.yaml)",
                path);
        goto fail;
    }
    if (lock_folder(r, false, &content, err) < 0)
        goto fail;
    if (load_spec(r, err) < 0 || find_sessions(r, true, err) < 0)
        goto fail;
    return r;
fail:
    rundir_close(r);
    return NULL;
}

struct remove {
    int dir_fd;
    const char *folder;
};

static int remove_file(void *arg, const char *name)
{
    const struct remove *rm = arg;
    char path[NAME_MAX + 40];
    snprintf(path, sizeof(path), "%s/%s", rm->folder, name);
    return unlinkat(rm->dir_fd, path, 0);
}

char *rundir_prepare_generation(struct rundir *r, struct err *err)
{
    char name[32];
    journal_name(name, r->generation + 1);
    struct remove rm = {.dir_fd = r->dir_fd, .folder = name};
    if (folder_each_name(r->dir_fd, name, remove_file, &rm) < 0 &&
        errno != ENOENT) {
        err_sys(err, errno, "cannot empty %s/%s", r->path, name);
        return NULL;
    }
    if (make_folder(r, name, err) < 0)
        return NULL;
    char *copy = mem_strdup(name);
    if (!copy)
        err_set(err, ENOMEM, "no memory for %s", r->path);
    return copy;
}

/* run.yaml with another spec and the next generation: the lines of the header
 * with these two as they are now, then what is new. */
static int put_generation(const struct rundir *r, struct buf *b,
                          const char *text, size_t len)
{
    const char *line = buf_text(&r->text), *end = line + r->header_len;
    char digest[DIGEST_TEXT_BYTES];
    int rc = 0;
    digest_bytes(text, len, digest);
    while (rc == 0 && line < end) {
        const char *next = strchr(line, '\n') + 1;
        if (strncmp(line, HEADER_END, strlen(HEADER_END)) == 0)
            rc = buf_printf(b, GENERATION "%u\n", r->generation + 1);
        if (rc == 0 && strncmp(line, DIGEST_KEY, strlen(DIGEST_KEY)) == 0)
            rc = buf_printf(b, DIGEST_KEY "%s\n", digest);
        else if (rc == 0 && strncmp(line, GENERATION, strlen(GENERATION)) != 0)
            rc = buf_put(b, line, (size_t)(next - line));
        line = next;
    }
    return rc == 0 ? buf_put(b, text, len) : -1;
}

int rundir_begin_generation(struct rundir *r, const char *spec_text,
                            size_t spec_len, struct err *err)
{
    char old[32];
    struct buf text;
    buf_init(&text, r->text.max_bytes);
    snprintf(old, sizeof(old), "run.%u.yaml", r->generation);
    char *path = rundir_file(r, "run.yaml");
    int rc = -1;
    if (!path || put_generation(r, &text, spec_text, spec_len) < 0) {
        err_set(err, ENOMEM, "no memory for %s", r->path);
        goto out;
    }
    (void)unlinkat(r->dir_fd, old, 0); /* of one that was never begun */
    if (linkat(r->dir_fd, "run.yaml", r->dir_fd, old, 0) < 0) {
        err_sys(err, errno, "cannot make %s/%s", r->path, old);
        goto out;
    }
    if (file_replace(path, text.data, text.len, 0600, 1, err) < 0)
        goto out;
    if (fsync(r->dir_fd) < 0 && errno != EINVAL) {
        err_sys(err, errno, "cannot write %s", r->path);
        goto out;
    }
    struct buf was = r->text;
    r->text = text;
    text = was;
    rc = parse_header(r, err);
out:
    buf_fini(&text);
    mem_free(path);
    return rc;
}

/* Rename, never onto something. -1 with errno. */
static int rename_to_free(const char *from, const char *to)
{
    struct stat st;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

int rundir_move_aside(const char *path, char **to, struct err *err)
{
    enum folder_content content;
    struct stat st;
    *to = NULL;
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return 0;
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return -1;
    int rc = lock_folder(r, false, &content, err);
    size_t size = strlen(r->path) + 16;
    char *name = rc == 0 ? mem_alloc(size) : NULL;
    if (rc == 0 && !name)
        rc = err_set(err, ENOMEM, "no memory to move %s", path);
    for (int i = 1; rc == 0; i++) {
        snprintf(name, size, "%s.%d", r->path, i);
        if (rename_to_free(r->path, name) == 0)
            break;
        if ((errno != EEXIST && errno != ENOTEMPTY) || i == ASIDE_MAX)
            rc = err_sys(err, errno, "cannot move %s to %s", path, name);
    }
    if (rc == 0) {
        *to = name;
        name = NULL;
    }
    mem_free(name);
    rundir_close(r);
    return rc;
}

/* ---- Questions ---- */

int rundir_in_use(const struct rundir *r)
{
    return rundir_lock_look(r->dir_fd);
}

const char *rundir_path(const struct rundir *r)
{
    return r->path;
}

uint32_t rundir_session(const struct rundir *r)
{
    return r->session;
}

const char *rundir_spec(const struct rundir *r, size_t *len)
{
    *len = r->text.len - r->header_len;
    return buf_text(&r->text) + r->header_len;
}

int rundir_put_spec_folder(const struct rundir *r, struct buf *out)
{
    size_t len = (size_t)(path_base(r->spec_path) - r->spec_path);
    return buf_put(out, r->spec_path, len > 1 ? len - 1 : len);
}

const char *rundir_spec_path(const struct rundir *r)
{
    return r->spec_path;
}

uint32_t rundir_generation(const struct rundir *r)
{
    return r->generation;
}

/* Append the spec of a generation that is over. */
static int read_old_spec(const struct rundir *r, uint32_t generation,
                         struct buf *out, struct err *err)
{
    struct buf text;
    char *path = rundir_file(r, "run.%u.yaml", generation);
    buf_init(&text, r->text.max_bytes);
    int rc = path ? file_read(path, &text, err)
                  : err_set(err, ENOMEM, "no memory for %s", r->path);
    const char *spec =
        rc == 0 ? strstr(buf_text(&text), "\n" HEADER_END) : NULL;
    if (rc == 0 && !spec)
        rc = err_set(err, EBADMSG, "%s is damaged in its header", path);
    if (rc == 0) {
        spec += 1 + strlen(HEADER_END);
        if (buf_put(out, spec, text.len - (size_t)(spec - text.data)) < 0)
            rc = err_set(err, ENOMEM, "no memory for %s", path);
    }
    buf_fini(&text);
    mem_free(path);
    return rc;
}

int rundir_read_spec(const struct rundir *r, uint32_t generation,
                     struct buf *out, struct err *err)
{
    size_t len;
    const char *text = rundir_spec(r, &len);
    if (generation < 1 || generation > r->generation)
        return err_set(err, EINVAL, "%s has no generation %u", r->path,
                       generation);
    if (generation < r->generation)
        return read_old_spec(r, generation, out, err);
    return buf_put(out, text, len) < 0
               ? err_set(err, ENOMEM, "no memory for %s", r->path)
               : 0;
}

char *rundir_note(const struct rundir *r, const char *key,
                  char text[RUNDIR_NOTE_BYTES])
{
    const char *line = buf_text(&r->text), *end = line + r->header_len;
    size_t n = strlen(key);
    text[0] = '\0';
    for (; line < end; line += strcspn(line, "\n") + 1)
        if (strncmp(line, "# ", 2) == 0 && strncmp(line + 2, key, n) == 0 &&
            strncmp(line + 2 + n, ": ", 2) == 0) {
            line += n + 4;
            snprintf(text, RUNDIR_NOTE_BYTES, "%.*s", (int)strcspn(line, "\n"),
                     line);
            break;
        }
    return text;
}

const char *rundir_journal(const struct rundir *r)
{
    return r->journal;
}

char *rundir_file(const struct rundir *r, const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    buf_init(&b, 4 * PATH_MAX);
    va_start(ap, fmt);
    int rc = buf_printf(&b, "%s/", r->path);
    if (rc == 0)
        rc = buf_vprintf(&b, fmt, ap);
    va_end(ap);
    char *path = rc == 0 ? buf_take(&b) : NULL;
    buf_fini(&b);
    return path;
}

/* Make files/, files/JOB/ and files/JOB/TASK/ below dir. */
static int make_output_folders(const char *dir, const char *job_id,
                               const char *task_id, struct err *err)
{
    const char *parts[] = {"files", job_id, task_id};
    struct buf path;
    buf_init(&path, PATH_MAX);
    int rc = buf_puts(&path, dir);
    for (int i = 0; rc == 0 && i < 3; i++) {
        rc = buf_printf(&path, "/%s", parts[i]);
        if (rc == 0 && mkdir(path.data, 0700) < 0 && errno != EEXIST)
            rc = -1;
    }
    if (rc < 0)
        err_sys(err, errno, "cannot make the folder %s", buf_text(&path));
    buf_fini(&path);
    return rc;
}

char *rundir_large_output(const char *dir, const char *job_id,
                          const char *task_id, uint32_t attempt, int stream,
                          bool make, struct err *err)
{
    if (!id_is_valid(job_id) || !id_is_valid(task_id)) {
        err_set(err, EINVAL, "job or task id cannot be a folder's name");
        return NULL;
    }
    if (make && make_output_folders(dir, job_id, task_id, err) < 0)
        return NULL;
    struct buf b;
    buf_init(&b, PATH_MAX);
    int rc = buf_printf(&b, "files/%s/%s/%s.%u", job_id, task_id,
                        stream == 0 ? "stdout" : "stderr", attempt);
    char *path = rc == 0 ? buf_take(&b) : NULL;
    buf_fini(&b);
    if (!path)
        err_set(err, ENOMEM, "no memory for an output's path");
    return path;
}
