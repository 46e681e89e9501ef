/* The messages between the manager and its workers.
 *
 * Each starts with its kind; the protocol's version is exchanged once, in
 * MSG_READY, and packets carry it too. Decoding checks every bound against
 * the job spec that both sides hold: a malformed message is an error, never a
 * crash.
 */
#ifndef MPIBATCH_WIRE_MSG_H
#define MPIBATCH_WIRE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/attempt.h"
#include "model/gpu.h"
#include "model/jobspec.h"
#include "model/record.h"

enum { MSG_VERSION = 5 };

/* The largest output that travels inside a result, each of stdout and stderr;
 * a longer one goes to a file of its own. */
enum { MSG_MAX_OUTPUT = 64 * 1024 };
/* The end of an output in a file, for people to see, is no longer than this. */
enum { MSG_MAX_TAIL = 2000 };
/* The largest message. */
enum { MSG_MAX_BYTES = 2 * MSG_MAX_OUTPUT + RECORD_MAX_BYTES + 4 * 1024 };

enum msg_kind {
    /* worker to manager */
    MSG_READY = 1, /* I have slots */
    MSG_STARTED,   /* this attempt has been running for a while */
    MSG_RESULT,    /* this attempt ended */
    MSG_RETURNED,  /* I have not started these, and will not (all zero: none,
                      the answer to a MSG_RECALL that came too late) */
    MSG_PREPARING, /* this attempt waits for its files, not for slots */
    MSG_STORING,   /* the process of this attempt has ended, its slots are free;
                      what it has left is being stored */
    MSG_PREPARED,  /* this attempt has its files, and waits for slots */
    MSG_INSTANCE,  /* this instance of an attempt is coordinated */
    MSG_REMOTE_ENDED, /* how the command of a MSG_REMOTE has ended */
    MSG_LEFT,         /* nothing runs here and everything is reported */
    /* manager to worker */
    MSG_ASSIGN = 32, /* run these */
    MSG_RECALL,      /* give back up to count unstarted tasks */
    MSG_CANCEL,      /* end what runs of this job, give back the rest */
    MSG_STOP,        /* give back the unstarted; if now: end what runs */
    MSG_LAUNCH,      /* run this attempt, so */
    MSG_GO,  /* all instances are coordinated: the first one may go on */
    MSG_END, /* end this attempt. If it has not started: MSG_RETURNED. Else the
                only or the first instance answers with its MSG_RESULT, another
                one with MSG_RETURNED, when nothing is left of it; as to
                MSG_CANCEL and MSG_STOP */
    MSG_FRAGMENT, /* a piece of what was added to the spec */
    MSG_REMOTE,   /* run this command for an instance of yours */
    MSG_BYE       /* all is recorded: leave (answer MSG_LEFT) */
};

/* Tasks first..first+count-1 of a job, all in the same attempt. */
struct msg_range {
    uint32_t job, first, count, attempt;
};

/* The largest piece of a fragment, the longest command of MSG_REMOTE. */
enum {
    MSG_MAX_FRAGMENT = 32 * 1024,
    MSG_MAX_REMOTE = 32 * 1024,
    MSG_MAX_INSTANCES = 4096
};

struct msg {
    enum msg_kind kind;
    union {
        struct {
            uint32_t version;
            uint32_t first_slot; /* within the node */
            uint32_t slots;
            /* the GPUs that were found, nearest first: each of 0 to
             * gpu_count - 1 once */
            uint32_t gpu_count;
            uint32_t gpus[GPU_MAX_PER_NODE];
        } ready;
        struct {
            uint32_t job, index, attempt;
            uint32_t slot;    /* the first of its slots, within the node */
            int64_t start_ns; /* since 1970 UTC */
        } started; /* MSG_STARTED, and all that say how far it is: start_ns may
                      be 0 */
        struct msg_range range; /* MSG_RETURNED, MSG_ASSIGN */
        struct {
            uint32_t count;
        } recall;
        struct {
            uint32_t job;
        } cancel;
        struct {
            bool now;
        } stop;
        struct {
            uint32_t job, index, attempt;
            uint32_t instance, instance_count; /* at least 1 */
            uint32_t gpu_count;
            /* to be encoded; decoding: NULL, see msg_launch_rank, _gpu */
            const uint32_t *ranks; /* of all instances */
            const struct gpu_share *gpus;
            const unsigned char *packed; /* both, borrowed from the message */
            uint64_t memory_bytes;       /* its limit; 0: none */
            int64_t max_wall_clock_ns;   /* its limit; 0: none */
            bool keep_directory;
        } launch;
        struct {
            uint32_t job, index, attempt;
            enum reason reason; /* MSG_END */
        } one;                  /* MSG_GO, MSG_END */
        struct {
            uint32_t number;        /* from 1 */
            uint32_t offset, total; /* bytes */
            const char *bytes;      /* borrowed */
            size_t len;
        } fragment;
        struct {
            uint64_t number; /* the manager's */
            uint32_t job, index, attempt;
            const char *text; /* borrowed; no NUL behind it */
            size_t len;
        } remote;
        struct {
            uint64_t number;
            uint32_t code;    /* as a shell has it */
            const char *text; /* the end of what it has printed; borrowed */
            size_t len;
        } remote_ended;
        struct {
            struct attempt *attempt; /* decoding: the caller's, filled */
            /* borrowed: OUTPUT_INLINE: all of it; OUTPUT_FILE: its end, or
             * nothing */
            const char *output[2];
            size_t output_len[2];
        } result;
    } u;
};

/* Of a decoded MSG_LAUNCH: the rank of instance i, and GPU i. */
uint32_t msg_launch_rank(const struct msg *m, uint32_t i);
struct gpu_share msg_launch_gpu(const struct msg *m, uint32_t i);

/* Append the message; spec says which metrics a result has. -1 with errno as
 * buf_put, or EINVAL (an output that is not as its attempt says); b is as it
 * was then. */
int msg_put(struct buf *b, const struct msg *m, const struct jobspec *spec);

/* Decode one message that fills data exactly; spec bounds job and task
 * numbers. m->u.result.attempt must point to an attempt that holds nothing,
 * for MSG_RESULT to fill (attempt_fini it), while the outputs borrow from
 * data; or be NULL: a result is an error here. -1 with err EPROTO or ENOMEM;
 * m is undefined then, the attempt holds nothing. */
int msg_parse(const void *data, size_t len, const struct jobspec *spec,
              struct msg *m, struct err *err);

#endif
