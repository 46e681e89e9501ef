/* What a task asks for: see request.h. */
#include "config.h"
#include "model/request.h"

bool request_is_plain(const struct request *r)
{
    return r->instances == 1 && !r->exclusive && r->amount_count == 0;
}

bool request_is_same(const struct request *a, const struct request *b)
{
    if (a->slots != b->slots || a->instances != b->instances ||
        a->exclusive != b->exclusive || a->amount_count != b->amount_count)
        return false;
    for (uint32_t i = 0; i < a->amount_count; i++)
        if (a->amounts[i].resource != b->amounts[i].resource ||
            a->amounts[i].units != b->amounts[i].units)
            return false;
    return true;
}

uint64_t request_amount(const struct request *r, uint32_t resource)
{
    for (uint32_t i = 0; i < r->amount_count; i++)
        if (r->amounts[i].resource == resource)
            return r->amounts[i].units;
    return 0;
}
