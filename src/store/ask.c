/* Asks and answers as JSON: see ask.h. */
#include "config.h"
#include "store/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"

static const char *const whats[] = {"list", "stat", "read",    "job",    "task",
                                    "node", "add",  "explain", "remote", NULL};
static const char *const acts[] = {"disable",    "enable", "terminate",
                                   "reactivate", "delete", "offline",
                                   "online",     "remove", NULL};
static const char *const hows[] = {"requeue", "terminate", "wait",
                                   "task_completion", NULL};
static const char *const scopes[] = {"task", "node", NULL};
static const char *const states[] = {"",        "active",    "preparing",
                                     "running", "completed", NULL};
static const char *const types[] = {"file", "directory", "link", "other", NULL};

const char *ask_state_name(enum ask_state state)
{
    return states[state];
}

/* ---- Out ---- */

/* Any bytes as a JSON string: those of no UTF-8 are a character each, behind
 * U+0000 (which no path has), so that any path comes back as it was. */
static json_t *bytes_json(const char *s)
{
    size_t len = strlen(s);
    struct buf b;
    if (text_is_utf8(s, len))
        return json_stringn(s, len);
    buf_init(&b, 2 * len + 1);
    int rc = buf_putc(&b, '\0');
    for (size_t i = 0; rc == 0 && i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x80)
            rc = buf_putc(&b, (char)c);
        else if ((rc = buf_putc(&b, (char)(0xc0 | c >> 6))) == 0)
            rc = buf_putc(&b, (char)(0x80 | (c & 0x3f)));
    }
    json_t *v = rc == 0 ? json_stringn(b.data, b.len) : NULL;
    buf_fini(&b);
    return v;
}

static int put_text(struct buf *b, json_t *o, struct err *err)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    int rc = text ? buf_puts(b, text) | buf_putc(b, '\n') : -1;
    free(text);
    return rc == 0 ? 0 : err_set(err, ENOMEM, "no memory to ask or answer");
}

static int put_command(struct buf *b, const struct ask *a, struct err *err)
{
    json_t *o =
        json_pack("{si ss}", "version", ASK_VERSION, "ask", whats[a->what]);
    int rc = o ? 0 : -1;
    if (a->what <= ASK_NODE) {
        rc |= json_object_set_new(o, "do", json_string(acts[a->act]));
        rc |= json_object_set_new(o, "how", json_string(hows[a->how]));
    }
    if (a->what == ASK_NODE)
        rc |= json_object_set_new(o, "node", bytes_json(a->node));
    else
        rc |= json_object_set_new(o, "job_id", bytes_json(a->job_id));
    if (a->what == ASK_JOB)
        rc |= json_object_set_new(o, "why", bytes_json(a->why));
    if (a->what == ASK_TASK || a->what == ASK_EXPLAIN)
        rc |= json_object_set_new(o, "task_id", bytes_json(a->task_id));
    if (a->what == ASK_REMOTE) {
        rc |= json_object_set_new(o, "job", json_integer(a->job));
        rc |= json_object_set_new(o, "task", json_integer(a->task));
        rc |= json_object_set_new(o, "attempt", json_integer(a->attempt));
        rc |= json_object_set_new(o, "rank", json_integer(a->rank));
    }
    if (rc != 0) {
        json_decref(o);
        o = NULL;
    }
    return put_text(b, o, err);
}

int ask_put(struct buf *b, const struct ask *a, struct err *err)
{
    if (!ask_is_file(a))
        return put_command(b, a, err);
    json_t *o = json_pack("{si ss ss so sb sI si si}", "version", ASK_VERSION,
                          "ask", whats[a->what], "scope", scopes[a->scope],
                          "path", bytes_json(a->path), "recursive",
                          (int)a->recursive, "offset", (json_int_t)a->offset,
                          "bytes", (int)a->bytes, "wait_ms", (int)a->wait_ms);
    int rc = o ? 0 : -1;
    if (a->scope == ASK_OF_NODE) {
        rc |= json_object_set_new(o, "node", bytes_json(a->node));
    } else {
        rc |= json_object_set_new(o, "job", json_integer(a->job));
        rc |= json_object_set_new(o, "job_id", json_string(a->job_id));
        rc |= json_object_set_new(o, "task", json_integer(a->task));
    }
    if (rc != 0) {
        json_decref(o);
        o = NULL;
    }
    return put_text(b, o, err);
}

int answer_put(struct buf *b, const struct answer *a, struct err *err)
{
    json_t *error = a->code[0] ? json_pack("{ssso}", "code", a->code, "message",
                                           bytes_json(a->message))
                               : json_null();
    return put_text(
        b,
        json_pack("{si so ss so si si ss sI si sI sb sI so ss sI}", "version",
                  ASK_VERSION, "error", error, "state", states[a->state],
                  "node", bytes_json(a->node), "rank", (int)a->rank, "attempt",
                  (int)a->attempt, "type", types[a->type], "size",
                  (json_int_t)a->size, "mode", (int)a->mode, "modified_ns",
                  (json_int_t)a->modified_ns, "more", (int)a->more,
                  "data_bytes", (json_int_t)a->data_bytes, "text",
                  bytes_json(a->text), "wait", a->wait, "count",
                  (json_int_t)a->count),
        err);
}

/* ---- In ---- */

/* An object of the right version. Free with json_decref. */
static json_t *load(const char *text, size_t len, struct err *err)
{
    json_error_t why;
    json_t *o =
        json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!o) {
        err_set(err, EINVAL, "no JSON: line %d, %s", why.line, why.text);
        return NULL;
    }
    json_t *version = json_object_get(o, "version");
    if (!json_is_object(o))
        err_set(err, EINVAL, "it is no JSON object");
    else if (!json_is_integer(version))
        err_set(err, EINVAL, "it has no version");
    else if (json_integer_value(version) != ASK_VERSION)
        err_set(err, EPROTO,
                "it is of version %lld, and this mpibatch knows %d",
                (long long)json_integer_value(version), ASK_VERSION);
    else
        return o;
    json_decref(o);
    return NULL;
}

/* A member that is not there is 0, false, or "". */
static int get_number(const json_t *o, const char *key, uint64_t max,
                      uint64_t *out, struct err *err)
{
    const json_t *v = json_object_get(o, key);
    *out = 0;
    if (!v)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        (uint64_t)json_integer_value(v) > max)
        return err_set(err, EINVAL, "%s is no number from 0 to %llu", key,
                       (unsigned long long)max);
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

static int get_u32(const json_t *o, const char *key, uint32_t max,
                   uint32_t *out, struct err *err)
{
    uint64_t n;
    if (get_number(o, key, max, &n, err) < 0)
        return -1;
    *out = (uint32_t)n;
    return 0;
}

static int get_bool(const json_t *o, const char *key, bool *out,
                    struct err *err)
{
    const json_t *v = json_object_get(o, key);
    if (v && !json_is_boolean(v))
        return err_set(err, EINVAL, "%s is not true or false", key);
    *out = json_is_true(v);
    return 0;
}

static int get_word(const json_t *o, const char *key, const char *const *words,
                    int *out, struct err *err)
{
    const char *s = json_string_value(json_object_get(o, key));
    for (int i = 0; s && words[i]; i++)
        if (strcmp(s, words[i]) == 0) {
            *out = i;
            return 0;
        }
    return err_set(err, EINVAL, "%s is missing, or none that is known", key);
}

/* Text as bytes_json has made it, of room - 1 bytes at most. */
static int get_bytes(const json_t *o, const char *key, char *out, size_t room,
                     struct err *err)
{
    const json_t *v = json_object_get(o, key);
    const char *s = json_string_value(v);
    size_t len = json_string_length(v), n = 0, i = 0;
    bool raw = len > 0 && s[0] == '\0';
    out[0] = '\0';
    if (!v)
        return 0;
    if (!s)
        return err_set(err, EINVAL, "%s is no text", key);
    for (i = raw; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (raw && c >= 0x80) {
            if (c > 0xc3 || i + 1 == len)
                return err_set(err, EINVAL, "%s is no text of bytes", key);
            c = (unsigned char)(c << 6 | ((unsigned char)s[++i] & 0x3f));
        }
        if (c == '\0')
            return err_set(err, EINVAL, "%s has a NUL in it", key);
        if (n + 1 >= room)
            return err_set(err, EINVAL, "%s is longer than %zu bytes", key,
                           room - 1);
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return 0;
}

/* Which of the things that can be done. */
static int get_act(const json_t *o, struct ask *a, struct err *err)
{
    static const unsigned of[] = {
        [ASK_JOB] = 1u << ASK_DISABLE | 1u << ASK_ENABLE | 1u << ASK_TERMINATE,
        [ASK_TASK] =
            1u << ASK_TERMINATE | 1u << ASK_REACTIVATE | 1u << ASK_DELETE,
        [ASK_NODE] = 1u << ASK_OFFLINE | 1u << ASK_ONLINE | 1u << ASK_REMOVE};
    int act, how = ASK_REQUEUE;
    if (get_word(o, "do", acts, &act, err) < 0 ||
        (json_object_get(o, "how") && get_word(o, "how", hows, &how, err) < 0))
        return -1;
    if (!(of[a->what] & 1u << act))
        return err_set(err, EINVAL, "a %s cannot be asked to %s",
                       whats[a->what], acts[act]);
    a->act = (enum ask_do)act;
    a->how = how > ASK_WAIT ? ASK_WAIT : (enum ask_how)how;
    return 0;
}

static int get_command(const json_t *o, struct ask *a, struct err *err)
{
    if ((a->what <= ASK_NODE && get_act(o, a, err) < 0) ||
        get_bytes(o, "job_id", a->job_id, sizeof(a->job_id), err) < 0 ||
        get_bytes(o, "task_id", a->task_id, sizeof(a->task_id), err) < 0 ||
        get_bytes(o, "node", a->node, sizeof(a->node), err) < 0 ||
        get_bytes(o, "why", a->why, sizeof(a->why), err) < 0 ||
        get_u32(o, "job", UINT32_MAX, &a->job, err) < 0 ||
        get_u32(o, "task", UINT32_MAX, &a->task, err) < 0 ||
        get_u32(o, "attempt", UINT32_MAX, &a->attempt, err) < 0 ||
        get_u32(o, "rank", UINT32_MAX, &a->rank, err) < 0)
        return -1;
    if (a->what == ASK_NODE && !a->node[0])
        return err_set(err, EINVAL, "node is missing");
    if (a->what != ASK_NODE && !a->job_id[0])
        return err_set(err, EINVAL, "job_id is missing");
    if ((a->what == ASK_TASK || a->what == ASK_EXPLAIN) && !a->task_id[0])
        return err_set(err, EINVAL, "task_id is missing");
    return 0;
}

static int ask_get(const json_t *o, struct ask *a, struct err *err)
{
    int what, scope;
    if (get_word(o, "ask", whats, &what, err) < 0)
        return -1;
    a->what = (enum ask_what)what;
    if (!ask_is_file(a))
        return get_command(o, a, err);
    if (get_word(o, "scope", scopes, &scope, err) < 0 ||
        get_bytes(o, "path", a->path, sizeof(a->path), err) < 0 ||
        get_bytes(o, "node", a->node, sizeof(a->node), err) < 0 ||
        get_bytes(o, "job_id", a->job_id, sizeof(a->job_id), err) < 0 ||
        get_u32(o, "job", UINT32_MAX, &a->job, err) < 0 ||
        get_u32(o, "task", UINT32_MAX, &a->task, err) < 0 ||
        get_number(o, "offset", INT64_MAX, &a->offset, err) < 0 ||
        get_u32(o, "bytes", ASK_MAX_BYTES, &a->bytes, err) < 0 ||
        get_u32(o, "wait_ms", ASK_MAX_WAIT_MS, &a->wait_ms, err) < 0 ||
        get_bool(o, "recursive", &a->recursive, err) < 0)
        return -1;
    a->scope = (enum ask_scope)scope;
    if (a->scope == ASK_OF_NODE && !a->node[0])
        return err_set(err, EINVAL, "node is missing");
    if (a->scope == ASK_OF_TASK && !a->job_id[0])
        return err_set(err, EINVAL, "job_id is missing");
    return 0;
}

int ask_parse(const char *text, size_t len, struct ask *a, struct err *err)
{
    json_t *o = load(text, len, err);
    if (!o)
        return -1;
    *a = (struct ask){0};
    int rc = ask_get(o, a, err);
    json_decref(o);
    return rc;
}

static int answer_get(const json_t *o, struct answer *a, struct err *err)
{
    const json_t *error = json_object_get(o, "error");
    uint64_t modified = 0;
    int state, type;
    if (error && !json_is_null(error) &&
        (get_bytes(error, "code", a->code, sizeof(a->code), err) < 0 ||
         get_bytes(error, "message", a->message, sizeof(a->message), err) < 0))
        return -1;
    if (get_word(o, "state", states, &state, err) < 0 ||
        get_word(o, "type", types, &type, err) < 0 ||
        get_bytes(o, "node", a->node, sizeof(a->node), err) < 0 ||
        get_u32(o, "rank", UINT32_MAX, &a->rank, err) < 0 ||
        get_u32(o, "attempt", UINT32_MAX, &a->attempt, err) < 0 ||
        get_number(o, "size", INT64_MAX, &a->size, err) < 0 ||
        get_u32(o, "mode", 07777, &a->mode, err) < 0 ||
        get_number(o, "modified_ns", INT64_MAX, &modified, err) < 0 ||
        get_bool(o, "more", &a->more, err) < 0 ||
        get_number(o, "data_bytes", INT64_MAX, &a->data_bytes, err) < 0 ||
        get_bytes(o, "text", a->text, sizeof(a->text), err) < 0 ||
        get_bytes(o, "wait", a->wait, sizeof(a->wait), err) < 0 ||
        get_u32(o, "count", UINT32_MAX, &a->count, err) < 0)
        return -1;
    a->modified_ns = (int64_t)modified;
    a->state = (enum ask_state)state;
    a->type = (enum file_type)type;
    return 0;
}

int answer_parse(const char *text, size_t len, struct answer *a,
                 struct err *err)
{
    json_t *o = load(text, len, err);
    if (!o)
        return err_context(err, "the answer cannot be understood");
    *a = (struct answer){0};
    int rc = answer_get(o, a, err);
    json_decref(o);
    return rc < 0 ? err_context(err, "the answer cannot be understood") : 0;
}

char *ask_line(const struct ask *a, char text[ASK_LINE_BYTES])
{
    size_t n;
    if (a->what == ASK_NODE)
        n = (size_t)snprintf(text, ASK_LINE_BYTES, "node %s %s", acts[a->act],
                             a->node);
    else if (a->what == ASK_JOB)
        n = (size_t)snprintf(text, ASK_LINE_BYTES, "job %s %s", acts[a->act],
                             a->job_id);
    else if (a->what == ASK_ADD)
        n = (size_t)snprintf(text, ASK_LINE_BYTES, "task add %s", a->job_id);
    else
        n = (size_t)snprintf(text, ASK_LINE_BYTES, "%s%s %s/%s",
                             a->what == ASK_TASK ? "task " : "",
                             a->what == ASK_TASK ? acts[a->act]
                                                 : whats[a->what],
                             a->job_id, a->task_id);
    if ((a->what == ASK_JOB && a->act == ASK_DISABLE) ||
        (a->what == ASK_NODE && a->act != ASK_ONLINE))
        n += (size_t)snprintf(text + n, ASK_LINE_BYTES - n, " --%s",
                              hows[a->how]);
    if (a->why[0])
        snprintf(text + n, ASK_LINE_BYTES - n, " --reason '%s'", a->why);
    return text;
}
