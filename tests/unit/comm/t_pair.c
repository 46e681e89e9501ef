/* The network of ranks in one process: it loses, repeats and delays as it is
 * told, the same each time. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "comm/pair.h"

static struct pair *pair_up(uint32_t size, const struct pair_faults *faults)
{
    struct err err;
    struct pair *p = pair_create(size, faults, &err);
    assert_non_null(p);
    return p;
}

static int send(struct pair *p, int64_t now, uint32_t from, uint32_t to,
                const char *text)
{
    struct transport *t = pair_transport(p, from);
    return t->ops->send(t, now, to, text, strlen(text) + 1);
}

/* The next packet for a rank, or "". */
static const char *receive(struct pair *p, int64_t now, uint32_t rank,
                           uint32_t *from)
{
    static char data[PACKET_MAX_BYTES];
    struct transport *t = pair_transport(p, rank);
    size_t len = t->ops->receive(t, now, from, data);
    return len ? data : "";
}

static void test_plain(void **state)
{
    struct pair_faults none = {0};
    uint32_t from = 99;
    (void)state;
    struct pair *p = pair_up(3, &none);
    struct transport *t = pair_transport(p, 2);
    assert_int_equal(t->rank, 2);
    assert_int_equal(t->size, 3);
    assert_true(pair_next_ns(p, 2) == INT64_MAX);
    assert_int_equal(send(p, 5, 0, 2, "a"), 1);
    assert_int_equal(send(p, 5, 1, 2, "b"), 1);
    assert_int_equal(send(p, 5, 2, 2, "c"), 1);
    assert_true(pair_next_ns(p, 2) == 5);
    assert_string_equal(receive(p, 4, 2, &from), "");
    assert_string_equal(receive(p, 5, 2, &from), "a");
    assert_int_equal(from, 0);
    assert_string_equal(receive(p, 5, 2, &from), "b");
    assert_int_equal(from, 1);
    assert_string_equal(receive(p, 5, 2, &from), "c");
    assert_int_equal(from, 2);
    assert_string_equal(receive(p, 5, 2, &from), "");
    assert_true(t->ops->flushed(t));
    t->ops->forget(t, 0);
    pair_destroy(p);
}

static void test_pending(void **state)
{
    struct pair_faults none = {0};
    uint32_t from;
    (void)state;
    struct pair *p = pair_up(3, &none);
    for (int i = 0; i < PACKET_MAX_PENDING; i++)
        assert_int_equal(send(p, 1, 0, 1, "x"), 1);
    assert_int_equal(send(p, 1, 0, 1, "x"), 0);
    assert_int_equal(send(p, 1, 0, 2, "x"), 1);
    assert_int_equal(send(p, 1, 2, 1, "x"), 1);
    receive(p, 1, 1, &from);
    assert_int_equal(send(p, 1, 0, 1, "x"), 1);
    assert_int_equal(send(p, 1, 0, 1, "x"), 0);
    pair_destroy(p);
}

/* How many of 1200 packets come, and when; the same with the same seed. */
static unsigned count(struct pair_faults faults, int64_t *last_ns,
                      unsigned *swapped)
{
    struct pair *p = pair_up(2, &faults);
    unsigned got = 0;
    char highest = 0;
    *swapped = 0;
    *last_ns = 0;
    for (int i = 0; i < 400; i++) {
        int64_t now = i * INT64_C(1000000), next;
        uint32_t from;
        highest = 0;
        for (char c = 'a'; c < 'd'; c++)
            assert_int_equal(send(p, now, 0, 1, (char[]){c, 0}), 1);
        while ((next = pair_next_ns(p, 1)) != INT64_MAX) {
            char c = *receive(p, next, 1, &from);
            *swapped += c < highest;
            highest = c > highest ? c : highest;
            *last_ns = next - now > *last_ns ? next - now : *last_ns;
            got++;
        }
    }
    pair_destroy(p);
    return got;
}

static void test_faults(void **state)
{
    int64_t last, again;
    unsigned swapped, same;
    (void)state;
    struct pair_faults f = {.seed = 1};
    assert_int_equal(count(f, &last, &swapped), 1200);
    assert_int_equal(swapped, 0);
    assert_int_equal(last, 0);
    f.drop_permille = 300;
    assert_in_range(count(f, &last, &swapped), 740, 940);
    f.drop_permille = 1000;
    assert_int_equal(count(f, &last, &swapped), 0);
    f = (struct pair_faults){.repeat_permille = 500, .seed = 2};
    assert_in_range(count(f, &last, &swapped), 1700, 1900);
    f = (struct pair_faults){.delay_min_ns = 100, .delay_max_ns = 900};
    assert_int_equal(count(f, &last, &swapped), 1200);
    assert_in_range(swapped, 100, 900);
    assert_in_range(last, 880, 900);
    assert_int_equal(count(f, &again, &same), 1200);
    assert_int_equal(same, swapped);
    assert_int_equal(again, last);
    f = (struct pair_faults){.delay_min_ns = 100, .delay_max_ns = 0};
    count(f, &last, &swapped);
    assert_int_equal(last, 100);
    assert_int_equal(swapped, 0);
}

static void test_cut(void **state)
{
    struct pair_faults none = {0};
    uint32_t from;
    (void)state;
    struct pair *p = pair_up(3, &none);
    send(p, 1, 0, 1, "on its way");
    pair_cut(p, 1, true);
    assert_int_equal(send(p, 1, 0, 1, "to"), 1);
    assert_int_equal(send(p, 1, 1, 2, "from"), 1);
    assert_int_equal(send(p, 1, 1, 1, "itself"), 1);
    assert_int_equal(send(p, 1, 0, 2, "others"), 1);
    assert_string_equal(receive(p, 1, 1, &from), "itself");
    assert_string_equal(receive(p, 1, 1, &from), "");
    assert_string_equal(receive(p, 1, 2, &from), "others");
    assert_string_equal(receive(p, 1, 2, &from), "");
    pair_cut(p, 1, false);
    send(p, 1, 0, 1, "again");
    assert_string_equal(receive(p, 1, 1, &from), "again");
    pair_destroy(p);
}

static void test_no_memory(void **state)
{
    struct pair_faults none = {0};
    struct err err = {0};
    uint32_t from;
    (void)state;
    mem_fail_at(1);
    assert_null(pair_create(2, &none, &err));
    assert_int_equal(err.code, ENOMEM);
    struct pair *p = pair_up(2, &none);
    unsigned long k = 0;
    do /* not taken, to be sent again */
        mem_fail_at(++k);
    while (send(p, 1, 0, 1, "x") == 0);
    mem_fail_at(0);
    assert_int_equal(k, 4);
    assert_string_equal(receive(p, 1, 1, &from), "x");
    assert_string_equal(receive(p, 1, 1, &from), "");
    for (int i = 0; i < PACKET_MAX_PENDING; i++)
        assert_int_equal(send(p, 1, 0, 1, "x"), 1);
    pair_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),     cmocka_unit_test(test_pending),
        cmocka_unit_test(test_faults),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
