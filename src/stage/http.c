/* Downloads: see http.h.
 *
 * A download is a row of requests, of which each goes on where the one before
 * broke. Bytes wait in a bounded buffer until they are read; libcurl is told to
 * pause while it is full. Nothing waits longer than STEP_MS without a look at
 * whether to stop.
 */
#include "config.h"
#include "stage/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "stage/http_setup.h"

enum {
    STEP_MS = 200,
    WINDOW_BYTES = 1 << 20, /* that wait to be read */
    FRESH_BYTES = 16 << 20, /* so many received: all tries again */
    CONTENT_RANGE_MAX = 128,
    NO_STATUS = 0
};

enum state {
    STATE_HEAD, /* a request is on its way, no byte of the file yet */
    STATE_BODY, /* bytes come */
    STATE_DONE
};

struct http {
    CURLM *multi;
    CURL *easy; /* the request on its way; or NULL */
    struct curl_slist *headers;
    char *url;
    struct http_options options;
    enum state state;
    bool paused;
    struct buf data; /* received, to be read from data_at on */
    size_t data_at;
    uint64_t received;      /* of the file, in all */
    uint64_t skip;          /* still to come again, before new bytes */
    uint32_t crc, skip_crc; /* of what was received; of what came again */
    uint64_t bytes;         /* of the file, UINT64_MAX: not known */
    char identity[HTTP_IDENTITY_MAX];
    char validator[HTTP_IDENTITY_MAX]; /* for If-Range; or "" */
    uint32_t requests, retries_left, pause_ms;
    uint64_t fresh_at; /* received, when the last request began */
    int64_t progress_ns;
    /* of the response that comes */
    char etag[HTTP_IDENTITY_MAX], modified[64];
    char content_range[CONTENT_RANGE_MAX];
    uint32_t retry_after_s;
    char error[CURL_ERROR_SIZE];
    struct err err; /* code 0: none; it stays */
};

static int64_t now(void)
{
    return clock_mono_ns();
}

/* "cannot fetch URL: why" */
static int fail(struct http *h, int code, const char *why)
{
    char url[HTTP_SHOWN_MAX];
    return err_set(&h->err, code, "cannot fetch %s: %s",
                   http_shown(h->url, url, sizeof(url)), why);
}

static bool stopped(const struct http *h)
{
    return h->options.stop && atomic_load(h->options.stop);
}

/* The value of a header line if it is name's, without blanks; or NULL. */
static bool header_value(const char *line, size_t len, const char *name,
                         char *out, size_t size)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    const char *from = line + n + 1, *end = line + len;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (unsigned char)end[-1] <= ' ')
        end--;
    size_t value = (size_t)(end - from);
    if (value >= size)
        value = 0; /* too long to be of use */
    memcpy(out, from, value);
    out[value] = '\0';
    return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct http *h = arg;
    size_t len = size * count;
    char number[16];
    h->progress_ns = now();
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) { /* also after redirects */
        h->etag[0] = h->modified[0] = h->content_range[0] = '\0';
        h->retry_after_s = 0;
        h->requests++;
    } else if (header_value(line, len, "ETag", h->etag, sizeof(h->etag)) ||
               header_value(line, len, "Last-Modified", h->modified,
                            sizeof(h->modified)) ||
               header_value(line, len, "Content-Range", h->content_range,
                            sizeof(h->content_range))) {
        return len;
    } else if (header_value(line, len, "Retry-After", number, sizeof(number))) {
        h->retry_after_s = (uint32_t)strtoul(number, NULL, 10);
    }
    return len;
}

/* Which version of the file the response has. */
static void identify(const struct http *h, uint64_t bytes, char *identity,
                     char *validator)
{
    bool strong = h->etag[0] == '"';
    snprintf(validator, HTTP_IDENTITY_MAX, "%s",
             strong ? h->etag : h->modified);
    identity[0] = '\0';
    if (strong)
        snprintf(identity, HTTP_IDENTITY_MAX, "%s", h->etag);
    else if (h->modified[0])
        snprintf(identity, HTTP_IDENTITY_MAX, "%s, %" PRIu64 " bytes",
                 h->modified, bytes);
}

/* "bytes 5-9/10": from 5, of 10. */
static bool parse_range(const char *text, uint64_t *from, uint64_t *total)
{
    uint64_t to;
    return sscanf(text, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, from, &to,
                  total) == 3;
}

/* The first bytes of a response: does it go on with what we have? */
static int begin_body(struct http *h)
{
    long status = 0;
    curl_off_t length = -1;
    char identity[HTTP_IDENTITY_MAX], validator[HTTP_IDENTITY_MAX];
    uint64_t from = 0, bytes = UINT64_MAX;
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (status == 206) {
        if (!parse_range(h->content_range, &from, &bytes) ||
            from != h->received)
            return fail(h, EIO, "the server sent another part than asked for");
    } else if (length >= 0) {
        bytes = (uint64_t)length;
    }
    identify(h, bytes, identity, validator);
    if (h->received > 0) {
        if (strcmp(identity, h->identity) != 0 ||
            (bytes != h->bytes && bytes != UINT64_MAX))
            return fail(h, ESTALE, "the file changed while it was fetched");
    } else {
        h->bytes = bytes;
        memcpy(h->identity, identity, sizeof(identity));
        memcpy(h->validator, validator, sizeof(validator));
    }
    h->skip = status == 206 ? 0 : h->received;
    h->skip_crc = 0;
    h->state = STATE_BODY;
    if (h->options.max_bytes && bytes != UINT64_MAX &&
        bytes > h->options.max_bytes)
        return fail(h, EFBIG, "the file is larger than there is room for");
    return 0;
}

/* Bytes that came before: are they the same? Returns how many of len. */
static size_t compare_again(struct http *h, const char *data, size_t len)
{
    size_t n = len < h->skip ? len : (size_t)h->skip;
    h->skip_crc = crc32c(h->skip_crc, data, n);
    h->skip -= n;
    if (h->skip == 0 && n > 0 && h->skip_crc != h->crc)
        fail(h, ESTALE, "the file changed while it was fetched");
    return n;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct http *h = arg;
    size_t len = size * count, n = 0;
    h->progress_ns = now();
    if (h->data.len - h->data_at >= WINDOW_BYTES) {
        h->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (h->state == STATE_HEAD && begin_body(h) < 0)
        return 0;
    if (h->skip > 0)
        n = compare_again(h, data, len);
    if (h->err.code)
        return 0;
    if (h->options.max_bytes &&
        h->received + (len - n) > h->options.max_bytes) {
        fail(h, EFBIG, "the file is larger than there is room for");
        return 0;
    }
    if (buf_put(&h->data, data + n, len - n) < 0) {
        fail(h, ENOMEM, "no memory");
        return 0;
    }
    h->crc = crc32c(h->crc, data + n, len - n);
    h->received += len - n;
    return len;
}

static void end_request(struct http *h)
{
    if (h->easy) {
        curl_multi_remove_handle(h->multi, h->easy);
        curl_easy_cleanup(h->easy);
    }
    curl_slist_free_all(h->headers);
    h->headers = NULL;
    h->easy = NULL;
}

/* Ask for the rest of the file. */
static int begin_request(struct http *h)
{
    char range[32], condition[HTTP_IDENTITY_MAX + 16];
    h->state = STATE_HEAD;
    h->paused = false;
    h->fresh_at = h->received;
    h->easy = http_setup(h->url, h->options.connect_s, h->error, &h->err);
    if (!h->easy)
        return -1;
    curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
    if (h->received > 0 && h->validator[0]) {
        snprintf(range, sizeof(range), "%" PRIu64 "-", h->received);
        snprintf(condition, sizeof(condition), "If-Range: %s", h->validator);
        h->headers = curl_slist_append(NULL, condition);
        curl_easy_setopt(h->easy, CURLOPT_RANGE, range);
        curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
    }
    h->progress_ns = now();
    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
        return fail(h, ENOMEM, "no memory");
    return 0;
}

static bool status_passes(long status)
{
    return status == 408 || status == 425 || status == 429 || status == 500 ||
           status == 502 || status == 503 || status == 504;
}

/* May another try succeed? */
static bool passes(CURLcode rc, long status)
{
    switch (rc) {
    case CURLE_HTTP_RETURNED_ERROR:
        return status_passes(status);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static int fail_status(struct http *h, long status)
{
    char why[64];
    snprintf(why, sizeof(why), "the server says %ld%s", status,
             status == 404   ? " (not found)"
             : status == 410 ? " (gone)"
             : status == 401 ? " (who are you?)"
             : status == 403 ? " (forbidden)"
                             : "");
    return fail(h,
                status == 404 || status == 410                    ? ENOENT
                : status == 401 || status == 403 || status == 407 ? EACCES
                : status == 408 || status == 504                  ? ETIMEDOUT
                                                                  : EIO,
                why);
}

/* Give up, for what curl says. */
static int fail_curl(struct http *h, CURLcode rc, long status)
{
    const char *text = h->error[0] ? h->error : curl_easy_strerror(rc);
    if (rc == CURLE_HTTP_RETURNED_ERROR)
        return fail_status(h, status);
    if (rc == CURLE_UNSUPPORTED_PROTOCOL)
        return fail(h, EIO,
                    "it redirects to where we do not follow (only http and "
                    "https are, and from https only https)");
    return fail(h,
                rc == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT
                : rc == CURLE_OUT_OF_MEMORY    ? ENOMEM
                : rc == CURLE_URL_MALFORMAT    ? EINVAL
                                               : EIO,
                text);
}

/* Wait before another try. -1: stopped. */
static int pause_before(struct http *h)
{
    uint64_t ms = h->pause_ms;
    if (h->retry_after_s * UINT64_C(1000) > ms)
        ms = h->retry_after_s * UINT64_C(1000);
    if (ms > HTTP_PAUSE_MAX_MS)
        ms = HTTP_PAUSE_MAX_MS;
    h->pause_ms = h->pause_ms * 2 < HTTP_PAUSE_MAX_MS ? h->pause_ms * 2
                                                      : HTTP_PAUSE_MAX_MS;
    for (int64_t end = now() + (int64_t)ms * 1000000; now() < end;) {
        int64_t left = end - now();
        struct timespec t = {.tv_nsec = left < STEP_MS * INT64_C(1000000)
                                            ? (left > 0 ? left : 0)
                                            : STEP_MS * 1000000L};
        if (stopped(h))
            return fail(h, ECANCELED, "cancelled");
        nanosleep(&t, NULL);
    }
    return 0;
}

/* The request has ended, for that reason: all is there, again, or given up. */
static int request_ended(struct http *h, CURLcode rc, long status)
{
    bool range_gone =
        rc == CURLE_HTTP_RETURNED_ERROR && status == 416 && h->received > 0;
    if (h->err.code) {
        end_request(h);
        return -1;
    }
    if (rc == CURLE_OK && h->state == STATE_HEAD && begin_body(h) < 0) {
        end_request(h); /* a file without bytes */
        return -1;
    }
    end_request(h);
    if (rc == CURLE_OK && h->skip > 0)
        return fail(h, ESTALE, "the file changed while it was fetched");
    if (rc == CURLE_OK && (h->bytes == UINT64_MAX || h->received == h->bytes)) {
        h->state = STATE_DONE;
        return 0;
    }
    if (rc == CURLE_OK)
        rc = CURLE_PARTIAL_FILE;
    if (range_gone)
        return fail(h, ESTALE, "the file changed while it was fetched");
    if (h->received - h->fresh_at >= FRESH_BYTES) {
        h->retries_left = h->options.retries;
        h->pause_ms = h->options.pause_ms;
    }
    if (!passes(rc, status) || h->retries_left == 0)
        return fail_curl(h, rc, status);
    h->retries_left--;
    if (pause_before(h) < 0)
        return -1;
    return begin_request(h);
}

/* What curl_multi has to say of the request. */
static int look_for_end(struct http *h)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        long status = NO_STATUS;
        CURLcode rc = m->data.result;
        curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
        return request_ended(h, rc, status);
    }
    if (h->paused ||
        now() - h->progress_ns < h->options.stall_s * INT64_C(1000000000))
        return 0;
    snprintf(h->error, sizeof(h->error), "nothing came for %u seconds",
             h->options.stall_s);
    return request_ended(h, CURLE_OPERATION_TIMEDOUT, NO_STATUS);
}

/* Move on until there are bytes to be read, or the end, or an error. */
static int step(struct http *h, bool head_only)
{
    while (h->state != STATE_DONE && h->data_at == h->data.len &&
           !(head_only && h->state == STATE_BODY)) {
        int running;
        if (h->err.code)
            return -1;
        if (stopped(h))
            return fail(h, ECANCELED, "cancelled");
        if (curl_multi_perform(h->multi, &running) != CURLM_OK)
            return fail(h, EIO, "libcurl does not go on");
        if (look_for_end(h) < 0)
            return -1;
        if (h->data_at < h->data.len || h->state == STATE_DONE || !h->easy)
            continue;
#if LIBCURL_VERSION_NUM >= 0x074200
        curl_multi_poll(h->multi, NULL, 0, STEP_MS, NULL);
#else
        int fds = 0;
        curl_multi_wait(h->multi, NULL, 0, STEP_MS, &fds);
        if (fds == 0)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
#endif
    }
    return h->err.code ? -1 : 0;
}

static void set_options(struct http *h, const struct http_options *options)
{
    static const struct http_options none = {.retries = UINT32_MAX};
    struct http_options *o = &h->options;
    *o = options ? *options : none;
    if (o->retries == UINT32_MAX)
        o->retries = HTTP_RETRIES;
    if (o->connect_s == 0)
        o->connect_s = HTTP_CONNECT_S;
    if (o->stall_s == 0)
        o->stall_s = HTTP_STALL_S;
    if (o->pause_ms == 0)
        o->pause_ms = HTTP_PAUSE_MS;
    h->retries_left = o->retries;
    h->pause_ms = o->pause_ms;
}

struct http *http_open(const char *url, const struct http_options *options,
                       struct err *err)
{
    char text[HTTP_SHOWN_MAX];
    if (!http_is_url(url)) {
        err_set(err, EINVAL, "%s is no http:// or https:// URL",
                http_shown(url, text, sizeof(text)));
        return NULL;
    }
    struct http *h = mem_calloc(1, sizeof(*h));
    if (!h) {
        err_set(err, ENOMEM, "no memory for a download");
        return NULL;
    }
    buf_init(&h->data, WINDOW_BYTES + (1 << 20));
    h->bytes = UINT64_MAX;
    set_options(h, options);
    h->url = mem_strdup(url);
    h->multi = curl_multi_init();
    if (!h->url || !h->multi)
        err_set(&h->err, ENOMEM, "no memory for a download");
    else if (begin_request(h) == 0 && step(h, true) == 0)
        return h;
    if (err)
        *err = h->err;
    http_close(h);
    return NULL;
}

ssize_t http_read(struct http *h, void *data, size_t len, struct err *err)
{
    if (h->data_at == h->data.len) {
        buf_reset(&h->data);
        h->data_at = 0;
        if (h->paused) {
            h->paused = false;
            h->progress_ns = now();
            curl_easy_pause(h->easy, CURLPAUSE_CONT);
        }
        if (step(h, false) < 0) {
            if (err)
                *err = h->err;
            return -1;
        }
    }
    size_t n = h->data.len - h->data_at;
    n = n < len ? n : len;
    if (n > 0)
        memcpy(data, h->data.data + h->data_at, n);
    h->data_at += n;
    return (ssize_t)n;
}

uint64_t http_bytes(const struct http *h)
{
    return h->bytes;
}

const char *http_identity(const struct http *h)
{
    return h->identity;
}

uint32_t http_requests(const struct http *h)
{
    return h->requests;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    end_request(h);
    if (h->multi)
        curl_multi_cleanup(h->multi);
    buf_fini(&h->data);
    mem_free(h->url);
    mem_free(h);
}
