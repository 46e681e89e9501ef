/* The GPUs of a machine, by hwloc: see topo.h.
 *
 * A GPU is a PCI device: one that a library of its vendor knows (hwloc's
 * "cuda0", "nvml0", "rsmi0", "ze0"), or a display or accelerator device of a
 * vendor whose ones compute. Where a vendor's library knows some of its
 * devices, those that it does not know are not for us. GPUs are numbered in
 * the order of their addresses, as CUDA_DEVICE_ORDER=PCI_BUS_ID has it. */
#include "config.h"
#include "topo/topo_gpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hwloc.h>

#include "base/buf.h"
#include "base/mem.h"
#include "topo/topo_list.h"

enum {
    CLASS_DISPLAY = 0x03, /* the upper byte of a PCI class */
    CLASS_ACCELERATOR = 0x12,
    PCI_NVIDIA = 0x10de,
    PCI_AMD = 0x1002,
    PCI_INTEL = 0x8086,
    FOUND_MAX = 4 * GPU_MAX_PER_NODE
};

struct found {
    hwloc_obj_t pci;
    uint64_t address;
    enum gpu_vendor vendor;
    bool known;      /* by a library of its vendor */
    uint32_t number; /* among its vendor's */
    char visible[64];
};

static enum gpu_vendor vendor_of(const struct hwloc_pcidev_attr_s *pci)
{
    switch (pci->vendor_id) {
    case PCI_NVIDIA:
        return GPU_NVIDIA;
    case PCI_AMD:
        return GPU_AMD;
    case PCI_INTEL:
        return GPU_INTEL;
    default:
        return GPU_OTHER;
    }
}

/* Does a vendor's library, or OpenCL, name a device below it? */
static bool is_known(hwloc_obj_t pci)
{
    static const char *const names[] = {"cuda", "nvml", "rsmi", "opencl", "ze"};
    for (hwloc_obj_t os = pci->io_first_child; os; os = os->next_sibling)
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (os->type == HWLOC_OBJ_OS_DEVICE && os->name &&
                strncmp(os->name, names[i], strlen(names[i])) == 0)
                return true;
    return false;
}

/* The PCI devices that may be GPUs. An integrated one of Intel's is one only
 * if its library says so. */
static size_t find(hwloc_topology_t h, struct found found[FOUND_MAX])
{
    size_t count = 0;
    for (hwloc_obj_t o = NULL;
         count < FOUND_MAX && (o = hwloc_get_next_pcidev(h, o)) != NULL;) {
        const struct hwloc_pcidev_attr_s *pci = &o->attr->pcidev;
        unsigned class = pci->class_id >> 8;
        struct found f = {.pci = o,
                          .address = (uint64_t)pci->domain << 32 |
                                     (uint64_t)pci->bus << 16 |
                                     (uint64_t)pci->dev << 8 | pci->func,
                          .vendor = vendor_of(pci),
                          .known = is_known(o)};
        if (f.known ||
            ((class == CLASS_DISPLAY || class == CLASS_ACCELERATOR) &&
             (f.vendor == GPU_NVIDIA || f.vendor == GPU_AMD)))
            found[count++] = f;
    }
    return count;
}

/* Leave out what a vendor's library does not know though it knows others. */
static size_t drop_unknown(struct found *found, size_t count)
{
    bool knows[GPU_VENDORS] = {false};
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        knows[found[i].vendor] = knows[found[i].vendor] || found[i].known;
    for (size_t i = 0; i < count; i++)
        if (found[i].known || !knows[found[i].vendor])
            found[left++] = found[i];
    return left;
}

/* What is left of them by the lists of the environment (here: it is this
 * machine); sorted. Each gets its number. */
static size_t drop_hidden(struct found *found, size_t count, bool here)
{
    static const char *const lists[GPU_VENDORS] = {
        [GPU_NVIDIA] = "CUDA_VISIBLE_DEVICES",
        [GPU_AMD] = "ROCR_VISIBLE_DEVICES",
        [GPU_INTEL] = "ZE_AFFINITY_MASK"};
    uint32_t numbers[GPU_VENDORS] = {0};
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        struct found f = found[i];
        const char *name = lists[f.vendor];
        f.number = numbers[f.vendor]++;
        if (topo_gpu_is_visible(here && name ? getenv(name) : NULL, f.number,
                                f.visible))
            found[left++] = f;
    }
    return left;
}

static int by_address(const void *a, const void *b)
{
    uint64_t x = ((const struct found *)a)->address;
    uint64_t y = ((const struct found *)b)->address;
    return (x > y) - (x < y);
}

static int label(const struct topo *t, struct topo_machine_gpu *gpu)
{
    struct buf text;
    buf_init(&text, LIST_MAX_NUMBER);
    int rc = list_put_set(&text, gpu->near, t->set_bytes);
    size_t max = sizeof(gpu->about.cpus) - 1;
    snprintf(gpu->about.cpus, sizeof(gpu->about.cpus), "%.*s%s",
             (int)(text.len > max ? max - 3 : text.len), buf_text(&text),
             text.len > max ? "..." : "");
    buf_fini(&text);
    return rc;
}

static int fill(const struct topo *t, const struct found *f,
                struct topo_machine_gpu *gpu)
{
    const struct hwloc_pcidev_attr_s *pci = &f->pci->attr->pcidev;
    hwloc_obj_t place = f->pci;
    gpu->about.vendor = f->vendor;
    gpu->about.number = f->number;
    snprintf(gpu->about.visible, sizeof(gpu->about.visible), "%s", f->visible);
    snprintf(gpu->about.address, sizeof(gpu->about.address),
             "%04x:%02x:%02x.%x", (unsigned)pci->domain & 0xffffffffu,
             (unsigned)pci->bus, (unsigned)pci->dev,
             (unsigned)pci->func & 0xfu);
    snprintf(gpu->about.name, sizeof(gpu->about.name), "%s",
             f->pci->name ? f->pci->name : "");
    while (place && !place->cpuset)
        place = place->parent;
    for (uint32_t i = 0; place && i < t->count; i++)
        if (hwloc_bitmap_isset(place->cpuset, t->cpus[i].os))
            CPU_SET_S(t->cpus[i].os, t->set_bytes, gpu->near);
    return label(t, gpu);
}

void topo_gpus_configure(hwloc_topology_t h)
{
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_PCI_DEVICE,
                                   HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_OS_DEVICE,
                                   HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
}

int topo_gpus_copy(struct topo *t, hwloc_topology_t h)
{
    struct found *found = mem_calloc(FOUND_MAX, sizeof(*found));
    int rc = 0;
    if (!found)
        return -1;
    size_t count = drop_unknown(found, find(h, found));
    qsort(found, count, sizeof(*found), by_address);
    count = drop_hidden(found, count, hwloc_topology_is_thissystem(h));
    if (count > GPU_MAX_PER_NODE)
        count = GPU_MAX_PER_NODE;
    if (count > 0) {
        char *sets = mem_calloc(count, t->set_bytes);
        t->gpus = mem_calloc(count, sizeof(t->gpus[0]));
        if (!sets || !t->gpus) {
            mem_free(sets);
            mem_free(found);
            return -1;
        }
        t->gpu_count = (uint32_t)count;
        for (uint32_t i = 0; i < t->gpu_count; i++) {
            t->gpus[i].near = (void *)(sets + i * t->set_bytes);
            rc |= fill(t, &found[i], &t->gpus[i]);
        }
    }
    mem_free(found);
    return rc;
}
