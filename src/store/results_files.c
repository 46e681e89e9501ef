/* /batch/files and /batch/output/files: what tasks returned. See
 * results_build.h. */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/mem.h"
#include "store/h5_table.h"
#include "store/results_packs.h"
#include "store/returned.h"

enum {
    FILES_TASK_ROW,
    FILES_JOB_ID,
    FILES_TASK_ID,
    FILES_TASK_INDEX,
    FILES_ATTEMPT,
    FILES_NAME,
    FILES_BYTES,
    FILES_MODE,
    FILES_XXH128,
    FILES_OFFSET,
    FILES_PATH,
    FILES_COLUMNS
};

struct files {
    struct build *build;
    struct hdf_column columns[FILES_COLUMNS];
    struct hdf_table *table;
    struct pack_copy pack;
};

static void set_columns(struct files *f)
{
    const struct survey *s = &f->build->survey;
    const struct hdf_column columns[FILES_COLUMNS] = {
        [FILES_TASK_ROW] = {"task_row", CELL_INT64, 0, 0},
        [FILES_JOB_ID] = {"job_id", CELL_STRING,
                          row_text_size(s->longest_job_id), 0},
        [FILES_TASK_ID] = {"task_id", CELL_STRING,
                           row_text_size(s->longest_task_id), 0},
        [FILES_TASK_INDEX] = {"task_index", CELL_INT64, 0, 0},
        [FILES_ATTEMPT] = {"attempt", CELL_INT32, 0, 0},
        [FILES_NAME] = {"name", CELL_STRING, row_text_size(s->longest_file), 0},
        [FILES_BYTES] = {"bytes", CELL_INT64, 0, 0},
        [FILES_MODE] = {"mode", CELL_INT32, 0, 0},
        [FILES_XXH128] = {"xxh128", CELL_STRING, CHECKSUM_TEXT_BYTES - 1, 0},
        [FILES_OFFSET] = {"offset", CELL_UINT64, 0, 0},
        [FILES_PATH] = {"path", CELL_STRING,
                        row_text_size(s->longest_file_path), 0}};
    memcpy(f->columns, columns, sizeof(columns));
}

struct files *files_create(struct build *b, struct err *err)
{
    size_t row;
    struct files *f = mem_calloc(1, sizeof(*f));
    if (!f) {
        err_set(err, ENOMEM, "no memory for the table of files");
        return NULL;
    }
    f->build = b;
    set_columns(f);
    f->table = hdf_table_create(b->file, "/batch/files", f->columns,
                                FILES_COLUMNS, &row, err);
    if (f->table && pack_copy_init(&f->pack, b, RESULTS_FILES,
                                   "/batch/output/files", err) == 0)
        return f;
    files_destroy(f);
    return NULL;
}

static int put_file(struct files *f, const struct attempt *a, const char *id,
                    uint64_t task_row, const struct attempt_file *file,
                    struct err *err)
{
    const struct hdf_column *c = f->columns;
    const char *job_id = f->build->spec->jobs[a->job].id;
    char digest[CHECKSUM_TEXT_BYTES];
    const struct returned_of of = {
        .job_id = job_id, .task_id = id, .attempt = a->attempt};
    char path[RETURNED_PATH_BYTES] = "";
    uint64_t at = RESULTS_ELSEWHERE;
    if (file->place == FILE_OWN)
        returned_own_place(&of, file->name, path);
    else if (pack_copy_put(&f->pack, file->session, file->offset, file->bytes,
                           &at, err) < 0)
        return -1;
    unsigned char *row = hdf_table_row(f->table, err);
    if (!row)
        return -1;
    checksum_format(file->digest.bytes, digest);
    row_i64(row, &c[FILES_TASK_ROW], (int64_t)task_row);
    row_text(row, &c[FILES_JOB_ID], job_id);
    row_text(row, &c[FILES_TASK_ID], id);
    row_i64(row, &c[FILES_TASK_INDEX], a->index);
    row_i32(row, &c[FILES_ATTEMPT], (int32_t)a->attempt);
    row_text(row, &c[FILES_NAME], file->name);
    row_i64(row, &c[FILES_BYTES], (int64_t)file->bytes);
    row_i32(row, &c[FILES_MODE], (int32_t)file->mode);
    row_text(row, &c[FILES_XXH128], digest);
    row_i64(row, &c[FILES_OFFSET], (int64_t)at);
    row_text(row, &c[FILES_PATH], path);
    return 0;
}

int files_put(struct files *f, const struct attempt *a, const char *id,
              uint64_t task_row, struct err *err)
{
    for (uint32_t i = 0; i < a->file_count; i++)
        if (put_file(f, a, id, task_row, &a->files[i], err) < 0)
            return -1;
    return 0;
}

int files_finish(struct files *f, struct err *err)
{
    return pack_copy_finish(&f->pack, err) < 0
               ? -1
               : hdf_table_finish(f->table, err);
}

void files_destroy(struct files *f)
{
    if (!f)
        return;
    pack_copy_fini(&f->pack);
    hdf_table_destroy(f->table);
    mem_free(f);
}
