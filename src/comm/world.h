/* The allocation as MPI gives it: ranks, start-up exchange, end.
 *
 * world_init decides by the environment whether a launcher has started us;
 * if not, the world is this one process and MPI is not touched. Collectives
 * exist only here, for start-up; afterwards there are only packets.
 */
#ifndef MPIBATCH_COMM_WORLD_H
#define MPIBATCH_COMM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "comm/transport.h"

struct world;

/* Join the world: MPI_Init under a launcher, with MPI_ERRORS_RETURN, and
 * SIGPIPE and SIGXFSZ ignored. NULL with err, also where the launcher has
 * started several processes that cannot see each other (srun without
 * --mpi=pmix). */
struct world *world_init(struct err *err);

uint32_t world_rank(const struct world *w);
uint32_t world_size(const struct world *w);
/* "Open MPI 4.1.4", "none". Borrowed. */
const char *world_library(const struct world *w);
/* The transports of this rank: of the control channel, and of the bulk channel,
 * whose packets never wait for each other. Borrowed. */
struct transport *world_transport(struct world *w);
struct transport *world_bulk_transport(struct world *w);

/* Start-up: rank 0's buffer to all (others' content is replaced); each rank's
 * buffer to all, as offsets[size + 1] (mem_alloc) into one buffer. Collective;
 * -1 with err. */
int world_broadcast(struct world *w, struct buf *b, struct err *err);
/* The same of bytes whose number all ranks know: rank 0's are only read. */
int world_broadcast_bytes(struct world *w, void *data, size_t len,
                          struct err *err);
int world_gather_all(struct world *w, const struct buf *mine, struct buf *all,
                     size_t **offsets, struct err *err);

/* Leave. clean: no rank was lost, all call this; MPI_Finalize under an alarm
 * of 10 s, then returns and w is freed. Else: does not return, _exit(code)
 * without MPI_Finalize, which would hang. */
void world_leave(struct world *w, bool clean, int code);

/* Tell MPI to end all ranks at once (start-up went wrong). Does not return. */
void world_abort(struct world *w, int code);

#endif
