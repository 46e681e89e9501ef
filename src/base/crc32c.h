/* CRC32C (Castagnoli polynomial 0x1EDC6F41, reflected; as in RFC 3720). */
#ifndef MPIBATCH_BASE_CRC32C_H
#define MPIBATCH_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of len bytes behind those whose checksum is crc; start with 0.
 * By the CPU's instruction where there is one, else by table. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
