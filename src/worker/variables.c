/* The variables of Azure Batch: see variables.h. */
#include "config.h"
#include "worker/variables.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

enum { PATH_MAX_BYTES = 1 << 17 /* of one variable, by the kernel */ };

void variables_package_name(const char *id, const char *version,
                            char name[VARIABLES_PACKAGE_BYTES])
{
    bool versioned = version && version[0];
    int n = snprintf(name, VARIABLES_PACKAGE_BYTES, "AZ_BATCH_APP_PACKAGE_");
    snprintf(name + n, VARIABLES_PACKAGE_BYTES - (size_t)n, "%s%s%s", id,
             versioned ? "_" : "", versioned ? version : "");
    for (char *p = name + n; *p; p++)
        if (*p == '.' || *p == '-' || *p == '#')
            *p = '_';
}

static int put_packages(struct environment *env, const struct jobspec *spec,
                        const struct task_template *t,
                        const struct prepared *made, struct err *err)
{
    char name[VARIABLES_PACKAGE_BYTES];
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < made->package_count; i++) {
        const struct application_package *p =
            &spec->pools[0].packages[t->package_refs[i]];
        variables_package_name(p->id, p->version, name);
        rc = environment_set(env, name, made->packages[i], err);
        if (rc == 0 && p->is_default) {
            variables_package_name(p->id, NULL, name);
            rc = environment_set(env, name, made->packages[i], err);
        }
    }
    return rc;
}

/* What the node has. */
static int put_node(struct environment *env, const struct pool *pool,
                    const char *root, struct err *err)
{
    static const struct {
        const char *name, *folder;
    } folders[] = {{"AZ_BATCH_NODE_SHARED_DIR", "shared"},
                   {"AZ_BATCH_NODE_STARTUP_DIR", "startup"},
                   {"AZ_BATCH_NODE_MOUNTS_DIR", "fsmounts"}};
    char text[PATH_MAX];
    int rc = environment_set(env, "AZ_BATCH_NODE_ROOT_DIR", root, err);
    for (size_t i = 0; rc == 0 && i < sizeof(folders) / sizeof(folders[0]);
         i++) {
        snprintf(text, sizeof(text), "%s/%s", root, folders[i].folder);
        rc = environment_set(env, folders[i].name, text, err);
    }
    snprintf(text, sizeof(text), "%" PRIu64, pool->scratch_reserve_bytes);
    if (rc == 0)
        rc = environment_set(
            env, "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES", text,
            err);
    return rc;
}

/* Where the preparation of its job has run on this node. */
static int put_preparation(struct environment *env, const struct jobspec *spec,
                           const struct variables_of *who, struct err *err)
{
    const struct special_task *preparation =
        jobspec_special(spec, who->job, INDEX_JOB_PREPARATION);
    struct taskdir dir;
    if (!preparation || !who->root || who->index == INDEX_JOB_PREPARATION)
        return 0;
    if (taskdir_init(&dir, who->root, who->job_id, preparation->id, err) < 0)
        return -1;
    int rc = environment_set(env, "AZ_BATCH_JOB_PREP_DIR", dir.path, err);
    if (rc == 0)
        rc = environment_set(env, "AZ_BATCH_JOB_PREP_WORKING_DIR", dir.wd, err);
    taskdir_fini(&dir);
    return rc;
}

int variables_put(struct environment *env, const struct jobspec *spec,
                  const struct variables_of *who, struct err *err)
{
    const struct pool *pool = &spec->pools[jobspec_pool(spec, who->job)];
    if (environment_set(env, "AZ_BATCH_ACCOUNT_NAME", spec->name, err) < 0 ||
        environment_set(env, "AZ_BATCH_POOL_ID", pool->id, err) < 0 ||
        environment_set(env, "AZ_BATCH_NODE_ID", who->host, err) < 0 ||
        environment_set(env, "AZ_BATCH_NODE_IS_DEDICATED", "true", err) < 0)
        return -1;
    if (who->job_id[0] && /* a start task is of no job */
        (environment_set(env, "AZ_BATCH_JOB_ID", who->job_id, err) < 0 ||
         environment_set(env, "AZ_BATCH_TASK_ID", who->task_id, err) < 0))
        return -1;
    if (who->root && put_node(env, pool, who->root, err) < 0)
        return -1;
    if (put_preparation(env, spec, who, err) < 0)
        return -1;
    if (!who->made)
        return 0;
    const struct taskdir *dir = &who->made->dir;
    if (environment_set(env, "AZ_BATCH_TASK_DIR", dir->path, err) < 0 ||
        environment_set(env, "AZ_BATCH_TASK_WORKING_DIR", dir->wd, err) < 0)
        return -1;
    return put_packages(env, spec, jobspec_template(spec, who->job, who->index),
                        who->made, err);
}

int variables_put_path(struct environment *env, const struct jobspec *spec,
                       const struct task_template *t,
                       const struct prepared *made, struct err *err)
{
    const char *old = environment_get(env, "PATH");
    struct buf path;
    int rc = 0;
    buf_init(&path, PATH_MAX_BYTES);
    for (uint32_t i = 0; rc == 0 && i < made->package_count; i++) {
        const struct application_package *p =
            &spec->pools[0].packages[t->package_refs[i]];
        for (uint32_t k = 0; rc == 0 && k < p->add_to_path_count; k++)
            rc = buf_printf(&path, "%s%s%s:", made->packages[i],
                            p->add_to_path[k][0] ? "/" : "", p->add_to_path[k]);
    }
    if (rc == 0 && path.len > 0) {
        rc = old ? buf_puts(&path, old) : 0;
        if (!old) /* an empty part would be the working directory */
            buf_truncate(&path, path.len - 1);
        if (rc == 0 && environment_set(env, "PATH", buf_text(&path), err) < 0) {
            buf_fini(&path);
            return -1;
        }
    }
    buf_fini(&path);
    return rc == 0 ? 0 : err_sys(err, errno, "PATH with the packages");
}
