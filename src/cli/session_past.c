/* Rank 0 before the others: the spec, the run directory, what was done before.
 * See session_parts.h. */
#include "config.h"
#include "cli/session_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/grow.h"
#include "cli/results_last.h"
#include "cli/specfile.h"
#include "spec/spec.h"
#include "store/status.h"
#include "view/describe.h"

/* The folder of the spec, absolute. */
static int work_dir_find(const char *spec_path, char dir[PATH_MAX],
                         struct err *err)
{
    if (!realpath(spec_path, dir))
        return err_sys(err, errno, "cannot find %s", spec_path);
    char *slash = strrchr(dir, '/');
    slash[slash == dir] = '\0';
    return 0;
}

static int key_make(struct start *start, struct err *err)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, errno, "no random numbers");
    snprintf(start->key, sizeof(start->key), "%016" PRIx64, random);
    start->epoch = (uint32_t)(random >> 32);
    return 0;
}

/* The last session was killed before it could say that it was the last. */
static void status_settle(struct session *s, int code)
{
    struct snapshot old, now = *manager_snapshot(s->manager);
    struct status_origin from;
    struct err err;
    if (status_read(s->start.run_dir, s->spec, &old, &from, &err) < 0)
        return;
    if (old.state != RUN_FINISHED) {
        now.state = RUN_FINISHED;
        now.exit_code = code;
        now.session = old.session;
        now.start_ns = old.start_ns;
        now.now_ns = old.now_ns;
        now.node_count = old.node_count;
        now.rank_count = old.rank_count;
        if (status_write(s->rundir, s->spec, &now, &from, &err) < 0)
            log_warning("%s", err.text);
    }
    mem_free(old.jobs);
}

/* Nothing is left to do: say so. */
static int already_done(struct session *s)
{
    const struct task_counts *t = &manager_snapshot(s->manager)->tasks;
    int code = manager_result(manager_snapshot(s->manager));
    char count[64], never[128] = "";
    struct err err;
    struct buf failed;
    code = results_last(s->rundir, s->spec, code);
    status_settle(s, code);
    if (forget_all(s->start.run_dir, &err) < 0)
        log_warning("%s", err.text);
    buf_init(&failed, 2 * PATH_MAX);
    if (t->failed > 0)
        buf_printf(&failed, ", %" PRIu64 " failed (again, the failed ones: %s)",
                   t->failed, s->rerun);
    if (t->active > 0)
        snprintf(never, sizeof(never),
                 ", %" PRIu64 " never run: the time of their job was over",
                 t->active);
    log_info("%s: all is done: %s succeeded%s%s; results: %s/results.h5",
             s->spec->name,
             describe_count(t->succeeded, t->failed > 0 ? "" : "task", count),
             buf_text(&failed), never, s->shown_dir);
    buf_fini(&failed);
    return code;
}

/* Put an old run aside. */
static int fresh_start(const char *dir, struct err *err)
{
    char *to = NULL;
    if (rundir_move_aside(dir, &to, err) < 0)
        return -1;
    if (to)
        log_info("the old run is in %s now", to);
    mem_free(to);
    return 0;
}

int session_code_of(const struct err *err)
{
    switch (err->code) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case ESTALE:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return EXIT_LOST;
    default:
        return EXIT_USAGE;
    }
}

/* The jobs of --enable. */
static int enable_find(struct session *s, struct err *err)
{
    const struct texts *ids = &s->options->enable;
    s->enable = mem_calloc(ids->count, sizeof(s->enable[0]));
    if (!s->enable && ids->count > 0)
        return err_set(err, ENOMEM, "no memory for the jobs of --enable");
    for (unsigned i = 0; i < ids->count; i++) {
        int job = jobspec_find_job(s->spec, ids->list[i]);
        if (job < 0)
            return err_set(err, ESRCH, "--enable: %s has no job %s",
                           s->options->spec_path, ids->list[i]);
        s->enable[i] = (uint32_t)job;
    }
    return 0;
}

int session_prepare(struct session *s, struct buf *text)
{
    const struct session_options *o = s->options;
    struct err err;
    bool fresh = false;

    s->shown_dir =
        o->run_dir ? mem_strdup(o->run_dir) : specfile_run_dir(o->spec_path);
    /* what a run that goes on has used up may be gone */
    bool begins = o->fresh || (s->shown_dir && access(s->shown_dir, F_OK) < 0);
    s->spec = specfile_load(o->spec_path, begins, text);
    if (!s->spec)
        return EXIT_USAGE;
    struct buf rerun;
    buf_init(&rerun, 16 * PATH_MAX);
    if (buf_printf(&rerun, "mpibatch %s ",
                   s->launch_id[0] ? "launch" : "run") == 0 &&
        text_put_shell_word(&rerun, o->spec_path) == 0 &&
        (!o->run_dir || (buf_puts(&rerun, " -o ") == 0 &&
                         text_put_shell_word(&rerun, o->run_dir) == 0)))
        buf_puts(&rerun, " --rerun failed");
    s->rerun = buf_take(&rerun);
    if (!s->shown_dir || !s->rerun) {
        log_error("no memory");
        return EXIT_USAGE;
    }
    if (enable_find(s, &err) < 0)
        goto fail;
    if (o->fresh && fresh_start(s->shown_dir, &err) < 0)
        goto fail;
    char spec_path[PATH_MAX];
    if (!realpath(o->spec_path, spec_path)) {
        err_sys(&err, errno, "cannot find %s", o->spec_path);
        goto fail;
    }
    s->rundir = rundir_open(s->shown_dir, buf_text(text), text->len, spec_path,
                            s->spec->inputs, &fresh, &err);
    if (!s->rundir ||
        spec_grow_run(s->spec, rundir_path(s->rundir), &err) < 0 ||
        work_dir_find(o->spec_path, s->start.work_dir, &err) < 0 ||
        key_make(&s->start, &err) < 0)
        goto fail;
    snprintf(s->start.run_dir, sizeof(s->start.run_dir), "%s",
             rundir_path(s->rundir));
    if (rerun_find(&o->rerun, s->rundir, s->spec, &s->again, &s->again_count,
                   &err) < 0 ||
        session_manager_create(s, &err) < 0)
        goto fail;
    if (!manager_has_work(s->manager))
        return already_done(s);
    return -1;
fail:
    log_error("%s", err.text);
    return session_code_of(&err);
}
