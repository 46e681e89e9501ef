/* Heap memory: see mem.h. The countdown is the only state, each thread has its
 * own, and only tests set it. */
#include "config.h"
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned long fail_countdown;
static _Thread_local unsigned long made_count;

unsigned long mem_fail_at(unsigned long countdown)
{
    unsigned long made = made_count;
    made_count = 0;
    fail_countdown = countdown;
    return made;
}

/* Does the test want this allocation to fail? */
static int refused(void)
{
    made_count++;
    if (fail_countdown == 0 || --fail_countdown > 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *mem_alloc(size_t size)
{
    return refused() ? NULL : malloc(size ? size : 1);
}

void *mem_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes == 0)
        count = size = 1;
    return refused() ? NULL : calloc(count, size);
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return refused() ? NULL : realloc(p, bytes ? bytes : 1);
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (copy) {
        memcpy(copy, s, len);
        copy[len] = '\0';
    }
    return copy;
}

void mem_free(void *p)
{
    int saved = errno;
    free(p);
    errno = saved;
}
