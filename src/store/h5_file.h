/* An HDF5 file that is being written: groups, links, attributes, texts.
 *
 * h5_*.h are what results*.c sees of HDF5; hdf5.h stays within h5_*.c. Objects
 * are named by their absolute paths in the file. All functions but the first
 * use the file's own error text: -1 with err EIO, what HDF5 said in it.
 */
#ifndef MPIBATCH_STORE_H5_FILE_H
#define MPIBATCH_STORE_H5_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct hdf_file;

/* What a cell of a table or cube is. */
enum cell_kind {
    CELL_INT8,
    CELL_INT32,
    CELL_INT64,
    CELL_UINT64,
    CELL_FLOAT64,
    CELL_STRING /* of size bytes, padded with NUL */
};

/* Bytes of a cell; size is a string's. */
size_t cell_bytes(enum cell_kind kind, size_t size);

/* Make the file at path anew (mode 0600). NULL with err. */
struct hdf_file *hdf_file_create(const char *path, struct err *err);

/* The version of the HDF5 library: "1.10.8". */
void hdf_version(char text[32]);

/* Write all to disk and close; -1 with err. The file is then only to be
 * destroyed. */
int hdf_file_finish(struct hdf_file *f, struct err *err);
void hdf_file_destroy(struct hdf_file *f);

/* Make a group, and those above it. */
int hdf_group(struct hdf_file *f, const char *path, struct err *err);

/* Let `to` be another name of the object `from`. */
int hdf_link(struct hdf_file *f, const char *from, const char *to,
             struct err *err);

/* Attributes of an object. Text is cut to 32,000 bytes. */
int hdf_attr_text(struct hdf_file *f, const char *object, const char *name,
                  const char *text, struct err *err);
int hdf_attr_int(struct hdf_file *f, const char *object, const char *name,
                 int64_t value, struct err *err);
/* Read one back from a file at path. False: it has none, or is not whole. */
bool hdf_attr_read_int(const char *path, const char *object, const char *name,
                       int64_t *value);
/* Of kind, count of them in a row (0: a scalar). */
int hdf_attr_values(struct hdf_file *f, const char *object, const char *name,
                    enum cell_kind kind, const void *values, size_t count,
                    struct err *err);

/* A dataset that is one text of any length. */
int hdf_text(struct hdf_file *f, const char *path, const char *text, size_t len,
             struct err *err);

#endif
