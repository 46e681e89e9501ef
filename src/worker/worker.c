/* The worker of a rank: see worker.h.
 *
 * It owns the queue, the slots and the conversation with the manager; each
 * attempt is a struct run.
 */
#include "config.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "wire/msg.h"
#include "worker/queue.h"
#include "worker/run.h"

/* How often runs are looked at, and tried again what lacked something. */
#define TICK_NS (250 * NS_PER_MS)
/* An attempt that has run for so long is announced to the manager. */
#define ANNOUNCE_NS NS_PER_SEC
/* So long after a signal to us tasks may end because they got it, too. */
#define SIGNALLED_NS (5 * NS_PER_SEC)
/* More than this unacknowledged, and nothing new is started. */
enum { BACKLOG_MAX_BYTES = 4 << 20 };
enum { MANAGER_RANK = 0 };

enum stage {
    WORKER_SERVING,
    WORKER_LEAVING,  /* told to go; waits until all is acknowledged */
    WORKER_ORPHANED, /* the manager is lost; waits for its tasks to end */
    WORKER_GONE
};

struct worker {
    struct worker_config config;
    enum stage stage;
    struct queue queue;
    struct run_context runs;
    bool *slot_busy; /* one a slot of this rank */
    uint32_t busy_count;
    uint32_t *picked; /* scratch: slots for the next task */
    bool stopping;    /* MSG_STOP was seen: what arrives is given back */
    bool waits;       /* something lacks: the next tick tries again */
    bool warned;
    int64_t silent_ns; /* the manager was not heard for so long, in ticks */
    struct loop_timer tick;
    struct buf out;
};

/* ---- Talking to the manager ---- */

static void say(struct worker *w, const struct msg *m)
{
    struct err err;
    if (w->stage == WORKER_ORPHANED || w->stage == WORKER_GONE)
        return;
    buf_reset(&w->out);
    if (msg_put(&w->out, m, w->config.spec) < 0)
        err_sys(&err, errno, "no memory for a message");
    else if (comm_send(w->config.comm, MANAGER_RANK, COMM_TO_MANAGER,
                       w->out.data, w->out.len, &err) == 0)
        return;
    /* A result that cannot be reported would be a task without an end; the
     * run is resumed without it. */
    log_error("cannot report to the manager: %s", err.text);
    w->stage = WORKER_ORPHANED;
}

static void give_back(struct worker *w, const struct msg_range *range)
{
    struct msg m = {.kind = MSG_RETURNED, .u.range = *range};
    say(w, &m);
}

/* ---- Slots ---- */

/* Choose count free slots: the first row of neighbours that is long enough,
 * else the first free ones. False: too few are free. */
static bool slots_pick(struct worker *w, uint32_t count)
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

static void slots_mark(struct worker *w, const uint32_t *slots, uint32_t count,
                       bool busy)
{
    for (uint32_t i = 0; i < count; i++)
        w->slot_busy[slots[i]] = busy;
    w->busy_count = busy ? w->busy_count + count : w->busy_count - count;
}

/* ---- Starting tasks ---- */

/* Start the first task of the queue if it can be; false: not now. */
static bool first_start(struct worker *w)
{
    struct msg_range task;
    struct err err;

    if (!queue_first(&w->queue, &task))
        return false;
    uint32_t need = job_template(&w->config.spec->jobs[task.job], task.first)
                        ->required_slots;
    if (!slots_pick(w, need))
        return false;
    if (comm_backlog_bytes(w->config.comm, MANAGER_RANK) > BACKLOG_MAX_BYTES) {
        w->waits = true;
        return false;
    }
    slots_mark(w, w->picked, need, true);
    struct run *run = &w->runs.runs[w->picked[0]];
    switch (run_start(run, task.job, task.first, task.attempt, w->picked, need,
                      &err)) {
    case RUN_STARTED:
    case RUN_FAILED: /* on_ended has seen it */
        break;
    case RUN_LATER:
        if (!w->warned)
            log_warning("cannot start a task now: %s; trying again", err.text);
        w->warned = w->waits = true;
        slots_mark(w, w->picked, need, false);
        return false;
    }
    queue_drop_first(&w->queue);
    return true;
}

static void queue_run(struct worker *w)
{
    while (w->stage == WORKER_SERVING && !w->stopping && first_start(w))
        ;
}

/* An attempt has its record: report it. */
static void on_ended(void *arg, struct run *run, struct attempt *a,
                     const char *const output[2], const size_t output_len[2])
{
    struct worker *w = arg;
    struct msg m = {.kind = MSG_RESULT, .u.result.attempt = a};
    for (int s = 0; s < 2; s++) {
        size_t len = output_len[s];
        if (a->output[s].place == OUTPUT_FILE && len > MSG_MAX_TAIL)
            len = MSG_MAX_TAIL;
        m.u.result.output[s] = len > 0 ? output[s] + output_len[s] - len : "";
        m.u.result.output_len[s] = len;
    }
    say(w, &m);
    slots_mark(w, run->slots, run->slot_count, false);
    /* the next task starts when this turn's events are handled: see on_turn */
}

/* ---- What the manager says ---- */

static void queue_return_all(struct worker *w)
{
    struct msg_range range;
    while (queue_take_last(&w->queue, UINT32_MAX, &range))
        give_back(w, &range);
}

static void on_assign(struct worker *w, const struct msg_range *range)
{
    if (w->stopping || queue_put(&w->queue, range) < 0)
        give_back(w, range);
}

static void on_recall(struct worker *w, uint32_t count)
{
    struct msg_range range = {0};
    uint32_t left = count;
    while (queue_take_last(&w->queue, left, &range)) {
        give_back(w, &range);
        left -= range.count;
    }
    if (left == count) /* the manager waits for an answer */
        give_back(w, &(struct msg_range){0});
}

static void runs_end(struct worker *w, int64_t job, enum reason why,
                     int64_t grace_ns)
{
    for (uint32_t i = 0; i < w->runs.run_count; i++) {
        struct run *run = &w->runs.runs[i];
        if (run->stage != RUN_FREE && (job < 0 || run->attempt.job == job))
            run_end(run, why, grace_ns);
    }
}

static void on_cancel(struct worker *w, uint32_t job)
{
    struct msg_range range;
    while (queue_take_job(&w->queue, job, &range))
        give_back(w, &range);
    runs_end(w, job, REASON_CANCELLED, w->config.grace_ns);
}

static void on_stop(struct worker *w, bool now)
{
    w->stopping = true;
    queue_return_all(w);
    if (now)
        runs_end(w, -1, REASON_STOPPED, w->config.stop_grace_ns);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct worker *w = arg;
    struct msg m = {0}; /* results are not for us */
    struct err err;

    if (peer != MANAGER_RANK)
        return;
    if (msg_parse(data, len, w->config.spec, &m, &err) < 0) {
        log_error("malformed message from the manager: %s", err.text);
        return;
    }
    switch (m.kind) {
    case MSG_ASSIGN:
        on_assign(w, &m.u.range);
        break;
    case MSG_RECALL:
        on_recall(w, m.u.recall.count);
        break;
    case MSG_CANCEL:
        on_cancel(w, m.u.cancel.job);
        break;
    case MSG_STOP:
        on_stop(w, m.u.stop.now);
        break;
    case MSG_BYE:
        say(w, &(struct msg){.kind = MSG_LEFT});
        if (w->stage == WORKER_SERVING)
            w->stage = WORKER_LEAVING;
        break;
    case MSG_READY:
    case MSG_STARTED:
    case MSG_STORING:
    case MSG_RESULT:
    case MSG_RETURNED:
    case MSG_LEFT:
        log_error("message %d is not for a worker", (int)m.kind);
        break;
    }
}

/* ---- The manager's life ---- */

static void orphan(struct worker *w, const char *why)
{
    struct msg_range range;
    if (w->stage != WORKER_SERVING && w->stage != WORKER_LEAVING)
        return;
    log_error("%s: ending the tasks of this rank", why);
    w->stage = WORKER_ORPHANED;
    while (queue_take_last(&w->queue, UINT32_MAX, &range))
        ;
    runs_end(w, -1, REASON_STOPPED, w->config.grace_ns);
}

static void on_heard(void *arg, uint32_t peer)
{
    struct worker *w = arg;
    if (peer == MANAGER_RANK)
        w->silent_ns = 0;
}

static void on_gone(void *arg, uint32_t peer, const char *why)
{
    struct worker *w = arg;
    char text[256];
    if (peer != MANAGER_RANK)
        return;
    snprintf(text, sizeof(text), "the manager is lost (%s)", why);
    orphan(w, text);
}

/* Is no process of a task left? (An output that cannot be written does not
 * count: whoever asks has nobody to report it to.) */
static bool all_ended(const struct worker *w)
{
    for (uint32_t i = 0; i < w->runs.run_count; i++)
        if (w->runs.runs[i].stage != RUN_FREE &&
            w->runs.runs[i].stage != RUN_DRAINING)
            return false;
    return true;
}

/* Each turn: start what can be started; leave when it is time. */
static bool on_turn(void *arg)
{
    struct worker *w = arg;
    bool left = false;

    if (!w->waits)
        queue_run(w);
    if (w->stage == WORKER_LEAVING)
        left = w->busy_count == 0 && comm_idle(w->config.comm);
    else if (w->stage == WORKER_ORPHANED)
        left = all_ended(w);
    if (left) {
        bool orphaned = w->stage == WORKER_ORPHANED;
        w->stage = WORKER_GONE;
        w->config.left(w->config.arg, orphaned);
    }
    return left;
}

static void announce(struct worker *w, struct run *run)
{
    int64_t ran_ns = loop_now_ns(w->config.loop) - run->start_mono_ns;
    if (run->announced || run->stage == RUN_DRAINING || ran_ns < ANNOUNCE_NS)
        return;
    run->announced = true;
    const struct attempt *a = &run->attempt;
    struct msg m = {.kind = MSG_STARTED,
                    .u.started = {.job = a->job,
                                  .index = a->index,
                                  .attempt = a->attempt,
                                  .slot = a->slot,
                                  .start_ns = a->start_ns}};
    say(w, &m);
}

static void on_tick(struct loop_timer *timer)
{
    struct worker *w =
        (struct worker *)((char *)timer - offsetof(struct worker, tick));
    struct loop *loop = w->config.loop;
    struct err err;

    w->waits = false;
    for (uint32_t i = 0; i < w->runs.run_count; i++) {
        struct run *run = &w->runs.runs[i];
        if (run->stage == RUN_FREE)
            continue;
        announce(w, run);
        run_observe(run);
    }
    /* counted in ticks: when it is us who slept (stopped by a terminal, a
     * swapping machine), what the manager said meanwhile is still unread */
    w->silent_ns += TICK_NS;
    if (w->silent_ns > w->config.silence_ns)
        orphan(w, "the manager is silent");
    runs_reap(&w->runs);
    if (loop_timer_start(loop, &w->tick, loop_now_ns(loop) + TICK_NS, &err) < 0)
        log_error("%s", err.text);
}

/* ---- Life ---- */

struct worker *worker_create(const struct worker_config *config,
                             struct err *err)
{
    const struct jobspec *spec = config->spec;
    uint32_t slots = config->slots->count;
    struct worker *w = mem_calloc(1, sizeof(*w));
    if (!w)
        goto nomem;
    w->config = *config;
    queue_init(&w->queue);
    buf_init(&w->out, MSG_MAX_BYTES);
    loop_timer_init(&w->tick, on_tick);
    w->slot_busy = mem_calloc(slots, sizeof(w->slot_busy[0]));
    w->picked = mem_calloc(slots, sizeof(w->picked[0]));
    w->runs = (struct run_context){
        .config = &w->config, .run_count = slots, .ended = on_ended, .arg = w};
    w->runs.extractors =
        mem_calloc(spec->job_count, sizeof(w->runs.extractors[0]));
    w->runs.keep = mem_calloc(slots + 1, sizeof(w->runs.keep[0]));
    w->runs.runs = mem_calloc(slots, sizeof(w->runs.runs[0]));
    if (!w->slot_busy || !w->picked || !w->runs.extractors || !w->runs.keep ||
        !w->runs.runs)
        goto nomem;
    for (uint32_t i = 0; i < slots; i++)
        run_init(&w->runs.runs[i], &w->runs, i);
    for (uint32_t j = 0; j < spec->job_count; j++) {
        w->runs.extractors[j] = extractor_create(&spec->jobs[j], err);
        if (!w->runs.extractors[j])
            goto fail;
    }
    comm_listen(config->comm, COMM_TO_WORKER,
                &(struct comm_handler){.message = on_message,
                                       .heard = on_heard,
                                       .gone = on_gone,
                                       .arg = w});
    if (comm_watch(config->comm, MANAGER_RANK, err) < 0 ||
        loop_add_turn(config->loop, on_turn, w, err) < 0 ||
        loop_timer_start(config->loop, &w->tick,
                         loop_now_ns(config->loop) + TICK_NS, err) < 0)
        goto fail;
    return w;
nomem:
    err_set(err, ENOMEM, "no memory for the worker");
fail:
    worker_destroy(w);
    return NULL;
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; w->runs.runs && i < w->runs.run_count; i++)
        run_fini(&w->runs.runs[i]);
    if (w->runs.runs && w->runs.keep)
        runs_end_strays(&w->runs);
    for (uint32_t j = 0; w->runs.extractors && j < w->config.spec->job_count;
         j++)
        extractor_destroy(w->runs.extractors[j]);
    loop_timer_stop(w->config.loop, &w->tick);
    queue_fini(&w->queue);
    buf_fini(&w->out);
    mem_free(w->slot_busy);
    mem_free(w->picked);
    mem_free(w->runs.extractors);
    mem_free(w->runs.keep);
    mem_free(w->runs.runs);
    mem_free(w);
}

void worker_signalled(struct worker *w)
{
    w->runs.doubt_until_ns = loop_now_ns(w->config.loop) + SIGNALLED_NS;
}

int worker_start(struct worker *w, struct err *err)
{
    const struct slots *slots = w->config.slots;
    struct msg m = {
        .kind = MSG_READY,
        .u.ready = {.version = MSG_VERSION,
                    .first_slot = slots->count ? slots->slots[0].number : 0,
                    .slots = slots->count}};
    say(w, &m);
    if (w->stage == WORKER_SERVING)
        return 0;
    return err_set(err, EPIPE, "cannot reach the manager");
}
