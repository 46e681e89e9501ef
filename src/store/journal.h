/* The journal: the truth of a run. One append-only file a session.
 *
 * A header, then records: length, type, CRC32C, payload; all little-endian. A
 * torn tail is cut at the first bad record, reported, never guessed at; a bad
 * record in front of good ones of the same file is corruption and an error.
 */
#ifndef MPIBATCH_STORE_JOURNAL_H
#define MPIBATCH_STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "model/node.h"
#include "model/range.h"
#include "model/program.h"
#include "model/stage_counts.h"
#include "model/state.h"
#include "store/rundir.h"
#include "store/writer.h"

enum journal_type {
    JOURNAL_SESSION = 1, /* a session starts */
    JOURNAL_NODE,        /* a rank of its pool */
    JOURNAL_ATTEMPT,     /* an attempt ended */
    JOURNAL_JOB,         /* a job changed its state; active: a session has
                            handed out its first task */
    JOURNAL_REACTIVATE,  /* completed tasks of a job are active again */
    JOURNAL_TICK,        /* the session was alive at this time */
    JOURNAL_END,         /* the session ended in good order */
    JOURNAL_ORIGIN,      /* what a session says of itself */
    JOURNAL_PROGRAM,     /* a file that tasks execute */
    JOURNAL_LOST,        /* a rank is lost */
    JOURNAL_COUNTS,      /* what staging came to in the session, until now */
    JOURNAL_NODE_STATE,  /* a node changed its state */
    JOURNAL_SKIPPED,     /* tasks will not run: a dependency was not met */
    JOURNAL_ADDED,       /* tasks were added to the spec */
    JOURNAL_OCCURRENCE,  /* a job of a schedule has begun, or was left out */
    JOURNAL_COMMAND,     /* what somebody asked for, and what came of it */
    JOURNAL_SPECIAL      /* an attempt of a special task ended: of a start task,
                            of a job's preparation, release, manager */
};

/* The most ranges of one record; of more, there are several. */
enum { JOURNAL_MAX_RANGES = 1024 };
/* The longest text of why, of what was asked, of what was wrong; longer ones
 * are cut. */
enum { JOURNAL_MAX_TEXT = 1023 };

/* One record, decoded. */
struct journal_record {
    enum journal_type type;
    uint32_t session;
    int64_t time_ns; /* since 1970 UTC */
    union {
        struct {
            char version[32], mpi[64];
            uint32_t rank_count, node_count;
        } session;
        struct {
            uint32_t rank, node, first_slot, slots;
            struct node_info *info; /* reader's, valid until the next record */
        } node;
        /* SPECIAL, too: its job may be JOB_OF_POOL (use jobspec_template and
         * the like). Reader's, valid until the next record. */
        struct attempt *attempt;
        struct {
            uint32_t job;
            enum job_state state;
            enum job_end end;
            /* What was said; "" (writing: or NULL); valid until the next
             * record. So are all texts. */
            const char *why;
        } job;
        struct {
            uint32_t node;
            enum node_state state;
            const char *why;
        } node_state;
        struct {
            struct task_range tasks;     /* at least one */
            uint32_t parent_job, parent; /* the task that they waited for */
        } skipped;
        struct {
            uint32_t number; /* of the fragment, from 1 */
            uint32_t job, first, count;
        } added;
        struct {
            uint32_t job;
            bool begun;
        } occurrence;
        struct {
            const char *text;  /* "job disable scan --requeue" */
            const char *error; /* ""; Azure's code and what was wrong */
        } command;
        struct {
            uint32_t job;                    /* of all ranges */
            uint32_t range_count;            /* 1 to JOURNAL_MAX_RANGES */
            const struct task_range *ranges; /* ascending; reader's, valid until
                                                the next record */
        } reactivate;
        struct {
            int exit_code;
        } end;
        struct {
            uint32_t rank;
        } lost;
        struct stage_counts counts;
        /* the strings of these two: valid until the next record */
        struct provenance origin; /* without where programs are searched */
        struct program_file program;
    } u;
};

/* ---- Writing ---- */

struct journal;

/* Start this session's file of an open run directory, through writer. NULL
 * with err. */
struct journal *journal_create(struct rundir *r, const struct jobspec *spec,
                               struct writer *writer, struct err *err);
void journal_destroy(struct journal *j);

/* Append a record (record->session is set by the journal). *ticket: of the
 * writer; may be NULL. */
int journal_append(struct journal *j, const struct journal_record *record,
                   uint64_t *ticket, struct err *err);

/* ---- Reading ---- */

struct journal_reader;

/* Read all sessions' files in order, as of now. NULL with err. */
struct journal_reader *journal_read(const struct rundir *r,
                                    const struct jobspec *spec,
                                    struct err *err);
void journal_reader_destroy(struct journal_reader *jr);

/* The next record into *out. 1, 0 at the end, -1 with err: EBADMSG (which
 * file, which byte; records before it were delivered). The end is also where
 * tasks were added that the spec does not have: somebody has just done that. */
int journal_next(struct journal_reader *jr, struct journal_record *out,
                 struct err *err);

/* Only attempts of which `want` says so are decoded in full (others are
 * skipped fast); NULL: all. */
void journal_reader_filter(struct journal_reader *jr,
                           bool (*want)(void *arg, uint32_t job,
                                        uint32_t index),
                           void *arg);

/* Bytes of all files when reading began: a journal that has more has gone on
 * since. */
uint64_t journal_bytes(const struct journal_reader *jr);

/* Bytes cut off as torn tails so far, and of which file the last; for a
 * warning. */
uint64_t journal_torn_bytes(const struct journal_reader *jr, const char **file);

/* Light: of attempts only what a scheduler's replay asks for is decoded,
 * several times as fast: job, index, attempt, result, reason, disposition, exit
 * code, signal, and of the metrics their count and whether all are ok (all are
 * said to be, or the first to be missing); the rest is as attempt_init leaves
 * it. */
void journal_reader_light(struct journal_reader *jr, bool light);

/* Where the reader is: behind the record delivered last. */
struct journal_place {
    uint32_t file;
    uint64_t offset;
};
struct journal_place journal_tell(const struct journal_reader *jr);
/* Go to a place that journal_tell gave. */
int journal_seek(struct journal_reader *jr, struct journal_place to,
                 struct err *err);

/* Start again from the first record. */
int journal_rewind(struct journal_reader *jr, struct err *err);

#endif
