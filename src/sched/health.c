/* Is a node at fault? See health.h. */
#include "config.h"
#include "sched/health.h"

enum {
    STREAK_MIN = 5, /* so many failures in a row at least */
    LAST = 10,      /* none has succeeded among so many */
    PEERS_MIN = 5   /* so many attempts elsewhere to compare with */
};

bool health_says(const struct attempt *a)
{
    switch (a->reason) {
    case REASON_LOST:
    case REASON_CANCELLED:
    case REASON_STOPPED:
    case REASON_CHECKPOINT:
        return false;
    default:
        return true;
    }
}

void health_note(struct health *h, uint32_t job, bool failed)
{
    if (h->job != job)
        *h = (struct health){.job = job};
    h->count.ended++;
    h->count.failed += failed;
    h->streak = failed ? h->streak + 1 : 0;
}

bool health_is_bad(const struct health *h, const struct health_count *all)
{
    uint64_t ended = all->ended - h->count.ended;
    uint64_t failed = all->failed - h->count.failed;
    if (h->streak < STREAK_MIN ||
        (h->streak < LAST && h->streak < h->count.ended))
        return false;
    return ended >= PEERS_MIN && 2 * failed < ended;
}
