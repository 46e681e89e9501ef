/* How fast the scheduler is: tasks that do nothing, through the object, results
 * one by one. Not a test; run it by hand: bench_sched [TASKS]. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "sched/sched.h"

/* Results of one worker between two turns; about those of a tick. */
enum { RESULTS = 200, RANGES = 8192 };

struct fake {
    struct {
        uint32_t first, count;
    } ranges[RANGES]; /* a ring */
    uint32_t head, tail;
};

static double seconds_since(int64_t start_ns)
{
    return (double)(clock_mono_ns() - start_ns) / 1e9;
}

static double rss_mib(void)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    return (double)ru.ru_maxrss / 1024;
}

/* Report up to RESULTS ends of what worker w has. */
static uint64_t report(struct sched *s, int64_t now, uint32_t w, struct fake *f,
                       struct attempt *a)
{
    uint64_t n = 0;
    while (n < RESULTS && f->head != f->tail) {
        bool accepted = false;
        a->index = f->ranges[f->head].first++;
        if (--f->ranges[f->head].count == 0)
            f->head = (f->head + 1) % RANGES;
        if (sched_attempt_ended(s, now, w, a, &accepted, NULL) < 0 || !accepted)
            return n;
        n++;
    }
    return n;
}

static void dispatch(const struct jobspec *spec, uint32_t workers,
                     uint32_t slots, uint64_t tasks)
{
    struct sched_config c;
    struct sched_action act;
    struct attempt a;
    uint64_t done = 0, assigns = 0;
    struct fake *fakes = calloc(workers, sizeof(*fakes));
    attempt_init(&a);
    a.attempt = 1;
    a.result = RESULT_SUCCESS;
    a.start_ns = 1;
    a.end_ns = 2000;
    sched_config_init(&c);
    c.spec = spec;
    c.worker_count = workers;

    int64_t start = clock_mono_ns(), now = 0;
    struct sched *s = sched_create(&c, NULL);
    if (!s || !fakes)
        goto out;
    double created = seconds_since(start);
    for (uint32_t w = 0; w < workers; w++)
        if (sched_worker_join(s, 0, w, slots, NULL) < 0)
            goto out;
    start = clock_mono_ns();
    while (done < tasks) {
        while (sched_next(s, now, &act)) {
            if (act.kind != SCHED_ASSIGN)
                continue;
            struct fake *f = &fakes[act.worker];
            f->ranges[f->tail].first = act.first;
            f->ranges[f->tail].count = act.count;
            f->tail = (f->tail + 1) % RANGES;
            assigns++;
        }
        now += NS_PER_MS;
        for (uint32_t w = 0; w < workers; w++)
            done += report(s, now, w, &fakes[w], &a);
    }
    double took = seconds_since(start);
    printf("%" PRIu32 " workers x %" PRIu32 " slots: created in %.2f ms, "
           "%.1f M tasks/s, %.0f ns a task, %.0f tasks a range, rss %.0f MiB\n",
           workers, slots, created * 1e3, (double)done / took / 1e6,
           took * 1e9 / (double)done, (double)done / (double)assigns,
           rss_mib());
out:
    sched_destroy(s);
    free(fakes);
}

static void resume(const struct jobspec *spec, uint32_t records)
{
    struct sched_config c;
    struct attempt a;
    attempt_init(&a);
    a.attempt = 1;
    a.result = RESULT_SUCCESS;
    sched_config_init(&c);
    c.spec = spec;
    struct sched *s = sched_create(&c, NULL);
    int64_t start = clock_mono_ns();
    /* near their order, as many workers would write them */
    for (uint32_t i = 0; s && i < records; i++) {
        a.index = (i & ~1023u) | (i * 37 & 1023u);
        if (sched_replay_attempt(s, &a, NULL) < 0)
            break;
    }
    printf("replay: %.0f ns an attempt\n",
           seconds_since(start) * 1e9 / records);
    sched_destroy(s);
}

int main(int argc, char **argv)
{
    uint64_t tasks = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    struct task_template t = {.required_slots = 1};
    struct job job = {.id = "null",
                      .tasks = {.kind = TASKS_SWEPT, .count = 1000000000},
                      .templates = &t};
    struct jobspec spec = {.name = "bench", .jobs = &job, .job_count = 1};
    dispatch(&spec, 1, 4, tasks);
    dispatch(&spec, 16, 4, tasks);
    dispatch(&spec, 256, 8, tasks);
    dispatch(&spec, 4000, 64, tasks);
    resume(&spec, 10000000);
    return 0;
}
