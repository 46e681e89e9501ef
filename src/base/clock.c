/* The clocks: see clock.h. */
#include "config.h"
#include "base/clock.h"

#include <time.h>

static int64_t clock_get_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return clock_get_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
    return clock_get_ns(CLOCK_REALTIME);
}

int64_t clock_cpu_ns(void)
{
    return clock_get_ns(CLOCK_THREAD_CPUTIME_ID);
}
