/* Unpacking: see package.h.
 *
 * Each name is brought into its plain form and walked from the new folder,
 * following no link (beneath.h): whatever came before, nothing is written
 * elsewhere. Files are made, never opened: so nothing is written twice. Links
 * that an archive brings are made as they are, and followed by hand when all
 * is there: the order of its entries does not matter.
 */
#include "config.h"
#include "stage/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "stage/beneath.h"
#include "stage/package_shown.h"
#include "stage/package_packed.h"
#include "stage/package_zip.h"
#include "stage/remove.h"

enum {
    LINK_NAMES_MAX_BYTES = 64 << 20, /* of all symbolic links */
    TAR_END_BYTES = 512,             /* of zeros, at least: how a tar ends */
    LOOK_BYTES = 32 << 20            /* between looks at what is free */
};

struct unpacking {
    struct packed *source;
    struct archive *archive;
    const atomic_bool *stop;
    struct package_counts counts;
    uint64_t max_bytes, max_entries, reserve_bytes;
    uint64_t entries, bytes;       /* bytes: counts.bytes, with holes */
    uint64_t next_look_bytes;      /* when free space is asked for again */
    int root;                      /* the folder, -1 */
    struct beneath_make make;      /* of folders */
    char name[BENEATH_NAME_MAX];   /* of the entry */
    char parent[BENEATH_NAME_MAX]; /* the folder open as parent_fd */
    int parent_fd;
    struct buf links; /* names of symbolic links, a NUL behind each */
    struct err err;
};

/* Refuse the package for an entry. */
static int refuse(struct unpacking *u, const char *name, const char *why)
{
    char text[SHOWN_MAX];
    return err_set(&u->err, EPROTO, "refused: its entry %s %s",
                   package_shown(name, text), why);
}

/* What libarchive or the source below it says. */
static int broken(struct unpacking *u)
{
    const struct err *below = packed_err(u->source);
    char reason[SHOWN_MAX];
    const char *text = archive_error_string(u->archive);
    if (below->code) {
        u->err = *below;
        if (below->code == EPROTO)
            return err_context(&u->err, "refused");
        return -1;
    }
    if (archive_errno(u->archive) == ENOMEM)
        return err_set(&u->err, ENOMEM, "no memory to unpack it");
    if (u->entries == 0 && packed_kind(u->source) != PACKED_ZIP)
        return err_set(&u->err, EPROTO,
                       "refused: it is neither a tar nor a zip");
    return err_set(&u->err, EPROTO, "refused: it is broken or cut (%s)",
                   package_reason(text, reason));
}

/* Writing failed. */
static int failed(struct unpacking *u, const char *name, int code)
{
    char text[SHOWN_MAX];
    if (code == ENOSPC || code == EDQUOT)
        return err_sys(&u->err, code,
                       "no room to unpack %s, after %" PRIu64 " bytes",
                       package_shown(name, text), u->bytes);
    return err_sys(&u->err, code, "cannot unpack %s",
                   package_shown(name, text));
}

/* Is there room for the bytes up to `bytes`, and may there be so many? */
static int check_bytes(struct unpacking *u, const char *name, uint64_t bytes)
{
    struct statvfs fs;
    char text[SHOWN_MAX];
    if (bytes > u->max_bytes)
        return err_set(&u->err, EPROTO,
                       "refused: with its entry %s it unpacks to more than "
                       "%" PRIu64 " bytes, from %" PRIu64,
                       package_shown(name, text), u->max_bytes,
                       packed_bytes(u->source));
    if (bytes < u->next_look_bytes)
        return 0;
    if (fstatvfs(u->root, &fs) < 0)
        return failed(u, name, errno);
    uint64_t avail = (uint64_t)fs.f_bavail * fs.f_frsize;
    uint64_t more = bytes - u->bytes;
    if (avail < u->reserve_bytes || avail - u->reserve_bytes < more)
        return err_set(&u->err, ENOSPC,
                       "no room to unpack %s: %" PRIu64 " bytes are free, "
                       "%" PRIu64 " of them reserved",
                       package_shown(name, text), avail, u->reserve_bytes);
    u->next_look_bytes = bytes + LOOK_BYTES;
    return 0;
}

/* libarchive's side of the source. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **data)
{
    struct unpacking *u = arg;
    ssize_t n = packed_read(u->source, data);
    if (n < 0)
        archive_set_error(a, packed_err(u->source)->code, "%s",
                          packed_err(u->source)->text);
    return n < 0 ? ARCHIVE_FATAL : n;
}

static la_int64_t on_seek(struct archive *a, void *arg, la_int64_t offset,
                          int whence)
{
    struct unpacking *u = arg;
    int64_t at = packed_seek(u->source, offset, whence);
    if (at < 0)
        archive_set_error(a, packed_err(u->source)->code, "%s",
                          packed_err(u->source)->text);
    return at < 0 ? ARCHIVE_FATAL : at;
}

static int open_reader(struct unpacking *u)
{
    u->archive = archive_read_new();
    if (!u->archive)
        return err_set(&u->err, ENOMEM, "no memory to unpack it");
    if (packed_kind(u->source) == PACKED_ZIP) {
        if (zip_check(u->source, u->max_entries, &u->err) < 0)
            return u->err.code == EPROTO ? err_context(&u->err, "refused") : -1;
        archive_read_support_format_zip_seekable(u->archive);
        archive_read_set_seek_callback(u->archive, on_seek);
    } else {
        archive_read_support_format_tar(u->archive);
    }
    archive_read_set_callback_data(u->archive, u);
    archive_read_set_read_callback(u->archive, on_read);
    return archive_read_open1(u->archive) == ARCHIVE_OK ? 0 : broken(u);
}

/* One of the three names of an entry, whatever its character set; or NULL. */
static const char *any_name(struct archive_entry *e,
                            const char *(*get)(struct archive_entry *),
                            const char *(*get_utf8)(struct archive_entry *))
{
    const char *name = get(e);
    return name ? name : get_utf8(e);
}

/* Open the folder that u->name stands in. It stays open for the entries that
 * follow: no folder of ours is ever replaced. */
static int enter_parent(struct unpacking *u, const char **base)
{
    const char *slash = strrchr(u->name, '/');
    size_t len = slash ? (size_t)(slash - u->name) : 0;
    *base = slash ? slash + 1 : u->name;
    if (u->parent_fd >= 0 && strlen(u->parent) == len &&
        memcmp(u->parent, u->name, len) == 0)
        return 0;
    if (u->parent_fd >= 0)
        close(u->parent_fd);
    u->parent_fd = beneath_parent(u->root, u->name, &u->make, base);
    if (u->parent_fd < 0)
        return errno == ELOOP
                   ? refuse(u, u->name, "goes through a symbolic link")
               : errno == ENOTDIR
                   ? refuse(u, u->name, "takes a file for a folder")
                   : failed(u, u->name, errno);
    memcpy(u->parent, u->name, len);
    u->parent[len] = '\0';
    return 0;
}

/* All data of an entry that is not stored, so that it is checked. */
static int drain(struct unpacking *u)
{
    const void *data;
    size_t len;
    la_int64_t offset;
    int rc;
    do
        rc = archive_read_data_block(u->archive, &data, &len, &offset);
    while (rc == ARCHIVE_OK);
    return rc == ARCHIVE_EOF ? 0 : broken(u);
}

/* Write len bytes at offset; *end is where the file ends. */
static int write_block(struct unpacking *u, int fd, const char *data,
                       size_t len, uint64_t offset, uint64_t *end)
{
    uint64_t stop = offset + len;
    if (stop < offset)
        return refuse(u, u->name, "has no possible size");
    if (stop > *end) {
        if (check_bytes(u, u->name, u->bytes + (stop - *end)) < 0)
            return -1;
        u->bytes += stop - *end;
        *end = stop;
    }
    return file_write_at(fd, data, len, offset) < 0 ? failed(u, u->name, errno)
                                                    : 0;
}

/* The content of a file, into fd. */
static int write_file(struct unpacking *u, struct archive_entry *e, int fd)
{
    const void *data;
    size_t len;
    la_int64_t offset;
    uint64_t end = 0;
    int rc;
    bool sized = archive_entry_size_is_set(e);
    uint64_t size = sized ? (uint64_t)archive_entry_size(e) : 0;
    if (sized && archive_entry_size(e) < 0)
        return refuse(u, u->name, "has no possible size");
    if (check_bytes(u, u->name, u->bytes + size) < 0)
        return -1;
    while ((rc = archive_read_data_block(u->archive, &data, &len, &offset)) ==
           ARCHIVE_OK)
        if (write_block(u, fd, data, len, (uint64_t)offset, &end) < 0)
            return -1;
    if (rc != ARCHIVE_EOF)
        return broken(u);
    if (end < size && archive_entry_sparse_count(e) == 0)
        return refuse(u, u->name, "is shorter than it says");
    if (end < size) { /* a hole at the end */
        u->bytes += size - end;
        if (ftruncate(fd, (off_t)size) < 0)
            return failed(u, u->name, errno);
    }
    return 0;
}

static int unpack_file(struct unpacking *u, struct archive_entry *e)
{
    const char *base;
    if (archive_entry_perm(e) & (S_ISUID | S_ISGID | S_ISVTX))
        return refuse(u, u->name, "has the setuid, setgid or sticky bit");
    if (enter_parent(u, &base) < 0)
        return -1;
    int fd = openat(u->parent_fd, base,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);
    if (fd < 0)
        return errno == EEXIST ? refuse(u, u->name, "is in it twice")
                               : failed(u, u->name, errno);
    int rc = write_file(u, e, fd);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
    times[1].tv_sec = archive_entry_mtime(e);
    times[1].tv_nsec = archive_entry_mtime_nsec(e);
    mode_t mode = (archive_entry_perm(e) & S_IRWXU) | S_IRUSR;
    if (rc == 0 && fchmod(fd, mode) < 0)
        rc = failed(u, u->name, errno);
    if (rc == 0 && archive_entry_mtime_is_set(e))
        (void)!futimens(fd, times); /* an odd time is not worth a failure */
    if (close(fd) < 0 && rc == 0)
        rc = failed(u, u->name, errno);
    u->counts.files++;
    return rc;
}

static int unpack_folder(struct unpacking *u)
{
    int fd = beneath_folder(u->root, u->name, &u->make);
    if (fd < 0)
        return errno == ELOOP
                   ? refuse(u, u->name, "goes through a symbolic link")
               : errno == ENOTDIR ? refuse(u, u->name, "is in it twice")
                                  : failed(u, u->name, errno);
    close(fd);
    return 0;
}

/* A symbolic link. Where it leads is looked at when all is there. */
static int unpack_symlink(struct unpacking *u, struct archive_entry *e)
{
    const char *base, *target = any_name(e, archive_entry_symlink,
                                         archive_entry_symlink_utf8);
    if (!target || !*target)
        return refuse(u, u->name, "is a symbolic link to nothing");
    if (enter_parent(u, &base) < 0)
        return -1;
    if (symlinkat(target, u->parent_fd, base) < 0)
        return errno == EEXIST ? refuse(u, u->name, "is in it twice")
               : errno == ENAMETOOLONG
                   ? refuse(u, u->name, "is a link with too long a target")
                   : failed(u, u->name, errno);
    if (buf_put(&u->links, u->name, strlen(u->name) + 1) < 0)
        return err_set(&u->err, errno == ENOMEM ? ENOMEM : EPROTO,
                       "refused: its symbolic links are too many");
    u->counts.links++;
    return 0;
}

/* A second name of a file that is there. */
static int unpack_hardlink(struct unpacking *u, const char *to)
{
    char target[BENEATH_NAME_MAX];
    const char *base, *target_base;
    struct stat st;
    if (beneath_plain(to, target, NULL) < 0)
        return refuse(u, u->name, "is a hard link that leads out of it");
    int dir = beneath_parent(u->root, target, NULL, &target_base);
    if (dir < 0 || fstatat(dir, target_base, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode)) {
        if (dir >= 0)
            close(dir);
        return refuse(u, u->name,
                      "is a hard link to what is no file before it");
    }
    int rc = enter_parent(u, &base);
    if (rc == 0 && linkat(dir, target_base, u->parent_fd, base, 0) < 0)
        rc = errno == EEXIST ? refuse(u, u->name, "is in it twice")
                             : failed(u, u->name, errno);
    close(dir);
    u->counts.links++;
    return rc < 0 ? rc : drain(u);
}

static int count_entry(struct unpacking *u)
{
    u->entries++;
    if (u->entries + u->make.made > u->max_entries)
        return err_set(&u->err, EPROTO,
                       "refused: it holds more than %" PRIu64 " entries",
                       u->max_entries);
    return 0;
}

static int unpack_entry(struct unpacking *u, struct archive_entry *e)
{
    struct err why;
    const char *to =
        any_name(e, archive_entry_hardlink, archive_entry_hardlink_utf8);
    const char *name =
        any_name(e, archive_entry_pathname, archive_entry_pathname_utf8);
    mode_t type = archive_entry_filetype(e);
    if (count_entry(u) < 0)
        return -1;
    if (!name || !*name)
        return refuse(u, "", "has no name");
    if (beneath_plain(name, u->name, &why) < 0)
        return refuse(u, name, why.text);
    if (archive_entry_is_encrypted(e))
        return refuse(u, name, "is encrypted");
    if (!*u->name)
        return !to && type == S_IFDIR ? 0 : refuse(u, name, "has no name");
    if (to)
        return unpack_hardlink(u, to);
    switch (type) {
    case S_IFREG:
        return unpack_file(u, e);
    case S_IFDIR:
        return unpack_folder(u);
    case S_IFLNK:
        return unpack_symlink(u, e);
    default:
        return refuse(u, name, package_kind(type));
    }
}

/* Every symbolic link must end in the package, also by way of others. One that
 * leads to nothing, or in a circle, does no harm. */
static int check_links(struct unpacking *u)
{
    char real[BENEATH_NAME_MAX];
    for (size_t at = 0; at < u->links.len;) {
        const char *name = u->links.data + at;
        if (beneath_resolve(u->root, NULL, name, real) < 0 && errno != ELOOP &&
            errno != ENOTDIR)
            return errno == EXDEV
                       ? refuse(u, name,
                                "is a symbolic link that leads out of it")
                   : errno == ENAMETOOLONG
                       ? refuse(u, name, "is a link with too long a target")
                       : failed(u, name, errno);
        at += strlen(name) + 1;
    }
    return 0;
}

/* The rest of the source, so that it is checked to its end. */
static int check_end(struct unpacking *u)
{
    const void *data;
    ssize_t n;
    if (packed_kind(u->source) != PACKED_ZIP) {
        while ((n = packed_read(u->source, &data)) > 0)
            ;
        if (n < 0)
            return broken(u);
        if (packed_zeros(u->source) < TAR_END_BYTES)
            return err_set(&u->err, EPROTO,
                           "refused: it is cut (the end of the tar is not "
                           "there)");
    }
    if (u->counts.files == 0)
        return err_set(&u->err, EPROTO, "refused: there is no file in it");
    return 0;
}

/* All of the archive, into u->root. */
static int unpack_all(struct unpacking *u)
{
    struct archive_entry *e;
    int rc;
    if (open_reader(u) < 0)
        return -1;
    while ((rc = archive_read_next_header(u->archive, &e)) == ARCHIVE_OK ||
           rc == ARCHIVE_WARN) {
        if (u->stop && atomic_load(u->stop))
            return err_set(&u->err, ECANCELED, "cancelled");
        if (unpack_entry(u, e) < 0)
            return -1;
    }
    if (rc != ARCHIVE_EOF)
        return broken(u);
    if (check_end(u) < 0)
        return -1;
    return check_links(u);
}

static int set_limits(struct unpacking *u, const struct package_limits *limits)
{
    static const struct package_limits none;
    const struct package_limits *l = limits ? limits : &none;
    uint64_t bytes = packed_bytes(u->source);
    u->max_entries = l->max_entries ? l->max_entries : PACKAGE_MAX_ENTRIES;
    u->reserve_bytes =
        l->reserve_bytes ? l->reserve_bytes : PACKAGE_RESERVE_BYTES;
    u->max_bytes = l->max_bytes;
    if (!u->max_bytes) {
        u->max_bytes = bytes > (UINT64_MAX >> 16)
                           ? UINT64_MAX
                           : PACKAGE_FREE_BYTES + bytes * PACKAGE_MAX_RATIO;
        packed_bound(u->source, PACKAGE_FREE_BYTES, PACKAGE_MAX_RATIO);
    }
    return 0;
}

/* With u->source: into the folder base of the folder parent. */
static int unpack_into(struct unpacking *u, int parent, const char *base)
{
    /* names are bytes: libarchive needs a locale in which all of UTF-8 is
     * a name; where there is none, a package with such names may be refused */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t old = uselocale(utf8);
    int rc = -1;
    u->root =
        openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (u->root < 0)
        err_sys(&u->err, errno, "cannot open the new folder");
    else
        rc = unpack_all(u);
    archive_read_free(u->archive);
    if (u->parent_fd >= 0)
        close(u->parent_fd);
    if (u->root >= 0)
        close(u->root);
    buf_fini(&u->links);
    uselocale(old);
    if (utf8)
        freelocale(utf8);
    if (rc < 0)
        (void)!remove_tree(parent, base, ".", NULL);
    return rc;
}

/* Make the folder dest and open the one it stands in; *base is its name. */
static int make_dest(const char *dest, const char **base, struct err *err)
{
    const char *slash = strrchr(dest, '/');
    char *above = slash ? mem_strndup(dest, (size_t)(slash - dest) + 1) : NULL;
    if (slash && !above)
        return err_set(err, ENOMEM, "no memory to unpack a package");
    *base = slash ? slash + 1 : dest;
    int parent = open(above ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(above);
    if (parent < 0)
        return err_sys(err, errno, "cannot make the folder %s", dest);
    if (mkdirat(parent, *base, S_IRWXU) < 0) {
        err_sys(err, errno, "cannot make the folder %s", dest);
        close(parent);
        return -1;
    }
    return parent;
}

int package_unpack(const char *archive, const char *dest,
                   const struct package_limits *limits,
                   struct package_counts *counts, struct err *err)
{
    const char *base = "";
    struct unpacking *u = mem_calloc(1, sizeof(*u));
    if (!u)
        return err_set(err, ENOMEM, "no memory to unpack a package");
    int parent = -1, rc = -1;
    u->parent_fd = u->root = -1;
    u->stop = limits ? limits->stop : NULL;
    u->make.mode = S_IRWXU;
    buf_init(&u->links, LINK_NAMES_MAX_BYTES);
    u->source = packed_open(archive, u->stop, &u->err);
    if (!u->source) {
        if (u->err.code == EPROTO)
            err_context(&u->err, "refused");
    } else if (set_limits(u, limits) == 0 &&
               (parent = make_dest(dest, &base, &u->err)) >= 0) {
        rc = unpack_into(u, parent, base);
    }
    u->counts.bytes = u->bytes;
    u->counts.folders = u->make.made;
    if (rc == 0 && counts)
        *counts = u->counts;
    if (rc < 0 && err)
        *err = u->err;
    if (parent >= 0)
        close(parent);
    packed_close(u->source);
    mem_free(u);
    return rc;
}
