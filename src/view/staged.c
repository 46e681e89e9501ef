/* What staging came to, in words: see staged.h. */
#include "config.h"
#include "view/staged.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/quantity.h"
#include "view/describe.h"

/* A line that grows part by part, if there are any. */
struct line {
    struct buf *out;
    const char *prefix, *head;
    bool any;
    int rc;
};

static void part(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void part(struct line *l, const char *fmt, ...)
{
    va_list ap;
    if (l->rc == 0)
        l->rc = l->any ? buf_puts(l->out, ", ")
                       : buf_printf(l->out, "%s%s: ", l->prefix, l->head);
    l->any = true;
    va_start(ap, fmt);
    if (l->rc == 0)
        l->rc = buf_vprintf(l->out, fmt, ap);
    va_end(ap);
}

static int line_end(struct line *l)
{
    return l->rc == 0 && l->any ? buf_putc(l->out, '\n') : l->rc;
}

/* "shared-storage opens: 9 instead of 40,000, 1 GiB read" */
static int shared_put(const struct stage_counts *c, struct line *l)
{
    char count[64], instead[64], size[16];
    if (c->shared_opens > 0 || c->shared_placed > 0)
        l->head = "shared-storage opens";
    if (c->shared_placed > c->shared_opens)
        part(l, "%s instead of %s", describe_count(c->shared_opens, "", count),
             describe_count(c->shared_placed, "", instead));
    else if (c->shared_opens > 0)
        part(l, "%s", describe_count(c->shared_opens, "", count));
    if (c->shared_bytes_read > 0)
        part(l, "%s read", size_format(c->shared_bytes_read, size));
    if (c->uploads > 0)
        part(l, "%s (%s) uploaded", describe_count(c->uploads, "file", count),
             size_format(c->shared_bytes_written, size));
    return line_end(l);
}

/* "staging: 2 GiB over MPI, 120 cache hits, 40,000 links, 5 files (2 MiB)
 * returned" */
static int staging_put(const struct stage_counts *c, struct line *l)
{
    char count[64], size[16];
    if (c->mpi_bytes > 0)
        part(l, "%s over MPI", size_format(c->mpi_bytes, size));
    if (c->http_requests > 0)
        part(l, "%s", describe_count(c->http_requests, "HTTP request", count));
    if (c->cache_hits > 0)
        part(l, "%s", describe_count(c->cache_hits, "cache hit", count));
    if (c->evictions > 0)
        part(l, "%s evicted", describe_count(c->evictions, "file", count));
    if (c->links + c->reflinks > 0)
        part(l, "%s", describe_count(c->links + c->reflinks, "link", count));
    if (c->copies > 0)
        part(l, "%s %s of %s", describe_count(c->copies, "", count),
             c->copies == 1 ? "copy" : "copies",
             size_format(c->copied_bytes, size));
    if (c->unpacked > 0)
        part(l, "%s unpacked", describe_count(c->unpacked, "package", count));
    if (c->returned_files > 0)
        part(l, "%s (%s) returned",
             describe_count(c->returned_files, "file", count),
             size_format(c->returned_bytes, size));
    return line_end(l);
}

int staged_describe(const struct stage_counts *c, const char *prefix,
                    struct buf *out)
{
    struct line shared = {out, prefix, "shared storage", false, 0};
    struct line staging = {out, prefix, "staging", false, 0};
    int rc = shared_put(c, &shared);
    return rc == 0 ? staging_put(c, &staging) : rc;
}
