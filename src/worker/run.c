/* One attempt being run: see run.h. What it is started with, run_spawn.c
 * knows. */
#include "config.h"
#include "worker/run_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "wire/msg.h"
#include "worker/remote.h"

/* How long to wait before a stalled output is tried again. */
#define DRAIN_AGAIN_NS NS_PER_SEC
/* How long the stop of a session may come after the end of its tasks. */
#define DOUBT_NS (2 * NS_PER_SEC)

/* Metrics may take long, and we are silent meanwhile: after so long in a turn
 * of the loop those of other attempts wait for the next one. */
#define TURN_NS NS_PER_SEC

#define container_of(ptr, type, member)                                        \
    ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- The end of an attempt ---- */

/* Say how the process ended, from its wait status. What else makes success,
 * its output must be complete for. */
static void run_judge(struct run *run, int status)
{
    const struct task_template *t = run_template(run);
    struct attempt *a = &run->attempt;
    if (WIFEXITED(status))
        a->exit_code = WEXITSTATUS(status);
    else if (WIFSIGNALED(status))
        a->signal = WTERMSIG(status);
    if (run->end_reason != REASON_NONE)
        a->reason = run->end_reason;
    else if (a->signal)
        a->reason = REASON_SIGNAL;
    else if (run->coordinating) /* it has failed: see is_coordinated */
        a->reason = REASON_EXIT_CODE;
    else if (t->checkpoint_exit_code > 0 &&
             a->exit_code == t->checkpoint_exit_code)
        a->reason = REASON_CHECKPOINT;
    else if (!success_has_code(t, a->exit_code))
        a->reason = REASON_EXIT_CODE;
    a->result = a->reason == REASON_NONE ? RESULT_SUCCESS : RESULT_FAILURE;
    if (a->reason == REASON_EXIT_CODE && a->exit_code == 0)
        attempt_set_message(a, "it is not among the exit_codes of its success");
}

static void run_account(struct run *run, const struct rusage *usage)
{
    struct attempt *a = &run->attempt;
    struct rusage self;
    uint64_t peak = (uint64_t)usage->ru_maxrss * 1024;
    a->user_ns = usage->ru_utime.tv_sec * NS_PER_SEC +
                 usage->ru_utime.tv_usec * NS_PER_US;
    a->system_ns = usage->ru_stime.tv_sec * NS_PER_SEC +
                   usage->ru_stime.tv_usec * NS_PER_US;
    a->read_bytes = (uint64_t)usage->ru_inblock * 512;
    a->write_bytes = (uint64_t)usage->ru_oublock * 512;
    /* The kernel counts our own size, too: the child had it until it executed
     * the task. A peak not above ours says nothing. */
    getrusage(RUSAGE_SELF, &self);
    a->max_rss_bytes =
        peak > (uint64_t)self.ru_maxrss * 1024 ? peak : run->peak_rss_bytes;
    if (a->max_rss_bytes < run->peak_bytes)
        a->max_rss_bytes = run->peak_bytes;
}

/* What the attempt has left, outputs and files: its metrics, and whether that
 * makes success. */
static void run_examine(struct run *run, const char *const data[2],
                        const size_t len[2])
{
    struct run_context *c = run->context;
    struct attempt *a = &run->attempt;
    const struct template_context names = run_names(run);
    struct err err;
    char *dir = run_work_dir(run, &err); /* none: it was never entered */
    const struct leavings left = {.output = {data[0], data[1]},
                                  .output_len = {len[0], len[1]},
                                  .task_id = run->task_id,
                                  .run_dir = c->config->run_dir,
                                  .spec_dir = c->config->work_dir,
                                  .work_dir = dir,
                                  .search_ns = c->config->search_ns};
    const struct success_evidence evidence = {.output = data[0],
                                              .output_len = len[0],
                                              .work_dir = dir,
                                              .names = &names,
                                              .job = run_job(run),
                                              .search_ns =
                                                  c->config->search_ns};
    const struct job *job = run_job(run);
    if (job && job->metric_count > 0 &&
        extractor_run(c->extractors[a->job], &left, a, &err) < 0)
        log_warning("job %s task %s: %s", job->id, run->task_id, err.text);
    success_judge(run_template(run), &evidence, &c->success_regex, a);
    mem_free(dir);
}

/* Complete the record and hand it over. */
static void run_report(struct run *run)
{
    const struct job *job = run_job(run);
    struct attempt *a = &run->attempt;
    const char *data[2] = {"", ""};
    size_t len[2] = {0, 0};
    struct err err;

    for (int s = 0; s < 2; s++) {
        struct capture *c = &run->capture[s];
        a->output[s].bytes = c->bytes;
        a->output[s].place = c->file_fd >= 0 ? OUTPUT_FILE
                             : c->bytes > 0  ? OUTPUT_INLINE
                                             : OUTPUT_EMPTY;
        if (capture_view(c, &data[s], &len[s], &err) < 0) {
            log_warning("job %s task %s: %s", job->id, run->task_id, err.text);
            data[s] = NULL;
            len[s] = 0;
        }
    }
    if ((job && job->metric_count > 0) || run_template(run)->success)
        run_examine(run, data, len);
    run->context->ended(run->context->arg, run, a, data, len);
    for (int s = 0; s < 2; s++)
        capture_view_end(&run->capture[s], data[s], len[s]);
}

/* No further process of it will print anything. */
static void hold_close(struct run *run)
{
    for (int s = 0; s < 2; s++) {
        if (run->hold[s] >= 0)
            close(run->hold[s]);
        run->hold[s] = -1;
    }
}

/* Make the run free again. */
static void run_release(struct run *run)
{
    hold_close(run);
    guard_leave(run);
    keeper_clear(run->context->config->keeper, run->number);
    loop_timer_stop(run->context->config->loop, &run->timer);
    for (int s = 0; s < 2; s++)
        capture_fini(&run->capture[s]);
    attempt_fini(&run->attempt);
    prepared_fini(&run->made);
    launch_fini(&run->launch);
    mem_free(run->slots);
    run->slots = NULL;
    run->slot_count = 0;
    run->pid = 0;
    run->stage = RUN_FREE;
}

static void pipe_unwatch(struct run_pipe *p)
{
    if (p->watched)
        loop_remove_fd(p->run->context->config->loop, &p->watch);
    p->watched = false;
}

/* Its output cannot be written now: say so once, try again later. */
static void run_stall(struct run *run, const struct err *why)
{
    struct err err;
    if (!run->warned)
        log_warning("job %s task %s: %s; trying again each second",
                    run_job_id(run), run->task_id, why->text);
    run->warned = true;
    struct loop *loop = run->context->config->loop;
    if (run->stage == RUN_DRAINING &&
        loop_timer_start(loop, &run->timer, loop_now_ns(loop) + DRAIN_AGAIN_NS,
                         &err) < 0)
        log_error("%s", err.text);
}

/* The session ends before its output could be written: as if it had been
 * stopped, so that it runs again. */
static void run_forgo(struct run *run, const struct err *why)
{
    struct attempt *a = &run->attempt;
    a->result = RESULT_FAILURE;
    a->reason = REASON_STOPPED;
    snprintf(a->message, sizeof(a->message), "its output is given up: %.200s",
             why->text);
    for (int s = 0; s < 2; s++)
        capture_discard(&run->capture[s]);
}

/* Have we been in this turn of the loop for so long that its metrics should
 * wait, and do they? */
static bool run_waits(struct run *run)
{
    struct loop *loop = run->context->config->loop;
    const struct job *job = run_job(run);
    struct err err;
    return job && job->metric_count > 0 &&
           clock_mono_ns() - loop_now_ns(loop) > TURN_NS &&
           loop_timer_start(loop, &run->timer, loop_now_ns(loop) + 1, &err) ==
               0;
}

/* The process is gone: read what is left of its output, then report. */
static void run_drain(struct run *run)
{
    struct err err;
    for (int s = 0; s < 2; s++)
        pipe_unwatch(&run->pipe[s]);
    if (!capture_finish(&run->capture[0], &err) ||
        !capture_finish(&run->capture[1], &err)) {
        if (run->end_reason != REASON_STOPPED) {
            run_stall(run, &err);
            return;
        }
        run_forgo(run, &err);
    }
    if (run_waits(run))
        return;
    run_report(run);
    run_release(run);
}

size_t runs_keep(struct run_context *c)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->run_count; i++)
        if (c->runs[i].pid > 0)
            c->keep[n++] = c->runs[i].pid;
    c->keep[n++] = keeper_pid(c->config->keeper);
    return remotes_keep(c, c->keep, n);
}

void runs_reap(struct run_context *c)
{
    if (c->config->slots->count ==
        0) /* who has no slot leaves nothing behind */
        return;
    size_t n = runs_keep(c);
    spawn_sweep(c->config->spawner, 0, NULL, c->keep, n);
}

void runs_end_strays(struct run_context *c)
{
    size_t n = runs_keep(c);
    spawn_sweep_all(c->config->spawner, c->keep, n);
}

/* End what the attempt has left behind. */
static void run_sweep(struct run *run)
{
    struct run_context *c = run->context;
    remotes_end(run);
    size_t n = runs_keep(c);
    spawn_sweep(c->config->spawner, run->pid, run->marker, c->keep, n);
}

/* Batch systems that end a job send SIGTERM to each process of it, in any
 * order: to the tasks, too, and to the manager perhaps last. Such a task has
 * not failed. */
static bool run_is_doubtful(const struct run *run)
{
    const struct attempt *a = &run->attempt;
    if (run->end_reason != REASON_NONE || a->result == RESULT_SUCCESS)
        return false;
    if (a->signal == SIGTERM || a->exit_code == 128 + SIGTERM) /* of a shell */
        return true;
    return loop_now_ns(run->context->config->loop) <
           run->context->doubt_until_ns;
}

static void pid_unwatch(struct run *run)
{
    loop_remove_fd(run->context->config->loop, &run->pid_watch);
    close(run->pid_watch.fd);
    run->pid_watch.fd = -1;
}

/* Nothing of the instance runs but what is in the background. */
static void run_wait(struct run *run)
{
    struct run_context *c = run->context;
    run->coordinating = false;
    run->stage = RUN_WAITING;
    run->pid = 0;
    keeper_set(c->config->keeper, run->number, 0, strchr(run->marker, '=') + 1);
    if (run->launch.instance > 0) /* the first one's time is that of all */
        loop_timer_stop(c->config->loop, &run->timer);
    c->coordinated(c->arg, run);
}

/* Has the coordination command ended well? It is not reaped. */
static bool is_coordinated(const struct run *run)
{
    siginfo_t info = {0};
    return run->coordinating && run->end_reason == REASON_NONE &&
           waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid == run->pid && info.si_code == CLD_EXITED &&
           info.si_status == 0;
}

static void on_end(struct loop_fd *watch, uint32_t events)
{
    struct run *run = container_of(watch, struct run, pid_watch);
    struct loop *loop = run->context->config->loop;
    struct rusage usage;
    struct err err;
    int status;
    (void)events;

    if (is_coordinated(run)) {
        (void)spawn_reap(run->pid, &status, &usage);
        pid_unwatch(run);
        run_wait(run);
        return;
    }
    run_sweep(
        run); /* first: as long as it is not reaped, its group is its own */
    if (spawn_reap(run->pid, &status, &usage) < 0) {
        if (errno == EAGAIN)
            return;
        /* somebody else has reaped it: we cannot know how it ended */
        memset(&usage, 0, sizeof(usage));
        status = 0;
        run->end_reason = REASON_INTERNAL;
        snprintf(run->attempt.message, sizeof(run->attempt.message),
                 "its exit status was lost");
    }
    pid_unwatch(run);
    hold_close(run);
    loop_timer_stop(loop, &run->timer);
    run->attempt.end_ns =
        run->attempt.start_ns + clock_mono_ns() - run->start_mono_ns;
    run_judge(run, status);
    run_account(run, &usage);
    guard_judge(run);
    if (run->coordinating && run->attempt.message[0] == '\0' &&
        run->end_reason != REASON_CANCELLED &&
        run->end_reason != REASON_STOPPED)
        snprintf(run->attempt.message, sizeof(run->attempt.message),
                 "of the coordination command, on %.100s",
                 run->context->config->host);
    run->pid = 0;
    if (run_is_doubtful(run) &&
        loop_timer_start(loop, &run->timer, loop_now_ns(loop) + DOUBT_NS,
                         &err) == 0) {
        run->stage = RUN_DOUBTED;
        return;
    }
    run->stage = RUN_DRAINING;
    run_drain(run);
}

static void on_output(struct loop_fd *watch, uint32_t events)
{
    struct run_pipe *p = container_of(watch, struct run_pipe, watch);
    struct run *run = p->run;
    struct capture *c = &run->capture[p - run->pipe];
    struct err err;
    (void)events;

    switch (capture_read(c, &err)) {
    case CAPTURE_OPEN:
    case CAPTURE_MORE:
        break;
    case CAPTURE_CLOSED:
        pipe_unwatch(p);
        break;
    case CAPTURE_STALLED: /* run_observe watches it again */
        pipe_unwatch(p);
        run_stall(run, &err);
        break;
    }
}

/* ---- Ending it ---- */

static void on_timer(struct loop_timer *timer)
{
    struct run *run = container_of(timer, struct run, timer);
    switch (run->stage) {
    case RUN_FREE:
    case RUN_KILLED:
        break;
    case RUN_ACTIVE:
    case RUN_WAITING:
        run_end(run, REASON_TIMEOUT, run->context->config->grace_ns);
        break;
    case RUN_TERMINATED:
        spawn_signal_group(run->pid, SIGKILL);
        run->stage = RUN_KILLED;
        break;
    case RUN_DOUBTED:
        run->stage = RUN_DRAINING;
        run_drain(run);
        break;
    case RUN_DRAINING:
        run_drain(run);
        break;
    }
}

/* End what an instance that waits has in the background. */
static void run_end_waiting(struct run *run, enum reason why)
{
    struct attempt *a = &run->attempt;
    run_sweep(run);
    loop_timer_stop(run->context->config->loop, &run->timer);
    a->end_ns = a->start_ns + clock_mono_ns() - run->start_mono_ns;
    a->result = RESULT_FAILURE;
    a->reason = run->end_reason = why;
    guard_judge(run);
    hold_close(run);
    run->stage = RUN_DRAINING;
    run_drain(run);
}

void run_end(struct run *run, enum reason why, int64_t grace_ns)
{
    struct loop *loop = run->context->config->loop;
    int64_t at_ns = loop_now_ns(loop) + grace_ns;
    struct err err;

    if (run->stage == RUN_WAITING) {
        run_end_waiting(run, why);
        return;
    }
    if (run->stage == RUN_DOUBTED) {
        run->end_reason = run->attempt.reason = why;
        run->stage = RUN_DRAINING;
        run_drain(run);
        return;
    }
    if (run->stage == RUN_DRAINING && why == REASON_STOPPED &&
        run->end_reason != REASON_STOPPED) {
        run->end_reason = REASON_STOPPED;
        if (loop_timer_start(loop, &run->timer, at_ns, &err) < 0)
            run_drain(run);
    }
    if (run->stage != RUN_ACTIVE && run->stage != RUN_TERMINATED)
        return;
    if (run->stage == RUN_ACTIVE) {
        run->end_reason = why;
        spawn_signal_group(run->pid, SIGTERM);
        spawn_signal_group(run->pid, SIGCONT); /* a stopped task must see it */
    } else if (run->timer.at_ns <= at_ns) {
        return;
    }
    run->stage = RUN_TERMINATED;
    if (grace_ns <= 0 || loop_timer_start(loop, &run->timer, at_ns, &err) < 0) {
        spawn_signal_group(run->pid, SIGKILL);
        run->stage = RUN_KILLED;
    }
}

/* ---- Starting it ---- */

/* Where a large output of this run goes. */
static char *output_path(void *arg, int stream, struct err *err)
{
    struct run *run = arg;
    const struct worker_config *cfg = run->context->config;
    return cfg->output_path(cfg->arg, run_job_id(run), run->task_id,
                            &run->attempt, stream, err);
}

static int watch_pid(struct run *run, int pidfd, struct err *err)
{
    run->pid_watch = (struct loop_fd){.ready = on_end, .fd = pidfd};
    if (loop_add_fd(run->context->config->loop, &run->pid_watch, EPOLLIN,
                    err) == 0)
        return 0;
    run->pid_watch.fd = -1;
    close(pidfd);
    return -1;
}

/* Watch its output and its time limit. */
static int run_watch(struct run *run, struct err *err)
{
    struct loop *loop = run->context->config->loop;
    for (int s = 0; s < 2; s++) {
        struct run_pipe *p = &run->pipe[s];
        p->watch =
            (struct loop_fd){.ready = on_output, .fd = run->capture[s].fd};
        if (loop_add_fd(loop, &p->watch, EPOLLIN, err) < 0)
            return -1;
        p->watched = true;
    }
    return run->max_wall_clock_ns > 0
               ? loop_timer_start(loop, &run->timer,
                                  run->start_mono_ns + run->max_wall_clock_ns,
                                  err)
               : 0;
}

/* Is this a lack that may pass: processes, memory, descriptors? */
static bool is_passing(int code)
{
    return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE;
}

/* It could not be started: that is its record. */
static void run_fail(struct run *run, enum spawn_step step,
                     const struct err *err)
{
    struct attempt *a = &run->attempt;
    a->reason = step == SPAWN_EXEC && err->code == ENOENT ? REASON_NOT_FOUND
                                                          : REASON_LAUNCH;
    a->result = RESULT_FAILURE;
    a->end_ns = a->start_ns;
    attempt_set_message(a, err->text);
    for (int s = 0; s < 2; s++) {
        pipe_unwatch(&run->pipe[s]);
        if (run->capture[s].fd >= 0)
            close(run->capture[s].fd);
    }
    run->capture[0].fd = run->capture[1].fd = -1;
    run_report(run);
    run_release(run);
}

void run_init(struct run *run, struct run_context *context, uint32_t number)
{
    *run = (struct run){.context = context, .number = number};
    for (int s = 0; s < 2; s++) {
        run->pipe[s].run = run;
        run->capture[s].fd = run->capture[s].file_fd = run->hold[s] = -1;
    }
    run->pid_watch.fd = -1;
    loop_timer_init(&run->timer, on_timer);
}

/* Stop watching; end its processes without grace. */
static void run_abandon(struct run *run)
{
    struct rusage usage;
    int status;
    for (int s = 0; s < 2; s++)
        pipe_unwatch(&run->pipe[s]);
    if (run->pid_watch.fd >= 0)
        pid_unwatch(run);
    if (run->stage == RUN_WAITING)
        run_sweep(run);
    if (run->pid > 0) {
        spawn_signal_group(run->pid, SIGKILL);
        run_sweep(run);
        /* it was sent SIGKILL: it ends, at the latest when its I/O does */
        for (int i = 0; i < 1000 && spawn_reap(run->pid, &status, &usage) < 0 &&
                        errno == EAGAIN;
             i++)
            usleep(1000);
    }
    run_release(run);
}

void run_fini(struct run *run)
{
    if (run->stage != RUN_FREE)
        run_abandon(run);
}

/* It cannot be started now. */
static enum run_started run_put_off(struct run *run,
                                    const struct run_order *order)
{
    if (order->made)
        *order->made = run->made;
    if (order->launch)
        *order->launch = run->launch;
    run->made = (struct prepared){0};
    run->launch = (struct launch){0};
    run_abandon(run);
    return RUN_LATER;
}

/* The memory that a task asks for; 0: it does not. */
static uint64_t asked_memory(const struct jobspec *spec,
                             const struct msg_range *task)
{
    const struct request r = jobspec_request(spec, task->job, task->first);
    for (uint32_t i = 0; i < r.amount_count; i++)
        if (spec->resources[r.amounts[i].resource].kind == RESOURCE_MEMORY)
            return r.amounts[i].units;
    return 0;
}

/* What it was launched with: its limits and GPUs are in the run then. */
static void run_take_launch(struct run *run, struct launch *launch)
{
    run->launch = *launch;
    *launch = (struct launch){0};
    if (run->launch.memory_bytes > 0)
        run->memory_bytes = run->launch.memory_bytes;
    if (run->launch.max_wall_clock_ns > 0)
        run->max_wall_clock_ns = run->launch.max_wall_clock_ns;
    run->gpu_count = run->launch.gpu_count;
    for (uint32_t i = 0; i < run->gpu_count; i++)
        run->gpus[i] = run->launch.gpus[i];
}

/* Make it the attempt's: what it has is the run's from now on. -1 with err. */
static int run_take(struct run *run, const struct run_order *o, struct err *err)
{
    const struct worker_config *cfg = run->context->config;
    struct attempt *a = &run->attempt;
    run->slots = mem_alloc(o->slot_count * sizeof(*o->slots));
    if (!run->slots)
        return err_set(err, ENOMEM, "no memory to start a task");
    memcpy(run->slots, o->slots, o->slot_count * sizeof(*o->slots));
    run->slot_count = o->slot_count;
    attempt_init(a);
    a->job = o->task.job;
    a->index = o->task.first;
    a->attempt = o->task.attempt;
    a->node = cfg->node;
    a->rank = comm_rank(cfg->comm);
    a->slot = cfg->slots->slots[o->slots[0]].number;
    /* not the loop's time: several tasks may start and end in one turn */
    a->start_ns = clock_wall_ns();
    run->start_mono_ns = clock_mono_ns();
    run->end_reason = REASON_NONE;
    run->announced = run->warned = run->goes = run->told = false;
    snprintf(run->marker, sizeof(run->marker), "%s=%s-%" PRIu32 "-%" PRIu64,
             WORKER_MARKER, cfg->key, comm_rank(cfg->comm),
             ++run->context->started);
    run->peak_rss_bytes = run->peak_bytes = 0;
    run->pid = 0;
    run->stage = RUN_ACTIVE;
    run->memory_bytes = asked_memory(cfg->spec, &o->task);
    run->max_wall_clock_ns = run_template(run)->constraints.max_wall_clock_ns;
    run->gpu_count = 0;
    run->launch = (struct launch){.instance_count = 1};
    if (o->launch)
        run_take_launch(run, o->launch);
    if (o->made) {
        a->prepare_ns = o->made->took_ns;
        run->made = *o->made;
        *o->made = (struct prepared){0};
    }
    return 0;
}

/* Start its process, which prints to these. */
static int run_process(struct run *run, const int fds[2], enum spawn_step *step,
                       struct err *err)
{
    int pidfd;
    if (run_spawn(run, fds[0], fds[1], &pidfd, step, err) < 0)
        return -1;
    keeper_set(run->context->config->keeper, run->number, run->pid,
               strchr(run->marker, '=') + 1);
    return watch_pid(run, pidfd, err);
}

/* Is it an instance of several, and what must it do before it waits? */
static bool run_coordinates(struct run *run)
{
    const struct multi_instance *m = run_template(run)->multi_instance;
    run->coordinating = run->launch.instance_count > 1 && m && m->coordination;
    return run->launch.instance_count > 1;
}

enum run_started run_start(struct run *run, const struct run_order *order,
                           struct err *err)
{
    const struct worker_config *cfg = run->context->config;
    const struct capture_file where = {.path = output_path, .arg = run};
    enum spawn_step step = SPAWN_SETUP;
    int child[2] = {-1, -1}, rc = -1;

    if (run_take(run, order, err) < 0)
        return RUN_LATER;
    bool instance = run_coordinates(run);
    if (jobspec_task_id(cfg->spec, order->task.job, order->task.first,
                        run->task_id, err) == 0 &&
        capture_init(&run->capture[0], 0, MSG_MAX_OUTPUT, &where, &child[0],
                     err) == 0 &&
        capture_init(&run->capture[1], 1, MSG_MAX_OUTPUT, &where, &child[1],
                     err) == 0)
        rc = instance && !run->coordinating
                 ? 0
                 : run_process(run, child, &step, err);
    for (int s = 0; s < 2; s++) {
        if (rc == 0 && instance)
            run->hold[s] = child[s];
        else if (child[s] >= 0)
            close(child[s]);
    }
    if (rc < 0 && run->pid == 0 && !is_passing(err->code)) {
        run_fail(run, step, err);
        return RUN_FAILED;
    }
    if (rc < 0 || run_watch(run, err) < 0)
        return run_put_off(run, order);
    if (instance && !run->coordinating)
        run_wait(run);
    return RUN_STARTED;
}

void run_go(struct run *run)
{
    enum spawn_step step = SPAWN_SETUP;
    struct err err;
    if (run->stage != RUN_WAITING || run->launch.instance > 0)
        return;
    run->goes = true;
    if (run_process(run, run->hold, &step, &err) == 0) {
        run->stage = RUN_ACTIVE;
        hold_close(run);
    } else if (run->pid > 0) { /* it runs, but cannot be watched */
        spawn_signal_group(run->pid, SIGKILL);
        run_sweep(run);
        run->pid = 0;
        run_fail(run, step, &err);
    } else if (!is_passing(err.code)) { /* else: see run_observe */
        run_sweep(run);
        run_fail(run, step, &err);
    }
}

void run_observe(struct run *run)
{
    struct loop *loop = run->context->config->loop;
    char path[64], line[4096];
    struct err err;

    if (run->stage == RUN_FREE || run->stage == RUN_DRAINING)
        return;
    for (int s = 0; s < 2; s++) { /* a stalled output: try again */
        struct run_pipe *p = &run->pipe[s];
        struct capture *c = &run->capture[s];
        if (c->stalled && !p->watched && c->fd >= 0 &&
            capture_read(c, &err) != CAPTURE_STALLED &&
            loop_add_fd(loop, &p->watch, EPOLLIN, &err) == 0)
            p->watched = true;
    }
    if (run->stage == RUN_WAITING && run->goes)
        run_go(run);
    if (run->pid <= 0)
        return;
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)run->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, line, sizeof(line) - 1);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    const char *peak = strstr(line, "\nVmHWM:");
    if (peak)
        run->peak_rss_bytes = strtoull(peak + 7, NULL, 10) * 1024;
}
