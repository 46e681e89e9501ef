/* Dimension scales and coordinates of a job's cubes: see results_build.h.
 *
 * A dimension that is one parameter is called like it and has its values.
 * Parameters that are changed in step share a dimension, called like all of
 * them; tasks one by one are the dimension `run`. The parameters are
 * coordinates there.
 *
 * Values are made and written in parts, so that memory is bounded. Along a very
 * long dimension only those parts are written in which tasks have run.
 */
#include "config.h"
#include "store/results_cubes.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/table.h"

enum {
    LONG_LINE = 1 << 24,  /* positions of a very long dimension, and more */
    TEXTS_LINE = 1 << 16, /* so many command lines or ids are a coordinate */
    TEXTS_BYTES = 4 << 20 /* of texts in memory, and one more */
};

/* What a line's cells are. */
enum source { SOURCE_NUMBER, SOURCE_PARAM, SOURCE_ID, SOURCE_COMMAND };

struct line {
    struct cubes *cubes;
    struct hdf_line *out;
    enum source source;
    enum cell_kind kind;
    uint32_t param;
    uint64_t count;
    unsigned char *written; /* a bit a part: to be written; NULL: all are */
    /* the part that is made: its numbers, or texts and where each begins */
    void *cells;
    size_t *offsets;
    struct buf texts, room;
};

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

/* ---- One line ---- */

static int put_text(struct line *l, uint64_t k, const char *text,
                    struct err *err)
{
    l->offsets[k] = l->texts.len;
    if (buf_put(&l->texts, text, strlen(text) + 1) < 0)
        return err_sys(err, errno, "no memory for a coordinate");
    return 0;
}

static int put_param(struct line *l, uint64_t at, uint64_t k, struct err *err)
{
    struct value v;
    double number = NAN;
    bool text = l->kind == CELL_STRING;
    if (shape_value(l->cubes->survey, l->param, at, text ? &l->room : NULL, &v,
                    err) < 0)
        return -1;
    if (text)
        return put_text(l, k, v.text, err);
    if (l->kind == CELL_INT8)
        ((int8_t *)l->cells)[k] = v.u.boolean;
    else if (l->kind == CELL_INT64)
        ((int64_t *)l->cells)[k] = v.u.integer;
    else
        ((double *)l->cells)[k] = value_number(&v, &number) ? number : NAN;
    return 0;
}

/* Cell `at` of the line is number k of the part. */
static int put_cell(struct line *l, uint64_t at, uint64_t k, struct err *err)
{
    const struct job *job = l->cubes->job;
    char id[JOBSPEC_MAX_ID + 1];
    struct table_command command;
    switch (l->source) {
    case SOURCE_NUMBER:
        ((int64_t *)l->cells)[k] = (int64_t)at;
        return 0;
    case SOURCE_PARAM:
        return put_param(l, at, k, err);
    case SOURCE_ID:
        if (job_task_id(job, (uint32_t)at, id, err) < 0)
            return -1;
        return put_text(l, k, id, err);
    case SOURCE_COMMAND:
        if (table_command(job->tasks.lines, (uint32_t)at, &l->room, &command,
                          err) < 0)
            return -1;
        return put_text(l, k, command.text, err);
    }
    return 0;
}

/* Make and write cells [from, end), or as many as there is room for; returns
 * where it stopped, or 0 with err. */
static uint64_t put_part(struct line *l, uint64_t from, uint64_t end,
                         struct err *err)
{
    uint64_t n = 0;
    buf_reset(&l->texts);
    for (; from + n < end && l->texts.len < TEXTS_BYTES; n++)
        if (put_cell(l, from + n, n, err) < 0)
            return 0;
    if (l->kind == CELL_STRING)
        for (uint64_t k = 0; k < n; k++)
            ((const char **)l->cells)[k] = l->texts.data + l->offsets[k];
    return hdf_line_write(l->out, from, n, l->cells, err) < 0 ? 0 : from + n;
}

static int put_parts(struct line *l, struct err *err)
{
    for (uint64_t at = 0; at < l->count;) {
        uint64_t part = at / LINE_CHUNK, end = (part + 1) * LINE_CHUNK;
        if (l->written && !(l->written[part / 8] >> part % 8 & 1)) {
            at = end;
            continue;
        }
        at = put_part(l, at, end < l->count ? end : l->count, err);
        if (at == 0 || (l->cubes->build->cancel && *l->cubes->build->cancel))
            return at == 0 ? -1 : err_set(err, ECANCELED, "given up");
    }
    return 0;
}

/* Which parts of a very long dimension have tasks that have run? NULL: no
 * memory. */
static unsigned char *parts_written(const struct survey_job *s, uint32_t dim)
{
    uint64_t stride = 1, count;
    unsigned char *bits =
        mem_calloc(s->shape.dims[dim] / LINE_CHUNK / 8 + 1, 1);
    for (int i = (int)dim + 1; i < s->shape.rank; i++)
        stride *= s->shape.dims[i];
    for (uint64_t k = 0; bits && k < s->shape.chunks; k++) {
        if (!(s->touched[k / 8] >> k % 8 & 1))
            continue;
        uint64_t from = cube_chunk_start(&s->shape, k, &count) / stride %
                        s->shape.dims[dim];
        uint64_t end = from + s->shape.chunk[dim];
        for (uint64_t p = from / LINE_CHUNK;
             p <= (end - 1) / LINE_CHUNK &&
             p <= s->shape.dims[dim] / LINE_CHUNK;
             p++)
            bits[p / 8] |= (unsigned char)(1u << p % 8);
    }
    return bits;
}

/* Write a line of what source says along dim; over: NULL: it is the scale. */
static int put_line(struct cubes *c, const char *path, enum source source,
                    uint32_t param, uint32_t dim, const char *over,
                    struct err *err)
{
    static const double unknown = NAN;
    struct line l = {.cubes = c,
                     .source = source,
                     .param = param,
                     .count = c->survey->shape.dims[dim]};
    l.kind = source == SOURCE_NUMBER  ? CELL_INT64
             : source == SOURCE_PARAM ? param_kind(&c->job->tasks.params[param])
                                      : CELL_STRING;
    uint64_t part = l.count < LINE_CHUNK ? l.count : LINE_CHUNK;
    int rc = -1;
    buf_init(&l.texts, TEXTS_BYTES + VALUE_MAX_BYTES + 1);
    buf_init(&l.room, VALUE_MAX_BYTES);
    l.cells = mem_calloc(part, 8); /* the largest, pointers too */
    l.offsets = mem_calloc(part, sizeof(l.offsets[0]));
    if (l.count >= LONG_LINE)
        l.written = parts_written(c->survey, dim);
    if (!l.cells || !l.offsets || (l.count >= LONG_LINE && !l.written)) {
        err_set(err, ENOMEM, "no memory for %s", path);
        goto out;
    }
    l.out =
        hdf_line_create(c->build->file, path, l.kind, l.count,
                        l.kind == CELL_FLOAT64 ? &unknown : NULL, over, err);
    if (l.out)
        rc = put_parts(&l, err);
out:
    hdf_line_destroy(l.out);
    mem_free(l.written);
    mem_free(l.offsets);
    mem_free(l.cells);
    buf_fini(&l.room);
    buf_fini(&l.texts);
    return rc;
}

/* ---- What a job has ---- */

static int describe_param(struct cubes *c, uint32_t param, const char *path,
                          struct err *err)
{
    const struct param *p = &c->job->tasks.params[param];
    struct hdf_file *f = c->build->file;
    if (p->units && hdf_attr_text(f, path, "units", p->units, err) < 0)
        return -1;
    if (!p->long_name)
        return 0;
    return hdf_attr_text(f, path, "long_name", p->long_name, err);
}

/* A scale that only counts: 0, 1, 2 ... */
static int put_counting(struct cubes *c, uint32_t dim, struct err *err)
{
    uint64_t count = c->survey->shape.dims[dim];
    if (count >= LONG_LINE)
        return hdf_dimension(c->build->file, c->scales[dim], count, err);
    return put_line(c, c->scales[dim], SOURCE_NUMBER, 0, dim, NULL, err);
}

/* What a dimension is called that is not one parameter. */
static void name_dim(const struct cubes *c, uint32_t dim,
                     char name[RESULTS_MAX_NAME + 1])
{
    const struct taskset *set = &c->job->tasks;
    size_t len = 0;
    name[0] = '\0';
    if (c->survey->shape.rank == 1 ||
        taskset_dim_kind(set, dim) != AXIS_PLAIN) {
        strcpy(name, "run");
        return;
    }
    for (uint32_t i = 0; i < set->param_count; i++) {
        size_t n = strlen(set->params[i].name);
        if (taskset_param_dim(set, i) != dim || len + n + 1 > RESULTS_MAX_NAME)
            continue;
        if (len > 0)
            name[len++] = '_';
        memcpy(name + len, set->params[i].name, n + 1);
        len += n;
    }
    if (len == 0) /* a repetition that has no name */
        strcpy(name, "repeat");
}

static int put_dim(struct cubes *c, uint32_t dim, struct err *err)
{
    const struct taskset *set = &c->job->tasks;
    char name[RESULTS_MAX_NAME + 1];
    int param = shape_dim_param(c->survey, dim);
    if (param < 0) {
        name_dim(c, dim, name);
        cubes_take_name(c, name, c->scales[dim]);
        return put_counting(c, dim, err);
    }
    cubes_take_name(c, set->params[param].name, c->scales[dim]);
    if (put_line(c, c->scales[dim], SOURCE_PARAM, (uint32_t)param, dim, NULL,
                 err) < 0)
        return -1;
    return describe_param(c, (uint32_t)param, c->scales[dim], err);
}

/* Note a variable's name as a coordinate. */
static int note(struct cubes *c, const char *name, struct err *err)
{
    if (buf_printf(&c->coordinates, "%s%s", c->coordinates.len ? " " : "",
                   name) < 0)
        return err_sys(err, errno, "no memory for the names of coordinates");
    return 0;
}

static int put_coordinate(struct cubes *c, uint32_t param, struct err *err)
{
    uint32_t dim = shape_param_dim(c->survey, param);
    char path[CUBE_PATH_BYTES];
    if (shape_dim_param(c->survey, dim) == (int)param)
        return 0;
    const char *name =
        cubes_take_name(c, c->job->tasks.params[param].name, path);
    if (put_line(c, path, SOURCE_PARAM, param, dim, c->scales[dim], err) < 0 ||
        describe_param(c, param, path, err) < 0)
        return -1;
    return note(c, name, err);
}

/* Tasks without parameters: their ids, or command lines. */
static int put_names(struct cubes *c, struct err *err)
{
    const struct taskset *set = &c->job->tasks;
    char path[CUBE_PATH_BYTES];
    bool lines = set->kind == TASKS_COMMANDS;
    if (set->kind == TASKS_SWEPT || set->count > TEXTS_LINE)
        return 0;
    const char *name = cubes_take_name(c, lines ? "command" : "task_id", path);
    if (put_line(c, path, lines ? SOURCE_COMMAND : SOURCE_ID, 0, 0,
                 c->scales[0], err) < 0)
        return -1;
    return note(c, name, err);
}

int cubes_put_scales(struct cubes *c, struct err *err)
{
    for (uint32_t i = 0; i < CUBE_MAX_RANK; i++)
        c->scale_paths[i] = c->scales[i];
    for (int i = 0; i < c->survey->shape.rank; i++)
        if (put_dim(c, (uint32_t)i, err) < 0)
            return -1;
    for (uint32_t i = 0; i < c->job->tasks.param_count; i++)
        if (put_coordinate(c, i, err) < 0)
            return -1;
    return put_names(c, err);
}

int cubes_put_inner_scales(struct cubes *c, const char *metric,
                           const struct cube_inner *inner, struct err *err)
{
    int64_t numbers[METRIC_MAX_CELLS];
    for (int64_t i = 0; i < METRIC_MAX_CELLS; i++)
        numbers[i] = i;
    for (int i = 0; i < inner->rank; i++) {
        char name[RESULTS_MAX_NAME + 16];
        char *path = c->scales[c->survey->shape.rank + i];
        snprintf(name, sizeof(name), "%s_%d", metric, i);
        cubes_take_name(c, name, path);
        struct hdf_line *l = hdf_line_create(c->build->file, path, CELL_INT64,
                                             inner->dims[i], NULL, NULL, err);
        int rc = l ? hdf_line_write(l, 0, inner->dims[i], numbers, err) : -1;
        hdf_line_destroy(l);
        if (rc < 0)
            return -1;
    }
    return 0;
}
