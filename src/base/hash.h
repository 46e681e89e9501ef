/* A short hash of text, for maps and chains: FNV-1a of 64 bits. Not safe
 * against who makes up texts of one hash: compare the texts. */
#ifndef MPIBATCH_BASE_HASH_H
#define MPIBATCH_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The hash of nothing. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Go on from a hash with len bytes, or with text up to its NUL. */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t len);
uint64_t hash_text(uint64_t hash, const char *text);

#endif
