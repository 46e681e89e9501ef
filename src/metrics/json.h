/* Metrics from JSON: a document, or lines of JSON among others. Internal to
 * metrics/. */
#ifndef MPIBATCH_METRICS_JSON_H
#define MPIBATCH_METRICS_JSON_H

#include "metrics/gather.h"

/* The largest document. */
enum { JSON_MAX_BYTES = 16 << 20 };

/* Each JSON value of text that starts at the beginning of a line is a
 * candidate of each of the count gathers whose pointer (metric->pattern,
 * RFC 6901) leads somewhere in it. Other lines are passed over; but one that
 * begins with a brace and is no JSON is a malformed candidate of all. */
void jsonlines_scan(const char *text, size_t len, struct gather *const *gathers,
                    uint32_t count);

#endif
