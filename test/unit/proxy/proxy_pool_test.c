/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_pool.h"

#include "io/sock.h"
#include "lib/loopback.h"
#include "lib/oom.h"
#include "net/stream_tcp.h"

#include <stdlib.h>

enum {
    PAIRS_MAX = 5
};

struct rig {
    struct loop *loop;
    struct proxy_pool pool;
    struct stream *far[PAIRS_MAX];
};

static const struct proxy_pool_limits roomy = {.per_key = 2, .total = 3, .idle_timeout = 60000};
static const struct proxy_pool_key a = {.host = SPAN_INIT("a.example"), .port = 80};

static struct rig *rig_new(const struct proxy_pool_limits *limits)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    assert_ok(loop_new(&rig->loop));
    proxy_pool_init(&rig->pool, rig->loop, limits);
    return rig;
}

static void rig_free(struct rig *rig)
{
    proxy_pool_fini(&rig->pool);
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        stream_free(rig->far[i]);
    }
    loop_free(rig->loop);
    free(rig);
}

/* A connection whose other end is rig->far[i]. */
static struct stream *make(struct rig *rig, size_t i)
{
    struct stream *near = NULL;
    int fds[2];

    loopback_tcp_pair(fds);
    loopback_streams(rig->loop, fds, &near, &rig->far[i]);
    loopback_settle(rig->loop);
    return near;
}

static void give(struct rig *rig, const struct proxy_pool_key *key, struct stream *stream)
{
    proxy_pool_give(&rig->pool, key, &stream);
    assert_null(stream);
}

static struct stream *take(struct rig *rig, const struct proxy_pool_key *key)
{
    return proxy_pool_take(&rig->pool, key, NULL, NULL);
}

static bool is_closed(struct rig *rig, size_t i)
{
    uint8_t byte;
    size_t len = 1;

    loopback_settle(rig->loop);
    return stream_read(rig->far[i], mspan_of(&byte, 1), &len) != ERR_AGAIN;
}

static void the_last_one_given_is_the_first_one_taken(void **state)
{
    struct rig *rig = rig_new(&roomy);
    struct stream *first = make(rig, 0);
    struct stream *second = make(rig, 1);

    (void)state;
    assert_null(take(rig, &a));
    give(rig, &a, first);
    give(rig, &a, second);
    assert_int_equal(rig->pool.count, 2);
    assert_ptr_equal(take(rig, &a), second);
    assert_ptr_equal(take(rig, &a), first);
    assert_null(take(rig, &a));
    assert_int_equal(rig->pool.reused, 2);
    assert_int_equal(rig->pool.count, 0);
    assert_false(timer_is_set(&rig->pool.timer));
    stream_free(first);
    stream_free(second);
    rig_free(rig);
}

static void only_the_same_key_matches(void **state)
{
    static const struct proxy_pool_key others[] = {
        {.host = SPAN_INIT("b.example"), .port = 80},
        {.host = SPAN_INIT("a.example"), .port = 8080},
        {.host = SPAN_INIT("a.example"), .port = 80, .is_tls = true},
        {.host = SPAN_INIT("a.example"), .port = 80, .parent = SPAN_INIT("p:3128")},
        {.host = SPAN_INIT("a.example."), .port = 80},
        {.host = SPAN_INIT("a.exampl"), .port = 80, .parent = SPAN_INIT("e")},
    };
    const struct proxy_pool_key capitals = {.host = SPAN("A.Example"), .port = 80};
    struct rig *rig = rig_new(&roomy);
    struct stream *stream = make(rig, 0);

    (void)state;
    give(rig, &a, stream);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(take(rig, &others[i]));
    }
    assert_ptr_equal(take(rig, &capitals), stream);
    stream_free(stream);
    rig_free(rig);
}

static void the_oldest_goes_when_it_is_full(void **state)
{
    const struct proxy_pool_key b = {.host = SPAN("b"), .port = 80};
    const struct proxy_pool_key c = {.host = SPAN("c"), .port = 80};
    struct rig *rig = rig_new(&roomy);

    (void)state;
    give(rig, &a, make(rig, 0));
    give(rig, &a, make(rig, 1));
    give(rig, &a, make(rig, 2)); /* over per_key */
    assert_int_equal(rig->pool.count, 2);
    assert_true(is_closed(rig, 0));
    give(rig, &b, make(rig, 3));
    assert_int_equal(rig->pool.count, 3);
    give(rig, &c, make(rig, 4)); /* over total */
    assert_int_equal(rig->pool.count, 3);
    assert_true(is_closed(rig, 1));
    assert_false(is_closed(rig, 2));
    assert_int_equal(rig->pool.closed, 2);
    rig_free(rig);
}

static void a_limit_of_nothing_keeps_nothing(void **state)
{
    static const struct proxy_pool_limits none = {.per_key = 2, .idle_timeout = 1000};
    struct rig *rig = rig_new(&none);

    (void)state;
    give(rig, &a, make(rig, 0));
    assert_int_equal(rig->pool.count, 0);
    assert_true(is_closed(rig, 0));
    rig_free(rig);
}

static bool is_empty(void *ctx)
{
    return ((struct rig *)ctx)->pool.count == 0;
}

static void what_idles_too_long_is_closed(void **state)
{
    static const struct proxy_pool_limits brief = {.per_key = 2, .total = 3, .idle_timeout = 1};
    struct rig *rig = rig_new(&brief);

    (void)state;
    give(rig, &a, make(rig, 0));
    give(rig, &a, make(rig, 1));
    loopback_turn_until(rig->loop, is_empty, rig);
    assert_true(is_closed(rig, 0) && is_closed(rig, 1));
    rig_free(rig);
}

static void a_server_that_closes_or_speaks_while_idle_is_dropped(void **state)
{
    struct rig *rig = rig_new(&roomy);

    (void)state;
    give(rig, &a, make(rig, 0));
    loopback_shutdown(rig->loop, rig->far[0]);
    loopback_turn_until(rig->loop, is_empty, rig);
    give(rig, &a, make(rig, 1));
    loopback_send(rig->loop, rig->far[1], SPAN("HTTP/1.1 408 Request Timeout\r\n\r\n"));
    loopback_turn_until(rig->loop, is_empty, rig);
    assert_null(take(rig, &a));
    assert_int_equal(rig->pool.closed, 2);
    rig_free(rig);
}

static void what_has_something_to_read_is_not_kept(void **state)
{
    struct rig *rig = rig_new(&roomy);
    struct stream *near = make(rig, 0);

    (void)state;
    loopback_send(rig->loop, rig->far[0], SPAN("stray"));
    loopback_settle(rig->loop);
    give(rig, &a, near);
    assert_int_equal(rig->pool.count, 0);
    rig_free(rig);
}

static bool refuses(void *ctx, const struct addr *addr)
{
    (*(unsigned *)ctx)++;
    assert_int_equal(addr->sa.any.sa_family, AF_INET);
    return false;
}

static void an_address_that_the_client_may_not_reach_is_not_handed_out(void **state)
{
    struct rig *rig = rig_new(&roomy);
    struct stream *near = make(rig, 0);
    unsigned asked = 0;

    (void)state;
    give(rig, &a, near);
    assert_null(proxy_pool_take(&rig->pool, &a, refuses, &asked));
    assert_int_equal(asked, 1);
    assert_ptr_equal(take(rig, &a), near);
    stream_free(near);
    rig_free(rig);
}

static void a_key_that_is_too_long_is_not_kept(void **state)
{
    static const char name[700] = "x";
    const struct proxy_pool_key key = {.host = span_of(name, sizeof name), .port = 80};
    struct rig *rig = rig_new(&roomy);

    (void)state;
    give(rig, &key, make(rig, 0));
    assert_int_equal(rig->pool.count, 0);
    assert_null(take(rig, &key));
    rig_free(rig);
}

static struct rig *oom_rig;

static void give_while_memory_fails(void)
{
    struct stream *near;
    int fds[2];

    loopback_tcp_pair(fds);
    if (stream_tcp_new(&near, oom_rig->loop, &fds[0]) == OK) {
        loopback_settle(oom_rig->loop);
        give(oom_rig, &a, near);
        assert_int_equal(oom_rig->pool.count, oom_has_struck() ? 0 : 1);
        stream_free(take(oom_rig, &a));
    }
    sock_close(&fds[0]);
    sock_close(&fds[1]);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    oom_rig = rig_new(&roomy);
    (void)state;
    every_oom(give_while_memory_fails);
    rig_free(oom_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_given_is_the_first_one_taken),
        cmocka_unit_test(only_the_same_key_matches),
        cmocka_unit_test(the_oldest_goes_when_it_is_full),
        cmocka_unit_test(a_limit_of_nothing_keeps_nothing),
        cmocka_unit_test(what_idles_too_long_is_closed),
        cmocka_unit_test(a_server_that_closes_or_speaks_while_idle_is_dropped),
        cmocka_unit_test(what_has_something_to_read_is_not_kept),
        cmocka_unit_test(an_address_that_the_client_may_not_reach_is_not_handed_out),
        cmocka_unit_test(a_key_that_is_too_long_is_not_kept),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
