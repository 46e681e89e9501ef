/* Loading machines, and what a rank says of itself. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "topo/topo_list.h"
#include "topo/topo_machine.h"
#include "topo/topo_node.h"

static struct topo *load(const char *source)
{
    struct err err = {0};
    struct topo *t = topo_load(source, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static void test_synthetic(void **state)
{
    static const struct {
        const char *source;
        uint32_t cpus, cores, numas, packages;
    } cases[] = {
        {"synthetic:core:1 pu:1", 1, 1, 1, 1},
        {"synthetic:pu:3", 3, 3, 1, 1},
        {"synthetic:pack:2 core:4 pu:2", 16, 8, 1, 2},
        {"synthetic:pack:2 numa:2 core:2 pu:1", 8, 8, 4, 2},
        {"synthetic:numa:2 pack:2 core:2 pu:2", 16, 8, 2, 4},
        {"synthetic:pack:2 [numa] [numa] core:2 pu:1", 4, 4, 2, 2},
        {"synthetic:pack:2 core:600 pu:2", 2400, 1200, 1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topo *t = load(cases[i].source);
        assert_int_equal(t->count, cases[i].cpus);
        assert_int_equal(t->core_count, cases[i].cores);
        assert_int_equal(t->numa_count, cases[i].numas);
        assert_int_equal(t->package_count, cases[i].packages);
        assert_true(t->set_bytes * 8 >= t->count);
        assert_false(t->is_this_system);
        for (uint32_t c = 1; c < t->count; c++) { /* machine order */
            assert_true(t->cpus[c].core - t->cpus[c - 1].core <= 1);
            assert_true(t->cpus[c].package - t->cpus[c - 1].package <= 1);
            assert_true(t->cpus[c].numa < t->numa_count);
        }
        topo_destroy(t);
    }
}

/* One package, two cores of two CPUs each, interleaved; CPU 3 is not allowed,
 * and NUMA node 1 has memory and no CPU. */
static const char recorded[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
    "<topology version=\"2.0\">\n"
    "<object type=\"Machine\" os_index=\"0\" cpuset=\"0xf\""
    " complete_cpuset=\"0xf\" allowed_cpuset=\"0x7\" nodeset=\"0x3\""
    " complete_nodeset=\"0x3\" allowed_nodeset=\"0x3\" gp_index=\"1\">\n"
    "<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0x0\""
    " complete_cpuset=\"0x0\" nodeset=\"0x1\" complete_nodeset=\"0x1\""
    " gp_index=\"10\" local_memory=\"4096\"/>\n"
    "<object type=\"Package\" os_index=\"0\" cpuset=\"0xf\""
    " complete_cpuset=\"0xf\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"8\">\n"
    "<object type=\"NUMANode\" os_index=\"1\" cpuset=\"0xf\""
    " complete_cpuset=\"0xf\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"9\" local_memory=\"1073741824\"/>\n"
    "<object type=\"Core\" os_index=\"0\" cpuset=\"0x5\""
    " complete_cpuset=\"0x5\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"4\">\n"
    "<object type=\"PU\" os_index=\"0\" cpuset=\"0x1\""
    " complete_cpuset=\"0x1\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"2\"/>\n"
    "<object type=\"PU\" os_index=\"2\" cpuset=\"0x4\""
    " complete_cpuset=\"0x4\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"3\"/>\n"
    "</object>\n"
    "<object type=\"Core\" os_index=\"1\" cpuset=\"0xa\""
    " complete_cpuset=\"0xa\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"7\">\n"
    "<object type=\"PU\" os_index=\"1\" cpuset=\"0x2\""
    " complete_cpuset=\"0x2\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"5\"/>\n"
    "<object type=\"PU\" os_index=\"3\" cpuset=\"0x8\""
    " complete_cpuset=\"0x8\" nodeset=\"0x2\" complete_nodeset=\"0x2\""
    " gp_index=\"6\"/>\n"
    "</object>\n</object>\n</object>\n</topology>\n";

static void test_recorded(void **state)
{
    (void)state;
    char path[] = "/tmp/t_topo.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, recorded, strlen(recorded)), 0);
    close(fd);
    struct topo *t = load(path);
    unlink(path);
    assert_int_equal(t->count, 4);
    assert_int_equal(t->core_count, 2);
    assert_int_equal(t->numa_count, 1);
    static const uint32_t os[] = {0, 2, 1, 3};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t->cpus[i].os, os[i]);
        assert_int_equal(t->cpus[i].core, i / 2);
        assert_int_equal(t->cpus[i].numa, 0);
        assert_int_equal(t->cpus[i].allowed, os[i] != 3);
    }
    struct node_info n;
    struct err err;
    assert_int_equal(topo_describe(t, &n, &err), 0);
    assert_string_equal(n.cpus, "0-2");
    assert_int_equal(n.cores, 2);
    assert_int_equal(n.hwthreads, 4);
    assert_int_equal(n.memory_bytes, 1073741824 + 4096);
    topo_destroy(t);
}

static void test_bad_sources(void **state)
{
    static const struct {
        const char *source, *text;
        int code;
    } cases[] = {
        {"synthetic:pu:x", "not a synthetic topology: pu:x", EINVAL},
        {"synthetic:", "not a synthetic topology: ", EINVAL},
        {"/nonexistent/machine.xml", "/nonexistent/machine.xml", ENOENT},
        {"/etc/passwd", "/etc/passwd", EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_null(topo_load(cases[i].source, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].text));
    }
    topo_destroy(NULL);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct topo *t = NULL;
    for (unsigned long k = 1; !t; k++) {
        struct err err = {0};
        mem_fail_at(k);
        t = topo_load("synthetic:pack:2 core:2 pu:2", &err);
        assert_true(t ? k > 3 : err.code == ENOMEM);
        mem_fail_at(0);
    }
    topo_destroy(t);
    t = load(NULL);
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        struct err err = {0};
        struct node_info n = {.pid = -7};
        mem_fail_at(k);
        rc = topo_describe(t, &n, &err);
        mem_fail_at(0);
        assert_true(rc == 0 ? k > 8 : err.code == ENOMEM && n.pid == -7);
    }
    topo_destroy(t);
}

static void test_thread_count(void **state)
{
    static const struct {
        const char *cpus;
        uint32_t cores, threads;
    } cases[] = {{"0", 1, 1},   {"0-1", 1, 2},   {"1-2", 2, 2},
                 {"0-7", 4, 8}, {"0,2,5", 3, 3}, {"", 1, 1}};
    (void)state;
    struct topo *t = load("synthetic:pack:2 core:2 pu:2");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cpu_set_t *set = mem_calloc(1, t->set_bytes);
        assert_int_equal(list_parse(cases[i].cpus, set, t->set_bytes, NULL), 0);
        assert_int_equal(topo_thread_count(t, set, t->set_bytes, SLOT_CORE),
                         cases[i].cores);
        assert_int_equal(topo_thread_count(t, set, t->set_bytes, SLOT_PACKAGE),
                         cases[i].cores);
        assert_int_equal(topo_thread_count(t, set, t->set_bytes, SLOT_HWTHREAD),
                         cases[i].threads);
        mem_free(set);
    }
    topo_destroy(t);
}

static void test_limiting_ancestor(void **state)
{
    static const struct {
        const char *names[4];
        bool launched;
        int at;
    } cases[] = {
        {{"mpirun"}, true, 0},
        {{"mpiexec"}, true, 0},
        {{"mpirun.openmpi"}, true, 0},
        {{"mpiexec.hydra"}, true, 0},
        {{"orterun"}, true, 0},
        {{"orted"}, true, 0},
        {{"prte"}, true, 0},
        {{"prted"}, true, 0},
        {{"prterun"}, true, 0},
        {{"hydra_pmi_proxy"}, true, 0},
        {{"bash", "orted"}, true, 1},               /* a wrapper script */
        {{"orted", "slurmstepd"}, true, 0},         /* mpirun in Slurm */
        {{"mpirun", "mpibatch", "orted"}, true, 0}, /* a task's own mpirun */
        {{"slurmstepd", "slurmd"}, true, -1},       /* srun */
        {{"bash", "mpirun"}, false, -1},            /* no rank: env is clean */
        {{"mpirun"}, false, -1},
        {{"mpirun2", "xmpirun", "mpi"}, true, -1},
        {{"", ".", "mpirunner.x"}, true, -1},
        {{NULL}, true, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count = 0;
        while (count < 4 && cases[i].names[count])
            count++;
        assert_int_equal(
            topo_limiting_ancestor(cases[i].names, count, cases[i].launched),
            cases[i].at);
    }
}

/* This machine, in a process that is bound to its first CPU: the binding is
 * the limit, whether or not a launcher has set its variables. */
static int describe_bound(struct topo *t, const char *rank_variable)
{
    cpu_set_t one;
    int first = -1;
    struct node_info n;
    struct err err;
    sched_getaffinity(0, sizeof(one), &one);
    while (!CPU_ISSET(++first, &one))
        ;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (rank_variable)
        setenv(rank_variable, "0", 1);
    if (sched_setaffinity(0, sizeof(one), &one) < 0 ||
        topo_describe(t, &n, &err) < 0)
        return 1;
    return atoi(n.cpus) == first && !strpbrk(n.cpus, ",-") ? 0 : 2;
}

static void test_this_machine(void **state)
{
    static const char *const variables[] = {NULL, "PMIX_RANK",
                                            "OMPI_COMM_WORLD_RANK", "PMI_RANK"};
    (void)state;
    struct topo *t = load(NULL);
    struct node_info a, b;
    struct err err;
    assert_true(t->is_this_system);
    assert_int_equal(topo_describe(t, &a, &err), 0);
    assert_int_equal(topo_describe(t, &b, &err), 0);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.boot_id != 0 && a.memory_bytes > 0);
    assert_true(a.cores > 0 && a.hwthreads >= a.cores);
    assert_int_equal(a.pid, getpid());
    assert_true(a.hostname[0] != '\0' && a.cpus[0] != '\0');
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(describe_bound(t, variables[i]));
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    topo_destroy(t);
}

/* Bind a child process whose parent calls itself mpirun: the parent's CPUs are
 * the limit. Needs two CPUs to tell. */
static int describe_under_mpirun(struct topo *t)
{
    struct node_info before, after;
    struct err err;
    cpu_set_t own;
    FILE *f = fopen("/proc/self/comm", "w");
    if (!f || fputs("mpirun", f) < 0 || fclose(f) != 0 ||
        topo_describe(t, &before, &err) < 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("OMPI_COMM_WORLD_RANK", "0", 1);
        CPU_ZERO(&own);
        CPU_SET((size_t)atoi(before.cpus), &own);
        if (sched_setaffinity(0, sizeof(own), &own) < 0 ||
            topo_describe(t, &after, &err) < 0)
            _exit(2);
        _exit(strcmp(before.cpus, after.cpus) == 0 ? 0 : 3);
    }
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 4;
}

static void test_binding_by_mpirun(void **state)
{
    (void)state;
    struct topo *t = load(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(describe_under_mpirun(t));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    topo_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synthetic),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_bad_sources),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_thread_count),
        cmocka_unit_test(test_limiting_ancestor),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_binding_by_mpirun)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
