/* The checksum that a job spec gives for a file: see checksum.h. */
#include "config.h"
#include "stage/checksum.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"

static const char sha[] = "sha256:", xxh[] = "xxh128:";
enum { NAME_BYTES = sizeof(sha) - 1, SHA_DIGITS = DIGEST_TEXT_BYTES - 1 };

static bool is_sha(const char *wanted)
{
    const char *hex = wanted + NAME_BYTES;
    size_t digits = 0;
    if (strncmp(wanted, sha, NAME_BYTES) != 0)
        return false;
    while (isxdigit((unsigned char)hex[digits]))
        digits++;
    return digits == SHA_DIGITS && !hex[digits];
}

static bool is_xxh(const char *wanted, unsigned char bytes[CHECKSUM_BYTES])
{
    return strncmp(wanted, xxh, NAME_BYTES) == 0 &&
           checksum_parse(wanted + NAME_BYTES, bytes) == 0;
}

int checksum_check(const char *wanted, struct err *err)
{
    unsigned char bytes[CHECKSUM_BYTES];
    if (is_sha(wanted) || is_xxh(wanted, bytes))
        return 0;
    return err_set(err, EINVAL,
                   "\"%.100s\" is no checksum: write sha256: and 64 "
                   "hexadecimal digits, or xxh128: and 32 (as sha256sum and "
                   "xxh128sum print them)",
                   wanted);
}

static int differs(const char *name, const char *has, const char *wanted,
                   struct err *err)
{
    return err_set(err, EBADMSG, "its checksum is %s%s, but should be %s%s",
                   name, has, name, wanted + NAME_BYTES);
}

int checksum_verify(int fd, const struct digest *known, const char *wanted,
                    const atomic_bool *stop, struct err *err)
{
    unsigned char bytes[CHECKSUM_BYTES];
    char text[DIGEST_TEXT_BYTES];
    if (is_xxh(wanted, bytes)) {
        if (memcmp(bytes, known->bytes, sizeof(bytes)) == 0)
            return 0;
        checksum_format(known->bytes, text);
        return differs(xxh, text, wanted, err);
    }
    if (checksum_check(wanted, err) < 0 ||
        digest_file(fd, UINT64_MAX, stop, text, err) < 0)
        return -1;
    if (strcasecmp(text, wanted + NAME_BYTES) == 0)
        return 0;
    return differs(sha, text, wanted, err);
}
