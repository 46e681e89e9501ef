/* heap: random operations against a plain array. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/mem.h"
#include "prng.h"

struct item {
    struct heap_node node; /* first: a node is its item */
    uint32_t key, id;
};

static int by_key(const struct heap_node *a, const struct heap_node *b)
{
    const struct item *x = (const struct item *)a;
    const struct item *y = (const struct item *)b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

enum { ITEMS = 300 };

/* The heap is in order, each node knows its place, and the top is the least. */
static void check(const struct heap *h, const struct item *items)
{
    size_t in = 0;
    const struct item *least = NULL;
    for (size_t i = 0; i < h->count; i++) {
        assert_int_equal(h->nodes[i]->at, i);
        if (i > 0)
            assert_true(by_key(h->nodes[(i - 1) / 2], h->nodes[i]) < 0);
    }
    for (size_t i = 0; i < ITEMS; i++) {
        if (items[i].node.at == HEAP_OUT)
            continue;
        in++;
        if (!least || by_key(&items[i].node, &least->node) < 0)
            least = &items[i];
    }
    assert_int_equal(in, h->count);
    assert_ptr_equal(heap_top(h), least ? &least->node : NULL);
}

static void keeps_the_least_on_top(void **state)
{
    static struct item items[ITEMS];
    struct prng r = {31};
    (void)state;
    for (uint32_t range = 1; range < 100000;
         range *= 10) { /* many ties first */
        struct heap h;
        heap_init(&h, by_key);
        for (uint32_t i = 0; i < ITEMS; i++) {
            items[i] = (struct item){.id = i};
            heap_node_init(&items[i].node);
        }
        for (int step = 0; step < 6000; step++) {
            struct item *item = &items[prng_below(&r, ITEMS)];
            if (item->node.at == HEAP_OUT && prng_below(&r, 4)) {
                item->key = prng_below(&r, range);
                assert_int_equal(heap_add(&h, &item->node), 0);
            } else if (item->node.at != HEAP_OUT && prng_below(&r, 2)) {
                item->key = prng_below(&r, range);
                heap_update(&h, &item->node);
            } else {
                heap_remove(&h, &item->node); /* in the heap or not */
                assert_true(item->node.at == HEAP_OUT);
            }
            if (step % 16 == 0)
                check(&h, items);
        }
        uint32_t last = 0;
        while (h.count > 0) {
            struct item *top = (struct item *)heap_top(&h);
            assert_true(top->key >= last);
            last = top->key;
            heap_remove(&h, &top->node);
            check(&h, items);
        }
        heap_fini(&h);
    }
}

static void fini_does_not_touch_the_elements(void **state)
{
    struct item *items = mem_calloc(40, sizeof(*items)), again = {.key = 1};
    struct heap h;
    (void)state;
    assert_non_null(items);
    heap_init(&h, by_key);
    assert_null(heap_top(&h));
    for (uint32_t i = 0; i < 40; i++) {
        items[i].key = 40 - i;
        heap_node_init(&items[i].node);
        assert_int_equal(heap_add(&h, &items[i].node), 0);
    }
    mem_free(items);
    heap_fini(&h);
    assert_null(heap_top(&h));
    heap_node_init(&again.node);
    assert_int_equal(heap_add(&h, &again.node), 0); /* it can be used on */
    assert_ptr_equal(heap_top(&h), &again.node);
    heap_fini(&h);
}

static void no_memory_changes_nothing(void **state)
{
    struct item items[40];
    struct heap h;
    uint32_t n = 0;
    (void)state;
    heap_init(&h, by_key);
    for (uint32_t i = 0; i < 40; i++) {
        items[i] = (struct item){.key = i, .id = i};
        heap_node_init(&items[i].node);
    }
    mem_fail_at(1);
    assert_int_equal(heap_add(&h, &items[0].node), -1);
    assert_true(items[0].node.at == HEAP_OUT);
    assert_null(heap_top(&h));
    for (mem_fail_at(2); heap_add(&h, &items[n].node) == 0; n++)
        ;
    mem_fail_at(0);
    assert_true(n > 0 && n < 40);
    assert_int_equal(h.count, n);
    assert_true(items[n].node.at == HEAP_OUT);
    assert_ptr_equal(heap_top(&h), &items[0].node);
    heap_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_least_on_top),
        cmocka_unit_test(fini_does_not_touch_the_elements),
        cmocka_unit_test(no_memory_changes_nothing),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
