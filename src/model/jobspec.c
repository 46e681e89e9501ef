/* The checked model of a job spec: see jobspec.h. */
#include "config.h"
#include "model/jobspec.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/task_ids.h"

void jobspec_destroy(struct jobspec *spec)
{
    if (!spec)
        return;
    if (spec->inputs)
        spec->inputs_destroy(spec->inputs);
    arena_destroy(spec->arena); /* the spec itself lies in it */
}

uint32_t job_template_count(const struct job *job)
{
    return job->tasks.kind == TASKS_LISTED ? job->tasks.count : 1;
}

enum special_kind special_of(uint32_t index)
{
    switch (index) {
    case INDEX_JOB_PREPARATION:
        return SPECIAL_JOB_PREPARATION;
    case INDEX_JOB_RELEASE:
        return SPECIAL_JOB_RELEASE;
    case INDEX_JOB_MANAGER:
        return SPECIAL_JOB_MANAGER;
    case INDEX_START:
        return SPECIAL_START;
    default:
        return SPECIAL_NONE;
    }
}

bool special_is_of_node(uint32_t index)
{
    enum special_kind kind = special_of(index);
    return kind != SPECIAL_NONE && kind != SPECIAL_JOB_MANAGER;
}

static const struct special_task *job_special(const struct job *job,
                                              uint32_t index)
{
    switch (special_of(index)) {
    case SPECIAL_JOB_PREPARATION:
        return job->preparation;
    case SPECIAL_JOB_RELEASE:
        return job->release;
    case SPECIAL_JOB_MANAGER:
        return job->manager;
    default:
        return NULL;
    }
}

const struct special_task *jobspec_special(const struct jobspec *spec,
                                           uint32_t job, uint32_t index)
{
    if (job < spec->job_count)
        return job_special(&spec->jobs[job], index);
    if (job < JOB_OF_POOL(0) || job - JOB_OF_POOL(0) >= spec->pool_count ||
        index != INDEX_START)
        return NULL;
    return spec->pools[job - JOB_OF_POOL(0)].start_task;
}

bool jobspec_has_specials(const struct jobspec *spec)
{
    for (uint32_t p = 0; p < spec->pool_count; p++)
        if (spec->pools[p].start_task)
            return true;
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (spec->jobs[j].preparation || spec->jobs[j].release ||
            spec->jobs[j].manager)
            return true;
    return false;
}

bool jobspec_has_task(const struct jobspec *spec, uint32_t job, uint32_t index)
{
    if (job < spec->job_count && index < spec->jobs[job].tasks.count)
        return true;
    return jobspec_special(spec, job, index);
}

const struct task_template *jobspec_template(const struct jobspec *spec,
                                             uint32_t job, uint32_t index)
{
    return job < spec->job_count ? job_template(&spec->jobs[job], index)
                                 : &jobspec_special(spec, job, index)->task;
}

const char *jobspec_job_id(const struct jobspec *spec, uint32_t job)
{
    return job < spec->job_count ? spec->jobs[job].id : "";
}

uint32_t jobspec_pool(const struct jobspec *spec, uint32_t job)
{
    return job < spec->job_count ? spec->jobs[job].pool : job - JOB_OF_POOL(0);
}

struct request jobspec_request(const struct jobspec *spec, uint32_t job,
                               uint32_t index)
{
    const struct task_template *t = jobspec_template(spec, job, index);
    return spec->request_count > 0
               ? spec->requests[t->request]
               : (struct request){.slots = t->required_slots, .instances = 1};
}

const struct task_template *job_template(const struct job *job, uint32_t index)
{
    if (index >= INDEX_JOB_PREPARATION)
        return &job_special(job, index)->task;
    if (job->tasks.kind != TASKS_LISTED)
        return &job->templates[0];
    const struct task_piece *piece = job_piece(job, index);
    return piece ? &piece->templates[index - piece->first]
                 : &job->templates[index];
}

const struct task_piece *job_piece(const struct job *job, uint32_t index)
{
    uint32_t low = 0, high = job->piece_count;
    while (low < high) { /* the first one behind it */
        uint32_t mid = low + (high - low) / 2;
        if (job->pieces[mid].first <= index)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 ? &job->pieces[low - 1] : NULL;
}

bool id_is_valid(const char *s)
{
    size_t len = 0;
    for (; s[len]; len++)
        if (!isalnum((unsigned char)s[len]) && s[len] != '_' && s[len] != '-')
            return false;
    return len > 0 && len <= JOBSPEC_MAX_ID;
}

int job_task_id(const struct job *job, uint32_t index,
                char id[JOBSPEC_MAX_ID + 1], struct err *err)
{
    const struct special_task *special = job_special(job, index);
    const struct template *t = job_template(job, index)->id;
    if (special) {
        snprintf(id, JOBSPEC_MAX_ID + 1, "%s", special->id);
        return 0;
    }
    if (!t) {
        snprintf(id, JOBSPEC_MAX_ID + 1, "%" PRIu32, index);
        return 0;
    }
    struct template_context c = {.index = index, .job_id = job->id};
    struct buf b;
    int rc = 0;
    buf_init(&b, 4096);
    if (template_expand(t, &c, false, &b, err) < 0)
        rc = -1;
    else if (b.len > JOBSPEC_MAX_ID)
        rc = err_set(err, EMSGSIZE, "task id \"%.80s\" is longer than %d",
                     buf_text(&b), JOBSPEC_MAX_ID);
    else if (!id_is_valid(buf_text(&b)))
        rc = err_set(err, EINVAL,
                     "task id \"%s\": ids are made of letters, digits, - and _",
                     buf_text(&b));
    else
        memcpy(id, b.data, b.len + 1);
    buf_fini(&b);
    return rc;
}

int jobspec_task_id(const struct jobspec *spec, uint32_t job, uint32_t index,
                    char id[JOBSPEC_MAX_ID + 1], struct err *err)
{
    const struct special_task *special = jobspec_special(spec, job, index);
    if (!special)
        return job_task_id(&spec->jobs[job], index, id, err);
    snprintf(id, JOBSPEC_MAX_ID + 1, "%s", special->id);
    return 0;
}

int64_t job_find_task(const struct job *job, const char *id)
{
    char have[JOBSPEC_MAX_ID + 1];
    if (job->tasks.kind != TASKS_LISTED && !job->templates[0].id) {
        char *end;
        if (!isdigit((unsigned char)id[0]) || (id[0] == '0' && id[1]))
            return -1;
        errno = 0;
        unsigned long long v = strtoull(id, &end, 10);
        return errno || *end || v >= job->tasks.count ? -1 : (int64_t)v;
    }
    if (job->ids)
        return task_ids_find(job, id);
    for (uint32_t i = 0; i < job->tasks.count; i++)
        if (job_task_id(job, i, have, NULL) == 0 && strcmp(have, id) == 0)
            return i;
    return -1;
}

bool jobspec_is_copy(const struct jobspec *spec, uint32_t job)
{
    uint32_t schedule = spec->jobs[job].schedule;
    return schedule > 0 && spec->schedules[schedule - 1].first_job != job;
}

int jobspec_find_job(const struct jobspec *spec, const char *id)
{
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (strcmp(spec->jobs[j].id, id) == 0)
            return (int)j;
    return -1;
}

uint64_t jobspec_task_count(const struct jobspec *spec)
{
    uint64_t total = 0;
    for (uint32_t j = 0; j < spec->job_count; j++)
        total += spec->jobs[j].tasks.count;
    return total;
}

static uint32_t job_slots(const struct job *job)
{
    uint32_t most = job->manager ? job->manager->task.required_slots : 1;
    for (uint32_t i = 0; i < job_template_count(job); i++)
        if (job_template(job, i)->required_slots > most)
            most = job_template(job, i)->required_slots;
    return most;
}

uint32_t jobspec_pool_slots(const struct jobspec *spec, uint32_t pool)
{
    uint32_t most = 1;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        uint32_t slots =
            spec->jobs[j].pool == pool ? job_slots(&spec->jobs[j]) : 1;
        most = slots > most ? slots : most;
    }
    return most;
}

uint32_t jobspec_max_required_slots(const struct jobspec *spec)
{
    uint32_t most = 1;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        uint32_t slots = job_slots(&spec->jobs[j]);
        most = slots > most ? slots : most;
    }
    return most;
}

bool task_works_in_directory(const struct task_template *t)
{
    return t->own_directory || t->resource_file_count > 0 ||
           t->output_file_count > 0 || t->package_ref_count > 0 ||
           t->keep != KEEP_NONE;
}

bool task_has_directory(const struct task_template *t)
{
    return t->multi_instance || task_works_in_directory(t);
}

static bool special_has_directory(const struct special_task *special)
{
    return special && task_has_directory(&special->task);
}

static bool job_has_directories(const struct job *job)
{
    for (uint32_t i = 0; i < job_template_count(job); i++)
        if (task_has_directory(job_template(job, i)))
            return true;
    return special_has_directory(job->preparation) ||
           special_has_directory(job->release) ||
           special_has_directory(job->manager);
}

bool jobspec_needs_scratch(const struct jobspec *spec)
{
    for (uint32_t p = 0; p < spec->pool_count; p++)
        if (spec->pools[p].package_ref_count > 0 ||
            special_has_directory(spec->pools[p].start_task))
            return true;
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (job_has_directories(&spec->jobs[j]))
            return true;
    return false;
}

bool task_returns_files(const struct task_template *t)
{
    for (uint32_t i = 0; i < t->output_file_count; i++)
        if (t->output_files[i].returned)
            return true;
    return false;
}

bool task_uploads_files(const struct task_template *t)
{
    for (uint32_t i = 0; i < t->output_file_count; i++)
        if (!t->output_files[i].returned)
            return true;
    return false;
}

static bool job_returns_files(const struct job *job)
{
    for (uint32_t i = 0; i < job_template_count(job); i++)
        if (task_returns_files(job_template(job, i)))
            return true;
    return job->manager && task_returns_files(&job->manager->task);
}

bool jobspec_returns_files(const struct jobspec *spec)
{
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (job_returns_files(&spec->jobs[j]))
            return true;
    return false;
}
