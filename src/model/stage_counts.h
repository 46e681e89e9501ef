/* What staging costs and saves: counted by every rank, summed by rank 0, shown
 * by `status` and at the end of a run, kept in the journal. Plain data. */
#ifndef MPIBATCH_MODEL_STAGE_COUNTS_H
#define MPIBATCH_MODEL_STAGE_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/pack.h"

/* All grow only. A file that ranks of several nodes need is opened once on
 * shared storage: shared_opens is 1, and shared_placed the number of task
 * directories that it entered, each of which would have opened it. */
struct stage_counts {
    uint64_t shared_opens;         /* of files on shared storage, to read */
    uint64_t shared_bytes_read;    /* from them */
    uint64_t shared_placed;        /* of them, entered into task directories */
    uint64_t shared_bytes_written; /* by uploads */
    uint64_t uploads;              /* files that were uploaded */
    uint64_t mpi_bytes;            /* received from other ranks */
    uint64_t cache_hits;           /* wanted, and in the node's cache already */
    uint64_t cache_misses;
    uint64_t evictions; /* entries of caches that made room */
    uint64_t links;     /* files entered by hard link, */
    uint64_t reflinks;  /* by sharing blocks, */
    uint64_t copies;    /* by copying */
    uint64_t copied_bytes;
    uint64_t returned_files; /* brought to the run directory */
    uint64_t returned_bytes;
    uint64_t http_requests;
    uint64_t unpacked; /* application packages, each once a node */
};
enum { STAGE_COUNTS = sizeof(struct stage_counts) / sizeof(uint64_t) };

/* The i-th of STAGE_COUNTS, and its name: "shared_opens", ... */
uint64_t stage_count_get(const struct stage_counts *c, int i);
void stage_count_set(struct stage_counts *c, int i, uint64_t value);
const char *stage_count_name(int i);

/* sum += c. */
void stage_counts_add(struct stage_counts *sum, const struct stage_counts *c);

/* Was anything staged or returned at all? */
bool stage_counts_any(const struct stage_counts *c);
bool stage_counts_same(const struct stage_counts *a,
                       const struct stage_counts *b);

/* Append to b; -1 with errno as buf_put, b as it was then. */
int stage_counts_put(struct buf *b, const struct stage_counts *c);
/* The other way round; what is malformed makes u bad. */
void stage_counts_read(struct unpack *u, struct stage_counts *c);

#endif
