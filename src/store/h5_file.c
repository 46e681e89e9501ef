/* An HDF5 file that is being written: see h5_file.h.
 *
 * Default bounds of the library's version, so that old readers read it; no
 * file locks, which fail on some shared file systems and which nobody needs
 * for a file that only gets its name when it is whole. When a write of its own
 * fails, HDF5 cannot close the file any more and crashes at exit, so room is
 * reserved before each.
 */
#include "config.h"
#include "store/h5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <hdf5.h>

#include "base/mem.h"
#include "store/h5_internal.h"

enum {
    ATTR_MAX_BYTES = 32000,
    DEFLATE_LEVEL = 1,
    SLACK_BYTES = 256 << 10, /* for what HDF5 adds by itself */
    STEP_BYTES = 16 << 20    /* reserved at a time where there is room */
};

/* ---- Errors and types ---- */

static herr_t first_reason(unsigned n, const H5E_error2_t *e, void *arg)
{
    if (n == 0)
        *(const char **)arg = e->desc;
    return 0;
}

int hdf_fail(struct err *err, const char *fmt, ...)
{
    char what[512];
    const char *why = "unknown error";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, &why);
    return err_set(err, EIO, "%s: HDF5: %s", what, why ? why : "");
}

size_t cell_bytes(enum cell_kind kind, size_t size)
{
    switch (kind) {
    case CELL_INT8:
        return 1;
    case CELL_INT32:
        return 4;
    case CELL_STRING:
        return size;
    case CELL_INT64:
    case CELL_UINT64:
    case CELL_FLOAT64:
        break;
    }
    return 8;
}

hid_t hdf_type(enum cell_kind kind, size_t size)
{
    hid_t type = -1;
    switch (kind) {
    case CELL_INT8:
        return H5Tcopy(H5T_NATIVE_INT8);
    case CELL_INT32:
        return H5Tcopy(H5T_NATIVE_INT32);
    case CELL_INT64:
        return H5Tcopy(H5T_NATIVE_INT64);
    case CELL_UINT64:
        return H5Tcopy(H5T_NATIVE_UINT64);
    case CELL_FLOAT64:
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case CELL_STRING:
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, size);
        H5Tset_strpad(type, H5T_STR_NULLPAD);
        H5Tset_cset(type, H5T_CSET_UTF8);
        break;
    }
    return type;
}

hid_t hdf_string_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

hid_t hdf_chunked(int rank, const hsize_t *chunk, hid_t type)
{
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    bool packed = H5Tis_variable_str(type) <= 0;
    if (p >= 0 && (H5Pset_chunk(p, rank, chunk) < 0 ||
                   (packed && (H5Pset_shuffle(p) < 0 ||
                               H5Pset_deflate(p, DEFLATE_LEVEL) < 0)) ||
                   H5Pset_fill_time(p, H5D_FILL_TIME_IFSET) < 0)) {
        H5Pclose(p);
        return -1;
    }
    return p;
}

/* ---- The file ---- */

/* Access properties: no locks; what is left open closes with the file. */
static hid_t access_properties(void)
{
    hid_t p = H5Pcreate(H5P_FILE_ACCESS);
    if (p < 0)
        return p;
    H5Pset_fclose_degree(p, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(p, false, true);
#endif
    return p;
}

void hdf_version(char text[32])
{
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, 32, "%u.%u.%u", major, minor, release);
}

struct hdf_file *hdf_file_create(const char *path, struct err *err)
{
    struct hdf_file *f = mem_calloc(1, sizeof(*f));
    if (!f)
        goto nomem;
    f->id = f->fd = -1;
    f->path = mem_strdup(path);
    if (!f->path)
        goto nomem;
    f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        err_sys(err, errno, "cannot make %s", path);
        goto fail;
    }
    H5dont_atexit(); /* all is closed before */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (hdf_reserve(f, 0, err) < 0)
        goto fail;
    hid_t fapl = access_properties(), fcpl = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_link_creation_order(fcpl,
                               H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    f->id = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
    H5Pclose(fcpl);
    H5Pclose(fapl);
    if (f->id < 0) {
        hdf_fail(err, "cannot make %s", path);
        goto fail;
    }
    f->reserved_bytes = 0; /* it truncated the file */
    if (hdf_reserve(f, 0, err) < 0)
        goto fail;
    return f;
nomem:
    err_set(err, ENOMEM, "no memory to make %s", path);
fail:
    hdf_file_destroy(f);
    return NULL;
}

/* Have the file system keep len bytes at offset for the file. 0 or an errno. */
static int keep_room(const struct hdf_file *f, uint64_t offset, uint64_t len)
{
    struct statvfs fs;
    if (fallocate(f->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        return errno;
    /* it cannot: at least there is room at present */
    if (fstatvfs(f->fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < len)
        return ENOSPC;
    return 0;
}

int hdf_reserve(struct hdf_file *f, uint64_t bytes, struct err *err)
{
    hsize_t size = 0;
    if (f->id >= 0 && H5Fget_filesize(f->id, &size) < 0)
        return hdf_fail(err, "cannot write %s", f->path);
    uint64_t need = size + bytes + bytes / 8 + SLACK_BYTES;
    if (need <= f->reserved_bytes)
        return 0;
    uint64_t len = need - f->reserved_bytes;
    uint64_t step = f->reserved_bytes < STEP_BYTES ? f->reserved_bytes
                                                   : (uint64_t)STEP_BYTES;
    uint64_t more = len < step ? step : len;
    int error = keep_room(f, f->reserved_bytes, more);
    if (error != 0 && more > len) {
        more = len;
        error = keep_room(f, f->reserved_bytes, more);
    }
    if (error != 0)
        return err_sys(err, error, "cannot write %s", f->path);
    f->reserved_bytes += more;
    return 0;
}

int hdf_file_finish(struct hdf_file *f, struct err *err)
{
    if (H5Fflush(f->id, H5F_SCOPE_GLOBAL) < 0)
        return hdf_fail(err, "cannot write %s", f->path);
    hid_t id = f->id;
    f->id = -1;
    if (H5Fclose(id) < 0)
        return hdf_fail(err, "cannot close %s", f->path);
    /* give back what was reserved behind its end */
    struct stat st;
    if (fstat(f->fd, &st) < 0 || ftruncate(f->fd, st.st_size) < 0 ||
        fsync(f->fd) < 0)
        return err_sys(err, errno, "cannot write %s", f->path);
    return 0;
}

void hdf_file_destroy(struct hdf_file *f)
{
    if (!f)
        return;
    if (f->id >= 0)
        H5Fclose(f->id);
    if (f->fd >= 0)
        close(f->fd);
    mem_free(f->path);
    mem_free(f);
}

/* The memory has the shape of the block: HDF5 goes cell by cell between shapes
 * that differ. */
int hdf_block_write(hid_t dataset, hid_t type, int rank, const hsize_t *start,
                    const hsize_t *count, const void *values, const char *path,
                    struct err *err)
{
    int rc = -1;
    hid_t memory = H5Screate_simple(rank, count, NULL);
    hid_t space = H5Dget_space(dataset);
    if (memory >= 0 && space >= 0 &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >=
            0 &&
        H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, values) >= 0)
        rc = 0;
    if (rc < 0)
        hdf_fail(err, "cannot write %s", path);
    if (space >= 0)
        H5Sclose(space);
    if (memory >= 0)
        H5Sclose(memory);
    return rc;
}

/* ---- Groups and links ---- */

/* Properties of links: groups above are made; names are UTF-8. */
static hid_t link_properties(void)
{
    hid_t p = H5Pcreate(H5P_LINK_CREATE);
    if (p >= 0) {
        H5Pset_create_intermediate_group(p, 1);
        H5Pset_char_encoding(p, H5T_CSET_UTF8);
    }
    return p;
}

int hdf_group(struct hdf_file *f, const char *path, struct err *err)
{
    if (hdf_reserve(f, 0, err) < 0)
        return -1;
    hid_t lcpl = link_properties(), gcpl = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_link_creation_order(gcpl,
                               H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    hid_t g = H5Gcreate2(f->id, path, lcpl, gcpl, H5P_DEFAULT);
    int rc = g < 0 ? hdf_fail(err, "cannot make the group %s", path) : 0;
    if (g >= 0)
        H5Gclose(g);
    H5Pclose(gcpl);
    H5Pclose(lcpl);
    return rc;
}

int hdf_link(struct hdf_file *f, const char *from, const char *to,
             struct err *err)
{
    if (hdf_reserve(f, 0, err) < 0)
        return -1;
    hid_t lcpl = link_properties();
    herr_t rc = H5Lcreate_hard(f->id, from, f->id, to, lcpl, H5P_DEFAULT);
    int out = rc < 0 ? hdf_fail(err, "cannot link %s to %s", to, from) : 0;
    H5Pclose(lcpl);
    return out;
}

/* ---- Attributes and texts ---- */

static int put_attr(struct hdf_file *f, const char *object, const char *name,
                    hid_t type, hid_t space, const void *data, struct err *err)
{
    hid_t a = -1;
    if (hdf_reserve(f, ATTR_MAX_BYTES, err) < 0) {
        H5Sclose(space);
        H5Tclose(type);
        return -1;
    }
    if (type >= 0 && space >= 0)
        a = H5Acreate_by_name(f->id, object, name, type, space, H5P_DEFAULT,
                              H5P_DEFAULT, H5P_DEFAULT);
    int rc =
        a < 0 || H5Awrite(a, type, data) < 0
            ? hdf_fail(err, "cannot write attribute %s of %s", name, object)
            : 0;
    if (a >= 0)
        H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
    return rc;
}

int hdf_attr_text(struct hdf_file *f, const char *object, const char *name,
                  const char *text, struct err *err)
{
    size_t len = strlen(text);
    if (len > ATTR_MAX_BYTES) /* not within a character */
        for (len = ATTR_MAX_BYTES; len > 0 && (text[len] & 0xc0) == 0x80;)
            len--;
    char *copy = mem_strndup(text, len);
    if (!copy)
        return err_set(err, ENOMEM, "no memory for attribute %s", name);
    const char *value = copy;
    int rc = put_attr(f, object, name, hdf_string_type(), H5Screate(H5S_SCALAR),
                      &value, err);
    mem_free(copy);
    return rc;
}

int hdf_attr_values(struct hdf_file *f, const char *object, const char *name,
                    enum cell_kind kind, const void *values, size_t count,
                    struct err *err)
{
    hsize_t dim = count;
    hid_t space =
        count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    return put_attr(f, object, name, hdf_type(kind, 0), space, values, err);
}

int hdf_attr_int(struct hdf_file *f, const char *object, const char *name,
                 int64_t value, struct err *err)
{
    return hdf_attr_values(f, object, name, CELL_INT64, &value, 0, err);
}

bool hdf_attr_read_int(const char *path, const char *object, const char *name,
                       int64_t *value)
{
    bool ok = false;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t access = access_properties();
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file >= 0) {
        hid_t a = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
        ok = a >= 0 && H5Aread(a, H5T_NATIVE_INT64, value) >= 0;
        H5Fclose(file); /* and what is open in it */
    }
    H5Pclose(access);
    return ok;
}

int hdf_text(struct hdf_file *f, const char *path, const char *text, size_t len,
             struct err *err)
{
    if (hdf_reserve(f, len, err) < 0)
        return -1;
    hid_t type = hdf_type(CELL_STRING, len > 0 ? len : 1);
    hid_t space = H5Screate(H5S_SCALAR), lcpl = link_properties();
    hid_t d =
        H5Dcreate2(f->id, path, type, space, lcpl, H5P_DEFAULT, H5P_DEFAULT);
    int rc = d < 0 || H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                               len > 0 ? text : "") < 0
                 ? hdf_fail(err, "cannot write %s", path)
                 : 0;
    if (d >= 0)
        H5Dclose(d);
    H5Pclose(lcpl);
    H5Sclose(space);
    H5Tclose(type);
    return rc;
}
