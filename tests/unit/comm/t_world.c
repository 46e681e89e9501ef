/* The world without MPI, and how we know that there is none: launchers by
 * their environment. What MPI does is tested under mpirun. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "comm/comm.h"
#include "comm/launcher.h"
#include "comm/world.h"
#include "comm/world_mpi.h"

/* A few variables: name, value, ..., NULL. */
static const char *lookup(void *arg, const char *name)
{
    for (const char **v = arg; *v; v += 2)
        if (strcmp(v[0], name) == 0)
            return v[1];
    return NULL;
}

static const struct {
    enum launcher launcher;
    const char *variables[16];
} environments[] = {
    {LAUNCHER_NONE, {NULL}},
    {LAUNCHER_MPI, {"OMPI_COMM_WORLD_SIZE", "1"}},
    {LAUNCHER_MPI, {"PMIX_RANK", "0"}},
    {LAUNCHER_MPI, {"PMI_RANK", "0", "PMI_SIZE", "4"}},
    {LAUNCHER_MPI, {"MPI_LOCALNRANKS", "4"}},
    /* sbatch: the batch shell */
    {LAUNCHER_NONE,
     {"SLURM_JOB_ID", "7", "SLURM_PROCID", "0", "SLURM_NTASKS", "8"}},
    /* the same where the batch step has a number */
    {LAUNCHER_NONE,
     {"SLURM_STEP_ID", "4294967291", "SLURM_PROCID", "0", "SLURM_NTASKS", "8"}},
    /* salloc */
    {LAUNCHER_NONE, {"SLURM_JOB_ID", "7", "SLURM_NTASKS", "8"}},
    /* salloc with an interactive step */
    {LAUNCHER_NONE,
     {"SLURM_STEP_ID", "4294967290", "SLURM_PROCID", "0",
      "SLURM_STEP_NUM_TASKS", "1", "SLURM_NTASKS", "8"}},
    /* srun -n 1 */
    {LAUNCHER_NONE,
     {"SLURM_STEP_ID", "0", "SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "1",
      "SLURM_NTASKS", "8"}},
    /* srun -n 4, with and without PMIx */
    {LAUNCHER_SRUN,
     {"SLURM_STEP_ID", "0", "SLURM_PROCID", "3", "SLURM_STEP_NUM_TASKS", "4"}},
    {LAUNCHER_SRUN,
     {"SLURM_STEP_ID", "12", "SLURM_PROCID", "0", "SLURM_NTASKS", "4"}},
    {LAUNCHER_MPI,
     {"SLURM_STEP_ID", "0", "SLURM_PROCID", "3", "SLURM_STEP_NUM_TASKS", "4",
      "PMIX_RANK", "3"}},
    /* odd values are no step */
    {LAUNCHER_NONE,
     {"SLURM_STEP_ID", "", "SLURM_PROCID", "0", "SLURM_NTASKS", "4"}},
    {LAUNCHER_NONE,
     {"SLURM_STEP_ID", "x", "SLURM_PROCID", "0", "SLURM_NTASKS", "4"}},
    {LAUNCHER_NONE,
     {"SLURM_STEP_ID", "0", "SLURM_PROCID", "0", "SLURM_NTASKS", "-4"}},
};

static void test_launchers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(environments) / sizeof(environments[0]); i++)
        if (launcher_detect(lookup, (void *)environments[i].variables) !=
            environments[i].launcher)
            fail_msg("environment %zu", i);
}

static void test_library_names(void **state)
{
    static const struct {
        const char *mpi, *ours;
    } names[] = {
        {"Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev",
         "Open MPI 4.1.4"},
        {"Open MPI v5.0.7", "Open MPI 5.0.7"},
        {"MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7",
         "MPICH 4.0.2"},
        {"Intel(R) MPI Library 2021.9 for Linux* OS\n",
         "Intel(R) MPI Library 2021.9 for Linux* OS"},
        {"very odd", "very odd"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[256];
        strcpy(text, names[i].mpi);
        world_shorten_library(text);
        assert_string_equal(text, names[i].ours);
    }
}

/* The environment of this test as that of a shell. */
static int alone(void **state)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE",
                                        "PMIX_RANK",
                                        "PMI_RANK",
                                        "PMI_SIZE",
                                        "PMI_FD",
                                        "PMI_PORT",
                                        "MPI_LOCALNRANKS",
                                        "SLURM_STEP_ID"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    return 0;
}

static void take_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    assert_int_equal(peer, 0);
    assert_int_equal(len, 5);
    assert_memory_equal(data, "hello", 5);
    ++*(int *)arg;
}

static void test_alone(void **state)
{
    struct err err;
    int came = 0;
    (void)state;
    struct world *w = world_init(&err);
    assert_non_null(w);
    assert_int_equal(world_rank(w), 0);
    assert_int_equal(world_size(w), 1);
    assert_string_equal(world_library(w), "none");
    struct comm *c = comm_create(world_transport(w), 1, 100, &err);
    assert_non_null(c);
    comm_listen(c, COMM_TO_WORKER,
                &(struct comm_handler){.message = take_message, .arg = &came});
    assert_int_equal(comm_send(c, 0, COMM_TO_WORKER, "hello", 5, &err), 0);
    for (int i = 0; i < 4; i++)
        comm_turn(c, 1);
    assert_int_equal(came, 1);
    assert_true(comm_idle(c));
    comm_destroy(c);
    world_leave(w, true, 0);
}

static void test_alone_exchange(void **state)
{
    struct err err;
    struct buf mine, all;
    size_t *offsets;
    (void)state;
    struct world *w = world_init(&err);
    assert_non_null(w);
    buf_init(&mine, 100);
    buf_init(&all, 100);
    assert_int_equal(buf_puts(&mine, "mine"), 0);
    assert_int_equal(buf_puts(&all, "old"), 0);
    assert_int_equal(world_broadcast(w, &mine, &err), 0);
    assert_string_equal(buf_text(&mine), "mine");
    assert_int_equal(world_gather_all(w, &mine, &all, &offsets, &err), 0);
    assert_string_equal(buf_text(&all), "mine");
    assert_int_equal(offsets[0], 0);
    assert_int_equal(offsets[1], 4);
    mem_free(offsets);
    buf_fini(&all);
    for (unsigned long k = 1; k <= 2; k++) {
        mem_fail_at(k);
        assert_int_equal(world_gather_all(w, &mine, &all, &offsets, &err), -1);
        mem_fail_at(0);
        assert_int_equal(err.code, ENOMEM);
    }
    buf_fini(&mine);
    buf_fini(&all);
    world_leave(w, true, 0);
}

static void test_errors(void **state)
{
    struct err err = {0};
    (void)state;
    for (unsigned long k = 1; k <= 2; k++) {
        mem_fail_at(k);
        assert_null(world_init(&err));
        mem_fail_at(0);
        assert_int_equal(err.code, ENOMEM);
    }
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("SLURM_PROCID", "1", 1);
    setenv("SLURM_STEP_NUM_TASKS", "2", 1);
    assert_null(world_init(&err));
    assert_int_equal(err.code, EINVAL);
    assert_non_null(strstr(err.text, "srun --mpi=pmix"));
    assert_non_null(strstr(err.text, "mpibatch launch"));
    unsetenv("SLURM_STEP_ID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launchers), cmocka_unit_test(test_library_names),
        cmocka_unit_test(test_alone),     cmocka_unit_test(test_alone_exchange),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, alone, NULL);
}
