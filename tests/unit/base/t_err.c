/* err: codes, texts, context, what is too long. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void sets_code_and_text(void **state)
{
    struct err err = {.code = 99, .text = "old"};
    (void)state;
    assert_int_equal(err_set(&err, EINVAL, "no %s of %d", "use", 7), -1);
    assert_int_equal(err.code, EINVAL);
    assert_string_equal(err.text, "no use of 7");
    assert_int_equal(err_sys(&err, ENOENT, "cannot open %s", "x"), -1);
    assert_int_equal(err.code, ENOENT);
    assert_string_equal(err.text, "cannot open x: No such file or directory");
    assert_int_equal(err_context(&err, "job %d", 3), -1);
    assert_int_equal(err.code, ENOENT);
    assert_string_equal(err.text,
                        "job 3: cannot open x: No such file or directory");
    err_clear(&err);
    assert_int_equal(err.code, 0);
    assert_string_equal(err.text, "");
}

static void accepts_nobody(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, EINVAL, "x"), -1);
    assert_int_equal(err_sys(NULL, EINVAL, "x"), -1);
    assert_int_equal(err_context(NULL, "x"), -1);
}

/* A text of len bytes is whole below ERR_TEXT_MAX and ends in "..." above. */
static void check_cut(const struct err *err, size_t len)
{
    size_t have = strlen(err->text);
    if (len < ERR_TEXT_MAX) {
        assert_int_equal(have, len);
        assert_string_not_equal(err->text + have - 3, "...");
    } else {
        assert_int_equal(have, ERR_TEXT_MAX - 1);
        assert_string_equal(err->text + have - 3, "...");
    }
}

static void marks_what_is_cut(void **state)
{
    char word[2 * ERR_TEXT_MAX];
    size_t sys_len = strlen(strerror(EIO));
    struct err err;
    (void)state;
    memset(word, 'w', sizeof(word));
    for (size_t len = ERR_TEXT_MAX - 60; len < sizeof(word); len++) {
        err_set(&err, EIO, "%.*s", (int)len, word);
        check_cut(&err, len);
    }
    for (size_t len = ERR_TEXT_MAX - 60; len < ERR_TEXT_MAX + 60; len++) {
        err_sys(&err, EIO, "%.*s", (int)len, word);
        check_cut(&err, len + 2 + sys_len);
        err_set(&err, EIO, "inner");
        err_context(&err, "%.*s", (int)len, word);
        check_cut(&err, len + 2 + 5);
        assert_int_equal(err.code, EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_code_and_text),
        cmocka_unit_test(accepts_nobody),
        cmocka_unit_test(marks_what_is_cut),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
