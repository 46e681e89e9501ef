/* What becomes of a task behind an attempt: whether it is tried again, when and
 * where, and what its end means for its dependents and its job. Azure Batch's
 * rules, and more for clusters. Pure tables and arithmetic.
 *
 * Azure counts retries: an attempt that ended with an exit code or a signal
 * uses one up, if one is left. Lost and stopped attempts never do. What a
 * retry policy does not name is final.
 */
#ifndef MPIBATCH_MODEL_POLICY_H
#define MPIBATCH_MODEL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct attempt;
struct task_template;

enum job_action { JOB_ACTION_NONE, JOB_ACTION_DISABLE, JOB_ACTION_TERMINATE };
enum dependency_action { DEPENDENCY_BLOCK, DEPENDENCY_SATISFY };

struct exit_options {
    enum job_action job_action;
    enum dependency_action dependency_action;
};

/* Of exit codes start to end, both included. */
struct exit_code_options {
    int32_t start, end;
    struct exit_options options;
};

/* exit_conditions. A code that is listed comes first, also when its output
 * files could not be stored; then what went wrong before or behind the
 * program; then the default, which is never for exit code 0. */
struct exit_conditions {
    const struct exit_code_options *codes; /* single ones before ranges */
    uint32_t code_count;
    bool has_pre_processing_error, has_file_upload_error, has_default;
    struct exit_options pre_processing_error, file_upload_error, otherwise;
};

/* What is tried again. */
enum retry_on {
    RETRY_ON_CODES = 1 << 0, /* exit codes; success that is not one */
    RETRY_ON_SIGNALS = 1 << 1,
    RETRY_ON_TIMEOUT = 1 << 2,
    RETRY_ON_MEMORY = 1 << 3,
    RETRY_ON_LOST = 1 << 4, /* its node; never uses up a retry */
    RETRY_ON_STAGING = 1 << 5,
    RETRY_ON_DEFAULT = RETRY_ON_CODES | RETRY_ON_SIGNALS | RETRY_ON_LOST
};

struct retry_policy {
    unsigned on;          /* of enum retry_on */
    const int32_t *never; /* exit codes that are final */
    uint32_t never_count;
    int64_t backoff_ns; /* before the first retry; doubles, up to an hour */
    bool different_node;
    /* what each attempt that ended so multiplies its limit by; 1: nothing */
    double memory_factor, time_factor;
};

/* As if nothing were said. */
extern const struct retry_policy retry_policy_default;

enum {
    POLICY_MAX_BACKOFF_S = 3600,
    /* without a limit on retries and without a pause of the user's */
    POLICY_ENDLESS_PAUSE_S = 1
};

struct verdict {
    bool again;              /* active again; else completed */
    bool uses_retry;         /* again, at the price of a retry */
    bool keeps_directory;    /* again, as a checkpoint */
    bool different_node;     /* again, elsewhere if there is an elsewhere */
    int64_t pause_ns;        /* again, not before */
    struct exit_options end; /* not again: what it means */
};

/* Judge an attempt, with so many retries used before it. */
struct verdict policy_judge(const struct task_template *t,
                            const struct attempt *a, uint32_t retries);

/* What the end of a task with this attempt means. */
struct exit_options policy_end(const struct task_template *t,
                               const struct attempt *a);

/* The limits of the next attempt, when so many attempts before it ended over
 * that limit; never less than limit, at most INT64_MAX. 0 stays 0. */
int64_t policy_escalate(int64_t limit, double factor, uint32_t times);

#endif
