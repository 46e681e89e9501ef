/* Combinations and permutations: see combine.h. */
#include "config.h"
#include "model/combine.h"

struct amount combine_count(uint32_t n, uint32_t k, bool ordered)
{
    struct amount count = amount_of(k <= n);
    if (!ordered && k <= n && k > n - k)
        k = n - k;
    for (uint32_t i = 0; i < k && i < n; i++) {
        count = amount_mul(count, amount_of(n - i));
        if (ordered)
            continue;
        count.about /= i + 1; /* each of these quotients is whole */
        if (count.exact != UINT64_MAX)
            count.exact /= i + 1;
    }
    return count;
}

/* k of n, if that is below 2^32; then no product on the way overflows. */
static uint64_t choose(uint32_t n, uint32_t k)
{
    uint64_t count = 1;
    if (k > n)
        return 0;
    if (k > n - k)
        k = n - k;
    for (uint32_t i = 0; i < k; i++)
        count = count * (n - i) / (i + 1);
    return count;
}

/* The combinations of k of n whose first item is below `first`. */
static uint64_t with_first_below(uint32_t n, uint32_t k, uint32_t first)
{
    return choose(n, k) - choose(n - first, k);
}

static uint32_t combination_item(uint32_t n, uint32_t k, uint64_t position,
                                 uint32_t column)
{
    uint32_t base = 0; /* items before it are passed */
    for (;; column--) {
        uint32_t low = 0, high = n - base - k + 1;
        while (high - low > 1) {
            uint32_t mid = low + (high - low) / 2;
            if (with_first_below(n - base, k, mid) <= position)
                low = mid;
            else
                high = mid;
        }
        if (column == 0)
            return base + low;
        position -= with_first_below(n - base, k, low);
        base += low + 1;
        k--;
    }
}

/* How many permutations have the same first `column` + 1 items. */
static uint64_t permutation_stride(uint32_t n, uint32_t k, uint32_t column)
{
    uint64_t stride = 1;
    for (uint32_t i = column + 1; i < k; i++)
        stride *= n - i;
    return stride;
}

/* Item `column` is number d of those that are left. Among all of them that is d
 * and one more for each item before that is not behind it. */
static uint32_t permutation_item(uint32_t n, uint32_t k, uint32_t position,
                                 uint32_t column)
{
    uint64_t stride = permutation_stride(n, k, column), rest;
    uint32_t item = (uint32_t)(position / stride % (n - column));
    for (uint32_t c = column; c-- > 0;) {
        stride *= n - c - 1;
        rest = position / stride % (n - c);
        item += item >= rest;
    }
    return item;
}

uint32_t combine_item(uint32_t n, uint32_t k, bool ordered, uint32_t position,
                      uint32_t column)
{
    return ordered ? permutation_item(n, k, position, column)
                   : combination_item(n, k, position, column);
}

uint32_t combine_position(uint32_t n, uint32_t k, bool ordered,
                          const uint32_t *items)
{
    uint64_t position = 0;
    uint32_t base = 0;
    for (uint32_t c = 0; c < k; c++) {
        if (!ordered) {
            position += with_first_below(n - base, k - c, items[c] - base);
            base = items[c] + 1;
            continue;
        }
        uint32_t digit = items[c];
        for (uint32_t b = 0; b < c; b++)
            digit -= items[b] < items[c];
        position += digit * permutation_stride(n, k, c);
    }
    return (uint32_t)position;
}
