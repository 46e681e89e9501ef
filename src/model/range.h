/* Tasks first..first+count-1 of a job; count > 0. */
#ifndef MPIBATCH_MODEL_RANGE_H
#define MPIBATCH_MODEL_RANGE_H

#include <stdint.h>

struct task_range {
    uint32_t job, first, count;
};

#endif
