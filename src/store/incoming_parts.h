/* What the parts of incoming share: incoming.c (files as the caller has them,
 * the pack, what comes back), incoming_thread.c (orders, and the thread that
 * carries them out). Nobody else includes it.
 *
 * Who owns what: `fd`, `offset`, `sum` and `broken` of a file are the thread's;
 * `over`, `orders` and the rest the caller's. `quit`, the queues and `why` are
 * under the lock.
 */
#ifndef MPIBATCH_STORE_INCOMING_PARTS_H
#define MPIBATCH_STORE_INCOMING_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/checksum.h"
#include "store/incoming.h"
#include "store/returned_place.h"

enum order_kind { ORDER_WRITE, ORDER_END, ORDER_ABORT, ORDER_FORGET };

struct order {
    struct order *next;
    enum order_kind kind;
    struct incoming_file *file; /* NULL: ORDER_FORGET */
    struct returned_of of;      /* ORDER_FORGET: its strings behind data */
    bool failed;
    struct err *err; /* why; heap; NULL: no memory to say so */
    size_t len;
    char data[];
};

struct queue {
    struct order *first, **end;
};

struct incoming_file {
    struct incoming *in;
    struct incoming_file *next, **link; /* of all that are not freed */
    struct returned_of of;              /* strings: own */
    char *name;
    uint32_t mode;
    struct incoming_events events;
    struct buf small; /* until it is too large */
    uint64_t number;  /* of its part; 0: it has none yet */
    uint32_t orders;  /* under way */
    bool over;        /* for the caller */

    int fd; /* -1: not made */
    uint64_t offset;
    struct checksum *sum;
    bool broken; /* the file: later orders have no effect */
};

struct incoming {
    struct writer *writer;
    uint32_t session;
    int pack; /* the writer's number; -1: not made yet */
    uint64_t pack_offset;
    char *pack_path;
    struct incoming_file *files;
    uint64_t numbers;

    struct returned_place place; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct queue todo, ready;
    bool quit, ended;
    char why[256]; /* "": no write fails */
    int event_fd;
    _Atomic uint64_t backlog;
    _Atomic bool stalled;
};

void incoming_queue_init(struct queue *q);
/* The first one out of it, or NULL. */
struct order *incoming_queue_take(struct queue *q);

/* An order about f with a copy of data. NULL: no memory. */
struct order *incoming_order_new(enum order_kind kind, struct incoming_file *f,
                                 const void *data, size_t len);
void incoming_order_free(struct order *o);
/* Hand it to the thread; it comes back in `ready`. */
void incoming_order_give(struct incoming *in, struct order *o);

/* Start the thread; makes the lock. 0 or the error's number. */
int incoming_thread_start(struct incoming *in);
/* End it, if it ends within timeout_ns, and the lock with it. false: it is
 * within a call that does not return, and is left there with all it uses. */
bool incoming_thread_end(struct incoming *in, int64_t timeout_ns);

#endif
