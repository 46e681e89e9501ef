/* What staging came to, in words. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view/staged.h"

static const struct {
    struct stage_counts counts;
    const char *text;
} table[] = {
    {{0}, ""},
    {{.cache_misses = 4}, ""},
    {{.shared_opens = 9,
      .shared_placed = 40000,
      .shared_bytes_read = UINT64_C(1) << 30,
      .mpi_bytes = UINT64_C(2) << 30,
      .links = 40000},
     "  shared-storage opens: 9 instead of 40,000, 1.0 GiB read\n"
     "  staging: 2.0 GiB over MPI, 40,000 links\n"},
    {{.shared_opens = 1, .shared_placed = 1, .copies = 1, .copied_bytes = 100},
     "  shared-storage opens: 1\n"
     "  staging: 1 copy of 100 B\n"},
    {{.uploads = 1, .shared_bytes_written = 2048},
     "  shared storage: 1 file (2.0 KiB) uploaded\n"},
    {{.shared_placed = 3,
      .uploads = 12,
      .cache_hits = 3,
      .reflinks = 2,
      .links = 1,
      .copies = 2,
      .evictions = 1,
      .http_requests = 1,
      .unpacked = 2,
      .returned_files = 1234,
      .returned_bytes = 1 << 20},
     "  shared-storage opens: 0 instead of 3, 12 files (0 B) uploaded\n"
     "  staging: 1 HTTP request, 3 cache hits, 1 file evicted, 3 links, "
     "2 copies of 0 B, 2 packages unpacked, 1,234 files (1.0 MiB) returned\n"},
};

static void says_what_there_is(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        buf_reset(&b);
        assert_int_equal(staged_describe(&table[i].counts, "  ", &b), 0);
        assert_string_equal(buf_text(&b), table[i].text);
    }
    buf_fini(&b);
    buf_init(&b, 70);
    assert_int_equal(staged_describe(&table[2].counts, "  ", &b), -1);
    assert_int_equal(errno, EMSGSIZE);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_there_is)};
    return cmocka_run_group_tests_name("staged", tests, NULL, NULL);
}
