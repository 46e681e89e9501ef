/* Rows of cells: a table for people, or CSV, TSV, lines for programs.
 *
 * A table's columns are as wide as the first rows need; rows are shown as they
 * come. Sorted, rows are kept: at most SHEET_MAX_SORTED of them.
 */
#ifndef MPIBATCH_CLI_SHEET_H
#define MPIBATCH_CLI_SHEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/display.h"
#include "model/value.h"

enum {
    SHEET_MAX_COLUMNS = 256,
    SHEET_MAX_SORTED = 1000000,
    SHEET_MAX_SORTED_BYTES = 512 << 20
};

enum sheet_format { SHEET_TABLE, SHEET_CSV, SHEET_TSV, SHEET_RAW };

struct sheet_row; /* a sorted one */

struct sheet {
    enum sheet_format format;
    struct display *display; /* of a table */
    uint32_t columns;
    int state_column; /* of a table: its words have colours; -1: none */
    bool sorted, descending;
    uint64_t head;                /* the first sorted rows only; 0: all */
    const char *before, *between; /* raw: in front of each, and of the second
                                     and later ones; NULL: nothing */

    /* the sheet's own */
    struct buf held; /* rows that wait for the widths; each cell ends in NUL */
    uint32_t held_rows;
    bool sized;
    unsigned widths[SHEET_MAX_COLUMNS];
    bool right[SHEET_MAX_COLUMNS];
    struct buf out; /* programs' */
    struct sheet_row *rows;
    size_t row_count, row_cap, row_bytes;
    uint64_t shown, printed;
    bool broken; /* stdout does not take it: the output is not complete */
};

/* A sheet with no row; set the members above, then the titles as a row with
 * sheet_titles (SHEET_RAW: none; cells are printed as they are). */
void sheet_init(struct sheet *s);
void sheet_fini(struct sheet *s);

/* A row: cells behind each other, each ended by NUL, s->columns of them. key:
 * what it is sorted by (may be NULL if it is not). 0, 1: nobody wants more, or
 * -1 with err. */
int sheet_titles(struct sheet *s, const char *cells, size_t len,
                 struct err *err);
int sheet_put(struct sheet *s, const char *cells, size_t len,
              const struct value *key, struct err *err);
/* Show what is left. As sheet_put. */
int sheet_end(struct sheet *s, struct err *err);

#endif
