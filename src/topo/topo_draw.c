/* Drawing a node and who owns what of it: see topo.h. Pure.
 *
 *   2 packages, 2 NUMA nodes, 4 cores, 8 CPUs
 *   3 slots, 2 ranks
 *   package 0, NUMA node 0
 *     core 0  CPUs 0,4  rank 0 slot 0
 *     core 1  CPUs 1,5  rank 0 slot 1
 *   package 1, NUMA node 1
 *     core 2  CPUs 2,6  rank 1 slot 2
 *     core 3  (3,7)     -
 *
 * A row is a core; on larger machines a run of cores that one slot owns, or
 * that consecutive slots of one rank own alike. CPUs in brackets belong to no
 * slot. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "topo/topo_list.h"
#include "topo/topo_machine.h"

enum {
    DRAW_MAX_SINGLE_ROWS = 16, /* cores, up to which each has its row */
    DRAW_MAX_CELL_BYTES = 1 << 20,
    COLUMN_COUNT = 3
};

/* A slot has CPUs of a core. */
struct owner {
    uint32_t core, rank, slot;
};

/* A core: where its CPUs and its owners lie. */
struct core {
    uint32_t cpu_begin, cpu_end;     /* in the machine's CPUs */
    uint32_t owner_begin, owner_end; /* in the owners */
    uint32_t owned_cpus;
};

struct drawing {
    const struct topo *t;
    struct owner *owners; /* by core, rank, slot */
    size_t owner_count, owner_cap;
    struct core *cores;
    cpu_set_t *owned, *scratch;
    struct buf cells[COLUMN_COUNT], line;
    size_t widths[COLUMN_COUNT];
    unsigned width;
    struct buf *out; /* NULL: only measure the columns */
};

static int compare_owners(const void *x, const void *y)
{
    const struct owner *a = x, *b = y;
    if (a->core != b->core)
        return a->core < b->core ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

static int add_owner(struct drawing *d, struct owner o)
{
    if (d->owner_count == d->owner_cap) {
        size_t cap = d->owner_cap ? 2 * d->owner_cap : 64;
        void *owners = mem_resize(d->owners, cap, sizeof(d->owners[0]));
        if (!owners)
            return -1;
        d->owners = owners;
        d->owner_cap = cap;
    }
    d->owners[d->owner_count++] = o;
    return 0;
}

/* Note which cores and CPUs a slot owns. */
static int add_slot(struct drawing *d, uint32_t rank, const struct slot *s)
{
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < d->t->count; i++) {
        const struct topo_cpu *cpu = &d->t->cpus[i];
        if (!CPU_ISSET_S(cpu->os, d->t->set_bytes, s->cpus))
            continue;
        CPU_SET_S(cpu->os, d->t->set_bytes, d->owned);
        struct owner o = {.core = cpu->core, .rank = rank, .slot = s->number};
        if (cpu->core != last && add_owner(d, o) < 0)
            return -1;
        last = cpu->core;
    }
    return 0;
}

static void index_cores(struct drawing *d)
{
    uint32_t cpu = 0, owner = 0;
    for (uint32_t c = 0; c < d->t->core_count; c++) {
        struct core *core = &d->cores[c];
        *core = (struct core){.cpu_begin = cpu, .owner_begin = owner};
        for (; cpu < d->t->count && d->t->cpus[cpu].core == c; cpu++)
            core->owned_cpus +=
                CPU_ISSET_S(d->t->cpus[cpu].os, d->t->set_bytes, d->owned) != 0;
        while (owner < d->owner_count && d->owners[owner].core == c)
            owner++;
        core->cpu_end = cpu;
        core->owner_end = owner;
    }
}

/* Do two cores lie in the same package and NUMA node? */
static bool is_same_place(const struct drawing *d, uint32_t a, uint32_t b)
{
    const struct topo_cpu *x = &d->t->cpus[d->cores[a].cpu_begin];
    const struct topo_cpu *y = &d->t->cpus[d->cores[b].cpu_begin];
    return x->package == y->package && x->numa == y->numa;
}

/* By how much the slots of core b are above those of core a: 0 if both have
 * the same owners, n > 0 if the n slots of b follow the n slots of a in one
 * rank; -1: neither. */
static int64_t owner_step(const struct drawing *d, uint32_t a, uint32_t b)
{
    const struct core *x = &d->cores[a], *y = &d->cores[b];
    uint32_t n = x->owner_end - x->owner_begin;
    if (n != y->owner_end - y->owner_begin || x->owned_cpus != y->owned_cpus ||
        x->cpu_end - x->cpu_begin != y->cpu_end - y->cpu_begin)
        return -1;
    bool same = true, follows = true;
    for (uint32_t i = 0; i < n; i++) {
        const struct owner *p = &d->owners[x->owner_begin + i];
        const struct owner *q = &d->owners[y->owner_begin + i];
        same = same && p->rank == q->rank && p->slot == q->slot;
        follows = follows && p->rank == d->owners[x->owner_begin].rank &&
                  q->rank == p->rank && q->slot == p->slot + n;
    }
    return same ? 0 : follows ? (int64_t)n : -1;
}

/* The end of the run of cores that make one row with core first. */
static uint32_t run_end(const struct drawing *d, uint32_t first)
{
    uint32_t end = first + 1;
    if (d->t->core_count <= DRAW_MAX_SINGLE_ROWS || end == d->t->core_count)
        return end;
    int64_t step = owner_step(d, first, end);
    while (end < d->t->core_count && is_same_place(d, first, end) &&
           step >= 0 && owner_step(d, end - 1, end) == step)
        end++;
    return end;
}

/* The CPUs of some cores that are (not) owned, as a list. */
static int put_cpus(struct drawing *d, uint32_t first, uint32_t end, bool owned)
{
    const struct topo *t = d->t;
    memset(d->scratch, 0, t->set_bytes);
    for (uint32_t i = d->cores[first].cpu_begin; i < d->cores[end - 1].cpu_end;
         i++)
        if ((CPU_ISSET_S(t->cpus[i].os, t->set_bytes, d->owned) != 0) == owned)
            CPU_SET_S(t->cpus[i].os, t->set_bytes, d->scratch);
    return list_put_set(&d->cells[1], d->scratch, t->set_bytes);
}

static int put_cpu_cell(struct drawing *d, uint32_t first, uint32_t end)
{
    struct buf *cell = &d->cells[1];
    const struct core *c = &d->cores[first];
    uint32_t owned = c->owned_cpus, all = c->cpu_end - c->cpu_begin;
    if (owned > 0 &&
        (buf_puts(cell, owned * (end - first) == 1 ? "CPU " : "CPUs ") < 0 ||
         put_cpus(d, first, end, true) < 0))
        return -1;
    if (owned == all)
        return 0;
    return buf_puts(cell, owned > 0 ? " (" : "(") < 0 ||
                   put_cpus(d, first, end, false) < 0 || buf_putc(cell, ')') < 0
               ? -1
               : 0;
}

/* "rank 0 slots 0-3; rank 1 slot 4" */
static int put_owner_cell(struct drawing *d, uint32_t first, uint32_t end)
{
    struct buf *cell = &d->cells[2];
    uint32_t i = d->cores[first].owner_begin;
    uint32_t stop = d->cores[end - 1].owner_end;
    if (i == stop)
        return buf_putc(cell, '-');
    if (end - first > 1 && owner_step(d, first, first + 1) == 0)
        stop = d->cores[first].owner_end;
    while (i < stop) {
        uint32_t rank = d->owners[i].rank, n = 0;
        while (i + n < stop && d->owners[i + n].rank == rank)
            n++;
        if (buf_printf(cell, "%srank %u %s ", cell->len > 0 ? "; " : "", rank,
                       n == 1 ? "slot" : "slots") < 0)
            return -1;
        struct list_writer w;
        list_begin(&w, cell);
        for (; n > 0; n--, i++)
            list_add(&w, d->owners[i].slot);
        if (list_end(&w) < 0)
            return -1;
    }
    return 0;
}

/* Append at most `max` columns of a text, "..." at the end of a longer one. */
static int put_cut(struct buf *out, const struct buf *text, size_t max)
{
    if (text->len <= max)
        return buf_puts(out, buf_text(text));
    size_t dots = max < 3 ? max : 3;
    return buf_put(out, text->data, max - dots) < 0 ? -1
                                                    : buf_put(out, "...", dots);
}

/* End the line that is in d->line. */
static int put_line(struct drawing *d)
{
    int rc = put_cut(d->out, &d->line, d->width);
    buf_reset(&d->line);
    return rc < 0 ? -1 : buf_putc(d->out, '\n');
}

static int put_row(struct drawing *d)
{
    struct buf *line = &d->line;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        if (buf_puts(line, "  ") < 0)
            return -1;
        bool last = c == COLUMN_COUNT - 1;
        size_t max = last ? DRAW_MAX_CELL_BYTES : d->width / 2, was = line->len;
        size_t wide = d->widths[c] < max ? d->widths[c] : max;
        if (put_cut(line, &d->cells[c], max) < 0)
            return -1;
        while (!last && line->len < was + wide)
            if (buf_putc(line, ' ') < 0)
                return -1;
    }
    return put_line(d);
}

/* One row: measure it or draw it. */
static int visit_row(struct drawing *d, uint32_t first, uint32_t end)
{
    struct buf *cell = &d->cells[0];
    for (int c = 0; c < COLUMN_COUNT; c++)
        buf_reset(&d->cells[c]);
    int rc = end - first == 1 ? buf_printf(cell, "core %u", first)
                              : buf_printf(cell, "cores %u-%u", first, end - 1);
    if (rc < 0 || put_cpu_cell(d, first, end) < 0 ||
        put_owner_cell(d, first, end) < 0)
        return -1;
    if (d->out)
        return put_row(d);
    for (int c = 0; c < COLUMN_COUNT; c++)
        if (d->cells[c].len > d->widths[c])
            d->widths[c] = d->cells[c].len;
    return 0;
}

/* All rows, with a heading for each place; or measure them. */
static int visit_rows(struct drawing *d)
{
    for (uint32_t first = 0, end; first < d->t->core_count; first = end) {
        const struct topo_cpu *cpu = &d->t->cpus[d->cores[first].cpu_begin];
        bool begins = first == 0 || !is_same_place(d, first - 1, first);
        if (d->out && begins &&
            (buf_printf(&d->line, "package %u, NUMA node %u", cpu->package,
                        cpu->numa) < 0 ||
             put_line(d) < 0))
            return -1;
        end = run_end(d, first);
        if (visit_row(d, first, end) < 0)
            return -1;
    }
    return 0;
}

static int put_count(struct buf *line, uint32_t count, const char *what,
                     const char *behind)
{
    return buf_printf(line, "%u %s%s%s", count, what, count == 1 ? "" : "s",
                      behind);
}

static int put_head(struct drawing *d, uint32_t slots, uint32_t ranks)
{
    const struct topo *t = d->t;
    return put_count(&d->line, t->package_count, "package", ", ") < 0 ||
                   put_count(&d->line, t->numa_count, "NUMA node", ", ") < 0 ||
                   put_count(&d->line, t->core_count, "core", ", ") < 0 ||
                   put_count(&d->line, t->count, "CPU", "") < 0 ||
                   put_line(d) < 0 ||
                   put_count(&d->line, slots, "slot", ", ") < 0 ||
                   put_count(&d->line, ranks, "rank", "") < 0 || put_line(d) < 0
               ? -1
               : 0;
}

/* Which ranks have nothing to run tasks on. */
static int put_idle_ranks(struct drawing *d, const struct slots *slots,
                          uint32_t count)
{
    struct list_writer w;
    uint32_t idle = 0;
    for (uint32_t r = 0; r < count; r++)
        idle += slots[r].count == 0;
    if (idle == 0)
        return 0;
    if (buf_puts(&d->line, idle == 1 ? "without slots: rank "
                                     : "without slots: ranks ") < 0)
        return -1;
    list_begin(&w, &d->line);
    for (uint32_t r = 0; r < count; r++)
        if (slots[r].count == 0)
            list_add(&w, r);
    return list_end(&w) < 0 ? -1 : put_line(d);
}

/* The GPUs, and which CPUs are next to each. */
static int put_gpus(struct drawing *d)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < d->t->gpu_count; i++) {
        const struct topo_gpu *g = topo_gpu(d->t, i);
        const char *name = g->name[0] ? g->name : topo_vendor_name(g->vendor);
        rc = buf_printf(&d->line, "GPU %u  %s%s%s", (unsigned)i, g->address,
                        name[0] ? "  " : "", name);
        if (rc == 0 && g->cpus[0])
            rc = buf_printf(&d->line, "  next to CPU%s %s",
                            strpbrk(g->cpus, "-,") ? "s" : "", g->cpus);
        if (rc == 0)
            rc = put_line(d);
    }
    return rc;
}

static int draw(struct drawing *d, const struct slots *slots, uint32_t count,
                struct buf *out)
{
    for (uint32_t r = 0; r < count; r++)
        for (uint32_t s = 0; s < slots[r].count; s++)
            if (add_slot(d, r, &slots[r].slots[s]) < 0)
                return -1;
    if (d->owner_count > 0)
        qsort(d->owners, d->owner_count, sizeof(d->owners[0]), compare_owners);
    index_cores(d);
    if (visit_rows(d) < 0)
        return -1;
    d->out = out;
    return put_head(d, count > 0 ? slots[0].node_count : 0, count) < 0 ||
                   visit_rows(d) < 0 || put_gpus(d) < 0 ||
                   put_idle_ranks(d, slots, count) < 0
               ? -1
               : 0;
}

int topo_draw(const struct topo *t, const struct slots *slots,
              uint32_t local_count, unsigned width, struct buf *out,
              struct err *err)
{
    struct drawing d = {.t = t, .width = width};
    size_t was = out->len;
    for (int c = 0; c < COLUMN_COUNT; c++)
        buf_init(&d.cells[c], DRAW_MAX_CELL_BYTES);
    buf_init(&d.line, COLUMN_COUNT * (DRAW_MAX_CELL_BYTES + 2));
    d.cores = mem_calloc(t->core_count, sizeof(d.cores[0]));
    d.owned = mem_calloc(1, t->set_bytes);
    d.scratch = mem_calloc(1, t->set_bytes);
    errno = ENOMEM;
    int rc = d.cores && d.owned && d.scratch ? draw(&d, slots, local_count, out)
                                             : -1;
    if (rc < 0) {
        err_sys(err, errno, "cannot draw the node");
        if (out->len > was) {
            out->len = was;
            out->data[was] = '\0';
        }
    }
    for (int c = 0; c < COLUMN_COUNT; c++)
        buf_fini(&d.cells[c]);
    buf_fini(&d.line);
    mem_free(d.owners);
    mem_free(d.cores);
    mem_free(d.owned);
    mem_free(d.scratch);
    return rc;
}
