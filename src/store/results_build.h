/* What results*.c share: a results.h5 under way.
 *
 * The journal is read several times. The survey learns what must be known
 * before anything can be made: how long texts are, which numbers have gaps,
 * how many bytes outputs have, which chunks of which cube have results and
 * where in the journal those are. Then rows and cubes are written.
 */
#ifndef MPIBATCH_STORE_RESULTS_BUILD_H
#define MPIBATCH_STORE_RESULTS_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "model/jobspec.h"
#include "store/h5_cube.h"
#include "store/h5_file.h"
#include "store/journal.h"
#include "store/programs.h"
#include "store/rundir.h"

enum {
    RESULTS_MAX_NAME = 255,
    /* builtin cells of a task's cubes: state, exit code, attempts, duration */
    RESULTS_CELL_BYTES = 1 + 4 + 4 + 8,
    RESULTS_SLAB_BYTES = 64 << 20, /* of cubes in memory at a time */
    RESULTS_SLAB_CELLS = 1 << 22,
    RESULTS_CHUNK_CELLS = 1 << 14,
    RESULTS_CHUNK_BYTES = 4 << 20, /* of one cube */
    RESULTS_ATTR_BYTES = 30000,    /* of a text in an attribute */
    RESULTS_SKIPPED_BYTES = 2 * JOBSPEC_MAX_ID + 2
};
#define RESULTS_ELSEWHERE UINT64_MAX
/* Attribute of /batch: how much of the journal is in the file. */
#define RESULTS_JOURNAL_BYTES "journal_bytes"
/* the CRC32C of the spec that it is by */
#define RESULTS_SPEC_CRC "spec_crc32c"

/* The packs of a session. */
enum results_pack { RESULTS_STDOUT, RESULTS_STDERR, RESULTS_FILES };
/* "stdout", "stderr", "files": output/<session>.<suffix>. */
const char *results_pack_suffix(enum results_pack pack);

struct survey_metric {
    size_t longest; /* a string's bytes */
    bool gaps;      /* an attempt has it missing or malformed */
};

/* Which part of the journal speaks of a slab. */
struct survey_span {
    bool any;
    struct journal_place first, last; /* last: behind it */
};

struct survey_job {
    const struct taskset *set;
    bool flat;  /* one dimension, whatever the set says */
    bool begun; /* of a schedule: its time has come */
    struct cube_shape shape;
    uint64_t slab_chunks; /* chunks in memory at a time */
    uint64_t slab_count;
    struct survey_span *spans; /* slab_count of them */
    unsigned char *touched;    /* a bit a chunk */
    struct survey_metric *metrics;
};

/* What the last session that did so said of itself. */
struct survey_origin {
    char version[32], mpi[64], hwloc[32];
    struct buf command, folder, environment;
};

struct survey {
    uint64_t attempts, nodes;
    size_t longest_job_id, longest_task_id, longest_host, longest_cpus;
    /* of sessions, of their programs */
    size_t longest_version, longest_mpi, longest_hwloc, longest_folder;
    size_t longest_command, longest_program, longest_name, longest_path;
    size_t longest_note, longest_text, longest_error;
    size_t longest_special;   /* the id of a special task */
    int64_t start_ns, end_ns; /* of the first session, of what came last */
    struct survey_origin origin;
    struct programs *programs; /* as they are now */
    struct buf changed;        /* names of those that have changed */
    size_t longest_scratch, longest_file, longest_file_path;
    uint64_t packed_bytes[3];   /* of outputs and files that are there */
    struct stage_counts staged; /* all sessions, */
    struct stage_counts staged_session; /* and the one that is read */
    uint32_t session_count;
    struct map pack_sizes; /* (session, pack): bytes */
    struct map host_of;    /* (session, rank): index in hosts */
    char **hosts;
    uint32_t host_count;
    struct survey_job *jobs;
};

struct build {
    const struct rundir *rundir;
    const struct jobspec *spec;
    const volatile bool *cancel;
    struct journal_reader *journal;
    struct hdf_file *file;
    struct survey survey;
    uint64_t steps;
};

/* The next record, as journal_next; -1 also with ECANCELED. */
int build_next(struct build *b, struct journal_record *r, struct err *err);

/* Read the whole journal into b->survey (from zero). */
int survey_make(struct build *b, struct err *err);
void survey_fini(struct build *b);
/* The host of a session's rank, or "". */
const char *survey_host(const struct survey *s, uint32_t session,
                        uint32_t rank);
/* Has a session's pack these bytes? */
bool survey_is_packed(const struct survey *s, enum results_pack pack,
                      uint32_t session, uint64_t offset, uint64_t bytes);

/* How a job's tasks lie in its cubes: with chunks of about chunk_cells. */
void shape_init(struct survey_job *s, const struct taskset *set,
                uint64_t chunk_cells);
/* The cell of a task; it grows with the index. */
uint64_t shape_cell(const struct survey_job *s, uint32_t index);
/* The first task whose cell is not before this one; the number of tasks if
 * there is none. */
uint32_t shape_first_task(const struct survey_job *s, uint64_t cell);
/* As taskset_param_dim, taskset_dim_param, taskset_dim_value. */
uint32_t shape_param_dim(const struct survey_job *s, uint32_t param);
int shape_dim_param(const struct survey_job *s, uint32_t dim);
int shape_value(const struct survey_job *s, uint32_t param, uint64_t position,
                struct buf *room, struct value *v, struct err *err);

/* /batch/nodes, events, sessions, programs: rows of records that are not
 * attempts. */
struct side;
struct side *side_create(struct build *b, struct err *err);
int side_put(struct side *s, const struct journal_record *r, struct err *err);
/* A record of the session that is read, of whatever sort, has this time. */
void side_seen(struct side *s, int64_t time_ns);
int side_finish(struct side *s, struct err *err);
void side_destroy(struct side *s);

/* /batch/special_tasks: attempts of start tasks, and of jobs' preparation,
 * release and manager tasks. Made when there is one. */
struct specials;
struct specials *specials_create(struct build *b, struct err *err);
int specials_put(struct specials *s, const struct attempt *a, uint32_t session,
                 struct err *err);
int specials_finish(struct specials *s, struct err *err);
void specials_destroy(struct specials *s);

/* /batch/files, output/files: what attempts returned. task_row: the row of the
 * attempt in /batch/tasks. */
struct files;
struct files *files_create(struct build *b, struct err *err);
int files_put(struct files *f, const struct attempt *a, const char *id,
              uint64_t task_row, struct err *err);
int files_finish(struct files *f, struct err *err);
void files_destroy(struct files *f);

/* The attributes of / and /batch, and the texts that go with them. */
int build_attributes(struct build *b, struct err *err);

/* /batch/tasks, output, and what side_* make. */
int build_tables(struct build *b, struct err *err);

/* /jobs/<job>, and its objects in / too if in_root. */
int build_cubes(struct build *b, uint32_t job, bool in_root, struct err *err);

/* A parameter's values as numbers of one kind, or as texts. */
enum cell_kind param_kind(const struct param *p);

/* Name an object: name, without slashes, with as many "_" behind it as make
 * it differ from the count names in used. */
void name_unique(char out[RESULTS_MAX_NAME + 1], const char *name,
                 const char (*used)[RESULTS_MAX_NAME + 1], size_t count);

/* A time as seconds since 1970, NaN if it is not known; and a duration. */
double time_s(int64_t ns);
double attempt_duration_s(const struct attempt *a);

#endif
