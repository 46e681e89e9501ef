/* Quantities with units: see quantity.h. Numbers are read as digits with an
 * optional decimal fraction, in the C locale whatever the environment says. */
#include "config.h"
#include "base/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum scan { SCAN_NO, SCAN_OK, SCAN_RANGE };

/* A non-negative whole number at *p. Moves *p behind it. */
static enum scan whole_scan(const char **p, uint64_t *whole)
{
    bool range = false;
    *whole = 0;
    if (!isdigit((unsigned char)**p))
        return SCAN_NO;
    for (; isdigit((unsigned char)**p); (*p)++)
        range |= __builtin_mul_overflow(*whole, 10, whole) ||
                 __builtin_add_overflow(*whole, (uint64_t)(**p - '0'), whole);
    return range ? SCAN_RANGE : SCAN_OK;
}

/* A non-negative decimal number at *p: whole part, and fraction in units of
 * 1e-9. Moves *p behind it. */
static enum scan number_scan(const char **p, uint64_t *whole, uint64_t *nano)
{
    enum scan got = whole_scan(p, whole);
    uint64_t weight = 100000000;
    *nano = 0;
    if (**p != '.' || (got == SCAN_NO && !isdigit((unsigned char)(*p)[1])))
        return got;
    for ((*p)++; isdigit((unsigned char)**p); (*p)++) {
        *nano += weight * (uint64_t)(**p - '0');
        weight /= 10;
    }
    return got == SCAN_RANGE ? SCAN_RANGE : SCAN_OK;
}

/* *sum += (whole + nano * 1e-9) * unit; false if that overflows int64. */
static bool quantity_add(uint64_t *sum, uint64_t whole, uint64_t nano,
                         uint64_t unit)
{
    uint64_t part;
    if (__builtin_mul_overflow(whole, unit, &part) ||
        __builtin_add_overflow(*sum, part, sum))
        return false;
    part = (uint64_t)((unsigned __int128)nano * unit / NS_PER_SEC);
    return !__builtin_add_overflow(*sum, part, sum) && *sum <= INT64_MAX;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"d", UINT64_C(86400000000000)},
    {"h", UINT64_C(3600000000000)},
    {"m", UINT64_C(60000000000)},
    {"s", UINT64_C(1000000000)},
    {"ms", UINT64_C(1000000)},
    {"us", UINT64_C(1000)},
    {"ns", UINT64_C(1)},
};
enum { DURATION_UNITS = sizeof(duration_units) / sizeof(duration_units[0]) };

/* "1h30m", "90s", "90": units from the largest down, each at most once. */
static enum scan scan_units(const char *s, uint64_t *ns)
{
    int next = 0;
    bool first = true, range = false;
    *ns = 0;
    while (*s) {
        uint64_t whole, nano;
        enum scan got = number_scan(&s, &whole, &nano);
        if (got == SCAN_NO)
            return SCAN_NO;
        range |= got == SCAN_RANGE;
        while (*s == ' ')
            s++;
        size_t len = 0;
        while (isalpha((unsigned char)s[len]))
            len++;
        if (len == 0) {
            if (!first || *s)
                return SCAN_NO;
            range |= !quantity_add(ns, whole, nano, NS_PER_SEC);
            return range ? SCAN_RANGE : SCAN_OK;
        }
        int u = next;
        while (u < DURATION_UNITS &&
               (strlen(duration_units[u].name) != len ||
                strncmp(s, duration_units[u].name, len) != 0))
            u++;
        if (u == DURATION_UNITS)
            return SCAN_NO;
        range |= !quantity_add(ns, whole, nano, duration_units[u].factor);
        next = u + 1;
        s += len;
        while (*s == ' ')
            s++;
        first = false;
    }
    return first ? SCAN_NO : range ? SCAN_RANGE : SCAN_OK;
}

/* "HH:MM:SS", "MM:SS", "D-HH:MM:SS"; minutes and seconds below 60 behind
 * another part. */
static enum scan scan_clock(const char *s, uint64_t *ns)
{
    static const uint64_t weight[3] = {3600, 60, 1};
    uint64_t part[3] = {0}, nano = 0, days = 0;
    int count = 0;
    bool range = false;
    const char *dash = strchr(s, '-');
    *ns = 0;
    if (dash) {
        enum scan got = whole_scan(&s, &days);
        if (got == SCAN_NO || s != dash)
            return SCAN_NO;
        range = got == SCAN_RANGE;
        s++;
    }
    for (;; s++) {
        if (count == 3 || !isdigit((unsigned char)*s))
            return SCAN_NO;
        bool last = s[strspn(s, "0123456789")] != ':';
        enum scan got = last ? number_scan(&s, &part[count], &nano)
                             : whole_scan(&s, &part[count]);
        range |= got == SCAN_RANGE;
        if (count > 0 && (part[count] > 59 || got == SCAN_RANGE))
            return SCAN_NO;
        count++;
        if (last)
            break;
    }
    if (*s || count < 2 || (dash && (count != 3 || part[0] > 23)))
        return SCAN_NO;
    range |= !quantity_add(ns, days, 0, duration_units[0].factor);
    for (int i = 0; i < count; i++)
        range |= !quantity_add(ns, part[i], i == count - 1 ? nano : 0,
                               weight[3 - count + i] * NS_PER_SEC);
    return range ? SCAN_RANGE : SCAN_OK;
}

/* ISO 8601: P[nW][nD][T[nH][nM][nS]]. Years and months have no length. */
static enum scan scan_iso(const char *s, uint64_t *ns)
{
    static const struct unit iso_units[] = {
        {"W", UINT64_C(604800000000000)}, {"D", UINT64_C(86400000000000)},
        {"H", UINT64_C(3600000000000)},   {"M", UINT64_C(60000000000)},
        {"S", UINT64_C(1000000000)},
    };
    bool time = false, any = false, range = false;
    int next = 0;
    *ns = 0;
    for (s++; *s;) {
        uint64_t whole, nano;
        if (*s == 'T' && !time) {
            time = true;
            any = false;
            next = 2;
            s++;
            continue;
        }
        enum scan got = number_scan(&s, &whole, &nano);
        if (got == SCAN_NO)
            return SCAN_NO;
        range |= got == SCAN_RANGE;
        int u = next, end = time ? 5 : 2;
        while (u < end && iso_units[u].name[0] != *s)
            u++;
        if (u == end)
            return SCAN_NO;
        range |= !quantity_add(ns, whole, nano, iso_units[u].factor);
        next = u + 1;
        any = true;
        s++;
    }
    return !any ? SCAN_NO : range ? SCAN_RANGE : SCAN_OK;
}

int duration_parse(const char *text, int64_t *ns, struct err *err)
{
    uint64_t value = 0;
    enum scan got = text[0] == 'P'      ? scan_iso(text, &value)
                    : strchr(text, ':') ? scan_clock(text, &value)
                                        : scan_units(text, &value);
    if (got == SCAN_RANGE)
        return err_set(err, ERANGE, "duration \"%.40s\" is too long", text);
    if (got == SCAN_NO)
        return err_set(err, EINVAL,
                       "\"%.40s\" is not a duration (such as 90s, 1h30m, "
                       "01:30:00, PT1H30M)",
                       text);
    *ns = (int64_t)value;
    return 0;
}

char *duration_format(int64_t ns, char text[16])
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t sec = v / NS_PER_SEC;
    if (v == 0)
        snprintf(text, 16, "0s");
    else if (v < 1000)
        snprintf(text, 16, "%s%uns", sign, (unsigned)v);
    else if (v < 1000000)
        snprintf(text, 16, "%s%uus", sign, (unsigned)(v / 1000));
    else if (sec < 1)
        snprintf(text, 16, "%s%ums", sign, (unsigned)(v / 1000000));
    else if (sec < 60)
        snprintf(text, 16, "%s%u.%us", sign, (unsigned)sec,
                 (unsigned)(v % NS_PER_SEC / 100000000));
    else if (sec < 3600)
        snprintf(text, 16, "%s%um%02us", sign, (unsigned)(sec / 60),
                 (unsigned)(sec % 60));
    else if (sec < 86400)
        snprintf(text, 16, "%s%uh%02um", sign, (unsigned)(sec / 3600),
                 (unsigned)(sec / 60 % 60));
    else
        snprintf(text, 16, "%s%ud%02uh", sign, (unsigned)(sec / 86400),
                 (unsigned)(sec / 3600 % 24));
    return text;
}

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KB", UINT64_C(1000)},
    {"MB", UINT64_C(1000000)},
    {"GB", UINT64_C(1000000000)},
    {"TB", UINT64_C(1000000000000)},
    {"KIB", UINT64_C(1) << 10},
    {"MIB", UINT64_C(1) << 20},
    {"GIB", UINT64_C(1) << 30},
    {"TIB", UINT64_C(1) << 40},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
};

int size_parse(const char *text, uint64_t *bytes, struct err *err)
{
    const char *s = text;
    uint64_t whole, nano, value = 0;
    enum scan got = number_scan(&s, &whole, &nano);
    if (got == SCAN_NO)
        goto bad;
    while (*s == ' ')
        s++;
    char name[4] = "";
    for (size_t i = 0; s[i]; i++) {
        if (i == 3)
            goto bad;
        name[i] = (char)toupper((unsigned char)s[i]);
    }
    for (size_t u = 0; u < sizeof(size_units) / sizeof(size_units[0]); u++) {
        if (strcmp(name, size_units[u].name) != 0)
            continue;
        if (got == SCAN_RANGE ||
            !quantity_add(&value, whole, nano, size_units[u].factor))
            return err_set(err, ERANGE, "size \"%.40s\" is too large", text);
        *bytes = value;
        return 0;
    }
bad:
    return err_set(err, EINVAL,
                   "\"%.40s\" is not a size (such as 512MiB, 4GB, 1048576)",
                   text);
}

char *size_format(uint64_t bytes, char text[16])
{
    static const char *const names[] = {"B",   "KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    int u = 0;
    while (v >= (u == 0 ? 1024 : 1023.95) && u < 6) {
        v /= 1024;
        u++;
    }
    snprintf(text, 16, u == 0 ? "%.0f %s" : "%.1f %s", v, names[u]);
    return text;
}
