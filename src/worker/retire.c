/* The end of a task's directory: see retire.h. */
#include "config.h"
#include "worker/retire.h"

#include <errno.h>
#include <stddef.h>

#include "base/log.h"

static struct retire *retire_of(struct io_job *j)
{
    return (struct retire *)((char *)j - offsetof(struct retire, job));
}

static int retire_work(struct io_job *j, struct err *err)
{
    struct retire *r = retire_of(j);
    struct scratch *s = r->staging->scratch;
    if (r->step == RETIRE_CONTENT)
        return taskdir_remove(s, r->away, err);
    if (r->keep_until_ns > 0 &&
        taskdir_keep(&r->dir, s, r->keep_until_ns, err) == 0) {
        r->kept = true;
        return 0;
    }
    if (r->keep_until_ns > 0)
        return -1;
    if (r->stays)
        return 0;
    r->away_rc = taskdir_take_away(&r->dir, s, r->away, err);
    return r->away_rc < 0 ? -1 : 0;
}

static void retire_done(struct io_job *j, int rc, const struct err *err)
{
    struct retire *r = retire_of(j);
    if (rc < 0 && err->code != ECANCELED)
        log_warning("%s", err->text);
    if (r->step == RETIRE_NAME) {
        r->gone(r);
        if (r->away_rc > 0 && rc == 0) {
            r->step = RETIRE_CONTENT;
            io_start_long(r->staging->io, &r->job);
            return;
        }
    }
    taskdir_fini(&r->dir);
    r->removed(r);
}

void retire_start(struct retire *r, struct taskdir *dir)
{
    r->job = (struct io_job){.work = retire_work, .done = retire_done};
    r->dir = *dir;
    *dir = (struct taskdir){0};
    r->kept = false;
    r->away_rc = 0;
    r->step = RETIRE_NAME;
    io_start(r->staging->io, &r->job);
}
