/* Tasks in words: see describe.h. */
#include "config.h"
#include "view/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

int describe_parameters(const struct job *job, uint32_t index, struct buf *out)
{
    struct buf room;
    struct value v;
    struct err err;
    int rc = 0;
    buf_init(&room, VALUE_MAX_BYTES);
    for (uint32_t k = 0; rc == 0 && k < job->tasks.param_count; k++) {
        rc = taskset_value(&job->tasks, index, k, &room, &v, &err);
        if (rc == 0)
            rc = buf_printf(out, "%s%s=", k ? " " : "",
                            job->tasks.params[k].name);
        if (rc == 0)
            rc = text_put_printable(out, v.text, strlen(v.text), false);
    }
    buf_fini(&room);
    return rc;
}

/* "export A=1 B='two words' && ", if the task has settings of its own. */
static int settings_put(const struct task_template *t,
                        const struct template_context *c, struct buf *out)
{
    struct buf value;
    struct err err;
    int rc = 0;
    buf_init(&value, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < t->env_count; i++) {
        buf_reset(&value);
        if (template_expand(t->env[i].value, c, false, &value, &err) < 0 ||
            buf_printf(out, "%s%s=", i ? " " : "export ", t->env[i].name) < 0 ||
            text_put_shell_word(out, buf_text(&value)) < 0)
            rc = -1;
    }
    buf_fini(&value);
    return rc == 0 && t->env_count > 0 ? buf_puts(out, " && ") : rc;
}

int describe_command(const struct job *job, uint32_t index,
                     const char *work_dir, const char *run_path,
                     struct buf *out)
{
    const struct task_template *t = job_template(job, index);
    char id[JOBSPEC_MAX_ID + 1] = "";
    struct err err;
    struct buf dir;
    int rc = job_task_id(job, index, id, &err);
    struct template_context c = {
        .index = index, .task_id = id, .job_id = job->id, .run_dir = run_path};
    buf_init(&dir, 4096);
    if (rc == 0 && t->working_dir)
        rc = template_expand(t->working_dir, &c, false, &dir, &err);
    char *where = rc == 0 && t->working_dir
                      ? path_join(work_dir, buf_text(&dir))
                      : mem_strdup(work_dir);
    if (rc == 0 && where && (rc = buf_puts(out, "(cd ")) == 0 &&
        (rc = text_put_shell_word(out, where)) == 0 &&
        (rc = buf_puts(out, " && ")) == 0 &&
        (rc = settings_put(t, &c, out)) == 0) {
        size_t start = out->len;
        rc = command_show(&t->command, &c, out, &err);
        /* what ends with the line must not swallow the parenthesis */
        if (rc == 0)
            rc = buf_puts(out, t->command.shell &&
                                       strpbrk(buf_text(out) + start, "#\n")
                                   ? "\n)"
                                   : ")");
    }
    mem_free(where);
    buf_fini(&dir);
    return rc;
}

int describe_tail(const char *text, size_t len, unsigned max_lines,
                  const char *prefix, struct buf *out)
{
    while (len > 0 && text[len - 1] == '\n')
        len--;
    if (len == 0)
        return 0;
    size_t start = len;
    for (unsigned lines = 0; start > 0; start--)
        if (text[start - 1] == '\n' && ++lines == max_lines)
            break;
    int rc = 0;
    while (rc == 0 && start < len) {
        const char *nl = memchr(text + start, '\n', len - start);
        size_t n = nl ? (size_t)(nl - text) - start : len - start;
        rc = buf_puts(out, prefix);
        if (rc == 0)
            rc = text_put_printable(out, text + start, n, false);
        if (rc == 0)
            rc = buf_putc(out, '\n');
        start += n + 1;
    }
    return rc;
}

char *describe_count(uint64_t n, const char *noun, char text[64])
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    snprintf(text + at, 64 - (size_t)at, "%s%s%s", *noun ? " " : "", noun,
             *noun && n != 1 ? "s" : "");
    return text;
}
