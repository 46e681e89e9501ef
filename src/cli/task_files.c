/* The files of a task: see task_files.h. */
#include "config.h"
#include "cli/task_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "cli/asking.h"
#include "stage/scratch.h"

/* What has ended is in the journal soon. */
#define JOURNAL_NS (5 * NS_PER_SEC)
enum {
    TRY_NS = 100 * 1000 * 1000,
    PARENT_BYTES = JOBSPEC_MAX_ID + 24,
    FOLDER_BYTES = PARENT_BYTES + JOBSPEC_MAX_ID + 24
};

/* ---- What was kept ---- */

struct ended {
    const struct task_files *t;
    uint32_t known;
    bool found;
};

/* A directory that was kept, and where it may be: on this machine, or on a node
 * that is asked. Until the next attempt on its node begins it is where all have
 * been; then that moves it aside, to TASK.ATTEMPT. */
struct kept {
    const struct task_files *t;
    const struct query_task *task;
    bool here;
    char parent[PARENT_BYTES]; /* of the folders below, "/" behind it */
    char folder[FOLDER_BYTES]; /* what holder borrows */
    struct holder holder;
};

/* Hold a folder below the scratch, with "/" behind it. -1 with err: ENOENT. */
static int folder_hold(const struct kept *k, const char *folder,
                       struct holder *holder, struct err *err)
{
    char path[PATH_MAX];
    struct file_info f;
    if (!k->here) {
        holder_of_node(holder, k->t->run, k->task->node, folder);
        return holder_look(holder, "", &f, err);
    }
    if (snprintf(path, sizeof(path), "%s/%.*s", k->task->scratch,
                 (int)strlen(folder) - 1, folder) >= (int)sizeof(path))
        return err_set(err, ENAMETOOLONG, "the path of %s is too long", folder);
    return holder_of_folder(holder, path, err);
}

/* Is what is at the task's own place of this attempt? 1, 0, -1 with err. */
static int is_its(const struct kept *k, struct err *err)
{
    char marker[NAME_MAX + 1];
    struct holder parent = {.folder = -1};
    struct file_info f;
    struct buf note;
    buf_init(&note, SCRATCH_NOTE_BYTES + 1);
    int rc = scratch_marker_name(k->task->id, marker)
                 ? folder_hold(k, k->parent, &parent, err)
                 : err_set(err, ENOENT, "no name");
    if (rc == 0)
        rc = holder_read(&parent, marker, 0, SCRATCH_NOTE_BYTES, 0, &note, &f,
                         err);
    if (rc == 0)
        rc = scratch_marker_number(buf_text(&note), note.len) ==
             k->task->last->attempt;
    else if (err->code == ENOENT)
        rc = 0;
    holder_close(&parent);
    buf_fini(&note);
    return rc;
}

/* 1: k->holder has it. 0: it is not there. -1 with err. */
static int kept_hold(struct kept *k, struct err *err)
{
    /* it may be moved aside just now: look again where it was not */
    for (int i = 0; i < 3; i++) {
        bool aside = (i == 1) == k->task->now;
        char number[16] = "";
        if (aside)
            snprintf(number, sizeof(number), ".%" PRIu32,
                     k->task->last->attempt);
        snprintf(k->folder, sizeof(k->folder), "%.*s%.*s%s/", PARENT_BYTES,
                 k->parent, JOBSPEC_MAX_ID, k->task->id, number);
        int rc = folder_hold(k, k->folder, &k->holder, err);
        if (rc == 0)
            rc = aside ? 1 : is_its(k, err);
        else if (err->code == ENOENT)
            rc = 0;
        if (rc > 0)
            return 1;
        holder_close(&k->holder);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* The directory that was kept: open it if this is its node, or have the node
 * asked. False: nobody has it now; note says where it is. -1 with err. */
static int kept_find(const struct task_files *t, const struct query_task *task,
                     struct kept *k, char note[HOLDER_NOTE_BYTES],
                     struct err *err)
{
    char host[256] = "";
    *k = (struct kept){.t = t, .task = task, .holder = {.folder = -1}};
    snprintf(k->parent, sizeof(k->parent), "workitems/%.*s/job-1/",
             JOBSPEC_MAX_ID, t->run->spec->jobs[t->job].id);
    (void)gethostname(host, sizeof(host) - 1);
    k->here = strcmp(host, task->node) == 0;
    int rc = k->here || session_is_there(t->run) ? kept_hold(k, err) : 0;
    if (rc > 0 || (rc < 0 && k->here))
        return rc;
    if (rc < 0)
        snprintf(note, HOLDER_NOTE_BYTES,
                 "its directory is kept on node %s, which cannot be asked: %s",
                 task->node, err->text);
    else if (k->here)
        snprintf(note, HOLDER_NOTE_BYTES,
                 "its directory was kept in %s/%s%s, and is there no more",
                 task->scratch, k->parent, task->id);
    else
        snprintf(note, HOLDER_NOTE_BYTES,
                 "its directory is kept on node %s, in %s/%s%s: ask there, "
                 "until it expires",
                 task->node, task->scratch, k->parent, task->id);
    return 0;
}

/* Use what the run directory has of the attempt, and what was kept of it. */
static int kept_use(struct ended *e, const struct query_task *task,
                    struct err *err)
{
    const struct task_files *t = e->t;
    char note[HOLDER_NOTE_BYTES] = "";
    struct holder own;
    struct kept kept;
    int found = kept_find(t, task, &kept, note, err);
    if (found < 0)
        return -1;
    holder_of_run(&own, t->run, task, found ? &kept.holder : NULL);
    memcpy(own.note, note, sizeof(note));
    int rc = t->use(t->arg, &own, err);
    holder_close(&own);
    holder_close(&kept.holder);
    if (rc < 0 && err->code == ENOENT && note[0]) {
        struct err why = *err;
        err_set(err, ENOENT, "%s; %s", why.text, note);
    }
    return rc;
}

static int visit(void *arg, const struct query_task *task, struct err *err)
{
    struct ended *e = arg;
    const struct task_files *t = e->t;
    struct holder own;
    if (task->now
            ? t->attempt > 0 || !task->last || task->last->attempt < e->known
            : task->last->attempt != t->attempt)
        return 0;
    e->found = true;
    if (task->last->kept && task->scratch[0])
        return kept_use(e, task, err) < 0 ? -1 : 1;
    holder_of_run(&own, t->run, task, NULL);
    int rc = t->use(t->arg, &own, err);
    holder_close(&own);
    return rc < 0 ? -1 : 1;
}

static int use_ended(struct ended *e, struct err *err)
{
    const struct task_files *t = e->t;
    struct query *q =
        query_open(t->run->dir, t->run->spec, clock_wall_ns(), err);
    if (!q)
        return -1;
    int rc = query_attempts(q, t->job, t->index, visit, e, err);
    query_close(q);
    return rc < 0 ? -1 : 0;
}

int task_files_use_ended(const struct task_files *t, uint32_t known,
                         struct err *err)
{
    static const struct timespec nap = {.tv_nsec = TRY_NS};
    struct ended e = {.t = t, .known = known};
    char id[JOBSPEC_MAX_ID + 1] = "?";
    struct err unsaid;
    const struct job *job = &t->run->spec->jobs[t->job];
    int64_t until_ns = clock_mono_ns() + (known > 0 ? JOURNAL_NS : 0);
    for (;;) {
        if (use_ended(&e, err) < 0)
            return -1;
        if (e.found)
            return 0;
        if (clock_mono_ns() >= until_ns)
            break;
        nanosleep(&nap, NULL);
    }
    (void)job_task_id(job, t->index, id, &unsaid);
    if (t->attempt > 0)
        return err_set(err, HOLDER_WAITS,
                       "task %s/%s has no attempt %" PRIu64 " that has ended",
                       job->id, id, t->attempt);
    return err_set(err, HOLDER_WAITS,
                   "task %s/%s has not ended an attempt, and no session runs "
                   "it now",
                   job->id, id);
}

/* ---- All of it ---- */

int task_files_use(const struct task_files *t, struct err *err)
{
    struct holder s;
    struct err why;
    if (t->attempt > 0)
        return task_files_use_ended(t, 0, err);
    holder_of_task(&s, t->run, t->job, t->index);
    int rc = t->use(t->arg, &s, &why);
    holder_close(&s);
    if (rc >= 0)
        return rc;
    bool ended = why.code == HOLDER_ENDED, waits = why.code == HOLDER_WAITS;
    if (ended || waits || why.code == ENOTCONN) {
        rc = task_files_use_ended(t, ended ? s.answer.attempt : 0, err);
        /* who knows that it has not started says it better */
        if (rc < 0 && err->code == HOLDER_WAITS && waits)
            *err = why;
        return rc;
    }
    if (err)
        *err = why;
    return -1;
}
