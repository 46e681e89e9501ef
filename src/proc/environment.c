/* The environment of tasks: see environment.h.
 *
 * Every name that was ever seen is one variable, found by hash, with its base
 * value and what the current task sets. A task's values lie behind each other
 * in one buffer that is reused, so that a task costs a few copies. */
#include "config.h"
#include "proc/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define USER_PREFIX "MPIBATCH_USER_ENV_"

enum { ENVIRONMENT_MAX_TASK_BYTES = 64 << 20 };

struct variable {
    size_t name_len;
    char *entry;  /* "NAME=VALUE" of the base, or "NAME=" */
    bool in_base; /* is entry's value one? */
    size_t set;   /* 1 + where the task's entry is in values; 0: not set */
};

struct environment {
    struct variable *vars;
    size_t count, cap;
    struct map by_name; /* hash of the name, or the next free one, to index */
    size_t *set;        /* which variables the task sets; cap of them */
    size_t set_count;
    struct buf values; /* the task's entries, each with its NUL */
    char **envp;       /* cap + 1 of them */
};

/* Names that a launcher makes up for its ranks, by prefix; but users set such
 * variables, too. */
static const char *const launched_prefixes[] = {"OMPI_", "PMIX_", "OPAL_",
                                                "ORTE_", "PRTE_"};
/* What shows that there is a launcher. */
static const char *const launcher_names[] = {
    "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PMI_FD", "PMI_PORT"};
/* Names that are never the user's, by prefix. */
static const char *const scrubbed_prefixes[] = {
    "PMI_", "IPATH_", "MPIR_", "HYDI_", "HYDRA_", USER_PREFIX,
    /* the step of Slurm that we are, and its shape */
    "SLURM_STEP_", "SLURM_SRUN_", "SLURM_LAUNCH_", "SLURM_CPU_BIND",
    "SLURM_MEM_BIND", "SLURM_TASK_", "SLURM_PMIX_", "SLURM_PMI_"};

/* The same, whole names. Without SLURM_JOBID, the old name of SLURM_JOB_ID, a
 * task's own mpirun starts its ranks beside the task, not by srun on the first
 * node of the allocation. */
static const char *const scrubbed_names[] = {
    "HFI_NO_BACKTRACE",     "PSM2_DEVICES",
    "PMI2_DEBUG",           "MPI_LOCALRANKID",
    "MPI_LOCALNRANKS",      "SLURM_PROCID",
    "SLURM_LOCALID",        "SLURM_NODEID",
    "SLURM_STEPID",         "SLURM_GTIDS",
    "SLURM_NTASKS",         "SLURM_NPROCS",
    "SLURM_NNODES",         "SLURM_NODELIST",
    "SLURM_TASKS_PER_NODE", "SLURM_DISTRIBUTION",
    "SLURM_JOBID",          "SLURM_MPI_TYPE",
    "SLURM_TOPOLOGY_ADDR",  "SLURM_TOPOLOGY_ADDR_PATTERN"};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool has_prefix(const char *name, const char *const *prefixes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool is_one_of(const char *name, size_t len, const char *const *names,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && strncmp(name, names[i], len) == 0)
            return true;
    return false;
}

static bool is_scrubbed(const char *name, size_t len, bool launched)
{
    return (launched &&
            has_prefix(name, launched_prefixes, LENGTH(launched_prefixes))) ||
           has_prefix(name, scrubbed_prefixes, LENGTH(scrubbed_prefixes)) ||
           is_one_of(name, len, scrubbed_names, LENGTH(scrubbed_names));
}

static bool is_launched(char *const *from)
{
    for (; *from; from++)
        if (is_one_of(*from, strcspn(*from, "="), launcher_names,
                      LENGTH(launcher_names)))
            return true;
    return false;
}

/* The variable of that name, or NULL and in *key where it would go. */
static struct variable *find(const struct environment *e, const char *name,
                             size_t len, uint64_t *key)
{
    uint64_t at;
    for (*key = hash_bytes(HASH_START, name, len);
         map_get(&e->by_name, *key, &at); ++*key) {
        struct variable *v = &e->vars[at];
        if (v->name_len == len && memcmp(v->entry, name, len) == 0)
            return v;
    }
    return NULL;
}

static int grow(struct environment *e)
{
    size_t cap = e->cap ? 2 * e->cap : 64;
    struct variable *vars = mem_resize(e->vars, cap, sizeof(vars[0]));
    if (!vars)
        return -1;
    e->vars = vars;
    size_t *set = mem_resize(e->set, cap, sizeof(set[0]));
    if (!set)
        return -1;
    e->set = set;
    char **envp = mem_resize(e->envp, cap + 1, sizeof(envp[0]));
    if (!envp)
        return -1;
    e->envp = envp;
    e->cap = cap;
    return 0;
}

/* The variable of that name, made if it is new (not in the base). NULL: no
 * memory. */
static struct variable *intern(struct environment *e, const char *name,
                               size_t len)
{
    uint64_t key;
    struct variable *v = find(e, name, len, &key);
    if (v)
        return v;
    if (e->count == e->cap && grow(e) < 0)
        return NULL;
    char *entry = mem_alloc(len + 2);
    if (!entry)
        return NULL;
    memcpy(entry, name, len);
    memcpy(entry + len, "=", 2);
    if (map_set(&e->by_name, key, e->count) < 0) {
        mem_free(entry);
        return NULL;
    }
    v = &e->vars[e->count++];
    *v = (struct variable){.name_len = len, .entry = entry};
    return v;
}

/* Put "NAME=VALUE" into the base, unless the name is there: the first one is
 * what getenv finds. */
static int add_base(struct environment *e, const char *entry, size_t name_len)
{
    struct variable *v = intern(e, entry, name_len);
    if (!v)
        return -1;
    if (v->in_base)
        return 0;
    char *copy = mem_strdup(entry);
    if (!copy)
        return -1;
    mem_free(v->entry);
    v->entry = copy;
    v->in_base = true;
    return 0;
}

/* The base: first what the user had, then what is left of the rest. */
static int fill_base(struct environment *e, char *const *from)
{
    const size_t prefix = sizeof(USER_PREFIX) - 1;
    bool launched = is_launched(from);
    for (char *const *p = from; *p; p++) {
        const char *entry = *p + prefix;
        if (strncmp(*p, USER_PREFIX, prefix) != 0)
            continue;
        size_t len = strcspn(entry, "=");
        if (len > 0 && entry[len] == '=' && add_base(e, entry, len) < 0)
            return -1;
    }
    for (char *const *p = from; *p; p++) {
        size_t len = strcspn(*p, "=");
        if (len > 0 && (*p)[len] == '=' && !is_scrubbed(*p, len, launched) &&
            add_base(e, *p, len) < 0)
            return -1;
    }
    return 0;
}

struct environment *environment_create(char *const *from, struct err *err)
{
    struct environment *e = mem_calloc(1, sizeof(*e));
    if (!e)
        goto nomem;
    map_init(&e->by_name);
    buf_init(&e->values, ENVIRONMENT_MAX_TASK_BYTES);
    if (grow(e) < 0 || fill_base(e, from) < 0)
        goto nomem;
    return e;
nomem:
    err_set(err, ENOMEM, "no memory for the environment of tasks");
    environment_destroy(e);
    return NULL;
}

void environment_destroy(struct environment *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++)
        mem_free(e->vars[i].entry);
    mem_free(e->vars);
    mem_free(e->set);
    mem_free(e->envp);
    map_fini(&e->by_name);
    buf_fini(&e->values);
    mem_free(e);
}

/* Append "NAME=VALUE" and a NUL to the task's values, all or nothing. */
static int put_value(struct environment *e, const char *name, size_t name_len,
                     const char *value)
{
    size_t len = strlen(value);
    char *to = buf_reserve(&e->values, name_len + len + 2);
    if (!to)
        return -1;
    memcpy(to, name, name_len);
    to[name_len] = '=';
    memcpy(to + name_len + 1, value, len + 1);
    buf_commit(&e->values, name_len + len + 2);
    return 0;
}

int environment_set(struct environment *e, const char *name, const char *value,
                    struct err *err)
{
    size_t len = strlen(name), at = e->values.len;
    if (len == 0 || strchr(name, '='))
        return err_set(err, EINVAL, "not a name of a variable: \"%s\"", name);
    struct variable *v = intern(e, name, len);
    if (!v || put_value(e, name, len, value) < 0)
        return err_set(err, ENOMEM, "no memory to set %s", name);
    if (v->set == 0)
        e->set[e->set_count++] = (size_t)(v - e->vars);
    v->set = at + 1;
    return 0;
}

/* A variable as a task sees it, or NULL. */
static char *entry_of(const struct environment *e, const struct variable *v)
{
    if (v->set > 0)
        return e->values.data + v->set - 1;
    return v->in_base ? v->entry : NULL;
}

char *const *environment_envp(struct environment *e, struct err *err)
{
    (void)err; /* its memory grows with the variables */
    size_t n = 0;
    for (size_t i = 0; i < e->count; i++) {
        char *entry = entry_of(e, &e->vars[i]);
        if (entry)
            e->envp[n++] = entry;
    }
    e->envp[n] = NULL;
    return e->envp;
}

void environment_reset(struct environment *e)
{
    for (size_t i = 0; i < e->set_count; i++)
        e->vars[e->set[i]].set = 0;
    e->set_count = 0;
    buf_reset(&e->values);
}

const char *environment_get(const struct environment *e, const char *name)
{
    uint64_t key;
    size_t len = strlen(name);
    const struct variable *v = find(e, name, len, &key);
    const char *entry = v ? entry_of(e, v) : NULL;
    return entry ? entry + len + 1 : NULL;
}
