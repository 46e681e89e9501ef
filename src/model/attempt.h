/* The record of one attempt: one execution of one task, and how it ended.
 *
 * It is what a worker reports, what the journal keeps, and a row of
 * results.h5. Plain data; strings and metric values lie in the struct.
 */
#ifndef MPIBATCH_MODEL_ATTEMPT_H
#define MPIBATCH_MODEL_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/failure.h"
#include "model/jobspec.h"
#include "model/object.h"

/* Why an attempt ended as it did. The texts are in attempt_reason_name. */
enum reason {
    REASON_NONE,           /* it succeeded */
    REASON_EXIT_CODE,      /* exited with a code that is not 0 */
    REASON_SIGNAL,         /* ended by a signal that was not ours */
    REASON_TIMEOUT,        /* over its max_wall_clock_time */
    REASON_NOT_FOUND,      /* the command's program does not exist */
    REASON_LAUNCH,         /* it could not be started; message says why */
    REASON_LOST,           /* its worker was lost while it ran */
    REASON_CANCELLED,      /* it, or its job, was terminated */
    REASON_STOPPED,        /* the session was stopped */
    REASON_INTERNAL,       /* the worker could not keep its output */
    REASON_PRE_PROCESSING, /* its files or packages could not be staged */
    REASON_FILE_UPLOAD,    /* its output files could not be stored */
    REASON_MEMORY,         /* over the memory that it asked for */
    REASON_UNSUCCESSFUL,   /* its exit code is fine, but not what else makes
                              success; message says what */
    REASON_CHECKPOINT,     /* exited with its checkpoint_exit_code */
    REASON_COUNT
};

enum attempt_result {
    RESULT_NONE,
    RESULT_SUCCESS,
    RESULT_FAILURE,
    RESULT_SKIPPED /* of tasks alone: it had no attempt, and will have none */
};

/* What becomes of the task behind this attempt. */
enum disposition {
    TASK_ENDS,   /* completed, with this attempt's result */
    TASK_RETRIES /* active again: another attempt follows */
};

/* Where an output is kept. */
enum output_place {
    OUTPUT_EMPTY,
    OUTPUT_INLINE, /* with the message that carries the record */
    OUTPUT_PACKED, /* at offset in output/<session>.<stream> */
    OUTPUT_FILE    /* a file of its own: see store/output.h for its name */
};

struct output {
    enum output_place place;
    uint32_t session; /* packed: whose pack */
    uint64_t offset;  /* packed */
    uint64_t bytes;   /* all that the task printed */
};

enum metric_state {
    METRIC_OK,
    METRIC_MISSING,     /* it is not there */
    METRIC_MALFORMED,   /* what is there is not of the type, or does not fit */
    METRIC_OUT_OF_RANGE /* a value, but not in the metric's range */
};
enum { METRIC_STATE_COUNT = METRIC_OUT_OF_RANGE + 1 };

/* With a value (see metric_has_value): a number or integer; or string; or an
 * array of cells numbers or integers, row-major. Strings and arrays are heap,
 * owned by the attempt. */
struct metric_value {
    enum metric_state state;
    uint32_t cells; /* of an array; 0: it is none */
    union {
        double number;
        int64_t integer;
        double *numbers;
        int64_t *integers;
    } u;
    char *string; /* METRIC_STRING */
};

/* Where a returned file is kept: see store/returned.h. */
enum file_place {
    FILE_PACKED, /* at offset in output/<session>.files */
    FILE_OWN     /* a file of its own */
};

/* A file that the attempt returned. */
struct attempt_file {
    char *name; /* relative to its working directory; heap */
    enum file_place place;
    uint32_t mode;    /* permission bits */
    uint32_t session; /* packed: whose pack */
    uint64_t offset;  /* packed */
    uint64_t bytes;
    struct digest digest;
};

enum {
    ATTEMPT_MAX_MESSAGE = 255,
    ATTEMPT_MAX_FILES = 256,
    ATTEMPT_MAX_FILE_NAME = 1023,      /* bytes */
    ATTEMPT_MAX_FILE_NAMES = 64 * 1024 /* of all its files, with NULs */
};

struct attempt {
    uint32_t job;     /* index of the job in the spec */
    uint32_t index;   /* of the task in its job */
    uint32_t attempt; /* 1, 2, ... */
    enum attempt_result result;
    enum reason reason;
    enum failure failure; /* what more is known; FAILURE_NONE: the reason says
                             all */
    enum disposition disposition; /* set by the manager */
    int32_t exit_code;            /* -1: did not exit */
    int32_t signal;               /* 0: no signal ended it */
    uint32_t node, rank, slot;    /* slot: the first one, within the node */
    int64_t submit_ns, start_ns, end_ns; /* since 1970 UTC; 0: not known */
    int64_t user_ns, system_ns;          /* CPU time, with reaped children */
    uint64_t max_rss_bytes; /* 0: not known, not above the worker's own */
    uint64_t read_bytes, write_bytes;      /* of the storage layer */
    struct output output[2];               /* stdout, stderr */
    char message[ATTEMPT_MAX_MESSAGE + 1]; /* what the reason means; or "" */
    bool kept;                  /* its directory is kept on its node */
    int64_t prepare_ns;         /* staging its files, before start_ns */
    int64_t store_ns;           /* storing its output files, after end_ns */
    uint32_t file_count;        /* that it returned */
    struct attempt_file *files; /* heap */
    uint32_t metric_count;      /* the job's */
    struct metric_value metrics[JOBSPEC_MAX_METRICS];
};

/* All zero but what "not known" is not zero for (exit_code -1). */
void attempt_init(struct attempt *a);

/* Set its message. Of a text that is too long the middle is left out: what is
 * wrong is said last. text may be the message that it has. */
void attempt_set_message(struct attempt *a, const char *text);

/* Free its files and metrics: it has no files then, and all are missing. */
void attempt_fini(struct attempt *a);
/* Free the strings and arrays of the metrics, all of which are then missing;
 * and of one value. */
void attempt_metrics_fini(struct attempt *a);
void metric_value_fini(struct metric_value *v);

/* May it be a returned file's name? Relative, at most ATTEMPT_MAX_FILE_NAME
 * bytes, no part of it is empty, "." or "..". */
bool attempt_file_name_is_valid(const char *name);

/* One more file, zeroed, with a copy of its name. NULL with errno: ENOMEM,
 * EINVAL (it may not be a name), E2BIG (too many files, or their
 * names are too long together). */
struct attempt_file *attempt_add_file(struct attempt *a, const char *name);

/* Put its files into the order of their names. */
void attempt_sort_files(struct attempt *a);

/* What all its files have together. */
uint64_t attempt_file_bytes(const struct attempt *a);

/* Is there a value in this state? */
bool metric_has_value(enum metric_state state);

/* What state a value has: in the metric's range or out of it. */
enum metric_state metric_value_judge(const struct metric *m,
                                     const struct metric_value *v);

/* Did it succeed, but with a metric missing, malformed or out of range? */
bool attempt_is_invalid(const struct attempt *a);

/* "none", "exit_code", "signal", "timeout", ...: in results and JSON. */
const char *attempt_reason_name(enum reason reason);
/* What Azure Batch would call it: its failure, or what its reason comes to. */
enum failure attempt_failure(const struct attempt *a);
/* "none", "success", "failure". */
const char *attempt_result_name(enum attempt_result result);
/* "ok", "missing", "malformed", "out_of_range". */
const char *metric_state_name(enum metric_state state);

/* Has its program been started, so that times and usage say something? */
bool attempt_has_run(const struct attempt *a);

/* How it ended, as a phrase for people: "exit code 3", "signal 9 (Killed)",
 * "over its time limit", with the message behind it. */
void attempt_describe(const struct attempt *a, char text[384]);

#endif
