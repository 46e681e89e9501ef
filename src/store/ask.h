/* What is asked of a session through its inbox, and what it answers: JSON,
 * bounded and checked, whoever has written it.
 *
 * {"version": 2, "ask": "list" | "stat" | "read", "scope": "task",
 *  "job": 0, "job_id": "scan", "task": 17, "path": "wd", "recursive": true,
 *  "offset": 0, "bytes": 1048576, "wait_ms": 0}
 * {"version": 2, "ask": ..., "scope": "node", "node": "n17", "path": "shared"}
 * {"version": 2, "ask": "job", "do": "disable" | "enable" | "terminate",
 *  "job_id": "scan", "how": "requeue" | "terminate" | "wait", "why": "..."}
 * {"version": 2, "ask": "task", "do": "terminate" | "reactivate" | "delete",
 *  "job_id": "scan", "task_id": "17"}
 * {"version": 2, "ask": "node", "do": "offline" | "online" | "remove",
 *  "node": "n17", "how": "requeue" | "terminate" | "wait"}
 * {"version": 2, "ask": "add", "job_id": "scan"}, and the tasks as YAML with it
 * {"version": 2, "ask": "explain", "job_id": "scan", "task_id": "17"}
 * {"version": 2, "ask": "remote", "job_id": "scan", "job": 0, "task": 17,
 *  "attempt": 1, "rank": 3}, and the command with it
 *
 * {"version": 2, "error": null, "state": "running", "node": "n17", "rank": 3,
 *  "attempt": 1, "type": "file", "size": 100, "mode": 420, "modified_ns": ...,
 *  "more": false, "data_bytes": 100, "text": "...", "wait": "slots", "count":
 * 2}
 * {"version": 2, "error": {"code": "FileNotFound", "message": "..."}, ...}
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
    ASK_VERSION = 2,
    ASK_MAX_PATH = 4000, /* bytes, without the NUL */
    ASK_MAX_NODE = 255,
    ASK_MAX_CODE = 63,
    ASK_MAX_MESSAGE = 4000,
    ASK_MAX_WHY = 255,
    ASK_MAX_TEXT = 4000,
    ASK_MAX_WORD = 31,
    ASK_MAX_BYTES = 16 << 20, /* of a file, with one answer */
    ASK_MAX_WAIT_MS = 20000
};

enum ask_what {
    /* about files */
    ASK_LIST,
    ASK_STAT,
    ASK_READ,
    /* commands */
    ASK_JOB,
    ASK_TASK,
    ASK_NODE,
    ASK_ADD,     /* with it: YAML, as spec_add_tasks reads it. With its answer:
                    the new ids, a line each */
    ASK_EXPLAIN, /* why a task waits: changes nothing */
    ASK_REMOTE   /* run a command for a task on several nodes, on one of them:
                    it comes with it. Answered when it has ended: text is the end
                    of what it has printed, count its exit code */
};
enum ask_scope { ASK_OF_TASK, ASK_OF_NODE };
enum ask_do {
    ASK_DISABLE, /* of a job */
    ASK_ENABLE,
    ASK_TERMINATE,  /* of a job, of a task */
    ASK_REACTIVATE, /* of a task */
    ASK_DELETE,
    ASK_OFFLINE, /* of a node */
    ASK_ONLINE,
    ASK_REMOVE
};
/* What becomes of what runs: again later; ended for good; waited for (of a
 * node "task_completion" is the same). */
enum ask_how { ASK_REQUEUE, ASK_END, ASK_WAIT };

struct ask {
    enum ask_what what;
    enum ask_scope scope;             /* files */
    enum ask_do act;                  /* job, task, node */
    enum ask_how how;                 /* job disable, node offline and remove */
    char task_id[JOBSPEC_MAX_ID + 1]; /* task, explain */
    char why[ASK_MAX_WHY + 1]; /* job terminate: Azure's terminate reason;
                                  "": UserTerminate */
    uint32_t rank, attempt;    /* remote */
    /* add, remote, on the side of who asks: borrowed */
    const char *data;
    size_t data_len;
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
    char text[ASK_MAX_TEXT + 1]; /* what was done, or why a task waits */
    char wait[ASK_MAX_WORD + 1]; /* explain: "turn", "dependency", ... */
    uint32_t count;              /* add: so many tasks */
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

/* Is it about files? */
static inline bool ask_is_file(const struct ask *a)
{
    return a->what <= ASK_READ;
}

/* What is asked, as people would type it: "job disable scan --requeue".
 * Returns text. */
enum { ASK_LINE_BYTES = 1024 };
char *ask_line(const struct ask *a, char text[ASK_LINE_BYTES]);

#endif
