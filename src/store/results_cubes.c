/* The cubes of a job: see results_build.h.
 *
 * A slab, a range of chunks, is in memory at a time; its part of the journal
 * is read, and the chunks that have results are written. So memory is bounded
 * and a huge sweep with few results makes a small file.
 */
#include "config.h"
#include "store/results_cubes.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* Values of `state` and of `<metric>_state`, beside enum metric_state. */
enum {
    STATE_NOT_RUN,
    STATE_SUCCESS,
    STATE_FAILURE,
    STATE_ACTIVE,
    STATE_EXCLUDED /* no task of the sweep */
};
enum { METRIC_NOT_RUN = METRIC_STATE_COUNT };

enum { VAR_STATE, VAR_EXIT_CODE, VAR_ATTEMPTS, VAR_DURATION };

/* Cells of a cube with holes in which those are marked as such even where no
 * task has run. */
enum { MARKED_CELLS = 1 << 24 };

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
const char *cubes_take_name(struct cubes *c, const char *name,
                            char path[CUBE_PATH_BYTES])
{
    char whole[CUBE_PATH_BYTES], *out = c->names[c->name_count];
    name_unique(out, name, c->names, c->name_count);
    c->name_count++;
    snprintf(whole, sizeof(whole), "%s/%s", c->group, out);
    memcpy(path, whole, sizeof(whole));
    return out;
}

/* ---- Cubes ---- */

/* Add a cube of cells of kind, each an array if inner is one; fill: of a value.
 * Its name, NULL with err. */
static const char *add_var(struct cubes *c, const char *name,
                           const struct cube_inner *inner, enum cell_kind kind,
                           size_t size, const void *fill, bool fill_is_missing,
                           struct err *err)
{
    struct cube_var *v = &c->vars[c->var_count++];
    const struct cube_shape *shape = &c->survey->shape;
    const char *taken = cubes_take_name(c, name, v->path);
    size_t one = cell_bytes(kind, size);
    v->kind = kind;
    v->bytes = one;
    for (int i = 0; i < inner->rank; i++)
        v->bytes *= inner->dims[i];
    v->fill = mem_calloc(1, v->bytes);
    v->cells =
        mem_calloc(c->survey->slab_chunks * shape->chunk_cells, v->bytes);
    if (!v->fill || !v->cells) {
        err_set(err, ENOMEM, "no memory for %s", v->path);
        return NULL;
    }
    for (size_t at = 0; fill && at < v->bytes; at += one)
        memcpy(v->fill + at, fill, one);
    v->cube = hdf_cube_create(c->build->file, v->path, shape, inner, kind, size,
                              v->fill, fill_is_missing, c->scale_paths, err);
    return v->cube ? taken : NULL;
}

static struct cube_var *last_var(struct cubes *c)
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

static const struct cube_inner scalar = {.rank = 0};

static int add_builtins(struct cubes *c, struct err *err)
{
    static const int8_t not_run = STATE_NOT_RUN;
    static const int32_t none = -1, zero = 0;
    static const double unknown = NAN;
    if (!add_var(c, "state", &scalar, CELL_INT8, 0, &not_run, false, err) ||
        describe(c, "state of the task", NULL, err) < 0 ||
        describe_flags(c, 5, "not_run success failure active excluded", err) <
            0)
        return -1;
    if (!add_var(c, "exit_code", &scalar, CELL_INT32, 0, &none, false, err) ||
        describe(c, "exit code of the last attempt, -1: none", NULL, err) < 0)
        return -1;
    if (!add_var(c, "attempts", &scalar, CELL_INT32, 0, &zero, false, err) ||
        describe(c, "attempts that ended", NULL, err) < 0)
        return -1;
    if (!add_var(c, "duration", &scalar, CELL_FLOAT64, 0, &unknown, true, err))
        return -1;
    return describe(c, "wall-clock time of the last attempt", "s", err);
}

static int add_metric(struct cubes *c, uint32_t i, struct err *err)
{
    static const double missing = NAN;
    static const int8_t not_run = METRIC_NOT_RUN;
    const struct metric *m = &c->job->metrics[i];
    size_t longest = c->survey->metrics[i].longest;
    struct cube_inner inner = {.rank = (int)m->rank};
    for (uint32_t k = 0; k < m->rank; k++)
        inner.dims[k] = m->shape[k];
    if (cubes_put_inner_scales(c, m->name, &inner, err) < 0)
        return -1;
    c->metric_vars[i] = c->var_count;
    const char *name =
        m->type == METRIC_FLOAT64
            ? add_var(c, m->name, &inner, CELL_FLOAT64, 0, &missing, true, err)
        : m->type == METRIC_INT64
            ? add_var(c, m->name, &inner, CELL_INT64, 0, NULL, false, err)
            : add_var(c, m->name, &scalar, CELL_STRING, longest + 1, NULL,
                      false, err);
    if (!name || describe(c, m->long_name, m->units, err) < 0)
        return -1;
    struct cube_var *value = last_var(c);
    char state[RESULTS_MAX_NAME + 8];
    snprintf(state, sizeof(state), "%s_state", name);
    const char *state_name =
        add_var(c, state, &scalar, CELL_INT8, 0, &not_run, false, err);
    if (!state_name ||
        describe_flags(c, 5, "ok missing malformed out_of_range not_run", err) <
            0)
        return -1;
    return hdf_attr_text(c->build->file, value->path, "ancillary_variables",
                         state_name, err);
}

/* The coordinates that are no dimensions belong to each cube. */
static int put_coordinates(struct cubes *c, struct err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && c->coordinates.len && i < c->var_count; i++)
        rc = hdf_attr_text(c->build->file, c->vars[i].path, "coordinates",
                           buf_text(&c->coordinates), err);
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

/* Is it a cube with cells that are no tasks? */
static bool has_holes(const struct cubes *c)
{
    return c->survey->shape.cells != c->job->tasks.count;
}

/* Mark the cells of a chunk that are no tasks. */
static void mark_holes(const struct cubes *c, uint64_t chunk, int8_t *state)
{
    uint64_t count, first = cube_chunk_start(&c->survey->shape, chunk, &count);
    uint32_t i = shape_first_task(c->survey, first);
    memset(state, STATE_EXCLUDED, count);
    for (; i < c->job->tasks.count; i++) {
        uint64_t cell = shape_cell(c->survey, i);
        if (cell >= first + count)
            break;
        state[cell - first] = STATE_NOT_RUN;
    }
}

static void fill_chunk(struct cubes *c, uint64_t chunk)
{
    uint64_t n = c->survey->shape.chunk_cells;
    uint64_t at = (chunk - c->slab_first) * n;
    for (uint32_t i = 0; i < c->var_count; i++) {
        struct cube_var *v = &c->vars[i];
        unsigned char *p = v->cells + at * v->bytes;
        if (v->bytes == 1)
            memset(p, v->fill[0], n);
        else
            for (uint64_t k = 0; k < n; k++)
                memcpy(p + k * v->bytes, v->fill, v->bytes);
    }
    if (has_holes(c))
        mark_holes(c, chunk, (int8_t *)c->vars[VAR_STATE].cells + at);
}

/* Where no task has run, `state` is all there is to be written. */
static int write_holes(struct cubes *c, struct err *err)
{
    const struct survey_job *s = c->survey;
    int8_t *state = (int8_t *)c->vars[VAR_STATE].cells;
    if (!has_holes(c) || s->shape.cells > MARKED_CELLS)
        return 0;
    for (uint64_t k = 0; k < s->shape.chunks; k++) {
        if (is_touched(s, k))
            continue;
        mark_holes(c, k, state);
        if (hdf_cube_write(c->vars[VAR_STATE].cube, k, state, err) < 0)
            return -1;
    }
    return 0;
}

static int write_chunk(struct cubes *c, uint64_t chunk, struct err *err)
{
    uint64_t at = (chunk - c->slab_first) * c->survey->shape.chunk_cells;
    for (uint32_t i = 0; i < c->var_count; i++) {
        struct cube_var *v = &c->vars[i];
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
                       struct cube_var *value, struct cube_var *state,
                       uint64_t at)
{
    unsigned char *to = value->cells + at * value->bytes;
    ((int8_t *)state->cells)[at] = (int8_t)from->state;
    memcpy(to, value->fill, value->bytes);
    if (!metric_has_value(from->state))
        return;
    if (m->type == METRIC_STRING)
        memcpy(to, from->string, strnlen(from->string, value->bytes));
    else if (m->rank > 0)
        memcpy(to, from->u.numbers, value->bytes); /* or integers */
    else
        memcpy(to, &from->u, 8);
}

/* Put an attempt into the slab; a later one of the same task goes over it. */
static void put_attempt(struct cubes *c, const struct attempt *a)
{
    const struct cube_shape *s = &c->survey->shape;
    uint64_t cell = shape_cell(c->survey, a->index);
    uint64_t count, chunk = cube_chunk_of(s, cell);
    uint64_t at = (chunk - c->slab_first) * s->chunk_cells + cell -
                  cube_chunk_start(s, chunk, &count);
    struct cube_var *v = c->vars;
    ((int8_t *)v[VAR_STATE].cells)[at] = state_of(a);
    ((int32_t *)v[VAR_EXIT_CODE].cells)[at] = a->exit_code;
    ((int32_t *)v[VAR_ATTEMPTS].cells)[at]++;
    ((double *)v[VAR_DURATION].cells)[at] = attempt_duration_s(a);
    for (uint32_t i = 0; i < c->job->metric_count; i++) {
        uint32_t k = c->metric_vars[i];
        put_metric(&c->job->metrics[i], &a->metrics[i], &v[k], &v[k + 1], at);
    }
}

/* Tasks of the job are active again, those in the slab. */
static void reactivate(struct cubes *c, const struct task_range *r)
{
    const struct cube_shape *s = &c->survey->shape;
    int8_t *state = (int8_t *)c->vars[VAR_STATE].cells;
    for (uint32_t i = 0; i < r->count; i++) {
        uint64_t cell = shape_cell(c->survey, r->first + i), count;
        if (cell < c->cell_first || cell >= c->cell_end)
            continue;
        uint64_t chunk = cube_chunk_of(s, cell);
        if (is_touched(c->survey, chunk))
            state[(chunk - c->slab_first) * s->chunk_cells + cell -
                  cube_chunk_start(s, chunk, &count)] = STATE_ACTIVE;
    }
}

static bool in_slab(void *arg, uint32_t job, uint32_t index)
{
    const struct cubes *c = arg;
    if (job != c->job_index)
        return false;
    uint64_t cell = shape_cell(c->survey, index);
    return cell >= c->cell_first && cell < c->cell_end;
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
            for (uint32_t i = 0; i < r.u.reactivate.range_count; i++)
                reactivate(c, &r.u.reactivate.ranges[i]);
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
    char from[CUBE_PATH_BYTES], to[RESULTS_MAX_NAME + 2];
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
        cubes_put_scales(c, err) < 0 || add_builtins(c, err) < 0)
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
    buf_init(&c->coordinates, CUBE_NAMES_MAX * (RESULTS_MAX_NAME + 1));
    snprintf(c->group, sizeof(c->group), "/jobs/%s", c->job->id);
    strcpy(c->names[0], "jobs");
    strcpy(c->names[1], "batch");
    c->first_name = c->name_count = 2;
    int rc = make_cubes(c, err);
    if (rc == 0)
        rc = write_slabs(c, err);
    if (rc == 0)
        rc = write_holes(c, err);
    if (rc == 0 && in_root)
        rc = link_all(c, err);
    for (uint32_t i = 0; i < c->var_count; i++) {
        hdf_cube_destroy(c->vars[i].cube);
        mem_free(c->vars[i].cells);
        mem_free(c->vars[i].fill);
    }
    buf_fini(&c->coordinates);
    mem_free(c);
    return rc;
}
