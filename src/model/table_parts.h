/* What the parts of a table share. Internal to table*.c. */
#ifndef MPIBATCH_MODEL_TABLE_PARTS_H
#define MPIBATCH_MODEL_TABLE_PARTS_H

#include "model/table.h"

#define TABLE_NOWHERE UINT32_MAX

/* Where a row is found. */
struct table_mark {
    uint32_t at;             /* the byte that its line begins with */
    uint32_t line;           /* from 1 */
    uint32_t prefix, suffix; /* COMMANDS: the lines of the directives that hold
                                for it; TABLE_NOWHERE: none */
    uint32_t repeat;         /* COMMANDS: its number in a REPEAT */
};

struct table_column {
    const char *name;
    enum value_type type;
    uint32_t longest;
    bool seen; /* a row, so that type is right */
};

struct table {
    enum table_kind kind;
    const char *name;
    const char *bytes;
    uint32_t len;
    uint32_t rows;
    struct table_column *columns;
    uint32_t column_count;
    bool quotes;    /* CSV, TSV: there is a quote at all */
    bool disbatch;  /* COMMANDS */
    bool redirects; /* COMMANDS: for /bin/sh, with &> somewhere */
    const char *const *shell;
    struct table_mark *marks; /* of the rows 0, stride, 2 * stride, ... */
    uint32_t stride;
};

/* The index while it is built; its marks are on the heap. */
struct table_index {
    struct table_mark *marks;
    uint32_t count, cap, stride;
    uint64_t rows;
};

/* Add count rows, the first at *m, each other one repetition further. -1 with
 * err: ENOMEM, ERANGE. */
int table_index_add(struct table_index *x, const struct table_mark *m,
                    uint64_t count, struct err *err);

/* The parts: index t->bytes; *line as table_create. */
int table_cells_index(struct table *t, struct arena *arena,
                      struct table_index *x, unsigned *line, struct err *err);
int table_lines_index(struct table *t, struct arena *arena,
                      struct table_index *x, unsigned *line, struct err *err);
int table_paths_index(struct table *t, struct table_index *x, unsigned *line,
                      struct err *err);

/* From the mark of an earlier row, `rows` rows on. */
void table_cells_seek(const struct table *t, struct table_mark *m,
                      uint32_t rows);
void table_lines_seek(const struct table *t, struct table_mark *m,
                      uint32_t rows);
void table_paths_seek(const struct table *t, struct table_mark *m,
                      uint32_t rows);

/* The cell of a column in the row at *m. */
int table_cell_value(const struct table *t, const struct table_mark *m,
                     uint32_t column, struct buf *room, struct value *v,
                     struct err *err);
/* The command of the row at *m. */
int table_line_command(const struct table *t, const struct table_mark *m,
                       struct buf *room, struct table_command *out,
                       struct err *err);

#endif
