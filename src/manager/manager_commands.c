/* What people ask of the session: jobs, tasks and nodes. Each is done at once
 * or refused, is in the journal, and is answered when it is on disk there. See
 * manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct command_answer {
    struct command_answer *next;
    uint64_t number, ticket;
    struct answer answer;
    char *data;
    size_t len;
};

/* ---- Answers ---- */

static void answer_now(struct manager *m, uint64_t number,
                       const struct answer *answer, char *data, size_t len)
{
    if (m->means.answer)
        m->means.answer(m->means.answer_arg, number, answer, data, len);
    else
        mem_free(data);
}

void manager_command_done(struct manager *m, uint64_t number,
                          const struct ask *ask, const struct answer *answer,
                          char *data, size_t len)
{
    char line[ASK_LINE_BYTES],
        error[sizeof(answer->code) + sizeof(answer->message) + 2];
    struct command_answer *a = mem_calloc(1, sizeof(*a)), **at = &m->answers;
    snprintf(error, sizeof(error), "%s%s%s", answer->code,
             answer->code[0] ? ": " : "", answer->message);
    struct journal_record r = {
        .type = JOURNAL_COMMAND,
        .u.command = {.text = ask_line(ask, line), .error = error}};
    manager_journal_put(m, &r);
    writer_sync(m->means.writer);
    if (!a) { /* who asked sees what has come of it */
        mem_free(data);
        return;
    }
    *a = (struct command_answer){.number = number,
                                 .ticket = m->ticket,
                                 .answer = *answer,
                                 .data = data,
                                 .len = len};
    while (*at)
        at = &(*at)->next;
    *at = a;
}

void manager_answer(struct manager *m, uint64_t synced)
{
    struct command_answer *a;
    while ((a = m->answers) && a->ticket <= synced) {
        m->answers = a->next;
        answer_now(m, a->number, &a->answer, a->data, a->len);
        mem_free(a);
    }
}

void manager_answers_free(struct manager *m)
{
    struct command_answer *a;
    while ((a = m->answers)) {
        m->answers = a->next;
        mem_free(a->data);
        mem_free(a);
    }
}

void manager_refuse(struct answer *answer, const struct err *err)
{
    size_t word = strspn(err->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz");
    bool coded = word > 0 && word < sizeof(answer->code) &&
                 strncmp(err->text + word, ": ", 2) == 0;
    snprintf(answer->code, sizeof(answer->code), "%.*s", coded ? (int)word : 63,
             coded                 ? err->text
             : err->code == ENOMEM ? "InternalError"
             : err->code == ESRCH  ? "ResourceNotFound"
             : err->code == EBUSY  ? "ServerBusy"
                                   : "InvalidRequestBody");
    snprintf(answer->message, sizeof(answer->message), "%s",
             coded ? err->text + word + 2 : err->text);
}

/* ---- Who is meant ---- */

int manager_find_job(const struct manager *m, const char *id, uint32_t *job,
                     struct err *err)
{
    int found = jobspec_find_job(m->config.spec, id);
    if (found < 0)
        return err_set(err, ESRCH, "JobNotFound: this run has no job %s", id);
    *job = (uint32_t)found;
    return 0;
}

int manager_find_task(const struct manager *m, const struct ask *ask,
                      uint32_t *job, uint32_t *index, struct err *err)
{
    if (manager_find_job(m, ask->job_id, job, err) < 0)
        return -1;
    int64_t found = job_find_task(&m->config.spec->jobs[*job], ask->task_id);
    if (found < 0)
        return err_set(err, ESRCH, "TaskNotFound: job %s has no task %s",
                       ask->job_id, ask->task_id);
    *index = (uint32_t)found;
    return 0;
}

/* ---- What is asked ---- */

static int do_job(struct manager *m, const struct ask *ask, struct answer *a,
                  struct err *err)
{
    static const char *const said[] = {[ASK_DISABLE] = "is disabled",
                                       [ASK_ENABLE] = "is enabled",
                                       [ASK_TERMINATE] = "is terminated"};
    static const enum sched_job_command commands[] = {
        [ASK_DISABLE] = SCHED_JOB_DISABLE,
        [ASK_ENABLE] = SCHED_JOB_ENABLE,
        [ASK_TERMINATE] = SCHED_JOB_TERMINATE};
    uint32_t job = 0;
    if (manager_find_job(m, ask->job_id, &job, err) < 0 ||
        sched_job_command(m->sched, now_ns(m), job, commands[ask->act],
                          (enum sched_running)ask->how,
                          ask->why[0] ? ask->why : NULL, err) < 0)
        return -1;
    snprintf(a->text, sizeof(a->text), "job %s %s%s", ask->job_id,
             said[ask->act],
             ask->act == ASK_DISABLE && ask->how == ASK_WAIT
                 ? " when what runs has ended"
                 : "");
    return 0;
}

static int do_task(struct manager *m, const struct ask *ask, struct answer *a,
                   struct err *err)
{
    static const char *const said[] = {[ASK_TERMINATE] = "is terminated",
                                       [ASK_REACTIVATE] = "is active again",
                                       [ASK_DELETE] = "is deleted"};
    static const enum sched_task_command commands[] = {
        [ASK_TERMINATE] = SCHED_TASK_TERMINATE,
        [ASK_REACTIVATE] = SCHED_TASK_REACTIVATE,
        [ASK_DELETE] = SCHED_TASK_DELETE};
    uint32_t job = 0, index = 0;
    if (manager_find_task(m, ask, &job, &index, err) < 0 ||
        sched_task_command(m->sched, now_ns(m), job, index, commands[ask->act],
                           err) < 0)
        return -1;
    snprintf(a->text, sizeof(a->text), "task %s/%s %s", ask->job_id,
             ask->task_id, said[ask->act]);
    return 0;
}

/* ---- Commands for other nodes of a task ---- */

/* Pass it to the rank, which answers later. -1 with err. */
static int do_remote(struct manager *m, uint64_t number, const struct ask *ask,
                     const char *line, size_t len, struct err *err)
{
    struct msg msg;
    if (m->stage != MANAGER_RUNNING)
        return err_set(err, EBUSY,
                       "OperationInvalidForCurrentState: the session is "
                       "ending");
    if (!jobspec_has_task(m->config.spec, ask->job, ask->task) ||
        ask->attempt == 0)
        return err_set(err, ESRCH, "TaskNotFound: there is no such task");
    if (ask->rank >= m->config.rank_count || !manager_rank_lives(m, ask->rank))
        return err_set(err, ESRCH,
                       "NodeNotReady: rank %" PRIu32 " is not there",
                       ask->rank);
    if (remoting_begin(&m->remoting, number, ask, line, len,
                       m->config.rank_count, &msg, err) < 0)
        return -1;
    manager_tell(m, ask->rank, &msg);
    return 0;
}

void manager_remote_ended(struct manager *m, uint32_t rank,
                          const struct msg *msg)
{
    struct answer answer;
    uint64_t number = remoting_end(&m->remoting, rank, msg, &answer);
    if (number > 0)
        answer_now(m, number, &answer, NULL, 0);
}

void manager_remotes_lost(struct manager *m, uint32_t rank)
{
    struct answer answer;
    uint64_t number;
    while ((number = remoting_lost(&m->remoting, rank, &answer)) > 0)
        answer_now(m, number, &answer, NULL, 0);
}

static int do_node(struct manager *m, const struct ask *ask, struct answer *a,
                   struct err *err)
{
    static const char *const said[] = {[ASK_OFFLINE] = "gets no tasks any more",
                                       [ASK_ONLINE] = "gets tasks",
                                       [ASK_REMOVE] = "leaves its pool"};
    static const enum sched_node_command commands[] = {
        [ASK_OFFLINE] = SCHED_NODE_OFFLINE,
        [ASK_ONLINE] = SCHED_NODE_ONLINE,
        [ASK_REMOVE] = SCHED_NODE_REMOVE};
    int64_t rank =
        inventory_find(m->means.ranks, m->config.rank_count, ask->node);
    if (rank < 0)
        return err_set(err, ESRCH, "NodeNotFound: this session has no node %s",
                       ask->node);
    if (sched_node_command(m->sched, now_ns(m), m->means.rank_nodes[rank],
                           commands[ask->act], (enum sched_running)ask->how,
                           err) < 0)
        return -1;
    snprintf(a->text, sizeof(a->text), "node %s %s",
             m->means.ranks[rank].hostname, said[ask->act]);
    return 0;
}

/* ---- All together ---- */

void manager_command(void *arg, uint64_t number, const struct ask *ask,
                     char *data, size_t len)
{
    struct manager *m = arg;
    struct answer answer = {.code = ""};
    struct err err;
    int rc = -1;
    if (ask->what == ASK_REMOTE) { /* nobody journals it */
        if (do_remote(m, number, ask, data, len, &err) < 0) {
            manager_refuse(&answer, &err);
            answer_now(m, number, &answer, NULL, 0);
        }
        mem_free(data);
        return;
    }
    if (m->stage != MANAGER_RUNNING || m->stop_now)
        err_set(&err, EBUSY,
                "OperationInvalidForCurrentState: the session is "
                "ending; the same can be asked of the next one");
    else if (ask->what == ASK_JOB)
        rc = do_job(m, ask, &answer, &err);
    else if (ask->what == ASK_ADD && !data)
        err_set(&err, EINVAL, "InvalidRequestBody: no tasks came with it");
    else if (ask->what == ASK_ADD) {
        if (manager_add(m, number, ask, data, len, &err) == 0)
            return;
    } else if (ask->what == ASK_TASK)
        rc = do_task(m, ask, &answer, &err);
    else if (ask->what == ASK_NODE)
        rc = do_node(m, ask, &answer, &err);
    else
        rc = manager_explain(m, ask, &answer, &err);
    mem_free(data);
    if (rc < 0)
        manager_refuse(&answer, &err);
    if (ask->what == ASK_EXPLAIN)
        answer_now(m, number, &answer, NULL, 0);
    else
        manager_command_done(m, number, ask, &answer, NULL, 0);
}
