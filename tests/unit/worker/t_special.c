/* Special tasks and launched ones, by a whole worker: when they run, where, and
 * with what in their environment. */
#include "config.h"

#include "rank.h"

static const char text[] =
    "pool: {id: p, task_slots_per_node: 4}\n"
    "jobs:\n"
    "- id: plain\n"
    "  tasks:\n"
    "  - {id: long, command_line: sleep 30, required_slots: 4}\n"
    "  - {id: env, command_line: 'env | sort'}\n"
    "  - {id: after, command_line: echo queued}\n"
    "- id: special\n"
    "  tasks:\n"
    "  - id: start\n"
    "    command_line: 'test ! -e old; touch old; pwd; env | sort'\n"
    "  - {id: prep, command_line: 'pwd; env | sort'}\n"
    "  - {id: bad, command_line: 'exit 3'}\n"
    "  - {id: slow, command_line: sleep 30}\n";

static struct special_task specials[4];

/* Job "plain" and the pool have special tasks: those of job "special". */
static void up(void)
{
    static struct pool pool;
    static struct job jobs[2];
    rank_prepare(text);
    memcpy(jobs, rank.spec->jobs, sizeof(jobs));
    pool = rank.spec->pools[0];
    for (int i = 0; i < 4; i++) {
        specials[i] =
            (struct special_task){.id = i == 0 ? "starttask" : "jobpreparation",
                                  .task = *job_template(&jobs[1], (uint32_t)i)};
        specials[i].task.own_directory = true;
    }
    pool.start_task = &specials[0];
    jobs[0].preparation = &specials[1];
    jobs[0].release = &specials[2];
    jobs[0].manager = &specials[3];
    rank.spec->pools = &pool;
    rank.spec->jobs = jobs;
    const struct worker_config config = rank_config();
    rank_up(&config);
}

static void has(const char *output, const char *what)
{
    if (!strstr(output, what))
        fail_msg("no \"%s\" in:\n%s", what, output);
}

static void has_not(const char *output, const char *what)
{
    if (strstr(output, what))
        fail_msg("\"%s\" in:\n%s", what, output);
}

static void start_task(void **state)
{
    char path[PATH_MAX];
    (void)state;
    up();
    for (uint32_t attempt = 1; attempt <= 2; attempt++) {
        rank_assign(JOB_OF_POOL(0), INDEX_START, attempt);
        rank_await(MSG_RESULT, 1);
        const struct said *s = rank_said(MSG_RESULT);
        /* the second one finds nothing of the first */
        assert_non_null(strstr(s->text, " none "));
        snprintf(path, sizeof(path), "%s/startup/wd\n",
                 scratch_path(rank.scratch));
        assert_memory_equal(s->output, path, strlen(path));
        snprintf(path, sizeof(path), "\nAZ_BATCH_NODE_STARTUP_DIR=%s/startup\n",
                 scratch_path(rank.scratch));
        has(s->output, path);
        snprintf(path, sizeof(path),
                 "\nAZ_BATCH_TASK_WORKING_DIR=%s/startup/wd\n",
                 scratch_path(rank.scratch));
        has(s->output, path);
        has(s->output, "\nAZ_BATCH_POOL_ID=p\n");
        has(s->output, "\nMPIBATCH_SLOTS=4\n");
        has_not(s->output, "AZ_BATCH_JOB_ID");
        has_not(s->output, "AZ_BATCH_TASK_ID");
        has_not(s->output, "MPIBATCH_TASK_INDEX");
        /* what it has left stays for others */
        snprintf(path, sizeof(path), "%s/startup/wd/old",
                 scratch_path(rank.scratch));
        assert_int_equal(access(path, F_OK), 0);
    }
    rank_down();
}

static void preparation(void **state)
{
    char path[PATH_MAX];
    (void)state;
    up();
    rank_assign(0, INDEX_JOB_PREPARATION, 1);
    rank_await(MSG_RESULT, 1);
    const struct said *s = rank_said(MSG_RESULT);
    snprintf(path, sizeof(path), "%s/workitems/plain/job-1/jobpreparation/wd\n",
             scratch_path(rank.scratch));
    assert_memory_equal(s->output, path, strlen(path));
    has(s->output, "\nAZ_BATCH_JOB_ID=plain\n");
    has(s->output, "\nAZ_BATCH_TASK_ID=jobpreparation\n");
    has_not(s->output, "AZ_BATCH_JOB_PREP_DIR");
    /* its directory stays, and tasks are told where it is */
    path[strlen(path) - 1] = '\0';
    assert_int_equal(access(path, F_OK), 0);
    rank_assign(0, 1, 1);
    rank_await(MSG_RESULT, 1);
    snprintf(path, sizeof(path),
             "\nAZ_BATCH_JOB_PREP_WORKING_DIR=%s/workitems/plain/job-1/"
             "jobpreparation/wd\n",
             scratch_path(rank.scratch));
    has(rank_said(MSG_RESULT)->output, path);
    has(rank_said(MSG_RESULT)->output, "\nAZ_BATCH_JOB_PREP_DIR=");
    rank_down();
}

/* They need no slots: all are taken by a task. */
static void beside_tasks(void **state)
{
    (void)state;
    up();
    rank_assign(0, 0, 1);
    rank_assign(0, 2, 1);
    rank_await(MSG_STARTED, 1);
    rank_assign(0, INDEX_JOB_RELEASE, 1);
    rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/fffffff2.1 exit_code ");
    assert_false(rank_has_said(MSG_RETURNED));
    /* a recall takes the task that waits, no special one */
    rank_assign(0, INDEX_JOB_MANAGER, 1);
    rank_tell(&(struct msg){.kind = MSG_RECALL, .u.recall = {.count = 5}});
    rank_await(MSG_RETURNED, 1);
    assert_string_equal(rank_said(MSG_RETURNED)->text, "0/2+1.1");
    rank_tell(&(struct msg){.kind = MSG_CANCEL, .u.cancel = {.job = 0}});
    rank_await(MSG_RESULT, 2);
    assert_non_null(strstr(rank_said(MSG_RESULT)->text, "cancelled"));
    rank_down();
}

/* One task is ended, whatever it is about. */
static void one_is_ended(void **state)
{
    (void)state;
    struct msg end = {.kind = MSG_END,
                      .u.one = {.attempt = 1, .reason = REASON_CANCELLED}};
    up();
    rank_assign(0, 0, 1);
    rank_assign(0, 2, 1);
    rank_await(MSG_STARTED, 1);
    end.u.one.index = 2; /* it has not started */
    rank_tell(&end);
    rank_await(MSG_RETURNED, 1);
    assert_string_equal(rank_said(MSG_RETURNED)->text, "0/2+1.1");
    end.u.one.index = 0;
    end.u.one.attempt = 7; /* another attempt is nobody's */
    rank_tell(&end);
    rank_pass(200 * NS_PER_MS);
    assert_false(rank_has_said(MSG_RESULT));
    end.u.one.attempt = 1;
    rank_tell(&end);
    rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/0.1 cancelled ");
    rank_down();
}

static void after_a_stop(void **state)
{
    (void)state;
    up();
    /* what is under way may still end its job */
    rank_tell(&(struct msg){.kind = MSG_STOP, .u.stop = {.now = false}});
    rank_assign(0, INDEX_JOB_RELEASE, 1);
    rank_assign(0, 2, 1);
    rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/fffffff2.1 exit_code ");
    assert_string_equal(rank_said(MSG_RETURNED)->text, "0/2+1.1");
    rank_tell(&(struct msg){.kind = MSG_STOP, .u.stop = {.now = true}});
    rank_assign(0, INDEX_JOB_RELEASE, 2);
    rank_await(MSG_RESULT, 1);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/fffffff2.2 stopped ");
    rank_down();
}

static void launch(uint32_t index, int64_t limit_ns, bool keep)
{
    const uint32_t ranks[] = {1};
    rank_tell(&(struct msg){.kind = MSG_LAUNCH,
                            .u.launch = {.index = index,
                                         .attempt = 1,
                                         .instance_count = 1,
                                         .ranks = ranks,
                                         .max_wall_clock_ns = limit_ns,
                                         .keep_directory = keep}});
}

static void launched(void **state)
{
    (void)state;
    up();
    launch(0, 300 * NS_PER_MS, false);
    rank_await(MSG_RESULT, 1);
    assert_non_null(strstr(rank_said(MSG_RESULT)->text, "0/0.1 timeout"));
    /* it waits for its slots, before what was queued; a recall leaves it */
    rank_assign(0, 0, 2);
    rank_await(MSG_STARTED, 1);
    launch(1, 0, false);
    rank_assign(0, 2, 1);
    rank_tell(&(struct msg){.kind = MSG_RECALL, .u.recall = {.count = 5}});
    rank_await(MSG_RETURNED, 1);
    assert_string_equal(rank_said(MSG_RETURNED)->text, "0/2+1.1");
    rank_tell(&(struct msg){.kind = MSG_END,
                            .u.one = {.attempt = 2, .reason = REASON_STOPPED}});
    rank_await(MSG_RESULT, 2);
    assert_string_equal(rank_said(MSG_RESULT)->text, "0/1.1 none ");
    rank_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rank_test(start_task),   rank_test(preparation),
        rank_test(beside_tasks), rank_test(one_is_ended),
        rank_test(after_a_stop), rank_test(launched)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
