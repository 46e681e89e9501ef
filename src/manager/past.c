/* The past of a run: see past.h. */
#include "config.h"
#include "manager/past.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

struct past {
    struct sched *sched;
    struct origin *origin;
    int64_t *created_ns;
    struct stage_counts *staged;
    char (*whys)[JOB_WHY_BYTES];
    struct stage_counts counts; /* of the session being read, its last word */
    uint32_t jobs;
    /* What a job has used up of its time: in each session, from the moment
     * that it was begun to its end, or to the session's last sign of life. */
    int64_t last_ns;
    int64_t *begun_ns; /* one a job; 0: not in the session being read */
    int64_t *used_ns;  /* one a job */
};

/* The job does not run any more, since time_ns. */
static void job_ends(struct past *p, uint32_t job, int64_t time_ns)
{
    if (p->begun_ns[job])
        p->used_ns[job] += time_ns - p->begun_ns[job];
    p->begun_ns[job] = 0;
}

/* The session being read is over. */
static void session_end(struct past *p)
{
    for (uint32_t j = 0; j < p->jobs; j++)
        job_ends(p, j, p->last_ns);
    stage_counts_add(p->staged, &p->counts);
    p->counts = (struct stage_counts){0};
}

static void session_start(struct past *p, int64_t time_ns)
{
    session_end(p);
    if (p->last_ns == 0)
        *p->created_ns = time_ns;
}

static int job_changed(struct past *p, const struct journal_record *r,
                       struct err *err)
{
    uint32_t job = r->u.job.job;
    if (r->u.job.why[0] || r->u.job.state != JOB_COMPLETED)
        snprintf(p->whys[job], JOB_WHY_BYTES, "%s", r->u.job.why);
    if (r->u.job.state == JOB_ACTIVE && p->begun_ns[job] == 0)
        p->begun_ns[job] = r->time_ns;
    else if (r->u.job.state == JOB_COMPLETED)
        job_ends(p, job, r->time_ns);
    return sched_replay_job(p->sched, job, r->u.job.state, r->u.job.end, err);
}

static int record_replay(struct past *p, const struct journal_record *r,
                         struct err *err)
{
    switch (r->type) {
    case JOURNAL_SESSION:
        session_start(p, r->time_ns);
        break;
    case JOURNAL_ATTEMPT:
    case JOURNAL_SPECIAL: /* a job manager's is of its job */
        if (sched_replay_attempt(p->sched, r->u.attempt, err) < 0)
            return -1;
        break;
    case JOURNAL_JOB:
        if (job_changed(p, r, err) < 0)
            return -1;
        break;
    case JOURNAL_REACTIVATE:
        for (uint32_t i = 0; i < r->u.reactivate.range_count; i++)
            sched_reactivate(p->sched, &r->u.reactivate.ranges[i]);
        p->used_ns[r->u.reactivate.job] = 0;
        p->begun_ns[r->u.reactivate.job] = 0;
        break;
    case JOURNAL_PROGRAM:
        if (origin_past(p->origin, &r->u.program, err) < 0)
            return -1;
        break;
    case JOURNAL_COUNTS:
        p->counts = r->u.counts;
        break;
    case JOURNAL_SKIPPED:
        if (sched_replay_skipped(p->sched, &r->u.skipped.tasks, err) < 0)
            return -1;
        break;
    case JOURNAL_OCCURRENCE:
        if (sched_replay_occurrence(p->sched, r->u.occurrence.job,
                                    r->u.occurrence.begun, err) < 0)
            return -1;
        break;
    case JOURNAL_NODE_STATE:
    case JOURNAL_ADDED:
    case JOURNAL_COMMAND:
    case JOURNAL_ORIGIN:
    case JOURNAL_NODE:
    case JOURNAL_LOST:
    case JOURNAL_TICK:
    case JOURNAL_END:
        break;
    }
    p->last_ns = r->time_ns;
    return 0;
}

int past_replay(struct journal_reader *reader, const struct jobspec *spec,
                struct sched *sched, struct origin *origin, int64_t *created_ns,
                struct stage_counts *staged, char (*whys)[JOB_WHY_BYTES],
                struct err *err)
{
    struct past p = {.sched = sched,
                     .origin = origin,
                     .created_ns = created_ns,
                     .staged = staged,
                     .whys = whys,
                     .jobs = spec->job_count,
                     .begun_ns = mem_calloc(spec->job_count, sizeof(int64_t)),
                     .used_ns = mem_calloc(spec->job_count, sizeof(int64_t))};
    struct journal_record r;
    int got = -1;
    if (!p.begun_ns || !p.used_ns) {
        err_set(err, ENOMEM, "no memory to read the journal");
        goto out;
    }
    while ((got = journal_next(reader, &r, err)) > 0)
        if (record_replay(&p, &r, err) < 0) {
            got = -1;
            break;
        }
    if (got == 0) {
        session_end(&p);
        for (uint32_t j = 0; j < p.jobs; j++)
            sched_replay_job_time(sched, j, p.used_ns[j]);
    }
out:
    mem_free(p.begun_ns);
    mem_free(p.used_ns);
    return got;
}
