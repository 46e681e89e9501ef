/* Tests of programs and their libraries: lists, damaged files, no memory. What
 * is found is compared with ldd and sha256sum by provenance.sh. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <link.h>

#include "base/arena.h"
#include "base/digest.h"
#include "store/linked.h"
#include "store/programs.h"

static void digests_are_right(void **state)
{
    const char *dir = *state;
    char text[DIGEST_TEXT_BYTES];
    struct err err = {0};
    (void)state;
    digest_bytes("abc", 3, text);
    assert_string_equal(text,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb"
                        "410ff61f20015ad");
    const char *path = path_of("%s/abc", dir);
    file_make(path, "abc", 3);
    int fd = open(path, O_RDONLY);
    char file[DIGEST_TEXT_BYTES];
    assert_int_equal(digest_file(fd, 3, NULL, file, &err), 0);
    assert_string_equal(file, text);
    assert_int_equal(digest_file(fd, 2, NULL, file, &err), -1);
    assert_int_equal(err.code, EFBIG);
    atomic_bool cancel = true;
    assert_int_equal(digest_file(fd, 3, &cancel, file, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    close(fd);
}

static void a_list_tells_what_has_changed(void **state)
{
    struct err err = {0};
    struct programs *p = programs_create();
    struct program_file f = {.kind = PROGRAM_COMMAND,
                             .program = "a",
                             .name = "a",
                             .path = "/a",
                             .sha256 = "1",
                             .note = ""};
    bool changed;
    (void)state;
    assert_int_equal(programs_put(p, &f, &changed, &err), 0);
    assert_false(changed);
    assert_int_equal(programs_put(p, &f, &changed, &err), 0);
    assert_false(changed);
    f.sha256 = ""; /* not known this time: no change */
    assert_int_equal(programs_put(p, &f, &changed, &err), 0);
    assert_false(changed);
    f.sha256 = "2";
    assert_int_equal(programs_put(p, &f, &changed, &err), 0);
    assert_true(changed);
    assert_int_equal(p->count, 1);
    assert_string_equal(p->files[0].sha256, "2");
    f.kind = PROGRAM_LIBRARY; /* another thing */
    assert_int_equal(programs_put(p, &f, &changed, &err), 0);
    assert_false(changed);
    for (int i = 0; i < 2 * PROGRAMS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        f.name = name;
        assert_int_equal(programs_put(p, &f, &changed, &err), 0);
    }
    assert_int_equal(p->count, PROGRAMS_MAX);
    programs_destroy(p);
}

static void static_and_other_files_load_nothing(void **state)
{
    struct err err = {0};
    const struct linked *list;
    uint32_t count = 7;
    struct arena *arena = arena_create(1 << 20);
    const char *path = path_of("%s/text", (char *)*state);
    file_make(path, "#!/bin/sh\n", 10);
    assert_int_equal(linked_list(arena, path, NULL, NULL, &list, &count, &err),
                     0);
    assert_int_equal(count, 0);
    assert_int_equal(
        linked_list(arena, "/nowhere", NULL, NULL, &list, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(linked_list(arena, "/bin/sh", NULL, "/nowhere/x.so", &list,
                                 &count, &err),
                     0);
    assert_in_range(count, 3, 10);
    assert_string_equal(list[1].name, "/nowhere/x.so");
    assert_null(list[1].path);
    arena_destroy(arena);
}

/* Files cut short and with bytes changed in their headers: any answer is
 * right, a crash or a read out of bounds is not. */
static void survives_damaged_files(void **state)
{
    struct err err = {0};
    struct buf good = file_of("/bin/sh");
    const char *path = path_of("%s/damaged", (char *)*state);
    const struct linked *list;
    uint32_t count, x = 1;
    for (int i = 0; i < 400; i++) {
        struct arena *arena = arena_create(1 << 20);
        size_t len = good.len;
        unsigned char *copy = mem_alloc(len);
        memcpy(copy, good.data, len);
        for (int k = 0; k < 4; k++) {
            x = x * 1664525 + 1013904223;
            size_t at = (x >> 8) % (k % 2 ? len : 1024);
            copy[at] = (unsigned char)(x >> 24);
        }
        if (i % 4 == 0)
            len = (x >> 8) % len;
        file_make(path, copy, len);
        (void)linked_list(arena, path, NULL, NULL, &list, &count, &err);
        mem_free(copy);
        arena_destroy(arena);
    }
    buf_fini(&good);
}

static void survives_lack_of_memory(void **state)
{
    struct err err = {0};
    const struct linked *list;
    uint32_t count;
    int rc = -1;
    (void)state;
    for (unsigned long k = 1; rc < 0; k++) {
        struct arena *arena = arena_create(1 << 20);
        mem_fail_at(k);
        rc = linked_list(arena, "/bin/sh", "/a:/b", NULL, &list, &count, &err);
        mem_fail_at(0);
        if (rc < 0)
            assert_int_equal(err.code, ENOMEM);
        else if (k < 5) /* the cache of the linker may be left out */
            rc = -1;
        arena_destroy(arena);
    }
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(digests_are_right),
        TEST(a_list_tells_what_has_changed),
        TEST(static_and_other_files_load_nothing),
        TEST(survives_damaged_files),
        TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
