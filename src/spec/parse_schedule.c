/* Schedules of jobs: all jobs that can come are made beforehand, as copies of
 * one. The scheduler lets them begin. */
#include "config.h"
#include "spec/parse_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/quantity.h"
#include "spec/errors.h"
#include "spec/read.h"

/* ---- Times ---- */

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400, y = year % 400;
    int64_t d = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + y * 365 + y / 4 - y / 100 + d - 719468;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* "2027-01-31T18:00:00Z", also with a blank for the T and without the seconds,
 * or the day alone; in UTC, or with +02:00. */
static bool time_parse(const char *s, int64_t *ns)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, hour = 0, minute = 0, second = 0, at = 0, n = 0;
    int east_hour = 0, east_minute = 0;
    char sign = '+';
    if (sscanf(s, "%4d-%2d-%2d%n", &year, &month, &day, &at) != 3 || at != 10)
        return false;
    s += at;
    if (*s == 'T' || *s == 't' || *s == ' ') {
        if (sscanf(s + 1, "%2d:%2d%n", &hour, &minute, &n) != 2 || n != 5)
            return false;
        s += 6;
        if (*s == ':' && (sscanf(s, ":%2d%n", &second, &n) != 1 || n != 3))
            return false;
        s += *s == ':' ? 3 : 0;
        if (*s == '.')
            s += 1 + strspn(s + 1, "0123456789");
        if (*s == 'Z' || *s == 'z')
            s++;
        else if (*s && (sscanf(s, "%c%2d:%2d%n", &sign, &east_hour,
                               &east_minute, &n) != 3 ||
                        n != 6 || !strchr("+-", sign)))
            return false;
        else if (*s)
            s += 6;
    }
    if (*s || year < 1970 || year > 2200 || month < 1 || month > 12 ||
        day < 1 || day > days[month - 1] + (month == 2 && is_leap(year)) ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60 || east_hour < 0 || east_hour > 14 || east_minute < 0 ||
        east_minute > 59)
        return false;
    int64_t east = (east_hour * 60 + east_minute) * (sign == '-' ? -60 : 60);
    *ns = ((days_of(year, month, day) * 24 + hour) * 3600 + minute * 60 +
           second - east) *
          NS_PER_SEC;
    return true;
}

/* A time, or a duration from the start of the session. */
static void moment_read(struct parse *p, const struct field *f, const char *key,
                        struct schedule_time *out)
{
    struct err err;
    if (!f->node || time_parse(f->node->u.text, &out->ns))
        return;
    if (duration_parse(f->node->u.text, &out->ns, &err) == 0) {
        out->from_start = true;
        return;
    }
    spec_errors_add(p->errors, f->node->line, f->node->column,
                    "`%s` must be a time such as 2027-01-31T18:00:00Z, or a "
                    "duration from the session's start such as 90s or 1h30m, "
                    "not \"%s\"",
                    key, excerpt_of(f->node->u.text).text);
}

/* ---- Schedules ---- */

/* How many jobs can come, as far as the times tell. */
static uint32_t jobs_of(const struct job_schedule *s)
{
    if (s->interval_ns == 0)
        return 1;
    bool same = s->not_before.from_start == s->not_after.from_start;
    if (s->not_after.ns == INT64_MAX || !same)
        return JOBSPEC_MAX_SCHEDULED;
    int64_t n = (s->not_after.ns - s->not_before.ns) / s->interval_ns + 1;
    return n < JOBSPEC_MAX_SCHEDULED ? (uint32_t)n : JOBSPEC_MAX_SCHEDULED;
}

static void times_read(struct parse *p, const struct tree_node *node,
                       struct job_schedule *s)
{
    struct schedule_fields f;
    fields_read(p->errors, "`schedule`", node, &schedule_keys, &f);
    s->not_before.from_start = true; /* at once */
    s->not_after.ns = INT64_MAX;
    s->not_after.from_start = true;
    if (f.do_not_run_until.node)
        s->not_before.from_start = false;
    if (f.do_not_run_after.node)
        s->not_after.from_start = false;
    moment_read(p, &f.do_not_run_until, "do_not_run_until", &s->not_before);
    moment_read(p, &f.do_not_run_after, "do_not_run_after", &s->not_after);
    s->window_ns = f.start_window.node ? f.start_window.u.integer : INT64_MAX;
    s->interval_ns = f.recurrence_interval.u.integer;
    if (f.recurrence_interval.node && s->interval_ns < NS_PER_SEC)
        text_error(p, f.recurrence_interval.node, 0,
                   "`recurrence_interval` must be 1 s at least");
    if (f.do_not_run_after.node && f.do_not_run_until.node &&
        s->not_before.from_start == s->not_after.from_start &&
        s->not_after.ns < s->not_before.ns) {
        text_error(p, f.do_not_run_after.node, 0,
                   "no job could begin: `do_not_run_after` is before "
                   "`do_not_run_until`");
        s->not_after.ns = s->not_before.ns;
    }
}

static void schedule_id_check(struct parse *p, const struct schedule_read *all,
                              uint32_t i)
{
    enum { BEHIND = sizeof("-job-1000") - 1 };
    const struct tree_node *id = all[i].fields.id.node;
    if (id && id->count > JOBSPEC_MAX_ID - BEHIND)
        spec_errors_add(p->errors, id->line, id->column,
                        "the id of a schedule has %d characters at most: its "
                        "jobs are called ID-job-1000",
                        JOBSPEC_MAX_ID - BEHIND);
    for (uint32_t k = 0; id && k < i; k++) {
        const struct tree_node *other = all[k].fields.id.node;
        if (!other || strcasecmp(id->u.text, other->u.text) != 0)
            continue;
        spec_errors_add(p->errors, id->line, id->column,
                        "the schedule in line %u is called \"%s\" already",
                        other->line, other->u.text);
        return;
    }
}

/* Schedules without an end share what room there is. */
static void counts_limit(struct parse *p, struct schedule_read *all,
                         uint32_t count, uint32_t jobs)
{
    uint32_t total = jobs, most = (JOBSPEC_MAX_JOBS - jobs) / count;
    for (uint32_t i = 0; i < count; i++)
        total += all[i].schedule.job_count;
    for (uint32_t i = 0; total > JOBSPEC_MAX_JOBS && i < count; i++)
        if (all[i].schedule.job_count > most)
            all[i].schedule.job_count = most;
    if (most == 0)
        spec_errors_add(p->errors, all[0].node->line, all[0].node->column,
                        "there are more than %d jobs with those of schedules",
                        JOBSPEC_MAX_JOBS);
}

int schedules_read(struct parse *p, const struct field *f, uint32_t jobs,
                   struct schedule_read **out, uint32_t *count)
{
    const struct tree_node *n = f->node;
    *count = n ? n->count : 0;
    if (*count == 0)
        return 0;
    struct schedule_read *all = arena_calloc(p->scratch, *count, sizeof(*all));
    if (!all)
        return -1;
    *out = all;
    for (uint32_t i = 0; i < *count; i++) {
        struct schedule_read *r = &all[i];
        r->node = &n->u.items[i];
        fields_read(p->errors, "a job schedule", r->node, &job_schedule_keys,
                    &r->fields);
        r->job = r->fields.job_specification.node;
        fields_read(p->errors, "`job_specification`", r->job, &job_keys,
                    &r->job_fields);
        r->id = r->fields.id.node ? r->fields.id.node->u.text : "schedule";
        if (r->job_fields.id.key)
            text_error(p, r->job_fields.id.key, 0,
                       "the jobs of a schedule are called by it, ID-job-1 and "
                       "so on; leave `id` out");
        schedule_id_check(p, all, i);
        times_read(p, r->fields.schedule.node, &r->schedule);
        r->schedule.id = r->id;
        r->schedule.job_count = jobs_of(&r->schedule);
    }
    counts_limit(p, all, *count, jobs);
    return 0;
}

void schedule_names_check(struct parse *p, const struct schedule_read *r,
                          const struct job *jobs, uint32_t count)
{
    const struct tree_node *at = r->fields.id.node;
    size_t len = strlen(r->id);
    for (uint32_t j = 0; at && j < count; j++) {
        const char *id = jobs[j].id;
        char *end;
        if (!id || strncasecmp(id, r->id, len) != 0 ||
            strncasecmp(id + len, "-job-", 5) != 0 || id[len + 5] == '0')
            continue;
        unsigned long n = strtoul(id + len + 5, &end, 10);
        if (end != id + len + 5 && !*end && n <= r->schedule.job_count)
            spec_errors_add(p->errors, at->line, at->column,
                            "job \"%s\" has the id of one of the schedule's "
                            "jobs",
                            id);
    }
}

const char *schedule_job_id(struct parse *p, const struct schedule_read *r,
                            uint32_t i)
{
    char id[JOBSPEC_MAX_ID + 16];
    snprintf(id, sizeof(id), "%.*s-job-%u", JOBSPEC_MAX_ID, r->id, i + 1);
    return arena_strdup(p->arena, id);
}

int schedule_fill(struct parse *p, const struct schedule_read *r,
                  struct job *jobs)
{
    for (uint32_t i = 1; i < r->schedule.job_count; i++) {
        jobs[i] = jobs[0];
        if (!(jobs[i].id = schedule_job_id(p, r, i)))
            return -1;
    }
    return 0;
}
