/* CRC32C: see crc32c.h. The table is that of four bits, so that it can stand
 * here; it is only for CPUs without the instruction. */
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
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (; len > 0; len--, p++) {
        crc ^= *p;
        crc = table[crc & 0xf] ^ (crc >> 4);
        crc = table[crc & 0xf] ^ (crc >> 4);
    }
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
