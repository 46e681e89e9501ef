/* What is known of a file: see fileinfo.h. */
#include "config.h"
#include "model/fileinfo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char letters[] = "fdlo";

int file_info_put(struct buf *b, const struct file_info *f)
{
    size_t len = b->len;
    if (buf_printf(b, "%c %" PRIu64 " %" PRIo32 " %" PRId64 " ",
                   letters[f->type], f->bytes, f->mode & 07777,
                   f->modified_ns > 0 ? f->modified_ns : 0) == 0 &&
        buf_put(b, f->name, strlen(f->name) + 1) == 0)
        return 0;
    buf_truncate(b, len);
    return -1;
}

static bool name_is_safe(const char *name)
{
    if (name[0] == '/' || name[0] == '\0')
        return false;
    for (const char *p = name; *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return false;
        p += n;
    }
    return true;
}

/* A number and the blank behind it. */
static bool number(const char **p, int base, uint64_t max, uint64_t *out)
{
    char *end;
    if (!strchr("0123456789", **p) || **p == '\0')
        return false;
    errno = 0;
    unsigned long long n = strtoull(*p, &end, base);
    if (errno != 0 || n > max || *end != ' ')
        return false;
    *out = n;
    *p = end + 1;
    return true;
}

int file_info_next(const char *data, size_t len, size_t *at,
                   struct file_info *f, struct err *err)
{
    const char *p = data + *at;
    uint64_t bytes, mode, modified;
    if (*at >= len)
        return 0;
    const char *end = memchr(p, '\0', len - *at);
    const char *type = end && *p ? strchr(letters, *p) : NULL;
    if (!type || p[1] != ' ')
        return err_set(err, EPROTO, "a list of files is malformed");
    p += 2;
    if (!number(&p, 10, UINT64_MAX, &bytes) || !number(&p, 8, 07777, &mode) ||
        !number(&p, 10, INT64_MAX, &modified) || !name_is_safe(p))
        return err_set(err, EPROTO, "a list of files is malformed");
    *f = (struct file_info){.type = (enum file_type)(type - letters),
                            .mode = (uint32_t)mode,
                            .bytes = bytes,
                            .modified_ns = (int64_t)modified,
                            .name = p};
    *at = (size_t)(end - data) + 1;
    return 1;
}

/* An entry's name: behind its fourth blank. */
static const char *name_of(const char *entry)
{
    for (int i = 0; i < 4; i++)
        entry = strchr(entry, ' ') + 1;
    return entry;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(name_of(*(const char *const *)a),
                  name_of(*(const char *const *)b));
}

int file_info_sort(struct buf *list, size_t start)
{
    size_t len = list->len - start, count = 0, at = 0;
    char *copy = mem_alloc(len + 1);
    for (size_t i = start; i < list->len; i++)
        count += list->data[i] == '\0';
    const char **entries = mem_calloc(count + 1, sizeof(*entries));
    if (!copy || !entries) {
        mem_free(copy);
        mem_free(entries);
        return -1;
    }
    if (len > 0)
        memcpy(copy, list->data + start, len);
    for (size_t i = 0; i < count; at += strlen(copy + at) + 1)
        entries[i++] = copy + at;
    qsort(entries, count, sizeof(*entries), by_name);
    buf_truncate(list, start);
    for (size_t i = 0; i < count; i++) /* what it had has room in it */
        (void)buf_put(list, entries[i], strlen(entries[i]) + 1);
    mem_free(entries);
    mem_free(copy);
    return 0;
}

const char *file_type_name(enum file_type type)
{
    static const char *const names[] = {"file", "directory", "link", "other"};
    return names[type];
}

char *file_mode_text(enum file_type type, uint32_t mode,
                     char text[FILE_MODE_BYTES])
{
    static const char all[] = "rwxrwxrwx";
    text[0] = "-dl?"[type];
    for (int i = 0; i < 9; i++)
        text[1 + i] = mode & 0400u >> i ? all[i] : '-';
    text[10] = '\0';
    return text;
}
