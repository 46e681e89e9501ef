/* Golden files: errors/NAME.yaml starts with a line "#: LINE:COLUMN: TEXT" for
 * each error that the file must give, in their order; "#: FILE:LINE: TEXT" for
 * one in a table beside it. Of a TEXT that ends with "[...]" the rest comes
 * from a library, and is not looked at. messages.py tells which texts are in
 * none. */
#include "config.h"
#include "spec_test.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"

enum { FILES_MIN = 100 };

/* Append the errors as they stand in the golden files. */
static void put_errors(struct buf *out, const struct spec_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct spec_error *e = &errors->list[i];
        assert_int_equal(buf_puts(out, "#: "), 0);
        if (e->file[0])
            assert_int_equal(buf_printf(out, "%s:", e->file), 0);
        if (e->line)
            assert_int_equal(buf_printf(out, "%u:", e->line), 0);
        if (e->column)
            assert_int_equal(buf_printf(out, "%u:", e->column), 0);
        bool placed = e->line || e->file[0];
        assert_int_equal(buf_printf(out, "%s%s\n", placed ? " " : "", e->text),
                         0);
    }
}

/* Append the lines at the top that begin with "#: ". */
static void put_golden(struct buf *out, const char *text)
{
    for (; strncmp(text, "#: ", 3) == 0; text = strchr(text, '\n') + 1) {
        size_t len = strcspn(text, "\r\n");
        assert_int_equal(buf_put(out, text, len), 0);
        assert_int_equal(buf_putc(out, '\n'), 0);
    }
}

/* Line by line the same, but for what "[...]" leaves open? */
static bool lines_agree(const char *golden, const char *have)
{
    while (*golden && *have) {
        size_t g = strcspn(golden, "\n"), h = strcspn(have, "\n");
        size_t n =
            g > 5 && strncmp(golden + g - 5, "[...]", 5) == 0 ? g - 5 : g;
        if (h < n || (n == g && h != g) || strncmp(golden, have, n) != 0)
            return false;
        golden += g + 1;
        have += h + 1;
    }
    return !*golden && !*have;
}

/* The tables that a spec names. */
struct tables {
    const char *dir;
    struct buf bytes[32];
    size_t count;
};

/* Patterns match what their name says; "huge" is a file whose size alone is
 * looked at. */
static int table_get(void *arg, enum table_kind kind, const char *path,
                     const char **bytes, size_t *len, struct err *err)
{
    static const char matches[] = "inputs/a.dat\0inputs/b.dat";
    struct tables *t = arg;
    struct buf *b = &t->bytes[t->count];
    char whole[8192];
    if (kind == TABLE_PATHS) {
        *bytes = strstr(path, "latin1") ? "inputs/\xe9.dat" : matches;
        *len = strstr(path, "none")     ? 0
               : strstr(path, "latin1") ? strlen(*bytes) + 1
                                        : sizeof(matches);
        return 0;
    }
    if (strstr(path, "huge")) {
        *bytes = "";
        *len = TABLE_MAX_BYTES + 1;
        return 0;
    }
    assert_true(t->count < sizeof(t->bytes) / sizeof(t->bytes[0]));
    snprintf(whole, sizeof(whole), "%s/%s", t->dir, path);
    buf_init(b, 1 << 20);
    if (file_read(whole, b, err) < 0)
        return err_set(err, ENOENT, "cannot open %s", path);
    t->count++;
    *bytes = buf_text(b);
    *len = b->len;
    return 0;
}

/* What is there and what is not, its name says. */
static int name_look(void *arg, enum spec_look want, const char *path,
                     struct err *err)
{
    (void)arg;
    assert_int_equal(path[0], '/');
    return strstr(path, "missing")  ? err_set(err, ENOENT, "missing")
           : strstr(path, "denied") ? err_set(err, EACCES, "denied")
           : strstr(path, "folder") && want == SPEC_LOOK_FILE
               ? err_set(err, EISDIR, "folder")
               : 0;
}

static bool file_agrees(const char *dir, const char *path)
{
    struct tables tables = {.dir = dir};
    struct spec_files files = {.get = table_get,
                               .look = name_look,
                               .folder = "/specs",
                               .arg = &tables};
    struct buf text, golden, have;
    struct spec_errors errors;
    struct err err;
    buf_init(&text, 1 << 20);
    buf_init(&golden, 1 << 20);
    buf_init(&have, 1 << 20);
    if (file_read(path, &text, &err) < 0)
        fail_msg("%s", err.text);
    struct jobspec *spec =
        spec_parse(text.data, text.len, "x", &files, &errors);
    put_errors(&have, &errors);
    put_golden(&golden, text.data);
    bool agrees = !spec && lines_agree(buf_text(&golden), buf_text(&have));
    if (!agrees)
        fprintf(stderr, "%s: expected\n%sgot\n%s", path, buf_text(&golden),
                buf_text(&have));
    spec_errors_fini(&errors);
    jobspec_destroy(spec);
    for (size_t i = 0; i < tables.count; i++)
        buf_fini(&tables.bytes[i]);
    buf_fini(&text);
    buf_fini(&golden);
    buf_fini(&have);
    return agrees;
}

static int is_golden(const struct dirent *d)
{
    return strstr(d->d_name, ".yaml") != NULL;
}

static void golden_files(void **state)
{
    (void)state;
    const char *root = getenv("TEST_SRCDIR");
    char dir[4096], path[8192];
    struct dirent **names;
    int wrong = 0;
    snprintf(dir, sizeof(dir), "%s/tests/unit/spec/errors", root ? root : ".");
    int count = scandir(dir, &names, is_golden, alphasort);
    assert_true(count >= FILES_MIN);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        wrong += !file_agrees(dir, path);
        free(names[i]);
    }
    free(names);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
