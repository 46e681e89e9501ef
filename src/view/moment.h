/* Moments for people: "2026-03-01 14:05:09", in local time. */
#ifndef MPIBATCH_VIEW_MOMENT_H
#define MPIBATCH_VIEW_MOMENT_H

#include <stdint.h>

enum { MOMENT_BYTES = 32 };

/* Write ns since 1970 UTC; "?" for 0. Returns text. */
char *moment_format(int64_t ns, char text[MOMENT_BYTES]);

#endif
