/* The outputs of a stream in one dataset of bytes, of a size known before. */
#ifndef MPIBATCH_STORE_H5_OUTPUT_H
#define MPIBATCH_STORE_H5_OUTPUT_H

#include "store/h5_file.h"

struct hdf_bytes;

/* Make a dataset of size bytes at path. NULL with err. */
struct hdf_bytes *hdf_bytes_create(struct hdf_file *f, const char *path,
                                   uint64_t size, struct err *err);
/* Write len bytes behind those written before; all together at most size. */
int hdf_bytes_put(struct hdf_bytes *b, const void *data, size_t len,
                  struct err *err);
void hdf_bytes_destroy(struct hdf_bytes *b);

#endif
