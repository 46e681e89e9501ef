/* Tables that a spec names: opened once each, their errors reported where they
 * are. What becomes of their rows, others know. */
#include "config.h"
#include "spec/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "spec/errors.h"

struct parse_table {
    enum table_kind kind;
    const char *path;
    const struct table *table; /* NULL: it is reported already */
    struct parse_table *next;
    unsigned number; /* of them so far */
};

/* No file matches: the likely reasons are said. */
static void pattern_error(struct parse *p, const struct tree_node *name,
                          const char *pattern)
{
    spec_errors_add(p->errors, name->line, name->column,
                    "no file matches \"%s\" (%s)", excerpt_of(pattern).text,
                    strpbrk(pattern, "{}") ? "{a,b} is no pattern here"
                    : pattern[0] == '~' || strchr(pattern, '$')
                        ? "~ and variables are not replaced here"
                    : !strpbrk(pattern, "*?[")
                        ? "the files in a folder are FOLDER/*; relative paths "
                          "begin in the folder of the job spec"
                        : "relative paths begin in the folder of the job spec");
}

/* Index the bytes of a table; an error is in the table, or of the name. */
static int bytes_index(struct parse *p, const struct tree_node *name,
                       struct parse_table *t, const char *bytes, size_t len)
{
    struct err err;
    unsigned line = 0;
    if (t->kind == TABLE_PATHS && len == 0) {
        pattern_error(p, name, t->path);
        return 0;
    }
    t->table =
        table_create(p->arena, t->kind, t->path, bytes, len, &line, &err);
    if (t->table)
        return 0;
    if (err.code == ENOMEM)
        return -1;
    if (t->kind == TABLE_PATHS)
        spec_errors_add(p->errors, name->line, name->column, "%s", err.text);
    else
        spec_errors_add_in(p->errors, t->path, line, bytes, len, err.text);
    return 0;
}

int table_open(struct parse *p, const struct tree_node *name,
               enum table_kind kind, const struct table **out)
{
    struct err err;
    const char *bytes;
    size_t len;
    for (struct parse_table *t = p->tables; t; t = t->next)
        if (t->kind == kind && strcmp(t->path, name->u.text) == 0) {
            *out = t->table;
            return 0;
        }
    struct parse_table *t = arena_calloc(p->scratch, 1, sizeof(*t));
    if (!t)
        return -1;
    *t = (struct parse_table){.kind = kind,
                              .path = name->u.text,
                              .next = p->tables,
                              .number = p->tables ? p->tables->number + 1 : 1};
    p->tables = t;
    *out = NULL;
    if (t->number > SPEC_MAX_TABLES) {
        spec_errors_add(p->errors, name->line, name->column,
                        "the job spec names more than %d files and patterns",
                        SPEC_MAX_TABLES);
    } else if (!p->files) {
        spec_errors_add(p->errors, name->line, name->column,
                        "files cannot be read here");
    } else if (p->files->get(p->files->arg, kind, t->path, &bytes, &len, &err) <
               0) {
        if (err.code == ENOMEM)
            return -1;
        spec_errors_add(p->errors, name->line, name->column, "%s", err.text);
    } else if (bytes_index(p, name, t, bytes, len) < 0) {
        return -1;
    }
    *out = t->table;
    return 0;
}

int table_open_cells(struct parse *p, const struct tree_node *name,
                     const struct table **out)
{
    const char *dot = strrchr(name->u.text, '.');
    bool tabs =
        dot && (strcasecmp(dot, ".tsv") == 0 || strcasecmp(dot, ".tab") == 0);
    return table_open(p, name, tabs ? TABLE_TSV : TABLE_CSV, out);
}
