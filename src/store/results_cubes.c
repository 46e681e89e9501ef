/* The cubes of a job: see results_build.h.
 *
 * A slab, a range of chunks, is in memory at a time; its part of the journal
 * is read, and the chunks that have results are written. So memory is bounded
 * and a huge sweep with few results makes a small file.
 */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* Values of `state` and of `<metric>_state`, beside enum metric_state. */
enum { STATE_NOT_RUN, STATE_SUCCESS, STATE_FAILURE, STATE_ACTIVE };
enum { METRIC_NOT_RUN = METRIC_STATE_COUNT };

enum {
    VAR_STATE,
    VAR_EXIT_CODE,
    VAR_ATTEMPTS,
    VAR_DURATION,
    VAR_METRICS, /* from here: value and state of each metric that has cubes */
    VARS_MAX = VAR_METRICS + 2 * JOBSPEC_MAX_METRICS,
    /* scales or variables, run, "jobs" and "batch", which / has */
    NAMES_MAX = VARS_MAX + TASKSET_MAX_PARAMS + 3,
    PATH_BYTES = JOBSPEC_MAX_ID + RESULTS_MAX_NAME + 16
};

/* One cube. */
struct var {
    enum cell_kind kind;
    size_t bytes; /* of a cell */
    unsigned char fill[METRIC_MAX_STRING + 1];
    struct hdf_cube *cube;
    unsigned char *cells; /* of the slab */
    char path[PATH_BYTES];
};

struct cubes {
    struct build *build;
    uint32_t job_index;
    const struct job *job;
    const struct survey_job *survey;
    char group[JOBSPEC_MAX_ID + 8];
    char names[NAMES_MAX][RESULTS_MAX_NAME + 1];
    size_t name_count, first_name; /* those before first_name are not ours */
    char scales[TASKSET_MAX_PARAMS][PATH_BYTES];
    const char *scale_paths[TASKSET_MAX_PARAMS];
    struct var vars[VARS_MAX];
    uint32_t var_count;
    uint32_t metric_vars[JOBSPEC_MAX_METRICS]; /* the value's; 0: no cube */
    uint64_t slab_first;                       /* chunk */
    uint64_t cell_first, cell_end;             /* of the slab */
};

/* ---- Names ---- */

void name_unique(char out[RESULTS_MAX_NAME + 1], const char *name,
                 const char (*used)[RESULTS_MAX_NAME + 1], size_t count)
{
    enum { KEPT = 200 };
    snprintf(out, KEPT, "%s", name[0] ? name : "_");
    for (char *c = out; *c; c++)
        if (*c == '/')
            *c = '_';
    if (out[0] == '.')
        out[0] = '_';
    for (size_t i = 0; i < count; i++)
        if (strcmp(out, used[i]) == 0) {
            size_t len = strlen(out);
            if (len == RESULTS_MAX_NAME)
                return; /* HDF5 will refuse it */
            memcpy(out + len, "_", 2);
            i = (size_t)-1;
        }
}

/* Choose a name in the group; its path. */
static const char *take_name(struct cubes *c, const char *name,
                             char path[PATH_BYTES])
{
    char whole[PATH_BYTES], *out = c->names[c->name_count];
    name_unique(out, name, c->names, c->name_count);
    c->name_count++;
    snprintf(whole, sizeof(whole), "%s/%s", c->group, out);
    memcpy(path, whole, sizeof(whole));
    return out;
}

/* ---- Parameters ---- */

enum cell_kind param_kind(const struct param *p)
{
    switch (p->type) {
    case VALUE_BOOL:
        return CELL_INT8;
    case VALUE_INT:
        return CELL_INT64;
    case VALUE_FLOAT:
        return CELL_FLOAT64;
    case VALUE_NULL:
    case VALUE_STRING:
        break;
    }
    return CELL_STRING;
}

/* A parameter's value as HDF5 wants it; a text goes behind texts, which has
 * the memory already. */
static int param_cell(const struct taskset *set, uint32_t param, uint64_t i,
                      enum cell_kind kind, struct buf *texts, struct buf *room,
                      void *cells, struct err *err)
{
    struct value v;
    double number = 0;
    bool text = kind == CELL_STRING;
    if (taskset_dim_value(set, param, i, text ? room : NULL, &v, err) < 0)
        return -1;
    if (text) {
        ((const char **)cells)[i] = texts->data + texts->len;
        if (buf_put(texts, v.text, strlen(v.text) + 1) < 0)
            return err_sys(err, errno, "no memory for values");
        return 0;
    }
    if (kind == CELL_INT8)
        ((int8_t *)cells)[i] = v.u.boolean;
    else if (kind == CELL_INT64)
        ((int64_t *)cells)[i] = v.u.integer;
    else if (value_number(&v, &number))
        ((double *)cells)[i] = number;
    return 0;
}

/* Write a parameter as a scale, or as a variable over scale. */
static int put_param(struct cubes *c, uint32_t param, const char *path,
                     const char *scale, struct err *err)
{
    const struct taskset *set = &c->job->tasks;
    const struct param *p = &set->params[param];
    struct hdf_file *f = c->build->file;
    enum cell_kind kind = param_kind(p);
    uint64_t dims[TASKSET_MAX_DIMS];
    taskset_dims(set, dims);
    uint64_t n = dims[taskset_param_dim(set, param)];
    size_t texts_max = kind == CELL_STRING ? n * (p->longest + 1) : 0;
    void *cells = mem_calloc(n, 8); /* the largest, pointers too */
    struct buf texts, room;
    int rc = 0;
    buf_init(&room, VALUE_MAX_BYTES);
    buf_init(&texts, texts_max + 1);
    if (!cells || (texts_max && !buf_reserve(&texts, texts_max)))
        rc = err_set(err, ENOMEM, "no memory for %s", path);
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        rc = param_cell(set, param, i, kind, &texts, &room, cells, err);
    if (rc == 0 && kind == CELL_STRING)
        rc = scale ? hdf_variable_strings(f, path, cells, n, scale, err)
                   : hdf_scale_strings(f, path, cells, n, err);
    else if (rc == 0)
        rc = scale ? hdf_variable(f, path, kind, cells, n, scale, err)
                   : hdf_scale(f, path, kind, cells, n, err);
    buf_fini(&room);
    buf_fini(&texts);
    mem_free(cells);
    if (rc == 0 && p->units)
        rc = hdf_attr_text(f, path, "units", p->units, err);
    if (rc == 0 && p->long_name)
        rc = hdf_attr_text(f, path, "long_name", p->long_name, err);
    return rc;
}

/* The scale of a list: 0, 1, 2, ... */
static int put_run_scale(struct cubes *c, struct err *err)
{
    uint32_t n = c->job->tasks.count;
    int64_t *cells = mem_calloc(n, sizeof(*cells));
    if (!cells)
        return err_set(err, ENOMEM, "no memory for %s/run", c->group);
    for (uint32_t i = 0; i < n; i++)
        cells[i] = i;
    int rc = hdf_scale(c->build->file, c->scales[0], CELL_INT64, cells, n, err);
    mem_free(cells);
    return rc;
}

/* Is each dimension the parameter of its number? */
static bool is_grid(const struct taskset *set)
{
    if (set->param_count == 0 || taskset_dims(set, NULL) != set->param_count)
        return false;
    for (uint32_t i = 0; i < set->param_count; i++)
        if (taskset_dim_param(set, i) != (int)i)
            return false;
    return true;
}

static int put_scales(struct cubes *c, struct err *err)
{
    const struct taskset *set = &c->job->tasks;
    char path[PATH_BYTES];
    int rc = 0;
    for (uint32_t i = 0; i < TASKSET_MAX_PARAMS; i++)
        c->scale_paths[i] = c->scales[i];
    if (is_grid(set)) {
        for (uint32_t i = 0; rc == 0 && i < set->param_count; i++) {
            take_name(c, set->params[i].name, c->scales[i]);
            rc = put_param(c, i, c->scales[i], NULL, err);
        }
        return rc;
    }
    take_name(c, "run", c->scales[0]);
    rc = put_run_scale(c, err);
    for (uint32_t i = 0; rc == 0 && i < set->param_count; i++) {
        take_name(c, set->params[i].name, path);
        rc = put_param(c, i, path, c->scales[0], err);
    }
    return rc;
}

/* ---- Cubes ---- */

/* Add a cube of cells of kind; fill: of bytes. Its name, NULL with err. */
static const char *add_var(struct cubes *c, const char *name,
                           enum cell_kind kind, size_t size, const void *fill,
                           bool fill_is_missing, struct err *err)
{
    struct var *v = &c->vars[c->var_count++];
    const char *taken = take_name(c, name, v->path);
    v->kind = kind;
    v->bytes = cell_bytes(kind, size);
    if (fill)
        memcpy(v->fill, fill, v->bytes);
    v->cube =
        hdf_cube_create(c->build->file, v->path, &c->survey->shape, kind, size,
                        v->fill, fill_is_missing, c->scale_paths, err);
    if (!v->cube)
        return NULL;
    v->cells = mem_alloc(c->survey->slab_chunks * c->survey->shape.chunk_cells *
                         v->bytes);
    if (!v->cells) {
        err_set(err, ENOMEM, "no memory for %s", v->path);
        return NULL;
    }
    return taken;
}

static struct var *last_var(struct cubes *c)
{
    return &c->vars[c->var_count - 1];
}

/* Attributes of the cube added last; NULL: leave out. */
static int describe(struct cubes *c, const char *long_name, const char *units,
                    struct err *err)
{
    const char *path = last_var(c)->path;
    struct hdf_file *f = c->build->file;
    if (long_name && hdf_attr_text(f, path, "long_name", long_name, err) < 0)
        return -1;
    return units ? hdf_attr_text(f, path, "units", units, err) : 0;
}

/* The cube added last has flags 0, 1, ... count - 1. */
static int describe_flags(struct cubes *c, uint64_t count, const char *meanings,
                          struct err *err)
{
    static const int8_t values[] = {0, 1, 2, 3, 4};
    const char *path = last_var(c)->path;
    struct hdf_file *f = c->build->file;
    if (hdf_attr_values(f, path, "flag_values", CELL_INT8, values, count, err) <
        0)
        return -1;
    return hdf_attr_text(f, path, "flag_meanings", meanings, err);
}

static int add_builtins(struct cubes *c, struct err *err)
{
    static const int8_t not_run = STATE_NOT_RUN;
    static const int32_t none = -1, zero = 0;
    static const double unknown = NAN;
    if (!add_var(c, "state", CELL_INT8, 0, &not_run, false, err) ||
        describe(c, "state of the task", NULL, err) < 0 ||
        describe_flags(c, 4, "not_run success failure active", err) < 0)
        return -1;
    if (!add_var(c, "exit_code", CELL_INT32, 0, &none, false, err) ||
        describe(c, "exit code of the last attempt, -1: none", NULL, err) < 0)
        return -1;
    if (!add_var(c, "attempts", CELL_INT32, 0, &zero, false, err) ||
        describe(c, "attempts that ended", NULL, err) < 0)
        return -1;
    if (!add_var(c, "duration", CELL_FLOAT64, 0, &unknown, true, err))
        return -1;
    return describe(c, "wall-clock time of the last attempt", "s", err);
}

static int add_metric(struct cubes *c, uint32_t i, struct err *err)
{
    static const double missing = NAN;
    static const int8_t not_run = METRIC_NOT_RUN;
    const struct metric *m = &c->job->metrics[i];
    size_t longest = c->survey->metrics[i].longest;
    if (m->rank > 0)
        return 0;
    c->metric_vars[i] = c->var_count;
    const char *name =
        m->type == METRIC_FLOAT64
            ? add_var(c, m->name, CELL_FLOAT64, 0, &missing, true, err)
        : m->type == METRIC_INT64
            ? add_var(c, m->name, CELL_INT64, 0, NULL, false, err)
            : add_var(c, m->name, CELL_STRING, longest + 1, NULL, false, err);
    if (!name || describe(c, m->long_name, m->units, err) < 0)
        return -1;
    struct var *value = last_var(c);
    char state[RESULTS_MAX_NAME + 8];
    snprintf(state, sizeof(state), "%s_state", name);
    const char *state_name =
        add_var(c, state, CELL_INT8, 0, &not_run, false, err);
    if (!state_name ||
        describe_flags(c, 5, "ok missing malformed out_of_range not_run", err) <
            0)
        return -1;
    return hdf_attr_text(c->build->file, value->path, "ancillary_variables",
                         state_name, err);
}

/* In a list the parameters are coordinates of each cube. */
static int put_coordinates(struct cubes *c, struct err *err)
{
    const struct taskset *set = &c->job->tasks;
    if (set->param_count == 0 || is_grid(set))
        return 0;
    struct buf names;
    buf_init(&names, TASKSET_MAX_PARAMS * (RESULTS_MAX_NAME + 1));
    int rc = 0;
    /* behind the name of the scale */
    for (uint32_t i = 0; rc == 0 && i < set->param_count; i++)
        rc = buf_printf(&names, "%s%s", i ? " " : "",
                        c->names[c->first_name + 1 + i]);
    if (rc < 0)
        err_set(err, ENOMEM, "no memory for names");
    for (uint32_t i = 0; rc == 0 && i < c->var_count; i++)
        rc = hdf_attr_text(c->build->file, c->vars[i].path, "coordinates",
                           buf_text(&names), err);
    buf_fini(&names);
    return rc;
}

/* ---- Slabs ---- */

static bool is_touched(const struct survey_job *s, uint64_t chunk)
{
    return s->touched[chunk / 8] >> chunk % 8 & 1;
}

/* Chunks of the slab: [slab_first, this). */
static uint64_t slab_end(const struct cubes *c)
{
    uint64_t end = c->slab_first + c->survey->slab_chunks;
    return end < c->survey->shape.chunks ? end : c->survey->shape.chunks;
}

static void fill_chunk(struct cubes *c, uint64_t chunk)
{
    uint64_t n = c->survey->shape.chunk_cells;
    uint64_t at = (chunk - c->slab_first) * n;
    for (uint32_t i = 0; i < c->var_count; i++) {
        struct var *v = &c->vars[i];
        unsigned char *p = v->cells + at * v->bytes;
        if (v->bytes == 1)
            memset(p, v->fill[0], n);
        else
            for (uint64_t k = 0; k < n; k++)
                memcpy(p + k * v->bytes, v->fill, v->bytes);
    }
}

static int write_chunk(struct cubes *c, uint64_t chunk, struct err *err)
{
    uint64_t at = (chunk - c->slab_first) * c->survey->shape.chunk_cells;
    for (uint32_t i = 0; i < c->var_count; i++) {
        struct var *v = &c->vars[i];
        if (hdf_cube_write(v->cube, chunk, v->cells + at * v->bytes, err) < 0)
            return -1;
    }
    return 0;
}

static int8_t state_of(const struct attempt *a)
{
    if (a->disposition == TASK_RETRIES)
        return STATE_ACTIVE;
    return a->result == RESULT_SUCCESS   ? STATE_SUCCESS
           : a->result == RESULT_FAILURE ? STATE_FAILURE
                                         : STATE_ACTIVE;
}

static void put_metric(const struct metric *m, const struct metric_value *from,
                       struct var *value, struct var *state, uint64_t at)
{
    unsigned char *to = value->cells + at * value->bytes;
    ((int8_t *)state->cells)[at] = (int8_t)from->state;
    memcpy(to, value->fill, value->bytes);
    if (!metric_has_value(from->state))
        return;
    if (m->type == METRIC_STRING)
        memcpy(to, from->string, strnlen(from->string, value->bytes));
    else
        memcpy(to, &from->u, 8);
}

/* Put an attempt into the slab; a later one of the same task goes over it. */
static void put_attempt(struct cubes *c, const struct attempt *a)
{
    const struct cube_shape *s = &c->survey->shape;
    uint64_t count, chunk = cube_chunk_of(s, a->index);
    uint64_t at = (chunk - c->slab_first) * s->chunk_cells + a->index -
                  cube_chunk_start(s, chunk, &count);
    struct var *v = c->vars;
    ((int8_t *)v[VAR_STATE].cells)[at] = state_of(a);
    ((int32_t *)v[VAR_EXIT_CODE].cells)[at] = a->exit_code;
    ((int32_t *)v[VAR_ATTEMPTS].cells)[at]++;
    ((double *)v[VAR_DURATION].cells)[at] = attempt_duration_s(a);
    for (uint32_t i = 0; i < c->job->metric_count; i++) {
        uint32_t k = c->metric_vars[i];
        if (k > 0)
            put_metric(&c->job->metrics[i], &a->metrics[i], &v[k], &v[k + 1],
                       at);
    }
}

/* Failed tasks of the job are active again. */
static void reactivate(struct cubes *c)
{
    int8_t *state = (int8_t *)c->vars[VAR_STATE].cells;
    uint64_t n = c->survey->shape.chunk_cells;
    for (uint64_t k = c->slab_first; k < slab_end(c); k++)
        for (uint64_t i = 0; is_touched(c->survey, k) && i < n; i++)
            if (state[(k - c->slab_first) * n + i] == STATE_FAILURE)
                state[(k - c->slab_first) * n + i] = STATE_ACTIVE;
}

static bool in_slab(void *arg, uint32_t job, uint32_t index)
{
    const struct cubes *c = arg;
    return job == c->job_index && index >= c->cell_first && index < c->cell_end;
}

static bool is_before(struct journal_place a, struct journal_place b)
{
    return a.file < b.file || (a.file == b.file && a.offset < b.offset);
}

/* The last record of a span is one that the filter lets through. */
static int read_span(struct cubes *c, const struct survey_span *span,
                     struct err *err)
{
    struct journal_reader *jr = c->build->journal;
    struct journal_record r;
    if (journal_seek(jr, span->first, err) < 0)
        return -1;
    while (is_before(journal_tell(jr), span->last)) {
        int got = build_next(c->build, &r, err);
        if (got <= 0)
            return got;
        if (r.type == JOURNAL_ATTEMPT)
            put_attempt(c, r.u.attempt);
        else if (r.type == JOURNAL_REACTIVATE &&
                 r.u.reactivate.job == c->job_index)
            reactivate(c);
    }
    return 0;
}

static int write_slab(struct cubes *c, uint64_t slab, struct err *err)
{
    const struct survey_job *s = c->survey;
    uint64_t count;
    if (!s->spans[slab].any)
        return 0;
    c->slab_first = slab * s->slab_chunks;
    c->cell_first = cube_chunk_start(&s->shape, c->slab_first, &count);
    c->cell_end = cube_chunk_start(&s->shape, slab_end(c) - 1, &count) + count;
    for (uint64_t k = c->slab_first; k < slab_end(c); k++)
        if (is_touched(s, k))
            fill_chunk(c, k);
    if (read_span(c, &s->spans[slab], err) < 0)
        return -1;
    for (uint64_t k = c->slab_first; k < slab_end(c); k++)
        if (is_touched(s, k) && write_chunk(c, k, err) < 0)
            return -1;
    return 0;
}

static int write_slabs(struct cubes *c, struct err *err)
{
    int rc = 0;
    journal_reader_filter(c->build->journal, in_slab, c);
    for (uint64_t i = 0; rc == 0 && i < c->survey->slab_count; i++)
        rc = write_slab(c, i, err);
    journal_reader_filter(c->build->journal, NULL, NULL);
    return rc;
}

/* ---- A job ---- */

static int link_all(struct cubes *c, struct err *err)
{
    char from[PATH_BYTES], to[RESULTS_MAX_NAME + 2];
    for (size_t i = c->first_name; i < c->name_count; i++) {
        snprintf(from, sizeof(from), "%s/%s", c->group, c->names[i]);
        snprintf(to, sizeof(to), "/%s", c->names[i]);
        if (hdf_link(c->build->file, from, to, err) < 0)
            return -1;
    }
    return 0;
}

static int make_cubes(struct cubes *c, struct err *err)
{
    if (hdf_group(c->build->file, c->group, err) < 0 ||
        put_scales(c, err) < 0 || add_builtins(c, err) < 0)
        return -1;
    for (uint32_t i = 0; i < c->job->metric_count; i++)
        if (add_metric(c, i, err) < 0)
            return -1;
    return put_coordinates(c, err);
}

int build_cubes(struct build *b, uint32_t job, bool in_root, struct err *err)
{
    struct cubes *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return err_set(err, ENOMEM, "no memory for the cubes of a job");
    c->build = b;
    c->job_index = job;
    c->job = &b->spec->jobs[job];
    c->survey = &b->survey.jobs[job];
    snprintf(c->group, sizeof(c->group), "/jobs/%s", c->job->id);
    strcpy(c->names[0], "jobs");
    strcpy(c->names[1], "batch");
    c->first_name = c->name_count = 2;
    int rc = make_cubes(c, err);
    if (rc == 0)
        rc = write_slabs(c, err);
    if (rc == 0 && in_root)
        rc = link_all(c, err);
    for (uint32_t i = 0; i < c->var_count; i++) {
        hdf_cube_destroy(c->vars[i].cube);
        mem_free(c->vars[i].cells);
    }
    mem_free(c);
    return rc;
}
