/* What a fuzz target offers: to libFuzzer, or to replay.c. */
#ifndef MPIBATCH_TESTS_FUZZ_H
#define MPIBATCH_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Run the target on one input. Returns 0; what is wrong traps. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(
    const uint8_t *data, size_t size);

#endif
