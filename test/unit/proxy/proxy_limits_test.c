/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "proxy/proxy_limits.h"

#include "lib/oom.h"
#include "lib/testing.h"

#include <pthread.h>

static struct span client(const char *text, uint8_t *room)
{
    struct addr addr;

    assert_true(addr_parse(span_str(text), 1, &addr));
    return proxy_limits_client(&addr, room);
}

static void a_key_holds_as_many_as_it_may(void **state)
{
    uint8_t room[PROXY_LIMITS_KEY_BYTES];
    struct proxy_limits_hold *holds[3];
    struct proxy_limits *limits;
    struct span key = client("192.0.2.1", room);

    (void)state;
    assert_ok(proxy_limits_new(&limits, 100));
    assert_ok(proxy_limits_take(limits, key, 2, &holds[0]));
    assert_ok(proxy_limits_take(limits, key, 2, &holds[1]));
    assert_int_equal(proxy_limits_take(limits, key, 2, &holds[2]), ERR_LIMIT);
    proxy_limits_give(limits, holds[0]);
    assert_ok(proxy_limits_take(limits, key, 2, &holds[0]));
    proxy_limits_give(limits, holds[0]);
    proxy_limits_give(limits, holds[1]);
    assert_ok(proxy_limits_take(limits, key, 0, &holds[0])); /* no limit, no hold */
    assert_null(holds[0]);
    proxy_limits_give(limits, NULL);
    proxy_limits_free(limits); /* asserts that nobody holds anything */
}

static void clients_are_addresses_and_networks_of_64_bits(void **state)
{
    uint8_t rooms[2][PROXY_LIMITS_KEY_BYTES];

    (void)state;
    assert_false(span_equal(client("192.0.2.1", rooms[0]), client("192.0.2.2", rooms[1])));
    assert_bytes(client("192.0.2.1", rooms[0]), client("::ffff:192.0.2.1", rooms[1]));
    assert_bytes(client("2001:db8::1", rooms[0]), client("2001:db8::ffff:1", rooms[1]));
    assert_false(
        span_equal(client("2001:db8::1", rooms[0]), client("2001:db8:0:1::1", rooms[1])));
    assert_false(span_equal(proxy_limits_user(SPAN("anna"), rooms[0]),
                            proxy_limits_user(SPAN("Anna"), rooms[1])));
    assert_int_equal(proxy_limits_user(span_of(rooms[1], 0), rooms[0]).len, 1);
}

static void a_long_name_is_cut(void **state)
{
    uint8_t room[PROXY_LIMITS_KEY_BYTES];
    char name[400];

    (void)state;
    memset(name, 'a', sizeof name);
    assert_int_equal(proxy_limits_user(span_of(name, sizeof name), room).len,
                     PROXY_LIMITS_KEY_BYTES);
}

enum {
    THREADS = 4,
    TIMES = 20000,
    MOST = 3,
};

static struct proxy_limits *shared;

static void *take_and_give(void *unused)
{
    uint8_t room[PROXY_LIMITS_KEY_BYTES];

    for (int i = 0; i < TIMES; i++) {
        struct span key = proxy_limits_user(i % 2 == 0 ? SPAN("anna") : SPAN("bert"), room);
        struct proxy_limits_hold *hold = NULL;

        if (proxy_limits_take(shared, key, MOST, &hold) == OK) {
            proxy_limits_give(shared, hold);
        }
    }
    return unused;
}

static void threads_agree_about_the_count(void **state)
{
    pthread_t threads[THREADS];
    uint8_t room[PROXY_LIMITS_KEY_BYTES];
    struct proxy_limits_hold *holds[MOST];

    (void)state;
    assert_ok(proxy_limits_new(&shared, 100));
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < MOST; i++) { /* all are free again */
        assert_ok(
            proxy_limits_take(shared, proxy_limits_user(SPAN("anna"), room), MOST, &holds[i]));
    }
    for (size_t i = 0; i < MOST; i++) {
        proxy_limits_give(shared, holds[i]);
    }
    proxy_limits_free(shared);
}

static void take_one(void)
{
    uint8_t room[PROXY_LIMITS_KEY_BYTES];
    struct proxy_limits_hold *hold = NULL;
    struct proxy_limits *limits = NULL;

    if (proxy_limits_new(&limits, 10) == OK) {
        enum err e = proxy_limits_take(limits, proxy_limits_user(SPAN("a"), room), 1, &hold);

        assert_true(e == OK || e == ERR_NOMEM);
        proxy_limits_give(limits, hold);
    }
    proxy_limits_free(limits);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(take_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_holds_as_many_as_it_may),
        cmocka_unit_test(clients_are_addresses_and_networks_of_64_bits),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(threads_agree_about_the_count),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
