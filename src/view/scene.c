/* The nodes and jobs of a run: see scene.h. */
#include "config.h"
#include "view/scene.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/journal.h"
#include "store/running.h"

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory for the nodes and jobs of a run");
}

/* Make room for one more of what is counted by count; -1: no memory. */
static int grow(void **list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return 0;
    uint32_t more = *cap ? 2 * *cap : 8;
    void *room = mem_resize(*list, more, size);
    if (!room)
        return -1;
    *list = room;
    *cap = more;
    return 0;
}

static void nodes_forget(struct scene *s)
{
    for (uint32_t i = 0; i < s->node_count; i++)
        mem_free(s->nodes[i].changes.list);
    s->node_count = 0;
    for (uint32_t i = 0; i < s->rank_cap; i++)
        s->rank_nodes[i] = UINT32_MAX;
}

void scene_destroy(struct scene *s)
{
    if (!s)
        return;
    int saved = errno;
    nodes_forget(s);
    for (uint32_t j = 0; s->jobs && j < s->job_count; j++)
        mem_free(s->jobs[j].changes.list);
    mem_free(s->nodes);
    mem_free(s->jobs);
    mem_free(s->specials);
    mem_free(s->rank_nodes);
    arena_destroy(s->arena);
    mem_free(s);
    errno = saved;
}

static int change_add(struct scene *s, struct scene_changes *c,
                      const struct journal_record *r, int state,
                      enum job_end end, const char *why)
{
    if (grow((void **)&c->list, c->count, &c->cap, sizeof(*c->list)) < 0)
        return -1;
    struct scene_change change = {.time_ns = r->time_ns,
                                  .session = r->session,
                                  .state = state,
                                  .end = end,
                                  .why = ""};
    if (why && *why && !(change.why = arena_strdup(s->arena, why)))
        return -1;
    c->list[c->count++] = change;
    return 0;
}

/* ---- Nodes ---- */

static struct scene_node *node_find(const struct scene *s, uint32_t number)
{
    for (uint32_t i = s->node_count; i > 0; i--)
        if (s->nodes[i - 1].number == number)
            return &s->nodes[i - 1];
    return NULL;
}

static int rank_note(struct scene *s, uint32_t rank, uint32_t node)
{
    if (rank >= s->rank_cap) {
        uint32_t cap = s->rank_cap ? 2 * s->rank_cap : 64;
        cap = cap > rank ? cap : rank + 1;
        void *more = mem_resize(s->rank_nodes, cap, sizeof(*s->rank_nodes));
        if (!more)
            return -1;
        s->rank_nodes = more;
        for (; s->rank_cap < cap; s->rank_cap++)
            s->rank_nodes[s->rank_cap] = UINT32_MAX;
    }
    s->rank_nodes[rank] = node;
    return 0;
}

static int see_node(struct scene *s, const struct journal_record *r)
{
    const struct node_info *info = r->u.node.info;
    struct scene_node *n = node_find(s, r->u.node.node);
    if (!n) {
        const char *name = arena_strdup(s->arena, info->hostname);
        const char *scratch = arena_strdup(s->arena, info->scratch);
        if (!name || !scratch ||
            grow((void **)&s->nodes, s->node_count, &s->node_cap, sizeof(*n)) <
                0)
            return -1;
        n = &s->nodes[s->node_count++];
        *n = (struct scene_node){.number = r->u.node.node,
                                 .name = name,
                                 .scratch = scratch,
                                 .leader = r->u.node.rank,
                                 .pool = info->pool,
                                 .cores = info->cores,
                                 .hwthreads = info->hwthreads,
                                 .gpus = info->gpus,
                                 .memory_bytes = info->memory_bytes};
    }
    n->ranks++;
    n->slots += r->u.node.slots;
    if (r->u.node.rank < n->leader)
        n->leader = r->u.node.rank;
    return rank_note(s, r->u.node.rank, (uint32_t)(n - s->nodes));
}

static void see_lost(struct scene *s, uint32_t rank)
{
    if (rank < s->rank_cap && s->rank_nodes[rank] != UINT32_MAX)
        s->nodes[s->rank_nodes[rank]].ranks_lost++;
}

static int see_node_state(struct scene *s, const struct journal_record *r)
{
    struct scene_node *n = node_find(s, r->u.node_state.node);
    return n ? change_add(s, &n->changes, r, r->u.node_state.state,
                          JOB_END_NONE, r->u.node_state.why)
             : 0;
}

/* ---- Attempts ---- */

static void see_task(struct scene *s, const struct attempt *a)
{
    struct scene_node *n = node_find(s, a->node);
    if (!n)
        return;
    if (!attempt_has_run(a))
        return;
    n->tasks_run++;
    n->tasks_succeeded += a->result == RESULT_SUCCESS;
}

static int see_special(struct scene *s, const struct journal_record *r)
{
    struct attempt *a = arena_calloc(s->arena, 1, sizeof(*a));
    struct scene_node *n = node_find(s, r->u.attempt->node);
    if (!a || grow((void **)&s->specials, s->special_count, &s->special_cap,
                   sizeof(*s->specials)) < 0)
        return -1;
    *a = *r->u.attempt;
    a->files = NULL; /* the reader's */
    a->file_count = a->metric_count = 0;
    s->specials[s->special_count++] = (struct scene_special){
        .session = r->session, .node = n ? n->name : "", .attempt = a};
    return 0;
}

/* ---- Jobs ---- */

static int see_job(struct scene *s, const struct journal_record *r)
{
    struct scene_job *j = &s->jobs[r->u.job.job];
    j->state = r->u.job.state;
    return change_add(s, &j->changes, r, r->u.job.state, r->u.job.end,
                      r->u.job.why);
}

/* Its tasks are active again: so is the job, if it was completed. */
static int see_reactivation(struct scene *s, const struct journal_record *r)
{
    struct scene_job *j = &s->jobs[r->u.reactivate.job];
    if (j->state != JOB_COMPLETED)
        return 0;
    j->state = JOB_ACTIVE;
    return change_add(s, &j->changes, r, JOB_ACTIVE, JOB_END_NONE,
                      "tasks are active again");
}

static void see_occurrence(struct scene *s, const struct journal_record *r)
{
    struct scene_job *j = &s->jobs[r->u.occurrence.job];
    j->begun = r->u.occurrence.begun;
    j->left_out = !j->begun;
    j->due_ns = r->time_ns;
}

static void see_session(struct scene *s, const struct journal_record *r)
{
    nodes_forget(s);
    s->session = r->session;
    s->session_start_ns = r->time_ns;
    s->session_ended = false;
}

/* ---- The journal ---- */

static int see_record(struct scene *s, const struct journal_record *r)
{
    int rc = 0;
    switch (r->type) {
    case JOURNAL_SESSION:
        see_session(s, r);
        break;
    case JOURNAL_NODE:
        rc = see_node(s, r);
        break;
    case JOURNAL_LOST:
        see_lost(s, r->u.lost.rank);
        break;
    case JOURNAL_NODE_STATE:
        rc = see_node_state(s, r);
        break;
    case JOURNAL_ATTEMPT:
        see_task(s, r->u.attempt);
        break;
    case JOURNAL_SPECIAL:
        rc = see_special(s, r);
        break;
    case JOURNAL_JOB:
        rc = see_job(s, r);
        break;
    case JOURNAL_REACTIVATE:
        rc = see_reactivation(s, r);
        break;
    case JOURNAL_OCCURRENCE:
        see_occurrence(s, r);
        break;
    case JOURNAL_ADDED:
        s->jobs[r->u.added.job].added += r->u.added.count;
        break;
    case JOURNAL_END:
        s->session_ended = true;
        break;
    case JOURNAL_SKIPPED:
    case JOURNAL_COMMAND:
    case JOURNAL_ORIGIN:
    case JOURNAL_PROGRAM:
    case JOURNAL_COUNTS:
    case JOURNAL_TICK:
        break;
    }
    s->session_end_ns = r->time_ns;
    return rc;
}

static bool is_special(void *arg, uint32_t job, uint32_t index)
{
    (void)arg;
    (void)job;
    return special_of(index) != SPECIAL_NONE;
}

static int journal_see(struct scene *s, const struct rundir *dir,
                       const struct jobspec *spec, bool tasks, struct err *err)
{
    struct journal_record r;
    int got;
    struct journal_reader *jr = journal_read(dir, spec, err);
    if (!jr)
        return -1;
    if (!tasks)
        journal_reader_filter(jr, is_special, NULL);
    while ((got = journal_next(jr, &r, err)) > 0)
        if (see_record(s, &r) < 0) {
            got = nomem(err);
            break;
        }
    journal_reader_destroy(jr);
    return got;
}

/* What runs now. */
static int running_see(struct scene *s, const struct rundir *dir,
                       int64_t now_ns, struct err *err)
{
    struct running_list *running = running_read(dir, now_ns, err);
    if (!running)
        return -1;
    for (uint32_t i = 0; i < running->count && !s->session_ended; i++) {
        uint32_t rank = running->tasks[i].rank;
        if (rank < s->rank_cap && s->rank_nodes[rank] != UINT32_MAX)
            s->nodes[s->rank_nodes[rank]].tasks_running++;
    }
    mem_free(running);
    return 0;
}

struct scene *scene_read(const struct rundir *dir, const struct jobspec *spec,
                         int64_t now_ns, bool tasks, struct err *err)
{
    struct scene *s = mem_calloc(1, sizeof(*s));
    if (s) {
        s->arena = arena_create(SCENE_MAX_BYTES);
        s->job_count = spec->job_count;
        s->jobs = mem_calloc(spec->job_count, sizeof(*s->jobs));
    }
    if (!s || !s->arena || !s->jobs)
        nomem(err);
    else if (journal_see(s, dir, spec, tasks, err) == 0 &&
             running_see(s, dir, now_ns, err) == 0)
        return s;
    scene_destroy(s);
    return NULL;
}

/* ---- Questions ---- */

bool scene_node_state(const struct scene_node *n, enum node_state *state)
{
    if (n->changes.count == 0)
        return false;
    *state = (enum node_state)n->changes.list[n->changes.count - 1].state;
    return true;
}

bool scene_has_job(const struct scene *s, const struct jobspec *spec,
                   uint32_t job)
{
    return spec->jobs[job].schedule == 0 || s->jobs[job].begun;
}

const struct scene_special *scene_special(const struct scene *s, uint32_t *at,
                                          uint32_t job, uint32_t index,
                                          const char *node, uint32_t session)
{
    while (*at < s->special_count) {
        const struct scene_special *x = &s->specials[(*at)++];
        if ((job == UINT32_MAX || x->attempt->job == job) &&
            (index == 0 || x->attempt->index == index) &&
            (!node || strcmp(x->node, node) == 0) &&
            (session == 0 || x->session == session))
            return x;
    }
    return NULL;
}
