/* What a journal tells of nodes, jobs and skipped tasks: states with their
 * times, what ran where, of the last session alone; and which tasks will not
 * run, for whose sake, until they are active again. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/quantity.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "view/counts.h"
#include "view/query.h"
#include "view/scene.h"

static const char text[] =
    "jobs:\n"
    "  - id: first\n"
    "    sweep: {parameters: {n: {range: {from: 1, to: 10}}}}\n"
    "    task: {command_line: \"true\"}\n"
    "  - id: second\n"
    "    sweep: {parameters: {n: {range: {from: 1, to: 10}}}}\n"
    "    task: {command_line: \"true\"}\n";

struct fixture {
    char dir[64], run[96];
    struct jobspec *spec;
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
};

static void put(struct fixture *f, const struct journal_record *r)
{
    struct err err;
    if (journal_append(f->journal, r, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static void put_node(struct fixture *f, uint32_t rank, uint32_t node,
                     const char *host)
{
    struct node_info info = {.cpus = "0", .cores = 4};
    snprintf(info.hostname, sizeof(info.hostname), "%s", host);
    put(f,
        &(struct journal_record){
            .type = JOURNAL_NODE,
            .u.node = {.rank = rank, .node = node, .slots = 2, .info = &info}});
}

static void put_state(struct fixture *f, uint32_t node, enum node_state state,
                      const char *why)
{
    put(f, &(struct journal_record){
               .type = JOURNAL_NODE_STATE,
               .u.node_state = {.node = node, .state = state, .why = why}});
}

static void put_attempt(struct fixture *f, uint32_t job, uint32_t index,
                        uint32_t node, bool success)
{
    struct attempt a;
    attempt_init(&a);
    a.job = job;
    a.index = index;
    a.attempt = 1;
    a.node = node;
    a.result = success ? RESULT_SUCCESS : RESULT_FAILURE;
    a.reason = success ? REASON_NONE : REASON_EXIT_CODE;
    a.exit_code = success ? 0 : 3;
    a.start_ns = NS_PER_SEC;
    a.end_ns = 2 * NS_PER_SEC;
    put(f, &(struct journal_record){.type = JOURNAL_ATTEMPT, .u.attempt = &a});
}

static void session_begin(struct fixture *f)
{
    struct err err;
    bool fresh;
    f->rundir = rundir_open(f->run, text, sizeof(text) - 1, "/t.yaml", NULL,
                            &fresh, &err);
    assert_non_null(f->rundir);
    assert_non_null(f->writer = writer_create(&err));
    f->journal = journal_create(f->rundir, f->spec, f->writer, &err);
    assert_non_null(f->journal);
    put(f, &(struct journal_record){
               .type = JOURNAL_SESSION,
               .u.session = {.version = "1", .mpi = "none", .rank_count = 1}});
}

static void session_end(struct fixture *f)
{
    struct err err;
    journal_destroy(f->journal);
    assert_int_equal(writer_destroy(f->writer, 60 * NS_PER_SEC, &err), 0);
    rundir_close(f->rundir);
}

static int setup(void **state)
{
    static struct fixture f;
    struct spec_errors errors = {0};
    snprintf(f.dir, sizeof(f.dir), "/tmp/t_scene.XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.run, sizeof(f.run), "%s/t.run", f.dir);
    f.spec = spec_parse(text, sizeof(text) - 1, "t", NULL, &errors);
    assert_non_null(f.spec);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    jobspec_destroy(f->spec);
    return 0;
}

static struct scene *scene_of(struct fixture *f)
{
    struct err err;
    struct rundir *r = rundir_open_read(f->run, &err);
    assert_non_null(r);
    struct scene *s = scene_read(r, f->spec, NS_PER_SEC, true, &err);
    assert_non_null(s);
    rundir_close(r);
    return s;
}

static void nodes_are_of_the_last_session(void **state)
{
    struct fixture *f = *state;
    enum node_state now;
    session_begin(f);
    put_node(f, 0, 0, "old");
    put_state(f, 0, NODE_IDLE, "");
    put_attempt(f, 0, 0, 0, true);
    session_end(f);
    session_begin(f);
    put_node(f, 0, 0, "a");
    put_node(f, 1, 0, "a");
    put_node(f, 2, 1, "b");
    put_state(f, 0, NODE_STARTING, "");
    put_state(f, 0, NODE_IDLE, "");
    put_state(f, 1, NODE_START_TASK_FAILED, "exit code 1");
    put_attempt(f, 0, 1, 0, true);
    put_attempt(f, 0, 2, 0, false);
    put(f, &(struct journal_record){.type = JOURNAL_LOST, .u.lost.rank = 1});
    session_end(f);

    struct scene *s = scene_of(f);
    assert_int_equal(s->session, 2);
    assert_false(s->session_ended);
    assert_int_equal(s->node_count, 2);
    assert_string_equal(s->nodes[0].name, "a");
    assert_int_equal(s->nodes[0].ranks, 2);
    assert_int_equal(s->nodes[0].ranks_lost, 1);
    assert_int_equal(s->nodes[0].slots, 4);
    assert_int_equal(s->nodes[0].changes.count, 2);
    assert_int_equal(s->nodes[0].tasks_run, 2);
    assert_int_equal(s->nodes[0].tasks_succeeded, 1);
    assert_true(scene_node_state(&s->nodes[0], &now));
    assert_int_equal(now, NODE_IDLE);
    assert_int_equal(s->nodes[1].leader, 2);
    assert_true(scene_node_state(&s->nodes[1], &now));
    assert_int_equal(now, NODE_START_TASK_FAILED);
    assert_string_equal(s->nodes[1].changes.list[0].why, "exit code 1");
    scene_destroy(s);
}

static void put_job(struct fixture *f, uint32_t job, enum job_state state,
                    enum job_end end, const char *why)
{
    put(f, &(struct journal_record){
               .type = JOURNAL_JOB,
               .u.job = {.job = job, .state = state, .end = end, .why = why}});
}

static void jobs_are_as_they_changed(void **state)
{
    struct fixture *f = *state;
    struct task_range range = {.job = 0, .first = 2, .count = 1};
    session_begin(f);
    put_job(f, 0, JOB_ACTIVE, JOB_END_NONE, "");
    put_job(f, 0, JOB_TERMINATING, JOB_END_USER, "enough");
    put_job(f, 0, JOB_COMPLETED, JOB_END_USER, "enough");
    put_job(f, 1, JOB_ACTIVE, JOB_END_NONE, "");
    put_job(f, 1, JOB_DISABLING, JOB_END_NONE, "");
    put_job(f, 1, JOB_DISABLED, JOB_END_NONE, "");
    session_end(f);
    struct scene *s = scene_of(f);
    assert_int_equal(s->jobs[0].state, JOB_COMPLETED);
    assert_int_equal(s->jobs[0].changes.count, 3);
    assert_string_equal(s->jobs[0].changes.list[2].why, "enough");
    assert_int_equal(s->jobs[0].changes.list[2].end, JOB_END_USER);
    assert_int_equal(s->jobs[1].state, JOB_DISABLED);
    scene_destroy(s);

    session_begin(f);
    put(f, &(struct journal_record){
               .type = JOURNAL_REACTIVATE,
               .u.reactivate = {.job = 0, .range_count = 1, .ranges = &range}});
    session_end(f);
    s = scene_of(f);
    assert_int_equal(s->jobs[0].state, JOB_ACTIVE);
    assert_int_equal(s->jobs[0].changes.count, 4);
    scene_destroy(s);
}

/* Which states the tasks of the second job have, a letter each. */
struct states {
    char letters[11];
    uint32_t for_index[10];
};

static int note(void *arg, const struct query_task *t, struct err *err)
{
    struct states *s = arg;
    (void)err;
    if (t->job != 1)
        return 0;
    s->letters[t->index] = query_state_name(t->state)[1];
    s->for_index[t->index] = t->state == QUERY_SKIPPED ? t->for_index : 99;
    return 0;
}

static struct states states_of(struct fixture *f, const char *filter)
{
    struct states s = {.letters = "----------"};
    struct err err;
    struct rundir *r = rundir_open_read(f->run, &err);
    struct query *q = query_open(r, f->spec, NS_PER_SEC, &err);
    assert_non_null(q);
    if (filter)
        assert_int_equal(query_filter(q, filter, &err), 0);
    assert_int_equal(query_each(q, note, &s, &err), 0);
    query_close(q);
    rundir_close(r);
    return s;
}

static void skipped_tasks_are_until_active_again(void **state)
{
    struct fixture *f = *state;
    struct task_counts counts[2];
    struct err err;
    struct task_range range = {.job = 1, .first = 4, .count = 2};
    session_begin(f);
    put_node(f, 0, 0, "a");
    put_attempt(f, 0, 7, 0, false);
    put(f,
        &(struct journal_record){
            .type = JOURNAL_SKIPPED,
            .u.skipped = {.tasks = {1, 3, 4}, .parent_job = 0, .parent = 7}});
    put_attempt(f, 1, 0, 0, true);
    put_attempt(f, 1, 1, 0, false);
    session_end(f);
    /* the second letters: aCtive, fAiled, sUcceeded, sKipped */
    struct states s = states_of(f, NULL);
    assert_string_equal(s.letters, "uackkkkccc");
    assert_int_equal(s.for_index[3], 7);
    assert_string_equal(states_of(f, "state=skipped").letters, "---kkkk---");
    assert_string_equal(states_of(f, "result=skipped").letters, "---kkkk---");
    assert_string_equal(states_of(f, "message=depends on first/7").letters,
                        "---kkkk---");
    struct rundir *r = rundir_open_read(f->run, &err);
    assert_int_equal(counts_read(r, f->spec, NS_PER_SEC, counts, &err), 0);
    rundir_close(r);
    assert_int_equal(counts[0].failed, 1);
    assert_int_equal(counts[1].skipped, 4);
    assert_int_equal(counts[1].active, 4);
    assert_int_equal(counts[1].total, 10);

    session_begin(f);
    put(f, &(struct journal_record){
               .type = JOURNAL_REACTIVATE,
               .u.reactivate = {.job = 1, .range_count = 1, .ranges = &range}});
    put_attempt(f, 1, 4, 0, true);
    session_end(f);
    assert_string_equal(states_of(f, NULL).letters, "uackuckccc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_are_of_the_last_session, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(jobs_are_as_they_changed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(skipped_tasks_are_until_active_again,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
