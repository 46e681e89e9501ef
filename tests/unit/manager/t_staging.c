/* Staging as a whole, in one process: the director at rank 0, a stager a rank,
 * transfers between them over a network with faults, a cache a node. Ranks
 * die, disks fill up, files change. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../prng.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "comm/pair.h"
#include "manager/directing.h"
#include "model/template.h"
#include "stage/listing.h"
#include "worker/stager.h"

enum { MAX_RANKS = 12 };
#define LONG_NS (600 * NS_PER_SEC)

struct rank {
    uint32_t node;
    struct comm *comm;
    struct io *io;
    struct transfers *transfers;
    struct cache *cache;
    struct stager *stager;
    struct stage_counts counts;
    char applications[256];
};

static struct {
    char dir[64]; /* all files of a test */
    struct pair *pair;
    uint32_t size, a_node;
    bool keep; /* the caches */
    int64_t now_ns;
    struct rank ranks[MAX_RANKS];
    uint32_t nodes[MAX_RANKS];
    struct directing *directing;
    struct jobspec spec;
    struct pool pool;
    struct application_package packages[3];
    struct stage_counts told[MAX_RANKS];
} net;

/* ---- The ranks ---- */

static void told(void *arg, uint32_t rank, const struct stage_counts *counts)
{
    (void)arg;
    net.told[rank] = *counts;
}

static const char *node_dir(uint32_t node, const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/node%u", net.dir, node);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/node%u/%s", net.dir, node, name);
    mkdir(path, 0700);
    return path;
}

static void rank_up(uint32_t i, uint64_t cache_bytes)
{
    struct err err;
    struct rank *r = &net.ranks[i];
    struct cache_config cache = {.max_bytes = cache_bytes, .keep = net.keep};
    memset(r, 0, sizeof(*r));
    r->node = i / net.a_node;
    r->comm =
        comm_create(pair_transport(net.pair, i), 7, STAGE_MSG_MAX_BYTES, &err);
    r->io = io_create(3, &err);
    assert_non_null(r->comm);
    assert_non_null(r->io);
    comm_set_bulk(r->comm);
    r->transfers = transfers_create(r->comm, r->io, &err);
    r->cache = cache_open(node_dir(r->node, "cache"), &cache, &err);
    if (!r->cache)
        fail_msg("%s", err.text);
    snprintf(r->applications, sizeof(r->applications), "%s",
             node_dir(r->node, "applications"));
    struct stager_config config = {.bulk = r->comm,
                                   .transfers = r->transfers,
                                   .io = r->io,
                                   .cache = r->cache,
                                   .spec = &net.spec,
                                   .work_dir = net.dir,
                                   .applications = r->applications,
                                   .counts = &r->counts};
    r->stager = stager_create(&config, &err);
    assert_non_null(r->stager);
}

static void up(uint32_t ranks, uint32_t a_node,
               const struct pair_faults *faults, uint64_t cache_bytes)
{
    static const struct pair_faults none;
    struct err err;
    if (!net.dir[0]) {
        strcpy(net.dir, "/tmp/t_staging.XXXXXX");
        assert_non_null(mkdtemp(net.dir));
    }
    net.size = ranks;
    net.a_node = a_node;
    net.now_ns = 1;
    memset(net.told, 0, sizeof(net.told));
    net.pair = pair_create(ranks, faults ? faults : &none, &err);
    for (uint32_t i = 0; i < ranks; i++) {
        rank_up(i, cache_bytes);
        net.nodes[i] = i / a_node;
    }
    struct directing_config config = {.bulk = net.ranks[0].comm,
                                      .director = {.rank_count = ranks,
                                                   .rank_nodes = net.nodes,
                                                   .max_streams = 2},
                                      .counts = told};
    net.directing = directing_create(&config, &err);
    assert_non_null(net.directing);
}

static void kill_rank(uint32_t i)
{
    struct rank *r = &net.ranks[i];
    stager_stop(r->stager);
    transfers_destroy(r->transfers);
    io_destroy(r->io);
    stager_destroy(r->stager);
    cache_close(r->cache);
    comm_destroy(r->comm);
    r->comm = NULL;
    pair_cut(net.pair, i, true);
}

/* Others hear of it. */
static void lose_rank(uint32_t i)
{
    kill_rank(i);
    comm_forget(net.ranks[0].comm, i);
    transfers_lost(net.ranks[0].transfers, i);
    directing_lost(net.directing, i);
}

static void down(void)
{
    char line[128];
    for (uint32_t i = 0; i < net.size; i++)
        if (net.ranks[i].comm)
            kill_rank(i);
    directing_destroy(net.directing);
    pair_destroy(net.pair);
    snprintf(line, sizeof(line), "rm -rf '%s'", net.dir);
    assert_int_equal(system(line), 0);
    net.dir[0] = '\0';
}

static bool turns(void)
{
    bool moved = false;
    for (uint32_t i = 0; i < net.size; i++) {
        struct rank *r = &net.ranks[i];
        if (!r->comm)
            continue;
        moved |= comm_turn(r->comm, net.now_ns);
        moved |= io_turn(r->io);
        moved |= stager_turn(r->stager, net.now_ns);
        moved |= transfers_turn(r->transfers, net.now_ns);
    }
    return moved;
}

static bool wait_for_threads(void)
{
    struct pollfd fds[MAX_RANKS];
    nfds_t n = 0;
    for (uint32_t i = 0; i < net.size; i++)
        if (net.ranks[i].comm && io_pending(net.ranks[i].io) > 0)
            fds[n++] =
                (struct pollfd){.fd = io_fd(net.ranks[i].io), .events = POLLIN};
    if (n == 0)
        return false;
    poll(fds, n, 1); /* a thread that reads tells how far it is */
    return true;
}

static void step(void)
{
    int64_t next = net.now_ns + 100 * NS_PER_MS;
    if (turns() || wait_for_threads()) {
        net.now_ns += NS_PER_US;
        return;
    }
    for (uint32_t i = 0; i < net.size; i++) {
        if (!net.ranks[i].comm)
            continue;
        int64_t comes = pair_next_ns(net.pair, i);
        int64_t due = comm_deadline_ns(net.ranks[i].comm);
        next = comes < next ? comes : next;
        next = due < next ? due : next;
    }
    net.now_ns = next > net.now_ns ? next : net.now_ns + NS_PER_US;
}

/* ---- Wants ---- */

struct want {
    uint32_t rank;
    bool done;
    struct stager_result r;
};

static void on_done(void *arg, const struct stager_result *r)
{
    struct want *w = arg;
    assert_false(w->done);
    w->done = true;
    w->r = *r;
}

static void want(struct want *w, uint32_t rank, enum object_kind kind,
                 const char *key, const char *checksum)
{
    struct err err;
    w->rank = rank;
    w->done = false;
    assert_int_equal(stager_want(net.ranks[rank].stager, kind, key, checksum,
                                 on_done, w, &err),
                     0);
}

static bool settled(const struct want *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!w[i].done && net.ranks[w[i].rank].comm)
            return false;
    return true;
}

static void settle(const struct want *w, uint32_t count)
{
    for (int64_t end = net.now_ns + LONG_NS; !settled(w, count);) {
        if (net.now_ns > end)
            fail_msg("wants are not answered");
        step();
    }
}

static struct stage_counts sum(void)
{
    struct stage_counts c = {0};
    for (uint32_t i = 0; i < net.size; i++)
        stage_counts_add(&c, &net.ranks[i].counts);
    return c;
}

static struct director_stats stats(void)
{
    struct director_stats s;
    director_stats(directing_director(net.directing), &s);
    return s;
}

/* ---- Files ---- */

static char *file_make(const char *name, size_t bytes, uint64_t seed)
{
    static char path[256];
    struct prng rng = {seed * 2 + 1};
    char *data = mem_alloc(bytes + 8);
    snprintf(path, sizeof(path), "%s/%s", net.dir, name);
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t v = prng_next(&rng);
        memcpy(data + i, &v, sizeof(v));
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), (ssize_t)bytes);
    close(fd);
    mem_free(data);
    return path;
}

static void same_files(const char *a, const char *b)
{
    static char line[16 * PATH_MAX];
    snprintf(line, sizeof(line), "cmp '%s' '%s'", a, b);
    assert_int_equal(system(line), 0);
}

static void all_have(const struct want *w, uint32_t count, const char *path)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!net.ranks[w[i].rank].comm)
            continue;
        if (!w[i].r.ok)
            fail_msg("rank %u: %s", w[i].rank, w[i].r.text);
        same_files(w[i].r.path, path);
    }
}

/* ---- Tests ---- */

static void one_read_for_all(void **state)
{
    (void)state;
    struct want w[12];
    up(12, 3, NULL, 0);
    char *path = file_make("in", 3000001, 1);
    for (uint32_t i = 0; i < 12; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 12);
    all_have(w, 12, path);
    struct stage_counts c = sum();
    assert_int_equal(c.shared_opens, 1);
    assert_int_equal(c.shared_bytes_read, 3000001);
    assert_int_equal(c.mpi_bytes, 3 * 3000001);
    assert_int_equal(stats().origin_fetches, 1);
    assert_int_equal(stats().pulls, 3);
    assert_int_equal(stats().streams, 0);
    assert_int_equal(stats().fetching, 0);
    /* Again: from memory, at once. */
    for (uint32_t i = 0; i < 12; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    assert_true(settled(w, 12));
    all_have(w, 12, path);
    down();
}

static void empty_and_large(void **state)
{
    (void)state;
    struct want w[12];
    up(6, 1, NULL, 0);
    char *path = file_make("empty", 0, 1);
    for (uint32_t i = 0; i < 6; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 6);
    all_have(w, 6, path);
    path = file_make("large", 16 << 20, 2);
    for (uint32_t i = 0; i < 6; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 6);
    all_have(w, 6, path);
    assert_int_equal(sum().shared_opens, 2);
    down();
}

static void over_a_bad_network(void **state)
{
    (void)state;
    enum { FILES = 20, RANKS = 5 };
    static struct want w[FILES * RANKS];
    struct pair_faults faults = {.drop_permille = 50,
                                 .repeat_permille = 30,
                                 .delay_min_ns = 1000,
                                 .delay_max_ns = 5 * NS_PER_MS,
                                 .seed = 3};
    char *paths[FILES], name[16];
    up(RANKS, 1, &faults, 0);
    for (uint32_t f = 0; f < FILES; f++) {
        snprintf(name, sizeof(name), "in%u", f);
        paths[f] = mem_strdup(file_make(name, 1000 + f * 20011, f + 1));
        for (uint32_t i = 0; i < RANKS; i++)
            want(&w[f * RANKS + i], (i + f) % RANKS, OBJECT_FILE, paths[f],
                 NULL);
    }
    settle(w, FILES * RANKS);
    for (uint32_t f = 0; f < FILES; f++) {
        all_have(&w[f * RANKS], RANKS, paths[f]);
        mem_free(paths[f]);
    }
    assert_int_equal(sum().shared_opens, FILES);
    down();
}

static void missing_files(void **state)
{
    (void)state;
    struct want w[6];
    up(6, 2, NULL, 0);
    char path[256];
    snprintf(path, sizeof(path), "%s/nothing", net.dir);
    for (uint32_t i = 0; i < 6; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_false(w[i].r.ok);
        assert_int_equal(w[i].r.failure, FAILURE_BLOB_NOT_FOUND);
        assert_non_null(strstr(w[i].r.text, "nothing"));
    }
    assert_int_equal(stats().fetching, 0);
    /* It is looked for again when it is wanted again. */
    file_make("nothing", 100, 1);
    want(&w[0], 3, OBJECT_FILE, path, NULL);
    settle(w, 1);
    all_have(w, 1, path);
    down();
}

static void checksums(void **state)
{
    (void)state;
    struct want w[3];
    up(2, 1, NULL, 0);
    char *path = file_make("in", 0, 1);
    want(&w[0], 0, OBJECT_FILE, path,
         "sha256:"
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    want(&w[1], 1, OBJECT_FILE, path,
         "sha256:"
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856");
    want(&w[2], 1, OBJECT_FILE, path, NULL);
    settle(w, 3);
    assert_true(w[0].r.ok);
    assert_false(w[1].r.ok);
    assert_int_equal(w[1].r.failure, FAILURE_BLOB_DOWNLOAD_MISC);
    assert_true(w[2].r.ok);
    assert_int_equal(sum().shared_opens, 1);
    down();
}

static void listings(void **state)
{
    (void)state;
    struct want w[3];
    struct listed f;
    struct err err;
    char dir[256], key[300], text[256];
    size_t at = 0;
    up(3, 1, NULL, 0);
    snprintf(dir, sizeof(dir), "%s/c", net.dir);
    mkdir(dir, 0700);
    file_make("c/b", 17, 1);
    file_make("c/a", 0, 1);
    snprintf(key, sizeof(key), "%s\n", dir);
    for (uint32_t i = 0; i < 3; i++)
        want(&w[i], i, OBJECT_LIST, key, NULL);
    settle(w, 3);
    all_have(w, 3, w[0].r.path);
    int fd = open(w[2].r.path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    assert_int_equal(listing_next(text, (size_t)n, &at, &f, &err), 1);
    assert_string_equal(f.name, "a");
    assert_int_equal(listing_next(text, (size_t)n, &at, &f, &err), 1);
    assert_string_equal(f.name, "b");
    assert_int_equal(f.bytes, 17);
    assert_int_equal(stats().origin_fetches, 1);
    down();
}

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    (void)arg, (void)offset, (void)data, (void)len;
}

static void on_ended(void *arg, enum transfer_end end, uint64_t total,
                     enum failure failure, const char *text)
{
    (void)failure, (void)text;
    assert_int_equal(end, TRANSFER_WHOLE);
    *(uint64_t *)arg = total;
}

/* What is open to be served is closed behind the last pull, also when that is
 * called off before the file is open. */
static void nobody_pulls(void **state)
{
    (void)state;
    const uint64_t object = UINT64_C(1) << 32; /* the director's first */
    uint64_t total = 0;
    const struct transfer_sink sink = {on_piece, on_ended, &total};
    struct transfers *t;
    struct want w;
    struct err err;
    up(2, 1, NULL, 0);
    t = net.ranks[0].transfers;
    want(&w, 0, OBJECT_FILE, file_make("in", 100, 1), NULL);
    settle(&w, 1);
    for (int called_off = 0; called_off < 2; called_off++) {
        struct pull *p =
            transfers_pull(net.ranks[1].transfers, 0, object, 0, &sink, &err);
        assert_non_null(p);
        if (called_off)
            transfers_cancel(p);
        for (int64_t end = net.now_ns + NS_PER_SEC; net.now_ns < end;)
            step();
        assert_int_equal(total, 100);
        assert_false(transfers_serves(t, object));
    }
    down();
}

/* Whoever dies, and whenever: the others have the file in the end. */
static void deaths(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct prng rng = {seed * 2 + 1};
        struct want w[9];
        struct pair_faults faults = {.delay_min_ns = 1000,
                                     .delay_max_ns = 200 * NS_PER_US,
                                     .seed = seed};
        up(9, 1 + (uint32_t)(seed % 2), &faults, 0);
        char *path = file_make("in", 4 << 20, seed);
        for (uint32_t i = 0; i < 9; i++)
            want(&w[i], i, OBJECT_FILE, path, NULL);
        for (int deaths = 0; deaths < 3; deaths++) {
            for (uint32_t i = prng_below(&rng, 400); i > 0; i--)
                step();
            uint32_t victim = 1 + prng_below(&rng, 8);
            if (net.ranks[victim].comm)
                lose_rank(victim);
        }
        settle(w, 9);
        all_have(w, 9, path);
        assert_int_equal(stats().fetching, 0);
        assert_int_equal(stats().streams, 0);
        down();
    }
}

/* The rank that reads dies in the middle; its children go on. */
static void death_of_the_reader(void **state)
{
    (void)state;
    struct want w[4];
    up(5, 1, NULL, 0);
    char *path = file_make("in", 48 << 20, 5);
    want(&w[0], 4, OBJECT_FILE, path, NULL);
    while (net.ranks[4].counts.cache_misses == 0 || stats().origin_fetches == 0)
        step();
    for (uint32_t i = 1; i < 4; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    while (sum().mpi_bytes < 1 << 20)
        step();
    lose_rank(4);
    settle(w + 1, 3);
    all_have(w + 1, 3, path);
    assert_true(stats().origin_fetches <= 2);
    down();
}

static void small_caches(void **state)
{
    (void)state;
    enum { FILES = 6, RANKS = 3 };
    struct want w[RANKS];
    char name[16];
    up(RANKS, 1, NULL, 4 << 20);
    for (uint32_t f = 0; f <= FILES; f++) { /* the first one twice */
        snprintf(name, sizeof(name), "in%u", f % FILES);
        char *path = file_make(name, 1 << 20, f % FILES + 1);
        for (uint32_t i = 0; i < RANKS; i++)
            want(&w[i], i, OBJECT_FILE, path, NULL);
        settle(w, RANKS);
        for (uint32_t i = 0; i < RANKS; i++)
            assert_true(w[i].r.ok);
        net.now_ns += 60 * NS_PER_SEC; /* paths are looked at again */
    }
    for (uint32_t i = 0; i < 20; i++)
        net.now_ns += 100 * NS_PER_MS, step();
    assert_true(sum().evictions > 0);
    assert_true(net.told[2].evictions > 0);
    down();
}

/* A path that is gone is wanted again. */
static void gone_from_the_cache(void **state)
{
    (void)state;
    struct want w[4];
    up(4, 2, NULL, 0);
    char *path = file_make("in", 100000, 1);
    for (uint32_t i = 0; i < 4; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 4);
    assert_int_equal(unlink(w[0].r.path), 0);
    stager_missing(net.ranks[0].stager, OBJECT_FILE, path);
    net.now_ns += 60 * NS_PER_SEC;
    want(&w[0], 0, OBJECT_FILE, path, NULL);
    want(&w[1], 1, OBJECT_FILE, path, NULL);
    settle(w, 2);
    all_have(w, 4, path);
    assert_int_equal(sum().shared_opens, 1); /* the other node has had it */
    down();
}

/* What a session has left in a cache is not read again by the next. */
static void next_session(void **state)
{
    (void)state;
    struct want w[2];
    net.keep = true;
    up(2, 1, NULL, 0);
    char *path = file_make("in", 100000, 1);
    for (uint32_t i = 0; i < 2; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 2);
    for (uint32_t i = 0; i < 2; i++)
        kill_rank(i);
    directing_destroy(net.directing);
    pair_destroy(net.pair);
    up(2, 1, NULL, 0);
    for (uint32_t i = 0; i < 2; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 2);
    all_have(w, 2, path);
    assert_int_equal(sum().shared_bytes_read, 0);
    net.keep = false;
    down();
}

static void full_disk(void **state)
{
    (void)state;
    struct want w[3];
    char mount_at[256], line[300];
    strcpy(net.dir, "/tmp/t_staging.XXXXXX");
    assert_non_null(mkdtemp(net.dir));
    snprintf(mount_at, sizeof(mount_at), "%s", node_dir(1, "cache"));
    if (mount("tmpfs", mount_at, "tmpfs", 0, "size=2m") < 0) {
        rmdir(mount_at);
        snprintf(line, sizeof(line), "rm -rf '%s'", net.dir);
        assert_int_equal(system(line), 0);
        net.dir[0] = '\0';
        print_message("# no right to mount: left out\n");
        return;
    }
    up(3, 1, NULL, 1 << 30);
    char *path = mem_strdup(file_make("in", 8 << 20, 1));
    for (uint32_t i = 0; i < 3; i++)
        want(&w[i], i, OBJECT_FILE, path, NULL);
    settle(w, 3);
    assert_true(w[0].r.ok && w[2].r.ok);
    assert_false(w[1].r.ok);
    assert_int_equal(w[1].r.failure, FAILURE_DISK_FULL);
    /* What was begun is gone, so that others fit. */
    char *small = file_make("small", 1 << 20, 1);
    want(&w[1], 1, OBJECT_FILE, small, NULL);
    settle(w, 3);
    all_have(w + 1, 1, small);
    assert_int_equal(sum().shared_opens, 2);
    mem_free(path);
    kill_rank(1);
    assert_int_equal(umount(mount_at), 0);
    down();
}

static void on_grant(void *arg)
{
    ++*(uint32_t *)arg;
}

static void streams(void **state)
{
    (void)state;
    uint64_t ids[3][4];
    uint32_t granted[3] = {0};
    struct err err;
    up(3, 1, NULL, 0);
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < 4; k++) {
            ids[i][k] =
                stager_stream(net.ranks[i].stager, on_grant, &granted[i], &err);
            assert_int_not_equal(ids[i][k], 0);
        }
    for (uint32_t i = 0; i < 300; i++)
        step();
    assert_int_equal(granted[0] + granted[1] + granted[2], 2);
    lose_rank(2); /* it gives back what it has */
    for (uint32_t k = 0; k < 4; k++) {
        stager_stream_done(net.ranks[0].stager, ids[0][k]);
        for (uint32_t i = 0; i < 300; i++)
            step();
    }
    for (uint32_t k = 0; k < 4; k++) {
        stager_stream_done(net.ranks[1].stager, ids[1][k]);
        for (uint32_t i = 0; i < 300; i++)
            step();
    }
    assert_true(granted[0] >= 1 && granted[0] <= 4);
    assert_true(granted[0] + granted[1] >= 5);
    assert_int_equal(stats().streams, 0);
    assert_int_equal(stats().streams_waiting, 0);
    down();
}

static void packages(void **state)
{
    (void)state;
    struct want w[6];
    struct err err;
    char line[512];
    strcpy(net.dir, "/tmp/t_staging.XXXXXX");
    assert_non_null(mkdtemp(net.dir));
    snprintf(line, sizeof(line),
             "cd %s && mkdir -p src/bin && echo hello > src/bin/tool && "
             "tar -C src -czf tool.tgz bin && echo nonsense > bad.zip",
             net.dir);
    assert_int_equal(system(line), 0);
    struct arena *arena = arena_create(1 << 20);
    static const char *const sources[] = {"tool.tgz", "bad.zip", "src"};
    for (uint32_t k = 0; k < 3; k++) {
        size_t at;
        const struct template *t =
            template_compile(arena, sources[k], NULL, NULL, 0, &at, &err);
        assert_non_null(t);
        net.packages[k] =
            (struct application_package){.id = k == 2 ? "folder" : "tool",
                                         .version = k == 0 ? "1.0" : "",
                                         .path = t};
    }
    net.spec.pools = &net.pool;
    net.spec.pool_count = 1;
    net.pool.packages = net.packages;
    net.pool.package_count = 3;
    up(6, 2, NULL, 0);
    for (uint32_t i = 0; i < 6; i++)
        want(&w[i], i, OBJECT_PACKAGE, "0", NULL);
    settle(w, 6);
    for (uint32_t i = 0; i < 6; i++) {
        char file[PATH_MAX + 16];
        assert_true(w[i].r.ok);
        snprintf(file, sizeof(file), "%s/bin/tool", w[i].r.path);
        assert_int_equal(access(file, F_OK), 0);
        assert_non_null(strstr(w[i].r.path, "applications/tool/1.0"));
    }
    assert_int_equal(sum().unpacked, 3);
    assert_int_equal(sum().shared_opens, 1);
    for (uint32_t i = 0; i < 6; i++)
        want(&w[i], i, OBJECT_PACKAGE, "2", NULL);
    settle(w, 6);
    for (uint32_t i = 0; i < 6; i++)
        if (!w[i].r.ok)
            fail_msg("%s", w[i].r.text);
    for (uint32_t i = 0; i < 6; i++)
        want(&w[i], i, OBJECT_PACKAGE, "1", NULL);
    settle(w, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_false(w[i].r.ok);
        assert_int_equal(w[i].r.failure, FAILURE_APPLICATION_PACKAGE_ERROR);
        assert_non_null(strstr(w[i].r.text, "package tool"));
    }
    down();
    net.pool.package_count = 0;
    arena_destroy(arena);
}

static void counts_are_told(void **state)
{
    (void)state;
    struct want w[2];
    up(2, 1, NULL, 0);
    char *path = file_make("in", 5000, 1);
    want(&w[0], 0, OBJECT_FILE, path, NULL);
    want(&w[1], 1, OBJECT_FILE, path, NULL);
    settle(w, 2);
    stager_report(net.ranks[0].stager);
    stager_report(net.ranks[1].stager);
    for (uint32_t i = 0; i < 100; i++)
        step();
    assert_int_equal(
        net.told[0].shared_bytes_read + net.told[1].shared_bytes_read, 5000);
    assert_int_equal(net.told[0].mpi_bytes + net.told[1].mpi_bytes, 5000);
    down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_read_for_all),
        cmocka_unit_test(empty_and_large),
        cmocka_unit_test(over_a_bad_network),
        cmocka_unit_test(missing_files),
        cmocka_unit_test(checksums),
        cmocka_unit_test(listings),
        cmocka_unit_test(nobody_pulls),
        cmocka_unit_test(deaths),
        cmocka_unit_test(death_of_the_reader),
        cmocka_unit_test(small_caches),
        cmocka_unit_test(gone_from_the_cache),
        cmocka_unit_test(next_session),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(streams),
        cmocka_unit_test(packages),
        cmocka_unit_test(counts_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
