/* How an attempt was launched: see launch.h. */
#include "config.h"
#include "worker/launch.h"

#include <errno.h>

#include "base/mem.h"

int launch_read(struct launch *l, const struct msg *m, struct err *err)
{
    uint32_t instances = m->u.launch.instance_count;
    uint32_t gpus = m->u.launch.gpu_count;
    *l = (struct launch){.instance = m->u.launch.instance,
                         .instance_count = instances,
                         .gpu_count = gpus,
                         .memory_bytes = m->u.launch.memory_bytes,
                         .max_wall_clock_ns = m->u.launch.max_wall_clock_ns,
                         .keep_directory = m->u.launch.keep_directory};
    if (instances > 1)
        l->ranks = mem_calloc(instances, sizeof(l->ranks[0]));
    if (gpus > 0)
        l->gpus = mem_calloc(gpus, sizeof(l->gpus[0]));
    if ((instances > 1 && !l->ranks) || (gpus > 0 && !l->gpus)) {
        launch_fini(l);
        return err_set(err, ENOMEM, "no memory to launch a task");
    }
    for (uint32_t i = 0; l->ranks && i < instances; i++)
        l->ranks[i] = msg_launch_rank(m, i);
    for (uint32_t i = 0; i < gpus; i++)
        l->gpus[i] = msg_launch_gpu(m, i);
    return 0;
}

void launch_fini(struct launch *l)
{
    mem_free(l->ranks);
    mem_free(l->gpus);
    *l = (struct launch){0};
}
