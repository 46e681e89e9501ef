/* Tasks that are added to a running session. See manager_parts.h.
 *
 * One fragment at a time: the spec grows, the fragment is written to the run
 * directory by a thread (again and again while that cannot be done), and only
 * then anybody hears of the tasks: the journal, the ranks, the scheduler, who
 * has asked. The spec grows only while no thread reads it. The session's ranks
 * have started with the fragments of earlier ones.
 */
#include "config.h"
#include "manager/manager_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "manager/background.h"
#include "model/divide.h"
#include "spec/spec.h"
#include "store/added.h"

/* Between two tries to write one. */
#define AGAIN_NS NS_PER_SEC

struct addition {
    struct addition *next;
    uint64_t number; /* of who asks */
    struct ask ask;
    char *text;
    size_t len;
    uint32_t job, fragment, first, count;
};

struct added {
    struct addition *waiting, *writing; /* in order; one */
    struct addition *done; /* of this session, the last one first */
    struct background *thread;
    bool going, warned;
    int64_t again_ns;
    const char *run_dir;
};

/* ---- Ranks ---- */

/* Send the rank a fragment, as it is in its file. */
static void send(struct manager *m, uint32_t rank, const struct addition *a)
{
    struct buf b;
    buf_init(&b, a->len + JOBSPEC_MAX_ID + 16);
    if (buf_printf(&b, "%s\n", a->ask.job_id) < 0 ||
        buf_put(&b, a->text, a->len) < 0) {
        struct err err;
        err_set(&err, ENOMEM, "no memory for tasks that were added");
        manager_fail(m, &err);
    }
    for (size_t at = 0; at < b.len; at += MSG_MAX_FRAGMENT) {
        size_t len =
            b.len - at < MSG_MAX_FRAGMENT ? b.len - at : MSG_MAX_FRAGMENT;
        manager_tell(m, rank,
                     &(struct msg){.kind = MSG_FRAGMENT,
                                   .u.fragment = {.number = a->fragment,
                                                  .offset = (uint32_t)at,
                                                  .total = (uint32_t)b.len,
                                                  .bytes = b.data + at,
                                                  .len = len}});
    }
    buf_fini(&b);
}

static void send_from(struct manager *m, uint32_t rank,
                      const struct addition *a)
{
    if (!a)
        return;
    send_from(m, rank, a->next); /* those before it */
    send(m, rank, a);
}

void manager_added_join(struct manager *m, uint32_t rank)
{
    if (m->added)
        send_from(m, rank, m->added->done);
}

/* ---- One after the other ---- */

static void addition_free(struct addition *a)
{
    mem_free(a->text);
    mem_free(a);
}

static void refuse(struct manager *m, struct addition *a, const char *code,
                   const char *text)
{
    struct answer answer = {.code = ""};
    snprintf(answer.code, sizeof(answer.code), "%s", code);
    snprintf(answer.message, sizeof(answer.message), "%s", text);
    manager_command_done(m, a->number, &a->ask, &answer, NULL, 0);
    addition_free(a);
}

/* All that is wrong with the text. */
static void refuse_text(struct manager *m, struct addition *a,
                        const struct spec_errors *errors)
{
    struct buf b;
    buf_init(&b, ASK_MAX_MESSAGE);
    for (size_t i = 0; i < errors->count; i++)
        if (spec_error_show(&errors->list[i], "added tasks", a->text, a->len,
                            &b) < 0)
            break;
    if (b.len > 0 && b.data[b.len - 1] == '\n')
        b.data[b.len - 1] = '\0'; /* as all messages are */
    refuse(m, a, "InvalidRequestBody",
           b.len > 0 ? buf_text(&b) : "no memory for these tasks");
    buf_fini(&b);
}

/* May its job have more? */
static int check(struct manager *m, struct addition *a, struct err *err)
{
    if (manager_find_job(m, a->ask.job_id, &a->job, err) < 0)
        return -1;
    switch (manager_snapshot(m)->jobs[a->job].state) {
    case JOB_COMPLETED:
        return err_set(err, EINVAL, "JobCompleted: job %s is completed",
                       a->ask.job_id);
    case JOB_TERMINATING:
        return err_set(err, EINVAL,
                       "JobTerminating: job %s is being terminated",
                       a->ask.job_id);
    default:
        return 0;
    }
}

/* What no node of the session could run would wait for ever, and no session
 * like this one could go on with the run. */
static int room_check(void *arg, const struct jobspec *grown, uint32_t job,
                      uint32_t first, uint32_t *index, struct err *err)
{
    const struct manager_means *means = arg;
    return divide_check_added(grown, means->divided, means->node_count, job,
                              first, index, err);
}

/* The spec grows; the next thing is to write it down. */
static void begin(struct manager *m, struct addition *a)
{
    struct spec_errors errors = {0};
    struct answer answer = {.code = ""};
    struct err err;
    /* nobody else changes it, and nobody reads it at this moment */
    struct jobspec *spec = (struct jobspec *)m->config.spec;
    if (check(m, a, &err) < 0) {
        manager_refuse(&answer, &err);
        refuse(m, a, answer.code, answer.message);
        return;
    }
    const struct spec_room room = {.check = room_check, .arg = &m->means};
    if (spec_add_tasks(spec, a->job, a->text, a->len,
                       m->means.divided ? &room : NULL, &a->first, &a->count,
                       &errors) < 0) {
        refuse_text(m, a, &errors);
        spec_errors_fini(&errors);
        return;
    }
    spec_errors_fini(&errors);
    a->fragment = spec->fragment_count;
    m->added->writing = a;
    m->added->going = background_start(m->added->thread);
}

/* The new ids, a line each. NULL: no memory. */
static char *ids_of(const struct manager *m, const struct addition *a,
                    size_t *len)
{
    const struct job *job = &m->config.spec->jobs[a->job];
    char id[JOBSPEC_MAX_ID + 1];
    struct buf b;
    struct err err;
    int rc = 0;
    buf_init(&b, (size_t)a->count * (JOBSPEC_MAX_ID + 1) + 1);
    for (uint32_t i = 0; rc == 0 && i < a->count; i++) {
        rc = job_task_id(job, a->first + i, id, &err);
        if (rc == 0)
            rc = buf_printf(&b, "%s\n", id);
    }
    *len = b.len;
    char *ids = rc == 0 ? buf_take(&b) : NULL;
    buf_fini(&b);
    return ids;
}

/* It is in the run directory: everybody may know. */
static void finish(struct manager *m, struct addition *a)
{
    struct answer answer = {.code = "", .count = a->count};
    struct err err;
    size_t len = 0;
    char *ids = NULL;
    struct journal_record r = {.type = JOURNAL_ADDED,
                               .u.added = {.number = a->fragment,
                                           .job = a->job,
                                           .first = a->first,
                                           .count = a->count}};
    manager_journal_put(m, &r);
    for (uint32_t rank = 0; rank < m->config.rank_count; rank++)
        if (m->ranks[rank] == RANK_JOINED)
            send(m, rank, a);
    a->next = m->added->done;
    m->added->done = a;
    if (sched_added(m->sched, now_ns(m), a->job, &err) < 0) {
        if (err.code == ENOMEM)
            manager_fail(m, &err);
        manager_refuse(&answer, &err); /* it has just ended */
    } else {
        ids = ids_of(m, a, &len);
        snprintf(answer.text, sizeof(answer.text),
                 "%" PRIu32 " task%s added to job %s", a->count,
                 a->count == 1 ? "" : "s", a->ask.job_id);
    }
    manager_command_done(m, a->number, &a->ask, &answer, ids, len);
}

static int write_one(void *arg, struct err *err)
{
    const struct added *s = arg;
    const struct addition *a = s->writing;
    return added_write(s->run_dir, a->fragment, a->ask.job_id, a->text, a->len,
                       err);
}

/* How did the writing go? */
static void written(struct manager *m)
{
    struct added *s = m->added;
    struct addition *a = s->writing;
    struct err err;
    int outcome = background_outcome(s->thread, &err);
    if (outcome == 0)
        return;
    s->going = false;
    if (outcome > 0) {
        s->warned = false;
        s->writing = NULL;
        finish(m, a);
        return;
    }
    if (!s->warned)
        manager_notice(m, "tasks cannot be added now: %s; trying again",
                       err.text);
    s->warned = true;
    s->again_ns = now_ns(m) + AGAIN_NS;
}

void manager_added_step(struct manager *m)
{
    struct added *s = m->added;
    struct addition *a;
    if (!s || m->stage != MANAGER_RUNNING)
        return;
    if (s->going)
        written(m);
    else if (s->writing && now_ns(m) >= s->again_ns)
        s->going = background_start(s->thread);
    while (!s->writing && (a = s->waiting) &&
           !publisher_results_busy(m->publisher) &&
           origin_finish(m->origin, manager_journal_program, m)) {
        s->waiting = a->next;
        a->next = NULL;
        begin(m, a);
    }
}

/* ---- Life ---- */

static int added_create(struct manager *m, struct err *err)
{
    struct added *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ENOMEM, "no memory for tasks that are added");
    s->run_dir = rundir_path(m->config.rundir);
    s->thread = background_create(write_one, s, err);
    if (!s->thread) {
        mem_free(s);
        return -1;
    }
    m->added = s;
    return 0;
}

int manager_add(struct manager *m, uint64_t number, const struct ask *ask,
                char *text, size_t len, struct err *err)
{
    struct addition *a = NULL;
    if (!m->added && added_create(m, err) < 0)
        return -1;
    a = mem_calloc(1, sizeof(*a));
    if (!a)
        return err_set(err, ENOMEM, "no memory for tasks that are added");
    *a = (struct addition){
        .number = number, .ask = *ask, .text = text, .len = len};
    struct addition **at = &m->added->waiting;
    while (*at)
        at = &(*at)->next;
    *at = a;
    manager_added_step(m);
    return 0;
}

static void all_free(struct addition *a)
{
    while (a) {
        struct addition *next = a->next;
        addition_free(a);
        a = next;
    }
}

void manager_added_free(struct manager *m)
{
    struct added *s = m->added;
    if (!s)
        return;
    background_destroy(s->thread); /* waits for what is written */
    all_free(s->waiting);
    all_free(s->writing);
    all_free(s->done);
    mem_free(s);
    m->added = NULL;
}
