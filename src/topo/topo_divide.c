/* Dividing a node into slots and the slots among its ranks: see topo.h.
 * Pure: every rank computes the same from the same lists. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "topo/topo_list.h"
#include "topo/topo_machine.h"

/* The number of the unit that a CPU belongs to. */
static uint32_t unit_of(const struct topo *t, uint32_t cpu, enum slot_unit unit)
{
    switch (unit) {
    case SLOT_CORE:
        return t->cpus[cpu].core;
    case SLOT_HWTHREAD:
        return cpu;
    case SLOT_NUMANODE:
        return t->cpus[cpu].numa;
    case SLOT_PACKAGE:
        return t->cpus[cpu].package;
    }
    return cpu;
}

/* Number the units that have an allowed CPU, in machine order: units[cpu] is
 * the unit's number, or UINT32_MAX where the CPU is not allowed. Returns how
 * many units there are. place: scratch, one for each CPU of the machine. */
static uint32_t number_units(const struct topo *t, enum slot_unit unit,
                             const cpu_set_t *allowed, uint32_t *units,
                             uint32_t *place)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->count; i++)
        place[i] = UINT32_MAX;
    for (uint32_t i = 0; i < t->count; i++) {
        units[i] = UINT32_MAX;
        if (!CPU_ISSET_S(t->cpus[i].os, t->set_bytes, allowed))
            continue;
        uint32_t *at = &place[unit_of(t, i, unit)];
        if (*at == UINT32_MAX)
            *at = count++;
        units[i] = *at;
    }
    return count;
}

/* How many of local_count ranks get slots. */
static uint32_t sharing_ranks(uint64_t slots, uint32_t local_count,
                              uint32_t granule)
{
    uint64_t ranks = slots / (granule > 0 ? granule : 1);
    ranks = ranks < local_count ? ranks : local_count;
    return ranks > 0 ? (uint32_t)ranks : 1;
}

/* The end of part i of `whole` in `parts`: i*whole/parts is its start. */
static uint32_t share(uint64_t whole, uint64_t i, uint64_t parts)
{
    return (uint32_t)(whole * i / parts);
}

/* The CPUs of the units first..end-1, into one slot. */
static void fill_slot(const struct topo *t, const uint32_t *units,
                      uint32_t first, uint32_t end, struct slot *s)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (units[i] != UINT32_MAX && units[i] >= first && units[i] < end)
            CPU_SET_S(t->cpus[i].os, t->set_bytes, s->cpus);
}

/* Write the slot's list for people, with "..." where it does not fit. */
static int label_slot(struct slot *s, size_t bytes)
{
    struct buf text;
    buf_init(&text, LIST_MAX_NUMBER);
    if (list_put_set(&text, s->cpus, bytes) < 0) {
        buf_fini(&text);
        return -1;
    }
    size_t max = sizeof(s->list) - 1, len = text.len;
    if (len > max) {
        for (len = max - 3; text.data[len - 1] != ','; len--)
            ;
        memcpy(s->list + len, "...", 4);
    } else {
        s->list[len] = '\0';
    }
    memcpy(s->list, text.data, len);
    buf_fini(&text);
    return 0;
}

/* Make the slots begin..end-1 of `total` on unit_count units. */
static int make_slots(const struct topo *t, const uint32_t *units,
                      uint32_t unit_count, uint32_t total, uint32_t begin,
                      uint32_t end, struct slots *out)
{
    uint32_t count = end - begin;
    struct slots made = {
        .count = count, .node_count = total, .cpus_bytes = t->set_bytes};
    if (count == 0) {
        *out = made;
        return 0;
    }
    char *sets = mem_calloc(count, t->set_bytes);
    made.slots = mem_calloc(count, sizeof(made.slots[0]));
    if (!sets || !made.slots)
        goto nomem;
    for (uint32_t k = 0; k < count; k++) {
        struct slot *s = &made.slots[k];
        uint32_t i = begin + k, first = i % unit_count, last = first + 1;
        if (total <= unit_count) {
            first = share(unit_count, i, total);
            last = share(unit_count, i + UINT64_C(1), total);
        }
        s->number = i;
        s->cpus = (void *)(sets + k * t->set_bytes);
        fill_slot(t, units, first, last, s);
        if (label_slot(s, t->set_bytes) < 0)
            goto nomem;
    }
    *out = made;
    return 0;
nomem:
    mem_free(sets);
    mem_free(made.slots);
    return -1;
}

/* Parse and unite the lists of the ranks. */
static int unite(const char *const *cpus, uint32_t count, cpu_set_t *set,
                 size_t bytes, struct err *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (list_parse(cpus[i], set, bytes, err) < 0)
            return err_context(err, "CPUs of local rank %u", i);
    return 0;
}

int topo_divide(const struct topo *t, const struct pool *pool,
                const char *const *cpus, uint32_t local, uint32_t local_count,
                uint32_t granule, struct slots *out, struct err *err)
{
    int rc = -1;
    uint32_t total = pool->task_slots_per_node;
    if (local >= local_count)
        return err_set(err, EINVAL, "local rank %u of %u", local, local_count);
    if (total > TOPO_MAX_SLOTS)
        return err_set(err, EINVAL, "%u task slots per node, over %d", total,
                       TOPO_MAX_SLOTS);
    cpu_set_t *allowed = mem_calloc(1, t->set_bytes);
    uint32_t *units = mem_calloc(t->count, 2 * sizeof(units[0]));
    if (!allowed || !units) {
        err_set(err, ENOMEM, "no memory for the slots");
        goto out;
    }
    if (unite(cpus, local_count, allowed, t->set_bytes, err) < 0)
        goto out;
    uint32_t unit_count =
        number_units(t, pool->slot_unit, allowed, units, units + t->count);
    if (unit_count == 0) {
        err_set(err, EINVAL, "no CPU of this machine may be used");
        goto out;
    }
    if (total == 0)
        total = unit_count;
    uint32_t sharers = sharing_ranks(total, local_count, granule);
    uint32_t begin = local < sharers ? share(total, local, sharers) : total;
    uint32_t end =
        local < sharers ? share(total, local + UINT64_C(1), sharers) : total;
    rc = make_slots(t, units, unit_count, total, begin, end, out);
    if (rc < 0)
        err_set(err, ENOMEM, "no memory for %u slots", end - begin);
out:
    mem_free(allowed);
    mem_free(units);
    return rc;
}

void slots_fini(struct slots *s)
{
    if (s->count > 0)
        mem_free(s->slots[0].cpus);
    mem_free(s->slots);
    *s = (struct slots){0};
}
