/* Fuzz target: the director. The first five bytes are the cluster, the rest
 * steps of three bytes: what, who, of what. What it has promised is checked
 * all along, and in the end all behave. */
#include "config.h"
#include "fuzz.h"

#include "../unit/stage/director_world.h"

enum { STEPS_MAX = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    if (size < 5 || world_init(&w, 1 + data[0] % WORLD_MAX_RANKS,
                               1 + data[1] % 4, 1 + data[2] % WORLD_MAX_OBJECTS,
                               1 + data[3] % 4, 1 + data[4] % 3, 0) < 0)
        return 0;
    for (size_t i = 5; i + 3 <= size && i < 3 * STEPS_MAX; i += 3) {
        world_step(&w, data[i], data[i + 1], data[i + 2]);
        if (data[i] < 192)
            world_drain(&w);
    }
    world_finish(&w);
    if (w.wrong[0])
        __builtin_trap();
    world_fini(&w);
    return 0;
}
