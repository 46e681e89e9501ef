/* Tasks that are not queued: see worker_parts.h.
 *
 * Special tasks run as soon as they are prepared, without slots: on all CPUs of
 * this rank. Tasks that are launched have been given slots that are free, or
 * are about to be: they are prepared at once, and start before anything else.
 *
 *   SINGLE_WAITING -> SINGLE_PREPARING -> SINGLE_READY -> started
 *   any of them, given up, with a directory -> SINGLE_LEAVING -> gone
 */
#include "config.h"
#include "worker/worker_parts.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

enum single_stage {
    SINGLE_WAITING,
    SINGLE_PREPARING,
    SINGLE_READY,
    SINGLE_LEAVING
};

struct single {
    struct single *next;
    enum single_stage stage;
    struct msg_range task;
    bool special;
    struct launch launch;    /* special: nothing */
    struct prepare *prepare; /* NULL: not yet, or it needs none */
    enum reason why;         /* it is given up */
};

/* ---- The list ---- */

static void single_remove(struct worker *w, struct single *s)
{
    struct single **at = &w->singles;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    launch_fini(&s->launch);
    mem_free(s);
}

static struct single *single_of(struct worker *w, const struct prepare *p)
{
    struct single *s = w->singles;
    while (s->prepare != p)
        s = s->next;
    return s;
}

/* It will not start: special tasks have ended so, the manager gives others
 * anew. */
static void not_started(struct worker *w, const struct msg_range *task,
                        enum reason why)
{
    if (special_of(task->first) != SPECIAL_NONE)
        attempt_fail(w, task, why, FAILURE_NONE, 0, false, "");
    else
        worker_give_back(w, task);
}

void singles_put(struct worker *w, const struct msg_range *task,
                 struct launch *launch)
{
    struct single *s = mem_calloc(1, sizeof(*s)), **at = &w->singles;
    if (!s || w->stopping_now || w->config.slots->count == 0) {
        not_started(w, task, s ? REASON_STOPPED : REASON_INTERNAL);
        if (launch)
            launch_fini(launch);
        mem_free(s);
        return;
    }
    s->task = *task;
    s->special = !launch;
    if (launch)
        s->launch = *launch;
    while (*at)
        at = &(*at)->next;
    *at = s;
}

/* ---- Preparing ---- */

static void on_waits(void *arg, struct prepare *p)
{
    worker_say_task(arg, MSG_PREPARING, prepare_task(p));
}

static void on_prepared(void *arg, struct prepare *p)
{
    struct single *s = single_of(arg, p);
    if (prepare_state(p) == PREPARE_READY) {
        s->stage = SINGLE_READY;
        return;
    }
    const struct task_template *t = worker_template(arg, &s->task);
    bool keep = t->keep != KEEP_NONE &&
                special_of(s->task.first) != SPECIAL_START; /* see finish.c */
    s->stage = SINGLE_LEAVING;
    prepare_give_up(p, keep ? clock_wall_ns() + t->retention_ns : 0);
}

static void on_gone(void *arg, struct prepare *p, bool kept)
{
    struct worker *w = arg;
    struct single *s = single_of(w, p);
    const char *text;
    enum failure failure = prepare_failure(p, &text);
    if (failure == FAILURE_NONE)
        not_started(w, &s->task, s->why);
    else
        attempt_fail(w, &s->task, REASON_PRE_PROCESSING, failure,
                     prepare_took_ns(p), kept, text);
    single_remove(w, s);
}

/* Begin to prepare it. False: it has failed, and is gone. */
static bool single_prepare(struct worker *w, struct single *s)
{
    struct err err;
    if (!task_has_directory(worker_template(w, &s->task))) {
        s->stage = SINGLE_READY;
        return true;
    }
    s->prepare = prepare_start(&w->singles_preparer, &s->task,
                               s->special ? NULL : &s->launch, &err);
    if (s->prepare) {
        s->stage = SINGLE_PREPARING;
    } else if (err.code == ENOMEM) {
        w->waits = true;
    } else { /* its id is none */
        attempt_fail(w, &s->task, REASON_LAUNCH, FAILURE_NONE, 0, false,
                     err.text);
        single_remove(w, s);
        return false;
    }
    return true;
}

/* ---- Starting ---- */

/* A run for it, and its slots: w->picked. NULL: not now. */
static struct run *run_for(struct worker *w, const struct single *s,
                           uint32_t *count)
{
    uint32_t slots = w->config.slots->count;
    if (!s->special) {
        *count = worker_template(w, &s->task)->required_slots;
        return slots_pick_near(w, *count, s->launch.gpus, s->launch.gpu_count)
                   ? &w->runs.runs[w->picked[0]]
                   : NULL;
    }
    *count = slots;
    for (uint32_t i = 0; i < slots; i++)
        w->picked[i] = i;
    for (uint32_t i = slots; i < w->runs.run_count; i++)
        if (w->runs.runs[i].stage == RUN_FREE)
            return &w->runs.runs[i];
    return NULL;
}

/* Start it if it can be; false: it waits for slots. */
static bool single_start(struct worker *w, struct single *s)
{
    struct prepare *p = s->prepare;
    uint32_t count;
    struct err err;
    struct run *run = run_for(w, s, &count);
    if (!run || worker_is_behind(w))
        return s->special;
    if (!s->special)
        slots_mark(w, w->picked, count, true);
    const struct run_order order = {.task = s->task,
                                    .slots = w->picked,
                                    .slot_count = count,
                                    .made = p ? prepare_made(p) : NULL,
                                    .launch = s->special ? NULL : &s->launch};
    switch (run_start(run, &order, &err)) {
    case RUN_STARTED:
        run->announced = run->launch.instance > 0; /* the first one says it */
        if (!run->announced)
            worker_announce(w, run);
        break;
    case RUN_FAILED: /* on_ended has seen it */
        break;
    case RUN_LATER:
        worker_put_off(w, &err);
        if (!s->special)
            slots_mark(w, w->picked, count, false);
        return true;
    }
    if (p)
        prepare_free(p);
    single_remove(w, s);
    return true;
}

bool singles_start(struct worker *w)
{
    for (struct single *s = w->singles, *next; s && !w->waits; s = next) {
        next = s->next;
        if (s->stage == SINGLE_WAITING && !single_prepare(w, s))
            continue;
        if (s->stage == SINGLE_READY && !single_start(w, s))
            return false;
    }
    return true;
}

uint32_t singles_promised(const struct worker *w)
{
    uint32_t slots = 0;
    for (const struct single *s = w->singles; s; s = s->next)
        if (!s->special && s->stage != SINGLE_LEAVING)
            slots += worker_template(w, &s->task)->required_slots;
    return slots;
}

/* ---- Giving up ---- */

static void single_give_up(struct worker *w, struct single *s, enum reason why)
{
    s->why = why;
    if (s->prepare) {
        s->stage = SINGLE_LEAVING;
        prepare_give_up(s->prepare, 0);
        return;
    }
    not_started(w, &s->task, why);
    single_remove(w, s);
}

void singles_give_up(struct worker *w, int64_t job, enum reason why)
{
    for (struct single *s = w->singles, *next; s; s = next) {
        next = s->next;
        if (s->stage != SINGLE_LEAVING &&
            (job == -1 || (job == -2 && !s->special) || s->task.job == job))
            single_give_up(w, s, why);
    }
}

bool singles_give_up_one(struct worker *w, uint32_t job, uint32_t index,
                         uint32_t attempt, enum reason why)
{
    for (struct single *s = w->singles; s; s = s->next) {
        if (s->task.job != job || s->task.first != index ||
            s->task.attempt != attempt)
            continue;
        if (s->stage != SINGLE_LEAVING)
            single_give_up(w, s, why);
        return true;
    }
    return false;
}

bool singles_find(struct worker *w, uint32_t job, uint32_t index,
                  struct answer_task *task)
{
    for (struct single *s = w->singles; s; s = s->next) {
        if (s->task.job != job || s->task.first != index)
            continue;
        *task = (struct answer_task){
            .state = s->prepare ? ASK_STATE_PREPARING : ASK_STATE_ACTIVE,
            .attempt = s->task.attempt,
            .dir = s->prepare ? prepare_made(s->prepare)->dir.path : NULL};
        return true;
    }
    return false;
}

/* ---- Life ---- */

void singles_init(struct worker *w)
{
    w->singles_preparer = (struct preparer){.staging = w->config.staging,
                                            .peers = w->config.peers,
                                            .waits = on_waits,
                                            .done = on_prepared,
                                            .gone = on_gone,
                                            .arg = w};
}

void singles_fini(struct worker *w)
{
    preparer_fini(&w->singles_preparer);
    while (w->singles)
        single_remove(w, w->singles);
}
