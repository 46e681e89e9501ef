/* Job schedules: see schedule.h. */
#include "config.h"
#include "sched/schedule.h"

#include "base/mem.h"
#include "sched/limits.h"
#include "sched/machine.h"

static const struct job_schedule *spec_of(const struct sched *s,
                                          const struct schedule_run *r)
{
    return &s->config.spec->schedules[r - s->schedules];
}

int schedules_init(struct sched *s)
{
    uint32_t count = s->config.spec->schedule_count;
    s->schedules = mem_calloc(count, sizeof(s->schedules[0]));
    if (!s->schedules)
        return -1;
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (s->jobs[i].turn == TURN_WAITS)
            job_gate(s, &s->jobs[i]);
    return 0;
}

void schedules_fini(struct sched *s)
{
    mem_free(s->schedules);
}

static int64_t sum(int64_t a, int64_t b)
{
    int64_t c;
    return __builtin_add_overflow(a, b, &c) ? INT64_MAX : c;
}

/* A time of the spec, since 1970. */
static int64_t time_ns(const struct sched *s, const struct schedule_time *t)
{
    const struct sched_config *c = &s->config;
    return t->from_start ? sum(c->wall_now_ns, sum(c->session_now_ns, t->ns))
                         : t->ns;
}

/* When the job r->next of that schedule is due, since 1970. */
static int64_t due_ns(const struct sched *s, const struct schedule_run *of,
                      const struct schedule_run *r)
{
    const struct job_schedule *sp = spec_of(s, of);
    int64_t behind;
    uint32_t at = r->next - (sp->not_before.from_start ? r->first : 0);
    if (__builtin_mul_overflow((int64_t)at, sp->interval_ns, &behind))
        return INT64_MAX;
    return sum(time_ns(s, &sp->not_before), behind);
}

/* Is the job before the next one still there? */
static bool is_busy(const struct sched *s, const struct schedule_run *r)
{
    if (r->next == 0)
        return false;
    return s->jobs[spec_of(s, r)->first_job + r->next - 1].state !=
           JOB_COMPLETED;
}

static bool has_next(const struct sched *s, const struct schedule_run *r)
{
    return r->next < spec_of(s, r)->job_count;
}

/* The next job of the schedule begins, or does not. */
static void turn(struct sched *s, struct schedule_run *r, bool begun)
{
    const struct job_schedule *sp = spec_of(s, r);
    struct job_run *j = &s->jobs[sp->first_job + r->next];
    enum job_state was = j->state;
    r->next++;
    j->turn = begun ? TURN_HAS_BEGUN : TURN_LEFT_OUT;
    if (!begun)
        j->state = JOB_COMPLETED;
    job_changed(s, j, was);
}

bool schedules_step(struct sched *s, int64_t now_ns, struct sched_action *act)
{
    int64_t wall_ns = sum(s->config.wall_now_ns, now_ns);
    if (s->stop != SCHED_RUN || s->paused)
        return false;
    for (uint32_t i = 0; i < s->config.spec->schedule_count; i++) {
        struct schedule_run *r = &s->schedules[i];
        const struct job_schedule *sp = spec_of(s, r);
        if (!has_next(s, r))
            continue;
        int64_t due = due_ns(s, r, r);
        bool late = sum(due, sp->window_ns) < wall_ns ||
                    due > time_ns(s, &sp->not_after);
        if (!late && (wall_ns < due || is_busy(s, r)))
            continue;
        *act = (struct sched_action){.kind = SCHED_OCCURRENCE,
                                     .job = sp->first_job + r->next,
                                     .begun = !late};
        turn(s, r, !late);
        return true;
    }
    return false;
}

int64_t schedules_deadline_ns(const struct sched *s)
{
    int64_t at = INT64_MAX;
    if (s->stop != SCHED_RUN || s->paused)
        return at;
    for (uint32_t i = 0; i < s->config.spec->schedule_count; i++) {
        const struct schedule_run *r = &s->schedules[i];
        if (!has_next(s, r))
            continue;
        int64_t due = due_ns(s, r, r);
        if (is_busy(s, r)) /* then only that it is left out is by the clock */
            due = sum(sum(due, spec_of(s, r)->window_ns), 1);
        if (due != INT64_MAX && due - s->config.wall_now_ns < at)
            at = due - s->config.wall_now_ns;
    }
    return at;
}

int64_t schedules_time(const struct sched *s, const struct job_run *j)
{
    const struct schedule_run *r = &s->schedules[j->spec->schedule - 1];
    struct schedule_run then = {.next = job_id(s, j) - spec_of(s, r)->first_job,
                                .first = r->first};
    int64_t due = due_ns(s, r, &then);
    return due == INT64_MAX ? due : due - s->config.wall_now_ns;
}

bool schedules_wait(const struct sched *s)
{
    for (uint32_t i = 0; i < s->config.spec->schedule_count; i++) {
        const struct schedule_run *r = &s->schedules[i];
        if (has_next(s, r) &&
            (!is_busy(s, r) || spec_of(s, r)->window_ns != INT64_MAX))
            return true;
    }
    return false;
}

void schedules_replay(struct sched *s, struct job_run *j, bool begun)
{
    if (j->spec->schedule == 0 || j->turn != TURN_WAITS)
        return;
    struct schedule_run *r = &s->schedules[j->spec->schedule - 1];
    uint32_t at = job_id(s, j) - spec_of(s, r)->first_job;
    enum job_state was = j->state;
    j->turn = begun ? TURN_HAS_BEGUN : TURN_LEFT_OUT;
    if (!begun)
        j->state = JOB_COMPLETED;
    if (at >= r->next)
        r->first = r->next = at + 1;
    job_changed(s, j, was);
}
