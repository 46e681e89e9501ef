/* Cubes: N-dimensional datasets over dimension scales, written chunk by
 * chunk. A chunk that is never written takes no room and reads as fill. */
#ifndef MPIBATCH_STORE_H5_CUBE_H
#define MPIBATCH_STORE_H5_CUBE_H

#include "store/h5_file.h"

enum { CUBE_MAX_RANK = 32, CUBE_MAX_INNER = 4 };

/* A cube's cells, numbered with the last axis fastest, in chunks that are
 * each one range of these numbers: (outer dims) x (ranges of one split dim)
 * x (whole inner dims). */
struct cube_shape {
    int rank;
    uint64_t dims[CUBE_MAX_RANK];
    uint64_t chunk[CUBE_MAX_RANK];
    uint64_t cells;       /* of the cube */
    uint64_t chunk_cells; /* of a whole chunk */
    uint64_t chunks;
    int split;      /* the dim that chunks divide */
    uint64_t inner; /* cells behind it */
};

/* The shape of a cube with the given dims (1 to CUBE_MAX_RANK of them, none
 * 0), with chunks of about, at most, target cells. */
void cube_shape_init(struct cube_shape *s, const uint64_t *dims, int rank,
                     uint64_t target);
/* The chunk of a cell. */
uint64_t cube_chunk_of(const struct cube_shape *s, uint64_t cell);
/* The first cell of a chunk, and how many it has. */
uint64_t cube_chunk_start(const struct cube_shape *s, uint64_t chunk,
                          uint64_t *count);

/* A variable of one dimension, written part by part: a dimension scale, or a
 * coordinate over one. What is never written reads as fill. */
struct hdf_line;

/* How many cells are to be written at once, from a multiple of it. */
enum { LINE_CHUNK = 16384 };

/* Make it at path: count cells of kind, strings (of any length) included. over:
 * the scale that it lies over, NULL: it is a scale itself. fill: NULL: zero.
 * NULL with err. */
struct hdf_line *hdf_line_create(struct hdf_file *f, const char *path,
                                 enum cell_kind kind, uint64_t count,
                                 const void *fill, const char *over,
                                 struct err *err);
/* Write n cells from number at on: numbers in a row, or an array of n
 * pointers to NUL-terminated UTF-8. */
int hdf_line_write(struct hdf_line *l, uint64_t at, uint64_t n,
                   const void *values, struct err *err);
void hdf_line_destroy(struct hdf_line *l);

/* A dimension of that length without values of its own. */
int hdf_dimension(struct hdf_file *f, const char *path, uint64_t count,
                  struct err *err);

struct hdf_cube;

/* What each cell of a cube holds: one value (rank 0), or an array. */
struct cube_inner {
    int rank;
    uint64_t dims[CUBE_MAX_INNER];
};

/* Make a cube over scales (their paths: one a dimension of the shape, then one
 * a dimension of inner). fill: what unwritten values read as; with
 * fill_is_missing it is the _FillValue. Strings are size
 * bytes each in memory, NUL-terminated, and of any length in the file (the
 * netCDF library crashes on strings of a fixed one); unwritten ones are empty
 * whatever fill is. NULL with err. */
struct hdf_cube *hdf_cube_create(struct hdf_file *f, const char *path,
                                 const struct cube_shape *shape,
                                 const struct cube_inner *inner,
                                 enum cell_kind kind, size_t size,
                                 const void *fill, bool fill_is_missing,
                                 const char *const *scales, struct err *err);
/* Write a whole chunk. */
int hdf_cube_write(struct hdf_cube *c, uint64_t chunk, const void *cells,
                   struct err *err);
void hdf_cube_destroy(struct hdf_cube *c);

#endif
