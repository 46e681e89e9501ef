/* Cubes: see h5_cube.h. */
#include "config.h"
#include "store/h5_cube.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/h5_internal.h"

/* ---- Shapes ---- */

void cube_shape_init(struct cube_shape *s, const uint64_t *dims, int rank,
                     uint64_t target)
{
    *s = (struct cube_shape){.rank = rank, .inner = 1, .cells = 1};
    for (int i = 0; i < rank; i++) {
        s->dims[i] = dims[i];
        s->chunk[i] = 1;
        s->cells *= dims[i];
    }
    s->split = rank - 1;
    for (; s->split > 0 && s->inner * dims[s->split] <= target; s->split--) {
        s->chunk[s->split] = dims[s->split];
        s->inner *= dims[s->split];
    }
    /* the split dim in parts of equal size, but for the last */
    uint64_t dim = dims[s->split], most = target / s->inner;
    if (most == 0)
        most = 1;
    uint64_t parts = (dim + most - 1) / most;
    uint64_t part = (dim + parts - 1) / parts;
    s->chunk[s->split] = part;
    s->chunk_cells = part * s->inner;
    s->chunks = s->cells / (dim * s->inner) * ((dim + part - 1) / part);
}

uint64_t cube_chunk_of(const struct cube_shape *s, uint64_t cell)
{
    uint64_t dim = s->dims[s->split], part = s->chunk[s->split];
    uint64_t along = cell / s->inner;
    return along / dim * ((dim + part - 1) / part) + along % dim / part;
}

uint64_t cube_chunk_start(const struct cube_shape *s, uint64_t chunk,
                          uint64_t *count)
{
    uint64_t dim = s->dims[s->split], part = s->chunk[s->split];
    uint64_t parts = (dim + part - 1) / part;
    uint64_t first = chunk % parts * part;
    *count = (dim - first < part ? dim - first : part) * s->inner;
    return (chunk / parts * dim + first) * s->inner;
}

/* ---- Variables of one dimension ---- */

/* Bytes that texts take in a file, about. */
static uint64_t text_bytes(const char *const *texts, uint64_t count)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += texts[i] ? strlen(texts[i]) + 64 : 16; /* with its heap's */
    return bytes;
}

static int attach(struct hdf_file *f, hid_t d, const char *scale, int dim)
{
    hid_t s = H5Dopen2(f->id, scale, H5P_DEFAULT);
    herr_t rc = s < 0 ? -1 : H5DSattach_scale(d, s, (unsigned)dim);
    if (s >= 0)
        H5Dclose(s);
    return rc < 0 ? -1 : 0;
}

struct hdf_line {
    struct hdf_file *file;
    hid_t dataset, type;
    bool strings;
    char *path;
};

/* Make a dataset in space as dcpl says, and close these two; <0: failed. */
static hid_t create_in(struct hdf_file *f, const char *path, hid_t type,
                       hid_t space, hid_t dcpl, const void *fill)
{
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE), d = -1;
    hid_t dapl = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_char_encoding(lcpl, H5T_CSET_UTF8);
    H5Pset_chunk_cache(dapl, 1, 0, 1.0); /* each chunk is written once */
    if (dcpl >= 0 && (!fill || H5Pset_fill_value(dcpl, type, fill) >= 0))
        d = H5Dcreate2(f->id, path, type, space, lcpl, dcpl, dapl);
    H5Pclose(dapl);
    H5Pclose(lcpl);
    H5Pclose(dcpl);
    H5Sclose(space);
    return d;
}

/* Make a dataset of one dimension; <0: failed. */
static hid_t create_line(struct hdf_file *f, const char *path, hid_t type,
                         uint64_t count, const void *fill)
{
    hsize_t dim = count, chunk = LINE_CHUNK;
    hid_t space = H5Screate_simple(1, &dim, NULL);
    hid_t dcpl = count > LINE_CHUNK ? hdf_chunked(1, &chunk, type)
                                    : H5Pcreate(H5P_DATASET_CREATE);
    return create_in(f, path, type, space, dcpl, fill);
}

struct hdf_line *hdf_line_create(struct hdf_file *f, const char *path,
                                 enum cell_kind kind, uint64_t count,
                                 const void *fill, const char *over,
                                 struct err *err)
{
    struct hdf_line *l = mem_calloc(1, sizeof(*l));
    if (!l)
        goto nomem;
    l->file = f;
    l->dataset = l->type = -1;
    l->strings = kind == CELL_STRING;
    l->path = mem_strdup(path);
    if (!l->path)
        goto nomem;
    if (hdf_reserve(f, count > LINE_CHUNK ? 0 : 16 * count, err) < 0)
        goto fail;
    l->type = l->strings ? hdf_string_type() : hdf_type(kind, 0);
    l->dataset = create_line(f, path, l->type, count, fill);
    if (l->dataset >= 0 &&
        (over ? attach(f, l->dataset, over, 0)
              : (int)H5DSset_scale(l->dataset, path_base(path))) >= 0)
        return l;
    hdf_fail(err, "cannot make %s", path);
    goto fail;
nomem:
    err_set(err, ENOMEM, "no memory for %s", path);
fail:
    hdf_line_destroy(l);
    return NULL;
}

int hdf_line_write(struct hdf_line *l, uint64_t at, uint64_t n,
                   const void *values, struct err *err)
{
    hsize_t start = at, count = n;
    uint64_t bytes = l->strings ? text_bytes(values, n) : 8 * n;
    if (hdf_reserve(l->file, bytes, err) < 0)
        return -1;
    return hdf_block_write(l->dataset, l->type, 1, &start, &count, values,
                           l->path, err);
}

void hdf_line_destroy(struct hdf_line *l)
{
    if (!l)
        return;
    if (l->dataset >= 0)
        H5Dclose(l->dataset);
    if (l->type >= 0)
        H5Tclose(l->type);
    mem_free(l->path);
    mem_free(l);
}

int hdf_dimension(struct hdf_file *f, const char *path, uint64_t count,
                  struct err *err)
{
    /* the words by which netCDF knows that it is nothing but a dimension */
    char name[80];
    snprintf(name, sizeof(name),
             "This is a netCDF dimension but not a netCDF variable. %10llu",
             (unsigned long long)count);
    if (hdf_reserve(f, 0, err) < 0)
        return -1;
    hid_t type = H5Tcopy(H5T_IEEE_F32BE);
    hid_t d = create_line(f, path, type, count, NULL);
    int rc = d < 0 || H5DSset_scale(d, name) < 0
                 ? hdf_fail(err, "cannot make %s", path)
                 : 0;
    if (d >= 0)
        H5Dclose(d);
    H5Tclose(type);
    return rc;
}

/* ---- Cubes ---- */

struct hdf_cube {
    struct hdf_file *file;
    hid_t dataset, type;
    struct cube_shape shape;
    struct cube_inner inner;
    size_t size;        /* bytes of a cell in memory */
    const char **texts; /* strings: of a chunk */
    char *path;
};

static hid_t create_dataset(struct hdf_file *f, const char *path,
                            const struct cube_shape *s,
                            const struct cube_inner *inner, hid_t type,
                            const void *fill)
{
    hsize_t dims[CUBE_MAX_RANK], chunk[CUBE_MAX_RANK];
    int rank = s->rank + inner->rank;
    for (int i = 0; i < s->rank; i++) {
        dims[i] = s->dims[i];
        chunk[i] = s->chunk[i];
    }
    for (int i = 0; i < inner->rank; i++)
        dims[s->rank + i] = chunk[s->rank + i] = inner->dims[i];
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t dcpl = hdf_chunked(rank, chunk, type);
    return create_in(f, path, type, space, dcpl, fill);
}

struct hdf_cube *hdf_cube_create(struct hdf_file *f, const char *path,
                                 const struct cube_shape *shape,
                                 const struct cube_inner *inner,
                                 enum cell_kind kind, size_t size,
                                 const void *fill, bool fill_is_missing,
                                 const char *const *scales, struct err *err)
{
    struct hdf_cube *c = mem_calloc(1, sizeof(*c));
    if (!c)
        goto nomem;
    c->file = f;
    c->dataset = c->type = -1;
    c->shape = *shape;
    c->path = mem_strdup(path);
    c->inner = *inner;
    c->size = cell_bytes(kind, size);
    for (int i = 0; i < inner->rank; i++)
        c->size *= inner->dims[i];
    if (kind == CELL_STRING)
        c->texts = mem_calloc(shape->chunk_cells, sizeof(c->texts[0]));
    if (!c->path || (kind == CELL_STRING && !c->texts))
        goto nomem;
    if (hdf_reserve(f, 0, err) < 0)
        goto fail;
    c->type = kind == CELL_STRING ? hdf_string_type() : hdf_type(kind, 0);
    c->dataset = create_dataset(f, path, shape, inner, c->type,
                                kind == CELL_STRING ? NULL : fill);
    bool ok = c->dataset >= 0;
    for (int i = 0; ok && i < shape->rank + inner->rank; i++)
        ok = attach(f, c->dataset, scales[i], i) == 0;
    if (!ok) {
        hdf_fail(err, "cannot make %s", path);
        goto fail;
    }
    if (fill_is_missing &&
        hdf_attr_values(f, path, "_FillValue", kind, fill, 1, err) < 0)
        goto fail;
    return c;
nomem:
    err_set(err, ENOMEM, "no memory for %s", path);
fail:
    hdf_cube_destroy(c);
    return NULL;
}

int hdf_cube_write(struct hdf_cube *c, uint64_t chunk, const void *cells,
                   struct err *err)
{
    const struct cube_shape *s = &c->shape;
    hsize_t start[CUBE_MAX_RANK], count[CUBE_MAX_RANK];
    uint64_t cells_here, at = cube_chunk_start(s, chunk, &cells_here);
    for (int i = s->rank; i-- > 0;) {
        start[i] = at % s->dims[i];
        at /= s->dims[i];
        uint64_t left = s->dims[i] - start[i];
        count[i] = s->chunk[i] < left ? s->chunk[i] : left;
    }
    for (int i = 0; i < c->inner.rank; i++) {
        start[s->rank + i] = 0;
        count[s->rank + i] = c->inner.dims[i];
    }
    uint64_t bytes = s->chunk_cells * c->size;
    if (c->texts) {
        for (uint64_t i = 0; i < cells_here; i++) {
            const char *text = (const char *)cells + i * c->size;
            c->texts[i] = text; /* "", not NULL: rhdf5 would crash */
        }
        cells = c->texts;
        bytes = text_bytes(c->texts, cells_here);
    }
    if (hdf_reserve(c->file, bytes, err) < 0)
        return -1;
    return hdf_block_write(c->dataset, c->type, s->rank + c->inner.rank, start,
                           count, cells, c->path, err);
}

void hdf_cube_destroy(struct hdf_cube *c)
{
    if (!c)
        return;
    if (c->dataset >= 0)
        H5Dclose(c->dataset);
    if (c->type >= 0)
        H5Tclose(c->type);
    mem_free(c->texts);
    mem_free(c->path);
    mem_free(c);
}
