/* A file from a server: http:// and https://, read like a file.
 *
 * What passes is tried again, with growing pauses, a bounded number of times:
 * lost connections, stalls, 408, 425, 429, 500, 502, 503, 504. A download that
 * broke off goes on where it was if the server says by ETag or Last-Modified
 * that the file is still the same, else it starts again, and what was read
 * before must come again. Redirects lead to http and https only, from https to
 * https only.
 *
 * From the environment, as curl reads them: http_proxy, https_proxy,
 * all_proxy, no_proxy; certificates of CURL_CA_BUNDLE, SSL_CERT_FILE,
 * SSL_CERT_DIR. Passwords come from ~/.netrc or the URL. No message holds a
 * password or the part of a URL behind its "?".
 */
#ifndef MPIBATCH_STAGE_HTTP_H
#define MPIBATCH_STAGE_HTTP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
    HTTP_RETRIES = 5,          /* connections that may break, in all */
    HTTP_CONNECT_S = 30,       /* time to connect */
    HTTP_STALL_S = 60,         /* time without a byte */
    HTTP_PAUSE_MS = 500,       /* before the first retry; doubles, ... */
    HTTP_PAUSE_MAX_MS = 16000, /* ... up to this; Retry-After is kept to */
    HTTP_IDENTITY_MAX = 256,
    HTTP_SHOWN_MAX = 256,
};

struct http_options {
    uint64_t max_bytes;                    /* of the file; 0: no bound */
    uint32_t retries;                      /* UINT32_MAX: HTTP_RETRIES */
    uint32_t connect_s, stall_s, pause_ms; /* 0: as above */
    const atomic_bool *stop; /* or NULL: give up with ECANCELED, within a
                                second, once set */
};

struct http;

/* Ask for url (copied) and wait for the answer's head. options may be NULL.
 * NULL with err: EINVAL (no http or https URL), ENOENT (404, 410), EACCES (401,
 * 403, 407), ETIMEDOUT (after retries), EFBIG (over max_bytes), ECANCELED,
 * ENOMEM, EIO (everything else). Blocks: for a thread. */
struct http *http_open(const char *url, const struct http_options *options,
                       struct err *err);

/* The next bytes, at most len. 0: the end, and all of it came. -1 with err as
 * http_open, and ESTALE (the file changed between two tries). */
ssize_t http_read(struct http *h, void *data, size_t len, struct err *err);

/* The file's size by the server, UINT64_MAX if it does not say. */
uint64_t http_bytes(const struct http *h);

/* What tells this version of the file from others: the strong ETag, else
 * Last-Modified and the size; "" if the server gives neither. Borrowed. */
const char *http_identity(const struct http *h);

/* How many requests were made, retries and redirects among them. */
uint32_t http_requests(const struct http *h);

/* NULL is fine. */
void http_close(struct http *h);

/* url as messages may show it: without user, password and query, printable,
 * at most size bytes with the NUL. Returns out. */
const char *http_shown(const char *url, char *out, size_t size);

#endif
