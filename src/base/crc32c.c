/* CRC32C: see crc32c.h. The table is made at first use; two threads that make
 * it at once write the same values. */
#include "config.h"
#include "base/crc32c.h"

#include <string.h>

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_hardware(
    uint32_t crc, const unsigned char *p, size_t len)
{
    uint64_t c = crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c = __builtin_ia32_crc32di(c, word);
    }
    for (; len > 0; len--, p++)
        c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    return (uint32_t)c;
}
#endif

static uint32_t crc_table(uint32_t crc, const unsigned char *p, size_t len)
{
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t i = 256; i-- > 0;) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? (c >> 1) ^ UINT32_C(0x82f63b78) : c >> 1;
            table[i] = c;
        }
    }
    for (; len > 0; len--, p++)
        crc = table[(crc ^ *p) & 0xff] ^ (crc >> 8);
    return crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_hardware(~crc, data, len);
#endif
    return ~crc_table(~crc, data, len);
}
