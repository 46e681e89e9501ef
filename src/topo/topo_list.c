/* Lists of numbers: see topo_list.h. */
#include "config.h"
#include "topo/topo_list.h"

#include <errno.h>

/* A decimal number of at most LIST_MAX_NUMBER at *p, or -1; *p moves. */
static int64_t number_at(const char **p)
{
    int64_t n = -1;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        n = (n < 0 ? 0 : n * 10) + (**p - '0');
        if (n > LIST_MAX_NUMBER)
            return -1;
    }
    return n;
}

int list_parse(const char *text, cpu_set_t *set, size_t bytes, struct err *err)
{
    const char *p = text;
    bool more = *p != '\0' && *p != '\n';
    while (more) {
        int64_t first = number_at(&p), last = first;
        if (*p == '-') {
            p++;
            last = number_at(&p);
        }
        if (first < 0 || last < first)
            goto malformed;
        for (int64_t cpu = first; cpu <= last && (size_t)cpu < bytes * 8; cpu++)
            CPU_SET_S((size_t)cpu, bytes, set);
        more = *p == ',';
        p += more;
    }
    if (*p == '\0' || (*p == '\n' && p[1] == '\0'))
        return 0;
malformed:
    return err_set(err, EINVAL, "not a list of CPUs such as \"0-3,8\": \"%s\"",
                   text);
}

void list_begin(struct list_writer *w, struct buf *out)
{
    *w = (struct list_writer){.out = out};
}

/* Write the run that is open. */
static void flush(struct list_writer *w)
{
    if (!w->open || w->failed)
        return;
    const char *comma = w->started ? "," : "";
    int rc = w->first == w->last
                 ? buf_printf(w->out, "%s%u", comma, w->first)
                 : buf_printf(w->out, "%s%u-%u", comma, w->first, w->last);
    w->failed = rc < 0;
    w->started = true;
}

void list_add(struct list_writer *w, uint32_t number)
{
    if (w->open && (number == w->last || number == w->last + 1)) {
        w->last = number;
        return;
    }
    flush(w);
    w->first = w->last = number;
    w->open = true;
}

int list_end(struct list_writer *w)
{
    flush(w);
    w->open = false;
    return w->failed ? -1 : 0;
}

int list_put_set(struct buf *out, const cpu_set_t *set, size_t bytes)
{
    struct list_writer w;
    list_begin(&w, out);
    for (size_t cpu = 0; cpu < bytes * 8; cpu++)
        if (CPU_ISSET_S(cpu, bytes, set))
            list_add(&w, (uint32_t)cpu);
    return list_end(&w);
}
