/* The sessions of a run: see history.h. */
#include "config.h"
#include "view/history.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/journal.h"
#include "store/status.h"

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory for the history of a run");
}

void history_destroy(struct history *h)
{
    if (!h)
        return;
    programs_destroy(h->programs);
    mem_free(h->sessions);
    mem_free(h->hosts);
    arena_destroy(h->arena);
    mem_free(h);
}

static struct history *history_create(void)
{
    struct history *h = mem_calloc(1, sizeof(*h));
    if (h) {
        h->arena = arena_create(HISTORY_MAX_BYTES);
        h->programs = programs_create();
    }
    if (h && h->arena && h->programs)
        return h;
    history_destroy(h);
    return NULL;
}

/* Make room for one more of what is counted by count; -1: no memory. */
static int grow(void **list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return 0;
    uint32_t more = *cap ? 2 * *cap : 16;
    void *room = mem_resize(*list, more, size);
    if (!room)
        return -1;
    *list = room;
    *cap = more;
    return 0;
}

/* ---- Sessions ---- */

static struct history_session *last_session(struct history *h)
{
    return h->session_count > 0 ? &h->sessions[h->session_count - 1] : NULL;
}

/* A copy of text, or before if that is the same. NULL: no memory. */
static const char *keep(struct history *h, const char *before, const char *text)
{
    return before && strcmp(before, text) == 0 ? before
                                               : arena_strdup(h->arena, text);
}

static int see_session(struct history *h, const struct journal_record *r)
{
    const struct history_session *before = last_session(h);
    struct history_session s = {.number = r->session,
                                .state = SESSION_KILLED,
                                .start_ns = r->time_ns,
                                .end_ns = r->time_ns,
                                .ranks = r->u.session.rank_count,
                                .nodes = r->u.session.node_count,
                                .hwloc = "",
                                .hdf5 = "",
                                .folder = "",
                                .command = "",
                                .environment = ""};
    s.version = keep(h, before ? before->version : NULL, r->u.session.version);
    s.mpi = keep(h, before ? before->mpi : NULL, r->u.session.mpi);
    if (!s.version || !s.mpi ||
        grow((void **)&h->sessions, h->session_count, &h->session_cap,
             sizeof(s)) < 0)
        return -1;
    h->sessions[h->session_count++] = s;
    return 0;
}

static int see_origin(struct history *h, const struct provenance *p)
{
    static const struct history_session none;
    struct history_session *s = last_session(h);
    const struct history_session *before = h->session_count > 1 ? s - 1 : &none;
    if (!s)
        return 0;
    s->hwloc = keep(h, before->hwloc, p->hwloc);
    s->hdf5 = keep(h, before->hdf5, p->hdf5);
    s->folder = keep(h, before->folder, p->folder);
    s->command = keep(h, before->command, p->command);
    s->environment = keep(h, before->environment, p->environment);
    return s->hwloc && s->hdf5 && s->folder && s->command && s->environment
               ? 0
               : -1;
}

static void see_end(struct history *h, const struct journal_record *r)
{
    struct history_session *s = last_session(h);
    if (!s)
        return;
    s->state = SESSION_ENDED;
    s->exit_code = r->u.end.exit_code;
}

/* ---- Hosts ---- */

/* The ranks of a host come one after the other, mostly. */
static struct history_host *host_find(struct history *h, const char *name)
{
    for (uint32_t i = h->host_count; i > 0; i--)
        if (strcmp(h->hosts[i - 1].name, name) == 0)
            return &h->hosts[i - 1];
    return NULL;
}

static int see_node(struct history *h, const struct journal_record *r)
{
    const struct node_info *n = r->u.node.info;
    struct history_host *host = host_find(h, n->hostname);
    if (!host) {
        const char *name = arena_strdup(h->arena, n->hostname);
        if (!name || grow((void **)&h->hosts, h->host_count, &h->host_cap,
                          sizeof(*host)) < 0)
            return -1;
        host = &h->hosts[h->host_count++];
        *host = (struct history_host){.name = name};
    }
    if (host->session != r->session) {
        host->session = r->session;
        host->sessions++;
        host->ranks = host->slots = 0;
    }
    host->ranks++;
    host->slots += r->u.node.slots;
    host->cores = n->cores;
    host->hwthreads = n->hwthreads;
    host->memory_bytes = n->memory_bytes;
    return 0;
}

/* ---- Programs ---- */

/* The digest of the same file as it was before; "": not known. */
static const char *digest_before(const struct history *h,
                                 const struct program_file *f)
{
    for (uint32_t i = 0; i < h->programs->count; i++)
        if (program_is_same(&h->programs->files[i], f))
            return h->programs->files[i].sha256;
    return "";
}

/* The same file may be there for several programs. */
static bool is_known_change(const struct history *h, uint32_t session,
                            const char *path, const char *is)
{
    for (uint32_t i = 0; i < h->change_count; i++)
        if (h->changes[i].session == session &&
            strcmp(h->changes[i].path, path) == 0 &&
            strcmp(h->changes[i].is, is) == 0)
            return true;
    return false;
}

static int see_program(struct history *h, const struct journal_record *r,
                       struct err *err)
{
    const struct program_file *f = &r->u.program;
    const char *was = digest_before(h, f); /* stays where it is */
    bool changed;
    if (programs_put(h->programs, f, &changed, err) < 0)
        return -1;
    if (!changed || h->change_count == HISTORY_MAX_CHANGES ||
        is_known_change(h, r->session, f->path, f->sha256))
        return 0;
    struct history_change c = {.session = r->session,
                               .name = arena_strdup(h->arena, f->name),
                               .path = arena_strdup(h->arena, f->path),
                               .was = was,
                               .is = arena_strdup(h->arena, f->sha256)};
    if (!c.name || !c.path || !c.is)
        return nomem(err);
    h->changes[h->change_count++] = c;
    return 0;
}

/* ---- The journal ---- */

static int see_record(struct history *h, const struct journal_record *r,
                      struct err *err)
{
    int rc = 0;
    switch (r->type) {
    case JOURNAL_SESSION:
        rc = see_session(h, r);
        break;
    case JOURNAL_ORIGIN:
        rc = see_origin(h, &r->u.origin);
        break;
    case JOURNAL_NODE:
        rc = see_node(h, r);
        break;
    case JOURNAL_PROGRAM:
        return see_program(h, r, err);
    case JOURNAL_END:
        see_end(h, r);
        break;
    case JOURNAL_LOST:
        if (h->session_count > 0)
            last_session(h)->ranks_lost++;
        break;
    case JOURNAL_NODE_STATE:
    case JOURNAL_SKIPPED:
    case JOURNAL_ADDED:
    case JOURNAL_OCCURRENCE:
    case JOURNAL_COMMAND:
    case JOURNAL_SPECIAL:
    case JOURNAL_ATTEMPT:
    case JOURNAL_JOB:
    case JOURNAL_REACTIVATE:
    case JOURNAL_COUNTS:
    case JOURNAL_TICK:
        break;
    }
    if (rc < 0)
        return nomem(err);
    if (h->session_count > 0 && r->time_ns > last_session(h)->end_ns)
        last_session(h)->end_ns = r->time_ns;
    return 0;
}

static int journal_see(struct history *h, const struct rundir *dir,
                       const struct jobspec *spec, struct err *err)
{
    struct journal_record r;
    int got;
    struct journal_reader *jr = journal_read(dir, spec, err);
    if (!jr)
        return -1;
    journal_reader_light(jr, true);
    while ((got = journal_next(jr, &r, err)) > 0)
        if (see_record(h, &r, err) < 0) {
            got = -1;
            break;
        }
    journal_reader_destroy(jr);
    return got;
}

/* Does the last session, which has not said that it ends, still go on? So
 * status.json says; it is not there yet when a session has just begun. */
static bool is_running(const struct history_session *s,
                       const struct rundir *dir, const struct jobspec *spec,
                       int64_t now_ns)
{
    struct snapshot snap;
    struct status_origin from;
    struct err err;
    if (status_read(rundir_path(dir), spec, &snap, &from, &err) == 0) {
        mem_free(snap.jobs);
        if (snap.session == s->number)
            return status_is_alive(&snap, now_ns) && !status_is_gone(&from);
    }
    return now_ns - s->end_ns < STATUS_SILENT_NS;
}

struct history *history_read(const struct rundir *dir,
                             const struct jobspec *spec, int64_t now_ns,
                             struct err *err)
{
    struct history *h = history_create();
    if (!h) {
        nomem(err);
        return NULL;
    }
    if (journal_see(h, dir, spec, err) < 0) {
        history_destroy(h);
        return NULL;
    }
    struct history_session *s = last_session(h);
    if (s && s->state == SESSION_KILLED && is_running(s, dir, spec, now_ns))
        s->state = SESSION_RUNNING;
    return h;
}
