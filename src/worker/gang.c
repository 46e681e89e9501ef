/* What a task on several nodes is told of them: see gang.h. */
#include "config.h"
#include "worker/gang.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/text.h"

enum {
    LIST_MAX_BYTES = 1 << 17, /* of one variable, by the kernel */
    PORT_FIRST = 20000,       /* below those that systems give out */
    PORT_COUNT = 10000,
    AGENT = GANG_FILES /* "mpibatch remote": daemons look for it on each node,
                          where the directories have other names */
};

uint32_t gang_port(const char *key, uint32_t job, uint32_t index,
                   uint32_t attempt)
{
    char text[128];
    unsigned char bytes[CHECKSUM_BYTES];
    uint32_t number;
    snprintf(text, sizeof(text), "%.60s %" PRIu32 " %" PRIu32 " %" PRIu32, key,
             job, index, attempt);
    checksum_of(text, strlen(text), bytes);
    memcpy(&number, bytes, sizeof(number));
    return PORT_FIRST + number % PORT_COUNT;
}

static const struct peer *peer_of(const struct gang *g, uint32_t instance)
{
    return &g->peers->ranks[g->launch->ranks[instance]];
}

/* The cores of its slots there. */
static uint32_t cores_of(const struct gang *g, uint32_t instance)
{
    const struct peer *p = peer_of(g, instance);
    uint64_t cores =
        p->slots > 0 ? (uint64_t)g->slots * p->cores / p->slots : 0;
    return cores > 0 ? (uint32_t)cores : 1;
}

/* Their host names, with something between them. */
static int put_hosts(struct environment *env, const struct gang *g,
                     const char *name, const char *between, struct err *err)
{
    struct buf list;
    int rc = 0;
    buf_init(&list, LIST_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < g->launch->instance_count; i++)
        rc = buf_printf(&list, "%s%s", i > 0 ? between : "",
                        peer_of(g, i)->host);
    rc = rc < 0 ? err_sys(err, errno, "%s", name)
                : environment_set(env, name, buf_text(&list), err);
    buf_fini(&list);
    return rc;
}

static int put_ccp(struct environment *env, const struct gang *g,
                   struct err *err)
{
    struct buf list;
    buf_init(&list, LIST_MAX_BYTES);
    int rc = buf_printf(&list, "%" PRIu32, g->launch->instance_count);
    for (uint32_t i = 0; rc == 0 && i < g->launch->instance_count; i++)
        rc = buf_printf(&list, " %s %" PRIu32, peer_of(g, i)->host,
                        cores_of(g, i));
    rc = rc < 0 ? err_sys(err, errno, "CCP_NODES")
                : environment_set(env, "CCP_NODES", buf_text(&list), err);
    buf_fini(&list);
    return rc;
}

/* For the launchers of MPI: where to run, how to get there, and to leave it at
 * the CPUs that they have there. Files are named by their number. */
static const struct {
    const char *name, *value;
    int file; /* -1: value */
} launchers[] = {
    /* Open MPI to 4 */
    {"OMPI_MCA_plm", "rsh", -1},
    {"OMPI_MCA_plm_rsh_agent", NULL, AGENT},
    {"OMPI_MCA_plm_rsh_no_tree_spawn", "1", -1},
    {"OMPI_MCA_ras", "^slurm,tm,gridengine,lsf,loadleveler,alps", -1},
    {"OMPI_MCA_orte_default_hostfile", NULL, GANG_HOSTFILE},
    {"OMPI_MCA_hwloc_base_binding_policy", "none", -1},
    /* from 5 on */
    {"PRTE_MCA_plm", "ssh", -1},
    {"PRTE_MCA_plm_ssh_agent", NULL, AGENT},
    {"PRTE_MCA_plm_ssh_no_tree_spawn", "1", -1},
    {"PRTE_MCA_ras", "^slurm,pbs,gridengine,lsf,flux", -1},
    {"PRTE_MCA_prte_default_hostfile", NULL, GANG_HOSTFILE},
    {"PRTE_MCA_hwloc_default_binding_policy", "none", -1},
    /* MPICH and what comes from it */
    {"HYDRA_LAUNCHER", "ssh", -1},
    {"HYDRA_LAUNCHER_EXEC", NULL, GANG_REMOTE},
    {"HYDRA_RMK", "user", -1},
    {"HYDRA_HOST_FILE", NULL, GANG_MACHINEFILE},
    {"I_MPI_HYDRA_BOOTSTRAP", "ssh", -1},
    {"I_MPI_HYDRA_BOOTSTRAP_EXEC", NULL, GANG_REMOTE},
    {"I_MPI_HYDRA_HOST_FILE", NULL, GANG_MACHINEFILE},
};

static int put_launchers(struct environment *env, const struct gang *g,
                         struct err *err)
{
    char path[PATH_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(launchers) / sizeof(launchers[0]);
         i++) {
        const char *value = launchers[i].value;
        if (launchers[i].file == AGENT) {
            snprintf(path, sizeof(path), "%s remote", g->peers->program);
            value = path;
        } else if (launchers[i].file >= 0) {
            snprintf(path, sizeof(path), "%s/%s", g->dir->path,
                     gang_file_name((enum gang_file)launchers[i].file));
            value = path;
        }
        rc = environment_set(env, launchers[i].name, value, err);
    }
    return rc;
}

/* Which rank has which instance: for `mpibatch remote`. */
static int put_ranks(struct environment *env, const struct gang *g,
                     struct err *err)
{
    struct buf list;
    int rc = 0;
    buf_init(&list, LIST_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < g->launch->instance_count; i++)
        rc = buf_printf(&list, "%s%" PRIu32, i > 0 ? "," : "",
                        g->launch->ranks[i]);
    rc = rc < 0 ? err_sys(err, errno, "MPIBATCH_INSTANCE_RANKS")
                : environment_set(env, "MPIBATCH_INSTANCE_RANKS",
                                  buf_text(&list), err);
    buf_fini(&list);
    return rc;
}

static int put_files(struct environment *env, const struct gang *g,
                     struct err *err)
{
    static const struct {
        const char *name;
        enum gang_file file;
    } variables[] = {{"MPIBATCH_HOSTFILE", GANG_HOSTFILE},
                     {"MPIBATCH_MACHINEFILE", GANG_MACHINEFILE}};
    char path[PATH_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(variables) / sizeof(variables[0]);
         i++) {
        snprintf(path, sizeof(path), "%s/%s", g->dir->path,
                 gang_file_name(variables[i].file));
        rc = environment_set(env, variables[i].name, path, err);
    }
    return rc;
}

int gang_variables_put(struct environment *env, const struct gang *g,
                       struct err *err)
{
    char text[512], instance[16], instances[16];
    snprintf(text, sizeof(text), "%s:%" PRIu32, peer_of(g, 0)->host, g->port);
    snprintf(instance, sizeof(instance), "%" PRIu32, g->launch->instance);
    snprintf(instances, sizeof(instances), "%" PRIu32,
             g->launch->instance_count);
    if (environment_set(env, "MPIBATCH_INSTANCE", instance, err) < 0 ||
        environment_set(env, "MPIBATCH_INSTANCES", instances, err) < 0 ||
        environment_set(env, "AZ_BATCH_MASTER_NODE", text, err) < 0 ||
        environment_set(env, "AZ_BATCH_IS_CURRENT_NODE_MASTER",
                        g->launch->instance == 0 ? "true" : "false", err) < 0 ||
        environment_set(env, "AZ_BATCH_TASK_SHARED_DIR", g->dir->path, err) < 0)
        return -1;
    if (put_hosts(env, g, "AZ_BATCH_NODE_LIST", ";", err) < 0 ||
        put_hosts(env, g, "AZ_BATCH_HOST_LIST", ",", err) < 0)
        return -1;
    if (put_ccp(env, g, err) < 0 || put_files(env, g, err) < 0)
        return -1;
    if (!g->peers->program)
        return 0;
    return put_ranks(env, g, err) < 0 ? -1 : put_launchers(env, g, err);
}

const char *gang_file_name(enum gang_file f)
{
    static const char *const names[] = {"hostfile", "machinefile", "remote"};
    return names[f];
}

static int put_script(struct buf *b, const char *program)
{
    int rc = buf_puts(b, "#!/bin/sh\nexec ");
    if (rc == 0)
        rc = text_put_shell_word(b, program);
    return rc == 0 ? buf_puts(b, " remote \"$@\"\n") : rc;
}

int gang_file_put(struct buf *b, enum gang_file f, const struct gang *g)
{
    const char *between = f == GANG_HOSTFILE ? " slots=" : ":";
    int rc = 0;
    if (f == GANG_REMOTE)
        return put_script(b, g->peers->program ? g->peers->program : "false");
    for (uint32_t i = 0; rc == 0 && i < g->launch->instance_count; i++)
        rc = buf_printf(b, "%s%s%" PRIu32 "\n", peer_of(g, i)->host, between,
                        cores_of(g, i));
    return rc;
}
