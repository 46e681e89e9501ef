/* A table: one chunked compound dataset, appended to row by row. */
#ifndef MPIBATCH_STORE_H5_TABLE_H
#define MPIBATCH_STORE_H5_TABLE_H

#include "store/h5_file.h"

/* The most columns; some readers get slow far below it. */
enum { TABLE_MAX_COLUMNS = 512 };

struct hdf_column {
    const char *name;
    enum cell_kind kind;
    size_t size;   /* a string's bytes */
    size_t offset; /* in a row: set by hdf_table_create */
};

struct hdf_table;

/* Make the table at path; sets the columns' offsets. *row_bytes: of a row.
 * NULL with err. */
struct hdf_table *hdf_table_create(struct hdf_file *f, const char *path,
                                   struct hdf_column *columns, size_t count,
                                   size_t *row_bytes, struct err *err);

/* The next row, zeroed, to be filled in place until the next call; it counts.
 * NULL with err. */
unsigned char *hdf_table_row(struct hdf_table *t, struct err *err);

/* Write what is left. The table is then only to be destroyed. */
int hdf_table_finish(struct hdf_table *t, struct err *err);
void hdf_table_destroy(struct hdf_table *t);

#endif
