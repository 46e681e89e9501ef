/* A pull that lands in a file: see landing.h. Owns the blocks between the
 * channel and the disk: one is being filled; the full ones stand in a queue,
 * whose first a thread writes and hashes. What has come is written as soon as
 * no other write is under way, so that those who wait for the file to grow do
 * not wait for a block to be full.
 */
#include "config.h"
#include "bulk/landing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/file.h"
#include "base/mem.h"

enum { BLOCK_BYTES = 256 * 1024 };

struct block {
    struct io_job job;
    struct landing *landing;
    struct block *next;
    uint64_t offset;
    size_t len;
    uint32_t round; /* of the pull it came by */
    char data[BLOCK_BYTES];
};

enum state {
    IDLE,    /* no pull */
    PULLING, /* a pull is under way */
    ENDING,  /* the pull has ended; blocks are still written */
    DEAD     /* destroyed, but for the block that a thread has */
};

struct landing {
    struct landing_config config; /* fd: our own */
    struct checksum *sum;
    enum state state;
    struct pull *pull;
    uint32_t round;          /* the number of the pull */
    uint64_t received;       /* in blocks or in the file */
    uint64_t written;        /* in the file */
    struct block *filling;   /* not full; NULL: none */
    struct block *first;     /* being written, and */
    struct block *last;      /* the full ones behind it */
    struct block *spare;     /* one at most */
    int code;                /* writing has failed: errno */
    struct landing_end end;  /* ENDING: what will be told */
    char text[ERR_TEXT_MAX]; /* end.text */
};

/* Free all blocks from this one on. */
static void blocks_free(struct block *b)
{
    for (struct block *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
}

static void landing_free(struct landing *l)
{
    blocks_free(l->first);
    mem_free(l->filling);
    mem_free(l->spare);
    checksum_destroy(l->sum);
    if (l->config.fd >= 0)
        close(l->config.fd);
    mem_free(l);
}

struct landing *landing_create(const struct landing_config *config,
                               struct err *err)
{
    struct landing *l = mem_calloc(1, sizeof(*l));
    if (!l) {
        err_set(err, ENOMEM, "transfer: no memory for a file");
        return NULL;
    }
    l->config = *config;
    l->config.fd = fcntl(config->fd, F_DUPFD_CLOEXEC, 0);
    if (l->config.fd < 0)
        err_sys(err, errno, "transfer");
    else
        l->sum = checksum_create(err);
    if (l->sum)
        return l;
    landing_free(l);
    return NULL;
}

/* ---- writing ---- */

static int write_work(struct io_job *j, struct err *err)
{
    struct block *b = (struct block *)j; /* its first member */
    struct landing *l = b->landing;
    if (file_write_at(l->config.fd, b->data, b->len, b->offset) < 0)
        return err_sys(err, errno, "writing");
    checksum_update(l->sum, b->data, b->len);
    return 0;
}

static void write_done(struct io_job *j, int rc, const struct err *err);

static void write_first(struct landing *l)
{
    l->first->job.work = write_work;
    l->first->job.done = write_done;
    io_start(l->config.io, &l->first->job);
}

/* Put the block that is being filled behind the full ones. */
static void block_push(struct landing *l)
{
    struct block *b = l->filling;
    l->filling = NULL;
    b->next = NULL;
    if (l->first)
        l->last->next = b;
    else
        l->first = b;
    l->last = b;
    if (l->first == b)
        write_first(l);
}

/* The pull has ended and nothing is left to write: say so. */
static void end_tell(struct landing *l)
{
    struct landing_end end = l->end;
    char text[ERR_TEXT_MAX];
    if (l->state != ENDING || l->first || l->filling)
        return;
    l->state = IDLE;
    if (l->code != 0) {
        end.end = TRANSFER_REFUSED;
        end.code = l->code;
        end.failure = failure_of_errno(l->code, PHASE_WRITE);
    }
    end.bytes = l->written;
    checksum_get(l->sum, end.digest.bytes);
    memcpy(text, l->text, sizeof(text));
    end.text = text;
    l->config.ended(l->config.arg, &end);
}

/* Writing has failed: nothing else will be written, or come. The first block
 * may still be in a thread. */
static void write_failed(struct landing *l, const struct err *err)
{
    l->code = err->code;
    snprintf(l->text, sizeof(l->text), "%s", err->text);
    if (l->first) {
        blocks_free(l->first->next);
        l->first->next = NULL;
        l->last = l->first;
    }
    mem_free(l->filling);
    l->filling = NULL;
    if (l->state == PULLING) {
        transfers_cancel(l->pull);
        l->pull = NULL;
        l->state = ENDING;
    }
    end_tell(l);
}

static void write_done(struct io_job *j, int rc, const struct err *err)
{
    struct block *b = (struct block *)j;
    struct landing *l = b->landing;
    if (l->state == DEAD) {
        landing_free(l);
        return;
    }
    if (rc < 0) {
        struct err why = *err; /* it is the job's, which ends */
        blocks_free(b);
        l->first = NULL;
        write_failed(l, &why);
        return;
    }
    l->first = b->next;
    l->written += b->len;
    if (l->state == PULLING && b->round == l->round)
        transfers_consumed(l->pull, b->len);
    if (l->spare)
        mem_free(b);
    else
        l->spare = b;
    if (l->first)
        write_first(l);
    else if (l->filling)
        block_push(l);
    if (l->state == ENDING && !l->first)
        end_tell(l);
    else if (l->config.progress)
        l->config.progress(l->config.arg, l->written);
}

/* ---- pulling ---- */

static bool block_get(struct landing *l)
{
    struct block *b = l->spare;
    l->spare = NULL;
    if (!b)
        b = mem_alloc(sizeof(*b));
    if (!b)
        return false;
    b->landing = l;
    b->offset = l->received;
    b->len = 0;
    b->round = l->round;
    l->filling = b;
    return true;
}

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    struct landing *l = arg;
    const char *p = data;
    (void)offset;
    while (len > 0) {
        if (!l->filling && !block_get(l)) {
            struct err err;
            err_set(&err, ENOMEM, "no memory for what came");
            write_failed(l, &err);
            return;
        }
        struct block *b = l->filling;
        size_t take = BLOCK_BYTES - b->len;
        if (take > len)
            take = len;
        memcpy(b->data + b->len, p, take);
        b->len += take;
        p += take;
        len -= take;
        l->received += take;
        if (b->len == BLOCK_BYTES || !l->first)
            block_push(l);
    }
}

static void on_ended(void *arg, enum transfer_end end, uint64_t total,
                     enum failure failure, const char *text)
{
    struct landing *l = arg;
    (void)total;
    l->pull = NULL;
    l->state = ENDING;
    l->end = (struct landing_end){.end = end, .failure = failure};
    snprintf(l->text, sizeof(l->text), "%s", text);
    end_tell(l);
}

int landing_pull(struct landing *l, uint32_t from, uint64_t handle,
                 struct err *err)
{
    const struct transfer_sink sink = {on_piece, on_ended, l};
    if (l->code != 0)
        return err_set(err, l->code, "%s", l->text);
    struct pull *pull = transfers_pull(l->config.transfers, from, handle,
                                       l->received, &sink, err);
    if (!pull)
        return -1;
    if (l->filling)
        block_push(l); /* a block is of one round */
    l->pull = pull;
    l->state = PULLING;
    l->round++;
    return 0;
}

void landing_cancel(struct landing *l)
{
    if (l->state == PULLING)
        transfers_cancel(l->pull);
    l->pull = NULL;
    l->state = IDLE;
}

void landing_destroy(struct landing *l)
{
    if (!l)
        return;
    landing_cancel(l);
    if (!l->first) {
        landing_free(l);
        return;
    }
    l->state = DEAD;
    blocks_free(l->first->next);
    l->first->next = NULL;
}
