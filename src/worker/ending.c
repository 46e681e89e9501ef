/* From slots to results: see worker_parts.h. */
#include "config.h"
#include "worker/remote.h"
#include "worker/stager.h"
#include "worker/staging.h"
#include "worker/worker_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void report(struct worker *w, struct attempt *a,
                   const char *const output[2], const size_t output_len[2])
{
    struct msg m = {.kind = MSG_RESULT, .u.result.attempt = a};
    for (int s = 0; s < 2; s++) {
        size_t len = output_len[s];
        if (a->output[s].place == OUTPUT_FILE && len > MSG_MAX_TAIL)
            len = MSG_MAX_TAIL;
        m.u.result.output[s] = len > 0 ? output[s] + output_len[s] - len : "";
        m.u.result.output_len[s] = len;
    }
    worker_say(w, &m);
    /* the last for now: what it came to is told while others still wait */
    if (w->config.staging && w->busy_count == 0 && w->queue.tasks == 0 &&
        w->ahead.count == 0)
        stager_report(w->config.staging->stager);
}

/* Its process has ended: others run in its slots. */
static void on_storing(void *arg, const struct attempt *a)
{
    worker_say_attempt(arg, MSG_STORING, a);
}

/* Its files are stored: report it. */
static void on_finished(void *arg, struct attempt *a, enum finish_what what,
                        const char *const output[2], const size_t output_len[2])
{
    const struct msg_range task = {
        .job = a->job, .first = a->index, .count = 1, .attempt = a->attempt};
    if (what == FINISH_ENDED)
        worker_give_back(arg, &task);
    else
        report(arg, a, output, output_len);
}

static void on_coordinated(void *arg, struct run *run)
{
    worker_say_attempt(arg, MSG_INSTANCE, &run->attempt);
}

static void on_remote(void *arg, uint64_t number, uint32_t code,
                      const char *text, size_t len)
{
    worker_say(arg, &(struct msg){.kind = MSG_REMOTE_ENDED,
                                  .u.remote_ended = {.number = number,
                                                     .code = code,
                                                     .text = text,
                                                     .len = len}});
}

static enum finish_what what_of(const struct run *run)
{
    if (run->launch.instance == 0)
        return FINISH_ATTEMPT;
    return run->told ? FINISH_ENDED : FINISH_INSTANCE;
}

/* An attempt has ended: store what it has left, if it has a directory, else
 * report it. */
static void on_ended(void *arg, struct run *run, struct attempt *a,
                     const char *const output[2], const size_t output_len[2])
{
    struct worker *w = arg;
    struct err err;
    if (run_has_slots(run))
        slots_free(w, run->slots, run->slot_count);
    if (run->made.dir.path &&
        finish_start(&w->finisher, a, run->capture, &run->made, run->task_id,
                     what_of(run), &err) == 0)
        return;
    if (run->made.dir.path) {
        a->result = RESULT_FAILURE;
        a->reason = REASON_INTERNAL;
        attempt_set_message(a, err.text);
    }
    on_finished(w, a, what_of(run), output, output_len);
    /* the next task starts when this turn's events are handled: see on_turn */
}

void attempt_fail(struct worker *w, const struct msg_range *task,
                  enum reason reason, enum failure failure, int64_t prepare_ns,
                  bool kept, const char *text)
{
    static const char *const nothing[2] = {"", ""};
    static const size_t none[2];
    struct attempt a;
    attempt_init(&a);
    a.job = task->job;
    a.index = task->first;
    a.attempt = task->attempt;
    a.node = w->config.node;
    a.rank = comm_rank(w->config.comm);
    if (w->config.slots->count > 0)
        a.slot = w->config.slots->slots[0].number;
    a.start_ns = a.end_ns = clock_wall_ns();
    a.prepare_ns = prepare_ns;
    a.result = RESULT_FAILURE;
    a.reason = reason;
    a.failure = failure;
    a.kept = kept;
    attempt_set_message(&a, text);
    report(w, &a, nothing, none);
}

/* End it, as somebody wants. */
static void run_tell_end(struct run *run, enum reason why, int64_t grace_ns)
{
    run->told |= run->stage != RUN_DRAINING;
    run_end(run, why, grace_ns);
}

static struct run *run_of(struct worker *w, uint32_t job, uint32_t index,
                          uint32_t attempt)
{
    for (uint32_t i = 0; i < w->runs.run_count; i++) {
        struct run *run = &w->runs.runs[i];
        const struct attempt *a = &run->attempt;
        if (run->stage != RUN_FREE && a->job == job && a->index == index &&
            a->attempt == attempt)
            return run;
    }
    return NULL;
}

void attempt_remote(struct worker *w, const struct msg *m)
{
    struct run *run =
        run_of(w, m->u.remote.job, m->u.remote.index, m->u.remote.attempt);
    char line[MSG_MAX_REMOTE + 1];
    struct err err;
    memcpy(line, m->u.remote.text, m->u.remote.len);
    line[m->u.remote.len] = '\0';
    if (!run || !run->launch.ranks || !run->made.dir.path ||
        (run->stage != RUN_ACTIVE && run->stage != RUN_WAITING))
        err_set(&err, ESRCH, "the task has no instance on %s now",
                w->config.host);
    else if (remote_start(run, m->u.remote.number, line, &err) == 0)
        return;
    on_remote(w, m->u.remote.number, REMOTE_FAILED, err.text, strlen(err.text));
}

bool attempt_end(struct worker *w, uint32_t job, uint32_t index,
                 uint32_t attempt, enum reason why)
{
    struct run *run = run_of(w, job, index, attempt);
    struct answer_task storing;
    if (!run)
        return finisher_find(&w->finisher, job, index, &storing) &&
               storing.attempt == attempt;
    run_tell_end(run, why, w->config.grace_ns);
    return true;
}

void attempt_go(struct worker *w, uint32_t job, uint32_t index,
                uint32_t attempt)
{
    struct run *run = run_of(w, job, index, attempt);
    if (run)
        run_go(run);
}

void attempts_end(struct worker *w, int64_t job, enum reason why,
                  int64_t grace_ns)
{
    for (uint32_t i = 0; i < w->runs.run_count; i++) {
        struct run *run = &w->runs.runs[i];
        if (run->stage != RUN_FREE && (job < 0 || run->attempt.job == job))
            run_tell_end(run, why, grace_ns);
    }
    if (why == REASON_STOPPED)
        finisher_stop(&w->finisher, grace_ns);
}

/* How many special tasks may run at once: none, if there are none. */
static uint32_t specials_of(const struct worker *w)
{
    const struct jobspec *spec = w->config.spec;
    bool any = false;
    for (uint32_t p = 0; p < spec->pool_count; p++)
        any = any || spec->pools[p].start_task;
    for (uint32_t j = 0; j < spec->job_count; j++)
        any = any || spec->jobs[j].preparation || spec->jobs[j].release ||
              spec->jobs[j].manager;
    return any && w->config.slots->count > 0 ? WORKER_MAX_SPECIALS : 0;
}

int ending_init(struct worker *w, struct err *err)
{
    const struct jobspec *spec = w->config.spec;
    uint32_t slots = w->config.slots->count;
    uint32_t runs = slots + specials_of(w);
    w->finisher = (struct finisher){.staging = w->config.staging,
                                    .slots = slots,
                                    .begins = on_storing,
                                    .done = on_finished,
                                    .arg = w};
    finisher_init(&w->finisher);
    w->runs = (struct run_context){.config = &w->config,
                                   .run_count = runs,
                                   .coordinated = on_coordinated,
                                   .remote = on_remote,
                                   .ended = on_ended,
                                   .arg = w};
    char key[96];
    snprintf(key, sizeof(key), "%.48s-%u", w->config.key,
             (unsigned)comm_rank(w->config.comm));
    guard_init(&w->runs.guard, key);
    w->runs.extractors =
        mem_calloc(spec->job_count, sizeof(w->runs.extractors[0]));
    w->runs.keep = mem_calloc(runs + 1 + REMOTES_MAX, sizeof(w->runs.keep[0]));
    w->runs.runs = mem_calloc(runs, sizeof(w->runs.runs[0]));
    if (!w->runs.extractors || !w->runs.keep || !w->runs.runs)
        return err_set(err, ENOMEM, "no memory for the worker");
    for (uint32_t i = 0; i < runs; i++)
        run_init(&w->runs.runs[i], &w->runs, i);
    for (uint32_t j = 0; j < spec->job_count; j++) {
        w->runs.extractors[j] = extractor_create(&spec->jobs[j], err);
        if (!w->runs.extractors[j])
            return -1;
    }
    return 0;
}

void ending_fini(struct worker *w)
{
    for (uint32_t i = 0; w->runs.runs && i < w->runs.run_count; i++)
        run_fini(&w->runs.runs[i]);
    if (w->runs.runs && w->runs.keep)
        runs_end_strays(&w->runs);
    for (uint32_t j = 0; w->runs.extractors && j < w->config.spec->job_count;
         j++)
        extractor_destroy(w->runs.extractors[j]);
    finisher_fini(&w->finisher);
    guard_fini(&w->runs.guard);
    success_regex_fini(&w->runs.success_regex);
    mem_free(w->runs.extractors);
    mem_free(w->runs.keep);
    mem_free(w->runs.runs);
}
