/* SHA-256: see digest.h. */
#include "config.h"
#include "base/digest.h"

#include <errno.h>
#include <unistd.h>

#include <nettle/sha2.h>
#include <nettle/version.h>

#include "base/mem.h"

enum { READ_BYTES = 256 << 10 };

static void finish(struct sha256_ctx *ctx, char text[DIGEST_TEXT_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];
#if NETTLE_VERSION_MAJOR >= 4
    sha256_digest(ctx, bytes);
#else
    sha256_digest(ctx, sizeof(bytes), bytes);
#endif
    for (size_t i = 0; i < sizeof(bytes); i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 15];
    }
    text[2 * sizeof(bytes)] = '\0';
}

void digest_bytes(const void *data, size_t len, char text[DIGEST_TEXT_BYTES])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, len, data);
    finish(&ctx, text);
}

int digest_file(int fd, uint64_t max_bytes, const atomic_bool *cancel,
                char text[DIGEST_TEXT_BYTES], struct err *err)
{
    struct sha256_ctx ctx;
    uint64_t at = 0;
    int rc = 0;
    unsigned char *data = mem_alloc(READ_BYTES);
    if (!data)
        return err_set(err, ENOMEM, "no memory for a digest");
    sha256_init(&ctx);
    for (;;) {
        ssize_t n = pread(fd, data, READ_BYTES, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_sys(err, errno, "cannot read a program");
        else if (cancel && *cancel)
            rc = err_set(err, ECANCELED, "given up");
        else if ((uint64_t)n > max_bytes - at)
            rc = err_set(err, EFBIG, "over %llu bytes",
                         (unsigned long long)max_bytes);
        if (rc < 0 || n == 0)
            break;
        sha256_update(&ctx, (size_t)n, data);
        at += (uint64_t)n;
    }
    if (rc == 0)
        finish(&ctx, text);
    mem_free(data);
    return rc;
}
