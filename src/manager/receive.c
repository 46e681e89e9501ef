/* What rank 0 takes in: see receive.h. Owns the offers that it was told of,
 * in the order in which they came, each in one of these states.
 *
 *   WAITING   a file, not yet pulled
 *   PULLING   a file comes in
 *   STORING   it is all there; incoming makes it safe
 *   ANSWER    an answer that nobody has taken or declined
 *   TAKING    it is pulled into somebody's file
 */
#include "config.h"
#include "manager/receive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum {
    PULLS_AT_ONCE = 8,
    STORED_AT_ONCE = 1024,
    BACKLOG_MAX_BYTES = 64 << 20, /* in incoming: no new pulls then */
    OFFERS_OF_A_RANK = 1024,      /* at once; it sends far fewer */
    MAX_TRIES = 3                 /* when the disk loses what was written */
};

enum state { WAITING, PULLING, STORING, ANSWER, TAKING };

struct wanted {
    struct receiver *receiver;
    struct list link; /* in waiting or others */
    enum state state;
    uint32_t rank;
    uint64_t handle;
    /* a file */
    uint32_t job, index, attempt, mode, tries;
    uint64_t bytes;
    char *name;
    struct pull *pull;
    struct incoming_file *file;
    /* an answer that is taken */
    struct landing *landing;
    void (*progress)(void *arg, uint64_t bytes);
    void (*ended)(void *arg, const struct landing_end *end);
    void *arg;
};

struct receiver {
    struct receiver_config config;
    struct map by_handle;
    struct list waiting, others; /* in the order they came; the rest */
    uint32_t *counts;            /* of each rank */
    uint32_t pulling, storing;
    struct buf message;
};

/* A rank's handles count from 1; neither reaches these bounds. */
static uint64_t key_of(uint32_t rank, uint64_t handle)
{
    return (uint64_t)rank << 40 | (handle & ((UINT64_C(1) << 40) - 1));
}

static struct wanted *wanted_find(const struct receiver *r, uint32_t rank,
                                  uint64_t handle)
{
    uint64_t value;
    return map_get(&r->by_handle, key_of(rank, handle), &value)
               ? (struct wanted *)(uintptr_t)value
               : NULL;
}

/* ---- the lists ---- */

/* The first of a list; NULL: it is empty. */
static struct wanted *wanted_first(const struct list *l)
{
    return list_empty(l) ? NULL : LIST_OF(l->next, struct wanted, link);
}

static void set_state(struct wanted *w, enum state state)
{
    struct receiver *r = w->receiver;
    list_remove(&w->link);
    r->pulling -= w->state == PULLING;
    r->storing -= w->state == STORING;
    w->state = state;
    r->pulling += w->state == PULLING;
    r->storing += w->state == STORING;
    list_add(state == WAITING ? &r->waiting : &r->others, &w->link);
}

/* It is over: nothing is pulled, stored or told any more. */
static void wanted_free(struct wanted *w)
{
    struct receiver *r = w->receiver;
    if (w->pull)
        transfers_cancel(w->pull);
    if (w->file && w->state != STORING)
        incoming_abort(w->file);
    landing_destroy(w->landing);
    set_state(w, ANSWER); /* which is not counted */
    list_remove(&w->link);
    map_remove(&r->by_handle, key_of(w->rank, w->handle));
    r->counts[w->rank]--;
    mem_free(w->name);
    mem_free(w);
}

/* ---- answering offers ---- */

static void tell_taken(struct receiver *r, uint32_t rank,
                       const struct stage_msg *m)
{
    buf_reset(&r->message);
    if (stage_msg_put(&r->message, m) == 0)
        comm_send(r->config.bulk, rank, COMM_TO_OFFERER, r->message.data,
                  r->message.len, NULL);
}

static void tell_refused(struct receiver *r, uint32_t rank, uint64_t handle,
                         enum failure failure, const char *text)
{
    struct stage_msg m = {.kind = STAGE_TAKEN};
    char cut[STAGE_MAX_TEXT + 1];
    snprintf(cut, sizeof(cut), "%s", text);
    m.u.taken.handle = handle;
    m.u.taken.failure = failure;
    m.u.taken.text = cut;
    tell_taken(r, rank, &m);
}

static void pull_more(struct receiver *r);

/* It will not be had. */
static void wanted_refuse(struct wanted *w, enum failure failure,
                          const char *text)
{
    struct receiver *r = w->receiver;
    tell_refused(r, w->rank, w->handle, failure, text);
    wanted_free(w);
    pull_more(r);
}

/* ---- files ---- */

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    struct wanted *w = arg;
    struct err err;
    (void)offset;
    if (incoming_put(w->file, data, len, &err) < 0)
        wanted_refuse(w, FAILURE_UPLOAD_MISC, err.text);
}

static void on_consumed(void *arg, uint64_t bytes)
{
    struct wanted *w = arg;
    if (w->pull)
        transfers_consumed(w->pull, bytes);
}

static void on_pulled(void *arg, enum transfer_end end, uint64_t total,
                      enum failure failure, const char *text)
{
    struct wanted *w = arg;
    struct receiver *r = w->receiver;
    (void)total;
    w->pull = NULL;
    if (end == TRANSFER_WHOLE) {
        set_state(w, STORING);
        incoming_end(w->file); /* w may be gone behind this */
    } else if (end == TRANSFER_REFUSED) {
        wanted_refuse(w, failure, text);
        return;
    } else {
        wanted_free(w);
    }
    pull_more(r);
}

static void on_stored(void *arg, const struct attempt_file *where,
                      const struct err *err)
{
    struct wanted *w = arg;
    struct receiver *r = w->receiver;
    w->file = NULL;
    if (!where) {
        bool lost =
            err->code == ENOSPC || err->code == EDQUOT || err->code == EIO;
        if (w->pull || !lost || ++w->tries == MAX_TRIES) {
            wanted_refuse(w, failure_of_errno(err->code, PHASE_UPLOAD),
                          err->text);
            return;
        }
        set_state(w, WAITING);
    } else {
        struct stage_msg m = {.kind = STAGE_TAKEN};
        m.u.taken.handle = w->handle;
        m.u.taken.packed = where->place == FILE_PACKED;
        m.u.taken.session = where->session;
        m.u.taken.offset = where->offset;
        m.u.taken.digest = where->digest;
        tell_taken(r, w->rank, &m);
        wanted_free(w);
    }
    pull_more(r);
}

static int file_pull(struct wanted *w, struct err *err)
{
    struct receiver *r = w->receiver;
    const struct incoming_events events = {on_consumed, on_stored, w};
    const struct transfer_sink sink = {on_piece, on_pulled, w};
    const struct job *job = &r->config.spec->jobs[w->job];
    char id[JOBSPEC_MAX_ID + 1];
    struct returned_of of = {job->id, id, w->attempt};
    if (job_task_id(job, w->index, id, err) < 0)
        return -1;
    w->file =
        incoming_begin(r->config.incoming, &of, w->name, w->mode, &events, err);
    if (!w->file)
        return -1;
    w->pull =
        transfers_pull(r->config.transfers, w->rank, w->handle, 0, &sink, err);
    return w->pull ? 0 : -1;
}

/* Pull those whose turn it is. */
static void pull_more(struct receiver *r)
{
    struct err err;
    struct wanted *w;
    while ((w = wanted_first(&r->waiting)) && r->pulling < PULLS_AT_ONCE &&
           r->storing < STORED_AT_ONCE &&
           incoming_backlog_bytes(r->config.incoming) < BACKLOG_MAX_BYTES) {
        set_state(w, PULLING);
        if (file_pull(w, &err) == 0)
            continue;
        tell_refused(r, w->rank, w->handle, FAILURE_UPLOAD_MISC, err.text);
        wanted_free(w);
    }
}

/* ---- answers ---- */

static void on_landed(void *arg, const struct landing_end *end)
{
    struct wanted *w = arg;
    struct receiver *r = w->receiver;
    void (*ended)(void *, const struct landing_end *) = w->ended;
    void *with = w->arg;
    if (end->end == TRANSFER_WHOLE) {
        struct stage_msg m = {.kind = STAGE_TAKEN};
        m.u.taken.handle = w->handle;
        tell_taken(r, w->rank, &m);
    } else {
        tell_refused(r, w->rank, w->handle, FAILURE_UNKNOWN, end->text);
    }
    wanted_free(w);
    ended(with, end);
}

static void on_progress(void *arg, uint64_t bytes)
{
    struct wanted *w = arg;
    if (w->progress)
        w->progress(w->arg, bytes);
}

void receiver_take(struct receiver *r, uint32_t rank, uint64_t handle, int fd,
                   void (*progress)(void *arg, uint64_t bytes),
                   void (*ended)(void *arg, const struct landing_end *end),
                   void *arg)
{
    struct wanted *w = wanted_find(r, rank, handle);
    struct err err = {.code = EPIPE, .text = "its rank is lost"};
    if (w && w->state == ANSWER) {
        const struct landing_config config = {.transfers = r->config.transfers,
                                              .io = r->config.io,
                                              .fd = fd,
                                              .progress = on_progress,
                                              .ended = on_landed,
                                              .arg = w};
        w->progress = progress;
        w->ended = ended;
        w->arg = arg;
        w->landing = landing_create(&config, &err);
        if (w->landing && landing_pull(w->landing, rank, handle, &err) == 0) {
            set_state(w, TAKING);
            return;
        }
        tell_refused(r, rank, handle, FAILURE_UNKNOWN, err.text);
        wanted_free(w);
    }
    const struct landing_end end = {.end = err.code == EPIPE ? TRANSFER_LOST
                                                             : TRANSFER_REFUSED,
                                    .code = err.code,
                                    .failure = FAILURE_UNKNOWN,
                                    .text = err.text};
    ended(arg, &end);
}

void receiver_decline(struct receiver *r, uint32_t rank, uint64_t handle)
{
    struct wanted *w = wanted_find(r, rank, handle);
    if (w && (w->state == ANSWER || w->state == TAKING))
        wanted_refuse(w, FAILURE_UNKNOWN, "nobody waits for it");
}

/* ---- messages ---- */

static void take_offer(struct receiver *r, uint32_t rank,
                       const struct stage_msg *m)
{
    struct wanted *w = NULL;
    bool file = m->u.offer.what == STAGE_OFFER_FILE;
    if (wanted_find(r, rank, m->u.offer.handle))
        return;
    if (file && !r->config.incoming) {
        tell_refused(r, rank, m->u.offer.handle, FAILURE_UPLOAD_MISC,
                     "no task returns files");
        return;
    }
    if (r->counts[rank] < OFFERS_OF_A_RANK)
        w = mem_calloc(1, sizeof(*w));
    if (!w || (file && !(w->name = mem_strdup(m->u.offer.name))) ||
        map_set(&r->by_handle, key_of(rank, m->u.offer.handle),
                (uint64_t)(uintptr_t)w) < 0) {
        if (w)
            mem_free(w->name);
        mem_free(w);
        tell_refused(r, rank, m->u.offer.handle, FAILURE_UPLOAD_MISC,
                     "rank 0 has no memory for it");
        return;
    }
    w->receiver = r;
    w->rank = rank;
    w->handle = m->u.offer.handle;
    w->job = m->u.offer.job;
    w->index = m->u.offer.index;
    w->attempt = m->u.offer.attempt;
    w->mode = m->u.offer.mode;
    w->bytes = m->u.offer.bytes;
    w->state = ANSWER;
    r->counts[rank]++;
    list_add(&r->others, &w->link);
    if (file) {
        set_state(w, WAITING);
        pull_more(r);
    } else if (r->config.answer) {
        r->config.answer(r->config.arg, rank, m);
    } else {
        wanted_refuse(w, FAILURE_UNKNOWN, "nobody asked for it");
    }
}

/* It was withdrawn: whoever takes an answer is told so. */
static void take_gone(struct receiver *r, uint32_t rank, uint64_t handle)
{
    struct wanted *w = wanted_find(r, rank, handle);
    if (!w || w->state == STORING)
        return;
    if (w->state == TAKING) {
        const struct landing_end end = {.end = TRANSFER_REFUSED,
                                        .failure = FAILURE_UNKNOWN,
                                        .text = "it was withdrawn"};
        landing_cancel(w->landing);
        on_landed(w, &end);
        return;
    }
    wanted_free(w);
    pull_more(r);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct receiver *r = arg;
    struct stage_msg m;
    if (stage_msg_parse(data, len, r->config.spec, &m, NULL) < 0)
        return;
    if (m.kind == STAGE_OFFER)
        take_offer(r, peer, &m);
    else if (m.kind == STAGE_OFFER_GONE)
        take_gone(r, peer, m.u.gone.handle);
}

/* Drop what a rank offered and nobody pulls or stores. */
static void list_drop(struct list *l, uint32_t rank)
{
    for (struct list *at = l->next, *next; at != l; at = next) {
        struct wanted *w = LIST_OF(at, struct wanted, link);
        next = at->next;
        if (w->rank == rank && (w->state == WAITING || w->state == ANSWER))
            wanted_free(w);
    }
}

void receiver_lost(struct receiver *r, uint32_t rank)
{
    list_drop(&r->waiting, rank);
    list_drop(&r->others, rank);
    pull_more(r);
}

static void on_gone(void *arg, uint32_t peer, const char *why)
{
    (void)why;
    receiver_lost(arg, peer);
}

/* ---- start and end ---- */

struct receiver *receiver_create(const struct receiver_config *config,
                                 struct err *err)
{
    struct receiver *r = mem_calloc(1, sizeof(*r));
    if (r)
        r->counts = mem_calloc(comm_size(config->bulk), sizeof(r->counts[0]));
    if (!r || !r->counts) {
        mem_free(r);
        err_set(err, ENOMEM, "receiver: no memory");
        return NULL;
    }
    r->config = *config;
    map_init(&r->by_handle);
    list_init(&r->waiting);
    list_init(&r->others);
    buf_init(&r->message, STAGE_MSG_MAX_BYTES);
    comm_listen(config->bulk, COMM_TO_RECEIVER,
                &(struct comm_handler){
                    .message = on_message, .gone = on_gone, .arg = r});
    return r;
}

static void list_free(struct list *l)
{
    struct wanted *w;
    while ((w = wanted_first(l)))
        wanted_free(w);
}

void receiver_destroy(struct receiver *r)
{
    if (!r)
        return;
    comm_listen(r->config.bulk, COMM_TO_RECEIVER, &(struct comm_handler){0});
    list_free(&r->waiting);
    list_free(&r->others);
    map_fini(&r->by_handle);
    buf_fini(&r->message);
    mem_free(r->counts);
    mem_free(r);
}

uint32_t receiver_pending(const struct receiver *r)
{
    return (uint32_t)r->by_handle.count;
}
