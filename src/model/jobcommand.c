/* What a task of a job runs: see jobcommand.h. */
#include "config.h"
#include "model/jobcommand.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

static bool is_line(const struct job *job, uint32_t index)
{
    return job->tasks.kind == TASKS_COMMANDS &&
           special_of(index) == SPECIAL_NONE;
}

/* The line of a task, in room (not initialised before). */
static int line_get(const struct job *job, uint32_t index, struct buf *room,
                    struct table_command *line, struct err *err)
{
    buf_init(room, TABLE_MAX_COMMAND);
    return table_command(job->tasks.lines, index, room, line, err);
}

char *task_folder(const struct task_template *task,
                  const struct template_context *c, const char *base,
                  struct err *err)
{
    const struct template *t = task->working_dir;
    struct buf dir;
    char *path = NULL;
    buf_init(&dir, PATH_MAX);
    if (!t || template_expand(t, c, false, &dir, err) == 0) {
        path = t ? path_join(base, buf_text(&dir)) : mem_strdup(base);
        if (!path)
            err_set(err, ENOMEM, "no memory for a path");
    }
    buf_fini(&dir);
    return path;
}

char *job_folder(const struct job *job, const struct template_context *c,
                 const char *base, struct err *err)
{
    return task_folder(job_template(job, c->index), c, base, err);
}

int job_command_expand(const struct job *job, const struct template_context *c,
                       struct argv *a, struct err *err)
{
    struct table_command line;
    struct buf room;
    if (!is_line(job, c->index))
        return command_expand(&job_template(job, c->index)->command, c, a, err);
    int rc = line_get(job, c->index, &room, &line, err);
    if (rc == 0)
        rc = command_expand_line(line.text, table_shell(job->tasks.lines), a,
                                 err);
    buf_fini(&room);
    return rc;
}

/* "/bin/bash -c 'LINE'", or just the line. */
static int line_show(const char *line, const char *const *shell,
                     struct buf *out)
{
    int rc = 0;
    for (; rc == 0 && shell && *shell; shell++) {
        rc = text_put_shell_word(out, *shell);
        if (rc == 0)
            rc = buf_puts(out, shell[1] ? " " : " -c ");
        if (rc == 0 && !shell[1])
            return text_put_shell_word(out, line);
    }
    return rc == 0 ? buf_puts(out, line) : rc;
}

int job_command_show(const struct job *job, const struct template_context *c,
                     struct buf *out, bool *shell, struct err *err)
{
    const struct command *command = &job_template(job, c->index)->command;
    struct table_command line;
    struct buf room;
    if (shell)
        *shell = is_line(job, c->index) || command->shell;
    if (!is_line(job, c->index))
        return command_show(command, c, out, err);
    size_t start = out->len;
    int rc = line_get(job, c->index, &room, &line, err);
    if (rc == 0 &&
        line_show(line.text, table_shell(job->tasks.lines), out) < 0) {
        buf_truncate(out, start);
        rc = err_sys(err, errno, "cannot show the command line");
    }
    buf_fini(&room);
    return rc;
}

static void variable_add(struct line_variable *vars, uint32_t *count,
                         const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void variable_add(struct line_variable *vars, uint32_t *count,
                         const char *name, const char *fmt, ...)
{
    va_list ap;
    struct line_variable *v = &vars[(*count)++];
    v->name = name;
    va_start(ap, fmt);
    vsnprintf(v->value, sizeof(v->value), fmt, ap);
    va_end(ap);
}

int job_line_variables(const struct job *job, uint32_t index,
                       struct line_variable vars[LINE_VARIABLES_MAX],
                       uint32_t *count, struct err *err)
{
    const struct table *t = job->tasks.lines;
    struct table_command line;
    struct buf room;
    *count = 0;
    if (!is_line(job, index))
        return 0;
    int rc = line_get(job, index, &room, &line, err);
    buf_fini(&room);
    if (rc < 0)
        return -1;
    variable_add(vars, count, "MPIBATCH_LINE", "%" PRIu32, line.line);
    variable_add(vars, count, "LAUNCHER_JID", "%" PRIu32, line.line);
    variable_add(vars, count, "PARALLEL_SEQ", "%" PRIu64, (uint64_t)index + 1);
    if (!table_is_disbatch(t))
        return 0;
    variable_add(vars, count, "DISBATCH_JOBID", "%s", job->id);
    variable_add(vars, count, "DISBATCH_NAMETASKS", "%s",
                 path_base(table_name(t)));
    if (line.repeated)
        variable_add(vars, count, "DISBATCH_REPEAT_INDEX", "%" PRIu64,
                     line.repeat);
    else
        variable_add(vars, count, "DISBATCH_REPEAT_INDEX", "-1");
    variable_add(vars, count, "DISBATCH_STREAM_INDEX", "%" PRIu32, line.line);
    variable_add(vars, count, "DISBATCH_TASKID", "%" PRIu32, index);
    return 0;
}
