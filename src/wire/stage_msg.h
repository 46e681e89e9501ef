/* The messages of the bulk channel: staging, transfers, offers, asks.
 *
 * Each starts with the version and its kind. Decoding checks every bound: a
 * malformed message is an error, never a crash. Texts are without NUL inside;
 * decoded, they and a piece's data borrow from the message.
 */
#ifndef MPIBATCH_WIRE_STAGE_MSG_H
#define MPIBATCH_WIRE_STAGE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/failure.h"
#include "model/jobspec.h"
#include "model/object.h"
#include "model/stage_counts.h"

enum { STAGE_MSG_VERSION = 1 };

/* The longest texts, without their NUL. */
enum {
    STAGE_MAX_KEY = 16 * 1024,
    STAGE_MAX_PATH = 4096,
    STAGE_MAX_TEXT = 1023
};
/* The most data in one piece. */
enum { STAGE_MAX_PIECE = 48 * 1024 };
/* The largest message. */
enum { STAGE_MSG_MAX_BYTES = STAGE_MAX_PIECE + 256 };
/* Fetch from: not a rank, but shared storage or the web. */
#define STAGE_ORIGIN UINT32_MAX
/* The handle of an offer has this bit, that of an object has not. */
#define STAGE_OFFER_BIT (UINT64_C(1) << 63)
/* A STAGE_HAVE that answers no want. */
#define STAGE_NO_WANT UINT64_MAX
/* How much a transfer has: not known yet. */
#define STAGE_UNKNOWN UINT64_MAX

enum stage_kind {
    /* COMM_TO_DIRECTOR */
    STAGE_WANT = 1,    /* my node needs this object */
    STAGE_GOT,         /* it is here now */
    STAGE_FAILED,      /* I cannot get it */
    STAGE_MISSING,     /* it was here, and is gone */
    STAGE_STREAM_ASK,  /* may I write to shared storage? */
    STAGE_STREAM_DONE, /* I have written */
    STAGE_COUNTS_SUM,  /* what I have counted so far */
    /* COMM_TO_STAGER */
    STAGE_HAVE = 32, /* your node has it */
    STAGE_FETCH,     /* get it from there */
    STAGE_ERROR,     /* it cannot be had */
    STAGE_GRANT,     /* you may write */
    /* COMM_TO_TRANSFER, between any two */
    STAGE_PULL = 64, /* send me this, at most so much for now */
    STAGE_MORE,      /* so much more */
    STAGE_CANCEL,    /* no more of it */
    STAGE_PIECE,     /* the next bytes */
    STAGE_END,       /* that was all, or why there is no more */
    STAGE_LOST,      /* rank 0: that rank is dead, never touch it again */
    /* COMM_TO_RECEIVER */
    STAGE_OFFER = 96, /* I have this for you: pull it */
    STAGE_OFFER_GONE, /* I have it no more */
    /* COMM_TO_OFFERER */
    STAGE_TAKEN = 112, /* it is safe, or will not be had */
    /* COMM_TO_ANSWERER */
    STAGE_ASK = 128, /* show me this: the answer is an offer */
    STAGE_ASK_GONE   /* nobody waits for it any more */
};

enum stage_offer_what { STAGE_OFFER_FILE = 1, STAGE_OFFER_ANSWER };
enum stage_ask_what { STAGE_ASK_LIST = 1, STAGE_ASK_STAT, STAGE_ASK_READ };
enum stage_ask_scope { STAGE_ASK_TASK = 1, STAGE_ASK_NODE };

struct stage_msg {
    enum stage_kind kind;
    union {
        struct {
            uint64_t want; /* the asker's number for it */
            enum object_kind kind;
            const char *key;
        } want;
        struct {
            uint64_t object;
            struct object_meta meta;
        } got;
        struct {
            uint64_t object;
            enum object_blame blame;
            uint32_t parent;      /* where I tried: a rank, or STAGE_ORIGIN */
            enum failure failure; /* not NONE */
            const char *text;
        } failed;
        struct {
            uint64_t object;
        } missing;
        struct { /* STAGE_STREAM_ASK, STAGE_STREAM_DONE, STAGE_GRANT */
            uint64_t stream; /* the asker's number for it */
        } stream;
        struct stage_counts counts;
        struct {
            uint64_t want; /* STAGE_NO_WANT: be ready to serve it */
            uint64_t object;
            struct object_meta meta;
        } have;
        struct {
            uint64_t object;
            enum object_kind kind;
            const char *key;
            uint32_t from; /* a rank, or STAGE_ORIGIN */
            bool known;    /* is meta known? (else all zero) */
            struct object_meta meta;
        } fetch;
        struct {
            uint64_t want, object;
            enum failure failure; /* not NONE */
            const char *text;
        } error;
        struct {
            uint32_t pull; /* the puller's number for it */
            uint64_t handle, offset, credit;
        } pull;
        struct {
            uint32_t pull;
            uint64_t credit;
        } more;
        struct {
            uint32_t pull;
        } cancel;
        struct {
            uint32_t pull;
            uint64_t offset;
            const void *data; /* at least a byte */
            size_t len;
        } piece;
        struct {
            uint32_t pull;
            uint64_t total; /* of the whole, from its start; failed: 0 */
            enum failure failure;
            const char *text; /* "": no failure */
        } end;
        struct {
            uint32_t rank;
        } lost;
        struct {
            uint64_t handle; /* with STAGE_OFFER_BIT */
            enum stage_offer_what what;
            uint64_t bytes; /* STAGE_UNKNOWN: until it ends */
            /* STAGE_OFFER_FILE (else all zero, "") */
            uint32_t job, index, attempt, mode;
            const char *name;
            /* STAGE_OFFER_ANSWER (else all zero, "") */
            uint64_t ask;
            uint64_t size;    /* of the whole file that bytes are of */
            uint32_t code;    /* errno; 0: there is something to pull */
            const char *text; /* what there is, or why not: stage_answer.h */
        } offer;
        struct {
            uint64_t handle;
        } gone;
        struct {
            uint64_t handle;
            bool packed; /* where it is: in the pack, or a file of its own */
            uint32_t session;
            uint64_t offset;
            struct digest digest;
            enum failure failure; /* NONE: it is safe */
            const char *text;     /* "": no failure */
        } taken;
        struct {
            uint64_t ask;
            enum stage_ask_what what;
            enum stage_ask_scope scope;
            uint32_t job, index; /* STAGE_ASK_TASK (else zero) */
            const char *path;    /* relative; "": the root of it */
            uint64_t offset, bytes;
            uint32_t wait_ms; /* so long it may take until there are any, or
                                 until the task has started */
            bool recursive;
        } ask;
        struct {
            uint64_t ask;
        } ask_gone;
    } u;
};

/* Append the message; NULL is the same as "" for a text. -1 with errno as
 * buf_put, or EINVAL (a text or piece over its maximum, or with a NUL, an
 * unknown kind); b is as it was then. */
int stage_msg_put(struct buf *b, const struct stage_msg *m);

/* Append what stands before the data in a STAGE_PIECE, as for
 * comm_send_parts. */
int stage_msg_put_piece_head(struct buf *b, uint32_t pull, uint64_t offset);

/* Decode one message that fills data exactly. spec bounds job and task numbers;
 * NULL: messages that name a task are an error here. -1 with err EPROTO; m is
 * undefined then. */
int stage_msg_parse(const void *data, size_t len, const struct jobspec *spec,
                    struct stage_msg *m, struct err *err);

#endif
