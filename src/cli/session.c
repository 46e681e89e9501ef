/* A session: see session.h.
 *
 * Rank 0 reads the spec and opens the run directory; then all start up
 * together (start.h). Then each rank has its loop with a worker, and rank 0 the
 * manager as well.
 */
#include "config.h"
#include "cli/session.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/launch_line.h"
#include "cli/origin_self.h"
#include "cli/results_last.h"
#include "cli/run_options.h"
#include "cli/signals.h"
#include "cli/specfile.h"
#include "cli/start.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "comm/world.h"
#include "manager/manager.h"
#include "metrics/extract.h"
#include "proc/environment.h"
#include "proc/keeper.h"
#include "proc/spawn.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/results.h"
#include "store/rundir.h"
#include "store/status.h"
#include "store/writer.h"
#include "topo/topo.h"
#include "view/describe.h"
#include "view/progress.h"
#include "wire/msg.h"
#include "worker/worker.h"

extern char **environ;

enum {
    KEEPER_CAPACITY = 4096 /* slots of one rank at most */
};
/* From SIGTERM to SIGKILL: a task over its time limit; a session that is
 * stopped; the same under plain mpirun, which kills us a second later. */
#define GRACE_NS          (5 * NS_PER_SEC)
#define STOP_GRACE_NS     (4 * NS_PER_SEC)
#define STOP_GRACE_MPI_NS (600 * NS_PER_MS)
#define WRITER_END_NS     (20 * NS_PER_SEC)
#define WRITER_STALLED_NS NS_PER_SEC /* the manager has given it up already */
/* A worker bears so many times the silence that makes the manager give up on
 * a worker: when the network stalls, it is the manager who decides. */
enum { MANAGER_PATIENCE = 2 };
/* Regular expressions may keep a rank silent for this part of what makes it
 * lost. */
enum { SEARCHES_TO_LOSS = 3 };

struct session {
    const struct session_options *options;
    struct world *world;
    struct start start;
    struct jobspec *spec;
    /* what launch has told us; "": nobody has launched us */
    char launch_id[64];
    struct terminal terminal;
    /* every rank */
    struct spawner *spawner;
    struct keeper *keeper;
    struct environment *environment;
    struct topo *topo;
    struct slots slots;
    struct start_ranks ranks;
    struct loop *loop;
    struct comm *comm;
    struct worker *worker;
    struct loop_fd signals;
    /* rank 0 */
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
    struct output_pack *outputs;
    struct manager *manager;
    struct progress *progress;
    struct task_range *again; /* --rerun */
    size_t again_count;
    char *shown_dir, *rerun, *launch_command;
    struct origin_self self;
    /* the end */
    int exit_code;
    bool clean;
};

static bool is_manager(const struct session *s)
{
    return world_rank(s->world) == 0;
}

/* ---- Rank 0 before the others ---- */

/* The folder of the spec, absolute. */
static int work_dir_find(const char *spec_path, char dir[PATH_MAX],
                         struct err *err)
{
    if (!realpath(spec_path, dir))
        return err_sys(err, errno, "cannot find %s", spec_path);
    char *slash = strrchr(dir, '/');
    slash[slash == dir] = '\0';
    return 0;
}

static int key_make(struct start *start, struct err *err)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, errno, "no random numbers");
    snprintf(start->key, sizeof(start->key), "%016" PRIx64, random);
    start->epoch = (uint32_t)(random >> 32);
    return 0;
}

/* Read the journal of earlier sessions into a manager. */
static int manager_prepare(struct session *s, struct err *err);

/* The last session was killed before it could say that it was the last. */
static void status_settle(struct session *s, int code)
{
    struct snapshot old, now = *manager_snapshot(s->manager);
    struct status_origin from;
    struct err err;
    if (status_read(s->start.run_dir, s->spec, &old, &from, &err) < 0)
        return;
    if (old.state != RUN_FINISHED) {
        now.state = RUN_FINISHED;
        now.exit_code = code;
        now.session = old.session;
        now.start_ns = old.start_ns;
        now.now_ns = old.now_ns;
        now.node_count = old.node_count;
        now.rank_count = old.rank_count;
        if (status_write(s->rundir, s->spec, &now, &from, &err) < 0)
            log_warning("%s", err.text);
    }
    mem_free(old.jobs);
}

/* Nothing is left to do: say so. */
static int already_done(struct session *s)
{
    const struct task_counts *t = &manager_snapshot(s->manager)->tasks;
    int code = t->succeeded == t->total ? EXIT_ALL_SUCCEEDED : EXIT_SOME_FAILED;
    char count[64], never[128] = "";
    struct buf failed;
    code = results_last(s->rundir, s->spec, code);
    status_settle(s, code);
    buf_init(&failed, 2 * PATH_MAX);
    if (t->failed > 0)
        buf_printf(&failed, ", %" PRIu64 " failed (again, the failed ones: %s)",
                   t->failed, s->rerun);
    if (t->active > 0)
        snprintf(never, sizeof(never),
                 ", %" PRIu64 " never run: the time of their job was over",
                 t->active);
    log_info("%s: all is done: %s succeeded%s%s; results: %s/results.h5",
             s->spec->name,
             describe_count(t->succeeded, t->failed > 0 ? "" : "task", count),
             buf_text(&failed), never, s->shown_dir);
    buf_fini(&failed);
    return code;
}

/* Put an old run aside. */
static int fresh_start(const char *dir, struct err *err)
{
    char *to = NULL;
    if (rundir_move_aside(dir, &to, err) < 0)
        return -1;
    if (to)
        log_info("the old run is in %s now", to);
    mem_free(to);
    return 0;
}

/* The exit code for a run that cannot begin: is it the user's mistake, or may
 * the same command work later? */
static int code_of(const struct err *err)
{
    switch (err->code) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case ESTALE:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return EXIT_LOST;
    default:
        return EXIT_USAGE;
    }
}

/* Read the spec, open the run directory, look at what was done before. The
 * exit code if there is nothing to run, else -1. */
static int prepare(struct session *s, struct buf *text)
{
    const struct session_options *o = s->options;
    struct err err;
    bool fresh = false;

    s->spec = specfile_load(o->spec_path, text);
    if (!s->spec)
        return EXIT_USAGE;
    s->shown_dir =
        o->run_dir ? mem_strdup(o->run_dir) : specfile_run_dir(o->spec_path);
    struct buf rerun;
    buf_init(&rerun, 16 * PATH_MAX);
    if (buf_printf(&rerun, "mpibatch %s ",
                   s->launch_id[0] ? "launch" : "run") == 0 &&
        text_put_shell_word(&rerun, o->spec_path) == 0 &&
        (!o->run_dir || (buf_puts(&rerun, " -o ") == 0 &&
                         text_put_shell_word(&rerun, o->run_dir) == 0)))
        buf_puts(&rerun, " --rerun failed");
    s->rerun = buf_take(&rerun);
    if (!s->shown_dir || !s->rerun) {
        log_error("no memory");
        return EXIT_USAGE;
    }
    if (o->fresh && fresh_start(s->shown_dir, &err) < 0)
        goto fail;
    char spec_path[PATH_MAX];
    if (!realpath(o->spec_path, spec_path)) {
        err_sys(&err, errno, "cannot find %s", o->spec_path);
        goto fail;
    }
    s->rundir = rundir_open(s->shown_dir, buf_text(text), text->len, spec_path,
                            s->spec->inputs, &fresh, &err);
    if (!s->rundir ||
        work_dir_find(o->spec_path, s->start.work_dir, &err) < 0 ||
        key_make(&s->start, &err) < 0)
        goto fail;
    snprintf(s->start.run_dir, sizeof(s->start.run_dir), "%s",
             rundir_path(s->rundir));
    if (rerun_find(&o->rerun, s->rundir, s->spec, &s->again, &s->again_count,
                   &err) < 0 ||
        manager_prepare(s, &err) < 0)
        goto fail;
    if (!manager_has_work(s->manager))
        return already_done(s);
    return -1;
fail:
    log_error("%s", err.text);
    return code_of(&err);
}

/* ---- Callbacks ---- */

static void on_left(void *arg, bool orphaned)
{
    struct session *s = arg;
    if (is_manager(s) && !orphaned)
        return; /* the manager knows when all have gone */
    s->exit_code = orphaned ? EXIT_LOST : EXIT_ALL_SUCCEEDED;
    s->clean = !orphaned;
    loop_stop(s->loop);
}

static void on_finished(void *arg, int exit_code, bool clean)
{
    struct session *s = arg;
    s->exit_code = exit_code;
    s->clean = clean;
    loop_stop(s->loop);
}

static char *on_output_path(void *arg, const char *job_id, const char *task_id,
                            uint32_t attempt, int stream, struct err *err)
{
    struct session *s = arg;
    char *name = rundir_large_output(s->start.run_dir, job_id, task_id, attempt,
                                     stream, true, err);
    char *path = name ? path_join(s->start.run_dir, name) : NULL;
    if (name && !path)
        err_set(err, ENOMEM, "no memory for a task's output");
    mem_free(name);
    return path;
}

static void on_progress(void *arg, const struct snapshot *snap)
{
    progress_update(((struct session *)arg)->progress, snap);
}

static void on_failure(void *arg, const struct attempt *a,
                       const char *stderr_tail, size_t len)
{
    struct session *s = arg;
    progress_failure(s->progress, a, s->ranks.ranks[a->rank].hostname,
                     stderr_tail, len);
}

static void on_notice(void *arg, const char *text)
{
    (void)arg;
    log_info("%s", text);
}

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

static int manager_prepare(struct session *s, struct err *err)
{
    struct manager_config config = {.loop = s->loop,
                                    .spec = s->spec,
                                    .rundir = s->rundir,
                                    .rank_count = world_size(s->world),
                                    .task_limit = s->options->task_limit,
                                    .silence_ns = s->options->lost_after_ns,
                                    .results_late =
                                        extractor_needs_hdf5_alone(s->spec),
                                    .rerun = s->again,
                                    .rerun_count = s->again_count,
                                    .origin = {.pid = (int32_t)getpid()},
                                    .observer = {.progress = on_progress,
                                                 .failure = on_failure,
                                                 .notice = on_notice,
                                                 .arg = s},
                                    .finished = on_finished,
                                    .arg = s};
    const char *file;
    gethostname(config.origin.host, sizeof(config.origin.host) - 1);
    memcpy(config.origin.launch_id, s->launch_id, sizeof(s->launch_id));
    struct journal_reader *past = journal_read(s->rundir, s->spec, err);
    if (!past)
        return -1;
    journal_reader_light(past, true);
    s->manager = manager_create(&config, past, err);
    uint64_t torn = journal_torn_bytes(past, &file);
    if (s->manager && torn > 0)
        log_warning("%s: its last %" PRIu64 " bytes are torn and were left "
                    "out; what they recorded runs again",
                    file, torn);
    journal_reader_destroy(past);
    return s->manager ? 0 : -1;
}

static int signals_watch(struct session *s, struct err *err)
{
    s->signals = (struct loop_fd){.ready = on_signal, .fd = signals_open(err)};
    if (s->signals.fd < 0)
        return -1;
    return loop_add_fd(s->loop, &s->signals, EPOLLIN, err);
}

static int worker_build(struct session *s, struct err *err)
{
    bool under_mpirun = world_size(s->world) > 1 || getenv("PMIX_RANK");
    bool launched = s->launch_id[0] != '\0';
    int64_t silence_ns = MANAGER_PATIENCE * s->options->lost_after_ns;
    int64_t search_ns = s->options->lost_after_ns / SEARCHES_TO_LOSS;
    if (search_ns > EXTRACT_SEARCH_NS)
        search_ns = EXTRACT_SEARCH_NS;
    struct worker_config config = {.loop = s->loop,
                                   .comm = s->comm,
                                   .spec = s->spec,
                                   .topo = s->topo,
                                   .slots = &s->slots,
                                   .spawner = s->spawner,
                                   .keeper = s->keeper,
                                   .environment = s->environment,
                                   .run_dir = s->start.run_dir,
                                   .work_dir = s->start.work_dir,
                                   .key = s->start.key,
                                   .node = s->ranks.nodes[world_rank(s->world)],
                                   .grace_ns = GRACE_NS,
                                   .stop_grace_ns = under_mpirun && !launched
                                                        ? STOP_GRACE_MPI_NS
                                                        : STOP_GRACE_NS,
                                   .silence_ns = silence_ns,
                                   .search_ns = search_ns,
                                   .left = on_left,
                                   .output_path = on_output_path,
                                   .arg = s};
    s->worker = worker_create(&config, err);
    return s->worker ? worker_start(s->worker, err) : -1;
}

static int progress_build(struct session *s, struct err *err)
{
    struct progress_config config = {.quiet = s->options->quiet,
                                     .spec = s->spec,
                                     .run_dir = s->shown_dir,
                                     .run_path = s->start.run_dir,
                                     .work_dir = s->start.work_dir,
                                     .rerun = s->rerun,
                                     .terminal = s->terminal};
    s->progress = progress_create(&config, err);
    if (s->progress)
        log_set_before(progress_clear, s->progress);
    return s->progress ? 0 : -1;
}

static int manager_build(struct session *s, struct err *err)
{
    char *const *envp = environment_envp(s->environment, err);
    if (!envp || origin_self_init(&s->self, envp, s->launch_command, err) < 0)
        return -1;
    struct provenance *from = &s->self.is;
    from->search_path = environment_get(s->environment, "PATH");
    from->library_path = environment_get(s->environment, "LD_LIBRARY_PATH");
    from->preload = environment_get(s->environment, "LD_PRELOAD");
    if (!(s->writer = writer_create(err)) ||
        !(s->journal = journal_create(s->rundir, s->spec, s->writer, err)) ||
        !(s->outputs = output_pack_create(s->rundir, s->writer, err)) ||
        progress_build(s, err) < 0)
        return -1;
    struct manager_means means = {.comm = s->comm,
                                  .writer = s->writer,
                                  .journal = s->journal,
                                  .outputs = s->outputs,
                                  .ranks = s->ranks.ranks,
                                  .rank_nodes = s->ranks.nodes,
                                  .node_count = s->ranks.node_count,
                                  .mpi_library = world_library(s->world),
                                  .provenance = from,
                                  .work_dir = s->start.work_dir};
    return manager_start(s->manager, &means, err);
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

/* Everything between MPI_Init and the loop; -1 with err. s->start.exit_code
 * tells whether to go on. */
static int session_build(struct session *s, struct err *err)
{
    struct buf text;
    int rc = -1;
    buf_init(&text, SPEC_MAX_BYTES);
    /* a long journal takes its time */
    start_guard(s->options->lost_after_ns, !is_manager(s));
    s->start.exit_code = is_manager(s) ? prepare(s, &text) : -1;
    start_guard(s->options->lost_after_ns, true);
    rc = start_share(s->world, &s->start, &text, s->options->spec_path,
                     &s->spec, err);
    buf_fini(&text);
    if (rc < 0 || s->start.exit_code >= 0)
        return rc;
    s->topo = topo_load(NULL, err);
    s->environment = s->topo ? environment_create(environ, err) : NULL;
    if (!s->environment ||
        start_gather(s->world, s->topo, &s->ranks, err) < 0 ||
        start_divide(s->world, s->topo, s->spec, &s->ranks,
                     s->options->dedicated_manager, KEEPER_CAPACITY, &s->slots,
                     err) < 0)
        return -1;
    if (!is_manager(s)) { /* 4 KiB a rank: only who journals them keeps them */
        mem_free(s->ranks.ranks);
        s->ranks.ranks = NULL;
    }
    struct err why;
    if (start_check(s->world, s->spec, s->slots.count, &s->ranks, &why) < 0) {
        if (is_manager(s))
            log_error("%s", why.text);
        s->start.exit_code = EXIT_USAGE;
        return 0;
    }
    s->comm = comm_create(world_transport(s->world), s->start.epoch,
                          MSG_MAX_BYTES, err);
    if (!s->comm || loop_add_turn(s->loop, on_comm_turn, s, err) < 0 ||
        worker_build(s, err) < 0)
        return -1;
    if (is_manager(s)) {
        announce(s);
        return manager_build(s, err);
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
    worker_destroy(s->worker);
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
    comm_destroy(s->comm); /* while its transport is there */
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
    mem_free(s->shown_dir);
    mem_free(s->rerun);
    mem_free(s->again);
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
        !(s.keeper = keeper_create(KEEPER_CAPACITY, WORKER_MARKER, &err)))
        return session_fail(&err);
    start_guard(options->lost_after_ns, true);
    if (!(s.loop = loop_create(&err)) || signals_watch(&s, &err) < 0 ||
        !(s.world = world_init(&err))) {
        session_fail(&err);
        keeper_destroy(s.keeper);
        session_fini(&s);
        return code_of(&err); /* srun without PMIx: the line is wrong */
    }
    if (!is_manager(&s)) {
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
    if (launched && is_manager(&s))
        launch_line_print(s.launch_id, code);
    if (launched)
        code = 0; /* launch knows it now; mpirun would make an alarm of it */
    if (!s.clean) {
        code = results_late(&s, code);
        rundir_close(s.rundir); /* gives the lock back */
        world_leave(s.world, false, code);
    }
    bool late = is_manager(&s) && s.start.exit_code < 0;
    world_leave(s.world, true, code);
    s.world = NULL;
    if (late)
        code = results_late(&s, code);
    session_fini(&s);
    return code;
}
