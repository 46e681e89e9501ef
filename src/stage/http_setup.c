/* Options of libcurl: see http_setup.h; and URLs as messages show them. */
#include "config.h"
#include "stage/http_setup.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "stage/http.h"

enum { REDIRECTS_MAX = 10, RECEIVE_BYTES = 1 << 17 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready = CURLE_FAILED_INIT;

static void initialise(void)
{
    ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool has_scheme(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

bool http_is_url(const char *url)
{
    return has_scheme(url, "http://") || has_scheme(url, "https://");
}

/* Which schemes the URL and what it redirects to may have: nobody is sent from
 * https to http, or to a file. */
static void limit_schemes(CURL *c, bool secure)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
                     secure ? "https" : "http,https");
#else
    long both = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, both);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS,
                     secure ? (long)CURLPROTO_HTTPS : both);
#endif
}

/* Certificates of the environment: the program curl reads these variables,
 * libcurl does not. */
static void set_certificates(CURL *c)
{
    const char *file = getenv("CURL_CA_BUNDLE"), *dir = getenv("SSL_CERT_DIR");
    if (!file || !*file)
        file = getenv("SSL_CERT_FILE");
    if (file && *file)
        curl_easy_setopt(c, CURLOPT_CAINFO, file);
    if (dir && *dir)
        curl_easy_setopt(c, CURLOPT_CAPATH, dir);
}

void *http_setup(const char *url, uint32_t connect_s, char *error,
                 struct err *err)
{
    pthread_once(&once, initialise);
    CURL *c = ready == CURLE_OK ? curl_easy_init() : NULL;
    if (!c) {
        err_set(err, ready == CURLE_OK ? ENOMEM : EIO,
                "libcurl does not start");
        return NULL;
    }
    error[0] = '\0';
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)connect_s);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "mpibatch/" PACKAGE_VERSION);
    limit_schemes(c, has_scheme(url, "https://"));
    set_certificates(c);
    if (curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK) {
        err_set(err, ENOMEM, "no memory for a URL");
        curl_easy_cleanup(c);
        return NULL;
    }
    return c;
}

const char *http_shown(const char *url, char *out, size_t size)
{
    struct buf b;
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t end = strcspn(url, "?#");
    size_t authority = strcspn(host, "/?#");
    for (size_t i = authority; i > 0; i--)
        if (host[i - 1] == '@') {
            host += i;
            break;
        }
    buf_init(&b, 1 << 16);
    int rc = scheme ? buf_put(&b, url, (size_t)(scheme + 3 - url)) : 0;
    if (rc == 0 && url + end > host)
        rc = text_put_printable(&b, host, (size_t)(url + end - host), false);
    if (rc == 0 && url[end] == '?')
        rc = buf_puts(&b, "?...");
    if (b.len >= size) {
        buf_truncate(&b, size - 4);
        rc = buf_puts(&b, "...");
    }
    memcpy(out, rc == 0 ? buf_text(&b) : "(a URL)",
           rc == 0 ? b.len + 1 : sizeof("(a URL)"));
    buf_fini(&b);
    return out;
}
