/* What a run would do: see plan.h. */
#include "config.h"
#include "cli/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/grow.h"
#include "cli/json_put.h"
#include "cli/plan_files.h"
#include "cli/plan_life.h"
#include "cli/rundir_arg.h"
#include "cli/skipped.h"
#include "cli/specfile.h"
#include "model/jobcommand.h"
#include "spec/spec.h"
#include "view/describe.h"
#include "view/query_json.h"

enum { TEXT_BYTES = 8 << 20, JSON_BYTES = 512 << 20 };

/* What an earlier session has left of a job. */
struct past_counts {
    uint64_t succeeded, failed, invalid, skipped, again;
};

struct planning {
    const struct plan *plan;
    const char *path; /* of the spec */
    struct jobspec *spec;
    char *run_dir;
    char *folder;               /* of the spec */
    struct rundir *past;        /* NULL: there is none, or it is not resumed */
    struct past_counts *counts; /* one a job */
    struct skipped skipped;     /* what would not run (again) */
    const struct task_range *again; /* those of --rerun not passed yet */
    size_t again_count;
    struct display *display;
    struct plan_life life;
};

/* ---- What there is ---- */

static bool is_spec_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* The only spec of this folder; heap. NULL: it was said why. */
static char *spec_here(void)
{
    char *found = NULL;
    unsigned count = 0;
    DIR *dir = opendir(".");
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (is_spec_name(e->d_name) && count++ == 0)
            found = mem_strdup(e->d_name);
    if (dir)
        closedir(dir);
    if (count == 1 && found)
        return found;
    mem_free(found);
    if (count == 0)
        usage_error("plan", "which job spec? There is none in this folder");
    else
        usage_error("plan", "which job spec? There are %u in this folder",
                    count);
    return NULL;
}

/* Would the run directory be taken for this spec? -1 with err: why not. */
static int past_check(struct planning *p, const struct buf *text,
                      struct err *err)
{
    size_t len;
    const char *old = rundir_spec(p->past, &len);
    if (len != text->len || memcmp(old, buf_text(text), len) != 0)
        return err_set(
            err, EINVAL,
            "%s is of another job spec: run would refuse it; --fresh "
            "moves it aside, -o names another folder",
            p->run_dir);
    int fd = open(p->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", p->run_dir);
    int rc = p->spec->inputs
                 ? inputs_compare(p->spec->inputs, fd, p->run_dir, err)
                 : 0;
    close(fd);
    return rc;
}

/* Is it one of those of --rerun? They are asked for in their order. */
static bool is_again(struct planning *p, uint32_t job, uint32_t index)
{
    const struct task_range *r = p->again;
    while (p->again_count > 0 &&
           (r->job < job || (r->job == job && r->first + r->count <= index))) {
        r = ++p->again;
        p->again_count--;
    }
    return p->again_count > 0 && r->job == job && r->first <= index;
}

static int count_task(void *arg, const struct query_task *t, struct err *err)
{
    struct planning *p = arg;
    struct past_counts *c = &p->counts[t->job];
    if (t->state == QUERY_RUNNING)
        return 0;
    c->succeeded += t->state == QUERY_SUCCEEDED || t->state == QUERY_INVALID;
    c->skipped += t->state == QUERY_SKIPPED;
    c->invalid += t->state == QUERY_INVALID;
    c->failed += t->state == QUERY_FAILED;
    if (!is_again(p, t->job, t->index))
        return skipped_add(&p->skipped, t->job, t->index, err);
    c->again++;
    return 0;
}

static int counts_find(struct planning *p, struct err *err)
{
    struct task_range *again = NULL;
    struct query *q = NULL;
    int rc = rerun_find(&p->plan->rerun, p->past, p->spec, &again,
                        &p->again_count, err);
    p->again = again;
    if (rc == 0)
        q = query_open(p->past, p->spec, clock_wall_ns(), err);
    if (rc == 0)
        rc = q ? query_filter(q, "state!=active", err) : -1;
    if (rc == 0)
        rc = query_each(q, count_task, p, err);
    query_close(q);
    p->again = NULL;
    mem_free(again);
    return rc;
}

/* Tasks of a job that would run. */
static uint64_t job_left(const struct planning *p, uint32_t j)
{
    const struct past_counts *c = &p->counts[j];
    return p->spec->jobs[j].tasks.count - c->succeeded - c->failed -
           c->skipped + c->again;
}

static uint64_t all_left(const struct planning *p)
{
    uint64_t left = 0;
    for (uint32_t j = 0; j < p->spec->job_count; j++)
        left += job_left(p, j);
    return left;
}

/* ---- Tasks ---- */

/* Of the tasks of a job that are to run, or if none is, of all its tasks. */
static uint32_t shown_of(const struct planning *p, uint32_t j)
{
    uint64_t left = job_left(p, j);
    return left > 0 ? (uint32_t)left : p->spec->jobs[j].tasks.count;
}

/* How many are shown. */
static uint64_t shown_count(const struct planning *p, uint32_t j)
{
    uint32_t of = shown_of(p, j);
    return p->plan->lines < of ? p->plan->lines : of;
}

/* The number of the k-th of them: evenly spread, the first and the last among
 * them. */
static uint32_t shown_number(const struct planning *p, uint32_t j, uint64_t k)
{
    uint64_t shown = shown_count(p, j);
    double last = (double)shown_of(p, j) - 1;
    return shown < 2 ? 0
                     : (uint32_t)((double)k * last / (double)(shown - 1) + 0.5);
}

/* Its index. */
static uint32_t shown_index(const struct planning *p, uint32_t j, uint64_t k)
{
    uint32_t number = shown_number(p, j, k);
    return job_left(p, j) > 0 ? skipped_left(&p->skipped, j, number) : number;
}

/* Its id and command line; what is wrong with them in place of it. */
static void task_find(const struct planning *p, const struct job *job,
                      uint32_t index, char id[JOBSPEC_MAX_ID + 1],
                      struct buf *command)
{
    struct err err;
    struct template_context c = {.index = index,
                                 .task_id = id,
                                 .job_id = job->id,
                                 .run_dir = p->run_dir,
                                 .spec_dir = p->folder};
    id[0] = '\0';
    buf_reset(command);
    if (job_task_id(job, index, id, &err) < 0 ||
        job_command_show(job, &c, command, NULL, &err) < 0) {
        buf_reset(command);
        (void)buf_printf(command, "(%s)", err.text);
    }
}

/* ---- For people ---- */

static void past_put(struct display *d, const struct past_counts *c,
                     uint64_t left)
{
    char count[64];
    display_printf(d, "%s succeeded, ",
                   describe_count(c->succeeded, "", count));
    if (c->invalid > 0)
        display_printf(d, "%s of them invalid, ",
                       describe_count(c->invalid, "", count));
    display_printf(d, "%s failed", describe_count(c->failed, "", count));
    if (c->skipped > 0)
        display_printf(d, ", %s skipped",
                       describe_count(c->skipped, "", count));
    display_puts(d, "; ");
    display_printf(d, "%s to run", describe_count(left, "", count));
    if (c->again > 0 && c->again < left)
        display_printf(d, ", %s of them again",
                       describe_count(c->again, "", count));
    display_puts(d, c->again == left && left > 0 ? " again\n" : "\n");
}

static void limits_put(struct display *d, const struct job *job)
{
    const struct task_template *t = job_template(job, 0);
    char limit[16], count[64];
    if (job->max_wall_clock_ns > 0)
        display_printf(d, "    the whole job is ended after %s\n",
                       duration_format(job->max_wall_clock_ns, limit));
    if (job->tasks.kind == TASKS_LISTED && job->tasks.count > 1)
        return; /* each has its own */
    if (t->required_slots > 1)
        display_printf(d, "    each takes %" PRIu32 " slots\n",
                       t->required_slots);
    if (t->constraints.max_wall_clock_ns > 0)
        display_printf(
            d, "    each is ended after %s\n",
            duration_format(t->constraints.max_wall_clock_ns, limit));
    if (t->constraints.max_task_retry_count < 0)
        display_puts(d, "    who fails is tried again without limit\n");
    else if (t->constraints.max_task_retry_count > 0)
        display_printf(
            d, "    who fails is tried again up to %s\n",
            describe_count(t->constraints.max_task_retry_count, "time", count));
    for (uint32_t i = 0; i < t->env_count; i++)
        display_printf(d, "    %s %s=%s\n",
                       i == 0 ? "environment:" : "            ", t->env[i].name,
                       template_text(t->env[i].value));
}

static void lines_put(const struct planning *p, uint32_t j)
{
    const struct job *job = &p->spec->jobs[j];
    uint64_t shown = shown_count(p, j);
    struct buf command;
    buf_init(&command, TEXT_BYTES);
    if (shown > 0 && shown_of(p, j) < job->tasks.count)
        display_puts(p->display, "    to run:\n");
    for (uint64_t k = 0; k < shown; k++) {
        char id[JOBSPEC_MAX_ID + 1];
        uint32_t number = shown_number(p, j, k);
        task_find(p, job, shown_index(p, j, k), id, &command);
        if (k > 0 && number > shown_number(p, j, k - 1) + 1)
            display_puts(p->display, "      ...\n");
        display_printf(p->display, "    %6s  ", id);
        display_put(p->display, buf_text(&command), command.len);
        display_puts(p->display, "\n");
    }
    if (shown == 1 && shown_of(p, j) > 1)
        display_puts(p->display, "      ...\n");
    buf_fini(&command);
}

/* What else the spec asks for: of job j, or (-1) of all. */
static void life_put(const struct planning *p, int64_t j)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES);
    if (j < 0)
        plan_life_put(&p->life, &text);
    else
        plan_life_put_job(&p->life, (uint32_t)j, &text);
    display_put(p->display, buf_text(&text), text.len);
    buf_fini(&text);
}

static void job_put(const struct planning *p, uint32_t j)
{
    const struct job *job = &p->spec->jobs[j];
    struct buf what;
    char count[64];
    buf_init(&what, TEXT_BYTES);
    display_puts(p->display, "  ");
    display_styled(p->display, STYLE_TITLE, "job ");
    display_styled(p->display, STYLE_TITLE, job->id);
    display_printf(p->display, ": %s",
                   describe_count(job->tasks.count, "task", count));
    if (job->tasks.kind != TASKS_LISTED &&
        taskset_describe(&job->tasks, &what) == 0)
        display_printf(p->display, ", %s", buf_text(&what));
    display_puts(p->display, "\n");
    buf_fini(&what);
    limits_put(p->display, job);
    life_put(p, (int64_t)j);
    plan_files_put(p->display, p->spec, job, p->folder);
    if (p->past && p->spec->job_count > 1) {
        display_puts(p->display, "    so far ");
        past_put(p->display, &p->counts[j], job_left(p, j));
    }
    lines_put(p, j);
}

static const char *kind_name(enum table_kind kind)
{
    static const char *const names[] = {[TABLE_CSV] = "CSV",
                                        [TABLE_TSV] = "TSV",
                                        [TABLE_COMMANDS] = "command lines",
                                        [TABLE_PATHS] = "files"};
    return names[kind];
}

static uint32_t paths_count(const char *bytes, size_t len)
{
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += bytes[i] == '\0';
    return n;
}

static void files_put(const struct planning *p)
{
    const struct inputs *inputs = p->spec->inputs;
    for (size_t i = 0; inputs && i < inputs_count(inputs); i++) {
        enum table_kind kind;
        const char *path, *bytes;
        size_t len;
        char size[16];
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        if (kind == TABLE_PATHS)
            display_printf(p->display, "  from %s: %" PRIu32 " files\n", path,
                           paths_count(bytes, len));
        else
            display_printf(p->display, "  from %s: %s, %s\n", path,
                           kind_name(kind), size_format(len, size));
    }
}

static void where_put(const struct planning *p)
{
    struct past_counts sum = {0};
    for (uint32_t j = 0; j < p->spec->job_count; j++) {
        sum.succeeded += p->counts[j].succeeded;
        sum.invalid += p->counts[j].invalid;
        sum.failed += p->counts[j].failed;
        sum.skipped += p->counts[j].skipped;
        sum.again += p->counts[j].again;
    }
    if (p->past) {
        display_printf(p->display, "  it would resume %s: ", p->run_dir);
        past_put(p->display, &sum, all_left(p));
    } else {
        display_printf(p->display, "  it would make the run directory %s\n",
                       p->run_dir);
    }
}

static void slots_put(const struct planning *p)
{
    static const char *const units[] = {[SLOT_CORE] = "core",
                                        [SLOT_HWTHREAD] = "hardware thread",
                                        [SLOT_NUMANODE] = "NUMA node",
                                        [SLOT_PACKAGE] = "package"};
    const struct pool *pool = &p->spec->pools[0];
    if (p->spec->pool_count > 1)
        return; /* each has its own */
    if (pool->task_slots_per_node > 0)
        display_printf(p->display, "  %" PRIu32 " slots a node\n",
                       pool->task_slots_per_node);
    else
        display_printf(p->display, "  a slot for each %s of a node\n",
                       units[pool->slot_unit]);
}

static int text_show(struct planning *p)
{
    struct display d;
    char count[64], jobs[64];
    display_open(&d, &p->plan->display);
    p->display = &d;
    display_printf(&d, "%s: %s in %s\n", p->path,
                   describe_count(jobspec_task_count(p->spec), "task", count),
                   describe_count(p->spec->job_count, "job", jobs));
    where_put(p);
    slots_put(p);
    life_put(p, -1);
    files_put(p);
    for (uint32_t j = 0; j < p->spec->job_count; j++)
        if (!jobspec_is_copy(p->spec, j))
            job_put(p, j);
    return display_close(&d);
}

/* ---- For programs ---- */

static json_t *count_json(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *lines_json(const struct planning *p, uint32_t j)
{
    const struct job *job = &p->spec->jobs[j];
    json_t *array = json_array();
    uint64_t shown = shown_count(p, j);
    struct buf command;
    buf_init(&command, TEXT_BYTES);
    for (uint64_t k = 0; k < shown; k++) {
        char id[JOBSPEC_MAX_ID + 1];
        uint32_t index = shown_index(p, j, k);
        json_t *o = json_object();
        task_find(p, job, index, id, &command);
        json_object_set_new(o, "task_id", json_string(id));
        json_object_set_new(o, "task_index", json_integer(index));
        json_object_set_new(o, "command", query_text_json(buf_text(&command)));
        json_array_append_new(array, o);
    }
    buf_fini(&command);
    return array;
}

static json_t *job_json(const struct planning *p, uint32_t j)
{
    const struct job *job = &p->spec->jobs[j];
    const struct task_template *t = job_template(job, 0);
    const struct past_counts *c = &p->counts[j];
    json_t *o = json_object(), *env = json_object();
    for (uint32_t i = 0; i < t->env_count; i++)
        json_object_set_new(env, t->env[i].name,
                            query_text_json(template_text(t->env[i].value)));
    json_object_set_new(o, "job_id", json_string(job->id));
    json_object_set_new(o, "tasks", json_integer(job->tasks.count));
    json_object_set_new(o, "succeeded", count_json(c->succeeded));
    json_object_set_new(o, "invalid", count_json(c->invalid));
    json_object_set_new(o, "failed", count_json(c->failed));
    json_object_set_new(o, "skipped", count_json(c->skipped));
    json_object_set_new(o, "again", count_json(c->again));
    json_object_set_new(o, "to_run", count_json(job_left(p, j)));
    json_object_set_new(o, "required_slots", json_integer(t->required_slots));
    json_object_set_new(o, "max_task_retry_count",
                        json_integer(t->constraints.max_task_retry_count));
    json_object_set_new(
        o, "max_wall_clock_s",
        t->constraints.max_wall_clock_ns > 0
            ? json_real((double)t->constraints.max_wall_clock_ns / 1e9)
            : json_null());
    json_object_set_new(o, "environment", env);
    plan_life_json_job(&p->life, j, o);
    plan_files_json(o, p->spec, job, p->folder);
    json_object_set_new(o, "commands", lines_json(p, j));
    return o;
}

static json_t *files_json(const struct planning *p)
{
    json_t *array = json_array();
    const struct inputs *inputs = p->spec->inputs;
    for (size_t i = 0; inputs && i < inputs_count(inputs); i++) {
        enum table_kind kind;
        const char *path, *bytes;
        size_t len;
        json_t *o = json_object();
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        json_object_set_new(o, "path", query_text_json(path));
        json_object_set_new(o, "kind", json_string(kind_name(kind)));
        json_object_set_new(o, "bytes", count_json(len));
        json_array_append_new(array, o);
    }
    return array;
}

static int json_show(const struct planning *p)
{
    json_t *o = json_object(), *jobs = json_array();
    for (uint32_t j = 0; j < p->spec->job_count; j++)
        if (!jobspec_is_copy(p->spec, j))
            json_array_append_new(jobs, job_json(p, j));
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "name", query_text_json(p->spec->name));
    json_object_set_new(o, "run_dir", query_text_json(p->run_dir));
    json_object_set_new(o, "resumes", json_boolean(p->past != NULL));
    json_object_set_new(o, "tasks", count_json(jobspec_task_count(p->spec)));
    json_object_set_new(o, "to_run", count_json(all_left(p)));
    plan_life_json(&p->life, o);
    json_object_set_new(o, "files", files_json(p));
    json_object_set_new(o, "jobs", jobs);
    return json_print(o, JSON_BYTES);
}

/* ---- The whole ---- */

/* The run directory, if there is one to be resumed. -1 with err. */
static int past_open(struct planning *p, const struct buf *text,
                     struct err *err)
{
    struct stat st;
    if (p->plan->fresh || stat(p->run_dir, &st) < 0)
        return 0;
    p->past = rundir_open_read(p->run_dir, err);
    return !p->past || past_check(p, text, err) < 0 ||
                   spec_grow_run(p->spec, rundir_path(p->past), err) < 0 ||
                   counts_find(p, err) < 0
               ? -1
               : 0;
}

static int plan_make(struct planning *p)
{
    struct buf text;
    struct err err;
    int rc = EXIT_BAD_USAGE;
    buf_init(&text, SPEC_MAX_BYTES);
    p->run_dir = p->plan->run_dir ? mem_strdup(p->plan->run_dir)
                                  : specfile_run_dir(p->path);
    /* what a run that goes on has used up may be gone */
    bool begins =
        p->plan->fresh || (p->run_dir && access(p->run_dir, F_OK) < 0);
    p->spec = specfile_load(p->path, begins, &text);
    if (!p->spec)
        goto out;
    p->folder = specfile_folder(p->path, &err);
    p->counts = mem_calloc(p->spec->job_count, sizeof(p->counts[0]));
    if (!p->run_dir || !p->counts || !p->folder) {
        log_error("no memory");
        rc = EXIT_FAILED;
    } else if (past_open(p, &text, &err) < 0 ||
               plan_life_init(&p->life, p->spec, &err) < 0) {
        log_error("%s", err.text);
    } else {
        rc = p->plan->json ? json_show(p) : text_show(p);
    }
out:
    buf_fini(&text);
    return rc;
}

int plan_show(const struct plan *plan)
{
    struct planning p = {.plan = plan, .path = plan->spec_path};
    char *here = plan->spec_path ? NULL : spec_here();
    if (!plan->spec_path && !here)
        return EXIT_BAD_USAGE;
    if (here)
        p.path = here;
    int rc = plan_make(&p);
    rundir_close(p.past);
    skipped_fini(&p.skipped);
    plan_life_fini(&p.life);
    jobspec_destroy(p.spec);
    mem_free(p.counts);
    mem_free(p.run_dir);
    mem_free(p.folder);
    mem_free(here);
    return rc;
}
