/* A GPU of a node, or a part of one, that a task has. */
#ifndef MPIBATCH_MODEL_GPU_H
#define MPIBATCH_MODEL_GPU_H

#include <stdint.h>

struct gpu_share {
    uint32_t gpu;   /* of the node, from 0 */
    uint32_t milli; /* thousandths of it */
};

enum { GPU_MAX_PER_NODE = 64 };

#endif
