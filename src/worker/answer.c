/* Answering what people ask of this rank: see answer.h.
 *
 * An ask either waits (for more to read, for the task to start), is looked up
 * by a thread, or is answered. What a thread looks at is a folder that is
 * opened by its path in the thread: a task that ends meanwhile takes it away,
 * and then there is nothing.
 */
#include "config.h"
#include "worker/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/beneath.h"
#include "stage/browse.h"
#include "wire/stage_answer.h"

enum { MANAGER_RANK = 0, READ_MAX_BYTES = 16 << 20 };
/* How often those that wait are looked at. */
#define TICK_NS (100 * NS_PER_MS)

static const char *const output_names[2] = {"stdout.txt", "stderr.txt"};
/* What of a scratch people may see. */
static const char *const shown_folders[] = {"applications", "shared", "startup",
                                            "workitems", NULL};

struct asked {
    struct io_job job;
    struct answerer *owner; /* NULL: nobody wants it any more */
    struct asked *next;
    uint64_t id;
    enum stage_ask_what what;
    enum stage_ask_scope scope;
    uint32_t task_job, index;
    uint64_t offset, bytes;
    int64_t until_ns; /* it may wait so long */
    bool recursive, busy;
    char path[BENEATH_NAME_MAX];
    /* what is answered */
    struct stage_answer answer;
    char root[PATH_MAX];
    int fd; /* a file that was opened; -1: none */
    struct file_info file;
    struct buf list;
};

struct answerer {
    struct answerer_config config;
    struct asked *all;
    uint32_t count;
    struct loop_timer tick;
};

/* ---- Life of an ask ---- */

static void asked_free(struct asked *q)
{
    if (q->fd >= 0)
        close(q->fd);
    buf_fini(&q->list);
    mem_free(q);
}

/* Take it off the list; a thread that looks for it goes on alone. */
static void asked_drop(struct asked *q)
{
    struct answerer *a = q->owner;
    struct asked **at = &a->all;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    a->count--;
    q->owner = NULL;
    if (!q->busy)
        asked_free(q);
}

static void offer(struct asked *q, struct offer_answer *o)
{
    struct answerer *a = q->owner;
    char text[STAGE_MAX_TEXT + 1];
    struct err err;
    o->ask = q->id;
    o->text = stage_answer_put(&q->answer, text);
    if (offers_answer(a->config.offers, o, NULL, NULL, &err) == 0) {
        log_warning("a question is not answered: %s", err.text);
        if (o->fd >= 0)
            close(o->fd);
        mem_free(o->memory);
    }
    asked_drop(q);
}

/* There is nothing: code, and why. */
static void refuse(struct asked *q, int code, const char *why)
{
    struct offer_answer o = {.code = (uint32_t)code, .fd = -1};
    q->answer.text = why;
    offer(q, &o);
}

/* Bytes, copied; there may be none. */
static void offer_bytes(struct asked *q, const void *data, size_t len,
                        uint64_t size)
{
    struct offer_answer o = {.fd = -1, .bytes = len, .size = size};
    o.memory = mem_alloc(len + 1);
    if (!o.memory) {
        refuse(q, ENOMEM, "no memory for the answer");
        return;
    }
    if (len > 0)
        memcpy(o.memory, data, len);
    offer(q, &o);
}

/* A part of a file; fd is taken. */
static void offer_file(struct asked *q, int fd, uint64_t from, uint64_t bytes,
                       uint64_t size)
{
    struct offer_answer o = {
        .fd = fd, .from = from, .bytes = bytes, .size = size};
    offer(q, &o);
}

/* ---- What a thread looks up ---- */

/* The folders of a scratch that people may see. */
static int list_scratch(struct asked *q, int root, struct err *err)
{
    struct file_info f;
    int rc = 0;
    for (int i = 0; rc == 0 && shown_folders[i]; i++) {
        f.name = shown_folders[i];
        if (browse_at(root, f.name, &f, err) < 0)
            continue;
        if (file_info_put(&q->list, &f) < 0)
            rc = err_set(err, ENOMEM, "no memory for a list of files");
        else if (q->recursive)
            rc =
                browse_list(root, f.name, true, &q->list, &q->answer.more, err);
    }
    return rc;
}

static int look(struct io_job *job, struct err *err)
{
    struct asked *q =
        (struct asked *)((char *)job - offsetof(struct asked, job));
    int root = open(q->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = -1;
    if (root < 0)
        return err_set(err, errno == ENOENT ? ENOENT : errno, "there is no %s",
                       *q->path ? q->path : "such folder");
    switch (q->what) {
    case STAGE_ASK_LIST:
        rc = q->scope == STAGE_ASK_NODE && *q->path == '\0'
                 ? list_scratch(q, root, err)
                 : browse_list(root, q->path, q->recursive, &q->list,
                               &q->answer.more, err);
        break;
    case STAGE_ASK_STAT:
        rc = browse_at(root, q->path, &q->file, err);
        break;
    case STAGE_ASK_READ:
        q->fd = browse_open(root, q->path, &q->file, err);
        rc = q->fd < 0 ? -1 : 0;
        break;
    }
    close(root);
    return rc;
}

static bool task_of(struct asked *q, struct answer_task *task);

static bool may_wait(const struct asked *q)
{
    return loop_now_ns(q->owner->config.loop) < q->until_ns;
}

/* The outputs come first in a list of all, and those that the directory has in
 * their place are left out. */
static int list_outputs(struct asked *q, const struct answer_task *task,
                        struct buf *out)
{
    struct file_info f;
    struct err err;
    size_t at = 0;
    int rc = 0;
    for (int s = 0; rc == 0 && s < 2; s++) {
        struct file_info own = {
            .mode = 0600,
            .bytes = task->capture[s] ? task->capture[s]->bytes : 0,
            .modified_ns = loop_wall_ns(q->owner->config.loop),
            .name = output_names[s]};
        if (*q->path == '\0' || strcmp(q->path, output_names[s]) == 0)
            rc = file_info_put(out, &own);
    }
    while (rc == 0 &&
           file_info_next(q->list.data, q->list.len, &at, &f, &err) > 0)
        if (strcmp(f.name, output_names[0]) != 0 &&
            strcmp(f.name, output_names[1]) != 0)
            rc = file_info_put(out, &f);
    return rc;
}

static void list_answer(struct asked *q, const struct answer_task *task)
{
    struct buf all;
    buf_init(&all, BROWSE_MAX_BYTES + 1024);
    const struct buf *list = &q->list;
    if (task) {
        if (list_outputs(q, task, &all) < 0)
            q->answer.more = true;
        list = &all;
    }
    offer_bytes(q, list->data, list->len, list->len);
    buf_fini(&all);
}

/* A thread has found it. */
static void found(struct asked *q)
{
    struct answer_task task;
    q->answer.type = q->file.type;
    q->answer.mode = q->file.mode;
    q->answer.modified_ns = q->file.modified_ns;
    if (q->what == STAGE_ASK_LIST) {
        q->answer.type = FILE_FOLDER;
        list_answer(q, q->scope == STAGE_ASK_TASK && task_of(q, &task) ? &task
                                                                       : NULL);
    } else if (q->what == STAGE_ASK_STAT) {
        offer_bytes(q, NULL, 0, q->file.bytes);
    } else {
        uint64_t size = q->file.bytes;
        uint64_t left = q->offset < size ? size - q->offset : 0;
        int fd = q->fd;
        q->fd = -1;
        if (left == 0) {
            close(fd);
            offer_bytes(q, NULL, 0, size);
        } else {
            offer_file(q, fd, q->offset, left < q->bytes ? left : q->bytes,
                       size);
        }
    }
}

static void looked(struct io_job *job, int rc, const struct err *err)
{
    struct asked *q =
        (struct asked *)((char *)job - offsetof(struct asked, job));
    q->busy = false;
    if (!q->owner) {
        asked_free(q);
        return;
    }
    if (rc < 0) {
        refuse(q, err->code, err->text);
        return;
    }
    if (q->what == STAGE_ASK_READ && q->offset >= q->file.bytes &&
        may_wait(q)) { /* again at the next tick: it may have grown */
        close(q->fd);
        q->fd = -1;
        return;
    }
    found(q);
}

static void look_up(struct asked *q, const char *root)
{
    snprintf(q->root, sizeof(q->root), "%s", root);
    buf_init(&q->list, BROWSE_MAX_BYTES);
    q->busy = true;
    q->job.work = look;
    q->job.done = looked;
    io_start_long(q->owner->config.io, &q->job);
}

/* ---- Tasks ---- */

static bool task_of(struct asked *q, struct answer_task *task)
{
    struct answerer *a = q->owner;
    *task = (struct answer_task){0};
    a->config.find(a->config.arg, q->task_job, q->index, task);
    return task->state != ASK_STATE_NONE;
}

static int output_of(const char *path)
{
    return strcmp(path, output_names[0]) == 0   ? 0
           : strcmp(path, output_names[1]) == 0 ? 1
                                                : -1;
}

/* What a task has printed, of a stream. */
static void answer_output(struct asked *q, const struct capture *c)
{
    struct capture_part part;
    q->answer.type = FILE_REGULAR;
    q->answer.mode = 0600;
    q->answer.modified_ns = loop_wall_ns(q->owner->config.loop);
    if (q->what == STAGE_ASK_STAT) {
        offer_bytes(q, NULL, 0, c->bytes);
        return;
    }
    capture_look(c, q->offset, &part);
    if (part.bytes == 0 && may_wait(q))
        return;
    size_t n = part.bytes < q->bytes ? (size_t)part.bytes : (size_t)q->bytes;
    if (part.memory || n == 0) {
        offer_bytes(q, part.memory, n, c->bytes);
        return;
    }
    int fd = fcntl(part.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        refuse(q, errno, "its output cannot be read now");
    else
        offer_file(q, fd, part.at, n, c->bytes);
}

static void answer_nothing_yet(struct asked *q, const char *why)
{
    if (!may_wait(q))
        refuse(q, EAGAIN, why);
}

static void answer_task(struct asked *q)
{
    struct answer_task task;
    bool has = task_of(q, &task);
    int output = output_of(q->path);
    q->answer.state = has ? task.state : ASK_STATE_COMPLETED;
    q->answer.attempt = task.attempt;
    if (!has)
        refuse(q, ESTALE, "it has ended");
    else if (task.state == ASK_STATE_ACTIVE)
        answer_nothing_yet(q, "it has not started");
    else if (q->what != STAGE_ASK_LIST && output >= 0 && task.capture[output])
        answer_output(q, task.capture[output]);
    else if (q->what != STAGE_ASK_LIST && output >= 0)
        answer_nothing_yet(q, "its files are being prepared");
    else if (task.dir)
        look_up(q, task.dir);
    else if (task.state == ASK_STATE_PREPARING)
        answer_nothing_yet(q, "its directory is being made");
    else if (q->what == STAGE_ASK_LIST && (*q->path == '\0' || output >= 0))
        list_answer(q, &task);
    else if (*q->path == '\0') {
        q->answer.type = FILE_FOLDER;
        q->answer.mode = 0700;
        offer_bytes(q, NULL, 0, 0);
    } else {
        refuse(q, ENOENT,
               "there is no such file: the task has no directory of its own, "
               "only stdout.txt and stderr.txt");
    }
}

/* ---- The node ---- */

static void answer_node(struct asked *q)
{
    struct answerer *a = q->owner;
    size_t len = strcspn(q->path, "/");
    bool shown = *q->path == '\0';
    for (int i = 0; !shown && shown_folders[i]; i++)
        shown = strlen(shown_folders[i]) == len &&
                strncmp(q->path, shown_folders[i], len) == 0;
    if (!a->config.scratch)
        refuse(q, ENOENT,
               "the node has no folder for tasks: none of this run needs one");
    else if (!shown)
        refuse(q, ENOENT,
               "a node shows shared, startup, applications and workitems");
    else
        look_up(q, a->config.scratch);
}

/* ---- Asks ---- */

static void asked_try(struct asked *q)
{
    if (q->scope == STAGE_ASK_TASK)
        answer_task(q);
    else
        answer_node(q);
}

/* Those that wait. */
static void tick(struct answerer *a)
{
    struct err err;
    for (struct asked *q = a->all, *next; q; q = next) {
        next = q->next;
        if (!q->busy)
            asked_try(q);
    }
    if (a->count > 0 &&
        loop_timer_start(a->config.loop, &a->tick,
                         loop_now_ns(a->config.loop) + TICK_NS, &err) < 0)
        log_error("%s", err.text);
}

static void on_tick(struct loop_timer *timer)
{
    tick((struct answerer *)((char *)timer - offsetof(struct answerer, tick)));
}

/* An answer that nothing is kept for. */
static void refuse_at_once(struct answerer *a, uint64_t id, int code,
                           const char *why)
{
    char text[STAGE_MAX_TEXT + 1];
    struct err err;
    const struct stage_answer answer = {.text = why};
    struct offer_answer o = {.ask = id, .code = (uint32_t)code, .fd = -1};
    o.text = stage_answer_put(&answer, text);
    if (offers_answer(a->config.offers, &o, NULL, NULL, &err) == 0)
        log_warning("a question is not answered: %s", err.text);
}

static void on_ask(struct answerer *a, const struct stage_msg *m)
{
    struct err err;
    struct asked *q =
        a->count < ANSWER_MAX_ASKS ? mem_calloc(1, sizeof(*q)) : NULL;
    if (!q) {
        refuse_at_once(a, m->u.ask.ask, EBUSY,
                       "too much is asked of this rank");
        return;
    }
    if (beneath_plain(m->u.ask.path, q->path, &err) < 0) {
        refuse_at_once(a, m->u.ask.ask, EINVAL, err.text);
        mem_free(q);
        return;
    }
    q->owner = a;
    q->id = m->u.ask.ask;
    q->what = m->u.ask.what;
    q->scope = m->u.ask.scope;
    q->task_job = m->u.ask.job;
    q->index = m->u.ask.index;
    q->offset = m->u.ask.offset;
    q->bytes =
        m->u.ask.bytes < READ_MAX_BYTES ? m->u.ask.bytes : READ_MAX_BYTES;
    q->recursive = m->u.ask.recursive;
    q->until_ns = loop_now_ns(a->config.loop) + m->u.ask.wait_ms * NS_PER_MS;
    q->fd = -1;
    buf_init(&q->list, BROWSE_MAX_BYTES);
    q->next = a->all;
    a->all = q;
    if (a->count++ == 0 &&
        loop_timer_start(a->config.loop, &a->tick,
                         loop_now_ns(a->config.loop) + TICK_NS, &err) < 0)
        log_error("%s", err.text);
    asked_try(q);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct answerer *a = arg;
    struct stage_msg m;
    struct err err;
    if (peer != MANAGER_RANK)
        return;
    if (stage_msg_parse(data, len, a->config.spec, &m, &err) < 0) {
        log_error("malformed question: %s", err.text);
        return;
    }
    if (m.kind == STAGE_ASK) {
        on_ask(a, &m);
        return;
    }
    for (struct asked *q = a->all; q && m.kind == STAGE_ASK_GONE; q = q->next)
        if (q->id == m.u.ask_gone.ask) {
            asked_drop(q);
            return;
        }
}

/* ---- Life ---- */

struct answerer *answerer_create(const struct answerer_config *config,
                                 struct err *err)
{
    struct answerer *a = mem_calloc(1, sizeof(*a));
    if (!a) {
        err_set(err, ENOMEM, "no memory to answer questions");
        return NULL;
    }
    a->config = *config;
    loop_timer_init(&a->tick, on_tick);
    comm_listen(config->bulk, COMM_TO_ANSWERER,
                &(struct comm_handler){.message = on_message, .arg = a});
    return a;
}

void answerer_destroy(struct answerer *a)
{
    if (!a)
        return;
    while (a->all)
        asked_drop(a->all);
    loop_timer_stop(a->config.loop, &a->tick);
    comm_listen(a->config.bulk, COMM_TO_ANSWERER, &(struct comm_handler){0});
    mem_free(a);
}
