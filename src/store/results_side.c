/* /batch/nodes, events, sessions, programs, special_tasks: see
 * results_build.h. */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/h5_table.h"

enum {
    NODES_COLUMNS = 13,
    EVENTS_COLUMNS = 16,
    SESSIONS_COLUMNS = 11,
    PROGRAMS_COLUMNS = 11
};

struct side {
    struct build *build;
    struct hdf_column nodes_columns[NODES_COLUMNS];
    struct hdf_column events_columns[EVENTS_COLUMNS];
    struct hdf_column sessions_columns[SESSIONS_COLUMNS];
    struct hdf_column programs_columns[PROGRAMS_COLUMNS];
    struct hdf_table *nodes, *events, *sessions, *programs;
    unsigned char *session;           /* the row of the session that is read */
    struct programs *programs_before; /* to see what has changed */
};

/* ---- Rows ---- */

static int put_node(struct side *t, const struct journal_record *r,
                    struct err *err)
{
    const struct hdf_column *c = t->nodes_columns;
    const struct node_info *n = r->u.node.info;
    unsigned char *row = hdf_table_row(t->nodes, err);
    if (!row)
        return -1;
    row_f64(row, &c[0], time_s(r->time_ns));
    row_i32(row, &c[1], (int32_t)r->session);
    row_i32(row, &c[2], (int32_t)r->u.node.rank);
    row_i32(row, &c[3], (int32_t)r->u.node.node);
    row_text(row, &c[4], n->hostname);
    row_i32(row, &c[5], n->pid);
    row_i32(row, &c[6], (int32_t)r->u.node.first_slot);
    row_i32(row, &c[7], (int32_t)r->u.node.slots);
    row_i32(row, &c[8], (int32_t)n->cores);
    row_i32(row, &c[9], (int32_t)n->hwthreads);
    row_i64(row, &c[10], (int64_t)n->memory_bytes);
    row_text(row, &c[11], n->cpus);
    row_text(row, &c[12], n->scratch);
    return 0;
}

/* A row of events that has only its name yet. NULL with err. */
static unsigned char *event_row(struct side *t, const struct journal_record *r,
                                const char *name, struct err *err)
{
    const struct hdf_column *c = t->events_columns;
    unsigned char *row = hdf_table_row(t->events, err);
    if (!row)
        return NULL;
    row_f64(row, &c[0], time_s(r->time_ns));
    row_i32(row, &c[1], (int32_t)r->session);
    row_text(row, &c[2], name);
    row_i32(row, &c[6], -1);
    row_i32(row, &c[9], -1);
    row_i32(row, &c[10], -1);
    row_i64(row, &c[12], -1);
    return row;
}

/* Of tasks of a job. */
static void event_tasks(struct side *t, unsigned char *row,
                        const struct task_range *tasks)
{
    const struct hdf_column *c = t->events_columns;
    row_text(row, &c[3], t->build->spec->jobs[tasks->job].id);
    row_i64(row, &c[12], tasks->first);
    row_i64(row, &c[13], tasks->count);
}

/* A session's row stays in the table's buffer until the next one begins, and
 * is filled as the session goes on. */
static int begin_session(struct side *t, const struct journal_record *r,
                         struct err *err)
{
    const struct hdf_column *c = t->sessions_columns;
    unsigned char *row = hdf_table_row(t->sessions, err);
    unsigned char *event = event_row(t, r, "session_start", err);
    if (!row || !event)
        return -1;
    row_text(event, &t->events_columns[7], r->u.session.version);
    row_i32(row, &c[0], (int32_t)r->session);
    row_f64(row, &c[1], time_s(r->time_ns));
    row_i32(row, &c[3], -1);
    row_i32(row, &c[4], (int32_t)r->u.session.rank_count);
    row_i32(row, &c[5], (int32_t)r->u.session.node_count);
    row_text(row, &c[6], r->u.session.version);
    row_text(row, &c[7], r->u.session.mpi);
    t->session = row;
    return 0;
}

static int put_lost(struct side *t, const struct journal_record *r,
                    struct err *err)
{
    unsigned char *event = event_row(t, r, "rank_lost", err);
    if (!event)
        return -1;
    row_i32(event, &t->events_columns[9], (int32_t)r->u.lost.rank);
    return 0;
}

static int end_session(struct side *t, const struct journal_record *r,
                       struct err *err)
{
    unsigned char *event = event_row(t, r, "session_end", err);
    if (!event)
        return -1;
    row_i32(event, &t->events_columns[6], r->u.end.exit_code);
    if (t->session)
        row_i32(t->session, &t->sessions_columns[3], r->u.end.exit_code);
    return 0;
}

static void put_origin(struct side *t, const struct provenance *p)
{
    const struct hdf_column *c = t->sessions_columns;
    if (!t->session)
        return;
    row_text(t->session, &c[8], p->hwloc);
    row_text(t->session, &c[9], p->folder);
    row_text(t->session, &c[10], p->command);
}

static int put_job(struct side *t, const struct journal_record *r,
                   struct err *err)
{
    const struct hdf_column *c = t->events_columns;
    const struct job *jobs = t->build->spec->jobs;
    bool again = r->type == JOURNAL_REACTIVATE;
    unsigned char *row =
        event_row(t, r, again ? "job_reactivate" : "job_state", err);
    if (!row)
        return -1;
    row_text(row, &c[3], jobs[again ? r->u.reactivate.job : r->u.job.job].id);
    if (!again) {
        row_text(row, &c[4], job_state_name(r->u.job.state));
        row_text(row, &c[5], job_end_name(r->u.job.end));
        row_text(row, &c[14], r->u.job.why);
    }
    return 0;
}

static int put_node_state(struct side *t, const struct journal_record *r,
                          struct err *err)
{
    const struct hdf_column *c = t->events_columns;
    unsigned char *row = event_row(t, r, "node_state", err);
    if (!row)
        return -1;
    row_i32(row, &c[10], (int32_t)r->u.node_state.node);
    row_text(row, &c[11], node_state_name(r->u.node_state.state));
    row_text(row, &c[14], r->u.node_state.why);
    return 0;
}

/* The text names the task that they waited for. */
static int put_skipped(struct side *t, const struct journal_record *r,
                       struct err *err)
{
    const struct job *parent = &t->build->spec->jobs[r->u.skipped.parent_job];
    char id[JOBSPEC_MAX_ID + 1], text[RESULTS_SKIPPED_BYTES];
    unsigned char *row = event_row(t, r, "tasks_skipped", err);
    if (!row || job_task_id(parent, r->u.skipped.parent, id, err) < 0)
        return -1;
    event_tasks(t, row, &r->u.skipped.tasks);
    snprintf(text, sizeof(text), "%s/%s", parent->id, id);
    row_text(row, &t->events_columns[14], text);
    return 0;
}

static int put_added(struct side *t, const struct journal_record *r,
                     struct err *err)
{
    const struct task_range tasks = {r->u.added.job, r->u.added.first,
                                     r->u.added.count};
    unsigned char *row = event_row(t, r, "tasks_added", err);
    if (!row)
        return -1;
    event_tasks(t, row, &tasks);
    return 0;
}

static int put_occurrence(struct side *t, const struct journal_record *r,
                          struct err *err)
{
    unsigned char *row = event_row(
        t, r, r->u.occurrence.begun ? "job_begun" : "job_left_out", err);
    if (!row)
        return -1;
    row_text(row, &t->events_columns[3],
             t->build->spec->jobs[r->u.occurrence.job].id);
    return 0;
}

static int put_command(struct side *t, const struct journal_record *r,
                       struct err *err)
{
    unsigned char *row = event_row(t, r, "command", err);
    if (!row)
        return -1;
    row_text(row, &t->events_columns[14], r->u.command.text);
    row_text(row, &t->events_columns[15], r->u.command.error);
    return 0;
}

static int put_program(struct side *t, const struct journal_record *r,
                       struct err *err)
{
    const struct hdf_column *c = t->programs_columns;
    const struct program_file *f = &r->u.program;
    bool changed;
    if (programs_put(t->programs_before, f, &changed, err) < 0)
        return -1;
    unsigned char *row = hdf_table_row(t->programs, err);
    if (!row)
        return -1;
    row_i32(row, &c[0], (int32_t)r->session);
    row_f64(row, &c[1], time_s(r->time_ns));
    row_text(row, &c[2], program_kind_name(f->kind));
    row_text(row, &c[3], f->program);
    row_text(row, &c[4], f->name);
    row_text(row, &c[5], f->path);
    row_i64(row, &c[6], (int64_t)f->size_bytes);
    row_f64(row, &c[7], time_s(f->mtime_ns));
    row_text(row, &c[8], f->sha256);
    row[c[9].offset] = changed;
    row_text(row, &c[10], f->note);
    if (!changed)
        return 0;
    unsigned char *event = event_row(t, r, "program_changed", err);
    if (!event)
        return -1;
    row_text(event, &t->events_columns[8], f->path);
    return 0;
}

int side_put(struct side *s, const struct journal_record *r, struct err *err)
{
    int rc = 0;
    switch (r->type) {
    case JOURNAL_SESSION:
        rc = begin_session(s, r, err);
        break;
    case JOURNAL_NODE:
        rc = put_node(s, r, err);
        break;
    case JOURNAL_JOB:
    case JOURNAL_REACTIVATE:
        rc = put_job(s, r, err);
        break;
    case JOURNAL_LOST:
        rc = put_lost(s, r, err);
        break;
    case JOURNAL_END:
        rc = end_session(s, r, err);
        break;
    case JOURNAL_ORIGIN:
        put_origin(s, &r->u.origin);
        break;
    case JOURNAL_PROGRAM:
        rc = put_program(s, r, err);
        break;
    case JOURNAL_NODE_STATE:
        rc = put_node_state(s, r, err);
        break;
    case JOURNAL_SKIPPED:
        rc = put_skipped(s, r, err);
        break;
    case JOURNAL_ADDED:
        rc = put_added(s, r, err);
        break;
    case JOURNAL_OCCURRENCE:
        rc = put_occurrence(s, r, err);
        break;
    case JOURNAL_COMMAND:
        rc = put_command(s, r, err);
        break;
    case JOURNAL_SPECIAL: /* has a table of its own */
    case JOURNAL_ATTEMPT:
    case JOURNAL_COUNTS:
    case JOURNAL_TICK:
        break;
    }
    return rc;
}

void side_seen(struct side *s, int64_t time_ns)
{
    if (s->session)
        row_f64(s->session, &s->sessions_columns[2], time_s(time_ns));
}

/* ---- Columns ---- */

static void set_columns(struct side *t)
{
    const struct survey *s = &t->build->survey;
    const struct hdf_column nodes[NODES_COLUMNS] = {
        {"time", CELL_FLOAT64, 0, 0},
        {"session", CELL_INT32, 0, 0},
        {"rank", CELL_INT32, 0, 0},
        {"node", CELL_INT32, 0, 0},
        {"hostname", CELL_STRING, row_text_size(s->longest_host), 0},
        {"pid", CELL_INT32, 0, 0},
        {"first_slot", CELL_INT32, 0, 0},
        {"slots", CELL_INT32, 0, 0},
        {"cores", CELL_INT32, 0, 0},
        {"hwthreads", CELL_INT32, 0, 0},
        {"memory_bytes", CELL_INT64, 0, 0},
        {"cpus", CELL_STRING, row_text_size(s->longest_cpus), 0},
        {"scratch", CELL_STRING, row_text_size(s->longest_scratch), 0}};
    const struct hdf_column events[EVENTS_COLUMNS] = {
        {"time", CELL_FLOAT64, 0, 0},
        {"session", CELL_INT32, 0, 0},
        {"event", CELL_STRING, 15, 0},
        {"job_id", CELL_STRING, row_text_size(s->longest_job_id), 0},
        {"job_state", CELL_STRING, 11, 0},
        {"job_end", CELL_STRING, 24, 0},
        {"exit_code", CELL_INT32, 0, 0},
        {"version", CELL_STRING, row_text_size(s->longest_version), 0},
        {"path", CELL_STRING, row_text_size(s->longest_path), 0},
        {"rank", CELL_INT32, 0, 0},
        {"node", CELL_INT32, 0, 0},
        {"node_state", CELL_STRING, 22, 0},
        {"task_index", CELL_INT64, 0, 0},
        {"task_count", CELL_INT64, 0, 0},
        {"text", CELL_STRING, row_text_size(s->longest_text), 0},
        {"error", CELL_STRING, row_text_size(s->longest_error), 0}};
    const struct hdf_column sessions[SESSIONS_COLUMNS] = {
        {"session", CELL_INT32, 0, 0},
        {"start_time", CELL_FLOAT64, 0, 0},
        {"end_time", CELL_FLOAT64, 0, 0},
        {"exit_code", CELL_INT32, 0, 0},
        {"ranks", CELL_INT32, 0, 0},
        {"nodes", CELL_INT32, 0, 0},
        {"mpibatch_version", CELL_STRING, row_text_size(s->longest_version), 0},
        {"mpi_library", CELL_STRING, row_text_size(s->longest_mpi), 0},
        {"hwloc_version", CELL_STRING, row_text_size(s->longest_hwloc), 0},
        {"folder", CELL_STRING, row_text_size(s->longest_folder), 0},
        {"command", CELL_STRING, row_text_size(s->longest_command), 0}};
    const struct hdf_column programs[PROGRAMS_COLUMNS] = {
        {"session", CELL_INT32, 0, 0},
        {"time", CELL_FLOAT64, 0, 0},
        {"kind", CELL_STRING, 11, 0},
        {"program", CELL_STRING, row_text_size(s->longest_program), 0},
        {"name", CELL_STRING, row_text_size(s->longest_name), 0},
        {"path", CELL_STRING, row_text_size(s->longest_path), 0},
        {"size_bytes", CELL_INT64, 0, 0},
        {"mtime", CELL_FLOAT64, 0, 0},
        {"sha256", CELL_STRING, PROGRAM_SHA256, 0},
        {"changed", CELL_INT8, 0, 0},
        {"note", CELL_STRING, row_text_size(s->longest_note), 0}};
    memcpy(t->nodes_columns, nodes, sizeof(nodes));
    memcpy(t->events_columns, events, sizeof(events));
    memcpy(t->sessions_columns, sessions, sizeof(sessions));
    memcpy(t->programs_columns, programs, sizeof(programs));
}

/* ---- All together ---- */

struct side *side_create(struct build *b, struct err *err)
{
    size_t row;
    struct side *t = mem_calloc(1, sizeof(*t));
    if (t)
        t->programs_before = programs_create();
    if (!t || !t->programs_before) {
        err_set(err, ENOMEM, "no memory for the tables of a run");
        goto fail;
    }
    t->build = b;
    set_columns(t);
    if ((t->nodes = hdf_table_create(b->file, "/batch/nodes", t->nodes_columns,
                                     NODES_COLUMNS, &row, err)) &&
        (t->events =
             hdf_table_create(b->file, "/batch/events", t->events_columns,
                              EVENTS_COLUMNS, &row, err)) &&
        (t->sessions =
             hdf_table_create(b->file, "/batch/sessions", t->sessions_columns,
                              SESSIONS_COLUMNS, &row, err)) &&
        (t->programs =
             hdf_table_create(b->file, "/batch/programs", t->programs_columns,
                              PROGRAMS_COLUMNS, &row, err)))
        return t;
fail:
    side_destroy(t);
    return NULL;
}

int side_finish(struct side *s, struct err *err)
{
    if (hdf_table_finish(s->nodes, err) < 0 ||
        hdf_table_finish(s->events, err) < 0 ||
        hdf_table_finish(s->sessions, err) < 0)
        return -1;
    return hdf_table_finish(s->programs, err);
}

void side_destroy(struct side *s)
{
    if (!s)
        return;
    hdf_table_destroy(s->nodes);
    hdf_table_destroy(s->events);
    hdf_table_destroy(s->sessions);
    hdf_table_destroy(s->programs);
    programs_destroy(s->programs_before);
    mem_free(s);
}
