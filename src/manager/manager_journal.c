/* What the manager writes to the journal. See manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include <inttypes.h>
#include <stdio.h>

void manager_journal_put(struct manager *m, struct journal_record *r)
{
    struct err err;
    r->time_ns = loop_wall_ns(m->config.loop);
    if (journal_append(m->means.journal, r, &m->ticket, &err) < 0)
        manager_fail(m, &err);
}

void manager_journal_start(struct manager *m)
{
    struct journal_record r = {.type = JOURNAL_SESSION};
    snprintf(r.u.session.version, sizeof(r.u.session.version), "%s",
             PACKAGE_VERSION);
    snprintf(r.u.session.mpi, sizeof(r.u.session.mpi), "%s",
             m->means.mpi_library);
    r.u.session.rank_count = m->config.rank_count;
    r.u.session.node_count = m->means.node_count;
    manager_journal_put(m, &r);
    r = (struct journal_record){.type = JOURNAL_ORIGIN,
                                .u.origin = *m->means.provenance};
    manager_journal_put(m, &r);
}

void manager_journal_program(void *arg, const struct program_file *f,
                             bool changed)
{
    struct manager *m = arg;
    struct journal_record r = {.type = JOURNAL_PROGRAM, .u.program = *f};
    manager_journal_put(m, &r);
    if (changed)
        manager_notice(m, "%s %s (%s) is another one than before in this run",
                       f->kind == PROGRAM_LIBRARY ? "library" : "program",
                       f->name, f->path);
}

void manager_journal_node(struct manager *m, uint32_t rank,
                          const struct msg *ready)
{
    struct journal_record r = {
        .type = JOURNAL_NODE,
        .u.node = {.rank = rank,
                   .node = m->means.rank_nodes[rank],
                   .first_slot = ready->u.ready.first_slot,
                   .slots = ready->u.ready.slots,
                   .info = (struct node_info *)&m->means.ranks[rank]}};
    manager_journal_put(m, &r);
}

void manager_journal_attempt(struct manager *m, struct attempt *a)
{
    struct journal_record r = {.type = special_of(a->index) != SPECIAL_NONE
                                           ? JOURNAL_SPECIAL
                                           : JOURNAL_ATTEMPT,
                               .u.attempt = a};
    manager_journal_put(m, &r);
}

void manager_journal_staged(struct manager *m)
{
    struct journal_record r = {.type = JOURNAL_COUNTS};
    if (!staged_journal(&m->staged))
        return;
    r.u.counts = m->staged.session;
    manager_journal_put(m, &r);
}

void manager_journal_job(struct manager *m, uint32_t job, enum job_state state,
                         enum job_end end, const char *why)
{
    struct journal_record r = {
        .type = JOURNAL_JOB,
        .u.job = {.job = job, .state = state, .end = end, .why = why}};
    manager_journal_put(m, &r);
    writer_sync(m->means.writer);
}
