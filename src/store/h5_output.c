/* A dataset of bytes: see h5_output.h. Contiguous and not compressed: it is
 * written as fast as a file is copied. */
#include "config.h"
#include "store/h5_output.h"

#include <errno.h>

#include <hdf5.h>

#include "base/mem.h"
#include "store/h5_internal.h"

struct hdf_bytes {
    hid_t dataset, space;
    hsize_t size, written;
    char *path;
};

struct hdf_bytes *hdf_bytes_create(struct hdf_file *f, const char *path,
                                   uint64_t size, struct err *err)
{
    hsize_t dim = size;
    struct hdf_bytes *b = mem_calloc(1, sizeof(*b));
    if (!b)
        goto nomem;
    b->dataset = -1;
    b->size = size;
    b->space = H5Screate_simple(1, &dim, NULL);
    b->path = mem_strdup(path);
    if (!b->path)
        goto nomem;
    if (hdf_reserve(f, size, err) < 0)
        goto fail;
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
    b->dataset = H5Dcreate2(f->id, path, H5T_STD_U8LE, b->space, lcpl, dcpl,
                            H5P_DEFAULT);
    H5Pclose(dcpl);
    H5Pclose(lcpl);
    if (b->dataset >= 0)
        return b;
    hdf_fail(err, "cannot make %s", path);
    goto fail;
nomem:
    err_set(err, ENOMEM, "no memory for %s", path);
fail:
    hdf_bytes_destroy(b);
    return NULL;
}

int hdf_bytes_put(struct hdf_bytes *b, const void *data, size_t len,
                  struct err *err)
{
    hsize_t n = len;
    if (n == 0)
        return 0;
    if (n > b->size - b->written)
        return err_set(err, EINVAL, "%s: more bytes than announced", b->path);
    hid_t memory = H5Screate_simple(1, &n, NULL);
    int rc = 0;
    if (H5Sselect_hyperslab(b->space, H5S_SELECT_SET, &b->written, NULL, &n,
                            NULL) < 0 ||
        H5Dwrite(b->dataset, H5T_NATIVE_UCHAR, memory, b->space, H5P_DEFAULT,
                 data) < 0)
        rc = hdf_fail(err, "cannot write %s", b->path);
    H5Sclose(memory);
    b->written += n;
    return rc;
}

void hdf_bytes_destroy(struct hdf_bytes *b)
{
    if (!b)
        return;
    if (b->dataset >= 0)
        H5Dclose(b->dataset);
    if (b->space >= 0)
        H5Sclose(b->space);
    mem_free(b->path);
    mem_free(b);
}
