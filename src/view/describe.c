/* Tasks in words: see describe.h. */
#include "config.h"
#include "view/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/jobcommand.h"

/* "commands.txt:12" */
static int line_describe(const struct table *lines, uint32_t index,
                         struct buf *out)
{
    const char *name = path_base(table_name(lines));
    int rc = text_put_printable(out, name, strlen(name), false);
    return rc == 0 ? buf_printf(out, ":%" PRIu32, table_line(lines, index))
                   : rc;
}

int describe_parameters(const struct job *job, uint32_t index, struct buf *out)
{
    struct buf room;
    struct value v;
    struct err err;
    int rc = 0;
    if (job->tasks.kind == TASKS_COMMANDS)
        return line_describe(job->tasks.lines, index, out);
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

/* "export A=1", and " B='two words'" behind it. */
static int setting_put(const char *name, const char *value, bool *any,
                       struct buf *out)
{
    int rc = buf_printf(out, "%s%s=", *any ? " " : "export ", name);
    *any = true;
    return rc == 0 ? text_put_shell_word(out, value) : rc;
}

/* The variables of a line of a command file that stand in it. */
static int variables_put(const struct job *job,
                         const struct template_context *c, bool *any,
                         struct buf *out)
{
    struct line_variable vars[LINE_VARIABLES_MAX];
    struct buf line;
    struct err err;
    uint32_t count;
    int rc = job_line_variables(job, c->index, vars, &count, &err);
    buf_init(&line, COMMAND_MAX_BYTES);
    if (rc == 0 && count > 0)
        rc = job_command_show(job, c, &line, NULL, &err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        if (strstr(buf_text(&line), vars[i].name))
            rc = setting_put(vars[i].name, vars[i].value, any, out);
    buf_fini(&line);
    return rc;
}

/* "export A=1 B='two words' && ", if the task has settings of its own. */
static int settings_put(const struct job *job, const struct template_context *c,
                        struct buf *out)
{
    const struct task_template *t = job_template(job, c->index);
    struct buf value;
    struct err err;
    bool any = false;
    int rc = variables_put(job, c, &any, out);
    buf_init(&value, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < t->env_count; i++) {
        buf_reset(&value);
        rc = template_expand(t->env[i].value, c, false, &value, &err);
        if (rc == 0)
            rc = setting_put(t->env[i].name, buf_text(&value), &any, out);
    }
    buf_fini(&value);
    return rc == 0 && any ? buf_puts(out, " && ") : rc;
}

int describe_command(const struct job *job, uint32_t index,
                     const char *work_dir, const char *run_path,
                     const char *own, struct buf *out)
{
    char id[JOBSPEC_MAX_ID + 1] = "";
    struct err err;
    struct template_context c = {.index = index,
                                 .task_id = id,
                                 .job_id = job->id,
                                 .run_dir = run_path,
                                 .spec_dir = work_dir};
    char *where = job_task_id(job, index, id, &err) < 0 ? NULL
                  : own                                 ? mem_strdup(own)
                        : job_folder(job, &c, work_dir, &err);
    int rc = where ? buf_puts(out, "(cd ") : -1;
    if (rc == 0 && (rc = text_put_shell_word(out, where)) == 0)
        rc = buf_puts(out, " && ");
    if (rc == 0 && (rc = settings_put(job, &c, out)) == 0) {
        size_t start = out->len;
        bool line;
        rc = job_command_show(job, &c, out, &line, &err);
        /* what ends with the line must not swallow the parenthesis */
        if (rc == 0)
            rc = buf_puts(out, line && strpbrk(buf_text(out) + start, "#\n")
                                   ? "\n)"
                                   : ")");
    }
    mem_free(where);
    return rc;
}

/* The length of the first word from p that names a program by a relative path,
 * as far as that can be seen without a shell: "./solve", "bin/solve"; *p is
 * where it is. 0: there is none. */
static size_t relative_program(const char **p, bool is_line)
{
    for (const char *s = *p; *s; s += strcspn(s, " \t\n")) {
        s += strspn(s, " \t\n");
        size_t len = strcspn(s, " \t\n;&|()<>'\"$`");
        const char *slash = memchr(s, '/', len);
        bool dotted = strncmp(s, "./", 2) == 0 || strncmp(s, "../", 3) == 0;
        if (slash && slash > s && (s == *p || (is_line && dotted))) {
            *p = s;
            return len;
        }
        if (!is_line)
            break;
    }
    return 0;
}

int describe_missing_program(const struct job *job, const struct attempt *a,
                             const char *work_dir, const char *run_path,
                             const char *prefix, struct buf *out)
{
    enum { SHELL_NOT_FOUND = 127 };
    char id[JOBSPEC_MAX_ID + 1] = "";
    struct template_context c = {.index = a->index,
                                 .task_id = id,
                                 .job_id = job->id,
                                 .run_dir = run_path,
                                 .spec_dir = work_dir};
    bool is_line = a->reason == REASON_EXIT_CODE;
    struct buf text;
    struct err err;
    if (!task_has_directory(job_template(job, a->index)) ||
        (a->reason != REASON_NOT_FOUND &&
         !(is_line && a->exit_code == SHELL_NOT_FOUND)) ||
        job_task_id(job, a->index, id, &err) < 0)
        return 0;
    buf_init(&text, COMMAND_MAX_BYTES);
    int rc = job_command_show(job, &c, &text, NULL, &err);
    const char *word = buf_text(&text);
    size_t len = rc == 0 ? relative_program(&word, is_line) : 0;
    rc = 0;
    if (len > 0) {
        const char *name = strncmp(word, "./", 2) == 0 ? word + 2 : word;
        rc = buf_printf(out,
                        "%s%.*s is looked for in the task's own directory: "
                        "write {spec.dir}/%.*s, or give it as a resource file "
                        "or a package\n",
                        prefix, (int)len, word, (int)(word + len - name), name);
    }
    buf_fini(&text);
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

char *describe_task(const struct jobspec *spec, uint32_t job, uint32_t index,
                    char text[DESCRIBE_TASK_BYTES])
{
    const struct special_task *special = jobspec_special(spec, job, index);
    char id[JOBSPEC_MAX_ID + 1] = "?";
    struct err err;
    if (special)
        snprintf(id, sizeof(id), "%s", special->id);
    else if (job < spec->job_count && index < spec->jobs[job].tasks.count)
        (void)job_task_id(&spec->jobs[job], index, id, &err);
    if (job < spec->job_count)
        snprintf(text, DESCRIBE_TASK_BYTES, "%s/%s", spec->jobs[job].id, id);
    else if (spec->pool_count > 1)
        snprintf(text, DESCRIBE_TASK_BYTES, "%s of pool %s", id,
                 spec->pools[jobspec_pool(spec, job)].id);
    else
        snprintf(text, DESCRIBE_TASK_BYTES, "%s", id);
    return text;
}

char *describe_nodes(const struct snapshot *s, char *text, size_t size)
{
    static const enum node_state states[] = {NODE_START_TASK_FAILED,
                                             NODE_OFFLINE, NODE_UNUSABLE,
                                             NODE_PREEMPTED, NODE_LEAVING_POOL};
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        uint32_t n = s->node_states[states[i]];
        if (n > 0 && at < size)
            at +=
                (size_t)snprintf(text + at, size - at, "%s%" PRIu32 " %s",
                                 at ? ", " : "", n, node_state_name(states[i]));
    }
    return text;
}
