/* Tables: cells, command lines, paths; what is refused, with its line; a table
 * read back as it was written; rows far behind the index. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/table.h"
#include "prng.h"

static struct arena *arena;
static struct buf room;

static int set_up(void **state)
{
    (void)state;
    arena = arena_create(64 << 20);
    buf_init(&room, 1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    buf_fini(&room);
    return 0;
}

static const struct table *make_of(enum table_kind kind, const char *text,
                                   size_t len)
{
    struct err err;
    unsigned line;
    const struct table *t =
        table_create(arena, kind, "file", text, len, &line, &err);
    if (!t)
        fail_msg("line %u: %s", line, err.text);
    return t;
}

static const struct table *make(enum table_kind kind, const char *text)
{
    return make_of(kind, text, strlen(text));
}

static struct value value_at(const struct table *t, uint32_t row,
                             uint32_t column)
{
    struct value v;
    struct err err;
    assert_int_equal(table_value(t, row, column, &room, &v, &err), 0);
    return v;
}

static void assert_cell(const struct table *t, uint32_t row, uint32_t column,
                        enum value_type type, const char *text)
{
    struct value v = value_at(t, row, column);
    assert_string_equal(v.text, text);
    assert_int_equal(v.type, type);
}

/* -- Cells --------------------------------------------------------------- */

static void test_cells(void **state)
{
    (void)state;
    const struct table *t = make(TABLE_CSV, "\xef\xbb\xbf"
                                            "n, solver ,\"x\"\"y\"\r\n"
                                            "1,gmres,0.10\r\n"
                                            "\r\n"
                                            "-2, \"a, \"\"b\"\"\nc\" ,\r\n"
                                            "  \n"
                                            "3,\xc3\xa9t\xc3\xa9,\"7\"");
    assert_int_equal(table_kind(t), TABLE_CSV);
    assert_string_equal(table_name(t), "file");
    assert_int_equal(table_rows(t), 3);
    assert_int_equal(table_columns(t), 3);
    assert_string_equal(table_column_name(t, 1), "solver");
    assert_string_equal(table_column_name(t, 2), "x\"y");
    assert_int_equal(table_find_column(t, "solver"), 1);
    assert_int_equal(table_find_column(t, "Solver"), -1);
    assert_cell(t, 0, 0, VALUE_INT, "1");
    assert_cell(t, 0, 2, VALUE_FLOAT, "0.10");
    assert_cell(t, 1, 0, VALUE_INT, "-2");
    assert_cell(t, 1, 1, VALUE_STRING, "a, \"b\"\nc");
    assert_cell(t, 1, 2, VALUE_STRING, "");
    assert_cell(t, 2, 1, VALUE_STRING, "\xc3\xa9t\xc3\xa9");
    assert_cell(t, 2, 2, VALUE_STRING, "7"); /* it was quoted */
    assert_int_equal(table_line(t, 0), 2);
    assert_int_equal(table_line(t, 1), 4);
    assert_int_equal(table_line(t, 2), 7);
    assert_int_equal(table_column_type(t, 0), VALUE_INT);
    assert_int_equal(table_column_type(t, 1), VALUE_STRING);
    assert_int_equal(table_column_type(t, 2), VALUE_STRING);
    assert_true(table_column_longest(t, 1) >= 8);
}

static void test_tabs(void **state)
{
    (void)state;
    const struct table *t =
        make(TABLE_TSV, "a\tb\tc\td\n1\t1\ttrue\tx, y\n2.5\t2\tfalse\t5\" d\n");
    assert_int_equal(table_rows(t), 2);
    assert_cell(t, 0, 3, VALUE_STRING, "x, y");
    assert_cell(t, 1, 3, VALUE_STRING, "5\" d"); /* no quote where it begins */
    assert_cell(t, 1, 2, VALUE_BOOL, "false");
    assert_int_equal(table_column_type(t, 0), VALUE_FLOAT);
    assert_int_equal(table_column_type(t, 1), VALUE_INT);
    assert_int_equal(table_column_type(t, 2), VALUE_BOOL);
    assert_int_equal(table_column_type(t, 3), VALUE_STRING);
    /* a first cell that is empty, and a row of one */
    t = make(TABLE_TSV, "a\tb\n\t1\n");
    assert_cell(t, 0, 0, VALUE_STRING, "");
    assert_cell(t, 0, 1, VALUE_INT, "1");
    t = make(TABLE_CSV, "a\n\"\"\n x ");
    assert_int_equal(table_rows(t), 2);
    assert_cell(t, 0, 0, VALUE_STRING, "");
    assert_cell(t, 1, 0, VALUE_STRING, "x");
}

/* -- Command lines ------------------------------------------------------- */

static void assert_command(const struct table *t, uint32_t row,
                           const char *text, unsigned line)
{
    struct table_command c;
    struct err err;
    assert_int_equal(table_command(t, row, &room, &c, &err), 0);
    assert_string_equal(c.text, text);
    assert_int_equal(c.len, strlen(text));
    assert_int_equal(c.line, line);
    assert_int_equal(table_line(t, row), line);
    assert_string_equal(value_at(t, row, 0).text, text);
}

static void test_commands(void **state)
{
    (void)state;
    const struct table *t =
        make(TABLE_COMMANDS, "# a comment\n"
                             "\n"
                             "./a {x} '$y' # z\r\n"
                             "  \t # another\n"
                             "#DISBATCHED is a comment, as is\n"
                             " #DISBATCH BARRIER\n"
                             "  b \\\\\n"
                             "exit 1");
    assert_int_equal(table_rows(t), 3);
    assert_int_equal(table_columns(t), 1);
    assert_command(t, 0, "./a {x} '$y' # z", 3);
    assert_command(t, 1, "  b \\\\", 7);
    assert_command(t, 2, "exit 1", 8);
    assert_null(table_shell(t));
    assert_false(table_is_disbatch(t));
    /* &> is only wrong where /bin/sh would see it */
    t = make(TABLE_COMMANDS, "echo '&>' \"&>\" \\&> x\n");
    assert_null(table_shell(t));
    t = make(TABLE_COMMANDS, "#!/bin/bash -l\r\na &> b\n");
    assert_string_equal(table_shell(t)[0], "/bin/bash");
    assert_string_equal(table_shell(t)[1], "-l");
    assert_null(table_shell(t)[2]);
    assert_command(t, 0, "a &> b", 2);
    t = make(TABLE_COMMANDS, "[@ a b/$X @] ./c | d\r\n\n [@d@]e\n[ 1 = 1 ]\n");
    assert_command(t, 0, "cd -- \"a b/$X\" || exit; ./c | d", 1);
    assert_command(t, 1, "cd -- \"d\" || exit; e", 3);
    assert_command(t, 2, "[ 1 = 1 ]", 4);
}

static void test_disbatch(void **state)
{
    (void)state;
    struct table_command c;
    struct err err;
    const struct table *t =
        make(TABLE_COMMANDS, "a\n"
                             "#DISBATCH PREFIX ( cd d ; \n"
                             "b 1\n"
                             "#DISBATCH SUFFIX  ) &> log\n"
                             "b 2\n"
                             "#DISBATCH REPEAT 3 start 100 step 50 c d\n"
                             "#DISBATCH repeat 2\n"
                             "#DISBATCH REPEAT 0 nothing\n"
                             "#DISBATCH PREFIX \n"
                             "#DISBATCH SUFFIX\n"
                             "e\n");
    assert_true(table_is_disbatch(t));
    assert_string_equal(table_shell(t)[0], "/bin/bash");
    assert_int_equal(table_rows(t), 9);
    assert_command(t, 0, "a", 1);
    assert_command(t, 1, "( cd d ; b 1", 3);
    assert_command(t, 2, "( cd d ; b 2 ) &> log", 5);
    assert_command(t, 3, "( cd d ; c d ) &> log", 6);
    assert_command(t, 7, "( cd d ;  ) &> log", 7);
    assert_command(t, 8, "e", 11);
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(table_command(t, i, &room, &c, &err), 0);
        assert_int_equal(c.repeated, i >= 3 && i < 8);
        if (i >= 3 && i < 8)
            assert_int_equal(c.repeat, i < 6 ? 100 + 50 * (i - 3) : i - 6);
    }
}

static const struct {
    enum table_kind kind;
    const char *text;
    unsigned line;
    const char *message; /* a part of it */
} wrong[] = {
    {TABLE_CSV, "", 0, "empty"},
    {TABLE_CSV, "\n \r\n", 0, "empty"},
    {TABLE_CSV, "a,b\n", 0, "no row behind the header"},
    {TABLE_CSV, "a,b\n1,2\n\n3\n", 4, "1 cell where the header has 2"},
    {TABLE_CSV, "a,b\n\"1\n\n\",2\n3,4,5\n", 5, "3 cells where the header"},
    {TABLE_CSV, "a,b\n1,2\n3,\"4\n5,6\n", 3, "never closed"},
    {TABLE_CSV, "a,b\n1,\"2\"x\n", 2, "behind a closing quote"},
    {TABLE_CSV, "a,\"b\n", 1, "never closed"},
    {TABLE_CSV, "a,b,a\n", 1, "two columns are called \"a\""},
    {TABLE_CSV, ",b\n0,1\n", 1, "column 1 has no name"},
    {TABLE_CSV, "a,b,\n0,1,\n", 1, "column 3 has no name"},
    {TABLE_CSV, "a;b\n1;2\n", 1, "not separate columns here, but commas"},
    {TABLE_TSV, "a;b\n1;2\n", 1, "not separate columns here, but tabs"},
    {TABLE_CSV, "a,b\r1,2\r3,4\r", 1, "with a carriage return alone"},
    {TABLE_CSV, "a,b\r", 0, "no row behind the header"},
    {TABLE_CSV,
     "\xff\xfe"
     "a",
     1, "this is UTF-16"},
    {TABLE_CSV, "PK\3\4\xe9", 1, "no text, but a workbook"},
    {TABLE_CSV, "a\tb\n1\t2\n", 1, "a tab"},
    {TABLE_TSV, "a,b\n1,2\n", 1, "a comma"},
    {TABLE_CSV, "a\n1\n\xe9\n", 3, "not UTF-8"},
    {TABLE_COMMANDS, "", 0, "no command"},
    {TABLE_COMMANDS, "# only\n\n  \n", 0, "no command"},
    {TABLE_COMMANDS, "a\nb\xff\n", 2, "not UTF-8"},
    {TABLE_COMMANDS, "\n---\njobs:\n", 2, "looks like a job spec"},
    {TABLE_COMMANDS, "# x\njobs:\n  - task\n", 2, "looks like a job spec"},
    {TABLE_COMMANDS, "max_tasks: 5\n", 1, "looks like a job spec"},
    {TABLE_COMMANDS, "a\n[#1-3#] b\n", 2, "dependency of GREASY"},
    {TABLE_COMMANDS, "a\n  [# 1 #] b\n", 2, "dependency of GREASY"},
    {TABLE_COMMANDS, "[@ d @] [# 1 #] b\n", 1, "dependency of GREASY"},
    {TABLE_COMMANDS, "a\n[@ d ] b\n", 2, "is written [@ FOLDER @] COMMAND"},
    {TABLE_COMMANDS, "[@ @] b\n", 1, "has no folder"},
    {TABLE_COMMANDS, "[@ d @] \n", 1, "has no command behind it"},
    {TABLE_COMMANDS, "[@ \"d\" @] b\n", 1, "has a quote"},
    {TABLE_COMMANDS, "#!/bin/python3\n[@ d @] b\n", 2, "goes with shells"},
    {TABLE_COMMANDS, "a\nb \\\nc\n", 2, "ends with a backslash"},
    {TABLE_COMMANDS, "a\nb 1 &> c\n", 2, "&> is bash's"},
    {TABLE_COMMANDS, "#!bin/sh\na\n", 1, "path of a program"},
    {TABLE_COMMANDS, "#!\na\n", 1, "path of a program"},
    {TABLE_COMMANDS, "a\n#DISBATCH BARRIER\n", 2, "#DISBATCH BARRIER: the"},
    {TABLE_COMMANDS, "a\n#DISBATCH BARRIER CHECK\n", 2, "#DISBATCH BARRIER"},
    {TABLE_COMMANDS, "#DISBATCH PERENGINE START x\n", 1, "PERENGINE"},
    {TABLE_COMMANDS, "#DISBATCH\n", 1, "PREFIX, SUFFIX and REPEAT"},
    {TABLE_COMMANDS, "#DISBATCH WHATEVER\n", 1, "PREFIX, SUFFIX and REPEAT"},
    {TABLE_COMMANDS, "#DISBATCH REPEAT x y\n", 1, "REPEAT needs a number"},
    {TABLE_COMMANDS, "#DISBATCH REPEAT 5x\n", 1, "REPEAT needs a number"},
    {TABLE_COMMANDS, "#DISBATCH REPEAT 5 start x\n", 1, "needs a number"},
    {TABLE_COMMANDS, "#DISBATCH REPEAT 5\n", 1, "no command to repeat"},
    {TABLE_COMMANDS, "#DISBATCH REPEAT 5000000000 x\n", 1, "more than"},
    {TABLE_COMMANDS,
     "#DISBATCH REPEAT 4000000000 x\n#DISBATCH REPEAT "
     "400000000 x\n",
     2, "more than"},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        unsigned line = 77;
        const char *text = wrong[i].text;
        if (table_create(arena, wrong[i].kind, "f", text, strlen(text), &line,
                         &err))
            fail_msg("case %zu is not wrong: %s", i, text);
        if (line != wrong[i].line || !strstr(err.text, wrong[i].message))
            fail_msg("case %zu: line %u: %s", i, line, err.text);
    }
    struct err err = {0};
    unsigned line;
    assert_null(
        table_create(arena, TABLE_CSV, "f", "a\n\0b\n", 5, &line, &err));
    assert_non_null(strstr(err.text, "NUL bytes"));
    assert_int_equal(line, 2);
    assert_null(
        table_create(arena, TABLE_CSV, "f", "a\0,\0b\0", 6, &line, &err));
    assert_non_null(strstr(err.text, "iconv -f UTF-16LE -t"));
    assert_null(
        table_create(arena, TABLE_CSV, "f", "\0a\0,\0b", 6, &line, &err));
    assert_non_null(strstr(err.text, "iconv -f UTF-16BE -t"));
    assert_null(table_create(arena, TABLE_PATHS, "f", "a\0b", 3, &line, &err));
    assert_int_equal(line, 2);
}

static void test_long_command(void **state)
{
    (void)state;
    struct err err = {0};
    unsigned line;
    size_t len = TABLE_MAX_COMMAND;
    char *text = mem_alloc(len + 2);
    memset(text, 'x', len + 1);
    assert_non_null(
        table_create(arena, TABLE_COMMANDS, "f", text, len, &line, &err));
    assert_null(
        table_create(arena, TABLE_COMMANDS, "f", text, len + 1, &line, &err));
    assert_int_equal(line, 1);
    mem_free(text);
}

static void test_paths(void **state)
{
    (void)state;
    static const char paths[] = "a/b.dat\0c d\0\xc3\xa9";
    const struct table *t = make_of(TABLE_PATHS, paths, sizeof(paths));
    assert_int_equal(table_rows(t), 3);
    assert_string_equal(table_column_name(t, 0), "file");
    assert_cell(t, 0, 0, VALUE_STRING, "a/b.dat");
    assert_cell(t, 2, 0, VALUE_STRING, "\xc3\xa9");
    assert_int_equal(table_line(t, 1), 2);
    assert_int_equal(table_column_longest(t, 0), 7);
}

/* -- Written and read back ------------------------------------------------ */

enum { ROWS = 1000, COLUMNS = 3 };

static void cell_write(struct prng *r, const char *text, struct buf *out)
{
    bool quote = text[0] == '\0' || strpbrk(text, ",\"\n\r") ||
                 text[0] == ' ' || text[strlen(text) - 1] == ' ' ||
                 prng_below(r, 4) == 0;
    for (uint32_t n = prng_below(r, 2); n > 0; n--)
        buf_putc(out, ' ');
    if (!quote) {
        buf_puts(out, text);
    } else {
        buf_putc(out, '"');
        for (; *text; text++)
            buf_puts(out, *text == '"' ? "\"\"" : (char[]){*text, '\0'});
        buf_putc(out, '"');
    }
    for (uint32_t n = prng_below(r, 2); n > 0; n--)
        buf_putc(out, ' ');
}

static void test_round(void **state)
{
    (void)state;
    static char cells[ROWS][COLUMNS][9];
    static const char letters[] = "a,\" \n\r1.-\t";
    struct prng r = {4711};
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_puts(&out, "a,b,c\n");
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < COLUMNS; k++) {
            uint32_t len = prng_below(&r, 9);
            for (uint32_t n = 0; n < len; n++)
                cells[i][k][n] = letters[prng_below(&r, 10)];
            cells[i][k][len] = '\0';
            if (cells[i][k][0] == '\t' || (len && cells[i][k][len - 1] == '\t'))
                cells[i][k][0] = cells[i][k][len - 1] = 'x';
            cell_write(&r, cells[i][k], &out);
            buf_puts(&out, k < COLUMNS - 1 ? "," : i % 3 ? "\n" : "\r\n");
        }
        if (i % 7 == 0)
            buf_puts(&out, " \n");
    }
    const struct table *t = make_of(TABLE_CSV, out.data, out.len);
    assert_int_equal(table_rows(t), ROWS);
    for (int n = 0; n < 5 * ROWS; n++) {
        uint32_t i = prng_below(&r, ROWS), k = prng_below(&r, COLUMNS);
        assert_string_equal(value_at(t, i, k).text, cells[i][k]);
    }
    buf_fini(&out);
}

/* More rows than the index has marks for, most of them repetitions. */
static void test_large(void **state)
{
    (void)state;
    struct table_command c;
    struct err err;
    const struct table *t =
        make(TABLE_COMMANDS, "a\n#DISBATCH REPEAT 4000000000 start 5 b\n"
                             "#DISBATCH PREFIX x\nc\nd\n");
    assert_int_equal(table_rows(t), 4000000003u);
    assert_command(t, 0, "a", 1);
    assert_command(t, 1, "b", 2);
    assert_command(t, 4000000000u, "b", 2);
    assert_command(t, 4000000001u, "xc", 4);
    assert_command(t, 4000000002u, "xd", 5);
    struct prng r = {99};
    for (int n = 0; n < 1000; n++) {
        uint32_t row = 1 + prng_below(&r, 4000000000u);
        assert_int_equal(table_command(t, row, &room, &c, &err), 0);
        assert_true(c.repeated);
        assert_true(c.repeat == row - 1 + UINT64_C(5));
    }
}

/* The type of a column is what its values say. */
static void test_types(void **state)
{
    (void)state;
    static const char *const cells[] = {"1",
                                        "-7",
                                        "010",
                                        "0x1f",
                                        "0o17",
                                        "1.5",
                                        "1e3",
                                        ".5",
                                        "-.inf",
                                        ".nan",
                                        "true",
                                        "False",
                                        "null",
                                        "~",
                                        "x",
                                        "0x",
                                        "1e",
                                        "+",
                                        "-",
                                        ".",
                                        "9223372036854775808",
                                        "00000000000000000000001",
                                        "0x00000000000000000000000000000000001",
                                        "tree",
                                        "no"};
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "a\n%s\n", cells[i]);
        const struct table *t = make(TABLE_CSV, text);
        assert_int_equal(table_column_type(t, 0), value_at(t, 0, 0).type);
    }
}

/* Each allocation fails once. */
static void test_nomem(void **state)
{
    (void)state;
    static const char csv[] = "a,b\n1,2\n", lines[] = "#!/bin/sh -e\na\nb\n";
    for (int kind = 0; kind < 2; kind++) {
        for (unsigned long k = 1;; k++) {
            struct arena *a = arena_create(1 << 20);
            struct err err = {0};
            unsigned line;
            mem_fail_at(k);
            const struct table *t = table_create(
                a, kind ? TABLE_COMMANDS : TABLE_CSV, "f", kind ? lines : csv,
                kind ? sizeof(lines) - 1 : sizeof(csv) - 1, &line, &err);
            unsigned long used = mem_fail_at(0);
            arena_destroy(a);
            assert_true(t || err.code == ENOMEM);
            if (used < k)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),    cmocka_unit_test(test_tabs),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_disbatch),
        cmocka_unit_test(test_wrong),    cmocka_unit_test(test_long_command),
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_round),
        cmocka_unit_test(test_large),    cmocka_unit_test(test_types),
        cmocka_unit_test(test_nomem),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
