/* Instances of a task on several nodes, by a whole worker: coordination, the
 * word to go on, the end; and what they are told of each other. */
#include "config.h"

#include <signal.h>
#include <sys/stat.h>

#include "rank.h"
#include "worker/gang.h"

static const char text[] =
    "pool: {id: p, task_slots_per_node: 4}\n"
    "jobs:\n"
    "- id: gang\n"
    "  tasks:\n"
    "  - {id: all, required_slots: 2, command_line: 'echo main; cat d; "
    "cat $MPIBATCH_HOSTFILE $MPIBATCH_MACHINEFILE; env | sort'}\n"
    "  - {id: wide, required_slots: 4, command_line: 'echo free'}\n"
    "  - {id: coordination, command_line: 'echo first; (sleep 60; true) & "
    "echo $! > d; echo $! > $AZ_BATCH_TASK_SHARED_DIR/daemon'}\n"
    "  - {id: bad, command_line: 'echo oh; exit 7'}\n"
    "  - {id: long, command_line: 'echo $$ > $AZ_BATCH_TASK_SHARED_DIR/daemon; "
    "exec sleep 60'}\n"
    "  - {id: told, command_line: 'until test -e go; do sleep 0.05; done'}\n";

static char n0[] = "n0", n1[] = "n1";
static struct peer hosts[] = {{n0, 4, 8}, {n1, 4, 4}};
static const struct peers peers = {.ranks = hosts, .count = 2};

/* Task 0 is one on two nodes; coordination: its command, or -1. */
static void up(int coordination)
{
    static struct job jobs[1];
    static struct task_template templates[6];
    static struct multi_instance multi;
    rank_prepare(text);
    jobs[0] = rank.spec->jobs[0];
    memcpy(templates, jobs[0].templates, sizeof(templates));
    multi = (struct multi_instance){.number_of_instances = 2};
    if (coordination >= 0)
        multi.coordination = &templates[coordination].command;
    templates[0].multi_instance = &multi;
    jobs[0].templates = templates;
    rank.spec->jobs = jobs;
    struct worker_config config = rank_config();
    config.peers = &peers;
    rank_up(&config);
}

/* Launch the instance that is on the worker's rank, 1. */
static void launch(uint32_t instance)
{
    const uint32_t ranks[2] = {instance == 0 ? 1 : 0, instance == 0 ? 0 : 1};
    rank_tell(&(struct msg){.kind = MSG_LAUNCH,
                            .u.launch = {.attempt = 1,
                                         .instance = instance,
                                         .instance_count = 2,
                                         .ranks = ranks}});
}

static void tell(enum msg_kind kind, enum reason reason)
{
    rank_tell(
        &(struct msg){.kind = kind, .u.one = {.attempt = 1, .reason = reason}});
}

static void daemon_path(char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/workitems/gang/job-1/all/daemon",
             scratch_path(rank.scratch));
}

static bool has_daemon(void)
{
    char path[PATH_MAX];
    struct stat st;
    daemon_path(path);
    return stat(path, &st) == 0 && st.st_size > 0;
}

/* What the coordination command has left in the background. */
static pid_t background(void)
{
    char path[PATH_MAX];
    long pid = 0;
    daemon_path(path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pid), 1);
    fclose(f);
    return (pid_t)pid;
}

/* It is ended with its run, and reaped then, or a moment later. */
static void assert_is_gone(pid_t pid)
{
    for (int i = 0; i < 500 && kill(pid, 0) == 0; i++)
        rank_pass(10 * NS_PER_MS);
    assert_int_equal(kill(pid, 0), -1);
}

static uint32_t said_count(enum msg_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rank.said_count; i++)
        n += rank.said[i].kind == kind;
    return n;
}

static void has(const char *output, const char *what)
{
    if (!strstr(output, what))
        fail_msg("no \"%s\" in:\n%s", what, output);
}

static void first_instance(void **state)
{
    (void)state;
    char path[PATH_MAX];
    up(2);
    launch(0);
    rank_await(MSG_INSTANCE, 1);
    assert_string_equal(rank_said(MSG_INSTANCE)->text, "0/0.1");
    pid_t daemon = background();
    rank_pass(300 * NS_PER_MS);
    assert_false(rank_has_said(MSG_RESULT));
    assert_int_equal(kill(daemon, 0), 0);
    tell(MSG_GO, REASON_NONE);
    rank_await(MSG_RESULT, 1);
    const struct said *s = rank_said(MSG_RESULT);
    assert_string_equal(s->text, "0/0.1 none ");
    assert_is_gone(daemon);
    /* both commands' output, in one folder */
    assert_memory_equal(s->output, "first\nmain\n", strlen("first\nmain\n"));
    has(s->output, "\nn1 slots=2\nn0 slots=4\nn1:2\nn0:4\n");
    has(s->output, "\nAZ_BATCH_NODE_LIST=n1;n0\n");
    has(s->output, "\nAZ_BATCH_HOST_LIST=n1,n0\n");
    has(s->output, "\nAZ_BATCH_IS_CURRENT_NODE_MASTER=true\n");
    has(s->output, "\nAZ_BATCH_MASTER_NODE=n1:2");
    has(s->output, "\nCCP_NODES=2 n1 2 n0 4\n");
    has(s->output, "\nMPIBATCH_INSTANCE=0\nMPIBATCH_INSTANCES=2\n");
    snprintf(path, sizeof(path),
             "\nAZ_BATCH_TASK_SHARED_DIR=%s/workitems/gang/job-1/all\n",
             scratch_path(rank.scratch));
    has(s->output, path);
    /* it has staged nothing: it runs where others do */
    snprintf(path, sizeof(path), "\nPWD=%s\n", rank.root);
    has(s->output, path);
    rank_down();
}

static void second_instance(void **state)
{
    (void)state;
    up(2);
    launch(1);
    rank_await(MSG_INSTANCE, 1);
    pid_t daemon = background();
    /* the word is not for it, and its slots are taken */
    tell(MSG_GO, REASON_NONE);
    rank_assign(0, 1, 1);
    rank_pass(300 * NS_PER_MS);
    assert_false(rank_has_said(MSG_RESULT));
    assert_int_equal(kill(daemon, 0), 0);
    tell(MSG_END, REASON_CANCELLED);
    rank_await(MSG_RETURNED, 1);
    assert_string_equal(rank_said(MSG_RETURNED)->text, "0/0+1.1");
    assert_is_gone(daemon);
    if (!rank_has_said(MSG_RESULT))
        rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/1.1 none ");
    assert_false(rank_has_said(MSG_STORING));
    assert_false(rank_has_said(MSG_STARTED));
    rank_down();
}

static void coordination_fails(void **state)
{
    (void)state;
    for (uint32_t instance = 0; instance < 2; instance++) {
        up(3);
        launch(instance);
        rank_await(MSG_RESULT, 1);
        assert_string_equal(
            rank_said(MSG_RESULT)->text,
            "0/0.1 exit_code of the coordination command, on n1");
        assert_string_equal(rank_said(MSG_RESULT)->output, "oh\n");
        assert_false(rank_has_said(MSG_INSTANCE));
        rank_down();
    }
}

/* Nothing of it has been told to go on, or it was told more than once. */
static void out_of_turn(void **state)
{
    (void)state;
    up(-1);
    tell(MSG_GO, REASON_NONE); /* nobody knows it yet */
    launch(0);
    rank_await(MSG_INSTANCE, 1);
    rank_pass(50 * NS_PER_MS);
    assert_false(rank_has_said(MSG_RESULT));
    tell(MSG_GO, REASON_NONE);
    tell(MSG_GO, REASON_NONE);
    rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/0.1 none ");
    tell(MSG_GO, REASON_NONE);
    tell(MSG_END, REASON_CANCELLED);
    rank_pass(50 * NS_PER_MS);
    assert_int_equal(said_count(MSG_RESULT), 1);
    assert_false(rank_has_said(MSG_RETURNED));
    rank_down();
}

/* Before it has a directory; again, and while it coordinates. */
static void ended_early(void **state)
{
    (void)state;
    for (uint32_t instance = 0; instance < 2; instance++) {
        up(4);
        launch(instance);
        tell(MSG_END, REASON_CANCELLED);
        tell(MSG_END, REASON_CANCELLED);
        rank_await(MSG_RETURNED, 1);
        launch(instance);
        for (int i = 0; i < 2000 && !has_daemon(); i++)
            rank_pass(10 * NS_PER_MS);
        pid_t daemon = background();
        tell(MSG_END, REASON_CANCELLED);
        tell(MSG_END, REASON_CANCELLED);
        tell(MSG_GO, REASON_NONE);
        rank_await(instance == 0 ? MSG_RESULT : MSG_RETURNED, 1);
        if (instance == 0)
            assert_string_equal(rank_said(MSG_RESULT)->text,
                                "0/0.1 cancelled ");
        assert_int_equal(said_count(MSG_RETURNED), 1 + instance);
        assert_int_equal(said_count(MSG_RESULT), 1 - instance);
        assert_false(rank_has_said(MSG_INSTANCE));
        assert_is_gone(daemon);
        rank_down();
    }
}

/* The manager is found to be out of reach by what it should be told. */
static void out_of_reach(void **state)
{
    char path[PATH_MAX];
    (void)state;
    up(2);
    launch(1);
    rank_await(MSG_INSTANCE, 1);
    pid_t daemon = background();
    rank_assign(0, 5, 1);
    rank_await(MSG_STARTED, 1);
    comm_forget(rank.ends[1], 0);
    snprintf(path, sizeof(path), "%s/go", rank.root);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    for (int i = 0; i < 2000 && !rank.left; i++)
        rank_pass(10 * NS_PER_MS);
    assert_true(rank.left);
    assert_is_gone(daemon);
    rank_free();
}

static void without_coordination(void **state)
{
    (void)state;
    up(-1);
    launch(0);
    rank_await(MSG_INSTANCE, 1);
    rank_tell(&(struct msg){.kind = MSG_CANCEL, .u.cancel = {.job = 0}});
    rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/0.1 cancelled ");
    /* again, and stopped before it has begun */
    launch(1);
    rank_tell(&(struct msg){.kind = MSG_STOP, .u.stop = {.now = true}});
    rank_await(MSG_RETURNED, 1);
    assert_string_equal(rank_said(MSG_RETURNED)->text, "0/0+1.1");
    rank_down();
}

static void ports(void **state)
{
    (void)state;
    uint32_t port = gang_port("key", 1, 2, 3);
    assert_int_equal(port, gang_port("key", 1, 2, 3));
    assert_int_not_equal(port, gang_port("key", 1, 2, 4));
    assert_in_range(port, 20000, 29999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rank_test(first_instance),       rank_test(second_instance),
        rank_test(coordination_fails),   rank_test(out_of_turn),
        rank_test(ended_early),          rank_test(out_of_reach),
        rank_test(without_coordination), cmocka_unit_test(ports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
