/* What becomes of a task behind an attempt: see policy.h. */
#include "config.h"
#include "model/policy.h"

#include "base/quantity.h"
#include "model/attempt.h"
#include "model/jobspec.h"

const struct retry_policy retry_policy_default = {
    .on = RETRY_ON_DEFAULT, .memory_factor = 1, .time_factor = 1};

/* Which of what may be tried again the end of an attempt is; 0: nothing. */
static unsigned cause_of(enum reason reason)
{
    switch (reason) {
    case REASON_EXIT_CODE:
    case REASON_UNSUCCESSFUL:
        return RETRY_ON_CODES;
    case REASON_SIGNAL:
        return RETRY_ON_SIGNALS;
    case REASON_TIMEOUT:
        return RETRY_ON_TIMEOUT;
    case REASON_MEMORY:
        return RETRY_ON_MEMORY;
    case REASON_LOST:
        return RETRY_ON_LOST;
    case REASON_PRE_PROCESSING:
    case REASON_FILE_UPLOAD:
        return RETRY_ON_STAGING;
    default:
        return 0;
    }
}

static bool is_never(const struct retry_policy *r, const struct attempt *a)
{
    if (a->reason != REASON_EXIT_CODE && a->reason != REASON_UNSUCCESSFUL)
        return false;
    for (uint32_t i = 0; i < r->never_count; i++)
        if (r->never[i] == a->exit_code)
            return true;
    return false;
}

static int64_t pause_of(const struct task_template *t, uint32_t retries)
{
    int64_t most = POLICY_MAX_BACKOFF_S * NS_PER_SEC;
    int64_t pause = t->retry.backoff_ns;
    if (pause == 0 && t->constraints.max_task_retry_count < 0)
        return POLICY_ENDLESS_PAUSE_S * NS_PER_SEC;
    while (retries-- > 0 && pause > 0 && pause < most)
        pause *= 2;
    return pause < most || pause <= t->retry.backoff_ns ? pause : most;
}

static const struct exit_options *listed(const struct exit_conditions *c,
                                         int32_t code)
{
    for (uint32_t i = 0; i < c->code_count; i++)
        if (code >= c->codes[i].start && code <= c->codes[i].end)
            return &c->codes[i].options;
    return NULL;
}

static struct exit_options end_of(const struct exit_conditions *c,
                                  const struct attempt *a)
{
    static const struct exit_options good = {JOB_ACTION_NONE,
                                             DEPENDENCY_SATISFY},
                                     bad = {JOB_ACTION_TERMINATE,
                                            DEPENDENCY_BLOCK};
    const struct exit_options *found = NULL;
    bool exited =
        a->exit_code >= 0 && a->signal == 0 &&
        (a->reason == REASON_NONE || a->reason == REASON_EXIT_CODE ||
         a->reason == REASON_UNSUCCESSFUL || a->reason == REASON_FILE_UPLOAD);
    if (exited)
        found = listed(c, a->exit_code);
    if (found)
        return *found;
    if (a->reason == REASON_PRE_PROCESSING && c->has_pre_processing_error)
        return c->pre_processing_error;
    if (a->reason == REASON_FILE_UPLOAD && c->has_file_upload_error)
        return c->file_upload_error;
    if (a->result == RESULT_SUCCESS)
        return good;
    return c->has_default ? c->otherwise : bad;
}

struct verdict policy_judge(const struct task_template *t,
                            const struct attempt *a, uint32_t retries)
{
    const struct retry_policy *r = &t->retry;
    int32_t most = t->constraints.max_task_retry_count;
    unsigned cause = cause_of(a->reason);
    if (a->reason == REASON_STOPPED)
        return (struct verdict){.again = true};
    if (a->reason == REASON_CHECKPOINT)
        return (struct verdict){.again = true, .keeps_directory = true};
    if (a->reason == REASON_LOST && (r->on & RETRY_ON_LOST))
        return (struct verdict){.again = true};
    if (a->result != RESULT_SUCCESS && (r->on & cause) && !is_never(r, a) &&
        a->reason != REASON_LOST && (most < 0 || retries < (uint32_t)most))
        return (struct verdict){.again = true,
                                .uses_retry = true,
                                .different_node = r->different_node,
                                .pause_ns = pause_of(t, retries)};
    return (struct verdict){.end = end_of(&t->exit_conditions, a)};
}

struct exit_options policy_end(const struct task_template *t,
                               const struct attempt *a)
{
    return end_of(&t->exit_conditions, a);
}

int64_t policy_escalate(int64_t limit, double factor, uint32_t times)
{
    double scaled = (double)limit;
    if (limit == 0 || factor <= 1)
        return limit;
    while (times-- > 0 && scaled < 9e18)
        scaled *= factor;
    return scaled < 9e18 ? (int64_t)scaled : INT64_MAX;
}
