/* Pace: how fast tasks end, over the last half minute, and what that means
 * for the rest. Pure. */
#ifndef MPIBATCH_MANAGER_PACE_H
#define MPIBATCH_MANAGER_PACE_H

#include <stdint.h>

enum { PACE_SAMPLES = 31 };

struct pace {
    struct {
        int64_t now_ns;
        uint64_t done;
    } samples[PACE_SAMPLES]; /* a ring */
    uint32_t count, next;
};

/* Note how many tasks have ended by now; about once a second. */
void pace_note(struct pace *p, int64_t now_ns, uint64_t done);

/* Tasks a second over the samples; 0: not known. */
double pace_rate(const struct pace *p);

/* How long the remaining tasks take at that rate, in ns; -1: not known. */
int64_t pace_eta_ns(const struct pace *p, uint64_t remaining);

#endif
