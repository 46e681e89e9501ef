/* gzip by zlib: see package_gzip.h. */
#include "config.h"
#include "stage/package_gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "base/mem.h"

enum { GZIP_WRAPPER = 16 + MAX_WBITS };

enum state { STATE_MEMBER, STATE_BETWEEN, STATE_PADDING };

struct gunzip {
    z_stream z;
    enum state state;
};

struct gunzip *gunzip_create(void)
{
    struct gunzip *g = mem_calloc(1, sizeof(*g));
    if (g && inflateInit2(&g->z, GZIP_WRAPPER) != Z_OK) {
        mem_free(g);
        return NULL;
    }
    return g;
}

void gunzip_destroy(struct gunzip *g)
{
    if (g)
        inflateEnd(&g->z);
    mem_free(g);
}

/* Behind a member: another one, zeros, or nothing. */
static int go_between(struct gunzip *g, const unsigned char **in, size_t *len,
                      struct err *err)
{
    while (*len > 0 && **in == 0) {
        g->state = STATE_PADDING;
        ++*in;
        --*len;
    }
    if (*len == 0)
        return 0;
    if (g->state == STATE_PADDING || **in != 0x1f)
        return err_set(err, EPROTO,
                       "there is something behind the end of the gzip file");
    if (inflateReset(&g->z) != Z_OK)
        return err_set(err, EPROTO, "the gzip file is broken");
    g->state = STATE_MEMBER;
    return 0;
}

ssize_t gunzip_step(struct gunzip *g, const unsigned char **in, size_t *in_len,
                    void *out, size_t room, struct err *err)
{
    if (g->state != STATE_MEMBER && go_between(g, in, in_len, err) < 0)
        return -1;
    if (*in_len == 0)
        return 0;
    uInt give = *in_len > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt)*in_len;
    uInt take = room > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt)room;
    g->z.next_in = (z_const Bytef *)*in;
    g->z.avail_in = give;
    g->z.next_out = out;
    g->z.avail_out = take;
    int rc = inflate(&g->z, Z_NO_FLUSH);
    *in += give - g->z.avail_in;
    *in_len -= give - g->z.avail_in;
    if (rc == Z_STREAM_END)
        g->state = STATE_BETWEEN;
    else if (rc == Z_MEM_ERROR)
        return err_set(err, ENOMEM, "no memory to decompress");
    else if (rc != Z_OK && rc != Z_BUF_ERROR)
        return err_set(err, EPROTO, "the gzip file is broken (%s)",
                       g->z.msg ? g->z.msg : "no reason given");
    return (ssize_t)(take - g->z.avail_out);
}

int gunzip_end(const struct gunzip *g, struct err *err)
{
    if (g->state == STATE_MEMBER)
        return err_set(err, EPROTO, "the gzip file is cut");
    return 0;
}
