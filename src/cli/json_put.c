/* JSON for scripts: see json_put.h. */
#include "config.h"
#include "cli/json_put.h"

#include <errno.h>
#include <stdlib.h>

int json_put(json_t *object, struct buf *out, struct err *err)
{
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    int rc = 0;
    if (!text || buf_puts(out, text) < 0 || buf_putc(out, '\n') < 0)
        rc = err_set(err, ENOMEM, "no memory for JSON");
    free(text); /* Jansson's own */
    json_decref(object);
    return rc;
}
