/* What the tests of stage/ share: a folder of their own, files in it, small
 * file systems that are really mounted. */
#ifndef TESTS_UNIT_STAGE_FOLDER_H
#define TESTS_UNIT_STAGE_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tmpdir.h"
#include "base/err.h"

/* A cmocka setup and teardown: *state is a new folder's path. */
static inline int folder_setup(void **state)
{
    *state = tmpdir_make("mpibatch-stage");
    return *state ? 0 : -1;
}

static inline int folder_teardown(void **state)
{
    tmpdir_remove(*state);
    return 0;
}

/* Printf-formatted paths; eight of them live at a time. */
__attribute__((format(printf, 1, 2))) static inline const char *path_of(
    const char *fmt, ...)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, PATH_MAX, fmt, ap);
    va_end(ap);
    return path;
}

static inline void put_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* What a file has, at most 64 KiB; never freed but by the next call. */
static inline const char *file_text(const char *path)
{
    static char text[1 << 16];
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    close(fd);
    return text;
}

static inline bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static inline int open_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* The exit status of a shell's line. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *fmt,
                                                              ...)
{
    char line[3 * PATH_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    int rc = system(line);
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

/* From now on what this process mounts is its own and ends with it. False:
 * it may not mount. */
static inline bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* In a child process, where cmocka's asserts do not work. */
#define MUST(what)                                                             \
    do {                                                                       \
        if (!(what)) {                                                         \
            print_message("# line %d: not %s\n", __LINE__, #what);             \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

/* A child that must end well. */
static inline void child_ended(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Say why a part of a test is left out (cmocka's skip() counts as a failure).
 */
#define LEFT_OUT(why) print_message("# left out: %s\n", why)

#endif
