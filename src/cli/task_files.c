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
#include "store/journal.h"

/* What has ended is in the journal soon. */
#define JOURNAL_NS (5 * NS_PER_SEC)
enum { TRY_NS = 100 * 1000 * 1000 };

char *task_folder(const char *job_id, const char *task_id,
                  char text[TASK_FOLDER_BYTES])
{
    snprintf(text, TASK_FOLDER_BYTES, "workitems/%.*s/job-1/%.*s/",
             JOBSPEC_MAX_ID, job_id, JOBSPEC_MAX_ID, task_id);
    return text;
}

/* ---- What was kept ---- */

/* The scratch of the node of an attempt, as its rank said in that session: ""
 * if that is not known. -1 with err. */
static int scratch_find(const struct run_arg *run, uint32_t session,
                        uint32_t rank, char scratch[NODE_MAX_SCRATCH + 1],
                        struct err *err)
{
    struct journal_record r;
    struct journal_reader *jr = journal_read(run->dir, run->spec, err);
    int got = 0;
    if (!jr)
        return -1;
    journal_reader_light(jr, true);
    scratch[0] = '\0';
    while ((got = journal_next(jr, &r, err)) > 0) {
        if (r.type != JOURNAL_NODE || r.session != session ||
            r.u.node.rank != rank)
            continue;
        memcpy(scratch, r.u.node.info->scratch, NODE_MAX_SCRATCH + 1);
        break;
    }
    journal_reader_destroy(jr);
    return got < 0 ? -1 : 0;
}

struct ended {
    const struct task_files *t;
    uint32_t known;
    bool found;
};

/* The directory that was kept: open it if this is its node, or have the node
 * asked. False: nobody can be asked now; own->note says where it is. -1 with
 * err. */
static int kept_find(const struct task_files *t, const struct query_task *task,
                     char folder[TASK_FOLDER_BYTES], struct holder *kept,
                     char note[HOLDER_NOTE_BYTES], struct err *err)
{
    char scratch[NODE_MAX_SCRATCH + 1], path[PATH_MAX], host[256] = "";
    if (scratch_find(t->run, task->session, task->last->rank, scratch, err) < 0)
        return -1;
    task_folder(t->run->spec->jobs[t->job].id, task->id, folder);
    snprintf(path, sizeof(path), "%s/%.*s", scratch, (int)strlen(folder) - 1,
             folder);
    (void)gethostname(host, sizeof(host) - 1);
    if (strcmp(host, task->node) == 0) {
        if (holder_of_folder(kept, path, err) == 0)
            return 1;
        if (err->code != ENOENT)
            return -1;
        snprintf(note, HOLDER_NOTE_BYTES,
                 "its directory was kept in %s, and is there no more", path);
        return 0;
    }
    if (session_is_there(t->run)) {
        holder_of_node(kept, t->run, task->node, folder);
        return 1;
    }
    snprintf(note, HOLDER_NOTE_BYTES,
             "its directory is kept on node %s, in %s: ask there, until it "
             "expires",
             task->node, path);
    return 0;
}

/* Use what the run directory has of the attempt, and what was kept of it. */
static int kept_use(struct ended *e, const struct query_task *task,
                    struct err *err)
{
    const struct task_files *t = e->t;
    char folder[TASK_FOLDER_BYTES], note[HOLDER_NOTE_BYTES] = "";
    struct holder own, kept = {.folder = -1};
    int found = kept_find(t, task, folder, &kept, note, err);
    if (found < 0)
        return -1;
    holder_of_run(&own, t->run, task, found ? &kept : NULL);
    memcpy(own.note, note, sizeof(note));
    int rc = t->use(t->arg, &own, err);
    holder_close(&kept);
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
    if (task->last->kept && task->now)
        return kept_use(e, task, err) < 0 ? -1 : 1;
    holder_of_run(&own, t->run, task, NULL);
    return t->use(t->arg, &own, err) < 0 ? -1 : 1;
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
