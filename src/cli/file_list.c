/* Showing files: see file_list.h. */
#include "config.h"
#include "cli/file_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/quantity.h"
#include "cli/sheet.h"
#include "view/moment.h"
#include "view/query_json.h"

enum { COLUMNS = 4, ROW_BYTES = 64 << 10 };

int file_path_plain(const char *path, char plain[BENEATH_NAME_MAX],
                    struct err *err)
{
    plain[0] = '\0';
    if (!path || beneath_plain(path, plain, err) == 0)
        return 0;
    err->code = EINVAL;
    return err_context(err, "%s", path);
}

/* ---- For people ---- */

static int row_put(struct sheet *sheet, struct buf *row,
                   const struct file_info *f, struct err *err)
{
    char mode[FILE_MODE_BYTES], moment[MOMENT_BYTES];
    buf_reset(row);
    if (buf_printf(row, "%s%c%" PRIu64 "%c%s%c%s%s%c",
                   file_mode_text(f->type, f->mode, mode), '\0', f->bytes, '\0',
                   moment_format(f->modified_ns, moment), '\0', f->name,
                   f->type == FILE_FOLDER ? "/" : "", '\0') < 0)
        return err_set(err, ENOMEM, "no memory to show this");
    return sheet_put(sheet, row->data, row->len, NULL, err);
}

int file_list_show(const struct buf *list, struct display *display,
                   struct err *err)
{
    static const char titles[] = "mode\0size\0modified\0name";
    struct file_info f;
    struct sheet sheet;
    struct buf row;
    size_t at = 0;
    sheet_init(&sheet);
    sheet.display = display;
    sheet.columns = COLUMNS;
    buf_init(&row, ROW_BYTES);
    int rc = sheet_titles(&sheet, titles, sizeof(titles), err);
    while (rc == 0 &&
           (rc = file_info_next(list->data, list->len, &at, &f, err)) > 0)
        rc = row_put(&sheet, &row, &f, err);
    if (rc == 0)
        rc = sheet_end(&sheet, err);
    buf_fini(&row);
    sheet_fini(&sheet);
    return rc < 0 ? -1 : 0;
}

void file_info_show(const struct file_info *f, const char *name,
                    struct display *display)
{
    char mode[FILE_MODE_BYTES], moment[MOMENT_BYTES];
    display_styled(display, STYLE_TITLE, *name ? name : ".");
    display_printf(display, "\n  type      %s\n", file_type_name(f->type));
    if (f->type == FILE_REGULAR)
        display_printf(display, "  size      %" PRIu64 " bytes\n", f->bytes);
    display_printf(display, "  mode      %04o (%s)\n", (unsigned)f->mode,
                   file_mode_text(f->type, f->mode, mode));
    display_printf(display, "  modified  %s\n",
                   moment_format(f->modified_ns, moment));
}

/* ---- For programs ---- */

json_t *file_info_json(const struct file_info *f, const char *name,
                       struct err *err)
{
    char mode[8];
    snprintf(mode, sizeof(mode), "%04o", (unsigned)f->mode);
    json_t *time = f->modified_ns > 0
                       ? json_real((double)f->modified_ns / (double)NS_PER_SEC)
                       : json_null();
    json_t *o =
        json_pack("{s:o, s:s, s:I, s:s, s:o}", "name", query_text_json(name),
                  "type", file_type_name(f->type), "size", (json_int_t)f->bytes,
                  "mode", mode, "modified_time", time);
    if (!o)
        err_set(err, ENOMEM, "no memory to show this");
    return o;
}

json_t *file_list_json(const struct buf *list, struct err *err)
{
    json_t *files = json_array();
    struct file_info f;
    size_t at = 0;
    int rc = 0;
    while (files &&
           (rc = file_info_next(list->data, list->len, &at, &f, err)) > 0) {
        json_t *o = file_info_json(&f, f.name, err);
        if (o && json_array_append_new(files, o) == 0)
            continue;
        rc = -1;
        break;
    }
    if (rc == 0 && files)
        return files;
    if (!files)
        err_set(err, ENOMEM, "no memory to show this");
    json_decref(files);
    return NULL;
}
