/* Tests of what the text of an answer says. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/stage_answer.h"

static void there_and_back(void **state)
{
    const struct stage_answer a = {.state = ASK_STATE_RUNNING,
                                   .attempt = UINT32_MAX,
                                   .type = FILE_OTHER,
                                   .mode = 07777,
                                   .modified_ns = INT64_MAX,
                                   .more = true,
                                   .text = "no such file: 7 8"};
    struct stage_answer b;
    char text[STAGE_MAX_TEXT + 1], reason[2 * STAGE_MAX_TEXT];
    struct err err;
    (void)state;
    assert_int_equal(stage_answer_parse(stage_answer_put(&a, text), &b, &err),
                     0);
    assert_int_equal(b.state, a.state);
    assert_int_equal(b.attempt, a.attempt);
    assert_int_equal(b.type, a.type);
    assert_int_equal(b.mode, a.mode);
    assert_true(b.modified_ns == a.modified_ns && b.more);
    assert_string_equal(b.text, a.text);
    /* nothing but zeros; and a reason that is too long */
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    const struct stage_answer c = {.modified_ns = -5}, d = {.text = reason};
    assert_int_equal(stage_answer_parse(stage_answer_put(&c, text), &b, &err),
                     0);
    assert_true(b.modified_ns == 0 && b.text[0] == '\0');
    assert_int_equal(stage_answer_parse(stage_answer_put(&d, text), &b, &err),
                     0);
    assert_int_equal(strlen(text), STAGE_MAX_TEXT);
}

static void malformed(void **state)
{
    static const char *const bad[] = {"",
                                      "3",
                                      "3 1 0 420 5",
                                      "9 1 0 420 5 0 ",
                                      "3 1 4 420 5 0 ",
                                      "3 1 0 99999 5 0 ",
                                      "3 1 0 420 -5 0 ",
                                      "3 1 0 420 5 2 ",
                                      "3 1 0 420 5 0",
                                      " 3 1 0 420 5 0 ",
                                      "3 4294967296 0 420 5 0 "};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct stage_answer a = {.attempt = 77};
        struct err err;
        if (stage_answer_parse(bad[i], &a, &err) == 0)
            fail_msg("%s", bad[i]);
        assert_int_equal(err.code, EPROTO);
        assert_int_equal(a.attempt, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(malformed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
