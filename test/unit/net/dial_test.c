/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
/*
 * What becomes of a dial, and who is told. Which address is tried when: dial_race_test.c.
 */
#include "unit/net/dial_rig.h"

#include "lib/oom.h"

#include <errno.h>

static void a_literal_is_dialled_without_asking_anybody(void **state)
{
    static const char *const hosts[][2] = {
        {"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}, {"[::1]", "::1"}};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct dialled dialled = {0};

        dial(&dialled, hosts[i][0], port, PATIENCE);
        turn_until_done(&dialled);
        assert_connected(&dialled, hosts[i][1]);
    }
    sock_close(&fd4);
    sock_close(&fd6);
}

static void a_closed_port_is_refused_with_its_errno(void **state)
{
    struct dialled literal = {0}, name = {0};

    (void)state;
    dial(&literal, "127.0.0.1", closed_port(), PATIENCE);
    turn_until_done(&literal);
    assert_failed(&literal, DIAL_REFUSED);
    assert_int_equal(literal.result.error, ECONNREFUSED);
    dial(&name, "both.test", closed_port(), PATIENCE);
    turn_until_done(&name);
    assert_failed(&name, DIAL_REFUSED);
    assert_int_equal(name.result.error, ECONNREFUSED);
    assert_string_equal(name.filtered, "::1 127.0.0.1 ");
}

/* Takes a second: the kernel asks again, and then is told. */
static void an_address_that_refuses_late_is_refused(void **state)
{
    struct dialled dialled = {0};
    uint16_t port = 0;
    int silent = listen_at("127.0.0.1", &port, 0), fill[4];

    (void)state;
    stop_answering(fill, 4, "127.0.0.1", port);
    dial(&dialled, "127.0.0.1", port, PATIENCE);
    assert_ok(loop_turn(loop, 0));
    assert_ok(loop_turn(loop, 0));
    assert_string_equal(dialled.filtered, "127.0.0.1 ");
    assert_int_equal(dialled.calls, 0);
    sock_close(&silent);
    turn_until_done(&dialled);
    assert_failed(&dialled, DIAL_REFUSED);
    assert_int_equal(dialled.result.error, ECONNREFUSED);
    for (size_t i = 0; i < 4; i++) {
        sock_close(&fill[i]);
    }
}

static void a_host_that_never_answers_is_given_up_in_time(void **state)
{
    struct dialled connecting = {0}, resolving = {0};
    uint16_t port = 0;
    int silent = listen_at("127.0.0.1", &port, 0), fill[4];

    (void)state;
    stop_answering(fill, 4, "127.0.0.1", port);
    dial(&connecting, "127.0.0.1", port, 60);
    dial(&resolving, "silent.test", port, 30);
    turn_until_done(&resolving);
    assert_failed(&resolving, DIAL_TIMEOUT);
    assert_true(loop_now(loop) - resolving.started >= 30);
    turn_until_done(&connecting);
    assert_failed(&connecting, DIAL_TIMEOUT);
    assert_true(loop_now(loop) - connecting.started >= 60);
    for (size_t i = 0; i < 4; i++) {
        sock_close(&fill[i]);
    }
    sock_close(&silent);
}

static void names_that_lead_nowhere_say_why(void **state)
{
    struct dialled unknown = {0}, broken = {0}, empty = {0};

    (void)state;
    dial(&unknown, "nowhere.test", 80, PATIENCE);
    dial(&broken, "broken.test", 80, PATIENCE);
    dial(&empty, "", 80, MSEC_NEVER);
    turn_until_done(&unknown);
    turn_until_done(&broken);
    turn_until_done(&empty);
    assert_failed(&unknown, DIAL_NO_NAME);
    assert_failed(&broken, DIAL_DNS_FAILED);
    assert_failed(&empty, DIAL_NO_NAME);
}

static void a_name_too_long_for_dns_is_refused_at_the_start(void **state)
{
    char name[300] = "";
    const struct dial_request request = {.host = span_of(name, sizeof name), .done = on_done};
    struct dial *none = NULL;

    (void)state;
    memset(name, 'a', sizeof name);
    assert_int_equal(dial_start(loop, resolver, &request, &none), ERR_LIMIT);
    assert_null(none);
}

static void on_opened(void *ctx, int fd, const struct addr *remote)
{
    struct addr local;

    assert_ok(sock_local_addr(fd, &local)); /* it has begun: the system has chosen a port */
    assert_int_not_equal(addr_port(&local), 0);
    *(struct addr *)ctx = *remote;
}

static void on_opened_done(void *ctx, const struct dial_result *result)
{
    int fd = result->fd;

    (void)ctx;
    sock_close(&fd);
}

static void every_attempt_is_told_of(void **state)
{
    struct dialled until = {.calls = 0};
    struct addr seen = {0};
    uint16_t port = 0;
    int listen_fd = listen_at("127.0.0.1", &port, 8);
    struct dial *handle;
    const struct dial_request request = {.host = SPAN("127.0.0.1"),
                                         .port = port,
                                         .timeout = PATIENCE,
                                         .opened = on_opened,
                                         .done = on_opened_done,
                                         .ctx = &seen};

    (void)state;
    assert_ok(dial_start(loop, resolver, &request, &handle));
    dial(&until, "127.0.0.1", port, PATIENCE);
    turn_until_done(&until);
    assert_connected(&until, "127.0.0.1");
    assert_int_equal(addr_port(&seen), port);
    sock_close(&listen_fd);
}

static void a_source_of_another_family_reaches_nobody(void **state)
{
    struct dialled dialled = {.calls = 0};
    struct addr source;
    const struct dial_request request = {.host = SPAN("127.0.0.1"),
                                         .port = 80,
                                         .source = &source,
                                         .timeout = PATIENCE,
                                         .done = on_done,
                                         .ctx = &dialled};

    (void)state;
    assert_true(addr_parse(SPAN("2001:db8::5"), 0, &source));
    dialled.started = loop_now(loop);
    assert_ok(dial_start(loop, resolver, &request, &dialled.dial));
    turn_until_done(&dialled);
    assert_failed(&dialled, DIAL_REFUSED);
    assert_int_equal(dialled.result.error, EAFNOSUPPORT);
}

static void a_dial_may_be_cancelled_at_any_moment(void **state)
{
    static const char *const hosts[] = {"both.test", "127.0.0.1", "nowhere.test", "v4.test"};
    uint16_t port;
    int fd6, fd4 = listen_on_both(&port, &fd6);

    (void)state;
    sock_close(&fd6);
    for (size_t host = 0; host < sizeof hosts / sizeof hosts[0]; host++) {
        for (int turns = 0; turns < 12; turns++) {
            struct dialled dialled = {0};

            dial(&dialled, hosts[host], port, PATIENCE);
            for (int i = 0; i < turns; i++) {
                assert_ok(loop_turn(loop, 0));
            }
            if (dialled.calls == 0) {
                dial_cancel(dialled.dial);
                dialled.calls = -1;
                assert_ok(loop_turn(loop, 0));
                assert_int_equal(dialled.calls, -1);
            } else {
                sock_close(&dialled.result.fd);
            }
        }
    }
    dial_cancel(NULL);
    sock_close(&fd4);
}

static void done_may_dial_again(void **state)
{
    struct dialled second = {0}, first = {.then = &second};
    uint16_t port = 0;
    int fd = listen_at("127.0.0.1", &port, 8);

    (void)state;
    dial(&first, "v4.test", port, PATIENCE);
    turn_until_done(&first);
    assert_connected(&first, "127.0.0.1");
    turn_until_done(&second);
    assert_connected(&second, "127.0.0.1");
    sock_close(&fd);
}

static void start_and_cancel(void)
{
    static const char *const hosts[] = {"127.0.0.1", "both.test"};
    struct loop *mine = NULL;
    struct resolver *my_resolver = NULL;

    if (loop_new(&mine) == OK && resolver_new(&my_resolver, mine) == OK &&
        resolver_use_servers(my_resolver, "127.0.0.1:9", PATIENCE, 1) == OK) {
        for (size_t i = 0; i < 2; i++) {
            const struct dial_request request = {
                .host = span_str(hosts[i]), .port = 9, .timeout = 1000, .done = on_done};
            struct dial *started = NULL;

            if (dial_start(mine, my_resolver, &request, &started) != OK) {
                assert_null(started);
            }
            dial_cancel(started);
        }
    }
    resolver_free(my_resolver);
    loop_free(mine);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    every_oom(start_and_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DNS(a_literal_is_dialled_without_asking_anybody),
        WITH_DNS(a_closed_port_is_refused_with_its_errno),
        WITH_DNS(an_address_that_refuses_late_is_refused),
        WITH_DNS(a_host_that_never_answers_is_given_up_in_time),
        WITH_DNS(names_that_lead_nowhere_say_why),
        WITH_DNS(a_name_too_long_for_dns_is_refused_at_the_start),
        WITH_DNS(every_attempt_is_told_of),
        WITH_DNS(a_source_of_another_family_reaches_nobody),
        WITH_DNS(a_dial_may_be_cancelled_at_any_moment),
        WITH_DNS(done_may_dial_again),
        cmocka_unit_test(running_out_of_memory_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
