/* Memory limits of tasks: see guard.h.
 *
 * The quick figure is never too low, so that what is within the limit by it
 * needs no more. Only a task that is over it by that is measured exactly:
 * processes that share pages, such as a fork's, may well be within. */
#include "config.h"
#include "worker/guard.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "proc/memory.h"
#include "worker/run_parts.h"

/* Of the time that passes, looking takes one part in so many. */
enum { GUARD_SHARE = 50 };

void guard_init(struct guard *g, const char *key)
{
    struct err err;
    g->cgroups = cgroups_open(getenv("MPIBATCH_CGROUP"), key, &err);
    if (!g->cgroups && getenv("MPIBATCH_CGROUP"))
        log_warning("MPIBATCH_CGROUP: %s; memory limits are kept by looking at "
                    "the processes of tasks",
                    err.text);
    else if (!g->cgroups)
        log_debug("no control groups for tasks: %s", err.text);
    family_init(&g->family);
    g->next_ns = 0;
    g->kills = memory_kills();
}

void guard_fini(struct guard *g)
{
    family_fini(&g->family);
    cgroups_close(g->cgroups);
    g->cgroups = NULL;
}

int guard_enter(struct run *run)
{
    struct guard *g = &run->context->guard;
    struct err err;
    if (!g->cgroups || run->memory_bytes == 0)
        return 0;
    int fd =
        run->cgroup /* what coordinated it is there */
            ? cgroups_enter(g->cgroups, run->cgroup, &err)
            : cgroups_make(g->cgroups, run->memory_bytes, &run->cgroup, &err);
    if (fd >= 0)
        return fd;
    log_debug("%s", err.text);
    return 0;
}

void guard_leave(struct run *run)
{
    if (run->cgroup)
        cgroups_end(run->context->guard.cgroups, run->cgroup);
    run->cgroup = 0;
}

static void end_over(struct run *run, struct memory_use use)
{
    char used[16], limit[16], text[ATTEMPT_MAX_MESSAGE + 1];
    snprintf(text, sizeof(text), "it used %s in %u process%s; its limit is %s",
             size_format(use.bytes, used), (unsigned)use.processes,
             use.processes == 1 ? "" : "es",
             size_format(run->memory_bytes, limit));
    attempt_set_message(&run->attempt, text);
    run_end(run, REASON_MEMORY, 0);
}

static void look_at(struct run *run, size_t strays)
{
    struct guard *g = &run->context->guard;
    if (family_read(&g->family, run->pid) < 0 ||
        family_add_strays(&g->family, run->pid, run->marker, g->strays,
                          strays) < 0)
        return; /* no memory for a list: next time */
    struct memory_use use = memory_rough(&g->family);
    if (use.bytes > run->memory_bytes && use.processes > 1)
        use = memory_exact(&g->family);
    if (use.bytes > run->peak_bytes)
        run->peak_bytes = use.bytes;
    if (use.bytes > run->memory_bytes)
        end_over(run, use);
}

void guard_look(struct run_context *c)
{
    struct guard *g = &c->guard;
    int64_t begin_ns = clock_mono_ns();
    size_t strays = 0;
    bool any = false;
    if (begin_ns < g->next_ns)
        return;
    for (uint32_t i = 0; i < c->run_count; i++) {
        struct run *run = &c->runs[i];
        if (run->memory_bytes == 0 || run->cgroup || run->pid <= 0 ||
            (run->stage != RUN_ACTIVE && run->stage != RUN_TERMINATED))
            continue;
        if (!any)
            strays = family_strays(c->config->spawner, c->keep, runs_keep(c),
                                   g->strays);
        any = true;
        look_at(run, strays);
    }
    int64_t now_ns = clock_mono_ns();
    g->next_ns = now_ns + GUARD_SHARE * (now_ns - begin_ns);
}

/* Was a process of it killed: by signal, or as shells say it? */
static bool is_killed(const struct attempt *a)
{
    return a->signal == SIGKILL || a->exit_code == 128 + SIGKILL;
}

/* What the kernel says of its control group, which is gone then. */
static void judge_cgroup(struct run *run)
{
    struct guard *g = &run->context->guard;
    struct attempt *a = &run->attempt;
    char peak[16] = "more than that", limit[16];
    const struct cgroup_end end = cgroups_end(g->cgroups, run->cgroup);
    run->cgroup = 0;
    if (end.peak_bytes > a->max_rss_bytes)
        a->max_rss_bytes = end.peak_bytes;
    if (!end.over || run->end_reason != REASON_NONE)
        return;
    g->kills = memory_kills(); /* one for each process */
    a->result = RESULT_FAILURE;
    a->reason = REASON_MEMORY;
    if (end.peak_bytes > 0)
        size_format(end.peak_bytes, peak);
    snprintf(a->message, sizeof(a->message),
             "it wanted more than its limit of %s, and had %s",
             size_format(run->memory_bytes, limit), peak);
}

void guard_judge(struct run *run)
{
    struct guard *g = &run->context->guard;
    struct attempt *a = &run->attempt;
    char peak[16], limit[16];
    if (run->cgroup)
        judge_cgroup(run);
    if (a->reason == REASON_MEMORY)
        return;
    if (run->end_reason != REASON_NONE || !is_killed(a))
        return;
    if (memory_kills() <= g->kills)
        return;
    g->kills++; /* one kill explains one end */
    a->result = RESULT_FAILURE;
    a->reason = REASON_MEMORY;
    snprintf(a->message, sizeof(a->message),
             "the kernel has killed it: the node, or what the batch system "
             "gives the job of it, was out of memory");
    if (run->memory_bytes > 0)
        snprintf(a->message + strlen(a->message),
                 sizeof(a->message) - strlen(a->message),
                 "; it was last seen with %s, its limit is %s",
                 size_format(run->peak_bytes, peak),
                 size_format(run->memory_bytes, limit));
}
