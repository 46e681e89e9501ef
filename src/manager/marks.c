/* Marks: see marks.h. */
#include "config.h"
#include "manager/marks.h"

void marks_put(struct marks *m, uint64_t mark, uint64_t ticket)
{
    uint32_t at = (m->first + m->count) % MARKS_MAX;
    uint32_t last = (at + MARKS_MAX - 1) % MARKS_MAX;
    if (m->count > 0 &&
        (m->ring[last].ticket == ticket || m->count == MARKS_MAX))
        at = last;
    else
        m->count++;
    m->ring[at].mark = mark;
    m->ring[at].ticket = ticket;
}

uint64_t marks_take(struct marks *m, uint64_t written)
{
    uint64_t mark = 0;
    while (m->count > 0 && m->ring[m->first].ticket <= written) {
        mark = m->ring[m->first].mark;
        m->first = (m->first + 1) % MARKS_MAX;
        m->count--;
    }
    return mark;
}
