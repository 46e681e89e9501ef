/* What the tests of store/ share: a scratch folder, job specs by hand. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../tmpdir.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/jobspec.h"

/* A cmocka setup and teardown: *state is a new folder's path. */
static inline int scratch_setup(void **state)
{
    *state = tmpdir_make("mpibatch-store");
    return *state ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
    tmpdir_remove(*state);
    return 0;
}

/* PATH/NAME, printf-formatted; never freed but by the next call. */
__attribute__((format(printf, 1, 2))) static inline const char *path_of(
    const char *fmt, ...)
{
    static char path[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    return path;
}

/* A whole file. */
static inline struct buf file_of(const char *path)
{
    struct buf b;
    struct err err = {0};
    buf_init(&b, 64 << 20);
    assert_int_equal(file_read(path, &b, &err), 0);
    return b;
}

static inline void file_make(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline void *spec_copy(struct jobspec *spec, const void *data,
                              size_t size)
{
    void *p = arena_calloc(spec->arena, 1, size);
    assert_non_null(p);
    memcpy(p, data, size);
    return p;
}

/* Values from their texts, as YAML would see them. */
static inline const struct value *values_make(struct jobspec *spec,
                                              const char *const *texts,
                                              uint32_t count)
{
    struct value *v = arena_calloc(spec->arena, count, sizeof(*v));
    assert_non_null(v);
    for (uint32_t i = 0; i < count; i++)
        value_resolve(&v[i], texts[i]);
    return v;
}

static inline struct jobspec *spec_make(const char *name, uint32_t jobs)
{
    struct arena *arena = arena_create(256 << 20);
    assert_non_null(arena);
    struct jobspec *spec = arena_calloc(arena, 1, sizeof(*spec));
    assert_non_null(spec);
    spec->arena = arena;
    spec->name = name;
    spec->jobs = arena_calloc(arena, jobs, sizeof(spec->jobs[0]));
    spec->job_count = jobs;
    struct job *list = (struct job *)spec->jobs;
    struct task_template *t = arena_calloc(arena, 1, sizeof(*t));
    for (uint32_t i = 0; i < jobs; i++) {
        list[i].id = "job";
        list[i].templates = t;
        taskset_init_listed(&list[i].tasks, 1);
    }
    return spec;
}

/* A job of a spec of spec_make, to be filled in. */
static inline struct job *job_of(struct jobspec *spec, uint32_t i)
{
    return (struct job *)&spec->jobs[i];
}

#endif
