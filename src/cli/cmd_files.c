/* mpibatch files: the files of a task: list, look, get. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/file_list.h"
#include "cli/json_put.h"
#include "cli/task_arg.h"
#include "cli/task_files.h"
#include "cli/uploaded.h"
#include "view/query_json.h"

enum { JSON_BYTES = 64 << 20 };

struct files_values {
    const char *id, *path, *run, *to;
    struct texts paths;
    uint64_t attempt;
    bool flat, json, raw;
    struct display_options display;
};

/* ---- The task ---- */

struct files {
    const struct files_values *v;
    struct run_arg run;
    struct task_files task;
    char id[JOBSPEC_MAX_ID + 1];
    struct display display;
    struct fetch fetch;
    int (*use)(struct files *f, struct holder *s, struct err *err);
    bool failed; /* to print; said why */
};

static int on_holder(void *arg, struct holder *s, struct err *err)
{
    struct files *f = arg;
    return f->use(f, s, err);
}

static int code_of(const struct err *err)
{
    log_error("%s", err->text);
    return err->code == EINVAL ? EXIT_BAD_USAGE : EXIT_FAILED;
}

/* Find the task and use its files. */
static int task_use(struct files *f, const char *command)
{
    struct err err;
    int rc = task_arg_run(command, f->v->id, f->v->run, &f->run);
    if (rc != EXIT_OK)
        return rc;
    f->task = (struct task_files){
        .run = &f->run, .attempt = f->v->attempt, .use = on_holder, .arg = f};
    rc = task_arg_find(command, f->run.spec, f->v->id, &f->task.job,
                       &f->task.index);
    if (rc == EXIT_OK && (job_task_id(&f->run.spec->jobs[f->task.job],
                                      f->task.index, f->id, &err) < 0 ||
                          task_files_use(&f->task, &err) < 0))
        rc = code_of(&err);
    return rc;
}

/* ---- What is shown ---- */

/* {"version": 1, "task": {...}}. NULL: no memory. */
static json_t *task_json(const struct files *f, const struct holder *s)
{
    const struct query_task *t = s->task;
    uint32_t attempt = t ? t->last->attempt : s->answer.attempt;
    uint32_t rank = t ? t->last->rank : s->answer.rank;
    return json_pack(
        "{s:i, s:{s:s, s:s, s:s, s:o, s:o, s:i}}", "version", 1, "task",
        "job_id", f->run.spec->jobs[f->task.job].id, "task_id", f->id, "state",
        t ? query_state_name(t->state) : ask_state_name(s->answer.state),
        "attempt", attempt > 0 ? json_integer(attempt) : json_null(), "node",
        query_text_json(t ? t->node : s->answer.node), "rank", (int)rank);
}

/* Print o with one more member, or say why not; both are taken. */
static int json_show(json_t *o, const char *key, json_t *value, struct err *err)
{
    if (!value) { /* err has it */
        json_decref(o);
        return -1;
    }
    if (json_object_set_new(o, key, value) < 0) {
        json_decref(o);
        return err_set(err, ENOMEM, "no memory to show this");
    }
    return json_print(o, JSON_BYTES) == EXIT_OK ? 0 : 1;
}

static int list_json(struct files *f, struct holder *s, const struct buf *list,
                     bool more, struct err *err)
{
    json_t *o = task_json(f, s);
    json_object_set_new(o, "complete", json_boolean(!more));
    json_object_set_new(o, "uploaded", uploaded_json(&f->run, s->task));
    return json_show(o, "files", file_list_json(list, err), err);
}

static int list_use(struct files *f, struct holder *s, struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    struct buf list;
    bool more = false;
    buf_init(&list, HOLDER_LIST_BYTES);
    int rc = file_path_plain(f->v->path, plain, err);
    if (rc == 0)
        rc = holder_list(s, plain, !f->v->flat, &list, &more, err);
    if (rc == 0 && f->v->json) {
        rc = list_json(f, s, &list, more, err);
    } else if (rc == 0) {
        rc = file_list_show(&list, &f->display, err);
        if (rc == 0 && more)
            log_warning("there are more files than can be listed at once");
        if (rc == 0)
            uploaded_say(&f->run, s->task);
        if (rc == 0 && s->note[0])
            log_info("%s", s->note);
    }
    buf_fini(&list);
    f->failed = rc > 0;
    return rc < 0 ? -1 : 0;
}

static int stat_use(struct files *f, struct holder *s, struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    struct file_info info;
    if (file_path_plain(f->v->path, plain, err) < 0 ||
        holder_look(s, plain, &info, err) < 0)
        return -1;
    if (!f->v->json) {
        file_info_show(&info, plain, &f->display);
        return 0;
    }
    int rc = json_show(task_json(f, s), "file",
                       file_info_json(&info, plain, err), err);
    f->failed = rc > 0;
    return rc < 0 ? -1 : 0;
}

static int show(const struct files_values *v, const char *command,
                int (*use)(struct files *f, struct holder *s, struct err *err))
{
    struct files f = {.v = v, .use = use};
    int rc;
    if (v->json) {
        rc = task_use(&f, command);
    } else {
        display_open(&f.display, &v->display);
        rc = task_use(&f, command);
        rc = display_end(&f.display, rc);
    }
    run_arg_close(&f.run);
    return rc == EXIT_OK && f.failed ? EXIT_FAILED : rc;
}

static int list(void *values)
{
    return show(values, "files list", list_use);
}

static int look(void *values)
{
    return show(values, "files stat", stat_use);
}

/* ---- files get ---- */

static int get_use(struct files *f, struct holder *s, struct err *err)
{
    f->fetch.paths = &f->v->paths;
    f->fetch.to = f->v->to;
    f->fetch.raw = f->v->raw;
    return fetch_run(&f->fetch, s, err);
}

static int get(void *values)
{
    struct files f = {.v = values, .use = get_use};
    int rc = task_use(&f, "files get");
    run_arg_close(&f.run);
    if (rc == EXIT_OK && f.v->to)
        fetch_say(&f.fetch);
    return rc;
}

/* ---- As the command line knows them ---- */

#define ATTEMPT_OPT                                                            \
    {                                                                          \
        .name = "attempt", .kind = OPT_COUNT, .value = "N",                    \
        .at = offsetof(struct files_values, attempt),                          \
        .what = "the number of an attempt", .min = 1, .max = UINT32_MAX,       \
        .otherwise = "the one that runs, else the last one that has ended",    \
        .meaning =                                                             \
            "what its attempt N has left: in the run directory, and in "       \
            "its own directory if that was kept"                               \
    }
#define JSON_OPT(form)                                                         \
    {                                                                          \
        .name = "json", .kind = OPT_FLAG,                                      \
        .at = offsetof(struct files_values, json), .meaning = form             \
    }

static const struct opt list_opts[] = {
    {.name = "no-recursive",
     .kind = OPT_FLAG,
     .at = offsetof(struct files_values, flat),
     .meaning = "not what is in its folders"},
    ATTEMPT_OPT,
    JSON_OPT("print JSON, {\"version\": 1, \"task\": {\"job_id\", "
             "\"task_id\", \"state\", \"attempt\", \"node\", \"rank\"}, "
             "\"uploaded\": "
             "[{\"file_pattern\", \"destination\", \"exists\"}, ...], "
             "\"files\": [{\"name\", \"type\", \"size\", \"mode\", "
             "\"modified_time\"}, ...], \"complete\": true}")};

static const struct opt stat_opts[] = {
    ATTEMPT_OPT,
    JSON_OPT("print JSON, {\"version\": 1, \"task\": {...}, \"file\": {...}}")};

static const struct opt get_opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_FILE,
     .value = "FILE",
     .at = offsetof(struct files_values, to),
     .otherwise = "stdout",
     .meaning =
         "write it to FILE; into a folder if it is one, ends in a slash, "
         "or more than one file is asked for"},
    ATTEMPT_OPT,
    {.name = "raw",
     .kind = OPT_FLAG,
     .at = offsetof(struct files_values, raw),
     .meaning = "the bytes as they are, to a terminal, too"}};

static const struct opt_set list_sets[] = {
    OPT_SET(list_opts, 0),
    OPT_SET(display_opts, offsetof(struct files_values, display))};
static const struct opt_set stat_sets[] = {
    OPT_SET(stat_opts, 0),
    OPT_SET(display_opts, offsetof(struct files_values, display))};
static const struct opt_set get_sets[] = {OPT_SET(get_opts, 0)};

#define PATH_ARG(text)                                                         \
    {                                                                          \
        .name = "PATH", .noun = "path", .kind = OPT_TEXT,                      \
        .at = offsetof(struct files_values, path), .optional = true,           \
        .meaning = text                                                        \
    }

static const struct arg list_args[] = {
    TASK_ARG(struct files_values),
    PATH_ARG("a folder of the task, such as `wd`, or a file; by default all"),
    RUN_ARG(struct files_values)};
static const struct arg stat_args[] = {
    TASK_ARG(struct files_values),
    PATH_ARG("a file or folder of the task; by default its directory"),
    RUN_ARG(struct files_values)};
static const struct arg get_args[] = {
    TASK_ARG(struct files_values),
    {.name = "PATH",
     .noun = "path",
     .kind = OPT_TEXT,
     .at = offsetof(struct files_values, paths),
     .many = true,
     .meaning = "files of the task: `stdout.txt`, `stderr.txt`, or below `wd`; "
                "folders; patterns such as `'wd/**/*.dat'`"},
    RUN_ARG(struct files_values)};

static const struct cmd_exit exits[] = {
    {EXIT_OK, "done"},
    {EXIT_FAILED, "there is no such file, or it cannot be had: nobody has it "
                  "any more, or who has it does not answer"},
    {EXIT_BAD_USAGE, "wrong usage, or no such run or task"}};
enum { EXITS = sizeof(exits) / sizeof(exits[0]) };

static const struct cmd_example list_examples[] = {
    {"mpibatch files list 17 sweep.run",
     "What task 17 has left, or has by now"},
    {"mpibatch files list scan/17 wd --json", "For programs"}};
static const struct cmd_example get_examples[] = {
    {"mpibatch files get 17 wd/out.dat sweep.run", "One file, to stdout"},
    {"mpibatch files get scan/17 'wd/*.dat' stderr.txt -o here/",
     "Several, into a folder"}};

static const struct cmd files_list = {
    .name = "files list",
    .summary = "list the files of a task",
    .description =
        "List the files of the task ID, with their modes as `ls -l` has them, "
        "sizes, and when they were last written.\n\n"
        "A task that runs is asked for what it has by now, on whatever node it "
        "is. Of one that has ended there are stdout.txt and stderr.txt, the "
        "files that it returned (`return: true`) and, if its directory was "
        "kept (`keep`) and can be reached, all that is in that. Where its "
        "uploads went is said.",
    .sets = list_sets,
    .set_count = 2,
    .args = list_args,
    .arg_count = 3,
    .examples = list_examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct files_values),
    .main = list};

static const struct cmd files_stat = {
    .name = "files stat",
    .summary = "what a file of a task is",
    .description = "Show of one file or folder of the task ID its type, size, "
                   "mode and when it was last written.",
    .sets = stat_sets,
    .set_count = 2,
    .args = stat_args,
    .arg_count = 3,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct files_values),
    .main = look};

static const struct cmd files_get = {
    .name = "files get",
    .summary = "get files of a task",
    .description =
        "Get files of the task ID: one to stdout, or by -o one or several to "
        "where you want them. Of a file that still grows, as much as there is "
        "when this begins. A file that cannot be had whole is not left in "
        "parts.\n\n"
        "In patterns * ? and [..] match within a name, ** any folders.",
    .sets = get_sets,
    .set_count = 1,
    .args = get_args,
    .arg_count = 3,
    .examples = get_examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = EXITS,
    .values_size = sizeof(struct files_values),
    .main = get};

static const struct cmd *const topics[] = {&files_list, &files_stat, &files_get,
                                           NULL};

const struct cmd cmd_files = {
    .name = "files",
    .summary = "the files of a task: list, look, get",
    .description = "The files of a task, while it runs or when it has ended.",
    .topics = topics,
    .noun = "action"};
