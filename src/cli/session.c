/* A session: see session.h.
 *
 * Rank 0 reads the spec and opens the run directory; then all start up
 * together (start.h). Then each rank has its loop with a worker, and rank 0 the
 * manager as well.
 */
#include "config.h"
#include "cli/session_parts.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/launch_line.h"
#include "cli/results_last.h"
#include "cli/run_options.h"
#include "cli/signals.h"
#include "spec/spec.h"
#include "store/results.h"
#include "view/describe.h"
#include "wire/msg.h"

extern char **environ;

enum {
    KEEPER_CAPACITY = 4096 /* slots of one rank at most */
};
#define INCOMING_END_NS   (2 * NS_PER_SEC) /* nothing is under way by then */
#define WRITER_END_NS     (20 * NS_PER_SEC)
#define WRITER_STALLED_NS NS_PER_SEC /* the manager has given it up already */

/* ---- In the loop ---- */

static bool on_comm_turn(void *arg)
{
    struct session *s = arg;
    return comm_turn(s->comm, loop_now_ns(s->loop));
}

/* USR1: let run what runs, start nothing. TERM, INT, QUIT, HUP, USR2: stop now.
 * The manager speaks for all ranks; the others leave signals to it. */
static void on_signal(struct loop_fd *fd, uint32_t events)
{
    struct session *s =
        (struct session *)((char *)fd - offsetof(struct session, signals));
    struct signalfd_siginfo info;
    char why[64];
    (void)events;
    while (read(fd->fd, &info, sizeof(info)) == sizeof(info)) {
        int number = (int)info.ssi_signo;
        if (s->worker && number != SIGUSR1)
            worker_signalled(s->worker);
        if (!s->manager)
            continue;
        if (number == SIGUSR2 && s->launch_id[0]) /* launch's word for all */
            snprintf(why, sizeof(why), "told to stop");
        else
            snprintf(why, sizeof(why), "SIG%s", sigabbrev_np(number));
        manager_stop(s->manager, number != SIGUSR1, why);
    }
}

/* ---- Building up ---- */

/* Take what launch has put into our environment: a task that runs mpibatch
 * itself must not find it there. */
static void launch_take(struct session *s)
{
    const char *id = getenv("MPIBATCH_LAUNCH_ID");
    const char *command = getenv("MPIBATCH_LAUNCH_COMMAND");
    snprintf(s->launch_id, sizeof(s->launch_id), "%s", id ? id : "");
    terminal_detect(&s->terminal, STDERR_FILENO);
    s->terminal.live &= !s->options->plain;
    s->launch_command = command ? mem_strdup(command) : NULL;
    s->terminal.colors = run_colors(s->options);
    log_set_colors(s->terminal.colors);
    unsetenv("MPIBATCH_LAUNCH_ID");
    unsetenv("MPIBATCH_LAUNCH_COMMAND");
    unsetenv("MPIBATCH_TERMINAL");
}

static int signals_watch(struct session *s, struct err *err)
{
    s->signals = (struct loop_fd){.ready = on_signal, .fd = signals_open(err)};
    if (s->signals.fd < 0)
        return -1;
    return loop_add_fd(s->loop, &s->signals, EPOLLIN, err);
}

/* What is about to happen, in a line. */
static void announce(struct session *s)
{
    const struct snapshot *snap = manager_snapshot(s->manager);
    uint64_t done = snap->tasks.succeeded + snap->tasks.failed;
    char total[64], already[64] = "", ended[64], ranks[64], nodes[64];
    if (s->options->quiet)
        return;
    if (done > 0)
        snprintf(already, sizeof(already), ", %s ended before",
                 describe_count(done, "", ended));
    log_info("%s: %s%s; %s on %s; run directory %s", s->spec->name,
             describe_count(snap->tasks.total, "task", total), already,
             describe_count(world_size(s->world), "rank", ranks),
             describe_count(s->ranks.node_count, "node", nodes), s->shown_dir);
    if (s->ranks.spare_count > (uint32_t)s->options->dedicated_manager)
        log_info("%s without a slot: there are more ranks than %s",
                 describe_count(s->ranks.spare_count, "rank", ranks),
                 jobspec_max_required_slots(s->spec) > 1
                     ? "tasks of that size fit"
                     : "cores");
}

/* Where we are, for tasks that start commands through us. */
static void program_find(struct session *s)
{
    ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
    s->program[n > 0 ? n : 0] = '\0';
    s->peers.program = n > 0 ? s->program : NULL;
}

/* All ranks have found the same reason not to begin. */
static int refuse(struct session *s, const struct err *why, int exit_code)
{
    if (session_is_manager(s))
        log_error("%s", why->text);
    s->start.exit_code = exit_code;
    return 0;
}

/* Everything between MPI_Init and the loop; -1 with err. s->start.exit_code
 * tells whether to go on. */
static int session_build(struct session *s, struct err *err)
{
    struct buf text;
    int rc = -1;
    buf_init(&text, SPEC_MAX_BYTES);
    /* a long journal takes its time */
    start_guard(s->options->lost_after_ns, !session_is_manager(s));
    s->start.exit_code = session_is_manager(s) ? session_prepare(s, &text) : -1;
    start_guard(s->options->lost_after_ns, true);
    rc = start_share(s->world, &s->start, &text, s->options->spec_path,
                     &s->spec, err);
    buf_fini(&text);
    if (rc < 0 || s->start.exit_code >= 0)
        return rc;
    s->topo = topo_load(NULL, err);
    s->environment = s->topo ? environment_create(environ, err) : NULL;
    struct err why;
    if (!s->environment || start_gather(s->world, s->topo, &s->ranks, err) < 0)
        return -1;
    if (start_pools(s->world, s->spec, &s->ranks, &why) < 0)
        return refuse(s, &why, EXIT_USAGE);
    if (start_divide(s->world, s->topo, s->spec, &s->ranks,
                     s->options->dedicated_manager, KEEPER_CAPACITY, &s->slots,
                     err) < 0)
        return -1;
    if (start_check(s->world, s->spec, s->slots.count, &s->ranks, &why) < 0)
        return refuse(s, &why, EXIT_USAGE);
    if (start_peers(s->world, s->topo, &s->slots, &s->ranks, &s->peers, err) <
        0)
        return -1;
    program_find(s);
    if (jobspec_needs_scratch(s->spec) &&
        start_scratch(s->world, s->spec, &s->start, &s->ranks,
                      &s->stage.scratch, &why) < 0)
        return refuse(s, &why, session_code_of(&why));
    uint32_t me = world_rank(s->world);
    memcpy(s->host, s->ranks.ranks[me].hostname, sizeof(s->host));
    if (!session_is_manager(s)) { /* only who journals them keeps them: each
                                     has 4 KiB */
        mem_free(s->ranks.ranks);
        s->ranks.ranks = NULL;
    }
    s->comm = comm_create(world_transport(s->world), s->start.epoch,
                          MSG_MAX_BYTES, err);
    if (!s->comm || loop_add_turn(s->loop, on_comm_turn, s, err) < 0 ||
        session_stage_create(s, err) < 0 || session_worker_start(s, err) < 0 ||
        session_stage_answer(s, err) < 0)
        return -1;
    if (session_is_manager(s)) {
        announce(s);
        return session_manager_start(s, err);
    }
    return 0;
}

/* ---- Taking down ---- */

static void session_end(struct session *s)
{
    struct err err;
    char why[256];
    const struct snapshot *snap =
        s->progress ? manager_snapshot(s->manager) : NULL;
    if (snap)
        progress_summary(s->progress, snap,
                         s->exit_code == EXIT_STOPPED || /* is made last */
                             results_are_current(s->rundir, s->spec));
    log_set_before(NULL, NULL);
    if (s->worker)
        worker_hurry(s->worker);
    session_stage_stop(s);
    worker_destroy(s->worker);
    incoming_destroy(s->incoming, INCOMING_END_NS);
    s->incoming = NULL;
    journal_destroy(s->journal);
    output_pack_destroy(s->outputs);
    int64_t wait_ns = s->writer && writer_stalled(s->writer, why)
                          ? WRITER_STALLED_NS
                          : WRITER_END_NS;
    if (s->writer && writer_destroy(s->writer, wait_ns, &err) < 0) {
        log_error("%s", err.text);
        s->exit_code = EXIT_LOST;
    }
    s->writer = NULL;
    session_stage_destroy(s); /* and these while their transports are there */
    comm_destroy(s->comm);
    s->comm = NULL;
    keeper_destroy(s->keeper);
    s->keeper = NULL;
}

static void session_fini(struct session *s)
{
    manager_destroy(s->manager);
    progress_destroy(s->progress);
    rundir_close(s->rundir);
    if (s->signals.fd >= 0)
        close(s->signals.fd);
    loop_destroy(s->loop);
    slots_fini(&s->slots);
    topo_destroy(s->topo);
    environment_destroy(s->environment);
    spawner_destroy(s->spawner);
    jobspec_destroy(s->spec);
    start_ranks_fini(&s->ranks);
    start_peers_fini(&s->peers);
    mem_free(s->shown_dir);
    mem_free(s->rerun);
    mem_free(s->again);
    mem_free(s->enable);
    mem_free(s->launch_command);
    origin_self_fini(&s->self);
}

/* A session that was stopped has left its results for now, when time is its
 * own; or for launch, which waits for mpirun, but not for ever. */
static int results_late(struct session *s, int code)
{
    if (!s->rundir || s->exit_code == EXIT_LOST || s->launch_id[0])
        return code;
    return results_last(s->rundir, s->spec, code);
}

static int session_fail(const struct err *err)
{
    log_error("%s", err->text);
    return EXIT_LOST;
}

int session_run(const struct session_options *options)
{
    struct session s = {.options = options, .signals.fd = -1, .clean = true};
    struct err err;
    char prefix[64];

    launch_take(&s);
    /* before MPI: small, nothing open, the signals and limits of the user */
    if (!(s.spawner = spawner_create(&err)) ||
        !(s.keeper = keeper_create(KEEPER_CAPACITY + WORKER_MAX_SPECIALS,
                                   WORKER_MARKER, &err)))
        return session_fail(&err);
    start_guard(options->lost_after_ns, true);
    if (!(s.loop = loop_create(&err)) || signals_watch(&s, &err) < 0 ||
        !(s.world = world_init(&err))) {
        session_fail(&err);
        keeper_destroy(s.keeper);
        session_fini(&s);
        return session_code_of(&err); /* srun without PMIx: the line is wrong */
    }
    if (!session_is_manager(&s)) {
        snprintf(prefix, sizeof(prefix), "mpibatch[rank %" PRIu32 "]",
                 world_rank(s.world));
        log_init(prefix, LOG_INFO);
    }
    if (session_build(&s, &err) < 0) {
        session_fail(&err);
        keeper_destroy(s.keeper);
        world_abort(s.world, EXIT_LOST);
    }
    start_guard(options->lost_after_ns, false);
    s.exit_code = s.start.exit_code;
    if (s.start.exit_code < 0 && loop_run(s.loop, &err) < 0) {
        s.exit_code = session_fail(&err);
        s.clean = false;
    }
    session_end(&s);
    bool launched = s.launch_id[0] != '\0';
    int code = s.exit_code;
    if (launched && session_is_manager(&s))
        launch_line_print(s.launch_id, code);
    if (launched)
        code = 0; /* launch knows it now; mpirun would make an alarm of it */
    if (!s.clean) {
        code = results_late(&s, code);
        rundir_close(s.rundir); /* gives the lock back */
        world_leave(s.world, false, code);
    }
    bool late = session_is_manager(&s) && s.start.exit_code < 0;
    world_leave(s.world, true, code);
    s.world = NULL;
    if (late)
        code = results_late(&s, code);
    session_fini(&s);
    return code;
}
