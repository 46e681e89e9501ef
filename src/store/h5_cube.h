/* Cubes: N-dimensional datasets over dimension scales, written chunk by
 * chunk. A chunk that is never written takes no room and reads as fill. */
#ifndef MPIBATCH_STORE_H5_CUBE_H
#define MPIBATCH_STORE_H5_CUBE_H

#include "store/h5_file.h"

enum { CUBE_MAX_RANK = 32 };

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

/* A dimension scale of count numbers of kind, or of count strings (UTF-8). */
int hdf_scale(struct hdf_file *f, const char *path, enum cell_kind kind,
              const void *values, uint64_t count, struct err *err);
int hdf_scale_strings(struct hdf_file *f, const char *path,
                      const char *const *values, uint64_t count,
                      struct err *err);

/* The same as plain variables over a scale. */
int hdf_variable(struct hdf_file *f, const char *path, enum cell_kind kind,
                 const void *values, uint64_t count, const char *scale,
                 struct err *err);
int hdf_variable_strings(struct hdf_file *f, const char *path,
                         const char *const *values, uint64_t count,
                         const char *scale, struct err *err);

struct hdf_cube;

/* Make a cube over scales (their paths, rank of them). fill: what unwritten
 * cells read as; with fill_is_missing it is the _FillValue. Strings are size
 * bytes each in memory, NUL-terminated, and of any length in the file (the
 * netCDF library crashes on strings of a fixed one); unwritten ones are empty
 * whatever fill is. NULL with err. */
struct hdf_cube *hdf_cube_create(struct hdf_file *f, const char *path,
                                 const struct cube_shape *shape,
                                 enum cell_kind kind, size_t size,
                                 const void *fill, bool fill_is_missing,
                                 const char *const *scales, struct err *err);
/* Write a whole chunk. */
int hdf_cube_write(struct hdf_cube *c, uint64_t chunk, const void *cells,
                   struct err *err);
void hdf_cube_destroy(struct hdf_cube *c);

#endif
