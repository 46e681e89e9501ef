/* The line with the exit code: see launch_line.h. */
#include "config.h"
#include "cli/launch_line.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"

#define MARK "mpibatch-exit-code "

void launch_line_init(struct launch_line *l)
{
    *l = (struct launch_line){.code = -1};
    buf_init(&l->line, LAUNCH_LINE_MAX);
}

void launch_line_fini(struct launch_line *l)
{
    buf_fini(&l->line);
}

void launch_line_print(const char *launch_id, int code)
{
    char text[128];
    int n = snprintf(text, sizeof(text), MARK "%.60s %d\n", launch_id, code);
    stdout_put(text, (unsigned long)n);
}

/* A whole line: ours, or to be passed on. */
static void line_end(struct launch_line *l, struct buf *rest)
{
    char id[64];
    int code;
    if (sscanf(buf_text(&l->line), MARK "%63s %d", id, &code) == 2) {
        memcpy(l->id, id, sizeof(id));
        l->code = code;
    } else {
        buf_put(rest, buf_text(&l->line), l->line.len);
    }
    buf_reset(&l->line);
}

void launch_line_feed(struct launch_line *l, const char *data, size_t len,
                      struct buf *rest)
{
    for (size_t i = 0; i < len; i++) {
        if (buf_putc(&l->line, data[i]) < 0) { /* too long to be ours */
            buf_put(rest, buf_text(&l->line), l->line.len);
            buf_reset(&l->line);
            buf_putc(&l->line, data[i]);
        }
        if (data[i] == '\n' ||
            strncmp(buf_text(&l->line), MARK,
                    l->line.len < strlen(MARK) ? l->line.len : strlen(MARK)) !=
                0)
            line_end(l, rest);
    }
}

int launch_line_code(const struct launch_line *l, const char *launch_id)
{
    return strcmp(l->id, launch_id) == 0 ? l->code : -1;
}
