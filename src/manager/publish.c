/* What a run makes public: see publish.h. */
#include "config.h"
#include "manager/publish.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "manager/background.h"
#include "store/results.h"

struct publisher {
    const struct rundir *rundir;
    const struct jobspec *spec;
    const struct status_origin *origin;
    struct background *status, *results;
    struct snapshot shown; /* the status thread's own while it is busy */
    struct job_snapshot *shown_jobs;
    struct running *running; /* as shown, and so many */
    uint32_t running_count, running_cap, running_written;
    volatile bool give_up;
};

static int status_run(void *arg, struct err *err)
{
    struct publisher *p = arg;
    int rc = status_write(p->rundir, p->spec, &p->shown, p->origin, err);
    if (rc == 0 && (p->running_count > 0 || p->running_written > 0)) {
        rc = running_write(p->rundir, p->running, p->running_count,
                           p->shown.now_ns, err);
        p->running_written = p->running_count;
    }
    return rc;
}

static int results_run(void *arg, struct err *err)
{
    struct publisher *p = arg;
    return results_build(p->rundir, p->spec, &p->give_up, err);
}

struct publisher *publisher_create(const struct rundir *rundir,
                                   const struct jobspec *spec,
                                   const struct status_origin *origin,
                                   struct err *err)
{
    struct publisher *p = mem_calloc(1, sizeof(*p));
    if (!p)
        goto nomem;
    p->rundir = rundir;
    p->spec = spec;
    p->origin = origin;
    p->shown_jobs = mem_calloc(spec->job_count, sizeof(p->shown_jobs[0]));
    if (!p->shown_jobs)
        goto nomem;
    p->status = background_create(status_run, p, err);
    p->results = p->status ? background_create(results_run, p, err) : NULL;
    if (p->results)
        return p;
    publisher_destroy(p);
    return NULL;
nomem:
    err_set(err, ENOMEM, "no memory to publish the run's status");
    publisher_destroy(p);
    return NULL;
}

void publisher_destroy(struct publisher *p)
{
    if (!p)
        return;
    p->give_up = true;
    background_destroy(p->results);
    background_destroy(p->status);
    mem_free(p->shown_jobs);
    mem_free(p->running);
    mem_free(p);
}

/* A copy of what runs; of what there is no memory for, nothing is said. */
static void running_copy(struct publisher *p, const struct starts *starts)
{
    uint32_t count = starts->count < RUNNING_MAX ? starts->count : RUNNING_MAX;
    if (count > p->running_cap) {
        struct running *more =
            mem_resize(p->running, starts->cap, sizeof(*more));
        if (!more)
            return;
        p->running = more;
        p->running_cap = starts->cap;
    }
    if (count > 0)
        memcpy(p->running, starts->list, count * sizeof(p->running[0]));
    p->running_count = count;
}

void publisher_status(struct publisher *p, const struct snapshot *snap,
                      const struct starts *starts)
{
    if (background_busy(p->status))
        return;
    p->shown = *snap;
    memcpy(p->shown_jobs, snap->jobs,
           snap->job_count * sizeof(p->shown_jobs[0]));
    p->shown.jobs = p->shown_jobs;
    running_copy(p, starts);
    background_start(p->status);
}

int publisher_status_last(struct publisher *p, const struct snapshot *snap,
                          struct err *err)
{
    struct err unsaid;             /* what runs is out of date soon, anyway */
    background_destroy(p->status); /* waits for it */
    p->status = NULL;
    if (p->running_written > 0)
        (void)running_write(p->rundir, NULL, 0, snap->now_ns, &unsaid);
    return status_write(p->rundir, p->spec, snap, p->origin, err);
}

bool publisher_results(struct publisher *p)
{
    return background_start(p->results);
}

bool publisher_results_busy(struct publisher *p)
{
    return background_busy(p->results);
}

int publisher_results_outcome(struct publisher *p, struct err *err)
{
    return background_outcome(p->results, err);
}

void publisher_give_up(struct publisher *p)
{
    p->give_up = true;
}
