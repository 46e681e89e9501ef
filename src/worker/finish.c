/* What happens to an attempt when its process has ended: see finish.h. */
#include "config.h"
#include "worker/finish.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "bulk/offer.h"
#include "worker/retire.h"
#include "worker/stager.h"
#include "worker/storing.h"

enum {
    LINKS_SAID = 5,        /* tasks of a rank whose links are told of */
    FULL_MORE = 16,        /* beyond two for each slot, and nothing starts */
    FULL_BYTES = 64 << 20, /* the same by their outputs in memory */
    OFFERED_MAX = 4,       /* files of one attempt, at once */
    PATTERNS_MAX_BYTES = 1 << 20,
    KEY_BYTES = JOBSPEC_MAX_ID + 32,
    LONG_BYTES = 1 << 20 /* of an output: a long job */
};

enum finish_stage {
    FINISH_OUTPUTS,
    FINISH_ASKING,
    FINISH_UPLOADING,
    FINISH_FINDING,
    FINISH_RETURNING,
    FINISH_RETIRING,
    FINISH_DONE
};

/* A file that is offered to rank 0. */
struct offered {
    struct finish *finish;
    uint32_t file;   /* of found */
    uint64_t handle; /* 0: this place is free */
    uint64_t bytes;
    uint32_t mode;
};

struct finish {
    struct finisher *context;
    enum finish_what what;
    struct finish *next, **link; /* in context->all */
    enum finish_stage stage;
    struct attempt attempt;
    struct capture capture[2];
    struct prepared made;
    char task_id[JOBSPEC_MAX_ID + 1];
    bool keeps;
    int64_t start_ns;
    struct io_job job;
    atomic_bool stop;
    /* upload */
    struct storing_sets sets;
    char *manifests, key[KEY_BYTES];
    struct upload_counts uploaded;
    enum failure failure;
    uint64_t stream;
    /* return */
    struct buf patterns;
    struct storing_files found;
    uint32_t next_file, returned;
    struct offered offered[OFFERED_MAX];
    struct retire retire;
};

static void finish_go(struct finish *f, enum finish_stage stage);

static const char *job_id_of(const struct finish *f)
{
    return jobspec_job_id(f->context->staging->spec, f->attempt.job);
}

static const struct task_template *template_of(const struct finish *f)
{
    return jobspec_template(f->context->staging->spec, f->attempt.job,
                            f->attempt.index);
}

static struct template_context names_of(const struct finish *f)
{
    return (struct template_context){.index = f->attempt.index,
                                     .task_id = f->task_id,
                                     .job_id = job_id_of(f),
                                     .run_dir = f->context->staging->run_dir,
                                     .spec_dir = f->context->staging->work_dir};
}

/* ---- What went wrong ---- */

/* Its output files cannot be stored. An attempt that had failed before keeps
 * its reason. */
static void fail(struct finish *f, enum failure failure, const char *text)
{
    struct attempt *a = &f->attempt;
    char all[sizeof(a->message) + 32 + ERR_TEXT_MAX];
    if (atomic_load(&f->stop)) {
        a->result = RESULT_FAILURE;
        a->reason = REASON_STOPPED;
        snprintf(a->message, sizeof(a->message),
                 "the session ended before its output files were stored");
        return;
    }
    if (a->result == RESULT_SUCCESS) {
        a->result = RESULT_FAILURE;
        a->reason = REASON_FILE_UPLOAD;
        a->failure = failure;
        a->message[0] = '\0';
    }
    snprintf(all, sizeof(all), "%s%s%s%s", a->message,
             a->message[0] ? "; " : "",
             a->reason == REASON_FILE_UPLOAD ? "" : "its output files: ", text);
    attempt_set_message(a, all);
}

/* ---- Its outputs ---- */

static struct finish *finish_of(struct io_job *j)
{
    return (struct finish *)((char *)j - offsetof(struct finish, job));
}

static int outputs_work(struct io_job *j, struct err *err)
{
    struct finish *f = finish_of(j);
    int rc = 0;
    for (int s = 0; rc == 0 && s < 2; s++) {
        struct capture *c = &f->capture[s];
        rc = taskdir_put_output(&f->made.dir, s,
                                f->attempt.output[s].place == OUTPUT_FILE
                                    ? NULL
                                    : buf_text(&c->memory),
                                c->memory.len, c->file_path, err);
    }
    return rc;
}

static void outputs_done(struct io_job *j, int rc, const struct err *err)
{
    struct finish *f = finish_of(j);
    if (rc < 0)
        fail(f, failure_of_errno(err->code, PHASE_UPLOAD), err->text);
    finish_go(f, FINISH_ASKING);
}

static void outputs_start(struct finish *f)
{
    uint64_t bytes = f->attempt.output[0].bytes + f->attempt.output[1].bytes;
    f->job = (struct io_job){.work = outputs_work, .done = outputs_done};
    if (bytes > LONG_BYTES)
        io_start_long(f->context->staging->io, &f->job);
    else
        io_start(f->context->staging->io, &f->job);
}

/* ---- Uploading ---- */

static int upload_work(struct io_job *j, struct err *err)
{
    struct finish *f = finish_of(j);
    const struct upload u = {.task_dir = f->made.dir.path,
                             .manifests = f->manifests,
                             .key = f->key,
                             .sets = f->sets.sets,
                             .set_count = f->sets.count,
                             .stop = &f->stop};
    f->failure = FAILURE_UPLOAD_MISC;
    return upload_run(&u, &f->uploaded, &f->failure, err);
}

static void stream_end(struct finish *f)
{
    if (f->stream)
        stager_stream_done(f->context->staging->stager, f->stream);
    f->stream = 0;
}

/* Links of the task's directory that were left; of a rank's first tasks only,
 * as what one task does, all do. */
static void links_say(struct finish *f, uint64_t count, const char *what,
                      const char *one)
{
    uint32_t *said = &f->context->links_said;
    bool single = count == 1;
    if (count == 0 || *said > LINKS_SAID)
        return;
    if (++*said > LINKS_SAID)
        log_warning("more tasks have links that lead out of their directories; "
                    "that is not told any more");
    else
        log_warning("job %s task %s: %" PRIu64 " link%s out of its directory "
                    "and %s not %s, %s%s",
                    job_id_of(f), f->task_id, count,
                    single ? " leads" : "s lead", single ? "was" : "were", what,
                    one, single ? "" : " among them");
}

static void upload_done(struct io_job *j, int rc, const struct err *err)
{
    struct finish *f = finish_of(j);
    struct stage_counts *c = f->context->staging->counts;
    stream_end(f);
    c->uploads += f->uploaded.files;
    c->shared_bytes_written += f->uploaded.bytes;
    links_say(f, f->uploaded.links_left, "uploaded", f->uploaded.link_left);
    if (rc < 0)
        fail(f, f->failure, err->text);
    finish_go(f, FINISH_FINDING);
}

static void upload_start(struct finish *f)
{
    f->job = (struct io_job){.work = upload_work, .done = upload_done};
    io_start_long(f->context->staging->io, &f->job);
}

static void on_stream(void *arg)
{
    struct finish *f = arg;
    if (f->stage == FINISH_ASKING)
        finish_go(f, FINISH_UPLOADING);
}

/* Ask for a stream, if there is something to write. What an earlier attempt
 * has left is removed without. */
static void upload_ask(struct finish *f)
{
    const struct staging *st = f->context->staging;
    const struct template_context names = names_of(f);
    struct err err;
    snprintf(f->key, sizeof(f->key), "%s.%" PRIu32, job_id_of(f),
             f->attempt.index);
    if (special_is_of_node(f->attempt.index)) /* each node has its own */
        snprintf(f->key, sizeof(f->key), "%s.%" PRIu32 ".%" PRIu32,
                 job_id_of(f), f->attempt.index, f->attempt.node);
    f->manifests = path_join(st->run_dir, "uploads");
    if (!f->manifests) {
        fail(f, FAILURE_UPLOAD_MISC, "no memory");
        finish_go(f, FINISH_FINDING);
    } else if (storing_sets_fill(st->spec, template_of(f), &f->attempt, &names,
                                 &f->sets, &err) < 0) {
        fail(f, FAILURE_UPLOAD_MISC, err.text);
        finish_go(f, FINISH_FINDING);
    } else if (f->sets.count == 0) {
        finish_go(f, FINISH_UPLOADING);
    } else if (!(f->stream = stager_stream(st->stager, on_stream, f, &err))) {
        fail(f, FAILURE_UPLOAD_MISC, err.text);
        finish_go(f, FINISH_FINDING);
    }
}

/* ---- Returning ---- */

static int find_work(struct io_job *j, struct err *err)
{
    struct finish *f = finish_of(j);
    return storing_find(f->made.dir.path, buf_text(&f->patterns),
                        f->patterns.len, &f->found, err);
}

static void find_done(struct io_job *j, int rc, const struct err *err)
{
    struct finish *f = finish_of(j);
    links_say(f, f->found.links_left, "returned", f->found.link_left);
    if (rc < 0) {
        fail(f, failure_of_errno(err->code, PHASE_UPLOAD), err->text);
        finish_go(f, FINISH_RETIRING);
        return;
    }
    finish_go(f, FINISH_RETURNING);
}

static void find_start(struct finish *f)
{
    const struct template_context names = names_of(f);
    struct err err;
    if (storing_patterns(template_of(f), &f->attempt, &names, &f->patterns,
                         &err) < 0) {
        fail(f, FAILURE_UPLOAD_MISC, err.text);
        finish_go(f, FINISH_RETIRING);
        return;
    }
    f->job = (struct io_job){.work = find_work, .done = find_done};
    io_start_long(f->context->staging->io, &f->job);
}

static void return_more(struct finish *f);

/* Rank 0 has it, or will not have it. */
static void on_taken(void *arg, const struct offer_taken *taken)
{
    struct offered *o = arg;
    struct finish *f = o->finish;
    const char *name = f->found.files[o->file].name;
    struct stage_counts *c = f->context->staging->counts;
    char text[ERR_TEXT_MAX];
    o->handle = 0;
    if (taken->failure != FAILURE_NONE) {
        snprintf(text, sizeof(text), "%s: %s", name, taken->text);
        fail(f, taken->failure, text);
    } else {
        struct attempt_file *file = attempt_add_file(&f->attempt, name);
        if (!file) {
            fail(f, FAILURE_UPLOAD_MISC, "too many names of returned files");
        } else {
            file->place = taken->packed ? FILE_PACKED : FILE_OWN;
            file->mode = o->mode;
            file->session = taken->session;
            file->offset = taken->offset;
            file->bytes = o->bytes;
            file->digest = taken->digest;
            c->returned_files++;
            c->returned_bytes += o->bytes;
        }
    }
    return_more(f);
}

static int offer(struct finish *f, struct offered *o, uint32_t at,
                 struct err *err)
{
    const struct storing_file *file = &f->found.files[at];
    struct stat st;
    int fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(err, errno, "%s", file->name);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *o = (struct offered){.finish = f,
                          .file = at,
                          .bytes = (uint64_t)st.st_size,
                          .mode = st.st_mode & 0777};
    const struct offer_file what = {.job = f->attempt.job,
                                    .index = f->attempt.index,
                                    .attempt = f->attempt.attempt,
                                    .name = file->name,
                                    .mode = o->mode,
                                    .fd = fd,
                                    .bytes = o->bytes};
    o->handle =
        offers_file(f->context->staging->offers, &what, on_taken, o, err);
    if (o->handle)
        return 0;
    close(fd);
    return -1;
}

/* Offer some more; when none is left, go on. */
static void return_more(struct finish *f)
{
    bool failed = f->attempt.reason == REASON_FILE_UPLOAD ||
                  f->attempt.reason == REASON_STOPPED;
    struct err err;
    uint32_t open = 0;
    if (f->stage != FINISH_RETURNING)
        return;
    for (uint32_t i = 0; i < OFFERED_MAX; i++) {
        struct offered *o = &f->offered[i];
        if (!o->handle && !failed && f->next_file < f->found.count &&
            offer(f, o, f->next_file++, &err) < 0) {
            fail(f, failure_of_errno(err.code, PHASE_UPLOAD), err.text);
            failed = true;
        }
        open += o->handle != 0;
    }
    if (open == 0)
        finish_go(f, FINISH_RETIRING);
}

static void return_withdraw(struct finish *f)
{
    for (uint32_t i = 0; i < OFFERED_MAX; i++) {
        if (f->offered[i].handle)
            offers_withdraw(f->context->staging->offers, f->offered[i].handle);
        f->offered[i].handle = 0;
    }
}

/* ---- The end ---- */

static void finish_free(struct finish *f)
{
    struct finisher *c = f->context;
    attempt_fini(&f->attempt);
    for (int s = 0; s < 2; s++) {
        c->bytes -= f->capture[s].memory.len;
        capture_fini(&f->capture[s]);
    }
    prepared_fini(&f->made);
    storing_sets_fini(&f->sets);
    storing_files_fini(&f->found);
    buf_fini(&f->patterns);
    mem_free(f->manifests);
    if (f->next)
        f->next->link = f->link;
    *f->link = f->next;
    c->count--;
    mem_free(f);
}

static void report(struct finish *f)
{
    struct finisher *c = f->context;
    const char *data[2] = {"", ""};
    size_t len[2] = {0, 0};
    struct err err;
    f->stage = FINISH_DONE;
    f->attempt.kept = f->retire.kept;
    f->attempt.store_ns = clock_mono_ns() - f->start_ns;
    for (int s = 0; s < 2; s++)
        if (capture_view(&f->capture[s], &data[s], &len[s], &err) < 0) {
            log_warning("job %s task %s: %s", job_id_of(f), f->task_id,
                        err.text);
            data[s] = NULL;
            len[s] = 0;
        }
    c->done(c->arg, &f->attempt, f->what, data, len);
    for (int s = 0; s < 2; s++)
        capture_view_end(&f->capture[s], data[s], len[s]);
}

static void retire_gone(struct retire *r)
{
    report((struct finish *)((char *)r - offsetof(struct finish, retire)));
}

static void retire_removed(struct retire *r)
{
    finish_free((struct finish *)((char *)r - offsetof(struct finish, retire)));
}

/* Is its directory kept? A start task's is none that outlives the session. */
static bool is_kept(const struct task_template *t, const struct attempt *a)
{
    if (a->reason == REASON_STOPPED || special_of(a->index) == SPECIAL_START)
        return false;
    return t->keep == KEEP_ALL ||
           (t->keep == KEEP_FAILED && a->result != RESULT_SUCCESS);
}

/* Does somebody of the session look for something there: others, or the next
 * attempt, if it is for this node? */
static bool stays(const struct finish *f)
{
    enum special_kind kind = special_of(f->attempt.index);
    return kind == SPECIAL_START || kind == SPECIAL_JOB_PREPARATION ||
           f->attempt.reason == REASON_CHECKPOINT ||
           (template_of(f)->keep_working_dir &&
            f->attempt.result != RESULT_SUCCESS);
}

static void retire_begin(struct finish *f)
{
    const struct task_template *t = template_of(f);
    f->retire = (struct retire){.staging = f->context->staging,
                                .stays = stays(f),
                                .gone = retire_gone,
                                .removed = retire_removed};
    if (is_kept(t, &f->attempt) &&
        (f->what != FINISH_ENDED || t->keep == KEEP_ALL))
        f->retire.keep_until_ns = clock_wall_ns() + t->retention_ns;
    retire_start(&f->retire, &f->made.dir);
}

/* Go to this stage, or to the next one that is needed. */
static void finish_go(struct finish *f, enum finish_stage stage)
{
    const struct task_template *t = template_of(f);
    bool stopped =
        f->attempt.reason == REASON_STOPPED || f->what != FINISH_ATTEMPT;
    f->stage = stage;
    switch (stage) {
    case FINISH_OUTPUTS:
        if (storing_wants_outputs(t, &f->attempt, f->keeps)) {
            outputs_start(f);
            return;
        }
        f->stage = FINISH_ASKING;
        /* fall through */
    case FINISH_ASKING:
        if (!stopped && task_uploads_files(t)) {
            upload_ask(f);
            return;
        }
        f->stage = FINISH_FINDING;
        /* fall through */
    case FINISH_FINDING:
        if (!stopped && storing_returns(t, &f->attempt)) {
            find_start(f);
            return;
        }
        f->stage = FINISH_RETIRING;
        /* fall through */
    case FINISH_RETIRING:
        retire_begin(f);
        return;
    case FINISH_UPLOADING:
        upload_start(f);
        return;
    case FINISH_RETURNING:
        return_more(f);
        return;
    case FINISH_DONE:
        return;
    }
}

int finish_start(struct finisher *c, struct attempt *a,
                 struct capture capture[2], struct prepared *made,
                 const char *task_id, enum finish_what what, struct err *err)
{
    struct finish *f = mem_calloc(1, sizeof(*f));
    if (!f)
        return err_set(err, ENOMEM, "no memory to store its output files");
    f->context = c;
    f->what = what;
    f->link = &c->all;
    f->next = c->all;
    if (f->next)
        f->next->link = &f->next;
    c->all = f;
    c->count++;
    f->attempt = *a;
    attempt_init(a);
    for (int s = 0; s < 2; s++) {
        capture_move(&f->capture[s], &capture[s]);
        c->bytes += f->capture[s].memory.len;
    }
    f->made = *made;
    *made = (struct prepared){0};
    snprintf(f->task_id, sizeof(f->task_id), "%s", task_id);
    buf_init(&f->patterns, PATTERNS_MAX_BYTES);
    atomic_init(&f->stop, false);
    f->start_ns = clock_mono_ns();
    f->keeps = is_kept(template_of(f), &f->attempt) ||
               /* storing may fail */
               (template_of(f)->keep != KEEP_NONE &&
                template_of(f)->output_file_count > 0);
    if (what == FINISH_ATTEMPT)
        c->begins(c->arg, &f->attempt);
    finish_go(f, FINISH_OUTPUTS);
    return 0;
}

/* ---- All of them ---- */

bool finisher_is_full(const struct finisher *c)
{
    return c->count >= 2 * c->slots + FULL_MORE || c->bytes >= FULL_BYTES;
}

bool finisher_find(const struct finisher *c, uint32_t job, uint32_t index,
                   struct answer_task *task)
{
    for (const struct finish *f = c->all; f; f = f->next) {
        if (f->stage == FINISH_DONE || f->attempt.job != job ||
            f->attempt.index != index)
            continue;
        *task =
            (struct answer_task){.state = ASK_STATE_RUNNING,
                                 .attempt = f->attempt.attempt,
                                 .capture = {&f->capture[0], &f->capture[1]},
                                 .dir = f->made.dir.path};
        return true;
    }
    return false;
}

/* What is not stored is given up. */
static void on_grace_over(struct loop_timer *timer)
{
    struct finisher *c =
        (struct finisher *)((char *)timer - offsetof(struct finisher, timer));
    for (struct finish *f = c->all, *next; f; f = next) {
        next = f->next;
        atomic_store(&f->stop, true);
        if (f->stage == FINISH_ASKING && f->stream) {
            fail(f, FAILURE_NONE, "");
            stream_end(f);
            finish_go(f, FINISH_RETIRING);
        } else if (f->stage == FINISH_RETURNING) {
            fail(f, FAILURE_NONE, "");
            return_withdraw(f);
            finish_go(f, FINISH_RETIRING);
        }
    }
}

void finisher_stop(struct finisher *c, int64_t grace_ns)
{
    struct loop *loop = c->staging ? c->staging->loop : NULL;
    struct err err;
    if (!loop)
        return;
    if (grace_ns <= 0 ||
        loop_timer_start(loop, &c->timer, loop_now_ns(loop) + grace_ns, &err) <
            0)
        on_grace_over(&c->timer);
}

void finisher_init(struct finisher *c)
{
    loop_timer_init(&c->timer, on_grace_over);
}

void finisher_fini(struct finisher *c)
{
    if (c->staging)
        loop_timer_stop(c->staging->loop, &c->timer);
    while (c->all)
        finish_free(c->all);
}
