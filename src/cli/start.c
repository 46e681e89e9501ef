/* Start-up of a session: see start.h. */
#include "config.h"
#include "cli/start.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/quantity.h"
#include "cli/grow.h"
#include "cli/specfile.h"
#include "manager/manager.h"
#include "model/record.h"
#include "spec/spec.h"
#include "store/inputs.h"

enum {
    START_MAX_BYTES = 2 * SPEC_MAX_BYTES + (16 << 20),
    GATHER_MAX_BYTES = 1 << 30,
    /* so many times as long as a silence that counts as lost */
    START_PATIENCE = 10
};

static void on_overdue(int number)
{
    static const char text[] =
        "mpibatch: error: ranks were lost at start-up, or are too slow for "
        "--lost-after; the same command tries again\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_LOST);
}

void start_guard(int64_t lost_after_ns, bool on)
{
    signal(SIGALRM, on_overdue);
    alarm(on ? START_PATIENCE * (unsigned)(lost_after_ns / NS_PER_SEC) : 0);
}

/* ---- Sharing ---- */

/* Of each table: what it is and how long. */
static int tables_pack(struct buf *b, const struct inputs *inputs)
{
    size_t count = inputs ? inputs_count(inputs) : 0, len;
    enum table_kind kind;
    const char *path, *bytes;
    int rc = pack_put_uint(b, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        if (pack_put_uint(b, kind) < 0 || pack_put_str(b, path) < 0 ||
            pack_put_uint(b, len) < 0)
            rc = -1;
    }
    return rc;
}

/* Room for the tables that are described. NULL with err. */
static struct inputs *tables_unpack(struct unpack *u, struct err *err)
{
    struct inputs *inputs = inputs_create_told(err);
    char path[PATH_MAX];
    uint64_t count = unpack_uint(u);
    for (uint64_t i = 0; inputs && i < count && !u->bad; i++) {
        uint64_t kind = unpack_uint(u);
        unpack_str(u, path, sizeof(path));
        uint64_t len = unpack_uint(u);
        if (u->bad || kind > TABLE_PATHS || len > TABLE_MAX_BYTES) {
            u->bad = true;
        } else if (!inputs_add(inputs, (enum table_kind)kind, path, len, err)) {
            inputs_destroy(inputs);
            inputs = NULL;
        }
    }
    return inputs;
}

/* The bytes of the tables, one behind the other. */
static int tables_broadcast(struct world *w, const struct inputs *inputs,
                            struct err *err)
{
    size_t count = inputs ? inputs_count(inputs) : 0, len;
    enum table_kind kind;
    const char *path, *bytes;
    for (size_t i = 0; i < count; i++) {
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        if (world_broadcast_bytes(w, (char *)bytes, len, err) < 0)
            return err_context(err, "%s", path);
    }
    return 0;
}

/* The spec as rank 0 has it; inputs are taken. */
static int spec_build(const char *text, size_t len, struct inputs *inputs,
                      const char *path, struct jobspec **spec, struct err *err)
{
    struct spec_errors errors = {0};
    struct spec_files files = {.get = inputs_get, .arg = inputs};
    char *stem = specfile_stem(path);
    *spec = spec_parse(text, len, stem ? stem : "", &files, &errors);
    mem_free(stem);
    if (*spec) {
        (*spec)->inputs = inputs;
        (*spec)->inputs_destroy = inputs_destroy;
    } else {
        err_set(err, EPROTO,
                "rank 0 understands the spec, this one does not: %s",
                errors.count ? errors.list[0].text : "");
        inputs_destroy(inputs);
    }
    spec_errors_fini(&errors);
    return *spec ? 0 : -1;
}

static int start_pack(const struct start *st, const struct buf *text,
                      const struct jobspec *spec, struct buf *b,
                      struct err *err)
{
    struct buf added;
    bool goes_on = st->exit_code < 0;
    if (pack_put_int(b, st->exit_code) < 0 || pack_put_u32(b, st->epoch) < 0 ||
        pack_put_str(b, st->key) < 0 || pack_put_str(b, st->run_dir) < 0 ||
        pack_put_str(b, st->work_dir) < 0 ||
        pack_put_bytes(b, buf_text(text), text->len) < 0 ||
        tables_pack(b, goes_on ? spec->inputs : NULL) < 0)
        return err_sys(err, errno, "cannot share the spec");
    buf_init(&added, SPEC_MAX_BYTES);
    int rc = goes_on ? spec_pack_run(spec, st->run_dir, &added, err) : 0;
    if (rc == 0 && pack_put_bytes(b, buf_text(&added), added.len) < 0)
        rc = err_sys(err, errno, "cannot share the added tasks");
    buf_fini(&added);
    return rc;
}

/* What rank 0 has packed, on another rank. */
static int start_unpack(struct world *w, const struct buf *b,
                        const char *spec_path, struct start *st,
                        struct jobspec **spec, struct err *err)
{
    struct unpack u, more;
    size_t len, more_len;
    unpack_init(&u, buf_text(b), b->len);
    st->exit_code = (int32_t)unpack_int(&u);
    st->epoch = unpack_u32(&u);
    unpack_str(&u, st->key, sizeof(st->key));
    unpack_str(&u, st->run_dir, sizeof(st->run_dir));
    unpack_str(&u, st->work_dir, sizeof(st->work_dir));
    const char *text = unpack_bytes(&u, SPEC_MAX_BYTES, &len);
    struct inputs *inputs = tables_unpack(&u, err);
    if (!inputs)
        return -1;
    const char *added = unpack_bytes(&u, SPEC_MAX_BYTES, &more_len);
    int rc = unpack_done(&u) ? 0
                             : err_set(err, EPROTO,
                                       "the ranks run different versions of "
                                       "mpibatch");
    if (rc == 0)
        rc = tables_broadcast(w, inputs, err);
    if (rc == 0 && st->exit_code < 0) {
        if (spec_build(text, len, inputs, spec_path, spec, err) < 0)
            return -1;
        unpack_init(&more, added, more_len);
        return spec_unpack_run(*spec, &more, err);
    }
    inputs_destroy(inputs);
    return rc;
}

int start_share(struct world *w, struct start *st, const struct buf *text,
                const char *spec_path, struct jobspec **spec, struct err *err)
{
    struct buf b;
    int rc = -1;
    bool root = world_rank(w) == 0;
    buf_init(&b, START_MAX_BYTES);
    if ((!root || start_pack(st, text, *spec, &b, err) == 0) &&
        world_broadcast(w, &b, err) == 0) {
        if (!root)
            rc = start_unpack(w, &b, spec_path, st, spec, err);
        else if (st->exit_code < 0)
            rc = tables_broadcast(w, (*spec)->inputs, err);
        else
            rc = 0;
    }
    buf_fini(&b);
    return rc;
}

/* ---- Exchanging ---- */

/* Tell all ranks mine, and look at what each tells, in order. */
static int exchange(struct world *w, const struct buf *mine,
                    int (*look)(void *arg, uint32_t rank, struct unpack *u,
                                struct err *err),
                    void *arg, struct err *err)
{
    struct buf all;
    size_t *offsets = NULL;
    buf_init(&all, GATHER_MAX_BYTES);
    int rc = world_gather_all(w, mine, &all, &offsets, err);
    for (uint32_t r = 0; rc == 0 && r < world_size(w); r++) {
        struct unpack u;
        unpack_init(&u, all.data + offsets[r], offsets[r + 1] - offsets[r]);
        rc = look(arg, r, &u, err);
    }
    mem_free(offsets);
    buf_fini(&all);
    return rc;
}

static int look_at_rank(void *arg, uint32_t rank, struct unpack *u,
                        struct err *err)
{
    struct start_ranks *r = arg;
    const struct node_info *me = &r->ranks[rank];
    uint32_t q = 0; /* the first rank of the same node */
    if (record_get_node(u, &r->ranks[rank], err) < 0)
        return -1;
    while (q < rank && (r->ranks[q].boot_id != me->boot_id ||
                        strcmp(r->ranks[q].hostname, me->hostname) != 0))
        q++;
    r->nodes[rank] = q < rank ? r->nodes[q] : r->node_count++;
    return 0;
}

int start_gather(struct world *w, struct topo *topo, struct start_ranks *r,
                 struct err *err)
{
    uint32_t size = world_size(w);
    struct node_info *me = mem_calloc(1, sizeof(*me));
    struct buf mine;
    int rc = -1;
    buf_init(&mine, RECORD_MAX_BYTES);
    r->ranks = mem_calloc(size, sizeof(r->ranks[0]));
    r->nodes = mem_calloc(size, sizeof(r->nodes[0]));
    if (!me || !r->ranks || !r->nodes)
        err_set(err, ENOMEM, "no memory to describe %" PRIu32 " ranks", size);
    else if (topo_describe(topo, me, err) < 0)
        rc = -1;
    else if (record_put_node(&mine, me) < 0)
        err_sys(err, errno, "cannot describe this rank");
    else
        rc = exchange(w, &mine, look_at_rank, r, err);
    mem_free(me);
    buf_fini(&mine);
    return rc;
}

void start_ranks_fini(struct start_ranks *r)
{
    mem_free(r->ranks);
    mem_free(r->nodes);
    mem_free(r->pools);
    mem_free(r->divided);
    *r = (struct start_ranks){0};
}

/* ---- Pools ---- */

/* What divide.h wants to know of each node. NULL with err. */
static struct divide_node *nodes_make(const struct start_ranks *r,
                                      uint32_t rank_count, struct err *err)
{
    struct divide_node *nodes = mem_calloc(r->node_count, sizeof(*nodes));
    if (!nodes) {
        err_set(err, ENOMEM, "no memory for %" PRIu32 " nodes", r->node_count);
        return NULL;
    }
    for (uint32_t i = rank_count; i-- > 0;)
        nodes[r->nodes[i]].info = &r->ranks[i];
    for (uint32_t i = 0; r->pools && i < r->node_count; i++)
        nodes[i].pool = r->pools[i];
    return nodes;
}

/* Nodes that nobody wanted: people may not know. */
static void idle_tell(const struct divide_node *nodes, uint32_t count)
{
    uint32_t idle = 0, first = 0;
    for (uint32_t i = count; i-- > 0;)
        if (nodes[i].pool == POOL_NONE) {
            first = i;
            idle++;
        }
    if (idle > 0)
        log_info("%" PRIu32 " of %" PRIu32 " nodes belong to no pool and run "
                 "nothing: %s%s",
                 idle, count, nodes[first].info->hostname,
                 idle > 1 ? ", ..." : "");
}

int start_pools(struct world *w, const struct jobspec *spec,
                struct start_ranks *r, struct err *err)
{
    struct divide_node *nodes = nodes_make(r, world_size(w), err);
    uint32_t *pools = mem_calloc(r->node_count, sizeof(*pools));
    int rc = -1;
    if (nodes && !pools)
        err_set(err, ENOMEM, "no memory for %" PRIu32 " nodes", r->node_count);
    else if (nodes)
        rc = divide_nodes(spec, nodes, r->node_count, err);
    for (uint32_t i = 0; rc == 0 && i < r->node_count; i++)
        pools[i] = nodes[i].pool;
    for (uint32_t i = 0; rc == 0 && i < world_size(w); i++)
        r->ranks[i].pool = pools[r->nodes[i]];
    if (rc == 0 && world_rank(w) == 0)
        idle_tell(nodes, r->node_count);
    if (rc == 0)
        r->pools = pools;
    else
        mem_free(pools);
    mem_free(nodes);
    return rc;
}

/* The pool of a rank. */
static uint32_t pool_of(const struct start_ranks *r, uint32_t rank)
{
    return r->pools[r->nodes[rank]];
}

const struct pool *start_pool(const struct jobspec *spec,
                              const struct start_ranks *r, uint32_t rank)
{
    uint32_t pool = pool_of(r, rank);
    return &spec->pools[pool == POOL_NONE ? 0 : pool];
}

/* ---- Slots ---- */

/* Raise the limit of open files as far as it goes (tasks get the old one) and
 * see that it is enough: a running task has a pidfd and two pipes here. */
static int files_check(uint32_t slots, struct err *err)
{
    rlim_t need = (rlim_t)slots * 5 + 64;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return err_sys(err, errno, "cannot ask for the limit of open files");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* what counts is the limit now */
    if (limit.rlim_max < need)
        return err_set(err, EINVAL,
                       "%" PRIu32 " slots need %llu open files, but ulimit -n "
                       "allows %llu",
                       slots, (unsigned long long)need,
                       (unsigned long long)limit.rlim_max);
    return 0;
}

/* The ranks of this node that run tasks, and this one's place among them
 * (UINT32_MAX: it runs none). */
int start_divide(struct world *w, struct topo *topo, const struct jobspec *spec,
                 const struct start_ranks *ranks, bool dedicated,
                 uint32_t max_slots, struct slots *slots, struct err *err)
{
    uint32_t size = world_size(w), me = world_rank(w);
    uint32_t local = UINT32_MAX, count = 0;
    const char **cpus = mem_calloc(size, sizeof(*cpus));
    if (!cpus)
        return err_set(err, ENOMEM, "no memory to divide the node");
    for (uint32_t r = 0; r < size; r++) {
        if (ranks->nodes[r] != ranks->nodes[me] || (r == 0 && dedicated))
            continue;
        if (r == me)
            local = count;
        cpus[count++] = ranks->ranks[r].cpus;
    }
    int rc = 0;
    if (local != UINT32_MAX && pool_of(ranks, me) != POOL_NONE)
        rc = topo_divide(topo, &spec->pools[pool_of(ranks, me)], cpus, local,
                         count, jobspec_pool_slots(spec, pool_of(ranks, me)),
                         slots, err);
    mem_free(cpus);
    if (rc == 0)
        rc = files_check(slots->count, err);
    if (rc == 0 && slots->count > max_slots)
        rc = err_set(err, ERANGE,
                     "a rank can have %" PRIu32 " slots, not %" PRIu32,
                     max_slots, slots->count);
    return rc;
}

struct slots_seen {
    struct divide_node *nodes;
    const uint32_t *rank_nodes;
    uint32_t most, without;
};

static int look_at_slots(void *arg, uint32_t rank, struct unpack *u,
                         struct err *err)
{
    struct slots_seen *seen = arg;
    struct divide_node *node = &seen->nodes[seen->rank_nodes[rank]];
    uint32_t slots = unpack_u32(u);
    (void)err;
    seen->most = slots > seen->most ? slots : seen->most;
    node->slots = slots > node->slots ? slots : node->slots;
    seen->without += slots == 0 && node->pool != POOL_NONE;
    return 0;
}

/* A job manager that waits for its tasks would wait for ever if it has the only
 * node for itself. */
static void managers_tell(const struct jobspec *spec,
                          const struct divide_node *nodes, uint32_t count)
{
    for (uint32_t j = 0; j < spec->job_count; j++) {
        const struct job *job = &spec->jobs[j];
        uint32_t able = 0;
        if (!job->manager || !job->manager->run_exclusive ||
            jobspec_is_copy(spec, j))
            continue;
        for (uint32_t i = 0; i < count; i++)
            able += nodes[i].pool == job->pool && nodes[i].slots > 0;
        if (able == 1)
            log_warning("job %s: its job manager task has the only node of the "
                        "pool for itself, and other tasks wait for its end "
                        "(run_exclusive: false lets them run beside it)",
                        job->id);
    }
}

int start_check(struct world *w, const struct jobspec *spec, uint32_t slots,
                struct start_ranks *r, struct err *err)
{
    struct slots_seen seen = {.nodes = nodes_make(r, world_size(w), err),
                              .rank_nodes = r->nodes};
    struct buf mine;
    if (!seen.nodes)
        return -1;
    buf_init(&mine, 16);
    int rc = pack_put_u32(&mine, slots);
    if (rc < 0)
        err_set(err, ENOMEM, "no memory for the slots");
    else
        rc = exchange(w, &mine, look_at_slots, &seen, err);
    buf_fini(&mine);
    r->spare_count = seen.without;
    if (rc == 0 && seen.most == 0)
        rc = err_set(err, EINVAL,
                     "no rank has a slot: start more ranks, or let rank 0 run "
                     "tasks");
    if (rc == 0)
        rc = divide_check(spec, seen.nodes, r->node_count, err);
    if (rc == 0 && world_rank(w) == 0)
        managers_tell(spec, seen.nodes, r->node_count);
    mem_free(r->divided);
    r->divided = seen.nodes;
    return rc;
}

/* ---- Scratch ---- */

/* The lowest rank of this rank's node. */
static uint32_t leader_of(const struct start_ranks *r, uint32_t rank)
{
    uint32_t leader = 0;
    while (r->nodes[leader] != r->nodes[rank])
        leader++;
    return leader;
}

bool start_leads(const struct start_ranks *r, uint32_t rank)
{
    return leader_of(r, rank) == rank;
}

static struct scratch *scratch_make(const struct pool *pool,
                                    const struct start *st, struct err *err)
{
    const char *root = scratch_root(pool->scratch, getenv);
    struct scratch_cleaned cleaned = {0};
    if (scratch_clean_stale(root, clock_wall_ns(), NULL, &cleaned, err) < 0)
        log_warning("%s", err->text);
    if (cleaned.removed > 0)
        log_debug("%s: removed what %" PRIu32 " sessions left behind", root,
                  cleaned.removed);
    return scratch_create(root, st->key, st->run_dir, pool->cache_keep,
                          pool->scratch_reserve_bytes, err);
}

/* What the leader of this rank's node has said; what each has said goes to its
 * rank. */
struct scratch_told {
    struct node_info *ranks;
    uint32_t leader;
    char path[PATH_MAX], cache[PATH_MAX];
    struct err failed; /* of the first that has failed, on any node */
};

static int look_at_scratch(void *arg, uint32_t rank, struct unpack *u,
                           struct err *err)
{
    struct scratch_told *told = arg;
    char path[PATH_MAX], cache[PATH_MAX], text[ERR_TEXT_MAX];
    unpack_str(u, path, sizeof(path));
    unpack_str(u, cache, sizeof(cache));
    int code = (int)unpack_int(u);
    unpack_str(u, text, sizeof(text));
    if (!unpack_done(u))
        return err_set(err, EPROTO, "rank %" PRIu32 " told of no scratch",
                       rank);
    if (strlen(path) <= NODE_MAX_SCRATCH)
        memcpy(told->ranks[rank].scratch, path, strlen(path) + 1);
    if (rank == told->leader) {
        memcpy(told->path, path, sizeof(path));
        memcpy(told->cache, cache, sizeof(cache));
    }
    if (code != 0 && told->failed.code == 0)
        err_set(&told->failed, code, "%s", text);
    return 0;
}

static int scratch_tell(struct world *w, const struct scratch *s,
                        const struct err *why, struct scratch_told *told,
                        struct err *err)
{
    struct buf mine;
    int rc = 0;
    buf_init(&mine, 2 * PATH_MAX + ERR_TEXT_MAX + 64);
    if (pack_put_str(&mine, s ? scratch_path(s) : "") < 0 ||
        pack_put_str(&mine, s ? scratch_cache_path(s) : "") < 0 ||
        pack_put_int(&mine, why->code) < 0 ||
        pack_put_str(&mine, why->text) < 0)
        rc = err_sys(err, errno, "no memory to tell of the scratch");
    if (rc == 0)
        rc = exchange(w, &mine, look_at_scratch, told, err);
    buf_fini(&mine);
    return rc;
}

int start_scratch(struct world *w, const struct jobspec *spec,
                  const struct start *st, struct start_ranks *r,
                  struct scratch **scratch, struct err *err)
{
    uint32_t me = world_rank(w);
    struct scratch_told *told = mem_calloc(1, sizeof(*told));
    struct err why = {0};
    *scratch = NULL;
    if (!told)
        return err_set(err, ENOMEM, "no memory for the scratch");
    told->ranks = r->ranks;
    const struct pool *pool = start_pool(spec, r, me);
    told->leader = leader_of(r, me);
    if (told->leader == me && !(*scratch = scratch_make(pool, st, &why)))
        err_context(&why, "no scratch on %s", r->ranks[me].hostname);
    int rc = scratch_tell(w, *scratch, &why, told, err);
    if (rc == 0 && told->failed.code != 0) {
        *err = told->failed;
        rc = -1;
    }
    for (uint32_t i = 0; rc == 0 && i < world_size(w); i++)
        memmove(r->ranks[i].scratch, r->ranks[leader_of(r, i)].scratch,
                sizeof(r->ranks[i].scratch));
    if (rc == 0 && !*scratch) {
        *scratch = scratch_join(told->path, told->cache,
                                pool->scratch_reserve_bytes, err);
        rc = *scratch ? 0 : -1;
    }
    mem_free(told);
    return rc;
}
