/* Pace: see pace.h. */
#include "config.h"
#include "manager/pace.h"

void pace_note(struct pace *p, int64_t now_ns, uint64_t done)
{
    p->samples[p->next].now_ns = now_ns;
    p->samples[p->next].done = done;
    p->next = (p->next + 1) % PACE_SAMPLES;
    if (p->count < PACE_SAMPLES)
        p->count++;
}

double pace_rate(const struct pace *p)
{
    if (p->count < 2)
        return 0;
    uint32_t last = (p->next + PACE_SAMPLES - 1) % PACE_SAMPLES;
    uint32_t first = (p->next + PACE_SAMPLES - p->count) % PACE_SAMPLES;
    int64_t ns = p->samples[last].now_ns - p->samples[first].now_ns;
    uint64_t done = p->samples[last].done - p->samples[first].done;
    return ns > 0 ? (double)done * 1e9 / (double)ns : 0;
}

int64_t pace_eta_ns(const struct pace *p, uint64_t remaining)
{
    double rate = pace_rate(p);
    double eta = rate > 0 ? (double)remaining / rate * 1e9 : -1;
    return eta >= 0 && eta < 9e18 ? (int64_t)eta : -1;
}
