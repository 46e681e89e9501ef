/* Fuzz target: messages, those of the bulk channel, and records. The first
 * byte says which (m, s, a, n), the rest is read from memory of exactly its
 * size. What can be read is written again and must be the same bytes.
 */
#include "config.h"
#include "fuzz.h"

#include <string.h>

#include "../unit/wire/sample.h"
#include "base/buf.h"
#include "base/mem.h"
#include "model/record.h"
#include "wire/msg.h"
#include "wire/stage_msg.h"

static void must_equal(const struct buf *b, const void *data, size_t len)
{
    if (b->len != len || (len > 0 && memcmp(b->data, data, len) != 0))
        __builtin_trap();
}

static void try_message(const uint8_t *data, size_t len)
{
    struct attempt a;
    struct msg m = {.u.result.attempt = &a};
    struct err err;
    struct buf b;
    attempt_init(&a);
    if (msg_parse(data, len, &sample_spec, &m, &err) < 0)
        return;
    buf_init(&b, MSG_MAX_BYTES);
    if (msg_put(&b, &m, &sample_spec) == 0)
        must_equal(&b, data, len);
    buf_fini(&b);
    if (m.kind == MSG_RESULT)
        attempt_fini(&a);
}

static void try_stage_message(const uint8_t *data, size_t len)
{
    struct stage_msg m;
    struct err err;
    struct buf b;
    if (stage_msg_parse(data, len, &sample_spec, &m, &err) < 0)
        return;
    buf_init(&b, STAGE_MSG_MAX_BYTES);
    if (stage_msg_put(&b, &m) == 0)
        must_equal(&b, data, len);
    buf_fini(&b);
}

static void try_attempt(const uint8_t *data, size_t len)
{
    struct attempt a;
    struct unpack u;
    struct err err;
    struct buf b;
    unpack_init(&u, data, len);
    if (record_get_attempt(&u, &sample_spec, &a, &err) < 0)
        return;
    buf_init(&b, RECORD_MAX_BYTES);
    if (record_put_attempt(&b, &a, &sample_spec) == 0)
        must_equal(&b, data, (size_t)(u.p - data));
    buf_fini(&b);
    attempt_fini(&a);
}

static void try_node(const uint8_t *data, size_t len)
{
    struct node_info n;
    struct unpack u;
    struct err err;
    struct buf b;
    unpack_init(&u, data, len);
    if (record_get_node(&u, &n, &err) < 0)
        return;
    buf_init(&b, RECORD_MAX_BYTES);
    if (record_put_node(&b, &n) == 0)
        must_equal(&b, data, (size_t)(u.p - data));
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = mem_alloc(size - 1);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    if (data[0] == 'm')
        try_message(copy, size - 1);
    else if (data[0] == 's')
        try_stage_message(copy, size - 1);
    else if (data[0] == 'a')
        try_attempt(copy, size - 1);
    else
        try_node(copy, size - 1);
    mem_free(copy);
    return 0;
}
