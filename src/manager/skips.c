/* What is skipped, for people: see skips.h. */
#include "config.h"
#include "manager/skips.h"

#include <inttypes.h>
#include <stdio.h>

void skips_add(struct skips *s, uint32_t job, uint32_t index, uint64_t tasks)
{
    uint32_t i = 0;
    while (i < s->count &&
           (s->causes[i].job != job || s->causes[i].index != index))
        i++;
    if (i == SKIPS_MAX) {
        s->others += tasks;
        return;
    }
    if (i == s->count) {
        s->causes[i].job = job;
        s->causes[i].index = index;
        s->causes[i].tasks = 0;
        s->count++;
    }
    s->causes[i].tasks += tasks;
}

static const char *are(uint64_t tasks)
{
    return tasks == 1 ? " is" : "s are";
}

char *skips_say(struct skips *s, const struct jobspec *spec, char *text,
                size_t room)
{
    char id[JOBSPEC_MAX_ID + 1] = "?";
    struct err err;
    if (s->count == 0 && s->others == 0)
        return NULL;
    if (s->count == 0) {
        snprintf(text, room, "%" PRIu64 " more task%s skipped, for other tasks",
                 s->others, are(s->others));
        s->others = 0;
        return text;
    }
    uint32_t job = s->causes[0].job, index = s->causes[0].index;
    uint64_t tasks = s->causes[0].tasks;
    (void)job_task_id(&spec->jobs[job], index, id, &err);
    snprintf(text, room,
             "%" PRIu64 " task%s skipped: task %s/%s, on which %s, has not "
             "ended well",
             tasks, are(tasks), spec->jobs[job].id, id,
             tasks == 1 ? "it depends" : "they depend");
    s->count--;
    for (uint32_t i = 0; i < s->count; i++)
        s->causes[i] = s->causes[i + 1];
    return text;
}
