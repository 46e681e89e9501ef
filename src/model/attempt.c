/* The record of one attempt: see attempt.h. */
#include "config.h"
#include "model/attempt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"

void attempt_init(struct attempt *a)
{
    memset(a, 0, sizeof(*a));
    a->exit_code = -1;
}

/* Is it a byte within a UTF-8 character? */
static bool is_inner(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void attempt_set_message(struct attempt *a, const char *text)
{
    enum { HEAD_BYTES = 100 };
    static const char cut[] = " ... ";
    size_t len = strlen(text), head = HEAD_BYTES;
    if (len <= ATTEMPT_MAX_MESSAGE) {
        memmove(a->message, text, len + 1);
        return;
    }
    while (head > 0 && is_inner(text[head]))
        head--;
    const char *tail =
        text + len - (ATTEMPT_MAX_MESSAGE - HEAD_BYTES - (sizeof(cut) - 1));
    while (is_inner(*tail))
        tail++;
    snprintf(a->message, sizeof(a->message), "%.*s%s%s", (int)head, text, cut,
             tail);
}

void metric_value_fini(struct metric_value *v)
{
    mem_free(v->string);
    if (v->cells > 0)
        mem_free(v->u.numbers); /* or integers: they are one pointer */
    *v = (struct metric_value){.state = METRIC_MISSING};
}

enum metric_state metric_value_judge(const struct metric *m,
                                     const struct metric_value *v)
{
    bool is_int = m->type == METRIC_INT64;
    uint32_t cells = m->rank > 0 ? m->cells : 1;
    if (!m->ranged || m->type == METRIC_STRING)
        return METRIC_OK;
    for (uint32_t i = 0; i < cells; i++) {
        double number =
            is_int ? (double)(m->rank > 0 ? v->u.integers[i] : v->u.integer)
            : m->rank > 0 ? v->u.numbers[i]
                          : v->u.number;
        if (!(number >= m->min && number <= m->max)) /* NaN is outside */
            return METRIC_OUT_OF_RANGE;
    }
    return METRIC_OK;
}

void attempt_metrics_fini(struct attempt *a)
{
    for (uint32_t k = 0; k < a->metric_count; k++)
        metric_value_fini(&a->metrics[k]);
}

void attempt_fini(struct attempt *a)
{
    attempt_metrics_fini(a);
    for (uint32_t i = 0; i < a->file_count; i++)
        mem_free(a->files[i].name);
    mem_free(a->files);
    a->files = NULL;
    a->file_count = 0;
}

bool attempt_file_name_is_valid(const char *name)
{
    const char *part = name;
    if (strlen(name) > ATTEMPT_MAX_FILE_NAME)
        return false;
    for (;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 0 || (len == 1 && part[0] == '.') ||
            (len == 2 && part[0] == '.' && part[1] == '.') || len > NAME_MAX)
            return false;
        part += len;
        if (*part == '\0')
            return true;
    }
}

struct attempt_file *attempt_add_file(struct attempt *a, const char *name)
{
    uint32_t n = a->file_count;
    bool valid = attempt_file_name_is_valid(name);
    size_t all = strlen(name) + 1;
    for (uint32_t i = 0; i < n; i++)
        all += strlen(a->files[i].name) + 1;
    if (!valid || n == ATTEMPT_MAX_FILES || all > ATTEMPT_MAX_FILE_NAMES) {
        errno = valid ? E2BIG : EINVAL;
        return NULL;
    }
    if ((n & (n - 1)) == 0) { /* 0 or a power of two: full */
        struct attempt_file *more =
            mem_resize(a->files, n ? 2 * n : 1, sizeof(*more));
        if (!more)
            return NULL;
        a->files = more;
    }
    char *copy = mem_strdup(name);
    if (!copy)
        return NULL;
    a->files[n] = (struct attempt_file){.name = copy};
    a->file_count++;
    return &a->files[n];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct attempt_file *)a)->name,
                  ((const struct attempt_file *)b)->name);
}

void attempt_sort_files(struct attempt *a)
{
    if (a->file_count > 1)
        qsort(a->files, a->file_count, sizeof(a->files[0]), by_name);
}

uint64_t attempt_file_bytes(const struct attempt *a)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < a->file_count; i++)
        bytes += a->files[i].bytes;
    return bytes;
}

bool metric_has_value(enum metric_state state)
{
    return state == METRIC_OK || state == METRIC_OUT_OF_RANGE;
}

bool attempt_is_invalid(const struct attempt *a)
{
    for (uint32_t k = 0; k < a->metric_count; k++)
        if (a->metrics[k].state != METRIC_OK)
            return a->result == RESULT_SUCCESS;
    return false;
}

const char *attempt_reason_name(enum reason reason)
{
    static const char *const names[REASON_COUNT] = {"none",
                                                    "exit_code",
                                                    "signal",
                                                    "timeout",
                                                    "not_found",
                                                    "launch",
                                                    "lost",
                                                    "cancelled",
                                                    "stopped",
                                                    "internal",
                                                    "pre_processing_error",
                                                    "file_upload_error",
                                                    "memory",
                                                    "unsuccessful",
                                                    "checkpoint"};
    return names[reason];
}

enum failure attempt_failure(const struct attempt *a)
{
    static const enum failure failures[REASON_COUNT] = {
        [REASON_EXIT_CODE] = FAILURE_EXIT_CODE,
        [REASON_SIGNAL] = FAILURE_EXIT_CODE,
        [REASON_TIMEOUT] = FAILURE_TASK_ENDED,
        [REASON_NOT_FOUND] = FAILURE_COMMAND_PROGRAM_NOT_FOUND,
        [REASON_LAUNCH] = FAILURE_COMMAND_LAUNCH_FAILED,
        [REASON_LOST] = FAILURE_UNKNOWN,
        [REASON_CANCELLED] = FAILURE_TASK_ENDED,
        [REASON_STOPPED] = FAILURE_TASK_ENDED,
        [REASON_INTERNAL] = FAILURE_UNKNOWN,
        [REASON_PRE_PROCESSING] = FAILURE_UNKNOWN,
        [REASON_FILE_UPLOAD] = FAILURE_UPLOAD_MISC,
        [REASON_MEMORY] = FAILURE_TASK_ENDED,
        [REASON_UNSUCCESSFUL] = FAILURE_UNSUCCESSFUL,
        [REASON_CHECKPOINT] = FAILURE_EXIT_CODE,
    };
    return a->failure != FAILURE_NONE ? a->failure : failures[a->reason];
}

const char *attempt_result_name(enum attempt_result result)
{
    static const char *const names[] = {"none", "success", "failure",
                                        "skipped"};
    return names[result];
}

const char *metric_state_name(enum metric_state state)
{
    static const char *const names[METRIC_STATE_COUNT] = {
        "ok", "missing", "malformed", "out_of_range"};
    return names[state];
}

bool attempt_has_run(const struct attempt *a)
{
    return a->start_ns > 0 && a->reason != REASON_PRE_PROCESSING &&
           a->reason != REASON_NOT_FOUND && a->reason != REASON_LAUNCH;
}

void attempt_describe(const struct attempt *a, char text[384])
{
    char phrase[96] = "", took[16];
    switch (a->reason) {
    case REASON_NONE:
        snprintf(phrase, sizeof(phrase), "succeeded");
        break;
    case REASON_EXIT_CODE:
        snprintf(phrase, sizeof(phrase), "exit code %d", a->exit_code);
        break;
    case REASON_SIGNAL:
        snprintf(phrase, sizeof(phrase), "signal %d (%s)", a->signal,
                 strsignal(a->signal));
        break;
    case REASON_TIMEOUT:
        snprintf(phrase, sizeof(phrase), "over its time limit, ended after %s",
                 duration_format(a->end_ns - a->start_ns, took));
        break;
    case REASON_NOT_FOUND:
        snprintf(phrase, sizeof(phrase), "program not found");
        break;
    case REASON_LAUNCH:
        snprintf(phrase, sizeof(phrase), "could not be started");
        break;
    case REASON_LOST:
        snprintf(phrase, sizeof(phrase), "lost with its worker");
        break;
    case REASON_CANCELLED:
        snprintf(phrase, sizeof(phrase), "cancelled");
        break;
    case REASON_STOPPED:
        snprintf(phrase, sizeof(phrase), "stopped with the session");
        break;
    case REASON_PRE_PROCESSING:
        snprintf(phrase, sizeof(phrase), "could not be prepared%s%s%s",
                 a->failure ? " (" : "", failure_code(a->failure),
                 a->failure ? ")" : "");
        break;
    case REASON_FILE_UPLOAD:
        snprintf(phrase, sizeof(phrase), "outputs could not be stored%s%s%s",
                 a->failure ? " (" : "", failure_code(a->failure),
                 a->failure ? ")" : "");
        break;
    case REASON_MEMORY:
        snprintf(phrase, sizeof(phrase), "over its memory");
        break;
    case REASON_UNSUCCESSFUL:
        snprintf(phrase, sizeof(phrase), "exit code %d, but not successful",
                 a->exit_code);
        break;
    case REASON_CHECKPOINT:
        snprintf(phrase, sizeof(phrase), "exit code %d: a checkpoint",
                 a->exit_code);
        break;
    case REASON_INTERNAL:
    case REASON_COUNT:
        snprintf(phrase, sizeof(phrase), "failed in the worker");
        break;
    }
    snprintf(text, 384, "%s%s%s", phrase, a->message[0] ? ": " : "",
             a->message);
}
