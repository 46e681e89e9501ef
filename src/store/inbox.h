/* The inbox of a run directory: what other processes ask of the session that
 * has it, one file an ask, and what it answers.
 *
 *   inbox/<id>.tmp     an ask that is being written
 *   inbox/<id>.ask     an ask, renamed into place; taking it removes it
 *   inbox/<id>.data    what comes with an ask (complete once that is there, and
 *                      removed with it), or with an answer
 *   inbox/<id>.answer  the answer, renamed into place; who asked removes both
 *
 * <id>: 32 hex digits, at random. Files alone: it works from any machine that
 * sees the folder. The folder is 0700, each file one user's: whoever may write
 * there may end the run anyway. No clock is compared with another one: what is
 * left behind is removed so long after this process saw it first.
 *
 * What an ask says is the business of ask.h; here it is bytes.
 */
#ifndef MPIBATCH_STORE_INBOX_H
#define MPIBATCH_STORE_INBOX_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    INBOX_ID_BYTES = 32 + 1,
    INBOX_MAX_ASK_BYTES = 64 << 10,
    INBOX_MAX_DATA_BYTES = 16 << 20, /* with an ask */
    INBOX_MAX_ANSWER_BYTES = 64 << 10,
    INBOX_MAX_NAMES = 1 << 16, /* looked at, at once */
    INBOX_MAX_LEFT = 4096      /* leftovers watched at once */
};

/* ---- The session's side. Calls for an inbox come from one thread at a time.
 */

struct inbox;

/* Make the folder if it is not there. NULL with err: ENOMEM, EPERM (others
 * may write there), or the errno of the folder. */
struct inbox *inbox_create(const char *run_dir, struct err *err);
/* What is left of earlier sessions, and long unread answers, are removed. */
void inbox_destroy(struct inbox *b);

/* An ask that was taken. text: heap (mem_free), NULL if it is no file that can
 * be taken; why then says what is wrong. data: what came with it, heap, NULL if
 * there is none. Both have a NUL behind them. */
struct inbox_ask {
    char id[INBOX_ID_BYTES];
    char *text, *data;
    size_t len, data_len;
    char why[256];
};

/* Take up to max asks; how many, or -1 with err (the folder cannot be read).
 * Costs an fstat if nothing has changed. now_ns: any monotonic clock. */
int inbox_take(struct inbox *b, int64_t now_ns, struct inbox_ask *asks,
               uint32_t max, struct err *err);

/* Make the file for what comes with the answer to ask id, to be written to
 * from its beginning. Its fd, or -1 with err. */
int inbox_make_data(struct inbox *b, const char *id, struct err *err);
/* It is not wanted after all. */
void inbox_drop_data(struct inbox *b, const char *id);
/* Answer ask id. 0, or -1 with err. */
int inbox_answer(struct inbox *b, const char *id, const void *text, size_t len,
                 struct err *err);

/* ---- The side of who asks. ---- */

/* Ask: id is filled. -1 with err: ENOENT (no session has made an inbox here),
 * or the errno of the folder. */
int inbox_put(const char *run_dir, const void *text, size_t len,
              char id[INBOX_ID_BYTES], struct err *err);
/* The same, with data that are too large for it. EMSGSIZE: for this, too. */
int inbox_put_with(const char *run_dir, const void *text, size_t len,
                   const void *data, size_t data_len, char id[INBOX_ID_BYTES],
                   struct err *err);

enum inbox_state {
    INBOX_FAILED = -1, /* err */
    INBOX_WAITING,     /* nobody has taken it */
    INBOX_TAKEN,
    INBOX_ANSWERED /* answer has it */
};
/* How does the ask stand? An answer is appended to answer, and removed; its
 * data stay. */
enum inbox_state inbox_get(const char *run_dir, const char *id,
                           struct buf *answer, struct err *err);
/* Open the data of an answer that was got, and remove them by name: the fd, or
 * -1 with err. */
int inbox_open_data(const char *run_dir, const char *id, struct err *err);
/* Who asked wants nothing more: remove what is there of it. */
void inbox_forget(const char *run_dir, const char *id);

#endif
