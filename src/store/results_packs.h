/* Packs on their way into results.h5: the parts that records speak of, one
 * behind the other in one dataset of bytes. Internal to store/. */
#ifndef MPIBATCH_STORE_RESULTS_PACKS_H
#define MPIBATCH_STORE_RESULTS_PACKS_H

#include <stdint.h>

#include "store/h5_output.h"
#include "store/results_build.h"

struct pack_copy {
    struct build *build;
    enum results_pack pack;
    struct hdf_bytes *bytes;
    uint64_t written; /* or about to be */
    /* a part of a pack that is still to be copied */
    uint32_t session;
    uint64_t from, len;
    int fd; /* of fd_session's pack; -1: none */
    uint32_t fd_session;
    char *room;
};

/* Make the dataset at path, as large as the survey says. -1 with err; fini it
 * in any case. */
int pack_copy_init(struct pack_copy *c, struct build *b, enum results_pack pack,
                   const char *path, struct err *err);
void pack_copy_fini(struct pack_copy *c);

/* Bytes of a session's pack, at offset there: *at: where they are in the
 * dataset, or RESULTS_ELSEWHERE if the pack does not have them. They are copied
 * together with those that lie behind them. -1 with err. */
int pack_copy_put(struct pack_copy *c, uint32_t session, uint64_t offset,
                  uint64_t bytes, uint64_t *at, struct err *err);
/* Copy what is still to be copied. */
int pack_copy_finish(struct pack_copy *c, struct err *err);

#endif
