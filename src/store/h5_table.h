/* A table: one chunked compound dataset, appended to row by row. */
#ifndef MPIBATCH_STORE_H5_TABLE_H
#define MPIBATCH_STORE_H5_TABLE_H

#include <string.h>

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

/* Put a value into the cell of a row. Text is cut to the column's size. */
static inline void row_i32(unsigned char *row, const struct hdf_column *c,
                           int32_t v)
{
    memcpy(row + c->offset, &v, sizeof(v));
}

static inline void row_i64(unsigned char *row, const struct hdf_column *c,
                           int64_t v)
{
    memcpy(row + c->offset, &v, sizeof(v));
}

static inline void row_f64(unsigned char *row, const struct hdf_column *c,
                           double v)
{
    memcpy(row + c->offset, &v, sizeof(v));
}

static inline void row_text(unsigned char *row, const struct hdf_column *c,
                            const char *s)
{
    memcpy(row + c->offset, s, strnlen(s, c->size));
}

/* The size of a column whose longest text has so many bytes: never 0. */
static inline size_t row_text_size(size_t longest)
{
    return longest > 0 ? longest : 1;
}

/* Write what is left. The table is then only to be destroyed. */
int hdf_table_finish(struct hdf_table *t, struct err *err);
void hdf_table_destroy(struct hdf_table *t);

#endif
