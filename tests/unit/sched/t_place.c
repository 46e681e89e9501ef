/* Loads and places: the window's arithmetic, and the least loaded worker
 * beside a plain search. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "sched/place.h"

#define PREFETCH (50 * NS_PER_MS)

/* How many tasks beyond its slots a worker with full slots may be given. */
static void window_follows_task_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t worker_slots, slots;
        int64_t task_ns;
        uint32_t room;
    } cases[] = {
        {4, 1, PREFETCH, 4},               /* or not known: one a slot */
        {4, 1, NS_PER_MS, 200},            /* 50 ms in each slot */
        {4, 1, 10 * NS_PER_MS, 20},        /* the same */
        {4, 1, NS_PER_US, LOAD_MAX_AHEAD}, /* the most */
        {1, 1, NS_PER_SEC, 1},             /* at least one */
        {4, 1, NS_PER_SEC, 1},
        {64, 1, NS_PER_SEC, 3},
        {64, 1, 60 * NS_PER_SEC, 1},
        {4, 4, 60 * NS_PER_SEC, 1},
        {4, 4, NS_PER_MS, 50},
        {8, 2, 5 * NS_PER_MS, 40},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t slots = cases[i].slots;
        int64_t ns = cases[i].task_ns;
        struct load l = {.slots = cases[i].worker_slots};
        load_add(&l, 1, l.slots / slots, slots, ns, PREFETCH);
        assert_int_equal(load_free(&l), 0);
        uint32_t room = load_room(&l, slots, ns, PREFETCH);
        assert_int_equal(room, cases[i].room);
        load_add(&l, 1, room, slots, ns, PREFETCH);
        assert_int_equal(load_waiting(&l), room);
        assert_int_equal(load_room(&l, slots, ns, PREFETCH), 0);
        /* it is filled up again when half is gone */
        load_add(&l, -1, room / 2 + 1, slots, ns, PREFETCH);
        assert_true(load_room(&l, slots, ns, PREFETCH) > room / 2);
        load_add(&l, -1, l.tasks, slots, ns, PREFETCH);
        assert_int_equal(l.used, 0);
        assert_int_equal(l.ahead_ns, 0);
        assert_int_equal(l.work_ns, 0);
    }
}

static void long_tasks_do_not_hide_a_worker(void **state)
{
    (void)state;
    /* one slot of 64 runs for an hour: the others get their window */
    struct load l = {.slots = 64};
    load_add(&l, 1, 1, 1, LOAD_MAX_NS, PREFETCH);
    load_add(&l, 1, 63, 1, NS_PER_MS, PREFETCH);
    assert_true(load_room(&l, 1, NS_PER_MS, PREFETCH) > 3000);
}

static void waiting_is_said_in_time(void **state)
{
    (void)state;
    struct load l = {.slots = 4};
    assert_int_equal(load_wait_ns(&l), 0);
    load_add(&l, 1, 4, 1, NS_PER_SEC, PREFETCH);
    assert_int_equal(load_waiting(&l), 0);
    assert_int_equal(load_wait_ns(&l), 0);
    load_add(&l, 1, 1, 1, NS_PER_SEC, PREFETCH);
    assert_int_equal(load_waiting(&l), 1);
    assert_int_equal(load_wait_ns(&l), NS_PER_SEC / 4);
    struct load wide = {.slots = 4};
    load_add(&wide, 1, 2, 3, NS_PER_SEC, PREFETCH);
    assert_int_equal(load_waiting(&wide), 1);
}

static void tempo_is_a_moving_average(void **state)
{
    (void)state;
    struct tempo t = {0};
    assert_int_equal(tempo_task_ns(&t, PREFETCH), PREFETCH);
    tempo_note(&t, -5);
    assert_int_equal(tempo_task_ns(&t, PREFETCH), PREFETCH);
    tempo_note(&t, 8000);
    assert_int_equal(tempo_task_ns(&t, PREFETCH), 8000);
    tempo_note(&t, 16000);
    assert_int_equal(tempo_task_ns(&t, PREFETCH), 9000);
    tempo_note(&t, 0); /* 1 us at least */
    assert_int_equal(tempo_task_ns(&t, PREFETCH), 8000);
    t = (struct tempo){0};
    tempo_note(&t, INT64_MAX);
    assert_int_equal(tempo_task_ns(&t, PREFETCH), LOAD_MAX_NS);
}

enum { SEATS = 60 };

static const struct seat *plain_free(const struct seat *seats, const bool *in,
                                     uint32_t slots)
{
    const struct seat *best = NULL;
    for (int i = 0; i < SEATS; i++)
        if (in[i] && load_free(&seats[i].load) >= slots &&
            (!best || load_compare_used(&seats[i].load, &best->load) < 0))
            best = &seats[i];
    return best;
}

static const struct seat *plain_least(const struct seat *seats, const bool *in,
                                      uint32_t slots)
{
    const struct seat *best = NULL;
    for (int i = 0; i < SEATS; i++)
        if (in[i] && seats[i].load.slots >= slots &&
            (!best || load_compare_ahead(&seats[i].load, &best->load) < 0))
            best = &seats[i];
    return best;
}

static void like_a_plain_search(void **state)
{
    (void)state;
    struct seat seats[SEATS];
    bool in[SEATS] = {0};
    struct place p = {0};
    srand(11);
    for (uint32_t i = 0; i < SEATS; i++)
        seats[i] = (struct seat){.id = i, .load = {.slots = 1u << (i % 4)}};
    for (int round = 0; round < 20000; round++) {
        struct seat *s = &seats[rand() % SEATS];
        uint32_t slots = 1u << (rand() % 4), total = 0;
        if (!in[s->id]) {
            assert_int_equal(place_add(&p, s), 0);
            in[s->id] = true;
        } else if (s->load.tasks == 0 && rand() % 20 == 0) {
            place_remove(&p, s);
            in[s->id] = false;
        } else if (s->load.tasks > 0 && rand() % 2) {
            place_load(&p, s, -1, 1, 1, NS_PER_MS, PREFETCH);
        } else {
            place_load(&p, s, 1, 1, 1, NS_PER_MS, PREFETCH);
        }
        const struct seat *a = place_free(&p, slots);
        const struct seat *b = plain_free(seats, in, slots);
        assert_int_equal(a == NULL, b == NULL);
        assert_true(!a || load_compare_used(&a->load, &b->load) == 0);
        a = place_least(&p, slots);
        b = plain_least(seats, in, slots);
        assert_int_equal(a == NULL, b == NULL);
        assert_true(!a || load_compare_ahead(&a->load, &b->load) == 0);
        uint32_t most = 0, widest = 0;
        uint64_t busy = 0, waiting = 0;
        for (int i = 0; i < SEATS; i++) {
            const struct load *l = &seats[i].load;
            if (!in[i])
                continue;
            total += l->slots;
            busy += l->slots - load_free(l);
            waiting += l->used > l->slots ? l->used - l->slots : 0;
            if (load_free(l) > most)
                most = load_free(l);
            if (l->slots > widest)
                widest = l->slots;
        }
        assert_int_equal(p.slots, total);
        assert_int_equal(p.busy, busy);
        assert_int_equal(p.waiting, waiting);
        assert_int_equal(place_most_free(&p), most);
        assert_int_equal(place_most_slots(&p), widest);
    }
    place_fini(&p);
}

static void without_memory(void **state)
{
    (void)state;
    for (unsigned long k = 1; k <= 3; k++) {
        struct place p = {0};
        struct seat s = {.load = {.slots = 2}};
        mem_fail_at(k);
        assert_int_equal(place_add(&p, &s), -1);
        mem_fail_at(0);
        assert_null(place_free(&p, 1));
        assert_int_equal(p.slots, 0);
        assert_int_equal(place_add(&p, &s), 0);
        assert_ptr_equal(place_free(&p, 2), &s);
        assert_ptr_equal(place_least(&p, 2), &s);
        assert_null(place_free(&p, 3));
        place_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_follows_task_time),
        cmocka_unit_test(long_tasks_do_not_hide_a_worker),
        cmocka_unit_test(waiting_is_said_in_time),
        cmocka_unit_test(tempo_is_a_moving_average),
        cmocka_unit_test(like_a_plain_search),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
