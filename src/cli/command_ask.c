/* Commands that ask a session to do something: see command_ask.h. */
#include "config.h"
#include "cli/command_ask.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/asking.h"
#include "cli/json_put.h"
#include "view/query_json.h"

enum { IDS_BYTES = 64 << 20, LINE_BYTES = 16 << 10 };

const struct cmd_exit command_ask_exits[COMMAND_ASK_EXITS] = {
    {EXIT_OK, "done"},
    {EXIT_FAILED, "refused, which is said with Azure Batch's code; or no "
                  "session has the run, or it does not answer"},
    {EXIT_BAD_USAGE, "wrong usage; no such run, job, task or node"}};

int command_ask_open(const char *path, struct run_arg *run)
{
    const char *own = getenv("MPIBATCH_RUN_DIR");
    if (!path && own && *own && run_arg_is(own))
        path = own;
    return run_arg_open(path, run);
}

int command_ask_how(const char *command, bool requeue, bool terminate,
                    const char *wait_name, bool wait, enum ask_how *how)
{
    if (requeue + terminate + wait > 1)
        return usage_error(command,
                           "--requeue, --terminate and --%s exclude each other",
                           wait_name);
    *how = terminate ? ASK_END : wait ? ASK_WAIT : ASK_REQUEUE;
    return EXIT_OK;
}

/* The new tasks, as people and other commands name them. */
static json_t *ids_json(const struct ask *ask, const struct buf *ids)
{
    json_t *list = json_array();
    const char *at = buf_text(ids), *end = at + ids->len;
    char name[2 * JOBSPEC_MAX_ID + 2];
    for (; at < end; at++) {
        size_t len = strcspn(at, "\n");
        snprintf(name, sizeof(name), "%s/%.*s", ask->job_id,
                 len > JOBSPEC_MAX_ID ? JOBSPEC_MAX_ID : (int)len, at);
        if (len > 0)
            json_array_append_new(list, query_text_json(name));
        at += len;
    }
    return list;
}

static int json_show(const struct ask *ask, const struct answer *answer,
                     const char *code, const char *message,
                     const struct buf *ids)
{
    char line[ASK_LINE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "command", query_text_json(ask_line(ask, line)));
    json_object_set_new(o, "error",
                        code ? json_pack("{s:s, s:o}", "code", code, "message",
                                         query_text_json(message))
                             : json_null());
    if (answer)
        json_object_set_new(o, "text", query_text_json(answer->text));
    if (ids)
        json_object_set_new(o, "task_ids", ids_json(ask, ids));
    int rc = json_print(o, IDS_BYTES);
    return code ? EXIT_FAILED : rc;
}

static int text_show(const struct ask *ask, const struct answer *answer,
                     const struct buf *ids)
{
    struct buf out;
    int rc = 0;
    if (answer->code[0]) {
        log_error("%s: %s", answer->code, answer->message);
        return EXIT_FAILED;
    }
    buf_init(&out, IDS_BYTES);
    if (ids) {
        const char *at = buf_text(ids), *end = at + ids->len;
        for (; rc == 0 && at < end; at++) {
            size_t len = strcspn(at, "\n");
            if (len > 0)
                rc = buf_printf(&out, "%s/%.*s\n", ask->job_id, (int)len, at);
            at += len;
        }
    } else if (answer->text[0]) {
        rc = text_put_printable(&out, answer->text, strlen(answer->text), true);
        if (rc == 0)
            rc = buf_putc(&out, '\n');
    }
    if (rc < 0)
        log_error("no memory to show the answer");
    rc = rc < 0 ? EXIT_FAILED : stdout_put(buf_text(&out), out.len);
    buf_fini(&out);
    return rc;
}

/* There is nobody to ask, or no answer. */
static int unanswered(const struct ask *ask, bool json, const struct err *err,
                      const char *otherwise)
{
    char message[sizeof(err->text) + 256];
    bool nobody = err->code == ENOTCONN;
    snprintf(message, sizeof(message), "%s%s%s", err->text,
             nobody && otherwise ? "; " : "",
             nobody && otherwise ? otherwise : "");
    if (json)
        return json_show(ask, NULL, nobody ? "NoSession" : "NoAnswer", message,
                         NULL);
    log_error("%s", message);
    return EXIT_FAILED;
}

int command_ask(const struct run_arg *run, const struct ask *ask, bool json,
                bool ids, const char *otherwise)
{
    struct answer answer;
    struct buf data;
    struct err err;
    int rc;
    buf_init(&data, ASK_MAX_BYTES);
    if (session_ask(run, ask, &answer, ids ? &data : NULL, &err) < 0)
        rc = unanswered(ask, json, &err, otherwise);
    else if (json)
        rc = json_show(ask, &answer, answer.code[0] ? answer.code : NULL,
                       answer.message, ids ? &data : NULL);
    else
        rc = text_show(ask, &answer, ids ? &data : NULL);
    buf_fini(&data);
    return rc;
}
