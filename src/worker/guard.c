/* Memory limits of tasks: see guard.h.
 *
 * The quick figure is never too low, so that what is within the limit by it
 * needs no more. Only a task that is over it by that is measured exactly:
 * processes that share pages, such as a fork's, may well be within. */
#include "config.h"
#include "worker/guard.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "proc/memory.h"
#include "worker/run_parts.h"

/* Of the time that passes, looking takes one part in so many. */
enum { GUARD_SHARE = 50 };

void guard_init(struct guard *g)
{
    family_init(&g->family);
    g->next_ns = 0;
    g->kills = memory_kills();
}

void guard_fini(struct guard *g)
{
    family_fini(&g->family);
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
        if (run->memory_bytes == 0 || run->pid <= 0 ||
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

void guard_judge(struct run *run)
{
    struct guard *g = &run->context->guard;
    struct attempt *a = &run->attempt;
    char peak[16], limit[16];
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
