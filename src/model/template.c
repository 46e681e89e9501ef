/* Templates: see template.h.
 *
 * A compiled template is an array of parts: literal text, or a placeholder
 * with its format and the shell quotes around it. Formats are those of
 * Python's str.format, as far as numbers and strings go.
 */
#include "config.h"
#include "model/template.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { FORMAT_MAX_WIDTH = 1000, NAME_MAX_BYTES = 64 };

enum part_kind {
    PART_TEXT,
    PART_PARAM,
    PART_TASK_ID,
    PART_TASK_INDEX,
    PART_JOB_ID,
    PART_RUN_DIR
};

/* The quotes a placeholder stands in, as a shell reads the line. */
enum quotes {
    QUOTES_NONE,
    QUOTES_SINGLE,
    QUOTES_DOUBLE,
    QUOTES_BACKTICK,
    QUOTES_COMMENT
};

/* How far a shell has read: open quotes and command substitutions. */
enum { READER_DEPTH = 32 };
struct reader {
    enum quotes stack[READER_DEPTH];
    int depth;
    bool word_start;
};

struct format {
    bool present;
    char fill, align, sign, type; /* 0: not given */
    bool zero;
    int width, precision; /* -1: not given */
};

struct part {
    enum part_kind kind;
    enum quotes quotes;
    uint32_t param;
    struct format format;
    const char *text; /* PART_TEXT */
    size_t len;
};

struct template
{
    const char *text;
    const struct taskset *set;
    const struct part *parts;
    size_t part_count;
};

struct compiler {
    struct arena *arena;
    const struct taskset *set;
    unsigned names;
    struct reader reader;
    struct part *parts;
    size_t part_count;
    struct err *err;
};

/* Put one level of nesting on the reader, or take it off. Deeper than the
 * stack is read as unquoted, where values are quoted whole. */
static void reader_push(struct reader *r, enum quotes q)
{
    if (r->depth + 1 < READER_DEPTH)
        r->stack[++r->depth] = q;
}

static void reader_pop(struct reader *r)
{
    if (r->depth > 0)
        r->depth--;
}

/* One character of unquoted text. */
static void reader_plain(struct reader *r, char c)
{
    if (c == '\'')
        reader_push(r, QUOTES_SINGLE);
    else if (c == '"')
        reader_push(r, QUOTES_DOUBLE);
    else if (c == '`' && r->stack[r->depth] == QUOTES_BACKTICK)
        reader_pop(r);
    else if (c == '`')
        reader_push(r, QUOTES_BACKTICK);
    else if (c == '(')
        reader_push(r, QUOTES_NONE);
    else if (c == ')' && r->stack[r->depth] == QUOTES_NONE)
        reader_pop(r);
    else if (c == '#' && r->word_start)
        reader_push(r, QUOTES_COMMENT);
    r->word_start = c == ' ' || c == '\t' || c == '\n' || c == ';';
}

/* Follow a shell's quotes over literal text. */
static void reader_follow(struct reader *r, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = s[i], next = i + 1 < len ? s[i + 1] : '\0';
        switch (r->stack[r->depth]) {
        case QUOTES_SINGLE:
            if (c == '\'')
                reader_pop(r);
            break;
        case QUOTES_COMMENT:
            if (c == '\n')
                reader_pop(r);
            break;
        case QUOTES_DOUBLE:
            if (c == '\\')
                i++;
            else if (c == '"')
                reader_pop(r);
            else if (c == '`')
                reader_push(r, QUOTES_BACKTICK);
            else if (c == '$' && next == '(') {
                i++;
                reader_push(r, QUOTES_NONE);
            }
            break;
        case QUOTES_NONE:
        case QUOTES_BACKTICK:
            if (c == '\\') {
                i++;
                r->word_start = false;
            } else {
                reader_plain(r, c);
            }
            break;
        }
    }
}

/* Parse a format spec of len bytes; false: it is none. */
static bool format_parse(const char *s, size_t len, struct format *f)
{
    const char *end = s + len;
    *f = (struct format){.present = true, .width = -1, .precision = -1};
    if (end - s >= 2 && strchr("<>^=", s[1]) && s[1]) {
        f->fill = s[0];
        f->align = s[1];
        s += 2;
    } else if (s < end && strchr("<>^=", *s)) {
        f->align = *s++;
    }
    if (s < end && strchr("+- ", *s))
        f->sign = *s++;
    if (s < end && *s == '0') {
        f->zero = true;
        s++;
    }
    for (; s < end && isdigit((unsigned char)*s); s++) {
        f->width = (f->width < 0 ? 0 : f->width) * 10 + (*s - '0');
        if (f->width > FORMAT_MAX_WIDTH)
            return false;
    }
    if (s < end && *s == '.') {
        s++;
        if (s == end || !isdigit((unsigned char)*s))
            return false;
        for (f->precision = 0; s < end && isdigit((unsigned char)*s); s++) {
            f->precision = f->precision * 10 + (*s - '0');
            if (f->precision > FORMAT_MAX_WIDTH)
                return false;
        }
    }
    if (s < end && strchr("dxXoeEfFgGs", *s))
        f->type = *s++;
    return s == end;
}

static const struct {
    const char *name;
    enum part_kind kind;
} builtin_names[] = {{"task.id", PART_TASK_ID},
                     {"task.index", PART_TASK_INDEX},
                     {"job.id", PART_JOB_ID},
                     {"run.dir", PART_RUN_DIR}};
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

/* The inside of a placeholder: NAME or NAME:FORMAT. */
static int placeholder_add(struct compiler *c, const char *s, size_t len)
{
    const char *colon = memchr(s, ':', len);
    size_t name_len = colon ? (size_t)(colon - s) : len;
    char name[NAME_MAX_BYTES + 1];
    struct part *p = &c->parts[c->part_count];
    *p = (struct part){.quotes = c->reader.stack[c->reader.depth]};
    c->reader.word_start = false;

    if (name_len == 0 || name_len > NAME_MAX_BYTES)
        return err_set(c->err, EINVAL,
                       "{%.*s} is not a placeholder (write {{ and }} for "
                       "braces)",
                       (int)(len < 40 ? len : 40), s);
    memcpy(name, s, name_len);
    name[name_len] = '\0';
    int param = c->set ? taskset_find_param(c->set, name) : -1;
    if (param >= 0) {
        p->kind = PART_PARAM;
        p->param = (uint32_t)param;
    } else {
        size_t k = 0;
        while (k < BUILTINS && strcmp(builtin_names[k].name, name) != 0)
            k++;
        if (k == BUILTINS)
            return name_unknown(c, name);
        p->kind = builtin_names[k].kind;
        if (p->kind == PART_TASK_ID && !(c->names & TEMPLATE_TASK_ID))
            return err_set(c->err, EINVAL, "{task.id} cannot be used here");
    }
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
    c->parts[c->part_count++] =
        (struct part){.kind = PART_TEXT, .text = s, .len = len};
    reader_follow(&c->reader, s, len);
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
                                        unsigned names, size_t *error_at,
                                        struct err *err)
{
    struct compiler c = {
        .arena = arena, .set = set, .names = names, .err = err};
    c.reader.word_start = true;
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
    *t = (struct template){
        .text = copy, .set = set, .parts = c.parts, .part_count = c.part_count};
    return t;
}

/* Put text of width, as the format says; numeric: zeros go behind the sign. */
static int padded_put(struct buf *out, const struct format *f, const char *s,
                      size_t len, bool numeric)
{
    size_t width = f->width < 0 ? 0 : (size_t)f->width;
    size_t pad = width > len ? width - len : 0, before = pad, sign = 0;
    char fill = f->fill ? f->fill : f->zero && numeric ? '0' : ' ';
    char align = f->align             ? f->align
                 : f->zero && numeric ? '='
                 : numeric            ? '>'
                                      : '<';
    if (align == '<')
        before = 0;
    else if (align == '^')
        before = pad / 2;
    else if (align == '=' && numeric && len > 0 && strchr("+- ", s[0]))
        sign = 1;
    int rc = buf_put(out, s, sign);
    for (size_t i = 0; rc == 0 && i < before; i++)
        rc = buf_putc(out, fill);
    if (rc == 0)
        rc = buf_put(out, s + sign, len - sign);
    for (size_t i = before; rc == 0 && i < pad; i++)
        rc = buf_putc(out, fill);
    return rc;
}

/* The sign to show in front of a number that is not negative. */
static const char *plus_sign(const struct format *f)
{
    return f->sign == '+' ? "+" : f->sign == ' ' ? " " : "";
}

static int integer_put(struct buf *out, const struct format *f, int64_t v)
{
    char digits[80];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    const char *sign = v < 0 ? "-" : plus_sign(f);
    int n = f->type == 'x'   ? snprintf(digits, 80, "%s%" PRIx64, sign, u)
            : f->type == 'X' ? snprintf(digits, 80, "%s%" PRIX64, sign, u)
            : f->type == 'o' ? snprintf(digits, 80, "%s%" PRIo64, sign, u)
                             : snprintf(digits, 80, "%s%" PRIu64, sign, u);
    return padded_put(out, f, digits, (size_t)n, true);
}

static int number_put(struct buf *out, const struct format *f, double v)
{
    char text[FORMAT_MAX_WIDTH + 400], how[8] = "%.*";
    int precision = f->precision < 0 ? 6 : f->precision;
    how[3] = f->type ? f->type : 'g';
    if (!f->type && f->precision < 0)
        precision = 12;
    const char *sign = signbit(v) && !isnan(v) ? "" : plus_sign(f);
    int n = snprintf(text, sizeof(text), "%s", sign);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    n += snprintf(text + n, sizeof(text) - (size_t)n, how, precision, v);
#pragma GCC diagnostic pop
    return padded_put(out, f, text, (size_t)n, true);
}

static int string_put(struct buf *out, const struct format *f, const char *s)
{
    size_t len = strlen(s);
    if (f->precision >= 0 && (size_t)f->precision < len) {
        len = (size_t)f->precision; /* whole characters only */
        while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
            len--;
    }
    return padded_put(out, f, s, len, false);
}

/* A value under its format: 0, -1 (errno), or 1: the format cannot show it. */
static int value_put(struct buf *out, const struct format *f,
                     const struct value *v)
{
    double number;
    if (!f->present)
        return buf_puts(out, v->text);
    if (f->type == 's' || (!f->type && v->type == VALUE_STRING))
        return string_put(out, f, v->text);
    if (!f->type && v->type == VALUE_INT && f->precision < 0)
        return integer_put(out, f, v->u.integer);
    if (f->type && strchr("dxXo", f->type)) {
        if (f->precision >= 0)
            return 1;
        if (v->type == VALUE_INT)
            return integer_put(out, f, v->u.integer);
        if (v->type == VALUE_FLOAT && v->u.number == nearbyint(v->u.number) &&
            fabs(v->u.number) < 9.2e18)
            return integer_put(out, f, (int64_t)v->u.number);
        return 1;
    }
    if (v->type == VALUE_NULL || v->type == VALUE_BOOL ||
        !value_number(v, &number))
        return f->type ? 1 : string_put(out, f, v->text);
    return number_put(out, f, number);
}

/* Append data quoted for the shell quotes it stands in. */
static int quoted_put(struct buf *out, enum quotes quotes, const char *s)
{
    int rc = 0;
    if (quotes != QUOTES_SINGLE && quotes != QUOTES_DOUBLE)
        return text_put_shell_word(out, s);
    for (; rc == 0 && *s; s++) {
        if (quotes == QUOTES_SINGLE && *s == '\'')
            rc = buf_puts(out, "'\\''");
        else if (quotes == QUOTES_DOUBLE && strchr("\\\"$`", *s))
            rc = buf_printf(out, "\\%c", *s);
        else
            rc = buf_putc(out, *s);
    }
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
        v = *taskset_value(t->set, c->index, p->param);
        break;
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
    }
    return value_put(out, &p->format, &v);
}

int template_expand(const struct template *t, const struct template_context *c,
                    bool for_shell, struct buf *out, struct err *err)
{
    size_t start = out->len;
    struct buf value;
    buf_init(&value, out->max_bytes);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->part_count; i++) {
        const struct part *p = &t->parts[i];
        if (!for_shell || p->kind == PART_TEXT) {
            rc = part_put(t, p, c, out);
        } else {
            buf_reset(&value);
            rc = part_put(t, p, c, &value);
            if (rc == 0)
                rc = quoted_put(out, p->quotes, buf_text(&value));
        }
        if (rc == 1)
            err_set(err, EINVAL,
                    "task %" PRIu32 ": its value does not suit the format in "
                    "\"%.200s\"",
                    c->index, t->text);
        else if (rc < 0)
            err_sys(err, errno, "cannot expand \"%.200s\"", t->text);
    }
    buf_fini(&value);
    if (rc == 0)
        return 0;
    if (out->len > start) {
        out->len = start;
        out->data[start] = '\0';
    }
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
