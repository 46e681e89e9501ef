/* A table: see h5_table.h. Rows gather in memory until they fill a chunk, so
 * that each chunk is compressed and written once. */
#include "config.h"
#include "store/h5_table.h"

#include <errno.h>
#include <string.h>

#include <hdf5.h>

#include "base/mem.h"
#include "store/h5_internal.h"

enum { CHUNK_ROWS = 4096, CHUNK_BYTES = 1 << 20 };

struct hdf_table {
    struct hdf_file *file;
    hid_t dataset, type;
    char *path;
    size_t row_bytes, chunk_rows;
    hsize_t written;
    size_t count; /* rows in buffer */
    unsigned char *buffer;
};

static hid_t row_type(struct hdf_column *columns, size_t count,
                      size_t *row_bytes)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        columns[i].offset = bytes;
        bytes += cell_bytes(columns[i].kind, columns[i].size);
    }
    *row_bytes = bytes;
    hid_t type = H5Tcreate(H5T_COMPOUND, bytes);
    for (size_t i = 0; type >= 0 && i < count; i++) {
        hid_t cell = hdf_type(columns[i].kind, columns[i].size);
        herr_t rc = H5Tinsert(type, columns[i].name, columns[i].offset, cell);
        H5Tclose(cell);
        if (rc < 0) {
            H5Tclose(type);
            return -1;
        }
    }
    return type;
}

static hid_t create_dataset(struct hdf_file *f, const char *path, hid_t type,
                            size_t chunk_rows)
{
    hsize_t none = 0, any = H5S_UNLIMITED, chunk = chunk_rows;
    hid_t space = H5Screate_simple(1, &none, &any);
    hid_t dcpl = hdf_chunked(1, &chunk, type);
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    hid_t d = H5Dcreate2(f->id, path, type, space, lcpl, dcpl, H5P_DEFAULT);
    H5Pclose(lcpl);
    H5Pclose(dcpl);
    H5Sclose(space);
    return d;
}

struct hdf_table *hdf_table_create(struct hdf_file *f, const char *path,
                                   struct hdf_column *columns, size_t count,
                                   size_t *row_bytes, struct err *err)
{
    struct hdf_table *t = mem_calloc(1, sizeof(*t));
    if (!t)
        goto nomem;
    t->file = f;
    t->dataset = t->type = -1;
    t->path = mem_strdup(path);
    if (!t->path)
        goto nomem;
    t->type = row_type(columns, count, row_bytes);
    if (t->type < 0) {
        hdf_fail(err, "cannot make the columns of %s", path);
        goto fail;
    }
    if (hdf_reserve(f, 0, err) < 0)
        goto fail;
    t->row_bytes = *row_bytes;
    t->chunk_rows = CHUNK_BYTES / t->row_bytes;
    if (t->chunk_rows > CHUNK_ROWS)
        t->chunk_rows = CHUNK_ROWS;
    if (t->chunk_rows == 0)
        t->chunk_rows = 1;
    t->buffer = mem_alloc(t->chunk_rows * t->row_bytes);
    if (!t->buffer)
        goto nomem;
    t->dataset = create_dataset(f, path, t->type, t->chunk_rows);
    if (t->dataset >= 0)
        return t;
    hdf_fail(err, "cannot make the table %s", path);
    goto fail;
nomem:
    err_set(err, ENOMEM, "no memory for the table %s", path);
fail:
    hdf_table_destroy(t);
    return NULL;
}

static int flush_rows(struct hdf_table *t, struct err *err)
{
    hsize_t at = t->written, n = t->count, size = at + n;
    if (n == 0)
        return 0;
    if (hdf_reserve(t->file, n * t->row_bytes, err) < 0)
        return -1;
    int rc = H5Dset_extent(t->dataset, &size) < 0
                 ? hdf_fail(err, "cannot write %s", t->path)
                 : hdf_block_write(t->dataset, t->type, 1, &at, &n, t->buffer,
                                   t->path, err);
    t->written = size;
    t->count = 0;
    return rc;
}

unsigned char *hdf_table_row(struct hdf_table *t, struct err *err)
{
    if (t->count == t->chunk_rows && flush_rows(t, err) < 0)
        return NULL;
    unsigned char *row = t->buffer + t->count++ * t->row_bytes;
    memset(row, 0, t->row_bytes);
    return row;
}

int hdf_table_finish(struct hdf_table *t, struct err *err)
{
    return flush_rows(t, err);
}

void hdf_table_destroy(struct hdf_table *t)
{
    if (!t)
        return;
    if (t->dataset >= 0)
        H5Dclose(t->dataset);
    if (t->type >= 0)
        H5Tclose(t->type);
    mem_free(t->buffer);
    mem_free(t->path);
    mem_free(t);
}
