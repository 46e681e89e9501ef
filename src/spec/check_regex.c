/* Checking regular expressions: see check_regex.h. */
#include "config.h"
#include "spec/check_regex.h"

#include <errno.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* The names of a compiled pattern by the number of their group. -1: no memory.
 */
static int names_get(const pcre2_code *code, struct arena *arena,
                     const char *const **names, uint32_t groups,
                     uint32_t *count)
{
    uint32_t entry_bytes = 0;
    PCRE2_SPTR table = NULL;
    const char **by_number = arena_calloc(arena, groups + 1, sizeof(char *));
    if (!by_number)
        return -1;
    pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, count);
    pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
    pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < *count; i++, table += entry_bytes) {
        uint32_t number = (uint32_t)table[0] << 8 | table[1];
        by_number[number - 1] = arena_strdup(arena, (const char *)table + 2);
        if (!by_number[number - 1])
            return -1;
    }
    *names = by_number;
    return 0;
}

/* Compile a pattern as it will be compiled for use; NULL: as regex_check. */
static pcre2_code *compile(const char *pattern, size_t *error_at,
                           struct err *err)
{
    int code;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR why[160];
    *error_at = 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_MULTILINE, &code, &at, NULL);
    if (compiled)
        return compiled;
    *error_at = at;
    pcre2_get_error_message(code, why, sizeof(why) / sizeof(why[0]));
    err_set(err, code == PCRE2_ERROR_NOMEMORY ? ENOMEM : EINVAL,
            "not a regular expression: %s", (const char *)why);
    return NULL;
}

int regex_check_plain(const char *pattern, size_t *error_at, struct err *err)
{
    pcre2_code *compiled = compile(pattern, error_at, err);
    if (!compiled)
        return -1;
    pcre2_code_free(compiled);
    return 0;
}

int regex_check(const char *pattern, struct arena *arena,
                const char *const **names, uint32_t *count, size_t *error_at,
                struct err *err)
{
    uint32_t groups = 0;
    pcre2_code *compiled = compile(pattern, error_at, err);
    if (!compiled)
        return -1;
    pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &groups);
    int rc = names_get(compiled, arena, names, groups, count);
    pcre2_code_free(compiled);
    if (rc < 0)
        return err_set(err, ENOMEM, "no memory for a regular expression");
    if (*count > 0 && *count < groups)
        return err_set(err, EINVAL,
                       "some capture groups have names and %u not; write "
                       "(?:...) or (?<name>...)",
                       groups - *count);
    if (*count > 0 || groups <= 1)
        return 0;
    return err_set(err, EINVAL,
                   "%u capture groups where at most one can be without a name; "
                   "write (?:...) for the others, or (?<name>...) for a metric "
                   "each",
                   groups);
}
