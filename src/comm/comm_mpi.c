/* The world and its packets by MPI: see world_mpi.h and transport.h. The one
 * file with mpi.h; calls of MPI 3.1 only, plus Open MPI's ULFM extension where
 * there is one.
 *
 * Nothing here waits but the collectives of start-up and the end. A few
 * receives are always posted; a packet to send is copied into a slot that
 * lives until MPI has done with it, at most PACKET_MAX_PENDING for each peer.
 * Slots of a forgotten peer are never touched again, and never freed: MPI may
 * still read them.
 */
#include "config.h"
#include "comm/world_mpi.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mpi.h>
#ifdef OPEN_MPI
#include <mpi-ext.h>
#endif

#include "base/mem.h"
#include "comm/world.h"

enum { TAG = 1 };
/* Receives that are posted; and so many more for each rank that dies, whose
 * large packets may keep a receive for ever. */
enum { RECEIVES = 16, RECEIVES_A_DEATH = 4, MAX_RECEIVES = 256 };
/* Collectives count in int, and large ones need memory of MPI's. */
enum { BROADCAST_PIECE = 4 << 20 };
/* How long MPI_Finalize may take. */
enum { FINALIZE_SECONDS = 10 };

struct receive {
    uint32_t from, len; /* len 0: nothing there */
    unsigned char data[];
};

struct sending {
    struct sending *next;
    MPI_Request request;
    unsigned char data[];
};

struct peer_out {
    struct sending *pending; /* newest first */
    uint8_t count;
    bool unreachable;
    bool far; /* on another host */
};

/* One of our communicators, with its packets. */
struct channel {
    struct transport transport;
    MPI_Comm comm;
    size_t packet_bytes;    /* the largest, of those to other hosts */
    struct peer_out *peers; /* by rank */
    struct sending *spare;
    uint32_t pending_total;  /* of peers that are not forgotten */
    uint32_t next_receive;   /* the one that was posted first */
    uint32_t received_count; /* receives with a packet */
    uint32_t receive_count;
    MPI_Request requests[MAX_RECEIVES];
    struct receive *receives[MAX_RECEIVES];
};

struct world_mpi {
    struct channel control, bulk;
};

static int err_mpi(struct err *err, int rc, const char *what)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int len;
    MPI_Error_string(rc, text, &len);
    return err_set(err, EIO, "MPI: %s: %s", what, text);
}

/* ---- faults of peers, where MPI tells ---- */

#ifdef OMPI_HAVE_MPI_EXT_FTMPI
/* A receive has failed because somebody died: learn who, so that sends to them
 * fail, and acknowledge, so that receives go on. */
static void see_failures(struct channel *c)
{
    MPI_Group dead, all;
    int count = 0, rank, acked;
    if (MPIX_Comm_get_failed(c->comm, &dead) != MPI_SUCCESS)
        return;
    MPI_Group_size(dead, &count);
    MPI_Comm_group(c->comm, &all);
    for (int i = 0; i < count; i++) {
        MPI_Group_translate_ranks(dead, 1, &i, all, &rank);
        if (rank >= 0)
            c->peers[rank].unreachable = true;
    }
    MPI_Group_free(&all);
    MPI_Group_free(&dead);
    MPIX_Comm_ack_failed(c->comm, count, &acked);
}
#else
static void see_failures(struct channel *c)
{
    (void)c;
}
#endif

/* ---- packets ---- */

/* Put away a slot that MPI has done with. */
static void sending_done(struct channel *c, struct sending *s)
{
    s->next = c->spare;
    c->spare = s;
}

/* Has MPI done with it? A failure is the end of the peer. */
static bool sending_test(struct peer_out *p, struct sending *s)
{
    int done = 0;
    if (MPI_Test(&s->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
        p->unreachable = true;
        done = s->request == MPI_REQUEST_NULL;
    }
    return done;
}

static void reap(struct channel *c, struct peer_out *p)
{
    for (struct sending **at = &p->pending; *at;) {
        struct sending *s = *at;
        if (!sending_test(p, s)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        p->count--;
        c->pending_total--;
        sending_done(c, s);
    }
}

static struct sending *sending_get(struct channel *c)
{
    struct sending *s = c->spare;
    if (!s)
        return mem_alloc(sizeof(*s) + c->packet_bytes);
    c->spare = s->next;
    return s;
}

static int mpi_send(struct transport *t, int64_t now_ns, uint32_t peer,
                    const void *data, size_t len)
{
    struct channel *c = (struct channel *)t;
    struct peer_out *p = &c->peers[peer];
    (void)now_ns;
    if (p->count > 0)
        reap(c, p);
    if (p->unreachable)
        return -1;
    struct sending *s;
    if (p->count >= PACKET_MAX_PENDING || !(s = sending_get(c)))
        return 0;
    memcpy(s->data, data, len);
    if (MPI_Isend(s->data, (int)len, MPI_BYTE, (int)peer, TAG, c->comm,
                  &s->request) != MPI_SUCCESS) {
        p->unreachable = true;
        sending_done(c, s);
        return -1;
    }
    if (sending_test(p, s)) {
        sending_done(c, s);
    } else {
        s->next = p->pending;
        p->pending = s;
        p->count++;
        c->pending_total++;
    }
    return p->unreachable ? -1 : 1;
}

static int post_receive(struct channel *c, uint32_t i)
{
    c->receives[i]->len = 0;
    return MPI_Irecv(c->receives[i]->data, (int)c->packet_bytes, MPI_BYTE,
                     MPI_ANY_SOURCE, TAG, c->comm, &c->requests[i]);
}

/* Post count more, as far as there may be. MPI_SUCCESS, or what MPI says. */
static int add_receives(struct channel *c, uint32_t count)
{
    for (; count > 0 && c->receive_count < MAX_RECEIVES; count--) {
        uint32_t i = c->receive_count;
        c->receives[i] = mem_alloc(sizeof(struct receive) + c->packet_bytes);
        if (!c->receives[i])
            return MPI_ERR_NO_MEM;
        int rc = post_receive(c, i);
        if (rc != MPI_SUCCESS)
            return rc;
        c->receive_count++;
    }
    return MPI_SUCCESS;
}

/* What has come? The receives that are done; one that failed (a packet that
 * is too long, the death of a peer) is posted again. */
static void test_receives(struct channel *c)
{
    MPI_Status status[MAX_RECEIVES];
    int indices[MAX_RECEIVES], count = 0, class = MPI_SUCCESS;
    int rc = MPI_Testsome((int)c->receive_count, c->requests, &count, indices,
                          status);
    if (rc != MPI_SUCCESS) {
        MPI_Error_class(rc, &class);
        see_failures(c);
    }
    if (count == MPI_UNDEFINED ||
        (class != MPI_SUCCESS && class != MPI_ERR_IN_STATUS))
        return;
    for (int k = 0; k < count; k++) {
        uint32_t i = (uint32_t)indices[k];
        int len = 0;
        if (class == MPI_SUCCESS || status[k].MPI_ERROR == MPI_SUCCESS)
            MPI_Get_count(&status[k], MPI_BYTE, &len);
        if (len > 0) {
            c->receives[i]->len = (uint32_t)len;
            c->receives[i]->from = (uint32_t)status[k].MPI_SOURCE;
            c->received_count++;
        } else if (c->requests[i] == MPI_REQUEST_NULL) {
            post_receive(c, i);
        }
    }
}

static size_t mpi_receive(struct transport *t, int64_t now_ns, uint32_t *peer,
                          void *data)
{
    struct channel *c = (struct channel *)t;
    (void)now_ns;
    if (c->received_count == 0)
        test_receives(c);
    if (c->received_count == 0)
        test_receives(c); /* the first look may only have moved things */
    if (c->received_count == 0)
        return 0;
    uint32_t i = c->next_receive;
    while (c->receives[i]->len == 0)
        i = (i + 1) % c->receive_count;
    c->next_receive = (i + 1) % c->receive_count;
    c->received_count--;
    size_t len = c->receives[i]->len;
    *peer = c->receives[i]->from;
    memcpy(data, c->receives[i]->data, len);
    post_receive(c, i);
    return len;
}

static void mpi_forget(struct transport *t, uint32_t peer)
{
    struct channel *c = (struct channel *)t;
    struct peer_out *p = &c->peers[peer];
    bool far = p->far;
    c->pending_total -= p->count;
    *p = (struct peer_out){.unreachable = true, .far = far};
    if (far && c->packet_bytes > PACKET_SMALL_BYTES)
        add_receives(c, RECEIVES_A_DEATH);
}

static size_t mpi_packet_bytes(const struct transport *t, uint32_t peer)
{
    const struct channel *c = (const struct channel *)t;
    return c->peers[peer].far ? c->packet_bytes : PACKET_SMALL_BYTES;
}

static bool mpi_flushed(struct transport *t)
{
    struct channel *c = (struct channel *)t;
    for (uint32_t i = 0; i < t->size && c->pending_total > 0; i++)
        if (c->peers[i].count > 0)
            reap(c, &c->peers[i]);
    return c->pending_total == 0;
}

static const struct transport_ops mpi_ops = {
    .send = mpi_send,
    .receive = mpi_receive,
    .forget = mpi_forget,
    .packet_bytes = mpi_packet_bytes,
    .flushed = mpi_flushed,
};

/* ---- start and end ---- */

/* Which ranks are on other hosts? */
static void find_far(struct channel *c)
{
    MPI_Comm near = MPI_COMM_NULL;
    MPI_Group all, here;
    int mine = MPI_UNDEFINED;
    if (MPI_Comm_split_type(c->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                            &near) != MPI_SUCCESS)
        return; /* small packets for all */
    MPI_Comm_group(c->comm, &all);
    MPI_Comm_group(near, &here);
    for (int i = 0; i < (int)c->transport.size; i++) {
        MPI_Group_translate_ranks(all, 1, &i, here, &mine);
        c->peers[i].far = mine == MPI_UNDEFINED;
    }
    MPI_Group_free(&all);
    MPI_Group_free(&here);
    MPI_Comm_free(&near);
}

/* A communicator of our own, on which errors come back. -1: receives that are
 * posted may still be written into. */
static int channel_open(struct channel *c, size_t packet_bytes, struct err *err)
{
    int rank, size;
    int rc = MPI_Comm_dup(MPI_COMM_WORLD, &c->comm);
    if (rc != MPI_SUCCESS)
        return err_mpi(err, rc, "MPI_Comm_dup");
    MPI_Comm_set_errhandler(c->comm, MPI_ERRORS_RETURN);
    MPI_Comm_rank(c->comm, &rank);
    MPI_Comm_size(c->comm, &size);
    c->transport = (struct transport){&mpi_ops, (uint32_t)rank, (uint32_t)size};
    c->peers = mem_calloc(c->transport.size, sizeof(c->peers[0]));
    if (!c->peers)
        return err_set(err, ENOMEM, "MPI: no memory for %u ranks",
                       c->transport.size);
    c->packet_bytes = packet_bytes;
    if (packet_bytes > PACKET_SMALL_BYTES)
        find_far(c);
    rc = add_receives(c, RECEIVES);
    return rc == MPI_SUCCESS ? 0 : err_mpi(err, rc, "MPI_Irecv");
}

/* Receives that nothing will come for any more. */
static void channel_cancel(struct channel *c)
{
    for (uint32_t i = 0; i < c->receive_count; i++) {
        if (c->requests[i] == MPI_REQUEST_NULL)
            continue;
        MPI_Cancel(&c->requests[i]);
        MPI_Wait(&c->requests[i], MPI_STATUS_IGNORE);
    }
}

static void channel_fini(struct channel *c)
{
    while (c->spare) {
        struct sending *s = c->spare;
        c->spare = s->next;
        mem_free(s);
    }
    for (uint32_t i = 0; i < c->receive_count; i++)
        mem_free(c->receives[i]);
    mem_free(c->peers);
}

/* MPI_Init, with a setting of Open MPI's own, if the user has none: a TCP
 * socket's buffer. What is under way to a rank lies in it, and does not wait
 * in MPI; a connection that breaks while something waits there ends us. It
 * holds 256 KiB then, several times what all credits together come to. */
static int start(void)
{
    static const char *const name = "OMPI_MCA_btl_tcp_sndbuf";
    int provided;
    bool ours = !getenv(name) && setenv(name, "262144", 0) == 0;
    int rc = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (ours)
        unsetenv(name);
    return rc;
}

struct world_mpi *world_mpi_init(struct err *err)
{
    struct world_mpi *w = mem_calloc(1, sizeof(*w));
    if (!w) {
        err_set(err, ENOMEM, "MPI: no memory");
        return NULL;
    }
    int rc = start();
    if (rc != MPI_SUCCESS) {
        err_set(err, EIO, "MPI_Init: error %d", rc);
        mem_free(w);
        return NULL;
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    if (channel_open(&w->control, PACKET_SMALL_BYTES, err) < 0 ||
        channel_open(&w->bulk, PACKET_MAX_BYTES, err) < 0)
        return NULL; /* receives that are posted may still write into w */
    return w;
}

struct transport *world_mpi_transport(struct world_mpi *w)
{
    return &w->control.transport;
}

struct transport *world_mpi_bulk_transport(struct world_mpi *w)
{
    return &w->bulk.transport;
}

void world_mpi_library(char *text, size_t size)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int len;
    MPI_Get_library_version(version, &len);
    version[sizeof(version) - 1] = '\0';
    size_t n = strnlen(version, size - 1);
    memcpy(text, version, n);
    text[n] = '\0';
}

int world_mpi_broadcast_bytes(struct world_mpi *w, void *data, size_t len,
                              struct err *err)
{
    for (size_t at = 0; at < len; at += BROADCAST_PIECE) {
        size_t left = len - at;
        int piece = left < BROADCAST_PIECE ? (int)left : BROADCAST_PIECE;
        int rc =
            MPI_Bcast((char *)data + at, piece, MPI_BYTE, 0, w->control.comm);
        if (rc != MPI_SUCCESS)
            return err_mpi(err, rc, "MPI_Bcast");
    }
    return 0;
}

int world_mpi_broadcast(struct world_mpi *w, struct buf *b, struct err *err)
{
    bool root = w->control.transport.rank == 0;
    uint64_t len = b->len;
    int rc = MPI_Bcast(&len, 1, MPI_UINT64_T, 0, w->control.comm);
    if (rc != MPI_SUCCESS)
        return err_mpi(err, rc, "MPI_Bcast");
    if (!root)
        buf_reset(b);
    char *to = root ? b->data : len <= SIZE_MAX ? buf_reserve(b, len) : NULL;
    if (!to && len > 0)
        return err_set(err, ENOMEM, "MPI: no memory to be told %llu bytes",
                       (unsigned long long)len);
    if (world_mpi_broadcast_bytes(w, to, (size_t)len, err) < 0)
        return -1;
    if (!root)
        buf_commit(b, (size_t)len);
    return 0;
}

/* Lengths of all into sizes, and where each starts into offsets; all of it
 * must be countable in int. */
static int gather_sizes(struct world_mpi *w, size_t mine, int *sizes,
                        int *starts, size_t *offsets, struct err *err)
{
    int size = mine <= INT_MAX ? (int)mine : -1;
    int rc =
        MPI_Allgather(&size, 1, MPI_INT, sizes, 1, MPI_INT, w->control.comm);
    if (rc != MPI_SUCCESS)
        return err_mpi(err, rc, "MPI_Allgather");
    offsets[0] = 0;
    for (uint32_t i = 0; i < w->control.transport.size; i++) {
        if (sizes[i] < 0 || offsets[i] + (size_t)sizes[i] > INT_MAX)
            return err_set(err, EMSGSIZE, "MPI: over %d bytes to exchange",
                           INT_MAX);
        starts[i] = (int)offsets[i];
        offsets[i + 1] = offsets[i] + (size_t)sizes[i];
    }
    return 0;
}

int world_mpi_gather_all(struct world_mpi *w, const struct buf *mine,
                         struct buf *all, size_t **offsets, struct err *err)
{
    uint32_t n = w->control.transport.size;
    int rc = -1;
    int *sizes = mem_calloc(n, sizeof(*sizes));
    int *starts = mem_calloc(n, sizeof(*starts));
    size_t *of = mem_calloc((size_t)n + 1, sizeof(*of));
    if (!sizes || !starts || !of) {
        err_set(err, ENOMEM, "MPI: no memory for %u ranks", n);
        goto out;
    }
    if (gather_sizes(w, mine->len, sizes, starts, of, err) < 0)
        goto out;
    buf_reset(all);
    char *to = buf_reserve(all, of[n]);
    if (!to) {
        err_set(err, ENOMEM, "MPI: no memory for %zu bytes", of[n]);
        goto out;
    }
    rc = MPI_Allgatherv(buf_text(mine), sizes[w->control.transport.rank],
                        MPI_BYTE, to, sizes, starts, MPI_BYTE, w->control.comm);
    if (rc != MPI_SUCCESS) {
        rc = err_mpi(err, rc, "MPI_Allgatherv");
        goto out;
    }
    buf_commit(all, of[n]);
    *offsets = of;
    of = NULL;
out:
    mem_free(sizes);
    mem_free(starts);
    mem_free(of);
    return rc;
}

/* MPI_Finalize hangs: leave with the code that came with the timer. */
static void on_alarm(int signum, siginfo_t *info, void *context)
{
    (void)signum;
    (void)context;
    _exit(info->si_value.sival_int);
}

/* The timer that ends the process; timer_delete it. false: there is none. */
static bool alarm_start(int code, timer_t *timer)
{
    struct sigaction action = {.sa_sigaction = on_alarm,
                               .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = SIGALRM,
                             .sigev_value.sival_int = code};
    struct itimerspec when = {.it_value.tv_sec = FINALIZE_SECONDS};
    sigset_t set;
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, timer) < 0)
        return false;
    timer_settime(*timer, 0, &when, NULL);
    return true;
}

void world_mpi_finalize(struct world_mpi *w, int code)
{
    static const struct timespec nap = {.tv_nsec = 100000};
    timer_t timer;
    bool timed = alarm_start(code, &timer);
    while (!mpi_flushed(&w->control.transport) ||
           !mpi_flushed(&w->bulk.transport))
        nanosleep(&nap, NULL);
    channel_cancel(&w->control);
    channel_cancel(&w->bulk);
    MPI_Finalize();
    if (timed)
        timer_delete(timer);
    channel_fini(&w->control);
    channel_fini(&w->bulk);
    mem_free(w);
}

void world_mpi_abort(struct world_mpi *w, int code)
{
    MPI_Abort(w->control.comm, code);
}
