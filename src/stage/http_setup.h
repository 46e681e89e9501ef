/* What every request of http.c has in common. Private to http*.c. */
#ifndef MPIBATCH_STAGE_HTTP_SETUP_H
#define MPIBATCH_STAGE_HTTP_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Is url one that we fetch? */
bool http_is_url(const char *url);

/* A CURL * for url, with everything but callbacks and ranges: schemes,
 * redirects, certificates, time-outs. error: CURL_ERROR_SIZE bytes that live as
 * long. Clean it up with curl_easy_cleanup. NULL with err: ENOMEM, EIO. */
void *http_setup(const char *url, uint32_t connect_s, char *error,
                 struct err *err);

#endif
