/* Tables: files of rows that tasks are made from. Mapped or received bytes
 * with a sparse index of rows; nothing is copied.
 *
 *   TABLE_CSV, TABLE_TSV  a header row, then records (RFC 4180: quotes,
 *                         doubled quotes, newlines in quotes; a UTF-8 byte
 *                         order mark; CRLF). Blanks around a cell that is not
 *                         quoted and blank lines do not count.
 *   TABLE_COMMANDS        one command line a line; blank lines and comments
 *                         (a first character #) are skipped; the directives
 *                         of disBatch PREFIX, SUFFIX and REPEAT are obeyed
 *   TABLE_PATHS           file names, a NUL behind each, sorted
 *
 * Never changed once built, so that any thread may ask. A row is found from
 * the nearest row in the index, which is at most 63 rows before it in tables
 * of up to 16 million rows.
 */
#ifndef MPIBATCH_MODEL_TABLE_H
#define MPIBATCH_MODEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/value.h"

enum table_kind { TABLE_CSV, TABLE_TSV, TABLE_COMMANDS, TABLE_PATHS };

enum {
    TABLE_COLUMNS_MAX = 1024,
    TABLE_MAX_NAME = 255,      /* bytes of a column's name */
    TABLE_MAX_COMMAND = 130000 /* bytes: Linux gives a shell 128 KiB */
};
/* Bytes and rows of one table. */
#define TABLE_MAX_BYTES ((size_t)UINT32_MAX)
#define TABLE_MAX_ROWS  UINT32_C(0xfffffff0)

struct table;

/* Index bytes (borrowed for the table's life; the table itself lies in arena);
 * paths are not none. name: for messages, copied. NULL with err, and *line the
 * line that is wrong (from 1; 0: none in particular): EINVAL (another number of
 * cells than the header, an unclosed quote, not UTF-8, no rows, two columns of
 * one name, a directive that cannot be obeyed ...), ERANGE (over
 * TABLE_MAX_ROWS), EFBIG (over TABLE_MAX_BYTES), ENOMEM. */
const struct table *table_create(struct arena *arena, enum table_kind kind,
                                 const char *name, const char *bytes,
                                 size_t len, unsigned *line, struct err *err);

enum table_kind table_kind(const struct table *t);
/* As given to table_create. Borrowed. */
const char *table_name(const struct table *t);
uint32_t table_rows(const struct table *t);    /* at least 1 */
uint32_t table_columns(const struct table *t); /* PATHS, COMMANDS: 1 */

/* The name of a column; PATHS: "file", COMMANDS: "command". Borrowed. */
const char *table_column_name(const struct table *t, uint32_t column);
/* The column of that name, or -1. */
int table_find_column(const struct table *t, const char *name);
/* What all values of the column are: one type, VALUE_FLOAT for integers and
 * floats, VALUE_STRING for everything else that is mixed. And an upper bound of
 * the bytes of its texts. */
enum value_type table_column_type(const struct table *t, uint32_t column);
uint32_t table_column_longest(const struct table *t, uint32_t column);

/* The cell, without its quotes; v->text is NUL-terminated and lies in room,
 * which is cleared before (COMMANDS: see table_command; PATHS: it lies in the
 * table). Its type: as value_resolve says for CSV and TSV cells that were not
 * quoted (an empty one is an empty string), a string else. row < table_rows,
 * column < table_columns. 0, or -1 with err ENOMEM, or EMSGSIZE if room may
 * not become that large. */
int table_value(const struct table *t, uint32_t row, uint32_t column,
                struct buf *room, struct value *v, struct err *err);

/* The line of the file (from 1) that a row begins in: for messages. PATHS: the
 * number of the path. */
uint32_t table_line(const struct table *t, uint32_t row);

/* A row of TABLE_COMMANDS. */
struct table_command {
    const char *text; /* prefix, line and suffix, NUL-terminated, in room */
    size_t len;
    uint32_t line;   /* from 1 */
    bool repeated;   /* the line is a REPEAT */
    uint64_t repeat; /* its DISBATCH_REPEAT_INDEX */
};

/* What a row of TABLE_COMMANDS is to run. room is cleared before. 0, or -1 as
 * table_value. */
int table_command(const struct table *t, uint32_t row, struct buf *room,
                  struct table_command *out, struct err *err);

/* The program that runs each line (words, NULL-terminated; "-c" and the line
 * are to follow): of a first line that begins with #!, or /bin/bash for files
 * with disBatch's directives. NULL: /bin/sh, and only where it is needed. */
const char *const *table_shell(const struct table *t);
/* Has the file directives of disBatch? */
bool table_is_disbatch(const struct table *t);

#endif
