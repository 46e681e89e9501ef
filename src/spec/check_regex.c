/* Checking regular expressions: see check_regex.h. */
#include "config.h"
#include "spec/check_regex.h"

#include <errno.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

int regex_check(const char *pattern, size_t *error_at, struct err *err)
{
    int code;
    uint32_t groups = 0;
    PCRE2_SIZE at = 0;
    *error_at = 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_MULTILINE, &code, &at, NULL);
    if (!compiled) {
        PCRE2_UCHAR why[160];
        *error_at = at;
        pcre2_get_error_message(code, why, sizeof(why) / sizeof(why[0]));
        return err_set(err, code == PCRE2_ERROR_NOMEMORY ? ENOMEM : EINVAL,
                       "not a regular expression: %s", (const char *)why);
    }
    pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &groups);
    pcre2_code_free(compiled);
    if (groups <= 1)
        return 0;
    return err_set(err, EINVAL,
                   "%u capture groups where at most one can be; write (?:...) "
                   "for the others",
                   groups);
}
