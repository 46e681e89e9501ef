/* `mpibatch remote`: see remoting.h. */
#include "config.h"
#include "manager/remoting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct remoting_ask {
    struct remoting_ask *next;
    uint64_t number; /* who asks */
    uint64_t remote; /* as the rank knows it */
    uint32_t rank;
};

void remoting_fini(struct remoting *r)
{
    while (r->all) {
        struct remoting_ask *a = r->all;
        r->all = a->next;
        mem_free(a);
    }
    *r = (struct remoting){0};
}

int remoting_begin(struct remoting *r, uint64_t number, const struct ask *ask,
                   const char *line, size_t len, uint32_t rank_count,
                   struct msg *m, struct err *err)
{
    if (!line || len == 0 || len > MSG_MAX_REMOTE || memchr(line, '\0', len))
        return err_set(err, EINVAL,
                       "InvalidParameterValue: a command is text of 1 to %d "
                       "bytes",
                       MSG_MAX_REMOTE);
    if (ask->rank >= rank_count)
        return err_set(err, EINVAL,
                       "InvalidParameterValue: there is no rank %" PRIu32,
                       ask->rank);
    if (r->count >= REMOTING_MAX)
        return err_set(err, EBUSY,
                       "TooManyRequests: %d commands are running on other "
                       "nodes",
                       REMOTING_MAX);
    struct remoting_ask *a = mem_calloc(1, sizeof(*a));
    if (!a)
        return err_set(err, ENOMEM, "no memory for a command");
    *a = (struct remoting_ask){.next = r->all,
                               .number = number,
                               .remote = ++r->last,
                               .rank = ask->rank};
    r->all = a;
    r->count++;
    *m = (struct msg){.kind = MSG_REMOTE,
                      .u.remote = {.number = a->remote,
                                   .job = ask->job,
                                   .index = ask->task,
                                   .attempt = ask->attempt,
                                   .text = line,
                                   .len = len}};
    return 0;
}

/* Take it out: who has asked. */
static uint64_t take(struct remoting *r, struct remoting_ask **at)
{
    struct remoting_ask *a = *at;
    uint64_t number = a->number;
    *at = a->next;
    r->count--;
    mem_free(a);
    return number;
}

uint64_t remoting_end(struct remoting *r, uint32_t rank, const struct msg *m,
                      struct answer *answer)
{
    struct remoting_ask **at = &r->all;
    while (*at &&
           ((*at)->remote != m->u.remote_ended.number || (*at)->rank != rank))
        at = &(*at)->next;
    if (!*at)
        return 0;
    *answer = (struct answer){.rank = rank, .count = m->u.remote_ended.code};
    snprintf(answer->text, sizeof(answer->text), "%.*s",
             (int)m->u.remote_ended.len, m->u.remote_ended.text);
    return take(r, at);
}

uint64_t remoting_lost(struct remoting *r, uint32_t rank, struct answer *answer)
{
    struct remoting_ask **at = &r->all;
    while (*at && (*at)->rank != rank)
        at = &(*at)->next;
    if (!*at)
        return 0;
    *answer = (struct answer){.rank = rank, .code = "NodeNotReady"};
    snprintf(answer->message, sizeof(answer->message),
             "rank %" PRIu32 " is lost", rank);
    return take(r, at);
}
