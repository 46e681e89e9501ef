/* What a rank says of itself and its node: see topo.h. Reads /proc; knows
 * nothing of hwloc. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "topo/topo_list.h"
#include "topo/topo_machine.h"
#include "topo/topo_node.h"

enum { STATUS_MAX_BYTES = 1 << 16, COMM_MAX = 63 };

int topo_limiting_ancestor(const char *const *names, size_t count,
                           bool launched)
{
    static const char *const daemons[] = {
        "mpirun", "mpiexec", "orterun",         "orted",          "prterun",
        "prte",   "prted",   "hydra_pmi_proxy", "hydra_bstrap_pr"};
    if (!launched)
        return -1;
    for (size_t i = 0; i < count; i++) {
        /* Debian and MPICH have mpirun.openmpi, mpiexec.hydra */
        size_t len = strcspn(names[i], ".");
        for (size_t d = 0; d < sizeof(daemons) / sizeof(daemons[0]); d++)
            if (strlen(daemons[d]) == len &&
                strncmp(names[i], daemons[d], len) == 0)
                return (int)i;
    }
    return -1;
}

/* The value of a line "KEY:\tVALUE" of /proc/PID/status into value (cut to
 * size). False: no such line. */
static bool status_field(const char *status, const char *key, char *value,
                         size_t size)
{
    size_t len = strlen(key);
    for (const char *p = status; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, key, len) != 0 || p[len] != ':')
            continue;
        p += len + 1;
        p += strspn(p, " \t");
        snprintf(value, size, "%.*s", (int)strcspn(p, "\n"), p);
        return true;
    }
    return false;
}

/* What a process is called, whose child it is, which CPUs it may use. */
struct process {
    char name[COMM_MAX + 1];
    char parent[16];
    cpu_set_t *cpus;
};

/* Parse /proc/PID/status into p, whose set (of `bytes`) is empty. */
static int process_parse(struct process *p, const char *status, size_t bytes,
                         struct err *err)
{
    size_t size = strlen(status) + 1;
    char *list = mem_alloc(size);
    if (!list)
        return err_set(err, ENOMEM, "no memory for a list of CPUs");
    int rc;
    if (status_field(status, "Name", p->name, sizeof(p->name)) &&
        status_field(status, "PPid", p->parent, sizeof(p->parent)) &&
        status_field(status, "Cpus_allowed_list", list, size))
        rc = list_parse(list, p->cpus, bytes, err);
    else
        rc = err_set(err, EPROTO, "no Name, PPid or Cpus_allowed_list");
    mem_free(list);
    return rc;
}

static int process_read(struct process *p, const char *pid, size_t bytes,
                        struct err *err)
{
    char path[64];
    struct buf status;
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    buf_init(&status, STATUS_MAX_BYTES);
    int rc = file_read(path, &status, err);
    if (rc == 0 && process_parse(p, buf_text(&status), bytes, err) < 0)
        rc = err_context(err, "%s", path);
    buf_fini(&status);
    return rc;
}

/* Read us (chain[0]) and as many of our ancestors as there are and can be
 * read. Returns how many, or -1 with err. */
static int chain_read(struct process chain[1 + TOPO_MAX_ANCESTORS],
                      size_t bytes, struct err *err)
{
    if (process_read(&chain[0], "self", bytes, err) < 0)
        return -1;
    int count = 1;
    while (count < 1 + TOPO_MAX_ANCESTORS &&
           strcmp(chain[count - 1].parent, "0") != 0) {
        struct err e = {0};
        if (process_read(&chain[count], chain[count - 1].parent, bytes, &e) ==
            0)
            count++;
        else if (e.code == ENOMEM)
            return err_set(err, ENOMEM, "%s", e.text);
        else
            break;
    }
    return count;
}

/* The CPUs that this process may use: its own or those of mpirun's daemon,
 * into set. */
static int limit_cpus(cpu_set_t *set, size_t bytes, struct err *err)
{
    struct process chain[1 + TOPO_MAX_ANCESTORS];
    const char *names[TOPO_MAX_ANCESTORS];
    char *sets = mem_calloc(1 + TOPO_MAX_ANCESTORS, bytes);
    if (!sets)
        return err_set(err, ENOMEM, "no memory for CPU sets");
    for (size_t i = 0; i < 1 + TOPO_MAX_ANCESTORS; i++)
        chain[i] = (struct process){.cpus = (void *)(sets + i * bytes)};
    int count = chain_read(chain, bytes, err);
    if (count > 0) {
        for (int i = 1; i < count; i++)
            names[i - 1] = chain[i].name;
        bool launched = getenv("OMPI_COMM_WORLD_RANK") || getenv("PMI_RANK") ||
                        getenv("PMIX_RANK");
        int at = topo_limiting_ancestor(names, (size_t)count - 1, launched);
        memcpy(set, chain[at + 1].cpus, bytes);
    }
    mem_free(sets);
    return count > 0 ? 0 : -1;
}

/* The list of the CPUs that the machine has, the cgroup allows and the limit
 * leaves, as text into list. */
static int describe_cpus(const struct topo *t, char *list, size_t size,
                         struct err *err)
{
    int rc = -1;
    struct buf text;
    buf_init(&text, size - 1);
    cpu_set_t *limit = mem_calloc(1, t->set_bytes);
    cpu_set_t *cpus = mem_calloc(1, t->set_bytes);
    if (!limit || !cpus) {
        err_set(err, ENOMEM, "no memory for CPU sets");
        goto out;
    }
    if (t->is_this_system && limit_cpus(limit, t->set_bytes, err) < 0)
        goto out;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->cpus[i].allowed &&
            (!t->is_this_system ||
             CPU_ISSET_S(t->cpus[i].os, t->set_bytes, limit)))
            CPU_SET_S(t->cpus[i].os, t->set_bytes, cpus);
    if (list_put_set(&text, cpus, t->set_bytes) < 0) {
        err_sys(err, errno, "the list of CPUs is too long");
    } else if (text.len == 0) {
        err_set(err, EINVAL, "no CPU of this machine may be used");
    } else {
        memcpy(list, text.data, text.len + 1);
        rc = 0;
    }
out:
    buf_fini(&text);
    mem_free(limit);
    mem_free(cpus);
    return rc;
}

/* With its final NUL, so that no two rows of texts are alike. */
static uint64_t digest(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

/* What tells this node from others: the kernel's boot, and what of it the
 * namespaces show us (hosts may be namespaces of one machine). What cannot be
 * read counts as empty. */
static uint64_t node_digest(const char *hostname)
{
    static const char *const namespaces[] = {
        "/proc/self/ns/uts", "/proc/self/ns/net", "/proc/self/ns/pid"};
    uint64_t hash = digest(HASH_START, hostname);
    char boot[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, boot, sizeof(boot) - 1);
        boot[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    hash = digest(hash, boot);
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
        char link[64] = ""; /* such as "net:[4026531840]" */
        ssize_t n = readlink(namespaces[i], link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        hash = digest(hash, link);
    }
    return hash;
}

int topo_describe(const struct topo *t, struct node_info *n, struct err *err)
{
    struct node_info info = {
        .memory_bytes = t->memory_bytes,
        .cores = t->core_count,
        .hwthreads = t->count,
        .gpus = t->gpu_count,
        .pid = (int32_t)getpid(),
    };
    if (gethostname(info.hostname, sizeof(info.hostname) - 1) < 0)
        return err_sys(err, errno, "cannot get the name of this host");
    info.boot_id = node_digest(info.hostname);
    if (describe_cpus(t, info.cpus, sizeof(info.cpus), err) < 0)
        return err_context(err, "CPUs of %s", info.hostname);
    *n = info;
    return 0;
}
