/* The clocks. Only drivers (loops, commands) ask them; everything below gets
 * the time as an argument. */
#ifndef MPIBATCH_BASE_CLOCK_H
#define MPIBATCH_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic time, in ns, from an arbitrary start; for differences. */
int64_t clock_mono_ns(void);

/* Wall-clock time, in ns since 1970-01-01 UTC; for records. */
int64_t clock_wall_ns(void);

/* CPU time of the calling thread, in ns; to bound work. Anyone may ask. */
int64_t clock_cpu_ns(void);

#endif
