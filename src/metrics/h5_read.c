/* Metrics from HDF5 files: see h5_read.h.
 *
 * The file is opened through /proc/self/fd, so that it is the one that was
 * found to be a regular file. Sizes are checked before anything is read: of
 * the dataset, and of the chunks that would have to be unpacked for it.
 */
#include "config.h"
#include "metrics/h5_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <hdf5.h>

#include "base/mem.h"
#include "metrics/dims.h"

enum { CHUNK_MAX_BYTES = 256 << 20, TEXT_MAX_BYTES = 1 << 20 };

struct dataset {
    hid_t id, type, space;
    uint64_t dims[DIMS_MAX_RANK], count;
    uint32_t rank;
};

bool h5_is_threadsafe(void)
{
    hbool_t safe = 0;
    return H5is_library_threadsafe(&safe) >= 0 && safe;
}

static hid_t file_open(int fd)
{
    char path[64];
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, 0, 1);
#endif
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

/* Could reading it take us elsewhere, or far more memory than it has? */
static bool storage_is_plain(const struct dataset *d)
{
    hsize_t chunk[DIMS_MAX_RANK];
    uint64_t bytes = H5Tget_size(d->type);
    bool plain = true;
    hid_t dcpl = H5Dget_create_plist(d->id);
    if (dcpl < 0)
        return false;
    if (bytes == 0 || H5Pget_external_count(dcpl) > 0 ||
        H5Pget_layout(dcpl) == H5D_VIRTUAL)
        plain = false;
    if (plain && H5Pget_layout(dcpl) == H5D_CHUNKED) {
        int rank = H5Pget_chunk(dcpl, DIMS_MAX_RANK, chunk);
        plain = plain && rank >= 0 && rank <= DIMS_MAX_RANK;
        for (int i = 0; plain && i < rank; i++) {
            plain = chunk[i] <= CHUNK_MAX_BYTES / bytes;
            bytes *= chunk[i] > 0 ? chunk[i] : 1;
        }
    }
    H5Pclose(dcpl);
    return plain;
}

static bool dims_get(struct dataset *d)
{
    hsize_t dims[DIMS_MAX_RANK];
    int rank = H5Sget_simple_extent_ndims(d->space);
    if (rank < 0 || rank > DIMS_MAX_RANK ||
        H5Sget_simple_extent_type(d->space) == H5S_NULL ||
        H5Sget_simple_extent_dims(d->space, dims, NULL) < 0)
        return false;
    d->rank = (uint32_t)rank;
    for (int i = 0; i < rank; i++)
        d->dims[i] = dims[i];
    return true;
}

/* ---- Numbers ---- */

static void *elements_read(const struct dataset *d, hid_t as, size_t size,
                           struct gather *g)
{
    void *room = mem_calloc(d->count, size);
    if (!room) {
        g->no_memory = g->done = true;
    } else if (H5Dread(d->id, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, room) < 0) {
        gather_malformed(g, "the dataset cannot be read");
        mem_free(room);
        room = NULL;
    }
    return room;
}

static void put_floats(const struct dataset *d, struct gather *g)
{
    double *v = elements_read(d, H5T_NATIVE_DOUBLE, sizeof(double), g);
    for (uint64_t i = 0; v && i < d->count && dims_next(g, i); i++)
        gather_number(g, v[i]);
    mem_free(v);
}

static void put_signed(const struct dataset *d, struct gather *g)
{
    int64_t *v = elements_read(d, H5T_NATIVE_INT64, sizeof(int64_t), g);
    for (uint64_t i = 0; v && i < d->count && dims_next(g, i); i++)
        gather_integer(g, v[i]);
    mem_free(v);
}

static void put_unsigned(const struct dataset *d, struct gather *g)
{
    uint64_t *v = elements_read(d, H5T_NATIVE_UINT64, sizeof(uint64_t), g);
    for (uint64_t i = 0; v && i < d->count && dims_next(g, i); i++)
        if (v[i] <= INT64_MAX)
            gather_integer(g, (int64_t)v[i]);
        else if (g->metric->type == METRIC_FLOAT64)
            gather_number(g, (double)v[i]);
        else
            gather_malformed(g, "%" PRIu64 " is no int64", v[i]);
    mem_free(v);
}

/* type: of integers. */
static void put_integers(const struct dataset *d, hid_t type, struct gather *g)
{
    if (H5Tget_sign(type) == H5T_SGN_NONE)
        put_unsigned(d, g);
    else
        put_signed(d, g);
}

/* Booleans of h5py are an enumeration of bytes: its numbers are taken. */
static void put_enum(const struct dataset *d, struct gather *g)
{
    hid_t base = H5Tget_super(d->type);
    if (base < 0)
        gather_malformed(g, "the dataset is of a type that is not read");
    else
        put_integers(d, base, g);
    if (base >= 0)
        H5Tclose(base);
}

/* ---- Texts ---- */

/* Texts of any length: HDF5 allocates them. */
static void put_long_texts(const struct dataset *d, hid_t as, struct gather *g)
{
    char **v = elements_read(d, as, sizeof(char *), g);
    for (uint64_t i = 0; v && i < d->count && dims_next(g, i); i++)
        gather_text(g, v[i] ? v[i] : "", v[i] ? strlen(v[i]) : 0);
    if (v)
        H5Dvlen_reclaim(as, d->space, H5P_DEFAULT, v);
    mem_free(v);
}

static void put_fixed_texts(const struct dataset *d, hid_t as, size_t size,
                            struct gather *g)
{
    if (size == 0 || size > TEXT_MAX_BYTES ||
        d->count > DIMS_MAX_ELEMENTS / size) {
        gather_malformed(g, "texts of %zu bytes are too large", size);
        return;
    }
    char *v = elements_read(d, as, size, g);
    for (uint64_t i = 0; v && i < d->count && dims_next(g, i); i++) {
        size_t len = strnlen(v + i * size, size);
        if (H5Tget_strpad(d->type) == H5T_STR_SPACEPAD)
            while (len > 0 && v[i * size + len - 1] == ' ')
                len--;
        gather_text(g, v + i * size, len);
    }
    mem_free(v);
}

static void put_texts(const struct dataset *d, struct gather *g)
{
    hid_t as = H5Tcopy(d->type);
    if (as < 0)
        gather_malformed(g, "the dataset cannot be read");
    else if (H5Tis_variable_str(d->type) > 0)
        put_long_texts(d, as, g);
    else
        put_fixed_texts(d, as, H5Tget_size(d->type), g);
    if (as >= 0)
        H5Tclose(as);
}

/* ---- The dataset ---- */

static void dataset_put(struct dataset *d, struct gather *g)
{
    if (!dims_get(d)) {
        gather_malformed(g, "the dataset has no value");
        return;
    }
    if (!dims_fit(g, d->dims, d->rank, &d->count))
        return;
    if (!storage_is_plain(d)) {
        gather_malformed(g,
                         "the dataset lies in another file, or in chunks of "
                         "over %d MiB",
                         CHUNK_MAX_BYTES >> 20);
        return;
    }
    switch (H5Tget_class(d->type)) {
    case H5T_INTEGER:
        put_integers(d, d->type, g);
        break;
    case H5T_FLOAT:
        put_floats(d, g);
        break;
    case H5T_ENUM:
        put_enum(d, g);
        break;
    case H5T_STRING:
        put_texts(d, g);
        break;
    default:
        gather_malformed(g, "the dataset is of a type that is not read");
        break;
    }
}

/* Is there such an object, each part of its path? */
static bool is_there(hid_t file, const char *path)
{
    char part[4100];
    size_t len = strlen(path);
    if (len + 1 > sizeof(part))
        return false;
    for (size_t i = 1; i <= len; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (H5Lexists(file, part, H5P_DEFAULT) <= 0)
            return false;
    }
    return true;
}

static void file_put(hid_t file, struct gather *g)
{
    const char *path = g->metric->pattern;
    struct dataset d = {.id = -1, .type = -1, .space = -1};
    if (!is_there(file, path)) {
        gather_missing(g, "it has no %.80s", path);
        return;
    }
    if (!gather_begin(g))
        return;
    d.id = H5Dopen2(file, path, H5P_DEFAULT);
    d.type = d.id < 0 ? -1 : H5Dget_type(d.id);
    d.space = d.id < 0 ? -1 : H5Dget_space(d.id);
    if (d.type < 0 || d.space < 0)
        gather_malformed(g, "%.80s is no dataset", path);
    else
        dataset_put(&d, g);
    if (d.space >= 0)
        H5Sclose(d.space);
    if (d.type >= 0)
        H5Tclose(d.type);
    if (d.id >= 0)
        H5Dclose(d.id);
}

void h5_scan(int fd, struct gather *g)
{
    H5E_auto2_t print;
    void *print_arg;
    H5Eget_auto2(H5E_DEFAULT, &print, &print_arg);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = file_open(fd);
    if (file >= 0) {
        file_put(file, g);
        H5Fclose(file);
    } else if (gather_begin(g)) {
        gather_malformed(g, "it is no HDF5 file, or is damaged");
    }
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, print, print_arg);
}
