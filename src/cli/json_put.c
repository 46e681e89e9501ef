/* JSON for scripts: see json_put.h. */
#include "config.h"
#include "cli/json_put.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/command.h"

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

int json_print(json_t *object, size_t max_bytes)
{
    struct buf out;
    struct err err;
    buf_init(&out, max_bytes);
    int rc = json_put(object, &out, &err);
    if (rc < 0)
        log_error("%s", err.text);
    rc = rc < 0 ? EXIT_FAILED : stdout_put(buf_text(&out), out.len);
    buf_fini(&out);
    return rc;
}
