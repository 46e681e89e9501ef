/* What an attempt is started with: its folder, its CPUs, its environment and
 * its command line. See run_parts.h. */
#include "config.h"
#include "worker/run_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/jobcommand.h"
#include "worker/container.h"
#include "worker/devices.h"
#include "worker/gang.h"
#include "worker/staging.h"
#include "worker/variables.h"

struct template_context run_names(const struct run *run)
{
    return (struct template_context){.index = run->attempt.index,
                                     .task_id = run->task_id,
                                     .job_id = run_job_id(run),
                                     .run_dir = run->context->config->run_dir,
                                     .spec_dir =
                                         run->context->config->work_dir};
}

char *run_work_dir(const struct run *run, struct err *err)
{
    const struct template_context tc = run_names(run);
    const struct task_template *t = run_template(run);
    const char *own = task_works_in_directory(t) ? run->made.dir.wd : NULL;
    return task_folder(t, &tc, own ? own : run->context->config->work_dir, err);
}

/* The CPUs of its slots; *own: to be freed, or NULL if borrowed. */
static const cpu_set_t *run_cpus(const struct run *run, cpu_set_t **own)
{
    const struct slots *s = run->context->config->slots;
    *own = NULL;
    if (run->slot_count == 1)
        return s->slots[run->slots[0]].cpus;
    cpu_set_t *set = mem_calloc(1, s->cpus_bytes);
    if (!set)
        return NULL;
    for (uint32_t i = 0; i < run->slot_count; i++)
        CPU_OR_S(s->cpus_bytes, set, set, s->slots[run->slots[i]].cpus);
    *own = set;
    return set;
}

static int env_put(struct run *run, struct err *err, const char *name,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int env_put(struct run *run, struct err *err, const char *name,
                   const char *fmt, ...)
{
    char value[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    return environment_set(run->context->config->environment, name, value, err);
}

/* What an instance of several is told of the others. */
static int gang_put(struct run *run, struct err *err)
{
    const struct worker_config *cfg = run->context->config;
    const struct attempt *a = &run->attempt;
    const struct gang g = {
        .peers = cfg->peers,
        .launch = &run->launch,
        .slots = run->slot_count,
        .port = gang_port(cfg->key, a->job, a->index, a->attempt),
        .dir = &run->made.dir};
    return gang_variables_put(cfg->environment, &g, err);
}

/* What a task finds in its environment: who it is, then the user's settings. */
static int run_environment(struct run *run, const struct template_context *tc,
                           const cpu_set_t *cpus, struct err *err)
{
    const struct worker_config *cfg = run->context->config;
    const struct task_template *t = run_template(run);
    const struct slot *slot = &cfg->slots->slots[run->slots[0]];
    const struct job *job = run_job(run);
    const struct pool *pool =
        &cfg->spec->pools[jobspec_pool(cfg->spec, run->attempt.job)];
    const char *root = cfg->staging && cfg->staging->scratch
                           ? scratch_path(cfg->staging->scratch)
                           : NULL;
    struct environment *env = cfg->environment;
    struct line_variable lines[LINE_VARIABLES_MAX];
    uint32_t line_count = 0;
    struct buf value;
    int rc = 0;

    environment_reset(env);
    if (environment_set(env, WORKER_MARKER, strchr(run->marker, '=') + 1, err) <
            0 ||
        environment_set(env, "MPIBATCH_RUN_DIR", cfg->run_dir, err) < 0 ||
        environment_set(env, "MPIBATCH_TASK_ID", tc->task_id, err) < 0 ||
        env_put(run, err, "MPIBATCH_TASK_ATTEMPT", "%" PRIu32,
                run->attempt.attempt) < 0 ||
        env_put(run, err, "MPIBATCH_SLOT", "%" PRIu32, slot->number) < 0 ||
        env_put(run, err, "MPIBATCH_SLOTS", "%" PRIu32, run->slot_count) < 0 ||
        env_put(run, err, "OMP_NUM_THREADS", "%" PRIu32,
                topo_thread_count(cfg->topo, cpus, cfg->slots->cpus_bytes,
                                  pool->slot_unit)) < 0)
        return -1;
    if (tc->job_id[0] &&
        environment_set(env, "MPIBATCH_JOB_ID", tc->job_id, err) < 0)
        return -1;
    if (job &&
        env_put(run, err, "MPIBATCH_TASK_INDEX", "%" PRIu32, tc->index) < 0)
        return -1;
    if (run->launch.instance_count > 1 && /* for mpibatch remote */
        env_put(run, err, "MPIBATCH_JOB_INDEX", "%" PRIu32, run->attempt.job) <
            0)
        return -1;
    const struct variables_of who = {.host = cfg->host,
                                     .job_id = tc->job_id,
                                     .task_id = tc->task_id,
                                     .root = root,
                                     .made =
                                         run->made.dir.path ? &run->made : NULL,
                                     .job = run->attempt.job,
                                     .index = tc->index};
    if (variables_put(env, cfg->spec, &who, err) < 0 ||
        (run->launch.ranks && gang_put(run, err) < 0))
        return -1;
    if (job &&
        (job_line_variables(job, tc->index, lines, &line_count, err) < 0 ||
         devices_put(env, cfg->spec, cfg->topo, run->gpus, run->gpu_count,
                     err) < 0))
        return -1;
    if (run->memory_bytes > 0 && env_put(run, err, "MPIBATCH_MEMORY_BYTES",
                                         "%" PRIu64, run->memory_bytes) < 0)
        return -1;
    for (uint32_t i = 0; rc == 0 && i < line_count; i++)
        rc = environment_set(env, lines[i].name, lines[i].value, err);
    buf_init(&value, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < t->env_count; i++) {
        buf_reset(&value);
        rc = template_expand(t->env[i].value, tc, false, &value, err);
        if (rc == 0)
            rc = environment_set(env, t->env[i].name, buf_text(&value), err);
    }
    buf_fini(&value);
    if (rc == 0)
        rc = variables_put_path(env, cfg->spec, t, &run->made, err);
    return rc;
}

static int run_command(struct run *run, const struct template_context *tc,
                       const char *cwd, struct argv *argv, struct err *err)
{
    const struct worker_config *cfg = run->context->config;
    const struct task_template *t = run_template(run);
    const struct job *job = run_job(run);
    if (run->coordinating)
        return command_expand(t->multi_instance->coordination, tc, argv, err);
    if ((job ? job_command_expand(job, tc, argv, err)
             : command_expand(&t->command, tc, argv, err)) < 0)
        return -1;
    const struct container_place where = {
        .work_dir = cwd,
        .root = cfg->staging && cfg->staging->scratch
                    ? scratch_path(cfg->staging->scratch)
                    : NULL,
        .spec_dir = cfg->work_dir};
    return t->container ? container_wrap(t->container, tc, &where, argv,
                                         &run->attempt.failure, err)
                        : 0;
}

/* Expand everything and start the process. step: what failed in the child. */
int run_spawn(struct run *run, int out_fd, int err_fd, int *pidfd,
              enum spawn_step *step, struct err *err)
{
    const struct worker_config *cfg = run->context->config;
    struct template_context tc = run_names(run);
    struct argv argv;
    char *cwd = NULL;
    cpu_set_t *own_cpus = NULL;
    int rc = -1;

    *step = SPAWN_SETUP;
    argv_init(&argv);
    const cpu_set_t *cpus = run_cpus(run, &own_cpus);
    if (!cpus) {
        err_set(err, ENOMEM, "no memory to start a task");
        goto out;
    }
    cwd = run_work_dir(run, err);
    if (!cwd)
        goto out;
    if (run_command(run, &tc, cwd, &argv, err) < 0 ||
        run_environment(run, &tc, cpus, err) < 0)
        goto out;
    char *const *envp = environment_envp(cfg->environment, err);
    if (!envp)
        goto out;
    /* from here on the keeper knows it, whenever we die */
    keeper_set(cfg->keeper, run->number, 0, strchr(run->marker, '=') + 1);
    struct spawn what = {.argv = argv.argv,
                         .envp = envp,
                         .cwd = cwd,
                         .cpus = cpus,
                         .cpus_bytes = cfg->slots->cpus_bytes,
                         .out_fd = out_fd,
                         .err_fd = err_fd,
                         .cgroup_fd = guard_enter(run)};
    rc = spawner_start(cfg->spawner, &what, &run->pid, pidfd, step, err);
    if (what.cgroup_fd > 0)
        close(what.cgroup_fd);
    if (rc < 0 && *step == SPAWN_EXEC && run_template(run)->container)
        err_context(err, "the runtime of its container");
out:
    mem_free(cwd);
    mem_free(own_cpus);
    argv_fini(&argv);
    return rc;
}

int run_spawn_line(struct run *run, const char *line, int out_fd, pid_t *pid,
                   int *pidfd, struct err *err)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    const struct worker_config *cfg = run->context->config;
    const struct template_context tc = run_names(run);
    enum spawn_step step;
    cpu_set_t *own_cpus = NULL;
    char *cwd = run_work_dir(run, err), *text = mem_strdup(line);
    char *const argv[] = {shell, option, text, NULL};
    int rc = -1;
    const cpu_set_t *cpus = run_cpus(run, &own_cpus);
    if (!text || !cpus)
        err_set(err, ENOMEM, "no memory to start a command");
    else if (cwd && run_environment(run, &tc, cpus, err) == 0) {
        const struct spawn what = {.argv = argv,
                                   .envp =
                                       environment_envp(cfg->environment, err),
                                   .cwd = cwd,
                                   .cpus = cpus,
                                   .cpus_bytes = cfg->slots->cpus_bytes,
                                   .out_fd = out_fd,
                                   .err_fd = out_fd};
        if (what.envp)
            rc = spawner_start(cfg->spawner, &what, pid, pidfd, &step, err);
    }
    mem_free(cwd);
    mem_free(text);
    mem_free(own_cpus);
    return rc;
}
