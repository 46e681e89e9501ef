/* Templates: see template.h.
 *
 * A compiled template is an array of parts: literal text, or a placeholder
 * with its format and its place in a shell line.
 *
 * In a shell line a value that consists of harmless characters only is put
 * where its placeholder stands. Any other becomes a shell variable, assigned
 * in front of the line where quoting is simple, and the placeholder a
 * reference to it:
 *
 *   mpibatch_1='it'\''s'; echo "${mpibatch_1}" | wc
 *
 * So whatever a value contains, and even if the place were judged wrongly, no
 * part of it is ever read as shell syntax.
 */
#include "config.h"
#include "model/template.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/format.h"
#include "model/quoting.h"
#include "model/storage.h"

enum { NAME_MAX_BYTES = 80 };

enum part_kind {
    PART_TEXT,
    PART_PARAM,
    PART_TASK_ID,
    PART_TASK_INDEX,
    PART_JOB_ID,
    PART_RUN_DIR,
    PART_SPEC_DIR,
    PART_CONTAINER
};

/* What of a path is wanted. */
enum piece { PIECE_ALL, PIECE_NAME, PIECE_STEM, PIECE_SUFFIX, PIECE_DIR };

static const struct {
    const char *name;
    enum piece piece;
} piece_names[] = {{"name", PIECE_NAME},
                   {"stem", PIECE_STEM},
                   {"suffix", PIECE_SUFFIX},
                   {"dir", PIECE_DIR}};
enum { PIECES = sizeof(piece_names) / sizeof(piece_names[0]) };

struct part {
    enum part_kind kind;
    uint32_t param;   /* or container */
    enum piece piece; /* PART_PARAM */
    struct format format;
    enum place place;    /* in a shell line */
    bool redirected;     /* a < or > follows */
    const char *text;    /* PART_TEXT; else where the placeholder starts */
    size_t len;          /* PART_TEXT */
    const char *refusal; /* why it cannot stand there in a shell line */
};

struct template
{
    const char *text;
    const struct taskset *set;
    const struct storage *storage;
    const struct part *parts;
    size_t part_count;
    const char *open; /* a quote that is not closed, or NULL */
};

struct compiler {
    struct arena *arena;
    const struct taskset *set;
    const struct storage *storage;
    unsigned names;
    struct quoting quoting;
    struct part *parts;
    size_t part_count;
    struct err *err;
};

static const struct {
    const char *name;
    enum part_kind kind;
} builtin_names[] = {{"task.id", PART_TASK_ID},
                     {"task.index", PART_TASK_INDEX},
                     {"job.id", PART_JOB_ID},
                     {"run.dir", PART_RUN_DIR},
                     {"spec.dir", PART_SPEC_DIR}};
static const char storage_name[] = "storage.";
enum { BUILTINS = sizeof(builtin_names) / sizeof(builtin_names[0]) };

/* No such placeholder: say which was meant. */
static int name_unknown(struct compiler *c, const char *name)
{
    const char *known[TASKSET_MAX_PARAMS + BUILTINS];
    size_t count = 0;
    for (uint32_t k = 0; c->set && k < c->set->param_count; k++)
        known[count++] = c->set->params[k].name;
    for (size_t k = 0; k < BUILTINS; k++)
        known[count++] = builtin_names[k].name;
    const char *near = text_nearest(name, known, count);
    if (near)
        return err_set(c->err, EINVAL,
                       "no parameter \"%s\"; did you mean {%s}?", name, near);
    return err_set(c->err, EINVAL,
                   "no parameter \"%s\" (write {{ and }} for braces)", name);
}

/* {storage.NAME}. 1: it is none. */
static int container_find(struct compiler *c, const char *name, struct part *p)
{
    const char *known[STORAGE_MAX_CONTAINERS];
    size_t prefix = sizeof(storage_name) - 1;
    uint32_t count = c->storage ? c->storage->container_count : 0;
    if (strncmp(name, storage_name, prefix) != 0 ||
        (c->set && taskset_find_param(c->set, "storage") >= 0))
        return 1;
    if (count == 0)
        return err_set(c->err, EINVAL,
                       "{%s} needs `storage` with a container \"%s\"", name,
                       name + prefix);
    int found = storage_find_container(c->storage, name + prefix);
    if (found >= 0) {
        p->kind = PART_CONTAINER;
        p->param = (uint32_t)found;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        known[i] = c->storage->containers[i].name;
    const char *near = text_nearest(name + prefix, known, count);
    return err_set(c->err, EINVAL,
                   near ? "no container \"%s\"; did you mean {storage.%s}?"
                        : "no container \"%s\"; there is {storage.%s}",
                   name + prefix, near ? near : known[0]);
}

/* NAME.PIECE. 1: NAME is no parameter. */
static int piece_find(struct compiler *c, const char *name, struct part *p)
{
    const char *dot = strrchr(name, '.');
    char whole[NAME_MAX_BYTES + 1];
    if (!dot || !c->set)
        return 1;
    snprintf(whole, sizeof(whole), "%.*s", (int)(dot - name), name);
    int param = taskset_find_param(c->set, whole);
    if (param < 0)
        return 1;
    if (!c->set->params[param].is_path)
        return err_set(c->err, EINVAL,
                       "parameter \"%s\" is not one of files; write {%s}",
                       whole, whole);
    for (size_t k = 0; k < PIECES; k++)
        if (strcmp(dot + 1, piece_names[k].name) == 0) {
            p->kind = PART_PARAM;
            p->param = (uint32_t)param;
            p->piece = piece_names[k].piece;
            return 0;
        }
    return err_set(c->err, EINVAL,
                   "a file has no \"%s\"; there are {%s.name}, {%s.stem}, "
                   "{%s.suffix} and {%s.dir}",
                   dot + 1, whole, whole, whole, whole);
}

/* What the name of a placeholder means. */
static int name_find(struct compiler *c, const char *name, struct part *p)
{
    int param = c->set ? taskset_find_param(c->set, name) : -1;
    if (param >= 0) {
        p->kind = PART_PARAM;
        p->param = (uint32_t)param;
        return 0;
    }
    for (size_t k = 0; k < BUILTINS; k++)
        if (strcmp(builtin_names[k].name, name) == 0) {
            p->kind = builtin_names[k].kind;
            return 0;
        }
    int rc = container_find(c, name, p);
    if (rc == 1)
        rc = piece_find(c, name, p);
    return rc == 1 ? name_unknown(c, name) : rc;
}

/* What allows a placeholder. */
static unsigned names_of(enum part_kind kind)
{
    return kind == PART_TASK_ID                              ? TEMPLATE_TASK_ID
           : kind == PART_SPEC_DIR || kind == PART_CONTAINER ? TEMPLATE_PLACES
                                                             : TEMPLATE_TASK;
}

/* The inside of a placeholder: NAME or NAME:FORMAT. */
static int placeholder_add(struct compiler *c, const char *s, size_t len)
{
    const char *colon = memchr(s, ':', len);
    size_t name_len = colon ? (size_t)(colon - s) : len;
    char name[NAME_MAX_BYTES + 1];
    struct part *p = &c->parts[c->part_count];
    *p = (struct part){.text = s - 1,
                       .place = quoting_place(&c->quoting),
                       .refusal = quoting_refusal(&c->quoting)};
    quoting_follow_value(&c->quoting);
    if (name_len == 0 || name_len > NAME_MAX_BYTES)
        return err_set(c->err, EINVAL,
                       "{%.*s} is not a placeholder (write {{ and }} for "
                       "braces)",
                       (int)(len < 40 ? len : 40), s);
    memcpy(name, s, name_len);
    name[name_len] = '\0';
    if (name_find(c, name, p) < 0)
        return -1;
    if (p->kind != PART_PARAM && !(c->names & names_of(p->kind)))
        return err_set(c->err, EINVAL, "{%s} cannot be used here", name);
    if (colon && !format_parse(colon + 1, len - name_len - 1, &p->format))
        return err_set(c->err, EINVAL,
                       "\"%.*s\" is not a format (such as .3f, 04d, >8s)",
                       (int)(len - name_len - 1), colon + 1);
    c->part_count++;
    return 0;
}

/* Literal text; braces in it are single already. */
static void text_add(struct compiler *c, const char *s, size_t len)
{
    if (len == 0)
        return;
    if (c->part_count > 0)
        c->parts[c->part_count - 1].redirected = *s == '<' || *s == '>';
    c->parts[c->part_count++] =
        (struct part){.kind = PART_TEXT, .text = s, .len = len};
    quoting_follow(&c->quoting, s, len);
}

/* An upper bound of the number of parts. */
static size_t parts_bound(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '{' || *text == '}' ? 2 : 0;
    return n;
}

const struct template *template_compile(struct arena *arena, const char *text,
                                        const struct taskset *set,
                                        const struct storage *storage,
                                        unsigned names, size_t *error_at,
                                        struct err *err)
{
    struct compiler c = {.arena = arena,
                         .set = set,
                         .storage = storage,
                         .names = names,
                         .err = err};
    quoting_init(&c.quoting);
    struct template *t = arena_calloc(arena, 1, sizeof(*t));
    const char *copy = arena_strdup(arena, text);
    c.parts = arena_calloc(arena, parts_bound(text), sizeof(*c.parts));
    *error_at = 0;
    if (!t || !copy || !c.parts) {
        err_set(err, ENOMEM, "no memory for a template");
        return NULL;
    }
    const char *start = copy, *s = copy;
    while (*s) {
        if (*s != '{' && *s != '}') {
            s++;
            continue;
        }
        *error_at = (size_t)(s - copy);
        if (s[1] == s[0]) { /* keep one of the two */
            text_add(&c, start, (size_t)(s - start) + 1);
            start = s += 2;
            continue;
        }
        const char *end = *s == '{' ? strchr(s, '}') : NULL;
        if (!end) {
            err_set(err, EINVAL, "a lone \"%c\"; write %c%c for a brace", *s,
                    *s, *s);
            return NULL;
        }
        text_add(&c, start, (size_t)(s - start));
        if (placeholder_add(&c, s + 1, (size_t)(end - s) - 1) < 0)
            return NULL;
        start = s = end + 1;
    }
    text_add(&c, start, (size_t)(s - start));
    *t = (struct template){.text = copy,
                           .set = set,
                           .storage = storage,
                           .parts = c.parts,
                           .part_count = c.part_count,
                           .open = quoting_open(&c.quoting)};
    return t;
}

int template_check_shell(const struct template *t, size_t *error_at,
                         struct err *err)
{
    for (size_t i = 0; i < t->part_count; i++) {
        const struct part *p = &t->parts[i];
        if (!p->refusal)
            continue;
        *error_at = (size_t)(p->text - t->text);
        return err_set(err, EINVAL, "a value cannot stand %s", p->refusal);
    }
    if (t->open) {
        *error_at = (size_t)(t->open - t->text);
        return err_set(err, EINVAL, "the quote %c is not closed", *t->open);
    }
    return 0;
}

/* A piece of a path, in the path's own bytes, as pathlib has it. */
static void piece_cut(char *path, enum piece piece, struct value *v)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *suffix = strrchr(name, '.');
    if (!suffix || suffix == name || !suffix[1])
        suffix = name + strlen(name);
    v->text = name;
    if (piece == PIECE_STEM)
        *suffix = '\0';
    else if (piece == PIECE_SUFFIX)
        v->text = suffix;
    if (piece != PIECE_DIR)
        return;
    v->text = slash ? path : ".";
    while (slash && slash > path && slash[-1] == '/')
        slash--;
    if (slash)
        slash[slash == path] = '\0';
}

/* Let v be a piece of the path it is. -1 with errno as buf_put. */
static int piece_take(enum piece piece, struct buf *room, struct value *v)
{
    if (v->text != room->data) {
        buf_reset(room);
        if (buf_puts(room, v->text) < 0)
            return -1;
    }
    value_string(v, room->data);
    piece_cut(room->data, piece, v);
    return 0;
}

/* A parameter's value. As format_put. */
static int param_put(const struct template *t, const struct part *p,
                     const struct template_context *c, struct buf *out)
{
    struct value v;
    struct buf room;
    struct err err;
    buf_init(&room, VALUE_MAX_BYTES);
    int rc = taskset_value(t->set, c->index, p->param, &room, &v, &err);
    if (rc < 0)
        errno = err.code;
    if (rc == 0 && p->piece != PIECE_ALL)
        rc = piece_take(p->piece, &room, &v);
    if (rc == 0)
        rc = format_put(out, &p->format, &v);
    buf_fini(&room);
    return rc;
}

/* The path of a container. */
static int container_put(const struct template *t, const struct part *p,
                         const struct template_context *c, struct buf *out)
{
    struct value v = {.type = VALUE_STRING};
    struct buf path;
    buf_init(&path, VALUE_MAX_BYTES);
    int rc = storage_container_put(t->storage, p->param, c->spec_dir, &path);
    if (rc == 0) {
        v.text = buf_text(&path);
        rc = format_put(out, &p->format, &v);
    }
    buf_fini(&path);
    return rc;
}

/* What a placeholder stands for, unquoted. */
static int part_put(const struct template *t, const struct part *p,
                    const struct template_context *c, struct buf *out)
{
    struct value v = {.type = VALUE_STRING, .text = ""};
    char digits[16];
    switch (p->kind) {
    case PART_TEXT:
        return buf_put(out, p->text, p->len);
    case PART_PARAM:
        return param_put(t, p, c, out);
    case PART_TASK_INDEX:
        snprintf(digits, sizeof(digits), "%" PRIu32, c->index);
        v.type = VALUE_INT;
        v.u.integer = c->index;
        v.text = digits;
        break;
    case PART_TASK_ID:
        v.text = c->task_id ? c->task_id : "";
        break;
    case PART_JOB_ID:
        v.text = c->job_id ? c->job_id : "";
        break;
    case PART_RUN_DIR:
        v.text = c->run_dir ? c->run_dir : "";
        break;
    case PART_SPEC_DIR:
        v.text = c->spec_dir ? c->spec_dir : ".";
        break;
    case PART_CONTAINER:
        return container_put(t, p, c, out);
    }
    return format_put(out, &p->format, &v);
}

/* Is a value harmless wherever it stands in a shell line? */
static bool is_harmless(const char *s)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz"
                              "0123456789_./:@%+-";
    return *s && s[strspn(s, set)] == '\0';
}

/* Does s start as a number does, and is harmless? */
static bool is_number(const char *s)
{
    s += *s == '-' || *s == '+';
    return *s >= '0' && *s <= '9' && is_harmless(s) && !strpbrk(s, "/:@%+-");
}

/* A shell line in the making: what is assigned in front of it, and itself. */
struct shell_line {
    struct buf *front, *line;
    unsigned variables;
};

/* Put a value as data where p stands in a shell line. 0, -1 with errno, or 1:
 * it cannot be data there. */
static int shell_put(struct shell_line *to, const struct part *p, const char *s)
{
    bool lowercase = s[strspn(s, "abcdefghijklmnopqrstuvwxyz")] == '\0';
    bool harmless = is_harmless(s);
    const char *before = "", *after = "";
    switch (p->place) {
    case PLACE_ARITHMETIC:
        return is_number(s) ? buf_puts(to->line, s) : 1;
    case PLACE_HERE: /* harmless text could be the delimiter */
        harmless = false;
        break;
    case PLACE_DOUBLE:
        break;
    case PLACE_SINGLE:
        if (!harmless) {
            before = "'\"";
            after = "\"'";
        }
        break;
    default:
        if (!harmless)
            before = after = "\"";
        else if (lowercase || p->redirected) /* keywords; 2>file */
            before = after = "'";
        break;
    }
    if (harmless)
        return buf_printf(to->line, "%s%s%s", before, s, after);
    unsigned k = ++to->variables;
    if (buf_printf(to->front, "mpibatch_%u=", k) < 0 ||
        text_put_shell_word(to->front, s) < 0 || buf_puts(to->front, "; ") < 0)
        return -1;
    return buf_printf(to->line, "%s${mpibatch_%u}%s", before, k, after);
}

/* Append a shell line. As format_put; *at: the part that was put last. */
static int shell_expand(const struct template *t,
                        const struct template_context *c, struct buf *out,
                        const struct part **at)
{
    struct buf line, value;
    struct shell_line to = {.front = out, .line = &line};
    int rc = 0;
    buf_init(&line, out->max_bytes);
    buf_init(&value, out->max_bytes);
    for (size_t i = 0; rc == 0 && i < t->part_count; i++) {
        const struct part *p = *at = &t->parts[i];
        if (p->kind == PART_TEXT) {
            rc = part_put(t, p, c, &line);
            continue;
        }
        buf_reset(&value);
        rc = part_put(t, p, c, &value);
        if (rc == 0)
            rc = shell_put(&to, p, buf_text(&value));
    }
    if (rc == 0)
        rc = buf_put(out, buf_text(&line), line.len);
    buf_fini(&value);
    buf_fini(&line);
    return rc;
}

/* Which value cannot be shown so, or cannot stand there. */
static void say_unsuited(const struct template *t, const struct part *p,
                         const struct template_context *c, struct err *err)
{
    struct part plain = *p;
    struct buf value;
    plain.format = (struct format){0};
    buf_init(&value, VALUE_MAX_BYTES);
    if (part_put(t, &plain, c, &value) != 0)
        buf_reset(&value);
    int len = (int)strcspn(p->text, "}") + 1;
    err_set(err, EINVAL,
            p->format.present
                ? "task %" PRIu32 ": \"%.80s\" cannot be written as %.*s"
                : "task %" PRIu32 ": \"%.80s\" is no number, which $(( )) "
                  "needs for %.*s",
            c->index, buf_text(&value), len, p->text);
    buf_fini(&value);
}

int template_expand(const struct template *t, const struct template_context *c,
                    bool for_shell, struct buf *out, struct err *err)
{
    size_t start = out->len;
    const struct part *p = NULL;
    int rc = for_shell ? shell_expand(t, c, out, &p) : 0;
    for (size_t i = 0; !for_shell && rc == 0 && i < t->part_count; i++) {
        p = &t->parts[i];
        rc = part_put(t, p, c, out);
    }
    if (rc == 0)
        return 0;
    if (rc == 1)
        say_unsuited(t, p, c, err);
    else if (errno == EMSGSIZE)
        err_set(err, EMSGSIZE,
                "task %" PRIu32 ": \"%.80s\" becomes longer than %zu bytes",
                c->index, t->text, out->max_bytes);
    else
        err_sys(err, errno, "cannot expand \"%.200s\"", t->text);
    buf_truncate(out, start);
    return -1;
}

const char *template_text(const struct template *t)
{
    return t->text;
}

bool template_is_constant(const struct template *t)
{
    for (size_t i = 0; i < t->part_count; i++)
        if (t->parts[i].kind != PART_TEXT)
            return false;
    return true;
}

bool template_varies(const struct template *t)
{
    for (size_t i = 0; i < t->part_count; i++) {
        enum part_kind kind = t->parts[i].kind;
        if (kind == PART_PARAM || kind == PART_TASK_ID ||
            kind == PART_TASK_INDEX)
            return true;
    }
    return false;
}
