/* What each rank is told of the others: see start_peers.h. */
#include "config.h"
#include "cli/start_peers.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"

enum { PEERS_MAX_BYTES = 64 << 20 };

/* The cores of all slots together. */
static uint32_t cores_of(const struct topo *topo, const struct slots *slots)
{
    uint32_t cores = 0;
    if (slots->count == 0)
        return 0;
    cpu_set_t *all = mem_calloc(1, slots->cpus_bytes);
    if (!all)
        return slots->count;
    for (uint32_t i = 0; i < slots->count; i++)
        CPU_OR_S(slots->cpus_bytes, all, all, slots->slots[i].cpus);
    cores = topo_thread_count(topo, all, slots->cpus_bytes, SLOT_CORE);
    mem_free(all);
    return cores;
}

/* What rank `at` has said. */
static int peer_read(struct peer *p, const char *host, const char *bytes,
                     size_t len, struct err *err)
{
    struct unpack u;
    unpack_init(&u, bytes, len);
    p->slots = unpack_u32(&u);
    p->cores = unpack_u32(&u);
    if (!unpack_done(&u))
        return err_set(err, EPROTO, "%s told of no slots", host);
    p->host = mem_strdup(host);
    return p->host ? 0 : err_set(err, ENOMEM, "no memory for host names");
}

int start_peers(struct world *w, const struct topo *topo,
                const struct slots *slots, const struct start_ranks *r,
                struct peers *p, struct err *err)
{
    uint32_t size = world_size(w);
    struct buf mine, all;
    size_t *offsets = NULL;
    int rc = -1;
    buf_init(&mine, 64);
    buf_init(&all, PEERS_MAX_BYTES);
    struct peer *ranks = mem_calloc(size, sizeof(*ranks));
    *p = (struct peers){.ranks = ranks, .count = size};
    if (!ranks || pack_put_u32(&mine, slots->count) < 0 ||
        pack_put_u32(&mine, cores_of(topo, slots)) < 0)
        err_set(err, ENOMEM, "no memory to tell of the slots");
    else
        rc = world_gather_all(w, &mine, &all, &offsets, err);
    for (uint32_t i = 0; rc == 0 && i < size; i++)
        rc = peer_read(&ranks[i], r->ranks[i].hostname, all.data + offsets[i],
                       offsets[i + 1] - offsets[i], err);
    mem_free(offsets);
    buf_fini(&mine);
    buf_fini(&all);
    return rc;
}

void start_peers_fini(struct peers *p)
{
    for (uint32_t i = 0; p->ranks && i < p->count; i++)
        mem_free(p->ranks[i].host);
    mem_free(p->ranks);
    *p = (struct peers){0};
}
