/* The environment of tasks. */
#include "config.h"
#include "proc/environment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

extern char **environ;

static const char *const none[] = {NULL};

static struct environment *create(const char *const *from)
{
    struct err err = {0};
    struct environment *e =
        environment_create((char *const *)(uintptr_t)from, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

static size_t count_of(char *const *envp)
{
    size_t n = 0;
    while (envp[n])
        n++;
    return n;
}

static bool has(char *const *envp, const char *entry)
{
    for (; *envp; envp++)
        if (strcmp(*envp, entry) == 0)
            return true;
    return false;
}

static void test_scrubbing(void **state)
{
    /* as a rank under mpirun in Slurm sees it */
    static const char *const from[] = {
        "PATH=/usr/bin:/bin",
        "HOME=/root",
        "EMPTY=",
        "EQUALS=a=b=c",
        "HFI_NO_BACKTRACE=1",
        "IPATH_NO_BACKTRACE=1",
        "PSM2_DEVICES=self,shm",
        "OMPI_APP_CTX_NUM_PROCS=1",
        "OMPI_COMMAND=mpibatch",
        "OMPI_COMM_WORLD_LOCAL_RANK=0",
        "OMPI_COMM_WORLD_RANK=0",
        "OMPI_COMM_WORLD_SIZE=1",
        "OMPI_FILE_LOCATION=/tmp/ompi.vm.0/pid.8788/0/0",
        "OMPI_MCA_ess=^singleton",
        "OMPI_MCA_orte_hnp_uri=1319763968.0;tcp://192.0.2.2:41157",
        "OMPI_MCA_shmem_RUNTIME_QUERY_hint=mmap",
        "OMPI_UNIVERSE_SIZE=2",
        "OPAL_PREFIX=/opt/openmpi",
        "ORTE_SCHIZO_DETECTION=SLURM",
        "PRTE_MCA_x=1",
        "PMIX_RANK=0",
        "PMIX_NAMESPACE=1319763969",
        "PMIX_SERVER_URI41=1319763968.0;tcp4://127.0.0.1:58283",
        "PMI_RANK=0",
        "PMI_FD=7",
        "HYDI_CONTROL_FD=6",
        "HYDRA_BOOTSTRAP=ssh",
        "MPIR_CVAR_X=1",
        "MPI_LOCALRANKID=0",
        "SLURM_JOB_ID=77",
        "SLURM_JOBID=77",
        "SLURM_JOB_NODELIST=n[1-2]",
        "SLURM_NODELIST=n[1-2]",
        "SLURM_JOB_NUM_NODES=2",
        "SLURM_NNODES=2",
        "SLURMD_NODENAME=n1",
        "SLURM_SUBMIT_DIR=/home/u",
        "SLURM_RESTART_COUNT=1",
        "SLURM_ARRAY_TASK_ID=4",
        "SLURM_PROCID=0",
        "SLURM_LOCALID=0",
        "SLURM_NODEID=0",
        "SLURM_NTASKS=2",
        "SLURM_STEPID=0",
        "SLURM_STEP_ID=0",
        "SLURM_STEP_NODELIST=n1",
        "SLURM_TASK_PID=99",
        "SLURM_TASKS_PER_NODE=1(x2)",
        "SLURM_GTIDS=0",
        "SLURM_CPU_BIND=quiet,mask_cpu:0x1",
        "SLURM_CPU_BIND_TYPE=mask_cpu:",
        "SLURM_SRUN_COMM_PORT=4",
        "SLURM_LAUNCH_NODE_IPADDR=127.0.0.1",
        "OMPIX=stays",
        "MY_OMPI_X=stays",
        "PMIXED=stays",
        "SLURM_PROCID_X=stays",
        NULL};
    static const char *const want[] = {"PATH=/usr/bin:/bin",
                                       "HOME=/root",
                                       "EMPTY=",
                                       "EQUALS=a=b=c",
                                       "SLURM_JOB_ID=77",
                                       "SLURM_JOB_NODELIST=n[1-2]",
                                       "SLURM_JOB_NUM_NODES=2",
                                       "SLURMD_NODENAME=n1",
                                       "SLURM_SUBMIT_DIR=/home/u",
                                       "SLURM_RESTART_COUNT=1",
                                       "SLURM_ARRAY_TASK_ID=4",
                                       "OMPIX=stays",
                                       "MY_OMPI_X=stays",
                                       "PMIXED=stays",
                                       "SLURM_PROCID_X=stays"};
    (void)state;
    struct environment *e = create(from);
    char *const *envp = environment_envp(e, NULL);
    assert_int_equal(count_of(envp), sizeof(want) / sizeof(want[0]));
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        if (!has(envp, want[i]))
            fail_msg("%s is missing", want[i]);
    assert_null(environment_get(e, "OMPI_COMM_WORLD_RANK"));
    assert_string_equal(environment_get(e, "EMPTY"), "");
    assert_string_equal(environment_get(e, "EQUALS"), "a=b=c");
    environment_destroy(e);
    environment_destroy(NULL);
}

/* What the user had set before mpirun comes back, and wins. */
/* Nobody has launched us: what looks like an MPI's is the user's. */
static void test_not_launched(void **state)
{
    static const char *const from[] = {"OMPI_MCA_btl=self",
                                       "PMIX_MCA_x=1",
                                       "PRTE_MCA_y=2",
                                       "OMPI_ALLOW_RUN_AS_ROOT=1",
                                       "PMI_X=1",
                                       "SLURM_PROCID=0",
                                       "MPIBATCH_USER_ENV_A=1",
                                       NULL};
    (void)state;
    struct environment *e = create(from);
    char *const *envp = environment_envp(e, NULL);
    assert_int_equal(count_of(envp), 5);
    assert_true(has(envp, "OMPI_MCA_btl=self"));
    assert_true(has(envp, "PMIX_MCA_x=1"));
    assert_true(has(envp, "PRTE_MCA_y=2"));
    assert_true(has(envp, "OMPI_ALLOW_RUN_AS_ROOT=1"));
    assert_true(has(envp, "A=1"));
    environment_destroy(e);
}

static void test_user_values(void **state)
{
    static const char *const from[] = {
        "OMPI_COMM_WORLD_RANK=0",
        "OMPI_MCA_btl=tcp,self",
        "MPIBATCH_USER_ENV_OMPI_MCA_btl=self,vader",
        "HFI_NO_BACKTRACE=1",
        "MPIBATCH_USER_ENV_HFI_NO_BACKTRACE=0",
        "KEPT=theirs",
        "MPIBATCH_USER_ENV_KEPT=mine",
        "MPIBATCH_USER_ENV_EMPTY=",
        "MPIBATCH_USER_ENV_=x",
        "MPIBATCH_USER_ENV_NOVALUE",
        "NOVALUE",
        "=x",
        "TWICE=first",
        "TWICE=second",
        NULL};
    (void)state;
    struct environment *e = create(from);
    char *const *envp = environment_envp(e, NULL);
    assert_int_equal(count_of(envp), 5);
    assert_true(has(envp, "OMPI_MCA_btl=self,vader"));
    assert_true(has(envp, "HFI_NO_BACKTRACE=0"));
    assert_true(has(envp, "KEPT=mine"));
    assert_true(has(envp, "EMPTY="));
    assert_true(has(envp, "TWICE=first"));
    environment_destroy(e);
}

static void set(struct environment *e, const char *name, const char *value)
{
    struct err err = {0};
    if (environment_set(e, name, value, &err) < 0)
        fail_msg("%s", err.text);
}

static void test_setting(void **state)
{
    static const char *const from[] = {"A=base", "B=base", NULL};
    (void)state;
    struct environment *e = create(from);
    for (int round = 0; round < 3; round++) {
        set(e, "A", "one");
        set(e, "C", "three");
        set(e, "A", "two"); /* a later one wins */
        set(e, "E", "");
        char *const *envp = environment_envp(e, NULL);
        assert_int_equal(count_of(envp), 4);
        assert_true(has(envp, "A=two"));
        assert_true(has(envp, "B=base"));
        assert_true(has(envp, "C=three"));
        assert_true(has(envp, "E="));
        assert_string_equal(environment_get(e, "A"), "two");
        environment_reset(e);
        assert_string_equal(environment_get(e, "A"), "base");
        assert_null(environment_get(e, "C"));
        assert_null(environment_get(e, "D"));
        assert_int_equal(count_of(environment_envp(e, NULL)), 2);
    }
    environment_destroy(e);
    /* a scrubbed name can be set */
    e = create(none);
    set(e, "OMPI_COMM_WORLD_RANK", "1");
    assert_true(has(environment_envp(e, NULL), "OMPI_COMM_WORLD_RANK=1"));
    environment_destroy(e);
}

static void test_bad_names(void **state)
{
    static const char *const names[] = {"", "=", "A=", "A=B", "=A"};
    (void)state;
    struct environment *e = create(none);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct err err = {0};
        assert_int_equal(environment_set(e, names[i], "x", &err), -1);
        assert_int_equal(err.code, EINVAL);
    }
    assert_int_equal(count_of(environment_envp(e, NULL)), 0);
    environment_destroy(e);
}

/* Many names and values that make every table grow. */
static void test_many(void **state)
{
    (void)state;
    struct environment *e = create((const char *const *)environ);
    size_t base = count_of(environment_envp(e, NULL));
    for (int round = 0; round < 3; round++) {
        char name[32], value[200];
        for (int i = 0; i < 1500; i++) {
            snprintf(name, sizeof(name), "T_MANY_%d", i);
            snprintf(value, sizeof(value), "%0150d", i + round);
            set(e, name, value);
        }
        assert_int_equal(count_of(environment_envp(e, NULL)), base + 1500);
        for (int i = 0; i < 1500; i++) {
            snprintf(name, sizeof(name), "T_MANY_%d", i);
            snprintf(value, sizeof(value), "%0150d", i + round);
            assert_string_equal(environment_get(e, name), value);
        }
        environment_reset(e);
        assert_int_equal(count_of(environment_envp(e, NULL)), base);
    }
    environment_destroy(e);
}

static void test_no_memory(void **state)
{
    static const char *const from[] = {"A=base", "MPIBATCH_USER_ENV_B=base",
                                       NULL};
    (void)state;
    struct environment *e = NULL;
    for (unsigned long k = 1; !e; k++) {
        struct err err = {0};
        mem_fail_at(k);
        e = environment_create((char *const *)(uintptr_t)from, &err);
        mem_fail_at(0);
        assert_true(e ? k > 6 : err.code == ENOMEM);
    }
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        struct err err = {0};
        mem_fail_at(k);
        rc = environment_set(e, "C", "value", &err);
        mem_fail_at(0);
        assert_true(rc == 0 || err.code == ENOMEM);
        assert_int_equal(count_of(environment_envp(e, NULL)), rc == 0 ? 3 : 2);
    }
    assert_string_equal(environment_get(e, "C"), "value");
    environment_destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scrubbing),   cmocka_unit_test(test_not_launched),
        cmocka_unit_test(test_user_values), cmocka_unit_test(test_setting),
        cmocka_unit_test(test_bad_names),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
