/* What others ask of the session: see asking.h.
 *
 * An ask is taken by a thread (poll), and then
 *
 *   ASK_HELD      nobody has the task yet, and it may wait
 *   ASK_SENT      a rank was asked
 *   ASK_OPENING   it offers data; a thread makes the file for them
 *   ASK_PULLING   they come
 *   ASK_HANDED    it is about no files: somebody else answers it
 *   ASK_ANSWERING a thread writes the answer
 */
#include "config.h"
#include "manager/asking.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "manager/background.h"
#include "manager/inventory.h"
#include "store/ask.h"
#include "store/inbox.h"
#include "wire/stage_answer.h"
#include "wire/stage_msg.h"

/* How often the inbox is looked at, and while somebody asks. */
#define IDLE_NS (200 * NS_PER_MS)
#define BUSY_NS (25 * NS_PER_MS)
/* How long a look takes, mostly. */
#define LOOK_NS (3 * NS_PER_MS)
/* So long behind an ask another one is expected. */
#define BUSY_FOR_NS (2 * NS_PER_SEC)
/* A rank has so long to answer; data may stop coming for so long. */
#define PATIENCE_NS (20 * NS_PER_SEC)

enum {
    TAKE_AT_ONCE = 16,
    /* more than that, and nobody may wait for something to happen */
    WAITING_MAX = ASKING_MAX_ASKS / 2
};

enum ask_stage {
    ASK_HELD,
    ASK_SENT,
    ASK_OPENING,
    ASK_PULLING,
    ASK_HANDED,
    ASK_ANSWERING
};

struct pending {
    struct io_job job;
    struct asking *owner;
    struct pending *next;
    enum ask_stage stage;
    uint64_t number; /* as ranks know it */
    char id[INBOX_ID_BYTES];
    struct ask ask;
    struct answer answer;
    int64_t wait_until_ns; /* it may wait for something to happen */
    int64_t patience_ns;   /* the time is up then */
    uint32_t rank;
    uint64_t handle; /* offered by it; 0: none */
    int fd;          /* of the data; -1: none */
    char *data;      /* of a command's answer: answer.data_bytes */
};

/* Looking at the inbox: in a thread of its own, which wakes nobody when there
 * is nothing. */
struct poll {
    struct background *thread;
    struct inbox *inbox;
    int64_t now_ns;
    uint32_t room;
    int count;
    struct inbox_ask asks[TAKE_AT_ONCE];
    bool going;
};

struct asking {
    struct asking_config config;
    struct poll *poll; /* NULL: there is no inbox */
    struct pending *all;
    uint32_t count;
    uint64_t last_number;
    int64_t poll_at_ns, busy_until_ns;
    bool closed, warned, failed;
    struct loop_timer tick;
    struct buf out;
};

static int64_t now_ns(const struct asking *a)
{
    return loop_now_ns(a->config.loop);
}

/* ---- Life of an ask ---- */

static void pending_free(struct pending *p)
{
    if (p->fd >= 0)
        close(p->fd);
    mem_free(p->data);
    mem_free(p);
}

static void pending_end(struct pending *p)
{
    struct asking *a = p->owner;
    struct pending **at = &a->all;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    a->count--;
    pending_free(p);
}

/* What goes with the answer of a command. */
static int write_data(struct pending *p, struct err *err)
{
    p->fd = inbox_make_data(p->owner->poll->inbox, p->id, err);
    if (p->fd < 0)
        return -1;
    if (file_write_all(p->fd, p->data, (size_t)p->answer.data_bytes) < 0)
        return err_sys(err, errno, "cannot write an answer");
    return 0;
}

static int write_answer(struct io_job *job, struct err *err)
{
    struct pending *p =
        (struct pending *)((char *)job - offsetof(struct pending, job));
    struct buf text;
    buf_init(&text, INBOX_MAX_ANSWER_BYTES);
    int rc = p->data ? write_data(p, err) : 0;
    if (p->fd >= 0)
        close(p->fd); /* a network file system has the data now */
    p->fd = -1;
    if (p->answer.data_bytes == 0 || rc < 0)
        inbox_drop_data(p->owner->poll->inbox, p->id);
    if (rc == 0)
        rc = answer_put(&text, &p->answer, err);
    if (rc == 0)
        rc = inbox_answer(p->owner->poll->inbox, p->id, text.data, text.len,
                          err);
    buf_fini(&text);
    return rc;
}

static void written(struct io_job *job, int rc, const struct err *err)
{
    struct pending *p =
        (struct pending *)((char *)job - offsetof(struct pending, job));
    struct asking *a = p->owner;
    if (rc < 0 && !a->failed && !a->closed)
        log_warning("a question cannot be answered: %s", err->text);
    a->failed = rc < 0;
    pending_end(p);
}

static void pending_answer(struct pending *p)
{
    struct asking *a = p->owner;
    if (p->handle)
        receiver_decline(a->config.receiver, p->rank, p->handle);
    p->handle = 0;
    p->stage = ASK_ANSWERING;
    p->job.work = write_answer;
    p->job.done = written;
    io_start(a->config.io, &p->job);
}

__attribute__((format(printf, 3, 4))) static void pending_refuse(
    struct pending *p, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->answer.message, sizeof(p->answer.message), fmt, ap);
    va_end(ap);
    snprintf(p->answer.code, sizeof(p->answer.code), "%s", code);
    p->answer.data_bytes = 0;
    pending_answer(p);
}

/* ---- Asking a rank ---- */

static void send(struct asking *a, uint32_t rank, const struct stage_msg *m)
{
    struct err err;
    buf_reset(&a->out);
    if (stage_msg_put(&a->out, m) < 0 ||
        comm_send(a->config.bulk, rank, COMM_TO_ANSWERER, a->out.data,
                  a->out.len, &err) < 0)
        log_debug("rank %" PRIu32 " cannot be asked", rank); /* time ends it */
}

static void pending_send(struct pending *p, uint32_t rank)
{
    struct asking *a = p->owner;
    int64_t wait_ns = p->wait_until_ns - now_ns(a);
    struct stage_msg m = {
        .kind = STAGE_ASK,
        .u.ask = {.ask = p->number,
                  .what = STAGE_ASK_LIST + p->ask.what,
                  .scope = STAGE_ASK_TASK + p->ask.scope,
                  .job = p->ask.job,
                  .index = p->ask.task,
                  .path = p->ask.path,
                  .offset = p->ask.offset,
                  .bytes = p->ask.bytes,
                  .wait_ms = wait_ns > 0 ? (uint32_t)(wait_ns / NS_PER_MS) : 0,
                  .recursive = p->ask.recursive}};
    p->rank = rank;
    p->stage = ASK_SENT;
    p->patience_ns = (wait_ns > 0 ? p->wait_until_ns : now_ns(a)) + PATIENCE_NS;
    p->answer.rank = rank;
    snprintf(p->answer.node, sizeof(p->answer.node), "%s",
             a->config.ranks[rank].hostname);
    send(a, rank, &m);
}

/* ---- Who has it ---- */

static const char *task_id(const struct pending *p, char id[JOBSPEC_MAX_ID + 1])
{
    struct err err;
    id[0] = '\0';
    (void)job_task_id(&p->owner->config.spec->jobs[p->ask.job], p->ask.task, id,
                      &err);
    return id;
}

static void pending_refuse_waiting(struct pending *p)
{
    char id[JOBSPEC_MAX_ID + 1];
    pending_refuse(p, "TaskFilesUnavailable", "task %s/%s %s", p->ask.job_id,
                   task_id(p, id),
                   p->answer.attempt > 0 ? "waits to be tried again"
                                         : "has not started");
}

static void pending_find_task(struct pending *p)
{
    struct asking *a = p->owner;
    char id[JOBSPEC_MAX_ID + 1];
    uint32_t rank = 0;
    p->answer.state = a->config.find(a->config.arg, p->ask.job, p->ask.task,
                                     &rank, &p->answer.attempt);
    switch (p->answer.state) {
    case ASK_STATE_RUNNING:
    case ASK_STATE_PREPARING:
        pending_send(p, rank);
        break;
    case ASK_STATE_ACTIVE:
        p->stage = ASK_HELD;
        if (now_ns(a) >= p->wait_until_ns)
            pending_refuse_waiting(p);
        break;
    case ASK_STATE_NONE:
    case ASK_STATE_COMPLETED:
    case ASK_STATE_COUNT:
        pending_refuse(p, "TaskFilesUnavailable",
                       "task %s/%s has ended: no worker has its files any more",
                       p->ask.job_id, task_id(p, id));
        break;
    }
}

static void pending_find_node(struct pending *p)
{
    struct asking *a = p->owner;
    const struct asking_config *c = &a->config;
    int64_t rank = inventory_find(c->ranks, c->rank_count, p->ask.node);
    if (rank < 0) {
        pending_refuse(p, "NodeNotFound", "this session has no node %s",
                       p->ask.node);
        return;
    }
    /* others of the node have the same name */
    for (uint32_t r = (uint32_t)rank; r < c->rank_count; r++)
        if (strcmp(c->ranks[r].hostname, c->ranks[rank].hostname) == 0 &&
            c->lives(c->arg, r)) {
            pending_send(p, r);
            return;
        }
    pending_refuse(p, "NodeNotReady",
                   "no rank of node %s is left: they are lost", p->ask.node);
}

static void pending_find(struct pending *p)
{
    const struct jobspec *spec = p->owner->config.spec;
    if (p->ask.scope == ASK_OF_NODE)
        pending_find_node(p);
    else if (p->ask.job >= spec->job_count ||
             strcmp(spec->jobs[p->ask.job].id, p->ask.job_id) != 0 ||
             p->ask.task >= spec->jobs[p->ask.job].tasks.count)
        pending_refuse(p, "TaskNotFound", "this session has no such task");
    else
        pending_find_task(p);
}

/* ---- What ranks offer ---- */

/* Azure's word for what a rank says is wrong. */
static const char *code_of(uint32_t code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
        return "FileNotFound";
    case ESTALE:
    case EAGAIN:
        return "TaskFilesUnavailable";
    case EINVAL:
    case EACCES:
    case ELOOP:
    case ENAMETOOLONG:
        return "InvalidPath";
    case EBUSY:
        return "ServerBusy";
    default:
        return "InternalError";
    }
}

static void landed(void *arg, const struct landing_end *end)
{
    struct pending *p = arg;
    p->handle = 0; /* the receiver is done with it */
    if (p->owner->closed)
        return;
    if (end->end == TRANSFER_WHOLE && end->bytes == p->answer.data_bytes)
        pending_answer(p);
    else if (end->end == TRANSFER_LOST)
        pending_refuse(p, "NodeNotReady", "rank %" PRIu32 " on %s is lost",
                       p->rank, p->answer.node);
    else if (end->code)
        pending_refuse(p, "InternalError", "the answer cannot be written: %s",
                       strerror(end->code));
    else
        pending_refuse(p, "InternalError", "%s",
                       end->text && *end->text
                           ? end->text
                           : "the file became shorter while it was read");
}

static void progress(void *arg, uint64_t bytes)
{
    struct pending *p = arg;
    (void)bytes;
    p->patience_ns = now_ns(p->owner) + PATIENCE_NS;
}

static int make_data(struct io_job *job, struct err *err)
{
    struct pending *p =
        (struct pending *)((char *)job - offsetof(struct pending, job));
    p->fd = inbox_make_data(p->owner->poll->inbox, p->id, err);
    return p->fd < 0 ? -1 : 0;
}

static void made_data(struct io_job *job, int rc, const struct err *err)
{
    struct pending *p =
        (struct pending *)((char *)job - offsetof(struct pending, job));
    struct asking *a = p->owner;
    if (a->closed)
        return;
    if (rc < 0) {
        pending_refuse(p, "InternalError", "%s", err->text);
        return;
    }
    if (!p->handle) { /* withdrawn meanwhile: its rank is lost */
        pending_refuse(p, "NodeNotReady", "rank %" PRIu32 " on %s is lost",
                       p->rank, p->answer.node);
        return;
    }
    p->stage = ASK_PULLING;
    p->patience_ns = now_ns(a) + PATIENCE_NS;
    receiver_take(a->config.receiver, p->rank, p->handle, p->fd, progress,
                  landed, p);
}

static void pending_offered(struct pending *p, const struct stage_msg *m)
{
    struct asking *a = p->owner;
    struct stage_answer said;
    struct err err;
    p->handle = m->u.offer.handle;
    if (stage_answer_parse(m->u.offer.text, &said, &err) < 0) {
        pending_refuse(p, "InternalError", "%s", err.text);
        return;
    }
    p->answer.state = said.state;
    p->answer.attempt = said.attempt > 0 ? said.attempt : p->answer.attempt;
    p->answer.type = said.type;
    p->answer.mode = said.mode;
    p->answer.modified_ns = said.modified_ns;
    p->answer.more = said.more;
    p->answer.size = m->u.offer.size;
    if (m->u.offer.code == ESTALE && now_ns(a) < p->wait_until_ns) {
        /* it has just ended there: here it soon has, or is tried again */
        receiver_decline(a->config.receiver, p->rank, p->handle);
        p->handle = 0;
        p->stage = ASK_HELD;
    } else if (m->u.offer.code && said.state == ASK_STATE_ACTIVE) {
        p->answer.attempt = said.attempt > 0 ? said.attempt - 1 : 0;
        pending_refuse_waiting(p);
    } else if (m->u.offer.code) {
        pending_refuse(p, code_of(m->u.offer.code), "%s", said.text);
    } else if (m->u.offer.bytes == 0) {
        pending_answer(p);
    } else if (m->u.offer.bytes > ASK_MAX_BYTES) {
        pending_refuse(p, "InternalError", "more is offered than was asked");
    } else {
        p->answer.data_bytes = m->u.offer.bytes;
        p->stage = ASK_OPENING;
        p->job.work = make_data;
        p->job.done = made_data;
        io_start(a->config.io, &p->job);
    }
}

void asking_offered(struct asking *a, uint32_t rank, const struct stage_msg *m)
{
    for (struct pending *p = a->all; p; p = p->next)
        if (p->stage == ASK_SENT && p->rank == rank &&
            p->number == m->u.offer.ask) {
            pending_offered(p, m);
            return;
        }
    receiver_decline(a->config.receiver, rank, m->u.offer.handle);
}

void asking_lost(struct asking *a, uint32_t rank)
{
    for (struct pending *p = a->all, *next; p; p = next) {
        next = p->next;
        if (p->rank != rank)
            continue;
        if (p->stage == ASK_OPENING)
            p->handle = 0;
        else if (p->stage == ASK_SENT)
            pending_refuse(p, "NodeNotReady", "rank %" PRIu32 " on %s is lost",
                           rank, p->answer.node);
    }
}

/* ---- The inbox ---- */

/* Said once: somebody who plays with it fills no log. */
static void malformed(struct asking *a, const char *why)
{
    if (!a->warned)
        log_warning("a question in the inbox is malformed (%s); it and others "
                    "like it are answered with an error",
                    why);
    a->warned = true;
}

/* It is about no files. */
static void pending_hand(struct pending *p, struct inbox_ask *taken)
{
    struct asking *a = p->owner;
    char *data = taken->data;
    taken->data = NULL;
    p->stage = ASK_HANDED;
    if (a->config.command) {
        a->config.command(a->config.arg, p->number, &p->ask, data,
                          taken->data_len);
        return;
    }
    mem_free(data);
    pending_refuse(p, "OperationInvalidForCurrentState",
                   "this session takes no commands");
}

void asking_answer(struct asking *a, uint64_t number,
                   const struct answer *answer, char *data, size_t len)
{
    struct pending *p = a->all;
    while (p && (p->stage != ASK_HANDED || p->number != number))
        p = p->next;
    if (!p || a->closed) {
        mem_free(data);
        return;
    }
    p->answer = *answer;
    p->answer.data_bytes = data ? len : 0;
    p->data = data;
    pending_answer(p);
}

static void ask_begin(struct asking *a, struct inbox_ask *taken)
{
    struct pending *p = mem_calloc(1, sizeof(*p));
    struct err err;
    if (!p) {
        log_warning("no memory to answer a question");
        return;
    }
    p->owner = a;
    p->fd = -1;
    p->number = ++a->last_number;
    memcpy(p->id, taken->id, sizeof(p->id));
    p->next = a->all;
    a->all = p;
    a->count++;
    if (taken->text && ask_parse(taken->text, taken->len, &p->ask, &err) == 0) {
        if (!ask_is_file(&p->ask)) {
            pending_hand(p, taken);
            return;
        }
        uint32_t wait_ms = a->count <= WAITING_MAX ? p->ask.wait_ms : 0;
        p->wait_until_ns = now_ns(a) + wait_ms * NS_PER_MS;
        pending_find(p);
        return;
    }
    malformed(a, taken->text ? err.text : taken->why);
    pending_refuse(p, "InvalidRequestBody", "the question is malformed: %s",
                   taken->text ? err.text : taken->why);
}

static int poll_run(void *arg, struct err *err)
{
    struct poll *p = arg;
    p->count = inbox_take(p->inbox, p->now_ns, p->asks, p->room, err);
    return p->count < 0 ? -1 : 0;
}

/* Has it looked? Then begin with what there was. */
static void poll_end(struct asking *a)
{
    struct poll *p = a->poll;
    struct err err;
    int outcome = background_outcome(p->thread, &err);
    if (outcome == 0)
        return;
    p->going = false;
    if (outcome < 0 && !a->failed)
        log_warning("nothing can be asked of this session: %s", err.text);
    a->failed = outcome < 0;
    for (int i = 0; i < p->count; i++) {
        ask_begin(a, &p->asks[i]);
        mem_free(p->asks[i].text);
        mem_free(p->asks[i].data);
    }
    if (p->count > 0)
        a->busy_until_ns = now_ns(a) + BUSY_FOR_NS;
    p->count = 0;
    a->poll_at_ns =
        now_ns(a) +
        (now_ns(a) < a->busy_until_ns || a->all ? BUSY_NS : IDLE_NS);
}

static void poll_step(struct asking *a)
{
    struct poll *p = a->poll;
    uint32_t room = ASKING_MAX_ASKS - a->count;
    if (p->going)
        poll_end(a);
    if (p->going || room == 0 || now_ns(a) < a->poll_at_ns)
        return;
    p->room = room < TAKE_AT_ONCE ? room : TAKE_AT_ONCE;
    p->now_ns = now_ns(a);
    p->going = background_start(p->thread);
}

/* ---- Time ---- */

static void pending_tick(struct pending *p)
{
    struct asking *a = p->owner;
    bool late = now_ns(a) >= p->patience_ns;
    if (p->stage == ASK_HELD) {
        pending_find(p);
    } else if (p->stage == ASK_SENT && late) {
        send(a, p->rank,
             &(struct stage_msg){.kind = STAGE_ASK_GONE,
                                 .u.ask_gone.ask = p->number});
        pending_refuse(p, "OperationTimedOut",
                       "rank %" PRIu32 " on %s does not answer", p->rank,
                       p->answer.node);
    } else if (p->stage == ASK_PULLING && late) {
        pending_refuse(p, "OperationTimedOut",
                       "rank %" PRIu32 " on %s sends no more", p->rank,
                       p->answer.node);
    }
}

/* When there is something to do: a look to be ended or begun, somebody who
 * waits. */
static int64_t tick_at_ns(const struct asking *a)
{
    const struct poll *p = a->poll;
    int64_t soon_ns = now_ns(a) + BUSY_NS;
    if (p->going)
        return now_ns(a) - p->now_ns < BUSY_NS ? now_ns(a) + LOOK_NS : soon_ns;
    return a->all || a->poll_at_ns < soon_ns ? soon_ns : a->poll_at_ns;
}

static void on_tick(struct loop_timer *timer)
{
    struct asking *a =
        (struct asking *)((char *)timer - offsetof(struct asking, tick));
    struct err err;
    if (a->closed)
        return;
    for (struct pending *p = a->all, *next; p; p = next) {
        next = p->next;
        pending_tick(p);
    }
    poll_step(a);
    if (loop_timer_start(a->config.loop, &a->tick, tick_at_ns(a), &err) < 0)
        log_error("%s", err.text);
}

/* ---- Life ---- */

static int poll_create(struct asking *a, struct err *err)
{
    struct err why;
    struct poll *p = mem_calloc(1, sizeof(*p));
    if (!p)
        return err_set(err, ENOMEM, "no memory for the inbox");
    p->inbox = inbox_create(a->config.run_dir, &why);
    if (!p->inbox) {
        log_warning("nothing can be asked of this session: %s", why.text);
        mem_free(p);
        return 0;
    }
    a->poll = p;
    p->thread = background_create(poll_run, p, err);
    if (!p->thread)
        return -1;
    return loop_timer_start(a->config.loop, &a->tick, now_ns(a), err);
}

/* Waits for a look that is under way. */
static void poll_destroy(struct poll *p)
{
    if (!p)
        return;
    background_destroy(p->thread);
    for (int i = 0; i < p->count; i++) {
        mem_free(p->asks[i].text);
        mem_free(p->asks[i].data);
    }
    inbox_destroy(p->inbox);
    mem_free(p);
}

struct asking *asking_create(const struct asking_config *config,
                             struct err *err)
{
    struct asking *a = mem_calloc(1, sizeof(*a));
    if (!a) {
        err_set(err, ENOMEM, "no memory for the inbox");
        return NULL;
    }
    a->config = *config;
    loop_timer_init(&a->tick, on_tick);
    buf_init(&a->out, STAGE_MSG_MAX_BYTES);
    if (poll_create(a, err) == 0)
        return a;
    asking_destroy(a);
    return NULL;
}

void asking_close(struct asking *a)
{
    if (!a || a->closed)
        return;
    a->closed = true;
    loop_timer_stop(a->config.loop, &a->tick);
    for (struct pending *p = a->all; p; p = p->next)
        if (p->handle)
            receiver_decline(a->config.receiver, p->rank, p->handle);
}

void asking_destroy(struct asking *a)
{
    if (!a)
        return;
    loop_timer_stop(a->config.loop, &a->tick);
    while (a->all)
        pending_end(a->all);
    poll_destroy(a->poll);
    buf_fini(&a->out);
    mem_free(a);
}
