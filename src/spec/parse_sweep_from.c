/* Files that values come from: see parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <string.h>

#include "base/text.h"
#include "model/table.h"
#include "spec/errors.h"
#include "spec/read.h"

int from_load(struct parse *p, const struct field *from,
              const struct table **table, bool *is_path)
{
    const struct tree_node *n = from->node;
    struct files_fields files;
    *table = NULL;
    *is_path = false;
    if (!n)
        return 0;
    if (from->form->kind == KEY_STRUCT) {
        fields_read(p->errors, "`from`", n, &files_keys, &files);
        *is_path = true;
        n = files.files.node;
        return n ? table_open(p, n, TABLE_PATHS, table) : 0;
    }
    if (!strpbrk(n->u.text, "*?["))
        return table_open_cells(p, n, table);
    spec_errors_add(p->errors, n->line, n->column,
                    "a table is one file; the files that match a pattern are "
                    "written {files: '%s'}",
                    excerpt_of(n->u.text).text);
    return 0;
}

void column_unknown(struct parse *p, const struct tree_node *at,
                    const char *file, const struct table *table,
                    const char *name)
{
    enum { SHOWN = 64 };
    const char *names[SHOWN];
    uint32_t count = table_columns(table);
    struct buf hint;
    buf_init(&hint, ERR_TEXT_MAX);
    for (uint32_t k = 0; k < count && k < SHOWN; k++)
        names[k] = table_column_name(table, k);
    const char *nearest =
        text_nearest(name, names, count < SHOWN ? count : SHOWN);
    int rc = nearest ? buf_printf(&hint, "did you mean \"%s\"?", nearest)
                     : buf_puts(&hint, "there are ");
    for (uint32_t k = 0; rc == 0 && !nearest && k < count && k < 8; k++)
        rc = buf_printf(&hint, "%s\"%s\"", k ? ", " : "",
                        excerpt_of(names[k]).text);
    if (rc == 0 && !nearest && count > 8)
        rc = buf_puts(&hint, ", ...");
    spec_errors_add(p->errors, at->line, at->column,
                    "%s has no column \"%s\"; %s", excerpt_of(file).text,
                    excerpt_of(name).text, buf_text(&hint));
    buf_fini(&hint);
}
