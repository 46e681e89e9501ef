/* log: what arrives on stderr, in one write, made safe. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

/* stderr while a test looks at it: a datagram a write. */
static int saved_stderr, packets[2];

static int capture_start(void **state)
{
    (void)state;
    saved_stderr = dup(STDERR_FILENO);
    if (pipe2(packets, O_DIRECT | O_NONBLOCK) < 0)
        return -1;
    fcntl(packets[1], F_SETPIPE_SZ, 1 << 20);
    return dup2(packets[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int capture_end(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(packets[0]);
    close(packets[1]);
    return 0;
}

/* What the next write to stderr wrote, or "". */
static const char *captured(void)
{
    static char text[65536];
    ssize_t n = read(packets[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void shows_levels(void **state)
{
    (void)state;
    log_init("name", LOG_INFO);
    log_error("e %d", 1);
    assert_string_equal(captured(), "name: error: e 1\n");
    log_warning("w");
    assert_string_equal(captured(), "name: warning: w\n");
    log_info("i");
    assert_string_equal(captured(), "name: i\n");
    log_debug("d");
    assert_string_equal(captured(), "");
    log_init("other", LOG_DEBUG);
    log_debug("d");
    assert_string_equal(captured(), "other: debug: d\n");
    log_init("other", LOG_ERROR);
    log_warning("w");
    assert_string_equal(captured(), "");
    log_error("%s", "");
    assert_string_equal(captured(), "other: error: \n");
    char prefix[200];
    memset(prefix, 'p', sizeof(prefix));
    prefix[199] = '\0';
    log_init(prefix, LOG_INFO);
    log_info("x");
    prefix[63] = '\0';
    const char *got = captured();
    assert_memory_equal(got, prefix, 63);
    assert_string_equal(got + 63, ": x\n");
}

static void makes_text_safe(void **state)
{
    (void)state;
    log_init("n", LOG_INFO);
    log_info("a\x1b[31m\r\tb\nc \xff \xc3\xa9");
    assert_string_equal(captured(),
                        "n: a\\x1b[31m\\x0d\tb\nc \\xff \xc3\xa9\n");
}

static void cuts_what_is_too_long(void **state)
{
    static char text[20000];
    (void)state;
    log_init("n", LOG_INFO);
    memset(text, '\x01', sizeof(text) - 1); /* each byte becomes four */
    log_info("%s", text);
    size_t n = 0, ends = 0; /* a pipe splits packets over 4 KiB */
    for (const char *got = captured(); *got; got = captured()) {
        n += strlen(got);
        ends = strcmp(got + strlen(got) - 4, "...\n") == 0;
    }
    assert_int_equal(n, 3 + 4 * (8192 - 4) + 4);
    assert_true(ends);
}

static void works_without_memory(void **state)
{
    (void)state;
    log_init("n", LOG_INFO);
    mem_fail_at(1);
    errno = 42;
    log_error("no memory for %s", "it");
    assert_int_equal(errno, 42);
    assert_int_equal(mem_fail_at(0), 0);
    assert_string_equal(captured(), "n: error: no memory for it\n");
}

static void clear_line(void *arg)
{
    (*(int *)arg)++;
    assert_int_equal(write(STDERR_FILENO, "clear", 5), 5);
}

static void calls_before(void **state)
{
    int calls = 0;
    (void)state;
    log_init("n", LOG_INFO);
    log_set_before(clear_line, &calls);
    log_info("x");
    log_debug("x");
    log_set_before(NULL, NULL);
    log_info("y");
    assert_int_equal(calls, 1);
    assert_string_equal(captured(), "clear");
    assert_string_equal(captured(), "n: x\n");
    assert_string_equal(captured(), "n: y\n");
}

static void bears_a_closed_stderr(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    log_error("nobody hears it");
    assert_true(dup2(packets[1], STDERR_FILENO) >= 0);
    assert_string_equal(captured(), "");
}

#define CAPTURED(test)                                                         \
    cmocka_unit_test_setup_teardown(test, capture_start, capture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(shows_levels),          CAPTURED(makes_text_safe),
        CAPTURED(cuts_what_is_too_long), CAPTURED(works_without_memory),
        CAPTURED(calls_before),          CAPTURED(bears_a_closed_stderr),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
