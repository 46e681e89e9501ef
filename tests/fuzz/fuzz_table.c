/* Fuzzing tables: any bytes give a table, whose rows can be read in any order
 * and are what its columns say, or an error, never a crash. The first byte is
 * the kind. */
#include "config.h"
#include "fuzz.h"

#include <string.h>

#include "model/command.h"
#include "model/table.h"
#include "model/value.h"

enum { ROWS_READ = 200 };

static void cells_read(const struct table *t, uint32_t row, struct buf *room)
{
    struct value v;
    for (uint32_t k = 0; k < table_columns(t); k++) {
        if (table_value(t, row, k, room, &v, NULL) < 0)
            __builtin_trap();
        enum value_type type = table_column_type(t, k);
        if (strlen(v.text) > table_column_longest(t, k) ||
            (type != VALUE_STRING && type != v.type &&
             !(type == VALUE_FLOAT && v.type == VALUE_INT)))
            __builtin_trap();
    }
}

static void command_read(const struct table *t, uint32_t row, struct buf *room)
{
    struct table_command c;
    struct argv argv;
    if (table_command(t, row, room, &c, NULL) < 0 || c.len != strlen(c.text))
        __builtin_trap();
    argv_init(&argv);
    if (command_expand_line(c.text, table_shell(t), &argv, NULL) < 0 ||
        argv.argc == 0 || argv.argv[argv.argc])
        __builtin_trap();
    argv_fini(&argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = size ? arena_create(64 << 20) : NULL;
    struct buf room;
    struct err err;
    unsigned line;
    if (!arena)
        return 0;
    enum table_kind kind = (enum table_kind)(data[0] & 3);
    if (kind == TABLE_PATHS && size == 1) { /* none are no table */
        arena_destroy(arena);
        return 0;
    }
    const struct table *t = table_create(
        arena, kind, "f", (const char *)data + 1, size - 1, &line, &err);
    buf_init(&room, 1 << 20);
    uint32_t rows = t ? table_rows(t) : 0, last = 0;
    uint32_t step = rows / ROWS_READ + 1;
    for (uint32_t row = 0; row<rows; row = rows - row> step ? row + step
                           : row < rows - 1                 ? rows - 1
                                                            : rows) {
        if (table_line(t, row) < last)
            __builtin_trap();
        last = table_line(t, row);
        cells_read(t, row, &room);
        if (kind == TABLE_COMMANDS)
            command_read(t, row, &room);
    }
    buf_fini(&room);
    arena_destroy(arena);
    return 0;
}
