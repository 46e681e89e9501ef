/* What a task prints, while it runs: see follow.h. */
#include "config.h"
#include "cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/log.h"
#include "cli/task_files.h"

enum { PIECE_BYTES = 1 << 20, TAIL_PIECE_BYTES = 1 << 16, WAIT_MS = 10000 };

int tail_find(int (*read)(void *arg, uint64_t from, uint64_t len,
                          struct buf *out, struct err *err),
              void *arg, uint64_t size, uint64_t lines, uint64_t *from,
              struct err *err)
{
    struct buf piece;
    uint64_t at = size, seen = 0;
    int rc = 0;
    buf_init(&piece, TAIL_PIECE_BYTES);
    *from = 0;
    while (rc == 0 && at > 0 && seen < lines) {
        uint64_t n = at < TAIL_PIECE_BYTES ? at : TAIL_PIECE_BYTES;
        buf_reset(&piece);
        rc = read(arg, at - n, n, &piece, err);
        for (size_t i = piece.len; rc == 0 && i > 0 && seen < lines; i--)
            if (piece.data[i - 1] == '\n' && at - n + i < size &&
                ++seen == lines)
                *from = at - n + i;
        at -= n;
    }
    buf_fini(&piece);
    return rc;
}

static void put(struct follow *f, const struct buf *piece)
{
    if (piece->len > 0 && f->put(f->arg, piece) != 0)
        f->over = true;
}

/* All that the holder has from f->at on, up to where it ended when this began.
 */
static int read_all(struct follow *f, struct holder *h, struct err *err)
{
    struct file_info info;
    struct buf piece;
    uint64_t end = UINT64_MAX;
    int rc = 0;
    buf_init(&piece, PIECE_BYTES);
    while (!f->over && f->at < end) {
        buf_reset(&piece);
        rc = holder_read(h, holder_output_names[f->stream], f->at, PIECE_BYTES,
                         0, &piece, &info, err);
        if (rc < 0)
            break;
        if (end == UINT64_MAX)
            end = info.bytes;
        if (piece.len == 0)
            break;
        f->at += piece.len;
        put(f, &piece);
    }
    buf_fini(&piece);
    return rc;
}

/* ---- From the run directory ---- */

struct part {
    struct holder *holder;
    const char *name;
};

static int read_part(void *arg, uint64_t from, uint64_t len, struct buf *out,
                     struct err *err)
{
    const struct part *p = arg;
    struct file_info info;
    return holder_read(p->holder, p->name, from, (uint32_t)len, 0, out, &info,
                       err);
}

/* At first only the last lines, if that is what was asked for. */
static int begin_at(struct follow *f, struct holder *h, struct err *err)
{
    struct file_info info;
    if (f->begun || f->tail == 0) {
        f->begun = true;
        return 0;
    }
    struct part p = {.holder = h, .name = holder_output_names[f->stream]};
    if (holder_look(h, p.name, &info, err) < 0 ||
        tail_find(read_part, &p, info.bytes, f->tail, &f->at, err) < 0)
        return -1;
    f->begun = true;
    return 0;
}

static int on_rest(void *arg, struct holder *h, struct err *err)
{
    struct follow *f = arg;
    return begin_at(f, h, err) < 0 ? -1 : read_all(f, h, err);
}

/* The rest of an attempt (0: the last one) that has ended. */
static int rest(struct follow *f, uint32_t attempt, uint32_t known,
                struct err *err)
{
    const struct task_files t = {.run = f->run,
                                 .job = f->job,
                                 .index = f->index,
                                 .attempt = attempt,
                                 .use = on_rest,
                                 .arg = f};
    return task_files_use_ended(&t, known, err);
}

/* The attempt that was followed has ended, and perhaps others behind it. */
static int end(struct follow *f, uint32_t last, struct err *err)
{
    if (f->attempt > 0 && f->attempt < last) {
        struct err unsaid; /* a lost one has left nothing */
        (void)rest(f, f->attempt, f->attempt, &unsaid);
        f->at = 0;
    }
    return rest(f, 0, last, err);
}

/* ---- From the session ---- */

/* Another attempt is to come: the end of this one. */
static void attempt_over(struct follow *f)
{
    struct err unsaid;
    if (f->attempt == 0)
        return;
    (void)rest(f, f->attempt, f->attempt, &unsaid);
    if (!f->over)
        log_info("attempt %" PRIu32 " has ended; the task is tried again",
                 f->attempt);
    f->attempt = 0;
    f->at = 0;
}

/* Ask once. 1: go on; 0: it has ended; -1 with err. */
static int step(struct follow *f, struct holder *h, struct buf *piece,
                struct err *err)
{
    static const struct timespec second = {.tv_sec = 1};
    struct file_info info;
    buf_reset(piece);
    if (begin_at(f, h, err) == 0 &&
        holder_read(h, holder_output_names[f->stream], f->at, PIECE_BYTES,
                    WAIT_MS, piece, &info, err) == 0) {
        if (f->attempt > 0 && f->attempt != h->answer.attempt) {
            attempt_over(f);
            return 1;
        }
        f->attempt = h->answer.attempt;
        f->at += piece->len;
        put(f, piece);
        return 1;
    }
    switch (err->code) {
    case HOLDER_ENDED:
        return end(f, h->answer.attempt, err);
    case HOLDER_WAITS:
        attempt_over(f);
        nanosleep(&second, NULL); /* if nobody was waited for */
        return 1;
    case HOLDER_LOST:
        log_info("%s; what it printed is lost with it", err->text);
        f->attempt = 0;
        f->at = 0;
        nanosleep(&second, NULL);
        return 1;
    case ENOTCONN:
        return end(f, f->attempt, err) == 0 ? 0 : -1;
    default:
        return -1;
    }
}

int follow_run(struct follow *f, struct err *err)
{
    struct holder h;
    struct buf piece;
    int rc = 1;
    buf_init(&piece, PIECE_BYTES);
    holder_of_task(&h, f->run, f->job, f->index);
    while (rc > 0 && !f->over)
        rc = step(f, &h, &piece, err);
    holder_close(&h);
    buf_fini(&piece);
    return rc < 0 ? -1 : 0;
}

int follow_now(struct follow *f,
               void (*begin)(void *arg, int stream, uint64_t bytes),
               struct err *err)
{
    struct holder h;
    struct file_info info;
    holder_of_task(&h, f->run, f->job, f->index);
    int rc = holder_look(&h, holder_output_names[f->stream], &info, err);
    if (rc == 0) {
        f->attempt = h.answer.attempt;
        if (begin)
            begin(f->arg, f->stream, info.bytes);
        rc = begin_at(f, &h, err);
    }
    if (rc == 0)
        rc = read_all(f, &h, err);
    holder_close(&h);
    return rc;
}
