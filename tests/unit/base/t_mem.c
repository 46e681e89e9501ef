/* mem and arena: sizes, overflows, failures on demand. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void allocates(void **state)
{
    (void)state;
    char *p = mem_alloc(0);
    assert_non_null(p);
    mem_free(p);
    assert_non_null(p = mem_calloc(0, 8));
    mem_free(p);
    assert_non_null(p = mem_calloc(100, 3));
    for (int i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    memset(p, 'x', 300);
    assert_non_null(p = mem_resize(p, 1000, 2));
    assert_memory_equal(p, "xxx", 3);
    assert_int_equal(p[299], 'x');
    assert_non_null(p = mem_resize(p, 0, 2));
    mem_free(p);
    assert_non_null(p = mem_resize(NULL, 3, 1));
    mem_free(p);
    assert_non_null(p = mem_strdup(""));
    assert_string_equal(p, "");
    mem_free(p);
    assert_non_null(p = mem_strndup("abcdef", 3));
    assert_string_equal(p, "abc");
    mem_free(p);
}

static void refuses_overflow(void **state)
{
    (void)state;
    char *p = mem_strdup("kept");
    assert_non_null(p);
    errno = 0;
    assert_null(mem_calloc(SIZE_MAX / 2 + 1, 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(mem_resize(p, SIZE_MAX / 2 + 1, 2));
    assert_int_equal(errno, ENOMEM);
    assert_string_equal(p, "kept");
    mem_free(p);
}

static void fails_on_demand(void **state)
{
    (void)state;
    void *p[4];
    mem_fail_at(3);
    assert_non_null(p[0] = mem_alloc(1));
    assert_non_null(p[1] = mem_calloc(1, 1));
    errno = 0;
    assert_null(mem_strdup("x"));
    assert_int_equal(errno, ENOMEM);
    assert_non_null(p[2] = mem_strdup("x")); /* once only */
    assert_non_null(p[3] = mem_resize(NULL, 1, 1));
    assert_int_equal(mem_fail_at(1), 5);
    assert_null(mem_resize(p[0], 2, 1));
    assert_int_equal(mem_fail_at(0), 1);
    for (int i = 0; i < 4; i++)
        mem_free(p[i]);
}

static void free_keeps_errno(void **state)
{
    (void)state;
    errno = 42;
    mem_free(NULL);
    mem_free(mem_alloc(1 << 20));
    assert_int_equal(errno, 42);
}

static void arena_gives_zeroed_aligned_memory(void **state)
{
    static const size_t sizes[] = {0,    1,    15,   16,      17,     100,
                                   4095, 4096, 4097, 1 << 20, 3 << 20};
    enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
    (void)state;
    struct arena *a = arena_create(SIZE_MAX);
    assert_non_null(a);
    char *all[3 * COUNT];
    for (size_t i = 0; i < 3 * COUNT; i++) {
        size_t size = sizes[i % COUNT];
        assert_non_null(all[i] = arena_calloc(a, size, 1));
        assert_int_equal((uintptr_t)all[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(all[i][k], 0);
        memset(all[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < 3 * COUNT; i++) /* and they do not overlap */
        for (size_t k = 0; k < sizes[i % COUNT]; k++)
            assert_int_equal(all[i][k], i + 1);
    assert_string_equal(arena_strdup(a, "word"), "word");
    assert_string_equal(arena_strndup(a, "word", 2), "wo");
    assert_string_equal(arena_strndup(a, "word", 0), "");
    arena_destroy(a);
    arena_destroy(NULL);
}

static void arena_keeps_its_maximum(void **state)
{
    (void)state;
    struct arena *a = arena_create(100);
    assert_non_null(a);
    assert_int_equal(arena_used_bytes(a), 0);
    errno = 0;
    assert_null(arena_calloc(a, 101, 1));
    assert_int_equal(errno, ENOMEM);
    assert_non_null(arena_calloc(a, 60, 1));
    assert_true(arena_used_bytes(a) >= 60);
    assert_null(arena_calloc(a, 41, 1));
    assert_non_null(arena_calloc(a, 36, 1));
    assert_int_equal(arena_used_bytes(a), 100);
    assert_null(arena_calloc(a, 1, 1));
    assert_non_null(arena_calloc(a, 0, 1));
    arena_destroy(a);

    /* no size is too large to be refused */
    a = arena_create(SIZE_MAX);
    assert_non_null(a);
    for (size_t less = 0; less < 64; less++) {
        errno = 0;
        assert_null(arena_calloc(a, SIZE_MAX - less, 1));
        assert_int_equal(errno, ENOMEM);
        assert_null(arena_calloc(a, PTRDIFF_MAX - less, 1));
    }
    assert_null(arena_calloc(a, SIZE_MAX / 2 + 1, 2));
    assert_non_null(arena_calloc(a, 1, 1));
    arena_destroy(a);
}

static void arena_survives_no_memory(void **state)
{
    (void)state;
    mem_fail_at(1);
    assert_null(arena_create(1000));
    struct arena *a = arena_create(1 << 20);
    assert_non_null(a);
    mem_fail_at(1);
    assert_null(arena_strdup(a, "x"));
    assert_int_equal(arena_used_bytes(a), 0);
    char *kept = arena_strdup(a, "kept");
    assert_non_null(kept);
    mem_fail_at(1);
    assert_null(arena_calloc(a, 10000, 1));
    mem_fail_at(0);
    assert_non_null(arena_calloc(a, 10000, 1));
    assert_string_equal(kept, "kept");
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates),
        cmocka_unit_test(refuses_overflow),
        cmocka_unit_test(fails_on_demand),
        cmocka_unit_test(free_keeps_errno),
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_keeps_its_maximum),
        cmocka_unit_test(arena_survives_no_memory),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
