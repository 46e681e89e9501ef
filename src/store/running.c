/* What runs at this moment: see running.h.
 *
 * File: magic (8 bytes), time, count, then of each task job, index, attempt,
 * rank (varints) and start; CRC32C of all that. */
#include "config.h"
#include "store/running.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/quantity.h"

#define MAGIC      "mpbrun1\n"
#define EXPIRES_NS (15 * NS_PER_SEC)
enum { MAGIC_BYTES = 8, FILE_MAX_BYTES = 32 * RUNNING_MAX };

static int put(struct buf *b, const struct running *tasks, uint32_t count,
               int64_t now_ns)
{
    int rc = buf_put(b, MAGIC, MAGIC_BYTES);
    rc |= pack_put_u64(b, (uint64_t)now_ns);
    rc |= pack_put_uint(b, count);
    for (uint32_t i = 0; i < count; i++) {
        rc |= pack_put_uint(b, tasks[i].job);
        rc |= pack_put_uint(b, tasks[i].index);
        rc |= pack_put_uint(b, tasks[i].attempt);
        rc |= pack_put_uint(b, tasks[i].rank);
        rc |= pack_put_u64(b, (uint64_t)tasks[i].start_ns);
    }
    return rc ? -1 : pack_put_u32(b, crc32c(0, b->data, b->len));
}

int running_write(const struct rundir *r, const struct running *tasks,
                  uint32_t count, int64_t now_ns, struct err *err)
{
    struct buf b;
    int rc = -1;
    char *path = rundir_file(r, "running");
    buf_init(&b, FILE_MAX_BYTES);
    if (!path ||
        put(&b, tasks, count < RUNNING_MAX ? count : RUNNING_MAX, now_ns) < 0)
        err_set(err, ENOMEM, "no memory to say what runs");
    else
        rc = file_replace(path, b.data, b.len, 0600, 0, err);
    buf_fini(&b);
    mem_free(path);
    return rc;
}

static uint32_t get_u32(struct unpack *u)
{
    return (uint32_t)unpack_uint_max(u, UINT32_MAX);
}

/* A list of what the bytes say; empty if they are no such file. */
static struct running_list *list_parse(const struct buf *b, int64_t now_ns)
{
    struct unpack u;
    unpack_init(&u, b->data, b->len >= MAGIC_BYTES + 4 ? b->len - 4 : 0);
    size_t magic = MAGIC_BYTES;
    if (b->len < MAGIC_BYTES + 4 || memcmp(b->data, MAGIC, magic) != 0 ||
        crc32c(0, b->data, b->len - 4) !=
            ((uint32_t)(unsigned char)b->data[b->len - 4] |
             (uint32_t)(unsigned char)b->data[b->len - 3] << 8 |
             (uint32_t)(unsigned char)b->data[b->len - 2] << 16 |
             (uint32_t)(unsigned char)b->data[b->len - 1] << 24))
        return mem_calloc(1, sizeof(struct running_list));
    u.p += MAGIC_BYTES;
    int64_t age_ns = now_ns - (int64_t)unpack_u64(&u);
    uint32_t count = (uint32_t)unpack_uint_max(&u, RUNNING_MAX);
    if (u.bad || age_ns > EXPIRES_NS)
        count = 0;
    struct running_list *list =
        mem_calloc(1, sizeof(*list) + count * sizeof(list->tasks[0]));
    for (uint32_t i = 0; list && i < count; i++) {
        struct running *t = &list->tasks[i];
        t->job = get_u32(&u);
        t->index = get_u32(&u);
        t->attempt = get_u32(&u);
        t->rank = get_u32(&u);
        t->start_ns = (int64_t)unpack_u64(&u);
        if (!u.bad)
            list->count = i + 1;
    }
    return list;
}

struct running_list *running_read(const struct rundir *r, int64_t now_ns,
                                  struct err *err)
{
    struct running_list *list = NULL;
    struct err why;
    struct buf b;
    char *path = rundir_file(r, "running");
    buf_init(&b, FILE_MAX_BYTES);
    why.code = path ? 0 : ENOMEM;
    if (path && file_read(path, &b, &why) < 0 && why.code != ENOENT) {
        if (err)
            *err = why;
    } else if (!path || !(list = list_parse(&b, now_ns))) {
        err_set(err, ENOMEM, "no memory for what runs");
    }
    buf_fini(&b);
    mem_free(path);
    return list;
}
