/* Messages of the bulk channel to and from bytes: see stage_msg.h. Owns the
 * layout: version and kind in a byte each, then varints; a text is counted
 * with its NUL, so that it can be borrowed; a piece's data is the rest. The put
 * functions return 0 or -1, so that -(x || y) is the failure of either. */
#include "config.h"
#include "wire/stage_msg.h"

#include <errno.h>
#include <string.h>

#include "base/pack.h"

/* The bits that chmod takes; the largest errno. */
enum { MAX_MODE = 07777, MAX_CODE = 4095 };

/* ---- putting ---- */

static int put_text(struct buf *b, const char *s, size_t max)
{
    size_t len = s ? strlen(s) : 0;
    if (len > max) {
        errno = EINVAL;
        return -1;
    }
    return pack_put_bytes(b, s ? s : "", len + 1);
}

static int put_digest(struct buf *b, const struct digest *d)
{
    return buf_put(b, d->bytes, sizeof(d->bytes));
}

static int put_meta(struct buf *b, const struct object_meta *m)
{
    return -(pack_put_uint(b, m->bytes) || put_digest(b, &m->digest) ||
             pack_put_uint(b, m->mode));
}

static int put_failure(struct buf *b, enum failure failure, const char *text)
{
    return -(pack_put_uint(b, failure) || put_text(b, text, STAGE_MAX_TEXT));
}

static int put_fetch(struct buf *b, const struct stage_msg *m)
{
    return -(pack_put_uint(b, m->u.fetch.object) ||
             pack_put_uint(b, m->u.fetch.kind) ||
             put_text(b, m->u.fetch.key, STAGE_MAX_KEY) ||
             pack_put_uint(b, m->u.fetch.from) ||
             pack_put_u8(b, m->u.fetch.known) ||
             (m->u.fetch.known && put_meta(b, &m->u.fetch.meta)));
}

static int put_pull(struct buf *b, const struct stage_msg *m)
{
    return -(pack_put_uint(b, m->u.pull.pull) ||
             pack_put_uint(b, m->u.pull.handle) ||
             pack_put_uint(b, m->u.pull.offset) ||
             pack_put_uint(b, m->u.pull.credit));
}

static int put_piece(struct buf *b, const struct stage_msg *m)
{
    if (m->u.piece.len == 0 || m->u.piece.len > STAGE_MAX_PIECE) {
        errno = EINVAL;
        return -1;
    }
    return -(pack_put_uint(b, m->u.piece.pull) ||
             pack_put_uint(b, m->u.piece.offset) ||
             buf_put(b, m->u.piece.data, m->u.piece.len));
}

static int put_end(struct buf *b, const struct stage_msg *m)
{
    return -(pack_put_uint(b, m->u.end.pull) ||
             pack_put_uint(b, m->u.end.total) ||
             put_failure(b, m->u.end.failure, m->u.end.text));
}

static int put_offer(struct buf *b, const struct stage_msg *m)
{
    if (pack_put_uint(b, m->u.offer.handle & ~STAGE_OFFER_BIT) < 0 ||
        pack_put_uint(b, m->u.offer.what) < 0 ||
        pack_put_uint(b, m->u.offer.bytes) < 0)
        return -1;
    if (m->u.offer.what == STAGE_OFFER_FILE)
        return -(pack_put_uint(b, m->u.offer.job) ||
                 pack_put_uint(b, m->u.offer.index) ||
                 pack_put_uint(b, m->u.offer.attempt) ||
                 pack_put_uint(b, m->u.offer.mode) ||
                 put_text(b, m->u.offer.name, STAGE_MAX_PATH));
    return -(pack_put_uint(b, m->u.offer.ask) ||
             pack_put_uint(b, m->u.offer.size) ||
             pack_put_uint(b, m->u.offer.code) ||
             put_text(b, m->u.offer.text, STAGE_MAX_TEXT));
}

static int put_taken(struct buf *b, const struct stage_msg *m)
{
    return -(pack_put_uint(b, m->u.taken.handle & ~STAGE_OFFER_BIT) ||
             pack_put_u8(b, m->u.taken.packed) ||
             pack_put_uint(b, m->u.taken.session) ||
             pack_put_uint(b, m->u.taken.offset) ||
             put_digest(b, &m->u.taken.digest) ||
             put_failure(b, m->u.taken.failure, m->u.taken.text));
}

static int put_ask(struct buf *b, const struct stage_msg *m)
{
    return -(
        pack_put_uint(b, m->u.ask.ask) || pack_put_uint(b, m->u.ask.what) ||
        pack_put_uint(b, m->u.ask.scope) || pack_put_uint(b, m->u.ask.job) ||
        pack_put_uint(b, m->u.ask.index) ||
        put_text(b, m->u.ask.path, STAGE_MAX_PATH) ||
        pack_put_uint(b, m->u.ask.offset) || pack_put_uint(b, m->u.ask.bytes) ||
        pack_put_uint(b, m->u.ask.wait_ms) ||
        pack_put_u8(b, m->u.ask.recursive));
}

static int put_body(struct buf *b, const struct stage_msg *m)
{
    switch (m->kind) {
    case STAGE_WANT:
        return -(pack_put_uint(b, m->u.want.want) ||
                 pack_put_uint(b, m->u.want.kind) ||
                 put_text(b, m->u.want.key, STAGE_MAX_KEY));
    case STAGE_GOT:
        return -(pack_put_uint(b, m->u.got.object) ||
                 put_meta(b, &m->u.got.meta));
    case STAGE_FAILED:
        return -(pack_put_uint(b, m->u.failed.object) ||
                 pack_put_uint(b, m->u.failed.blame) ||
                 pack_put_uint(b, m->u.failed.parent) ||
                 put_failure(b, m->u.failed.failure, m->u.failed.text));
    case STAGE_MISSING:
        return pack_put_uint(b, m->u.missing.object);
    case STAGE_STREAM_ASK:
    case STAGE_STREAM_DONE:
    case STAGE_GRANT:
        return pack_put_uint(b, m->u.stream.stream);
    case STAGE_COUNTS_SUM:
        return stage_counts_put(b, &m->u.counts);
    case STAGE_HAVE:
        return -(pack_put_uint(b, m->u.have.want) ||
                 pack_put_uint(b, m->u.have.object) ||
                 put_meta(b, &m->u.have.meta));
    case STAGE_FETCH:
        return put_fetch(b, m);
    case STAGE_ERROR:
        return -(pack_put_uint(b, m->u.error.want) ||
                 pack_put_uint(b, m->u.error.object) ||
                 put_failure(b, m->u.error.failure, m->u.error.text));
    case STAGE_PULL:
        return put_pull(b, m);
    case STAGE_MORE:
        return -(pack_put_uint(b, m->u.more.pull) ||
                 pack_put_uint(b, m->u.more.credit));
    case STAGE_CANCEL:
        return pack_put_uint(b, m->u.cancel.pull);
    case STAGE_PIECE:
        return put_piece(b, m);
    case STAGE_END:
        return put_end(b, m);
    case STAGE_LOST:
        return pack_put_uint(b, m->u.lost.rank);
    case STAGE_OFFER:
        return put_offer(b, m);
    case STAGE_OFFER_GONE:
        return pack_put_uint(b, m->u.gone.handle & ~STAGE_OFFER_BIT);
    case STAGE_TAKEN:
        return put_taken(b, m);
    case STAGE_ASK:
        return put_ask(b, m);
    case STAGE_ASK_GONE:
        return pack_put_uint(b, m->u.ask_gone.ask);
    }
    errno = EINVAL;
    return -1;
}

int stage_msg_put_piece_head(struct buf *b, uint32_t pull, uint64_t offset)
{
    size_t before = b->len;
    if (pack_put_u8(b, STAGE_MSG_VERSION) == 0 &&
        pack_put_u8(b, STAGE_PIECE) == 0 && pack_put_uint(b, pull) == 0 &&
        pack_put_uint(b, offset) == 0)
        return 0;
    return pack_undo(b, before);
}

int stage_msg_put(struct buf *b, const struct stage_msg *m)
{
    size_t before = b->len;
    if (pack_put_u8(b, STAGE_MSG_VERSION) == 0 &&
        pack_put_u8(b, (uint8_t)m->kind) == 0 && put_body(b, m) == 0)
        return 0;
    return pack_undo(b, before);
}

/* ---- parsing ---- */

static uint32_t get_u32(struct unpack *u)
{
    return (uint32_t)unpack_uint_max(u, UINT32_MAX);
}

static bool get_bool(struct unpack *u)
{
    return unpack_uint_max(u, 1) == 1;
}

/* A text of at most max bytes, borrowed. */
static const char *get_text(struct unpack *u, size_t max)
{
    size_t len;
    const char *s = unpack_bytes(u, max + 1, &len);
    if (u->bad || len == 0 || memchr(s, '\0', len) != s + len - 1) {
        u->bad = true;
        return "";
    }
    return s;
}

/* One of the numbers 1 to max. */
static unsigned get_choice(struct unpack *u, unsigned max)
{
    unsigned v = (unsigned)unpack_uint_max(u, max);
    u->bad |= v == 0;
    return v;
}

static void get_digest(struct unpack *u, struct digest *d)
{
    if (u->bad || (size_t)(u->end - u->p) < sizeof(d->bytes)) {
        u->bad = true;
        return;
    }
    memcpy(d->bytes, u->p, sizeof(d->bytes));
    u->p += sizeof(d->bytes);
}

static void get_meta(struct unpack *u, struct object_meta *m)
{
    m->bytes = unpack_uint(u);
    get_digest(u, &m->digest);
    m->mode = (uint32_t)unpack_uint_max(u, MAX_MODE);
}

static void get_failure(struct unpack *u, enum failure *failure,
                        const char **text, bool none_too)
{
    *failure = (enum failure)unpack_uint_max(u, FAILURE_COUNT - 1);
    u->bad |= *failure == FAILURE_NONE && !none_too;
    *text = get_text(u, STAGE_MAX_TEXT);
}

static uint64_t get_offer(struct unpack *u)
{
    return unpack_uint_max(u, STAGE_OFFER_BIT - 1) | STAGE_OFFER_BIT;
}

static void get_fetch(struct unpack *u, struct stage_msg *m)
{
    m->u.fetch.object = unpack_uint(u);
    m->u.fetch.kind = get_choice(u, OBJECT_PACKAGE);
    m->u.fetch.key = get_text(u, STAGE_MAX_KEY);
    m->u.fetch.from = get_u32(u);
    m->u.fetch.known = get_bool(u);
    m->u.fetch.meta = (struct object_meta){0};
    if (m->u.fetch.known)
        get_meta(u, &m->u.fetch.meta);
}

static void get_piece(struct unpack *u, struct stage_msg *m)
{
    m->u.piece.pull = get_u32(u);
    m->u.piece.offset = unpack_uint(u);
    m->u.piece.data = u->p;
    m->u.piece.len = (size_t)(u->end - u->p);
    u->bad |= m->u.piece.len == 0 || m->u.piece.len > STAGE_MAX_PIECE;
    u->p = u->end;
}

/* Is there such a task? */
static int check_task(const struct jobspec *spec, uint32_t job, uint32_t index,
                      struct err *err)
{
    if (!spec)
        return err_set(err, EPROTO, "a task, not expected here");
    if (job >= spec->job_count)
        return err_set(err, EPROTO, "job %u of %u", job, spec->job_count);
    if (index >= spec->jobs[job].tasks.count)
        return err_set(err, EPROTO, "task %u, job %s has %u", index,
                       spec->jobs[job].id, spec->jobs[job].tasks.count);
    return 0;
}

static int get_offer_body(struct unpack *u, const struct jobspec *spec,
                          struct stage_msg *m, struct err *err)
{
    m->u.offer.handle = get_offer(u);
    m->u.offer.what = get_choice(u, STAGE_OFFER_ANSWER);
    m->u.offer.bytes = unpack_uint(u);
    m->u.offer.name = m->u.offer.text = "";
    m->u.offer.job = m->u.offer.index = m->u.offer.attempt = 0;
    m->u.offer.mode = m->u.offer.code = 0;
    m->u.offer.ask = m->u.offer.size = 0;
    if (m->u.offer.what == STAGE_OFFER_ANSWER) {
        m->u.offer.ask = unpack_uint(u);
        m->u.offer.size = unpack_uint(u);
        m->u.offer.code = (uint32_t)unpack_uint_max(u, MAX_CODE);
        m->u.offer.text = get_text(u, STAGE_MAX_TEXT);
        return 0;
    }
    m->u.offer.job = get_u32(u);
    m->u.offer.index = get_u32(u);
    m->u.offer.attempt = get_u32(u);
    m->u.offer.mode = (uint32_t)unpack_uint_max(u, MAX_MODE);
    m->u.offer.name = get_text(u, STAGE_MAX_PATH);
    u->bad |= m->u.offer.attempt == 0 || m->u.offer.name[0] == '\0';
    return u->bad ? 0 : check_task(spec, m->u.offer.job, m->u.offer.index, err);
}

static void get_taken(struct unpack *u, struct stage_msg *m)
{
    m->u.taken.handle = get_offer(u);
    m->u.taken.packed = get_bool(u);
    m->u.taken.session = get_u32(u);
    m->u.taken.offset = unpack_uint(u);
    get_digest(u, &m->u.taken.digest);
    get_failure(u, &m->u.taken.failure, &m->u.taken.text, true);
}

static int get_ask(struct unpack *u, const struct jobspec *spec,
                   struct stage_msg *m, struct err *err)
{
    m->u.ask.ask = unpack_uint(u);
    m->u.ask.what = get_choice(u, STAGE_ASK_READ);
    m->u.ask.scope = get_choice(u, STAGE_ASK_NODE);
    m->u.ask.job = get_u32(u);
    m->u.ask.index = get_u32(u);
    m->u.ask.path = get_text(u, STAGE_MAX_PATH);
    m->u.ask.offset = unpack_uint(u);
    m->u.ask.bytes = unpack_uint(u);
    m->u.ask.wait_ms = get_u32(u);
    m->u.ask.recursive = get_bool(u);
    if (u->bad)
        return 0;
    if (m->u.ask.scope == STAGE_ASK_TASK)
        return check_task(spec, m->u.ask.job, m->u.ask.index, err);
    u->bad |= m->u.ask.job != 0 || m->u.ask.index != 0;
    return 0;
}

static int get_body(struct unpack *u, const struct jobspec *spec,
                    struct stage_msg *m, struct err *err)
{
    switch (m->kind) {
    case STAGE_WANT:
        m->u.want.want = unpack_uint(u);
        m->u.want.kind = get_choice(u, OBJECT_PACKAGE);
        m->u.want.key = get_text(u, STAGE_MAX_KEY);
        return 0;
    case STAGE_GOT:
        m->u.got.object = unpack_uint(u);
        get_meta(u, &m->u.got.meta);
        return 0;
    case STAGE_FAILED:
        m->u.failed.object = unpack_uint(u);
        m->u.failed.blame = get_choice(u, OBJECT_BLAME_PARENT);
        m->u.failed.parent = get_u32(u);
        get_failure(u, &m->u.failed.failure, &m->u.failed.text, false);
        return 0;
    case STAGE_MISSING:
        m->u.missing.object = unpack_uint(u);
        return 0;
    case STAGE_STREAM_ASK:
    case STAGE_STREAM_DONE:
    case STAGE_GRANT:
        m->u.stream.stream = unpack_uint(u);
        return 0;
    case STAGE_COUNTS_SUM:
        stage_counts_read(u, &m->u.counts);
        return 0;
    case STAGE_HAVE:
        m->u.have.want = unpack_uint(u);
        m->u.have.object = unpack_uint(u);
        get_meta(u, &m->u.have.meta);
        return 0;
    case STAGE_FETCH:
        get_fetch(u, m);
        return 0;
    case STAGE_ERROR:
        m->u.error.want = unpack_uint(u);
        m->u.error.object = unpack_uint(u);
        get_failure(u, &m->u.error.failure, &m->u.error.text, false);
        return 0;
    case STAGE_PULL:
        m->u.pull.pull = get_u32(u);
        m->u.pull.handle = unpack_uint(u);
        m->u.pull.offset = unpack_uint(u);
        m->u.pull.credit = unpack_uint(u);
        return 0;
    case STAGE_MORE:
        m->u.more.pull = get_u32(u);
        m->u.more.credit = unpack_uint(u);
        return 0;
    case STAGE_CANCEL:
        m->u.cancel.pull = get_u32(u);
        return 0;
    case STAGE_PIECE:
        get_piece(u, m);
        return 0;
    case STAGE_END:
        m->u.end.pull = get_u32(u);
        m->u.end.total = unpack_uint(u);
        get_failure(u, &m->u.end.failure, &m->u.end.text, true);
        return 0;
    case STAGE_LOST:
        m->u.lost.rank = get_u32(u);
        return 0;
    case STAGE_OFFER:
        return get_offer_body(u, spec, m, err);
    case STAGE_OFFER_GONE:
        m->u.gone.handle = get_offer(u);
        return 0;
    case STAGE_TAKEN:
        get_taken(u, m);
        return 0;
    case STAGE_ASK:
        return get_ask(u, spec, m, err);
    case STAGE_ASK_GONE:
        m->u.ask_gone.ask = unpack_uint(u);
        return 0;
    }
    return err_set(err, EPROTO, "no such kind");
}

int stage_msg_parse(const void *data, size_t len, const struct jobspec *spec,
                    struct stage_msg *m, struct err *err)
{
    struct unpack u;
    unpack_init(&u, data, len);
    uint8_t version = unpack_u8(&u);
    uint8_t kind = unpack_u8(&u);
    if (!u.bad && version != STAGE_MSG_VERSION)
        return err_set(err, EPROTO, "bulk message of version %u, not %u",
                       version, STAGE_MSG_VERSION);
    m->kind = kind;
    if (!u.bad && get_body(&u, spec, m, err) < 0)
        return err_context(err, "bulk message of kind %u", kind);
    if (!unpack_done(&u))
        return err_set(err, EPROTO, "bulk message of kind %u: %s", kind,
                       u.bad ? "truncated or malformed" : "trailing bytes");
    return 0;
}
