/* What h5_*.c share. */
#ifndef MPIBATCH_STORE_H5_INTERNAL_H
#define MPIBATCH_STORE_H5_INTERNAL_H

#include <hdf5.h>

#include "store/h5_file.h"

struct hdf_file {
    hid_t id;
    int fd; /* the same file, to reserve room in */
    uint64_t reserved_bytes;
    char *path;
};

/* Make sure that bytes more, and what comes with them, fit on the disk: HDF5
 * does not survive it when they do not. Before anything is written. -1 with
 * err ENOSPC or the like. */
int hdf_reserve(struct hdf_file *f, uint64_t bytes, struct err *err);

/* The type of a cell, in memory and file; to be closed. <0: failed. */
hid_t hdf_type(enum cell_kind kind, size_t size);

/* The type of UTF-8 strings of any length; to be closed. */
hid_t hdf_string_type(void);

/* Set err to what could not be done and HDF5's innermost reason. -1. */
int hdf_fail(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Write values, of a type in memory, to a block of a dataset: count of them
 * from start on in each dimension; path is its name. -1 with err. */
int hdf_block_write(hid_t dataset, hid_t type, int rank, const hsize_t *start,
                    const hsize_t *count, const void *values, const char *path,
                    struct err *err);

/* The creation properties of a chunked dataset of that type: shuffle, deflate;
 * none of strings of any length, of which it would pack nothing but references
 * and which netCDF does not copy then. <0. */
hid_t hdf_chunked(int rank, const hsize_t *chunk, hid_t type);

#endif
