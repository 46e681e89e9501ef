/* What is asked of a session through its inbox, and what it answers: JSON,
 * bounded and checked, whoever has written it.
 *
 * {"version": 1, "ask": "list" | "stat" | "read", "scope": "task",
 *  "job": 0, "job_id": "scan", "task": 17, "path": "wd", "recursive": true,
 *  "offset": 0, "bytes": 1048576, "wait_ms": 0}
 * {"version": 1, "ask": ..., "scope": "node", "node": "n17", "path": "shared"}
 *
 * {"version": 1, "error": null, "state": "running", "node": "n17", "rank": 3,
 *  "attempt": 1, "type": "file", "size": 100, "mode": 420, "modified_ns": ...,
 *  "more": false, "data_bytes": 100}
 * {"version": 1, "error": {"code": "FileNotFound", "message": "..."}, ...}
 */
#ifndef MPIBATCH_STORE_ASK_H
#define MPIBATCH_STORE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/fileinfo.h"
#include "model/jobspec.h"

enum {
    ASK_VERSION = 1,
    ASK_MAX_PATH = 4000, /* bytes, without the NUL */
    ASK_MAX_NODE = 255,
    ASK_MAX_CODE = 63,
    ASK_MAX_MESSAGE = 1000,
    ASK_MAX_BYTES = 16 << 20, /* of a file, with one answer */
    ASK_MAX_WAIT_MS = 20000
};

enum ask_what { ASK_LIST, ASK_STAT, ASK_READ };
enum ask_scope { ASK_OF_TASK, ASK_OF_NODE };

struct ask {
    enum ask_what what;
    enum ask_scope scope;
    /* of a task: index of the job in the spec, its id, index of the task */
    uint32_t job, task;
    char job_id[JOBSPEC_MAX_ID + 1];
    char node[ASK_MAX_NODE + 1]; /* of a node: its host name */
    char path[ASK_MAX_PATH + 1]; /* relative; "": all that there is */
    bool recursive;              /* list: folders in it, too */
    uint64_t offset;             /* read: from here on */
    uint32_t bytes;              /* read: so many at most */
    uint32_t wait_ms; /* read: so long it may take until there are any; of a
                         task that has not started, until it has */
};

/* With an answer to a list comes, as its data, a list as in model/fileinfo.h;
 * with that to a read, bytes. */
struct answer {
    char code[ASK_MAX_CODE + 1]; /* ""; else what went wrong, as Azure says */
    char message[ASK_MAX_MESSAGE + 1]; /* and for people */
    enum ask_state state;
    char node[ASK_MAX_NODE + 1]; /* ""; of whom */
    uint32_t rank, attempt;      /* attempt 0: none */
    enum file_type type;
    uint64_t size;
    uint32_t mode;
    int64_t modified_ns;
    bool more; /* list: there is more than was listed */
    uint64_t data_bytes;
};

/* Append it as JSON. -1 with err ENOMEM. */
int ask_put(struct buf *b, const struct ask *a, struct err *err);
int answer_put(struct buf *b, const struct answer *a, struct err *err);

/* Read it. -1 with err: EINVAL (it is none; which part is wrong), EPROTO (of
 * another version). */
int ask_parse(const char *text, size_t len, struct ask *a, struct err *err);
int answer_parse(const char *text, size_t len, struct answer *a,
                 struct err *err);

/* "active", "preparing", "running", "completed"; "" for none. */
const char *ask_state_name(enum ask_state state);

#endif
