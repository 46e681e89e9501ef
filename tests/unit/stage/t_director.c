/* The director, case by case: what each input makes it say. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stage/director.h"

enum { RANKS = 16, SAID_MAX = 4000 };

static struct director *d;
static char said[SAID_MAX];

static void up(uint32_t a_node, uint32_t streams)
{
    uint32_t nodes[RANKS];
    struct err err;
    struct director_config c = {
        .rank_count = RANKS, .rank_nodes = nodes, .max_streams = streams};
    for (uint32_t r = 0; r < RANKS; r++)
        nodes[r] = r / a_node;
    d = director_create(&c, &err);
    assert_non_null(d);
}

static void down(void)
{
    director_destroy(d);
    d = NULL;
}

/* All that it says now: "1<-O 3<-1 ..." (3 fetches from 1), "2+7" (2 has what
 * it wanted as 7), "2!7" (it cannot have it), "4*9" (stream 9 is 4's), "5="
 * (5 is to serve). */
static const char *says(void)
{
    struct director_action a;
    size_t at = 0;
    said[0] = '\0';
    while (director_next(d, &a)) {
        char *to = said + at;
        size_t room = sizeof(said) - at;
        const char *gap = at ? " " : "";
        int n = 0;
        if (a.kind == DIRECTOR_FETCH && a.from == DIRECTOR_ORIGIN)
            n = snprintf(to, room, "%s%u<-O", gap, a.rank);
        else if (a.kind == DIRECTOR_FETCH)
            n = snprintf(to, room, "%s%u<-%u", gap, a.rank, a.from);
        else if (a.kind == DIRECTOR_HAVE && a.id == DIRECTOR_NO_WANT)
            n = snprintf(to, room, "%s%u=", gap, a.rank);
        else if (a.kind == DIRECTOR_GRANT)
            n = snprintf(to, room, "%s%u*%u", gap, a.rank, (unsigned)a.id);
        else
            n = snprintf(to, room, "%s%u%c%u", gap, a.rank,
                         a.kind == DIRECTOR_HAVE ? '+' : '!', (unsigned)a.id);
        at += (size_t)n;
    }
    return said;
}

/* Objects are numbered as they are wanted first: 2^32 and the slot. */
static uint64_t object(uint32_t slot)
{
    return (UINT64_C(1) << 32) | slot;
}

static void want(uint32_t rank, uint64_t id, const char *key)
{
    struct err err;
    assert_int_equal(director_want(d, rank, id, OBJECT_FILE, key, &err), 0);
}

static void got(uint32_t rank, uint32_t slot, unsigned char content)
{
    struct object_meta m = {.bytes = 10, .digest = {{content}}};
    director_got(d, rank, object(slot), &m);
}

static void failed(uint32_t rank, uint32_t slot, enum object_blame blame,
                   uint32_t parent)
{
    director_failed(d, rank, object(slot), blame, parent,
                    FAILURE_BLOB_NOT_FOUND, "not there");
}

static void one_node(void **state)
{
    (void)state;
    up(4, 1);
    want(0, 1, "/a");
    want(1, 2, "/a");
    assert_string_equal(says(), "0<-O");
    got(0, 0, 1);
    assert_string_equal(says(), "0+1 1+2");
    want(2, 3, "/a");
    assert_string_equal(says(), "2+3");
    down();
}

static void a_tree(void **state)
{
    (void)state;
    up(1, 1);
    for (uint32_t r = 0; r < 8; r++)
        want(r, r, "/a");
    assert_string_equal(says(), "0<-O 1<-0 2<-0 3<-1 4<-2 5<-1 6<-2 7<-3");
    /* 0 has it all, and no child any more: it is the best again. */
    got(0, 0, 1);
    got(1, 0, 1);
    assert_string_equal(says(), "0+0 1+1");
    want(8, 8, "/a");
    assert_string_equal(says(), "8<-0");
    down();
}

static void heirs(void **state)
{
    (void)state;
    up(1, 1);
    for (uint32_t r = 0; r < 5; r++)
        want(r, r, "/a");
    assert_string_equal(says(), "0<-O 1<-0 2<-0 3<-1 4<-2");
    director_lost(d, 0);
    assert_string_equal(says(), "1<-O 2<-1");
    director_lost(d, 2);
    assert_string_equal(says(), "4<-1");
    got(1, 0, 1);
    got(3, 0, 1);
    got(4, 0, 1);
    assert_string_equal(says(), "1+1 3+3 4+4");
    down();
}

/* Another rank of the node goes on, or serves. */
static void neighbours(void **state)
{
    (void)state;
    up(2, 1);
    want(0, 1, "/a");
    want(1, 2, "/a");
    want(2, 3, "/a");
    assert_string_equal(says(), "0<-O 2<-0");
    director_lost(d, 0);
    assert_string_equal(says(), "2<-O 1<-2");
    got(2, 0, 1);
    got(1, 0, 1);
    assert_string_equal(says(), "2+3 1+2");
    director_lost(d, 2);
    director_lost(d, 1);
    assert_string_equal(says(), "");
    want(4, 5, "/a"); /* 3 has the cache of 2 */
    assert_string_equal(says(), "3= 4<-3");
    director_lost(d, 3);
    assert_string_equal(says(), "4<-O");
    down();
}

static void blames(void **state)
{
    (void)state;
    up(1, 1);
    want(0, 0, "/a");
    want(1, 1, "/a");
    want(2, 2, "/a");
    assert_string_equal(says(), "0<-O 1<-0 2<-0");
    failed(1, 0, OBJECT_BLAME_NODE, 0); /* its disk is full */
    assert_string_equal(says(), "1!1");
    failed(2, 0, OBJECT_BLAME_SOURCE, 0); /* of its parent, that is */
    assert_string_equal(says(), "2<-0");
    failed(2, 0, OBJECT_BLAME_PARENT, 5); /* stale */
    assert_string_equal(says(), "");
    failed(0, 0, OBJECT_BLAME_SOURCE, DIRECTOR_ORIGIN); /* a second opinion */
    assert_string_equal(says(), "0!0 2<-O");
    failed(2, 0, OBJECT_BLAME_SOURCE, DIRECTOR_ORIGIN);
    assert_string_equal(says(), "2!2");
    want(3, 3, "/a"); /* forgotten: begun anew */
    assert_string_equal(says(), "3<-O");
    down();
}

/* Once two have found fault with it, all who wait are told. */
static void all_fail(void **state)
{
    (void)state;
    up(2, 1);
    for (uint32_t r = 0; r < 8; r++)
        want(r, r, "/a");
    says();
    failed(0, 0, OBJECT_BLAME_SOURCE, DIRECTOR_ORIGIN);
    assert_string_equal(says(), "0!0 1!1 2<-O 4<-2");
    failed(2, 0, OBJECT_BLAME_SOURCE, DIRECTOR_ORIGIN);
    assert_string_equal(says(), "2!2 3!3 4!4 5!5 6!6 7!7");
    down();
}

static void content_differs(void **state)
{
    (void)state;
    up(1, 1);
    for (uint32_t r = 0; r < 3; r++)
        want(r, r, "/a");
    says();
    got(1, 0, 1); /* before the reader says what it must be */
    got(2, 0, 2);
    assert_string_equal(says(), "");
    got(0, 0, 1);
    assert_string_equal(says(), "0+0 1+1 2<-0");
    got(2, 0, 3);
    assert_string_equal(says(), "2<-1");
    got(2, 0, 1);
    assert_string_equal(says(), "2+2");
    down();
}

/* The reader is lost, but somebody has all of it from him. */
static void claims(void **state)
{
    (void)state;
    up(1, 1);
    for (uint32_t r = 0; r < 4; r++)
        want(r, r, "/a");
    says();
    got(1, 0, 1);
    director_lost(d, 0);
    assert_string_equal(says(), "1+1 2<-1");
    down();
}

static void evicted(void **state)
{
    (void)state;
    up(1, 1);
    want(0, 0, "/a");
    says();
    got(0, 0, 1);
    want(1, 1, "/a");
    assert_string_equal(says(), "0+0 1<-0");
    director_missing(d, 0, object(0));
    assert_string_equal(says(), "1<-O");
    want(0, 2, "/a");
    assert_string_equal(says(), "0<-1");
    down();
}

static void streams(void **state)
{
    struct err err;
    struct director_stats st;
    (void)state;
    up(1, 2);
    want(0, 0, "/a");
    assert_int_equal(director_stream_ask(d, 1, 7, &err), 0);
    assert_int_equal(director_stream_ask(d, 1, 8, &err), 0);
    want(2, 1, "/b");
    want(3, 2, "/b"); /* waits for 2 to begin */
    assert_string_equal(says(), "0<-O 1*7");
    director_stats(d, &st);
    assert_int_equal(st.streams, 2);
    assert_int_equal(st.streams_waiting, 2);
    director_stream_done(d, 1, 7);
    assert_string_equal(says(), "2<-O 3<-2");
    got(0, 0, 1);
    assert_string_equal(says(), "1*8 0+0");
    director_lost(d, 1);
    director_lost(d, 2);
    assert_string_equal(says(), "3<-O");
    director_stats(d, &st);
    assert_int_equal(st.streams, 1);
    down();
}

/* Uploads and reads take turns. */
static void fair_streams(void **state)
{
    struct err err;
    (void)state;
    up(1, 1);
    assert_int_equal(director_stream_ask(d, 0, 1, &err), 0);
    assert_int_equal(director_stream_ask(d, 0, 2, &err), 0);
    assert_int_equal(director_stream_ask(d, 0, 3, &err), 0);
    want(1, 0, "/a");
    want(2, 0, "/b");
    assert_string_equal(says(), "0*1");
    director_stream_done(d, 0, 3); /* not needed any more */
    director_stream_done(d, 0, 1);
    assert_string_equal(says(), "1<-O");
    got(1, 0, 1);
    assert_string_equal(says(), "0*2 1+0");
    director_stream_done(d, 0, 2);
    assert_string_equal(says(), "2<-O");
    down();
}

static void packages(void **state)
{
    struct err err;
    struct object_meta m = {0};
    (void)state;
    up(2, 1);
    for (uint32_t r = 0; r < 4; r++)
        assert_int_equal(director_want(d, r, r, OBJECT_PACKAGE, "0", &err), 0);
    assert_string_equal(says(), "0<-O 2<-O"); /* one a node, no stream */
    director_failed(d, 2, object(0), OBJECT_BLAME_SOURCE, DIRECTOR_ORIGIN,
                    FAILURE_APPLICATION_PACKAGE_ERROR, "broken");
    assert_string_equal(says(), "2!2 3!3");
    director_got(d, 0, object(0), &m);
    assert_string_equal(says(), "0+0 1+1");
    down();
}

static void wrong_inputs(void **state)
{
    struct err err;
    struct object_meta m = {0};
    static char key[DIRECTOR_MAX_KEY + 2];
    (void)state;
    up(1, 1);
    memset(key, 'a', sizeof(key) - 1);
    assert_int_equal(director_want(d, 0, 0, OBJECT_FILE, key, &err), -1);
    assert_int_equal(err.code, EINVAL);
    assert_int_equal(director_want(d, 0, 0, OBJECT_FILE, "", &err), -1);
    assert_int_equal(director_want(d, 0, 0, 9, "/a", &err), -1);
    assert_int_equal(director_want(d, RANKS, 0, OBJECT_FILE, "/a", &err), -1);
    director_got(d, RANKS, object(0), &m);
    director_got(d, 0, object(0), &m);
    director_got(d, 0, UINT64_MAX, &m);
    director_missing(d, 0, 77);
    director_stream_done(d, 0, 5);
    director_lost(d, RANKS);
    assert_string_equal(says(), "");
    for (uint32_t i = 0; i < DIRECTOR_MAX_ASKED; i++)
        want(0, i, "/a");
    assert_int_equal(director_want(d, 0, 0, OBJECT_FILE, "/a", &err), -1);
    assert_int_equal(err.code, EMFILE);
    director_lost(d, 0);
    director_lost(d, 0);
    assert_string_equal(says(), "");
    down();
    assert_null(director_create(
        &(struct director_config){.rank_count = 0, .max_streams = 1}, &err));
    assert_int_equal(err.code, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node),        cmocka_unit_test(a_tree),
        cmocka_unit_test(heirs),           cmocka_unit_test(neighbours),
        cmocka_unit_test(blames),          cmocka_unit_test(all_fail),
        cmocka_unit_test(content_differs), cmocka_unit_test(claims),
        cmocka_unit_test(evicted),         cmocka_unit_test(streams),
        cmocka_unit_test(fair_streams),    cmocka_unit_test(packages),
        cmocka_unit_test(wrong_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
