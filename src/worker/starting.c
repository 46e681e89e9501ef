/* From the queue into slots: see worker_parts.h.
 *
 * Tasks with a directory of their own are taken off the queue and prepared, a
 * bounded number ahead of the slots. Those that are ready, and those that need
 * no preparation, start in the order in which they were given; what still
 * waits for its files is passed.
 */
#include "config.h"
#include "worker/worker_parts.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* So many are prepared beyond the slots. */
enum { AHEAD_MORE = 4 };

/* ---- Slots ---- */

/* The first row of neighbours that is long enough, else the first free ones. */
bool slots_pick(struct worker *w, uint32_t count)
{
    uint32_t total = w->config.slots->count, row = 0, n = 0;
    if (total - w->busy_count < count)
        return false;
    for (uint32_t i = 0; i < total; i++) {
        row = w->slot_busy[i] ? 0 : row + 1;
        if (row < count)
            continue;
        for (n = 0; n < count; n++)
            w->picked[n] = i + 1 - count + n;
        return true;
    }
    for (uint32_t i = 0; n < count; i++)
        if (!w->slot_busy[i])
            w->picked[n++] = i;
    return true;
}

/* How many of the slots from first on are free, at most count, and how many of
 * those are near to one of the GPUs. */
static uint32_t row_at(const struct worker *w, uint32_t first, uint32_t count,
                       const struct gpu_share *gpus, uint32_t gpu_count,
                       uint32_t *near)
{
    const struct slots *s = w->config.slots;
    uint32_t n = 0;
    *near = 0;
    for (; n < count && first + n < s->count && !w->slot_busy[first + n]; n++)
        for (uint32_t g = 0; g < gpu_count; g++)
            if (topo_gpu_is_near(w->config.topo, gpus[g].gpu,
                                 s->slots[first + n].cpus, s->cpus_bytes)) {
                ++*near;
                break;
            }
    return n;
}

bool slots_pick_near(struct worker *w, uint32_t count,
                     const struct gpu_share *gpus, uint32_t gpu_count)
{
    uint32_t best = 0, most = 0, near;
    if (!slots_pick(w, count))
        return false;
    for (uint32_t i = 0; i < w->config.slots->count; i++)
        if (row_at(w, i, count, gpus, gpu_count, &near) == count &&
            near > most) {
            best = i;
            most = near;
        }
    for (uint32_t i = 0; most > 0 && i < count; i++)
        w->picked[i] = best + i;
    return true;
}

void slots_mark(struct worker *w, const uint32_t *slots, uint32_t count,
                bool busy)
{
    for (uint32_t i = 0; i < count; i++)
        w->slot_busy[slots[i]] = busy;
    w->busy_count = busy ? w->busy_count + count : w->busy_count - count;
}

void slots_free(struct worker *w, const uint32_t *slots, uint32_t count)
{
    slots_mark(w, slots, count, false);
}

/* ---- Preparing ---- */

/* A directory is kept so long, if it is. 0: it is not. */
static int64_t keep_until_ns(const struct task_template *t)
{
    return t->keep == KEEP_NONE ? 0 : clock_wall_ns() + t->retention_ns;
}

static void on_waits(void *arg, struct prepare *p)
{
    worker_say_task(arg, MSG_PREPARING, prepare_task(p));
}

static void on_prepared(void *arg, struct prepare *p)
{
    struct worker *w = arg;
    uint32_t at = ahead_find(&w->ahead, p);
    if (prepare_state(p) == PREPARE_READY) {
        w->ahead.tasks[at].ready = true;
        if (prepare_has_waited(p)) /* it wants its slots back */
            worker_say_task(w, MSG_PREPARED, prepare_task(p));
        return;
    }
    ahead_take(&w->ahead, at);
    prepare_give_up(p, keep_until_ns(worker_template(w, prepare_task(p))));
}

/* The directory of one that has failed, or was given up, is gone. */
static void on_prepare_gone(void *arg, struct prepare *p, bool kept)
{
    struct worker *w = arg;
    const char *text;
    enum failure failure = prepare_failure(p, &text);
    if (failure == FAILURE_NONE)
        worker_give_back(w, prepare_task(p));
    else
        attempt_fail(w, prepare_task(p), REASON_PRE_PROCESSING, failure,
                     prepare_took_ns(p), kept, text);
}

/* Take what can be prepared off the queue. */
static void queue_prepare(struct worker *w)
{
    struct msg_range task;
    struct err err;
    while (!ahead_is_full(&w->ahead) && queue_first(&w->queue, &task) &&
           task_has_directory(worker_template(w, &task))) {
        struct prepare *p = prepare_start(&w->preparer, &task, NULL, &err);
        if (!p && err.code == ENOMEM) {
            w->waits = true;
            return;
        }
        queue_drop_first(&w->queue);
        if (p)
            ahead_put(&w->ahead, &task, p);
        else /* its id is none */
            attempt_fail(w, &task, REASON_LAUNCH, FAILURE_NONE, 0, false,
                         err.text);
    }
}

/* ---- Starting ---- */

/* The task to start next. */
struct next {
    struct msg_range task;
    struct prepare *prepared; /* NULL: it needs no preparation, */
    uint32_t at;              /* and is there in the queue; else in ahead */
};

static bool needs_none(void *arg, const struct msg_range *task)
{
    return !task_has_directory(worker_template(arg, task));
}

static bool next_find(struct worker *w, struct next *next)
{
    next->prepared = NULL;
    if (ahead_first_ready(&w->ahead, &next->at) &&
        !finisher_is_full(&w->finisher)) {
        next->task = w->ahead.tasks[next->at].task;
        next->prepared = w->ahead.tasks[next->at].with;
        return true;
    }
    return queue_first_of(&w->queue, needs_none, w, &next->task, &next->at);
}

static enum run_started next_run(struct worker *w, const struct next *next,
                                 uint32_t slots, struct err *err)
{
    struct prepared *made =
        next->prepared ? prepare_made(next->prepared) : NULL;
    const struct run_order order = {.task = next->task,
                                    .slots = w->picked,
                                    .slot_count = slots,
                                    .made = made};
    return run_start(&w->runs.runs[w->picked[0]], &order, err);
}

/* Start the next task if it can be; false: not now. */
static bool next_start(struct worker *w)
{
    struct next next;
    struct err err;

    if (!next_find(w, &next))
        return false;
    uint32_t need = worker_template(w, &next.task)->required_slots;
    if (w->config.slots->count - w->busy_count < need + singles_promised(w) ||
        !slots_pick(w, need))
        return false;
    if (worker_is_behind(w))
        return false;
    slots_mark(w, w->picked, need, true);
    switch (next_run(w, &next, need, &err)) {
    case RUN_STARTED: /* not in the order in which they were given */
        if (next.prepared)
            worker_announce(w, &w->runs.runs[w->picked[0]]);
        break;
    case RUN_FAILED: /* on_ended has seen it */
        break;
    case RUN_LATER:
        worker_put_off(w, &err);
        slots_mark(w, w->picked, need, false);
        return false;
    }
    if (next.prepared) {
        ahead_take(&w->ahead, ahead_find(&w->ahead, next.prepared));
        prepare_free(next.prepared);
    } else {
        queue_drop_at(&w->queue, next.at);
    }
    return true;
}

void tasks_start(struct worker *w)
{
    if (w->stage == WORKER_SERVING && w->stopping && !w->stopping_now)
        singles_start(w); /* special tasks, that a job ends with */
    while (w->stage == WORKER_SERVING && !w->stopping) {
        if (!singles_start(w))
            return;
        queue_prepare(w);
        if (!next_start(w))
            return;
    }
}

uint32_t tasks_give_back(struct worker *w, int64_t job, uint32_t max)
{
    struct msg_range range;
    uint32_t left = max, at;
    while (job < 0 ? queue_take_last(&w->queue, left, &range)
                   : queue_take_job(&w->queue, (uint32_t)job, &range)) {
        worker_give_back(w, &range);
        left -= range.count;
    }
    for (; left > 0 && ahead_last(&w->ahead, job, &at); left--)
        prepare_give_up(ahead_take(&w->ahead, at).with, 0);
    return max - left;
}

void tasks_give_back_from(struct worker *w, uint32_t job, uint32_t index)
{
    struct msg_range range;
    if (queue_take_from(&w->queue, job, index, &range)) {
        worker_give_back(w, &range);
        return;
    }
    for (uint32_t i = 0; i < w->ahead.count; i++) {
        const struct msg_range *t = &w->ahead.tasks[i].task;
        if (t->job == job && t->first == index) {
            prepare_give_up(ahead_take(&w->ahead, i).with, 0);
            return;
        }
    }
}

void tasks_find(struct worker *w, uint32_t job, uint32_t index,
                struct answer_task *task)
{
    for (uint32_t i = 0; i < w->ahead.count; i++) {
        const struct msg_range *t = &w->ahead.tasks[i].task;
        if (t->job != job || t->first != index)
            continue;
        *task = (struct answer_task){
            .state = ASK_STATE_PREPARING,
            .attempt = t->attempt,
            .dir = prepare_made(w->ahead.tasks[i].with)->dir.path};
        return;
    }
    uint32_t attempt = queue_find(&w->queue, job, index);
    if (attempt > 0)
        *task =
            (struct answer_task){.state = ASK_STATE_ACTIVE, .attempt = attempt};
}

/* ---- Life ---- */

int starting_init(struct worker *w, struct err *err)
{
    uint32_t slots = w->config.slots->count;
    w->preparer = (struct preparer){.staging = w->config.staging,
                                    .waits = on_waits,
                                    .done = on_prepared,
                                    .gone = on_prepare_gone,
                                    .arg = w};
    w->slot_busy = mem_calloc(slots, sizeof(w->slot_busy[0]));
    w->picked = mem_calloc(slots, sizeof(w->picked[0]));
    if (!w->slot_busy || !w->picked ||
        ahead_init(&w->ahead, slots + AHEAD_MORE) < 0)
        return err_set(err, ENOMEM, "no memory for the worker");
    return 0;
}

void starting_fini(struct worker *w)
{
    preparer_fini(&w->preparer);
    ahead_fini(&w->ahead);
    mem_free(w->slot_busy);
    mem_free(w->picked);
}
