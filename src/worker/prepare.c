/* What happens to an attempt before it has a slot: see prepare.h.
 *
 * Each file, listing and package is an item. An item waits until it is wanted,
 * is wanted until the stager has it here, and is then put into place by a step:
 * a job of io that makes the directory first, and takes some items at a time.
 * What a step has, only its thread touches.
 */
#include "config.h"
#include "worker/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "stage/listing.h"
#include "stage/place.h"
#include "worker/claims.h"
#include "worker/gang.h"
#include "worker/retire.h"
#include "worker/stager.h"
#include "worker/wants.h"

enum {
    WANTED_MAX = 64, /* of one attempt, at once */
    STEP_ITEMS = 64, /* that one step takes */
    MISSED_MAX = 5,  /* so often one is evicted before it is in place */
    STEP_SHORT_BYTES = 4 << 20, /* more is a long job */
    GANG_MAX_BYTES = 2 << 20    /* of the list of its nodes */
};

struct step {
    struct io_job job;
    bool make;            /* the directory first */
    int64_t aside_ns;     /* see taskdir_make */
    struct items had;     /* what it takes */
    struct items found;   /* what its listings have */
    enum failure failure; /* FAILURE_NONE: all is well */
    uint64_t links, reflinks, copies, copied_bytes;
};

struct prepare {
    struct preparer *context;
    struct prepare *next, **link; /* in context->all */
    enum prepare_state state;
    struct msg_range task;
    uint32_t slots;
    char task_id[JOBSPEC_MAX_ID + 1];
    struct prepared made;
    const struct launch *launch; /* or NULL */
    bool has_dir, stepping, inside;
    struct items waiting, here;
    uint32_t wanted, left, total; /* items: wanted, not in place, in all */
    struct claims claims;
    bool claimed; /* several of its items bring files: see claims.h */
    struct step step;
    struct retire retire;
    enum failure failure;
    char text[ERR_TEXT_MAX];
    int64_t start_ns;
    bool gone, waits; /* said so */
};

static void prepare_go(struct prepare *p);

void prepared_fini(struct prepared *p)
{
    taskdir_fini(&p->dir);
    for (uint32_t i = 0; p->packages && i < p->package_count; i++)
        mem_free(p->packages[i]);
    mem_free(p->packages);
    *p = (struct prepared){0};
}

/* ---- Life ---- */

void prepare_free(struct prepare *p)
{
    items_fini(&p->waiting);
    items_fini(&p->here);
    items_fini(&p->step.had);
    items_fini(&p->step.found);
    prepared_fini(&p->made);
    claims_fini(&p->claims);
    if (p->next)
        p->next->link = p->link;
    *p->link = p->next;
    mem_free(p);
}

/* One that has been given up is freed when nobody calls any more. */
static void prepare_settle(struct prepare *p)
{
    if (p->state == PREPARE_ENDING && p->gone && p->wanted == 0 && !p->stepping)
        prepare_free(p);
}

static void fail(struct prepare *p, enum failure failure, const char *text)
{
    if (p->state != PREPARE_GOING)
        return;
    p->state = PREPARE_FAILED;
    p->failure = failure;
    snprintf(p->text, sizeof(p->text), "%s", text);
}

/* The node cannot have the item: its text need not say which one it is. */
static void fail_item(struct prepare *p, const struct item *item,
                      const struct stager_result *r)
{
    struct err err;
    err_set(&err, EIO, "%s", r->text);
    if (item->to && item->kind != OBJECT_LIST)
        err_context(&err, "%s", item->to);
    fail(p, r->failure, err.text);
}

/* ---- Wanting ---- */

static void on_want(void *arg, const struct stager_result *r)
{
    struct item *item = arg;
    struct prepare *p = item->owner;
    p->wanted--;
    if (p->state != PREPARE_GOING) {
        item_destroy(item);
        prepare_settle(p);
        return;
    }
    if (!r->ok) {
        fail_item(p, item, r);
        item_destroy(item);
    } else {
        item->path = mem_strdup(r->path);
        item->bytes = r->meta.bytes;
        if (!item->path)
            fail(p, FAILURE_UNKNOWN, "no memory for a path");
        items_put(&p->here, item);
    }
    if (!p->inside)
        prepare_go(p);
}

/* One more item waits: a file whose place is not that of another. */
static void wait_for(struct prepare *p, struct item *item)
{
    struct err err;
    bool file = item->kind == OBJECT_FILE || item->kind == OBJECT_URL;
    int rc = p->claimed && file ? claims_add(&p->claims, item, &err) : 0;
    if (rc < 0)
        fail(p, FAILURE_RESOURCE_FILE_CREATE, err.text);
    if (rc != 0) {
        item_destroy(item);
        return;
    }
    item->owner = p;
    items_put(&p->waiting, item);
    p->left++;
    p->total++;
}

/* Some may be answered at once: prepare_go is not called by those. */
static void want_some(struct prepare *p)
{
    struct err err;
    struct item *item;
    p->inside = true;
    while (p->state == PREPARE_GOING && p->wanted < WANTED_MAX &&
           (item = items_take(&p->waiting))) {
        p->wanted++;
        if (stager_want(p->context->staging->stager, item->kind, item->key,
                        item->checksum, on_want, item, &err) < 0) {
            p->wanted--;
            items_put(&p->waiting, item);
            fail(p, FAILURE_UNKNOWN, err.text);
        }
    }
    p->inside = false;
}

/* Packages need not be put anywhere: where they are, they stay. */
static void packages_take(struct prepare *p)
{
    struct items rest = {0};
    struct item *item;
    while ((item = items_take(&p->here))) {
        if (item->kind != OBJECT_PACKAGE) {
            items_put(&rest, item);
            continue;
        }
        p->made.packages[item->package] = item->path;
        item->path = NULL;
        item_destroy(item);
        p->left--;
    }
    p->here = rest;
}

/* ---- A step, in its thread ---- */

static struct prepare *prepare_of(struct io_job *j)
{
    return (struct prepare *)((char *)j - offsetof(struct prepare, step.job));
}

static int too_many(struct err *err)
{
    return err_set(err, E2BIG, "over %d resource files", PREPARE_MAX_FILES);
}

/* What its listing has. */
static int item_list(struct step *s, struct item *item, struct err *err)
{
    struct buf text;
    struct listed f;
    uint32_t before = s->found.count;
    size_t at = 0;
    int rc;
    buf_init(&text, LISTING_MAX_BYTES);
    rc = file_read(item->path, &text, err);
    if (rc < 0 && err->code == ENOENT) {
        item->gone = true;
        buf_fini(&text);
        return 0;
    }
    while (rc == 0 &&
           (rc = listing_next(buf_text(&text), text.len, &at, &f, err)) > 0) {
        struct item *file = item_of_listed(item, f.name, err);
        rc = file ? 0 : -1;
        if (file)
            items_put(&s->found, file);
        if (s->found.count > PREPARE_MAX_FILES)
            rc = too_many(err);
    }
    if (rc == 0 && s->found.count == before && item->prefix[0])
        rc = err_set(err, ENOENT, "no file in %s begins with \"%s\"", item->dir,
                     item->prefix);
    buf_fini(&text);
    if (rc < 0)
        s->failure = failure_of_errno(err->code, PHASE_DOWNLOAD);
    return rc;
}

static int item_place(struct prepare *p, struct item *item, int dir,
                      struct err *err)
{
    struct step *s = &p->step;
    enum place_how how;
    if (place_file(item->path, item->bytes, dir, item->to, item->mode,
                   p->context->staging->scratch, &how, err) < 0) {
        item->gone = err->code == ESTALE;
        if (item->gone)
            return 0;
        s->failure = failure_of_errno(err->code, PHASE_WRITE);
        return err_context(err, "%s", item->to);
    }
    s->links += how == PLACE_LINK;
    s->reflinks += how == PLACE_REFLINK;
    s->copies += how == PLACE_COPY;
    s->copied_bytes += how == PLACE_COPY ? item->bytes : 0;
    return 0;
}

/* What a task on several nodes finds of them. */
static int put_gang(struct prepare *p, struct err *err)
{
    const struct gang g = {.peers = p->context->peers,
                           .launch = p->launch,
                           .slots = p->slots,
                           .dir = &p->made.dir};
    struct buf text;
    int rc = 0;
    buf_init(&text, GANG_MAX_BYTES);
    for (int f = 0; rc == 0 && f < GANG_FILES; f++) {
        buf_reset(&text);
        if (gang_file_put(&text, (enum gang_file)f, &g) < 0)
            rc = err_sys(err, errno, "%s", gang_file_name((enum gang_file)f));
        else
            rc = taskdir_put_file(&p->made.dir,
                                  gang_file_name((enum gang_file)f),
                                  buf_text(&text), text.len, err);
    }
    buf_fini(&text);
    return rc;
}

static int open_dir(struct prepare *p, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        p->step.failure = failure_of_errno(errno, PHASE_DIRECTORY);
        err_sys(err, errno, "cannot open %s", path);
    }
    return fd;
}

static int step_make(struct prepare *p, struct err *err)
{
    struct scratch *scratch = p->context->staging->scratch;
    if (p->launch && p->launch->keep_directory) {
        int rc = taskdir_go_on(&p->made.dir, scratch, p->task.attempt,
                               p->step.aside_ns, err);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    return taskdir_make(&p->made.dir, scratch, p->task.attempt,
                        p->step.aside_ns, err);
}

static int step_work(struct io_job *j, struct err *err)
{
    struct prepare *p = prepare_of(j);
    struct step *s = &p->step;
    int rc = 0;
    if (s->make && (step_make(p, err) < 0 ||
                    (p->launch && p->launch->ranks && put_gang(p, err) < 0))) {
        s->failure = failure_of_errno(err->code, PHASE_DIRECTORY);
        return -1;
    }
    if (!s->had.first)
        return 0;
    int dirs[2] = {open_dir(p, p->made.dir.wd, err), -1};
    if (dirs[0] >= 0 && (dirs[1] = open_dir(p, p->made.dir.path, err)) < 0)
        rc = -1;
    rc = dirs[0] < 0 ? -1 : rc;
    for (struct item *item = s->had.first; rc == 0 && item; item = item->next)
        rc = item->kind == OBJECT_LIST
                 ? item_list(s, item, err)
                 : item_place(p, item, dirs[item->common], err);
    for (int i = 0; i < 2; i++)
        if (dirs[i] >= 0)
            close(dirs[i]);
    return rc;
}

/* ---- Steps ---- */

static void step_count(struct prepare *p)
{
    struct stage_counts *c = p->context->staging->counts;
    const struct step *s = &p->step;
    c->links += s->links;
    c->reflinks += s->reflinks;
    c->copies += s->copies;
    c->copied_bytes += s->copied_bytes;
}

/* What a step had is in place, or gone from the cache: want that again. */
static void step_item_done(struct prepare *p, struct item *item)
{
    struct stager *stager = p->context->staging->stager;
    if (!item->gone) {
        p->context->staging->counts->shared_placed +=
            item->kind == OBJECT_FILE || item->kind == OBJECT_URL;
        item_destroy(item);
        p->left--;
        return;
    }
    stager_missing(stager, item->kind, item->key);
    if (++item->missed > MISSED_MAX)
        fail(p, FAILURE_DISK_FULL,
             "its files are evicted from the cache of the node before they are "
             "in place: pool.cache.max_size is too small");
    item->gone = false;
    mem_free(item->path);
    item->path = NULL;
    items_put(&p->waiting, item);
}

static void step_done(struct io_job *j, int rc, const struct err *err)
{
    struct prepare *p = prepare_of(j);
    struct step *s = &p->step;
    struct item *item;
    struct err why;

    p->stepping = false;
    p->has_dir |= s->make; /* as far as it came */
    step_count(p);
    if (rc < 0)
        fail(p, s->failure ? s->failure : FAILURE_UNKNOWN, err->text);
    while (p->state == PREPARE_GOING && (item = items_take(&s->had)))
        step_item_done(p, item);
    while (p->state == PREPARE_GOING && (item = items_take(&s->found)))
        wait_for(p, item);
    if (p->total > PREPARE_MAX_FILES) {
        too_many(&why);
        fail(p, FAILURE_RESOURCE_FILE_CREATE, why.text);
    }
    items_fini(&s->had);
    items_fini(&s->found);
    prepare_go(p);
}

static void step_start(struct prepare *p)
{
    struct step *s = &p->step;
    uint64_t bytes = 0;
    const struct task_template *t =
        jobspec_template(p->context->staging->spec, p->task.job, p->task.first);
    *s = (struct step){.job = {.work = step_work, .done = step_done},
                       .make = !p->has_dir};
    if (t->keep != KEEP_NONE && special_of(p->task.first) != SPECIAL_START)
        s->aside_ns = clock_wall_ns() + t->retention_ns;
    for (unsigned n = 0; n < STEP_ITEMS && p->here.first; n++) {
        struct item *item = items_take(&p->here);
        bytes += item->bytes;
        items_put(&s->had, item);
    }
    p->stepping = true;
    if (bytes > STEP_SHORT_BYTES)
        io_start_long(p->context->staging->io, &s->job);
    else
        io_start(p->context->staging->io, &s->job);
}

/* ---- Going on ---- */

static void retire_gone(struct retire *r)
{
    struct prepare *p =
        (struct prepare *)((char *)r - offsetof(struct prepare, retire));
    p->context->gone(p->context->arg, p, r->kept);
}

static void retire_removed(struct retire *r)
{
    struct prepare *p =
        (struct prepare *)((char *)r - offsetof(struct prepare, retire));
    p->gone = true;
    prepare_settle(p);
}

/* Do what can be done now. */
static void prepare_go(struct prepare *p)
{
    want_some(p);
    if (p->state == PREPARE_GOING)
        packages_take(p);
    if (p->stepping)
        return;
    if (p->state == PREPARE_GOING && p->here.first) {
        step_start(p);
        return;
    }
    if (p->state == PREPARE_GOING && p->left == 0) {
        p->state = PREPARE_READY;
        p->made.took_ns = clock_mono_ns() - p->start_ns;
    }
    if (p->state == PREPARE_GOING && !p->waits) {
        p->waits = true;
        p->context->waits(p->context->arg, p);
    }
    if (p->state == PREPARE_READY || p->state == PREPARE_FAILED)
        p->context->done(p->context->arg, p);
    else if (p->state == PREPARE_ENDING && p->made.dir.path)
        retire_start(&p->retire, &p->made.dir);
}

static struct prepare *prepare_new(struct preparer *c,
                                   const struct msg_range *task,
                                   const struct launch *launch, struct err *err)
{
    const struct staging *st = c->staging;
    const struct task_template *t =
        jobspec_template(st->spec, task->job, task->first);
    const char *job_id = jobspec_job_id(st->spec, task->job);
    struct prepare *p = mem_calloc(1, sizeof(*p));
    struct template_context names = {.index = task->first,
                                     .job_id = job_id,
                                     .run_dir = st->run_dir,
                                     .spec_dir = st->work_dir};
    enum failure failure = FAILURE_UNKNOWN;
    struct items wants = {0};
    struct item *item;
    struct err why;

    if (!p)
        goto nomem;
    *p = (struct prepare){.context = c,
                          .task = *task,
                          .launch = launch,
                          .start_ns = clock_mono_ns()};
    claims_init(&p->claims);
    p->made.packages =
        mem_calloc(t->package_ref_count + 1, sizeof(p->made.packages[0]));
    p->made.package_count = t->package_ref_count;
    p->link = &c->all;
    p->next = c->all;
    if (p->next)
        p->next->link = &p->next;
    c->all = p;
    if (!p->made.packages)
        goto nomem;
    if (jobspec_task_id(st->spec, task->job, task->first, p->task_id, err) <
            0 ||
        taskdir_init(&p->made.dir, scratch_path(st->scratch), job_id,
                     p->task_id, err) < 0) {
        prepare_free(p);
        return NULL;
    }
    names.task_id = p->task_id;
    if (wants_of_task(st->spec, t, launch ? launch->instance : 0, &names,
                      &wants, &failure, &why) < 0)
        fail(p, failure, why.text);
    p->slots = t->required_slots;
    p->claimed = t->resource_file_count > 1 || t->multi_instance;
    while ((item = items_take(&wants)))
        wait_for(p, item);
    want_some(p);
    packages_take(p);
    step_start(p); /* makes the directory, also of one that has failed */
    return p;
nomem:
    err_set(err, ENOMEM, "no memory to prepare a task");
    if (p)
        prepare_free(p);
    return NULL;
}

struct prepare *prepare_start(struct preparer *c, const struct msg_range *task,
                              const struct launch *launch, struct err *err)
{
    if (c->staging)
        return prepare_new(c, task, launch, err);
    err_set(err, ENODEV,
            "it needs a directory of its own, but was added to a session that "
            "has none for tasks: no task had one when it began");
    return NULL;
}

void preparer_fini(struct preparer *c)
{
    while (c->all)
        prepare_free(c->all);
}

enum prepare_state prepare_state(const struct prepare *p)
{
    return p->state;
}

bool prepare_has_waited(const struct prepare *p)
{
    return p->waits;
}

const struct msg_range *prepare_task(const struct prepare *p)
{
    return &p->task;
}

enum failure prepare_failure(const struct prepare *p, const char **text)
{
    *text = p->text;
    return p->failure;
}

int64_t prepare_took_ns(const struct prepare *p)
{
    return clock_mono_ns() - p->start_ns;
}

struct prepared *prepare_made(struct prepare *p)
{
    return &p->made;
}

void prepare_give_up(struct prepare *p, int64_t keep_until_ns)
{
    p->state = PREPARE_ENDING;
    p->retire = (struct retire){.staging = p->context->staging,
                                .keep_until_ns = keep_until_ns,
                                .gone = retire_gone,
                                .removed = retire_removed};
    if (!p->stepping)
        retire_start(&p->retire, &p->made.dir);
}
