/* Right job specs and the model they become; sensible ends for odd files. */
#include "config.h"
#include "spec_test.h"

#include "base/mem.h"
#include "base/quantity.h"

/* The expanded command of a task, as one would type it. */
static const char *command_of(const struct job *job, uint32_t index,
                              struct buf *out)
{
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    assert_int_equal(job_task_id(job, index, id, &err), 0);
    struct template_context c = {
        .index = index, .task_id = id, .job_id = job->id, .run_dir = "/run"};
    buf_reset(out);
    assert_int_equal(
        command_show(&job_template(job, index)->command, &c, out, &err), 0);
    return buf_text(out);
}

static const char *text_of(const struct job *job, uint32_t index,
                           const struct template *t, struct buf *out)
{
    struct err err;
    struct template_context c = {
        .index = index, .task_id = "ID", .job_id = job->id, .run_dir = "/run"};
    buf_reset(out);
    assert_int_equal(template_expand(t, &c, false, out, &err), 0);
    return buf_text(out);
}

/* The value of a parameter at a place of its dimension. */
static struct value value_of(const struct job *job, uint32_t param, uint32_t i)
{
    struct value v;
    struct err err;
    assert_int_equal(taskset_dim_value(&job->tasks, param, i, NULL, &v, &err),
                     0);
    return v;
}

static const char whole[] =
    "name: ising\n"
    "pool:\n"
    "  task_slots_per_node: 8\n"
    "  slot_unit: hwthread\n"
    "jobs:\n"
    "  - id: scan\n"
    "    priority: -3\n"
    "    constraints: {max_wall_clock_time: PT2H, max_task_retry_count: 2}\n"
    "    common_environment_settings:\n"
    "      - {name: LEVEL, value: 010}\n"
    "      - {name: WHO, value: '{job.id}'}\n"
    "    sweep:\n"
    "      parameters:\n"
    "        T: {values: [0.10, 1e3, no], units: J/k, long_name: temperature}\n"
    "        L: [16, 32]\n"
    "    task:\n"
    "      id: 'L{L}-{task.index}'\n"
    "      command_line: ./solve --T {T} --L {L:04d}\n"
    "      environment_settings: {SEED: '{task.index}', LEVEL: 2}\n"
    "      constraints: {max_wall_clock_time: 1m30s}\n"
    "      required_slots: 4\n"
    "      working_dir: 'runs/{task.id}'\n"
    "    metrics:\n"
    "      energy: {regex: '^E = (\\S+)', units: J, long_name: energy}\n"
    "      steps: {from: stderr, regex: '\\d+ steps', type: int64}\n"
    "  - id: post\n"
    "    task: {command_line: [./post, 'a b', '{job.id}', 010]}\n";

static void whole_job(const struct job *job, struct buf *b)
{
    const struct task_template *t = job_template(job, 5);
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    assert_string_equal(job->id, "scan");
    assert_int_equal(job->priority, -3);
    assert_true(job->max_wall_clock_ns == 7200 * NS_PER_SEC);
    assert_int_equal(job->tasks.kind, TASKS_SWEPT);
    assert_int_equal(job->tasks.count, 6);
    assert_string_equal(job->tasks.params[0].units, "J/k");
    assert_string_equal(job->tasks.params[0].long_name, "temperature");
    assert_null(job->tasks.params[1].units);
    assert_int_equal(value_of(job, 0, 2).type, VALUE_STRING);
    assert_string_equal(command_of(job, 0, b), "./solve --T 0.10 --L 0016");
    assert_string_equal(command_of(job, 3, b), "./solve --T 1e3 --L 0032");
    assert_string_equal(command_of(job, 5, b), "./solve --T no --L 0032");
    assert_int_equal(job_task_id(job, 5, id, &err), 0);
    assert_string_equal(id, "L32-5");
    assert_int_equal(t->env_count, 4);
    assert_string_equal(t->env[0].name, "LEVEL");
    assert_string_equal(text_of(job, 5, t->env[0].value, b), "010");
    assert_string_equal(text_of(job, 5, t->env[1].value, b), "scan");
    assert_string_equal(text_of(job, 5, t->env[2].value, b), "5");
    assert_string_equal(t->env[3].name, "LEVEL");
    assert_string_equal(text_of(job, 5, t->working_dir, b), "runs/ID");
    assert_true(t->constraints.max_wall_clock_ns == 90 * NS_PER_SEC);
    assert_int_equal(t->constraints.max_task_retry_count, 2);
    assert_int_equal(t->required_slots, 4);
    assert_int_equal(job->metric_count, 2);
    assert_string_equal(job->metrics[0].name, "energy");
    assert_string_equal(job->metrics[0].pattern, "^E = (\\S+)");
    assert_int_equal(job->metrics[0].from, METRIC_STDOUT);
    assert_int_equal(job->metrics[0].type, METRIC_FLOAT64);
    assert_string_equal(job->metrics[0].units, "J");
    assert_string_equal(job->metrics[0].long_name, "energy");
    assert_int_equal(job->metrics[1].from, METRIC_STDERR);
    assert_int_equal(job->metrics[1].type, METRIC_INT64);
    assert_null(job->metrics[1].units);
}

static void whole_spec(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jobspec *spec = parse_right(whole);
    assert_string_equal(spec->name, "ising");
    assert_int_equal(spec->pools[0].task_slots_per_node, 8);
    assert_int_equal(spec->pools[0].slot_unit, SLOT_HWTHREAD);
    assert_int_equal(spec->job_count, 2);
    whole_job(&spec->jobs[0], &b);
    const struct job *post = &spec->jobs[1];
    assert_int_equal(post->tasks.kind, TASKS_LISTED);
    assert_int_equal(post->tasks.count, 1);
    assert_false(post->templates[0].command.shell);
    assert_string_equal(command_of(post, 0, &b), "./post 'a b' post 010");
    assert_int_equal(jobspec_task_count(spec), 7);
    jobspec_destroy(spec);
    buf_fini(&b);
}

static void least_spec(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right("jobs: [{task: {command_line: a}}]");
    const struct job *job = &spec->jobs[0];
    const struct task_template *t = &job->templates[0];
    assert_string_equal(spec->name, "stem");
    assert_int_equal(spec->pools[0].task_slots_per_node, 0);
    assert_int_equal(spec->pools[0].slot_unit, SLOT_CORE);
    assert_string_equal(job->id, "job");
    assert_int_equal(job->priority, 0);
    assert_true(job->max_wall_clock_ns == 0);
    assert_null(t->id);
    assert_null(t->working_dir);
    assert_int_equal(t->env_count, 0);
    assert_true(t->constraints.max_wall_clock_ns == 0);
    assert_int_equal(t->constraints.max_task_retry_count, 0);
    assert_int_equal(t->required_slots, 1);
    assert_int_equal(job->metric_count, 0);
    jobspec_destroy(spec);
    jobspec_destroy(NULL);
}

/* Listed tasks take from `task` what they do not set. */
static void inheritance(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jobspec *spec =
        parse_right("jobs:\n"
                    "  - constraints: {max_task_retry_count: 1}\n"
                    "    common_environment_settings: {A: a}\n"
                    "    task:\n"
                    "      command_line: ./base {task.index}\n"
                    "      environment_settings: {B: b}\n"
                    "      required_slots: 2\n"
                    "      working_dir: base\n"
                    "      constraints: {max_wall_clock_time: 1m}\n"
                    "    tasks:\n"
                    "      - {}\n"
                    "      - id: own\n"
                    "        command_line: [own]\n"
                    "        environment_settings: [{name: C, value: c}]\n"
                    "        required_slots: 1\n"
                    "        working_dir: own\n"
                    "        constraints: {max_wall_clock_time: 2m,"
                    " max_task_retry_count: -1}\n"
                    "      - {environment_settings: {}}\n");
    const struct job *job = &spec->jobs[0];
    const struct task_template *t = job->templates;
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    assert_int_equal(job->tasks.count, 3);
    assert_string_equal(command_of(job, 0, &b), "./base 0");
    assert_string_equal(command_of(job, 1, &b), "own");
    assert_string_equal(command_of(job, 2, &b), "./base 2");
    assert_int_equal(t[0].env_count, 2);
    assert_int_equal(t[1].env_count, 3);
    assert_string_equal(t[1].env[0].name, "A");
    assert_string_equal(t[1].env[2].name, "C");
    assert_ptr_equal(t[0].env, t[2].env); /* shared, as is the command */
    assert_ptr_equal(t[0].command.words, t[2].command.words);
    assert_int_equal(t[0].required_slots, 2);
    assert_int_equal(t[1].required_slots, 1);
    assert_string_equal(template_text(t[0].working_dir), "base");
    assert_string_equal(template_text(t[1].working_dir), "own");
    assert_true(t[0].constraints.max_wall_clock_ns == 60 * NS_PER_SEC);
    assert_true(t[1].constraints.max_wall_clock_ns == 120 * NS_PER_SEC);
    assert_int_equal(t[0].constraints.max_task_retry_count, 1);
    assert_int_equal(t[1].constraints.max_task_retry_count, -1);
    assert_int_equal(job_task_id(job, 1, id, &err), 0);
    assert_string_equal(id, "own");
    jobspec_destroy(spec);
    buf_fini(&b);
}

static void list_sweep(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jobspec *spec =
        parse_right("jobs:\n"
                    "  - sweep:\n"
                    "      method: list\n"
                    "      points:\n"
                    "        - {x: 1, y: a}\n"
                    "        - {y: 'b c', x: 0x10}\n"
                    "        - {x: 12:30:00, y: ''}\n"
                    "      parameters: {x: {units: m}}\n"
                    "    task: {command_line: 'f {x} {y}'}\n");
    const struct job *job = &spec->jobs[0];
    assert_int_equal(job->tasks.kind, TASKS_SWEPT);
    assert_int_equal(taskset_dims(&job->tasks, NULL), 1);
    assert_int_equal(job->tasks.count, 3);
    assert_string_equal(job->tasks.params[0].units, "m");
    assert_string_equal(command_of(job, 0, &b), "f 1 a");
    assert_string_equal(command_of(job, 1, &b), "f 0x10 'b c'");
    assert_string_equal(command_of(job, 2, &b), "f 12:30:00 ''");
    assert_true(value_of(job, 0, 1).u.integer == 16);
    jobspec_destroy(spec);
    buf_fini(&b);
}

/* What YAML 1.1 makes of these is a trap; here the source text counts. */
static void yaml_traps(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jobspec *spec = parse_right(
        "name: 010\n"
        "jobs:\n"
        "  - id: no\n"
        "    constraints: {max_wall_clock_time: 12:30:00}\n"
        "    task:\n"
        "      command_line: [f, 010, 1e3, no, 12:30:00, 1_0, true, 0o7, '~']\n"
        "      environment_settings: {A: on, B: 1.50, C: ''}\n"
        "      id: 007\n");
    const struct job *job = &spec->jobs[0];
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    assert_string_equal(spec->name, "010");
    assert_string_equal(job->id, "no");
    assert_true(job->max_wall_clock_ns == 45000 * NS_PER_SEC);
    assert_string_equal(command_of(job, 0, &b),
                        "f 010 1e3 no 12:30:00 1_0 true 0o7 '~'");
    assert_string_equal(text_of(job, 0, job->templates[0].env[1].value, &b),
                        "1.50");
    assert_int_equal(job_task_id(job, 0, id, &err), 0);
    assert_string_equal(id, "007");
    jobspec_destroy(spec);
    buf_fini(&b);
}

/* Block scalars, anchors, Windows lines, a byte order mark. */
static void yaml_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *command;
    } forms[] = {
        {"jobs:\n  - task:\n      command_line: |\n        ./a b\n", "./a b"},
        {"jobs:\n  - task:\n      command_line: >\n        ./a\n        b\n",
         "./a b"},
        {"jobs:\n  - task:\n      command_line: |\n        x=1\n        ./a\n",
         "x=1\n./a"},
        {"jobs:\r\n  - task:\r\n      command_line: ./a b\r\n", "./a b"},
        {"\xef\xbb\xbfjobs: [{task: {command_line: ./a b}}]", "./a b"},
        {"{\"jobs\": [{\"task\": {\"command_line\": \"./a b\"}}]}", "./a b"},
        {"jobs:\n  - task: &t {command_line: ./a b}\n    id: a\n"
         "  - {id: b, task: {<<: *t, required_slots: 2}}\n",
         "./a b"},
        {"jobs: [{task: {command_line: ./a \xc3\xa4}}]", "./a '\xc3\xa4'"},
    };
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct jobspec *spec = parse_right(forms[i].text);
        const struct job *job = &spec->jobs[spec->job_count - 1];
        assert_string_equal(command_of(job, 0, &b), forms[i].command);
        jobspec_destroy(spec);
    }
    buf_fini(&b);
}

/* What a golden file cannot be. */
static void odd_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *error;
        unsigned line;
    } odd[] = {
        {"", 0, "the job spec is empty; it needs at least `jobs`", 0},
        {"# nothing\n", 10, "the job spec is empty; it needs at least `jobs`",
         0},
        {"\xef\xbb\xbf", 3, "the job spec is empty; it needs at least `jobs`",
         0},
        {"\xff\xfej\0o\0", 6, "the job spec is in UTF-16; save it as UTF-8", 1},
        {"\xfe\xff\0j", 4, "the job spec is in UTF-16; save it as UTF-8", 1},
        {"a\0b", 3, "control byte 0x00 cannot stand in a job spec", 1},
        {"a: \xe2\x82", 5, "byte 0xe2 is not UTF-8", 1},
        {"a: \xed\xa0\x80", 6, "byte 0xed is not UTF-8", 1},
        {"\xef\xbb\xbf\n- 1", 7,
         "a job spec must be a mapping (`name`, `storage`, `pool`, `pools`, ...), not a list",
         2},
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct spec_error e;
        assert_int_equal(parse_wrong(odd[i].text, odd[i].len, &e), 1);
        assert_string_equal(e.text, odd[i].error);
        assert_int_equal(e.line, odd[i].line);
    }
}

/* Each allocation fails once: an error, no leak, no crash. */
static void allocation_failures(void **state)
{
    (void)state;
    static const char *const texts[] = {
        whole,
        "jobs:\n- tasks: [{command_line: a, id: b}, {command_line: 'c;'}]\n"
        "  task: {environment_settings: {A: '{task.index:03d}'}}\n",
        "jobs:\n- sweep: {method: list, points: [{x: 1}, {x: 2}]}\n"
        "  task: {command_line: [a, '{x}'], id: 'i{x}'}\n",
        "jobs:\n- task: &a {comand_line: 3}\n  foo: *a\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bool failed = true;
        for (unsigned long k = 1; failed; k++) {
            struct spec_errors errors;
            mem_fail_at(k);
            struct jobspec *spec =
                spec_parse(texts[i], strlen(texts[i]), "stem", NULL, &errors);
            failed = mem_fail_at(0) >= k;
            assert_true(spec || errors.count > 0);
            assert_true(!spec || errors.count == 0);
            spec_errors_fini(&errors);
            jobspec_destroy(spec);
            assert_true(k < 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_spec),  cmocka_unit_test(least_spec),
        cmocka_unit_test(inheritance), cmocka_unit_test(list_sweep),
        cmocka_unit_test(yaml_traps),  cmocka_unit_test(yaml_forms),
        cmocka_unit_test(odd_files),   cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
