/* The worker and the manager of a rank, and what they call: see
 * session_parts.h. */
#include "config.h"
#include "cli/session_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/grow.h"
#include "cli/run_options.h"
#include "metrics/extract.h"

/* From SIGTERM to SIGKILL: a task over its time limit; a session that is
 * stopped; the same under plain mpirun, which kills us a second later. */
#define GRACE_NS          (5 * NS_PER_SEC)
#define STOP_GRACE_NS     (4 * NS_PER_SEC)
#define STOP_GRACE_MPI_NS (600 * NS_PER_MS)
/* A worker bears so many times the silence that makes the manager give up on
 * a worker: when the network stalls, it is the manager who decides. */
enum { MANAGER_PATIENCE = 2 };
/* Regular expressions may keep a rank silent for this part of what makes it
 * lost. */
enum { SEARCHES_TO_LOSS = 3 };

/* ---- What they call ---- */

static void on_left(void *arg, bool orphaned)
{
    struct session *s = arg;
    if (session_is_manager(s) && !orphaned)
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
                            const struct attempt *a, int stream,
                            struct err *err)
{
    struct session *s = arg;
    char *name = rundir_large_output(s->start.run_dir, job_id, task_id, a,
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

/* Behind the line with the id of its job. */
static int on_added(void *arg, const char *text, size_t len, struct err *err)
{
    struct session *s = arg;
    const char *end = memchr(text, '\n', len);
    char id[JOBSPEC_MAX_ID + 1];
    size_t id_len = end ? (size_t)(end - text) : len;
    if (!end || id_len > JOBSPEC_MAX_ID)
        return err_set(err, EPROTO, "it is not said to which job");
    snprintf(id, sizeof(id), "%.*s", (int)id_len, text);
    return spec_grow(s->spec, id, end + 1, len - id_len - 1, err);
}

/* ---- The worker ---- */

int session_worker_start(struct session *s, struct err *err)
{
    bool under_mpirun = world_size(s->world) > 1 || getenv("PMIX_RANK");
    bool launched = s->launch_id[0] != '\0';
    int64_t silence_ns = MANAGER_PATIENCE * s->options->lost_after_ns;
    int64_t search_ns = s->options->lost_after_ns / SEARCHES_TO_LOSS;
    if (search_ns > EXTRACT_SEARCH_NS)
        search_ns = EXTRACT_SEARCH_NS;
    struct worker_config config = {
        .loop = s->loop,
        .comm = s->comm,
        .spec = s->spec,
        .topo = s->topo,
        .slots = &s->slots,
        .spawner = s->spawner,
        .keeper = s->keeper,
        .environment = s->environment,
        .staging = s->stage.scratch ? &s->stage.staging : NULL,
        .peers = &s->peers,
        .host = s->host,
        .run_dir = s->start.run_dir,
        .work_dir = s->start.work_dir,
        .key = s->start.key,
        .node = s->ranks.nodes[world_rank(s->world)],
        .grace_ns = GRACE_NS,
        .stop_grace_ns =
            under_mpirun && !launched ? STOP_GRACE_MPI_NS : STOP_GRACE_NS,
        .silence_ns = silence_ns,
        .search_ns = search_ns,
        .left = on_left,
        .output_path = on_output_path,
        .added = on_added,
        .arg = s};
    s->worker = worker_create(&config, err);
    return s->worker ? worker_start(s->worker, err) : -1;
}

/* ---- The manager ---- */

int session_manager_create(struct session *s, struct err *err)
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
                                    .enable = s->enable,
                                    .enable_count = s->options->enable.count,
                                    .origin = {.pid = (int32_t)getpid()},
                                    .observer = {.progress = on_progress,
                                                 .failure = on_failure,
                                                 .notice = on_notice,
                                                 .arg = s},
                                    .lost = session_stage_lost,
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

static void on_answer(void *arg, uint64_t number, const struct answer *answer,
                      char *data, size_t len)
{
    asking_answer(((struct session *)arg)->stage.asking, number, answer, data,
                  len);
}

int session_manager_start(struct session *s, struct err *err)
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
    if (jobspec_returns_files(s->spec) &&
        !(s->incoming = incoming_create(s->rundir, s->writer, err)))
        return -1;
    if (session_stage_manage(s, err) < 0)
        return -1;
    struct manager_means means = {.comm = s->comm,
                                  .writer = s->writer,
                                  .journal = s->journal,
                                  .outputs = s->outputs,
                                  .incoming = s->incoming,
                                  .forgetting = s->stage.forgetting,
                                  .ranks = s->ranks.ranks,
                                  .rank_nodes = s->ranks.nodes,
                                  .node_count = s->ranks.node_count,
                                  .node_pools = s->ranks.pools,
                                  .divided = s->ranks.divided,
                                  .mpi_library = world_library(s->world),
                                  .provenance = from,
                                  .work_dir = s->start.work_dir,
                                  .answer = on_answer,
                                  .answer_arg = s};
    return manager_start(s->manager, &means, err);
}
