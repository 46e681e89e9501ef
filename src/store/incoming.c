/* Files coming in: see incoming.h.
 *
 * A file gathers in memory until it is over or too large to be packed. From
 * then on its bytes are orders to the thread, in a queue: write, end, abort.
 * An order that is carried out comes back in another queue, for the caller's
 * side to call what is due, and to free. A file is freed when it is over for
 * the caller and none of its orders is under way.
 *
 * incoming_parts.h says who owns what.
 */
#include "config.h"
#include "store/incoming_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

/* ---- Files ---- */

static void file_free(struct incoming_file *f)
{
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    if (f->fd >= 0)
        close(f->fd);
    checksum_destroy(f->sum);
    buf_fini(&f->small);
    mem_free((char *)f->of.job_id);
    mem_free((char *)f->of.task_id);
    mem_free(f->name);
    mem_free(f);
}

/* It is over: free it, if the thread has done with it, too. */
static void file_release(struct incoming_file *f)
{
    if (f->over && f->orders == 0)
        file_free(f);
}

static void file_done(struct incoming_file *f, const struct attempt_file *where,
                      const struct err *err)
{
    f->over = true;
    f->events.done(f->events.arg, where, err);
}

static void file_failed(struct incoming_file *f, const struct err *err)
{
    static const struct err no_memory = {
        .code = ENOMEM, .text = "no memory to keep a returned file"};
    file_done(f, NULL, err ? err : &no_memory);
}

struct incoming_file *incoming_begin(struct incoming *in,
                                     const struct returned_of *of,
                                     const char *name, uint32_t mode,
                                     const struct incoming_events *events,
                                     struct err *err)
{
    if (!id_is_valid(of->job_id) || !id_is_valid(of->task_id) ||
        !attempt_file_name_is_valid(name)) {
        err_set(err, EINVAL, "a returned file cannot have this name");
        return NULL;
    }
    struct incoming_file *f = mem_calloc(1, sizeof(*f));
    if (!f) {
        err_set(err, ENOMEM, "no memory to keep a returned file");
        return NULL;
    }
    f->in = in;
    f->fd = -1;
    f->mode = mode;
    f->events = *events;
    buf_init(&f->small, RETURNED_MAX_PACKED);
    f->next = in->files;
    f->link = &in->files;
    if (f->next)
        f->next->link = &f->next;
    in->files = f;
    f->of = (struct returned_of){.job_id = mem_strdup(of->job_id),
                                 .task_id = mem_strdup(of->task_id),
                                 .attempt = of->attempt};
    f->name = mem_strdup(name);
    if (f->of.job_id && f->of.task_id && f->name)
        return f;
    file_free(f);
    err_set(err, ENOMEM, "no memory to keep a returned file");
    return NULL;
}

/* More than a pack takes: what has gathered goes to a part. */
static int file_grow(struct incoming_file *f)
{
    struct order *o = NULL;
    if (f->small.len > 0 &&
        !(o = incoming_order_new(ORDER_WRITE, f, f->small.data, f->small.len)))
        return -1;
    f->number = ++f->in->numbers;
    buf_fini(&f->small);
    if (o)
        incoming_order_give(f->in, o);
    return 0;
}

int incoming_put(struct incoming_file *f, const void *data, size_t len,
                 struct err *err)
{
    if (len == 0)
        return 0;
    if (!f->number && len <= RETURNED_MAX_PACKED - f->small.len) {
        if (buf_put(&f->small, data, len) == 0)
            return 0;
    } else if (f->number || file_grow(f) == 0) {
        struct order *o = incoming_order_new(ORDER_WRITE, f, data, len);
        if (o) {
            incoming_order_give(f->in, o);
            return 0;
        }
    }
    return err_set(err, ENOMEM, "no memory to keep the returned file %s",
                   f->name);
}

/* ---- The pack ---- */

static int pack_open(struct incoming *in, struct err *err)
{
    if (in->pack >= 0)
        return 0;
    int fd = open(in->pack_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot make %s", in->pack_path);
    in->pack = writer_add_file(in->writer, fd, in->pack_path, 0);
    if (in->pack >= 0)
        return 0;
    close(fd);
    (void)unlink(in->pack_path);
    return err_set(err, EMFILE, "%s: the writer has too many files",
                   in->pack_path);
}

static int pack_put(struct incoming *in, struct incoming_file *f,
                    struct attempt_file *where, struct err *err)
{
    const char *data = buf_text(&f->small);
    *where = (struct attempt_file){.place = FILE_PACKED,
                                   .session = in->session,
                                   .offset = in->pack_offset,
                                   .bytes = f->small.len,
                                   .mode = f->mode & 0777};
    checksum_of(data, f->small.len, where->digest.bytes);
    if (f->small.len == 0)
        return 0;
    if (pack_open(in, err) < 0 ||
        writer_append(in->writer, in->pack, data, f->small.len, NULL, err) < 0)
        return -1;
    in->pack_offset += f->small.len;
    return 0;
}

static void end_small(struct incoming_file *f)
{
    struct attempt_file where;
    struct err err;
    uint64_t bytes = f->small.len;
    if (pack_put(f->in, f, &where, &err) < 0) {
        file_failed(f, &err);
    } else {
        if (bytes > 0 && f->events.consumed)
            f->events.consumed(f->events.arg, bytes);
        file_done(f, &where, NULL);
    }
    file_release(f);
}

void incoming_end(struct incoming_file *f)
{
    if (!f->number) {
        end_small(f);
        return;
    }
    struct order *o = incoming_order_new(ORDER_END, f, NULL, 0);
    if (o) {
        incoming_order_give(f->in, o);
        return;
    }
    file_failed(f, NULL); /* its part goes with the session's others */
    file_release(f);
}

void incoming_abort(struct incoming_file *f)
{
    struct order *o =
        f->number ? incoming_order_new(ORDER_ABORT, f, NULL, 0) : NULL;
    f->over = true;
    if (o)
        incoming_order_give(f->in, o);
    file_release(f);
}

void incoming_forget(struct incoming *in, const struct returned_of *of)
{
    size_t job = strlen(of->job_id) + 1, task = strlen(of->task_id) + 1;
    struct order *o = mem_alloc(sizeof(*o) + job + task);
    if (!o)
        return; /* it only takes room */
    *o = (struct order){.kind = ORDER_FORGET};
    memcpy(o->data, of->job_id, job);
    memcpy(o->data + job, of->task_id, task);
    o->of = (struct returned_of){o->data, o->data + job, of->attempt};
    incoming_order_give(in, o);
}

/* ---- What comes back ---- */

static void told_end(struct incoming_file *f)
{
    struct attempt_file where = {.place = FILE_OWN,
                                 .session = f->in->session,
                                 .bytes = f->offset,
                                 .mode = f->mode & 0777};
    checksum_get(f->sum, where.digest.bytes);
    file_done(f, &where, NULL);
}

static void order_told(struct incoming *in, struct order *o)
{
    struct incoming_file *f = o->file;
    atomic_fetch_sub(&in->backlog, o->len);
    if (!f)
        return;
    f->orders--;
    if (!f->over && o->failed)
        file_failed(f, o->err);
    else if (!f->over && o->kind == ORDER_END)
        told_end(f);
    else if (!f->over && o->kind == ORDER_WRITE && f->events.consumed)
        f->events.consumed(f->events.arg, o->len);
    file_release(f);
}

bool incoming_turn(struct incoming *in)
{
    uint64_t count;
    struct order *o;
    while (read(in->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&in->lock);
    struct order *first = in->ready.first;
    incoming_queue_init(&in->ready);
    pthread_mutex_unlock(&in->lock);
    bool any = first != NULL;
    while ((o = first)) {
        first = o->next;
        order_told(in, o);
        incoming_order_free(o);
    }
    return any;
}

/* ---- Life ---- */

static void queue_drop(struct queue *q)
{
    struct order *o;
    while ((o = incoming_queue_take(q))) {
        if (o->file)
            o->file->orders--;
        incoming_order_free(o);
    }
}

/* The thread has ended, or has never begun. */
static void release(struct incoming *in)
{
    queue_drop(&in->todo);
    queue_drop(&in->ready);
    while (in->files)
        file_free(in->files);
    returned_place_fini(&in->place);
    if (in->event_fd >= 0)
        close(in->event_fd);
    mem_free(in->pack_path);
    mem_free(in);
}

struct incoming *incoming_create(struct rundir *r, struct writer *writer,
                                 struct err *err)
{
    struct incoming *in = mem_calloc(1, sizeof(*in));
    if (!in) {
        err_set(err, ENOMEM, "no memory for returned files");
        return NULL;
    }
    in->writer = writer;
    in->session = rundir_session(r);
    in->pack = -1;
    in->event_fd = -1;
    incoming_queue_init(&in->todo);
    incoming_queue_init(&in->ready);
    if (returned_place_init(&in->place, r, err) < 0)
        goto fail;
    in->pack_path = returned_pack_path(r, in->session, err);
    if (!in->pack_path)
        goto fail;
    in->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (in->event_fd < 0) {
        err_sys(err, errno, "cannot wait for returned files");
        goto fail;
    }
    int rc = incoming_thread_start(in);
    if (rc == 0)
        return in;
    err_sys(err, rc, "cannot start a thread for returned files");
fail:
    release(in);
    return NULL;
}

void incoming_destroy(struct incoming *in, int64_t timeout_ns)
{
    if (!in)
        return;
    if (incoming_thread_end(in, timeout_ns))
        release(in);
}

int incoming_fd(const struct incoming *in)
{
    return in->event_fd;
}

uint64_t incoming_backlog_bytes(const struct incoming *in)
{
    return atomic_load(&in->backlog) + writer_backlog_bytes(in->writer);
}

bool incoming_stalled(struct incoming *in, char why[256])
{
    if (!atomic_load(&in->stalled)) {
        why[0] = '\0';
        return false;
    }
    pthread_mutex_lock(&in->lock);
    memcpy(why, in->why, sizeof(in->why));
    pthread_mutex_unlock(&in->lock);
    return true;
}
