/* Metrics from a column of a CSV. Internal to metrics/. */
#ifndef MPIBATCH_METRICS_CSV_H
#define MPIBATCH_METRICS_CSV_H

#include "metrics/gather.h"

/* The cells of the column named metric->pattern are candidates, from the
 * header on: the first line that has that name among its fields. Fields are
 * separated by commas, tabs or semicolons, whichever makes the name one;
 * quotes as in RFC 4180; blank lines and comments (#) are passed over. A row
 * with another number of fields is a malformed candidate. */
void csv_scan(const char *text, size_t len, struct gather *g);

#endif
