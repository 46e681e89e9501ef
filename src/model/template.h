/* Templates: text with {placeholders}, compiled once, expanded per task.
 *
 *   {x}            the value of parameter x, as the user wrote it
 *   {x:.3f}        formatted as Python would: [[fill]align][sign][0][width]
 *                  [.precision][type], types d x o e f g s (E G X too)
 *   {i:04d}
 *   {f.name} {f.stem} {f.suffix} {f.dir}
 *                  of a parameter that is a path: the file's name, that name
 *                  without its suffix, the suffix (".gz", or nothing), and the
 *                  folder ("." if there is none), as Python's pathlib has them
 *   {task.id} {task.index} {job.id} {run.dir} {spec.dir}
 *   {storage.NAME}  the folder of a container, absolute
 *   {{ and }}      braces
 *
 * A template knows for each placeholder where it would stand in a shell line
 * (in quotes, a here-document, arithmetic, a comment), so that a value can be
 * put into the line as data whatever it contains. Compiled templates are never
 * changed; they lie in an arena.
 */
#ifndef MPIBATCH_MODEL_TEMPLATE_H
#define MPIBATCH_MODEL_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/taskset.h"

struct storage;
struct template;

/* Which placeholders are allowed beside parameters. */
enum template_names {
    TEMPLATE_TASK_ID = 1 << 0, /* {task.id}: everywhere but in ids */
    TEMPLATE_PLACES = 1 << 1,  /* {spec.dir}, {storage.NAME}: the same */
    TEMPLATE_TASK = 1 << 2,    /* {task.index}, {job.id}, {run.dir} */
    TEMPLATE_ALL = TEMPLATE_TASK_ID | TEMPLATE_PLACES | TEMPLATE_TASK
};

/* Compile text against the parameters of set and the containers of storage
 * (NULL: none). Returns the template (it lies in arena; borrows set and
 * storage), or NULL with err: EINVAL (what is wrong; a near name is suggested)
 * or ENOMEM. *error_at: the byte in text where the error is. */
const struct template *template_compile(struct arena *arena, const char *text,
                                        const struct taskset *set,
                                        const struct storage *storage,
                                        unsigned names, size_t *error_at,
                                        struct err *err);

/* Can a template be a shell line? -1 with err EINVAL and *error_at as above: a
 * placeholder stands where no value can be data (behind a backslash or $, in
 * ${ }, in a here-document with a quoted delimiter ...), or a quote is not
 * closed. */
int template_check_shell(const struct template *t, size_t *error_at,
                         struct err *err);

/* What a task is called and where it runs; the strings are borrowed. */
struct template_context {
    uint32_t index;
    const char *task_id; /* may be NULL if the template has no {task.id} */
    const char *job_id;
    const char *run_dir;  /* absolute */
    const char *spec_dir; /* the folder of the spec, absolute; NULL: paths are
                             shown relative to it */
};

/* Append the expansion for one task. for_shell: as a line for /bin/sh -c in
 * which each value is data. -1 with err: EMSGSIZE (over the buffer's maximum),
 * ENOMEM, or EINVAL (a value that its format cannot show, such as {x:d} of
 * "abc"; for_shell: one that cannot stand in its place, such as text in
 * $((...))). */
int template_expand(const struct template *t, const struct template_context *c,
                    bool for_shell, struct buf *out, struct err *err);

/* The text that it was compiled from. Borrowed. */
const char *template_text(const struct template *t);

/* Has it a placeholder that differs from task to task (of one job)? */
bool template_varies(const struct template *t);

/* Has it no placeholder, so that each task gets the same text? */
bool template_is_constant(const struct template *t);

#endif
