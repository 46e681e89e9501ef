/* What the tests of spec/ share: cmocka, and parsing that must succeed or
 * fail. */
#ifndef MPIBATCH_TESTS_SPEC_TEST_H
#define MPIBATCH_TESTS_SPEC_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "spec/spec.h"

/* Parse what must be right; the errors are printed if it is not. */
static inline struct jobspec *parse_right(const char *text)
{
    struct spec_errors errors;
    struct jobspec *spec =
        spec_parse(text, strlen(text), "stem", NULL, &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%u:%u: %s\n", errors.list[i].line, errors.list[i].column,
                    errors.list[i].text);
    spec_errors_fini(&errors);
    assert_non_null(spec);
    return spec;
}

/* Parse what must be wrong; the first error into *e. Returns how many. */
static inline size_t parse_wrong(const char *text, size_t len,
                                 struct spec_error *e)
{
    struct spec_errors errors;
    struct jobspec *spec = spec_parse(text, len, "stem", NULL, &errors);
    size_t count = errors.count;
    assert_null(spec);
    assert_true(count > 0);
    *e = errors.list[0];
    spec_errors_fini(&errors);
    return count;
}

#endif
