/* The allocation: see world.h. Owns the choice between MPI (comm_mpi.c) and a
 * world of one rank, whose packets go around in this process (comm_pair.c). */
#include "config.h"
#include "comm/world.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "comm/launcher.h"
#include "comm/pair.h"
#include "comm/world_mpi.h"

struct world {
    struct world_mpi *mpi; /* either this */
    struct pair *pair;     /* or these two */
    struct pair *bulk_pair;
    struct transport *transport, *bulk;
    char library[256];
};

static const char *get_variable(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

void world_shorten_library(char *text)
{
    char *colon, *v;
    text[strcspn(text, ",\r\n")] = '\0';
    if ((colon = strstr(text, " Version:")))
        memmove(colon, colon + 9, strlen(colon + 9) + 1);
    for (char *p = text; *p; p++)
        if (isspace((unsigned char)*p))
            *p = ' ';
    v = strstr(text, " v");
    if (v && isdigit((unsigned char)v[2]))
        memmove(v + 1, v + 2, strlen(v + 2) + 1);
}

static int init_mpi(struct world *w, struct err *err)
{
    w->mpi = world_mpi_init(err);
    if (!w->mpi)
        return -1;
    w->transport = world_mpi_transport(w->mpi);
    w->bulk = world_mpi_bulk_transport(w->mpi);
    world_mpi_library(w->library, sizeof(w->library));
    world_shorten_library(w->library);
    return 0;
}

static int init_alone(struct world *w, struct err *err)
{
    static const struct pair_faults none;
    w->pair = pair_create(1, &none, err);
    if (!w->pair)
        return -1;
    w->bulk_pair = pair_create(1, &none, err);
    if (!w->bulk_pair) {
        pair_destroy(w->pair);
        return -1;
    }
    w->transport = pair_transport(w->pair, 0);
    w->bulk = pair_transport(w->bulk_pair, 0);
    strcpy(w->library, "none");
    return 0;
}

struct world *world_init(struct err *err)
{
    enum launcher launcher = launcher_detect(get_variable, NULL);
    if (launcher == LAUNCHER_SRUN) {
        err_set(err, EINVAL,
                "srun has started several processes that cannot find each "
                "other: use \"srun --mpi=pmix\", mpirun, or \"mpibatch "
                "launch\"");
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* a peer that dies must not end us */
    signal(SIGXFSZ, SIG_IGN); /* a limit of files is as a full disk */
    struct world *w = mem_calloc(1, sizeof(*w));
    if (!w) {
        err_set(err, ENOMEM, "world: no memory");
        return NULL;
    }
    int rc = launcher == LAUNCHER_MPI ? init_mpi(w, err) : init_alone(w, err);
    if (rc == 0)
        return w;
    mem_free(w);
    return NULL;
}

uint32_t world_rank(const struct world *w)
{
    return w->transport->rank;
}

uint32_t world_size(const struct world *w)
{
    return w->transport->size;
}

const char *world_library(const struct world *w)
{
    return w->library;
}

struct transport *world_transport(struct world *w)
{
    return w->transport;
}

struct transport *world_bulk_transport(struct world *w)
{
    return w->bulk;
}

int world_broadcast(struct world *w, struct buf *b, struct err *err)
{
    return w->mpi ? world_mpi_broadcast(w->mpi, b, err) : 0;
}

int world_broadcast_bytes(struct world *w, void *data, size_t len,
                          struct err *err)
{
    return w->mpi ? world_mpi_broadcast_bytes(w->mpi, data, len, err) : 0;
}

int world_gather_all(struct world *w, const struct buf *mine, struct buf *all,
                     size_t **offsets, struct err *err)
{
    if (w->mpi)
        return world_mpi_gather_all(w->mpi, mine, all, offsets, err);
    size_t *of = mem_calloc(2, sizeof(*of));
    buf_reset(all);
    if (!of || buf_put(all, mine->data, mine->len) < 0) {
        mem_free(of);
        return err_set(err, ENOMEM, "world: no memory for %zu bytes",
                       mine->len);
    }
    of[1] = mine->len;
    *offsets = of;
    return 0;
}

void world_leave(struct world *w, bool clean, int code)
{
    if (!clean)
        _exit(code);
    if (w->mpi)
        world_mpi_finalize(w->mpi, code);
    pair_destroy(w->pair);
    pair_destroy(w->bulk_pair);
    mem_free(w);
}

void world_abort(struct world *w, int code)
{
    if (w->mpi)
        world_mpi_abort(w->mpi, code);
    _exit(code);
}
