/* The MPI side of the world: see world.h, whose calls these are. */
#ifndef MPIBATCH_COMM_WORLD_MPI_H
#define MPIBATCH_COMM_WORLD_MPI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "comm/transport.h"

struct world_mpi;

struct world_mpi *world_mpi_init(struct err *err);
struct transport *world_mpi_transport(struct world_mpi *w);
struct transport *world_mpi_bulk_transport(struct world_mpi *w);
/* As MPI words it, several lines perhaps, into text. */
void world_mpi_library(char *text, size_t size);
int world_mpi_broadcast(struct world_mpi *w, struct buf *b, struct err *err);
int world_mpi_broadcast_bytes(struct world_mpi *w, void *data, size_t len,
                              struct err *err);
int world_mpi_gather_all(struct world_mpi *w, const struct buf *mine,
                         struct buf *all, size_t **offsets, struct err *err);
/* MPI_Finalize, which is left with _exit(code) after 10 s; w is freed. */
void world_mpi_finalize(struct world_mpi *w, int code);
/* MPI_Abort; may return. */
void world_mpi_abort(struct world_mpi *w, int code);

/* "Open MPI v4.1.4, package: ..." or "MPICH Version:\t4.0.2\n..." as "Open MPI
 * 4.1.4", "MPICH 4.0.2", in place. In world.c; here for tests. */
void world_shorten_library(char *text);

#endif
