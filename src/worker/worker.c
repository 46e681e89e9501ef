/* The worker of a rank: see worker.h.
 *
 * It owns the conversation with the manager and when to leave; what happens
 * to tasks is in starting.c and ending.c.
 */
#include "config.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "worker/peers.h"
#include "worker/worker_parts.h"

/* How often runs are looked at, and tried again what lacked something. */
#define TICK_NS (250 * NS_PER_MS)
/* An attempt that has run for so long is announced to the manager. */
#define ANNOUNCE_NS NS_PER_SEC
/* So long after a signal to us tasks may end because they got it, too. */
#define SIGNALLED_NS (5 * NS_PER_SEC)
/* More than this unacknowledged, and nothing new is started. */
enum { BACKLOG_MAX_BYTES = 4 << 20 };
enum { MANAGER_RANK = 0 };

/* ---- Talking to the manager ---- */

void worker_say(struct worker *w, const struct msg *m)
{
    struct err err;
    if (w->stage >= WORKER_CUT)
        return;
    buf_reset(&w->out);
    if (msg_put(&w->out, m, w->config.spec) < 0)
        err_sys(&err, errno, "no memory for a message");
    else if (comm_send(w->config.comm, MANAGER_RANK, COMM_TO_MANAGER,
                       w->out.data, w->out.len, &err) == 0)
        return;
    /* A result that cannot be reported would be a task without an end; the
     * run is resumed without it. What runs is ended in on_turn: who says
     * something is in the middle of it. */
    log_error("cannot report to the manager: %s", err.text);
    w->stage = WORKER_CUT;
}

void worker_say_attempt(struct worker *w, enum msg_kind kind,
                        const struct attempt *a)
{
    struct msg m = {.kind = kind,
                    .u.started = {.job = a->job,
                                  .index = a->index,
                                  .attempt = a->attempt,
                                  .slot = a->slot,
                                  .start_ns = a->start_ns}};
    worker_say(w, &m);
}

void worker_say_task(struct worker *w, enum msg_kind kind,
                     const struct msg_range *task)
{
    struct msg m = {.kind = kind,
                    .u.started = {.job = task->job,
                                  .index = task->first,
                                  .attempt = task->attempt}};
    worker_say(w, &m);
}

bool worker_is_behind(struct worker *w)
{
    if (comm_backlog_bytes(w->config.comm, MANAGER_RANK) <= BACKLOG_MAX_BYTES)
        return false;
    w->waits = true;
    return true;
}

void worker_put_off(struct worker *w, const struct err *err)
{
    if (!w->warned)
        log_warning("cannot start a task now: %s; trying again", err->text);
    w->warned = w->waits = true;
}

void worker_give_back(struct worker *w, const struct msg_range *range)
{
    struct msg m = {.kind = MSG_RETURNED, .u.range = *range};
    worker_say(w, &m);
}

/* ---- What the manager says ---- */

static void on_assign(struct worker *w, const struct msg_range *range)
{
    if (special_of(range->first) != SPECIAL_NONE)
        singles_put(w, range, NULL);
    else if (w->stopping || queue_put(&w->queue, range) < 0)
        worker_give_back(w, range);
}

/* Is it on ranks that there are? */
static bool is_known(const struct worker *w, const struct launch *launch)
{
    const struct peers *p = w->config.peers;
    for (uint32_t i = 0; launch->ranks && i < launch->instance_count; i++)
        if (!p || launch->ranks[i] >= p->count)
            return false;
    return true;
}

static void on_launch(struct worker *w, const struct msg *m)
{
    struct msg_range task = {.job = m->u.launch.job,
                             .first = m->u.launch.index,
                             .count = 1,
                             .attempt = m->u.launch.attempt};
    struct launch launch;
    struct err err;
    if (w->stopping || launch_read(&launch, m, &err) < 0) {
        worker_give_back(w, &task);
    } else if (!is_known(w, &launch)) {
        attempt_fail(w, &task, REASON_INTERNAL, FAILURE_NONE, 0, false,
                     "one of its instances is on a rank that there is not");
        launch_fini(&launch);
    } else {
        singles_put(w, &task, &launch);
    }
}

static void on_recall(struct worker *w, uint32_t count)
{
    if (tasks_give_back(w, -1, count) ==
        0) /* the manager waits for an answer */
        worker_give_back(w, &(struct msg_range){0});
}

static void on_cancel(struct worker *w, uint32_t job)
{
    tasks_give_back(w, job, UINT32_MAX);
    singles_give_up(w, job, REASON_CANCELLED);
    attempts_end(w, job, REASON_CANCELLED, w->config.grace_ns);
}

static void on_stop(struct worker *w, bool now)
{
    w->stopping = true;
    w->stopping_now = now;
    tasks_give_back(w, -1, UINT32_MAX);
    singles_give_up(w, now ? -1 : -2, REASON_STOPPED);
    if (now)
        attempts_end(w, -1, REASON_STOPPED, w->config.stop_grace_ns);
}

/* End one attempt, or give it back if it has not started. One that is not here
 * any more is reported, or on its way. */
static void on_end(struct worker *w, uint32_t job, uint32_t index,
                   uint32_t attempt, enum reason why)
{
    if (!attempt_end(w, job, index, attempt, why) &&
        !singles_give_up_one(w, job, index, attempt, why))
        tasks_give_back_from(w, job, index);
}

static void orphan(struct worker *w, const char *why);

/* A piece of what was added to the spec, which rank 0 shares with the manager.
 * Who cannot follow would take tasks for others: it leaves. */
static void on_fragment(struct worker *w, const struct msg *m)
{
    bool complete = false;
    struct err err;
    char why[ERR_TEXT_MAX + 64];
    if (m->u.fragment.number <= w->config.spec->fragment_count)
        return;
    int rc = growing_put(&w->growing, m, &complete, &err);
    if (rc == 0 && complete)
        rc = w->config.added(w->config.arg, buf_text(&w->growing.b),
                             w->growing.b.len, &err);
    if (rc == 0)
        return;
    snprintf(why, sizeof(why), "tasks were added that cannot be: %s", err.text);
    orphan(w, why);
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
        worker_say(w, &(struct msg){.kind = MSG_LEFT});
        if (w->stage == WORKER_SERVING)
            w->stage = WORKER_LEAVING;
        break;
    case MSG_LAUNCH:
        on_launch(w, &m);
        break;
    case MSG_END:
        on_end(w, m.u.one.job, m.u.one.index, m.u.one.attempt, m.u.one.reason);
        break;
    case MSG_GO:
        attempt_go(w, m.u.one.job, m.u.one.index, m.u.one.attempt);
        break;
    case MSG_REMOTE:
        attempt_remote(w, &m);
        break;
    case MSG_FRAGMENT:
        on_fragment(w, &m);
        break;
    case MSG_REMOTE_ENDED:
    case MSG_PREPARED:
    case MSG_INSTANCE:
    case MSG_READY:
    case MSG_STARTED:
    case MSG_PREPARING:
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
    if (w->stage >= WORKER_ORPHANED)
        return;
    log_error("%s: ending the tasks of this rank", why);
    w->stage = WORKER_ORPHANED;
    tasks_give_back(w, -1, UINT32_MAX); /* to nobody */
    singles_give_up(w, -1, REASON_STOPPED);
    attempts_end(w, -1, REASON_STOPPED, w->config.grace_ns);
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
        tasks_start(w);
    if (w->stage == WORKER_CUT)
        orphan(w, "the manager cannot be told of them");
    if (w->stage == WORKER_LEAVING)
        left = w->busy_count == 0 && !w->singles && all_ended(w) &&
               comm_idle(w->config.comm);
    else if (w->stage == WORKER_ORPHANED)
        left = all_ended(w);
    if (left) {
        bool orphaned = w->stage == WORKER_ORPHANED;
        w->stage = WORKER_GONE;
        w->config.left(w->config.arg, orphaned);
    }
    return left;
}

void worker_announce(struct worker *w, struct run *run)
{
    run->announced = true;
    worker_say_attempt(w, MSG_STARTED, &run->attempt);
}

static void announce_long(struct worker *w, struct run *run)
{
    int64_t ran_ns = loop_now_ns(w->config.loop) - run->start_mono_ns;
    if (!run->announced && run->stage != RUN_DRAINING && ran_ns >= ANNOUNCE_NS)
        worker_announce(w, run);
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
        announce_long(w, run);
        run_observe(run);
    }
    guard_look(&w->runs);
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
    struct worker *w = mem_calloc(1, sizeof(*w));
    if (!w) {
        err_set(err, ENOMEM, "no memory for the worker");
        return NULL;
    }
    w->config = *config;
    queue_init(&w->queue);
    growing_init(&w->growing);
    buf_init(&w->out, MSG_MAX_BYTES);
    loop_timer_init(&w->tick, on_tick);
    singles_init(w);
    if (starting_init(w, err) < 0 || ending_init(w, err) < 0)
        goto fail;
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
fail:
    worker_destroy(w);
    return NULL;
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    ending_fini(w);
    singles_fini(w);
    starting_fini(w);
    loop_timer_stop(w->config.loop, &w->tick);
    queue_fini(&w->queue);
    growing_fini(&w->growing);
    buf_fini(&w->out);
    mem_free(w);
}

void worker_hurry(struct worker *w)
{
    finisher_stop(&w->finisher, 0);
}

void worker_find(void *arg, uint32_t job, uint32_t index,
                 struct answer_task *task)
{
    struct worker *w = arg;
    for (uint32_t i = 0; i < w->runs.run_count; i++) {
        const struct run *run = &w->runs.runs[i];
        if (run->stage == RUN_FREE || run->attempt.job != job ||
            run->attempt.index != index)
            continue;
        *task = (struct answer_task){
            .state = ASK_STATE_RUNNING,
            .attempt = run->attempt.attempt,
            .capture = {&run->capture[0], &run->capture[1]},
            .dir = run->made.dir.path};
        return;
    }
    if (!finisher_find(&w->finisher, job, index, task) &&
        !singles_find(w, job, index, task))
        tasks_find(w, job, index, task);
}

void worker_signalled(struct worker *w)
{
    w->runs.doubt_until_ns = loop_now_ns(w->config.loop) + SIGNALLED_NS;
}

/* The GPUs of the node, those near to our slots first. */
static int slots_gpu_order(const struct slots *slots, const struct topo *topo,
                           uint32_t count, uint32_t *order, struct err *err)
{
    cpu_set_t *cpus = mem_calloc(1, slots->cpus_bytes);
    if (!cpus)
        return err_set(err, ENOMEM, "no memory for a set of CPUs");
    for (uint32_t i = 0; i < slots->count; i++)
        CPU_OR_S(slots->cpus_bytes, cpus, cpus, slots->slots[i].cpus);
    topo_gpu_order(topo, cpus, slots->cpus_bytes, count, order);
    mem_free(cpus);
    return 0;
}

int worker_start(struct worker *w, struct err *err)
{
    const struct slots *slots = w->config.slots;
    struct msg m = {
        .kind = MSG_READY,
        .u.ready = {.version = MSG_VERSION,
                    .first_slot = slots->count ? slots->slots[0].number : 0,
                    .slots = slots->count,
                    .gpu_count = topo_gpu_count(w->config.topo)}};
    if (slots_gpu_order(slots, w->config.topo, m.u.ready.gpu_count,
                        m.u.ready.gpus, err) < 0)
        return -1;
    worker_say(w, &m);
    if (w->stage == WORKER_SERVING)
        return 0;
    return err_set(err, EPIPE, "cannot reach the manager");
}
