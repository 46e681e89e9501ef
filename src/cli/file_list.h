/* Showing files: lists, and one of them; for people, and as JSON. */
#ifndef MPIBATCH_CLI_FILE_LIST_H
#define MPIBATCH_CLI_FILE_LIST_H

#include <jansson.h>

#include "cli/display.h"
#include "model/fileinfo.h"
#include "stage/beneath.h"

/* The plain form of a path that was given (NULL: ""). -1 with err EINVAL: it is
 * absolute, or has a "..". */
int file_path_plain(const char *path, char plain[BENEATH_NAME_MAX],
                    struct err *err);

/* Show a list as a table. -1 with err. */
int file_list_show(const struct buf *list, struct display *display,
                   struct err *err);
/* Show one file. */
void file_info_show(const struct file_info *f, const char *name,
                    struct display *display);

/* A list as an array, a file as an object. NULL with err. */
json_t *file_list_json(const struct buf *list, struct err *err);
json_t *file_info_json(const struct file_info *f, const char *name,
                       struct err *err);

#endif
