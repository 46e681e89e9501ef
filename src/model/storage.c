/* Where data is: see storage.h. */
#include "config.h"
#include "model/storage.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/template.h"

int storage_find_container(const struct storage *s, const char *name)
{
    for (uint32_t i = 0; i < s->container_count; i++)
        if (strcmp(s->containers[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Append a part of a path behind what is there, or, if it is absolute, in
 * place of it. */
static int part_put(struct buf *out, size_t start, const char *part)
{
    if (!part || !*part || strcmp(part, ".") == 0)
        return 0;
    if (*part == '/')
        buf_truncate(out, start);
    else if (out->len > start && out->data[out->len - 1] != '/' &&
             buf_putc(out, '/') < 0)
        return -1;
    return buf_puts(out, part);
}

int storage_container_put(const struct storage *s, uint32_t container,
                          const char *spec_dir, struct buf *out)
{
    size_t start = out->len;
    if (part_put(out, start, spec_dir) < 0 ||
        part_put(out, start, s->root) < 0 ||
        part_put(out, start, s->containers[container].path) < 0)
        return -1;
    while (out->len > start + 1 && out->data[out->len - 1] == '/')
        buf_truncate(out, out->len - 1);
    return out->len == start ? buf_putc(out, '.') : 0;
}

char *storage_container_path(const struct storage *s, uint32_t container,
                             const char *spec_dir, struct err *err)
{
    struct buf path;
    char *text = NULL;
    buf_init(&path, 4 * PATH_MAX);
    if (storage_container_put(s, container, spec_dir, &path) == 0)
        text = mem_strdup(buf_text(&path));
    if (!text)
        err_set(err, ENOMEM, "no memory for the path of container %s",
                s->containers[container].name);
    buf_fini(&path);
    return text;
}

char *package_path(const struct application_package *package,
                   const char *spec_dir, struct err *err)
{
    struct template_context c = {.spec_dir = spec_dir};
    struct buf path;
    char *whole = NULL;
    buf_init(&path, 4 * PATH_MAX);
    if (template_expand(package->path, &c, false, &path, err) == 0) {
        whole = path_join(spec_dir, buf_text(&path));
        if (!whole)
            err_set(err, ENOMEM, "no memory for a path");
    }
    buf_fini(&path);
    return whole;
}

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool container_name_is_valid(const char *name, const char **why)
{
    size_t len = strlen(name);
    *why = NULL;
    for (size_t i = 0; i < len && !*why; i++)
        if (!is_lower_alnum(name[i]) && name[i] != '-')
            *why = "it has only lower-case letters, digits and \"-\"";
        else if (name[i] == '-' && name[i + 1] == '-')
            *why = "no two \"-\" stand in a row";
    if (!*why && (len < STORAGE_MIN_NAME || len > STORAGE_MAX_NAME))
        *why = "it has 3 to 63 characters";
    if (!*why && (name[0] == '-' || name[len - 1] == '-'))
        *why = "it begins and ends with a letter or a digit";
    return !*why;
}

bool path_stays_inside(const char *path)
{
    if (*path == '\0' || *path == '/')
        return false;
    for (const char *s = path; *s; s += strcspn(s, "/"), s += *s == '/')
        if (strncmp(s, "..", 2) == 0 && (s[2] == '/' || s[2] == '\0'))
            return false;
    for (const unsigned char *s = (const unsigned char *)path; *s; s++)
        if (*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Append a path of a URL, %XX decoded. */
static int decoded_put(const char *s, struct buf *out, struct err *err)
{
    for (; *s; s++) {
        char c = *s;
        int high = c == '%' ? hex_digit(s[1]) : -1;
        int low = high >= 0 ? hex_digit(s[2]) : -1;
        if (low >= 0 && high * 16 + low == 0)
            return err_set(err, EINVAL, "a path in a URL cannot have %%00");
        if (low >= 0) { /* another % is one */
            c = (char)(high * 16 + low);
            s += 2;
        }
        if (buf_putc(out, c) < 0)
            return err_sys(err, errno, "the path of a URL is too long");
    }
    return 0;
}

int storage_url_path(const char *url, struct buf *out, struct err *err)
{
    size_t start = out->len;
    if (strncasecmp(url, "file:", 5) != 0)
        return err_set(err, EINVAL, "\"%.80s\" is no URL file:///PATH", url);
    const char *s = url + 5;
    if (strncmp(s, "//", 2) == 0) {
        s += 2;
        if (strncasecmp(s, "localhost/", 10) == 0)
            s += 9;
    }
    if (*s != '/')
        return err_set(err, EINVAL,
                       "\"%.80s\" has no absolute path; write file:///PATH",
                       url);
    if (decoded_put(s, out, err) == 0)
        return 0;
    buf_truncate(out, start);
    return -1;
}

int storage_output_put(const struct storage *s, const struct output_file *o,
                       const struct template_context *c, struct buf *out,
                       struct err *err)
{
    struct buf url;
    if (o->container >= 0)
        return storage_container_put(s, (uint32_t)o->container, c->spec_dir,
                                     out) < 0
                   ? err_sys(err, errno, "container")
                   : 0;
    buf_init(&url, out->max_bytes);
    int rc = template_expand(o->url, c, false, &url, err);
    if (rc == 0)
        rc = storage_url_path(buf_text(&url), out, err);
    buf_fini(&url);
    return rc;
}

bool output_pattern_is_wild(const char *pattern)
{
    return strpbrk(pattern, "*?[") != NULL;
}

const char *keep_name(enum keep keep)
{
    static const char *const names[] = {"none", "failed", "all"};
    return names[keep];
}

const char *upload_condition_name(enum upload_condition condition)
{
    static const char *const names[] = {"task_completion", "task_success",
                                        "task_failure"};
    return names[condition];
}
