/* Containers, and what texts that name files must be. */
#include "config.h"
#include "spec/parse_storage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "spec/errors.h"
#include "spec/read.h"

/* -- Where templates stand ----------------------------------------------- */

struct placed {
    const struct template *template;
    const struct tree_node *node;
    struct placed *next;
};

int place_keep(struct parse *p, const struct template *t,
               const struct tree_node *n)
{
    struct placed *new;
    if (!t)
        return 0;
    new = arena_calloc(p->scratch, 1, sizeof(*new));
    if (!new)
        return -1;
    *new = (struct placed){.template = t, .node = n, .next = p->placed};
    p->placed = new;
    return 0;
}

const struct tree_node *place_of(const struct parse *p,
                                 const struct template *t)
{
    for (const struct placed *at = p->placed; at; at = at->next)
        if (at->template == t)
            return at->node;
    return NULL;
}

/* -- Texts --------------------------------------------------------------- */

static int inside_check(const char *text, bool file, struct err *err)
{
    if (!path_stays_inside(text))
        return err_set(err, EINVAL,
                       "\"%s\" is not a path that stays inside: it must be "
                       "relative, without \"..\"",
                       excerpt_of(text).text);
    if (file && text[strlen(text) - 1] == '/')
        return err_set(err, EINVAL,
                       "\"%s\" must be the name of a file, without \"/\" at "
                       "its end",
                       excerpt_of(text).text);
    if (file && strcmp(path_base(text), ".") == 0)
        return err_set(err, EINVAL,
                       "\"%s\" is a folder; it must be the name of a file",
                       excerpt_of(text).text);
    return 0;
}

/* A prefix may end in the middle of a name. */
static int prefix_check(const char *text, struct err *err)
{
    if (*text == '/' || !path_stays_inside(text))
        return err_set(err, EINVAL,
                       "\"%s\" begins no name in a container: those are "
                       "relative, without \"..\"",
                       excerpt_of(text).text);
    return 0;
}

static int pattern_check(const char *text, struct err *err)
{
    const char *s = strncmp(text, "../", 3) == 0 ? text + 3 : text;
    if (strncmp(text, "$AZ_BATCH", 9) == 0 ||
        strncmp(text, "%AZ_BATCH", 9) == 0)
        return err_set(err, EINVAL,
                       "a pattern has no variables; it is relative to the "
                       "working directory, and ../stdout.txt is what the task "
                       "printed");
    if (!path_stays_inside(s))
        return err_set(err, EINVAL,
                       "\"%s\" is outside of the task's directory: a pattern "
                       "is relative to the working directory, and \"..\" "
                       "stands only once, in front",
                       excerpt_of(text).text);
    if (s[strlen(s) - 1] == '/')
        return err_set(err, EINVAL,
                       "\"%s\" is a folder; write %s** for all files in it",
                       excerpt_of(text).text, excerpt_of(text).text);
    return 0;
}

/* What other stores are reached by, and what to do instead. */
static int scheme_refused(const char *url, struct err *err)
{
    static const char *const foreign[] = {
        "s3",  "gs",   "az",  "abfs", "abfss", "wasb",   "wasbs",
        "ftp", "sftp", "scp", "hdfs", "rsync", "globus", "dav"};
    size_t len = strcspn(url, ":");
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (strlen(foreign[i]) == len && strncasecmp(foreign[i], url, len) == 0)
            return err_set(err, EINVAL,
                           "%s:// cannot be read here; get the files into a "
                           "container first, such as with its own tool and "
                           "mpibatch storage upload",
                           foreign[i]);
    if (strncmp(url + len, "://", 3) == 0)
        return err_set(err, EINVAL,
                       "a URL begins with file://, http:// or https://, not "
                       "%.20s",
                       url);
    return err_set(err, EINVAL,
                   "\"%s\" is no URL; write file:///PATH, or "
                   "file://{spec.dir}/PATH for one beside the job spec",
                   excerpt_of(url).text);
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 ||
           strncasecmp(url, "https://", 8) == 0;
}

/* A URL that lets in whoever has it must not be kept with a run. */
static int secret_check(const char *url, struct err *err)
{
    static const char *const marks[] = {
        "sig=", "X-Amz-Signature=", "X-Goog-Signature=", "token="};
    const char *host = strstr(url, "://") + 3;
    const char *at = strchr(host, '@'), *query = strchr(host, '?');
    if (at && at < host + strcspn(host, "/?#"))
        return err_set(err, EINVAL,
                       "the URL has a password in it, which would be kept in "
                       "the run directory; put it into ~/.netrc");
    for (size_t i = 0; query && i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *s = strstr(query, marks[i]);
        if (s && (s[-1] == '?' || s[-1] == '&'))
            return err_set(err, EINVAL,
                           "the URL has a signature in it, which would be kept "
                           "in the run directory; get the file into a "
                           "container first: mpibatch storage upload");
    }
    return 0;
}

static int url_check(const char *url, bool container, struct err *err)
{
    struct buf path;
    if (is_http(url) && container)
        return err_set(err, EINVAL,
                       "a container is a folder here: file:///FOLDER; one file "
                       "of a server is `http_url`");
    if (is_http(url)) {
        const char *host = strstr(url, "://") + 3;
        if (strcspn(host, "/?#") == 0)
            return err_set(err, EINVAL, "the URL has no host");
        return secret_check(url, err);
    }
    if (strncasecmp(url, "file:", 5) != 0)
        return scheme_refused(url, err);
    buf_init(&path, COMMAND_MAX_BYTES);
    int rc = storage_url_path(url, &path, err);
    if (rc == 0 && !container && path.data[path.len - 1] == '/')
        rc = err_set(err, EINVAL,
                     "\"%s\" is a folder; all files of one are "
                     "`storage_container_url`",
                     excerpt_of(url).text);
    buf_fini(&path);
    return rc;
}

static int checksum_check(const char *text, struct err *err)
{
    size_t digits = strncmp(text, "sha256:", 7) == 0   ? 64
                    : strncmp(text, "xxh128:", 7) == 0 ? 32
                                                       : 0;
    if (digits == 0)
        return err_set(err, EINVAL,
                       "\"%s\" is no checksum: it is sha256: and 64 digits, or "
                       "xxh128: and 32, in hexadecimal",
                       excerpt_of(text).text);
    if (strspn(text + 7, "0123456789abcdefABCDEF") == digits &&
        strlen(text + 7) == digits)
        return 0;
    return err_set(err, EINVAL,
                   "\"%s\" is no checksum: behind %.7s stand %zu digits in "
                   "hexadecimal",
                   excerpt_of(text).text, text, digits);
}

int text_form_check(enum text_form form, const char *text, struct err *err)
{
    switch (form) {
    case TEXT_INSIDE:
    case TEXT_FILE_INSIDE:
        return inside_check(text, form == TEXT_FILE_INSIDE, err);
    case TEXT_PREFIX:
        return prefix_check(text, err);
    case TEXT_PATTERN:
        return pattern_check(text, err);
    case TEXT_CONTAINER_URL:
    case TEXT_FILE_URL:
        return url_check(text, form == TEXT_CONTAINER_URL, err);
    case TEXT_CHECKSUM:
        return checksum_check(text, err);
    }
    return 0;
}

bool location_check(struct parse *p, const struct tree_node *n)
{
    const char *text = n->u.text, *scheme = strstr(text, "://");
    if (strncasecmp(text, "file://", 7) == 0)
        spec_errors_add(p->errors, n->line, n->column,
                        "this is a path, not a URL; write %s",
                        excerpt_of(text + 7).text);
    else if (scheme && scheme < text + strcspn(text, "/"))
        spec_errors_add(p->errors, n->line, n->column,
                        "this is a path on storage that all nodes share, not a "
                        "URL");
    else if (*text == '~' || strchr(text, '$'))
        spec_errors_add(p->errors, n->line, n->column,
                        "~ and $ mean nothing here; write the path as it is");
    else
        return true;
    return false;
}

/* -- Containers ---------------------------------------------------------- */

/* A name like this one that a container can have; "" if there is none. */
static void name_mend(const char *name, char mended[STORAGE_MAX_NAME + 1])
{
    const char *why;
    size_t n = 0;
    for (; *name && n < STORAGE_MAX_NAME; name++) {
        bool good = isalnum((unsigned char)*name);
        if (good)
            mended[n++] = (char)tolower((unsigned char)*name);
        else if (n > 0 && mended[n - 1] != '-')
            mended[n++] = '-';
    }
    while (n > 0 && mended[n - 1] == '-')
        n--;
    mended[n] = '\0';
    if (*name || !container_name_is_valid(mended, &why))
        mended[0] = '\0';
}

static void container_name_check(struct parse *p, const struct tree_node *key)
{
    const char *why;
    char mended[STORAGE_MAX_NAME + 1];
    if (container_name_is_valid(key->u.text, &why))
        return;
    name_mend(key->u.text, mended);
    spec_errors_add(p->errors, key->line, key->column,
                    "\"%s\" cannot be the name of a container: %s%s%s%s",
                    excerpt_of(key->u.text).text, why,
                    *mended ? "; such as `" : "", mended, *mended ? "`" : "");
}

static int containers_build(struct parse *p, const struct field *f)
{
    const struct tree_node *n = f->node;
    struct storage *s = &p->spec->storage;
    if (!n)
        return 0;
    struct container *all = arena_calloc(p->arena, n->count, sizeof(*all));
    p->container_nodes =
        arena_calloc(p->scratch, n->count, sizeof(*p->container_nodes));
    if (!all || !p->container_nodes)
        return -1;
    for (uint32_t i = 0; i < n->count; i++) {
        const struct tree_pair *pair = &n->u.pairs[i];
        struct field path = {0};
        char what[96];
        snprintf(what, sizeof(what), "`%s`", excerpt_of(pair->key.u.text).text);
        container_name_check(p, &pair->key);
        p->container_nodes[i] = &pair->value;
        all[i] = (struct container){.name = pair->key.u.text, .path = "."};
        if (value_read(p->errors, what, &pair->value, f->form->of, &path) &&
            location_check(p, path.node))
            all[i].path = path.node->u.text;
    }
    s->containers = all;
    s->container_count = n->count;
    return 0;
}

int storage_build(struct parse *p, const struct field *f)
{
    struct storage_fields s;
    fields_read(p->errors, "`storage`", f->node, &storage_keys, &s);
    p->spec->storage.max_concurrent_streams =
        (uint32_t)s.max_concurrent_streams.u.integer;
    if (s.root.node && location_check(p, s.root.node))
        p->spec->storage.root = s.root.node->u.text;
    p->containers_known =
        !f->key || (f->node && !!s.containers.node == !!s.containers.key);
    return containers_build(p, &s.containers);
}

int container_build(struct parse *p, const struct tree_node *name)
{
    const struct storage *s = &p->spec->storage;
    const char *names[STORAGE_MAX_CONTAINERS];
    int found = storage_find_container(s, name->u.text);
    if (found >= 0 || !p->containers_known)
        return found;
    for (uint32_t i = 0; i < s->container_count; i++)
        names[i] = s->containers[i].name;
    const char *near = text_nearest(name->u.text, names, s->container_count);
    if (s->container_count == 0)
        spec_errors_add(p->errors, name->line, name->column,
                        "there is no container \"%s\"; the spec needs storage: "
                        "{containers: {%s: PATH}}",
                        excerpt_of(name->u.text).text,
                        excerpt_of(name->u.text).text);
    else
        spec_errors_add(p->errors, name->line, name->column,
                        near ? "there is no container \"%s\" in `storage`; did "
                               "you mean \"%s\"?"
                             : "there is no container \"%s\" in `storage`; "
                               "there is \"%s\"",
                        excerpt_of(name->u.text).text, near ? near : names[0]);
    return -1;
}
