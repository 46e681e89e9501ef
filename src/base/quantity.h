/* Quantities with units, as people write them: durations and sizes. */
#ifndef MPIBATCH_BASE_QUANTITY_H
#define MPIBATCH_BASE_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_US  INT64_C(1000)

/* Parse a duration: "90s", "1h30m", "1.5h", "250ms", "2d" (units d h m s ms
 * us ns, largest first, each once), "HH:MM:SS", "MM:SS", "D-HH:MM:SS" (as
 * Slurm writes it), ISO 8601 "PT1H30M", "P1D", or a bare number of seconds.
 * *ns is at least 0. -1 with err EINVAL (not a duration; says what would be
 * one) or ERANGE (over 292 years); *ns is untouched then. */
int duration_parse(const char *text, int64_t *ns, struct err *err);

/* Write a duration for people: "1d02h", "1h30m", "2m05s", "12.3s", "45ms".
 * At most 16 bytes with the NUL. Returns text. */
char *duration_format(int64_t ns, char text[16]);

/* Parse a size in bytes: "512MiB", "4GB", "1.5 GiB", "100" (bytes). KB MB GB
 * TB are powers of 1000; KiB MiB GiB TiB, and K M G T alone, of 1024; capitals
 * or not. At most 2^63 - 1. -1 with err EINVAL or ERANGE; *bytes is untouched
 * then. */
int size_parse(const char *text, uint64_t *bytes, struct err *err);

/* Write a size for people: "512 B", "1.2 KiB", "3.4 GiB". Returns text. */
char *size_format(uint64_t bytes, char text[16]);

#endif
