/* Which GPUs a task sees: see devices.h. */
#include "config.h"
#include "worker/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"

enum { LIST_BYTES = GPU_MAX_PER_NODE * 64 };

/* No library takes it for a device, nor for a variable that is not set, as some
 * do with "". */
static const char nothing[] = "-1";

static bool speaks_of_gpus(const struct jobspec *spec)
{
    for (uint32_t i = 0; i < spec->resource_count; i++)
        if (spec->resources[i].kind == RESOURCE_GPUS)
            return true;
    return false;
}

/* A GPU that was not found may be of any vendor. */
static bool is_of(const struct topo *topo, uint32_t gpu, enum gpu_vendor vendor)
{
    const struct topo_gpu *found = topo_gpu(topo, gpu);
    return !found || found->vendor == vendor;
}

/* What the variables of that vendor call those of the GPUs that are its. */
static int put_list(struct buf *list, const struct topo *topo,
                    const struct gpu_share *gpus, uint32_t count,
                    enum gpu_vendor vendor)
{
    int rc = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct topo_gpu *found = topo_gpu(topo, gpus[i].gpu);
        if (!is_of(topo, gpus[i].gpu, vendor))
            continue;
        rc |= list->len > 0 ? buf_putc(list, ',') : 0;
        rc |= found ? buf_puts(list, found->visible)
                    : buf_printf(list, "%" PRIu32, gpus[i].gpu);
    }
    return rc;
}

static int put_visible(struct environment *env, const struct topo *topo,
                       const struct gpu_share *gpus, uint32_t count,
                       enum gpu_vendor vendor, const char *name,
                       struct err *err)
{
    struct buf list;
    buf_init(&list, LIST_BYTES);
    int rc = put_list(&list, topo, gpus, count, vendor);
    rc = rc < 0 ? err_sys(err, errno, "%s", name)
                : environment_set(
                      env, name, list.len > 0 ? buf_text(&list) : nothing, err);
    buf_fini(&list);
    return rc;
}

/* HIP, too, reads CUDA_VISIBLE_DEVICES, and counts from 0 among those that
 * ROCR_VISIBLE_DEVICES leaves. */
static int put_amd(struct environment *env, uint32_t count, struct err *err)
{
    struct buf list;
    int rc = 0;
    buf_init(&list, LIST_BYTES);
    for (uint32_t i = 0; i < count; i++)
        rc |= buf_printf(&list, "%s%" PRIu32, i > 0 ? "," : "", i);
    if (rc < 0)
        err_sys(err, errno, "HIP_VISIBLE_DEVICES");
    else if (environment_set(env, "CUDA_VISIBLE_DEVICES", buf_text(&list),
                             err) < 0 ||
             environment_set(env, "HIP_VISIBLE_DEVICES", buf_text(&list), err) <
                 0)
        rc = -1;
    buf_fini(&list);
    return rc;
}

/* What we call them, and how much of one it is. */
static int put_own(struct environment *env, const struct gpu_share *gpus,
                   uint32_t count, struct err *err)
{
    struct buf list;
    char share[16];
    int rc = 0;
    buf_init(&list, LIST_BYTES);
    for (uint32_t i = 0; i < count; i++)
        rc |= buf_printf(&list, "%s%" PRIu32, i > 0 ? "," : "", gpus[i].gpu);
    rc = rc < 0 ? err_sys(err, errno, "MPIBATCH_GPUS")
                : environment_set(env, "MPIBATCH_GPUS", buf_text(&list), err);
    buf_fini(&list);
    if (rc < 0 || count != 1 || gpus[0].milli >= RESOURCE_ONE)
        return rc;
    snprintf(share, sizeof(share), "%.3g", gpus[0].milli / 1000.0);
    return environment_set(env, "MPIBATCH_GPU_SHARE", share, err);
}

int devices_put(struct environment *env, const struct jobspec *spec,
                const struct topo *topo, const struct gpu_share *gpus,
                uint32_t count, struct err *err)
{
    bool amd = count > 0, intel = false;
    if (!speaks_of_gpus(spec))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct topo_gpu *found = topo_gpu(topo, gpus[i].gpu);
        amd = amd && found && found->vendor == GPU_AMD;
    }
    for (uint32_t i = 0; i < topo_gpu_count(topo); i++)
        intel = intel || topo_gpu(topo, i)->vendor == GPU_INTEL;
    if (put_own(env, gpus, count, err) < 0 ||
        put_visible(env, topo, gpus, count, GPU_AMD, "ROCR_VISIBLE_DEVICES",
                    err) < 0 ||
        (intel && put_visible(env, topo, gpus, count, GPU_INTEL,
                              "ZE_AFFINITY_MASK", err) < 0))
        return -1;
    if (amd)
        return put_amd(env, count, err);
    if (put_visible(env, topo, gpus, count, GPU_NVIDIA, "CUDA_VISIBLE_DEVICES",
                    err) < 0)
        return -1;
    return count > 0
               ? environment_set(env, "CUDA_DEVICE_ORDER", "PCI_BUS_ID", err)
               : 0;
}
